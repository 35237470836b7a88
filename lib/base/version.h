/* version: the version that all programs share. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define ORDER_TOOLS_VERSION "0.1.0"

#endif
