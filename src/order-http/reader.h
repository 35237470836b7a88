/*
 * reader: what handlers have in common that read the store.
 */
#ifndef ORDER_HTTP_READER_H
#define ORDER_HTTP_READER_H

#include "answer.h"
#include "service.h"

#include <stdbool.h>

/* Answers 503: the store could not be read, which was reported. Sets service->failure. */
void reader_failed(struct service *service, struct answer *answer);

/* Returns whether the store can be read, and its files are in place. Otherwise that is reported,
 * and service->failure set. */
bool reader_is_well(struct service *service);

#endif
