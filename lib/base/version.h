/* version: of all the programs together. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define ORDER_TOOLS_VERSION "0.1.0"

#endif
