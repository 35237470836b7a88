/*
 * cors: which pages of a browser may ask (the Fetch standard): those of --allow-origin.
 */
#ifndef ORDER_HTTP_CORS_H
#define ORDER_HTTP_CORS_H

#include "request.h"

/* Adds to the answer of a request what lets the page that asks read it, if it may. */
void cors_allow(struct request *request);

/* Adds to the answer to a preflight what the page may send, if it may ask at all; nothing to an
 * answer to anything else. allow are the methods of the path. */
void cors_preflight(struct request *request, const char *allow);

#endif
