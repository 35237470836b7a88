/* input: the orders or skus that standard input names, taken one after the other. */
#ifndef INVENTORY_STOCK_INPUT_H
#define INVENTORY_STOCK_INPUT_H

#include "base/report.h"
#include "order/id_stream.h"

#include <stdbool.h>

struct input {
    enum id_stream_kind kind;
    enum exit_code (*take)(void *context, const char *id); /* id is valid until it returns */
    enum exit_code (*finish)(void *context);               /* does and answers what was taken */
    void *context;                                         /* of both */
    bool *some_refused; /* set to true if some input was refused, which is reported, or not read */
};

/*
 * Calls take for each id in standard input, and finish before each wait for more and at the end,
 * which a stop brings about, too. Returns EXIT_OK; EXIT_OUTPUT; or what take or finish has returned
 * other than EXIT_OK, at once.
 */
enum exit_code input_take(const struct input *input);

#endif
