/*
 * openapi: GET /openapi.json: this API as OpenAPI 3.1.
 */
#ifndef ORDER_HTTP_OPENAPI_H
#define ORDER_HTTP_OPENAPI_H

#include "service.h"

#include <stddef.h>

/* The file openapi.json beside this one, with the version of the programs: made by the Makefile. */
extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

handler openapi;

#endif
