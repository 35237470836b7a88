#include "show_order.h"

#include "etag.h"
#include "reader.h"
#include "request.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "store/order_line.h"
#include "store/orders.h"

/* A 304 is made with the body, too: its Content-Length has to be that of a 200 (RFC 9110, section
 * 8.6), and the body itself is not sent. */
static void answer_with(struct request *request, const struct stored_order *order)
{
    const char *known = request_header(request, "If-None-Match");
    char *body = xmalloc(order_line_size(order) + 1);
    size_t len = order_line(order, body);
    char etag[ETAG_SIZE];

    body[len++] = '\n';
    etag_of(order, etag);
    if (known != NULL && etag_is_in(etag, known))
        answer_text(&request->answer, 304, NULL, body, len);
    else
        answer_json(&request->answer, 200, body, len);
    answer_add(&request->answer, "ETag", "%s", etag);
    answer_add(&request->answer, "Cache-Control", "no-cache");
}

static bool show(void *context, size_t index, const struct stored_order *order)
{
    struct request *request = context;

    (void)index;
    if (order != NULL) {
        uuid_to_text(order->id, request->order_id);
        answer_with(request, order);
    }
    return true;
}

void show_order(struct service *service, struct request *request)
{
    unsigned char id[1][UUID_BYTES];
    enum exit_code code = EXIT_OK;

    if (uuid_from_text(request->argument, id[0]))
        code = service->reader->operations->find(
            service->reader, (const unsigned char(*)[UUID_BYTES])id, 1, show, request);
    if (code != EXIT_OK)
        reader_failed(service, &request->answer);
    else if (request->answer.status == 0)
        answer_problem(&request->answer, 404, "order_id", "there is no order '%s'",
                       printable_text(request->argument));
}
