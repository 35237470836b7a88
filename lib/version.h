/* version: of all the programs together. */
#ifndef VERSION_H
#define VERSION_H

#define ORDER_TOOLS_VERSION "0.1.0"

#endif
