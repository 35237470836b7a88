#include "list_orders.h"

#include "list_query.h"
#include "listing.h"
#include "reader.h"
#include "request.h"

#include "base/text.h"
#include "base/uuid.h"
#include "store/orders.h"

#include <string.h>

/* ---- the parameters ---- */

#define SHOWN_MAX 64 /* bytes of the name of an unknown parameter */

struct question {
    struct request *request;
    struct list_query query;
};

static bool take_parameter(void *context, const char *name, const char *value)
{
    struct question *question = context;
    const char *reason = list_query_take(&question->query, name, value);
    const char *shown = printable_up_to(SHOWN_MAX, name, strlen(name));

    if (reason != NULL)
        answer_problem(&question->request->answer, 400, shown, "%s %s", shown, reason);
    return reason == NULL;
}

static bool keep_key(void *context, size_t index, const struct stored_order *order)
{
    int64_t *key = context;

    (void)index;
    *key = order == NULL ? -1 : order->key;
    return true;
}

/* Sets *key to that of the order that the list is to follow, 0 for none. Answers and returns false
 * if there is no such order. */
static bool find_start(struct service *service, struct question *question, int64_t *key)
{
    struct orders *reader = service->reader;
    struct answer *answer = &question->request->answer;

    *key = 0;
    if (!question->query.has_after)
        return true;
    if (reader->operations->find(reader, (const unsigned char(*)[UUID_BYTES])question->query.after,
                                 1, keep_key, key) != EXIT_OK)
        reader_failed(service, answer);
    else if (*key < 0)
        answer_problem(answer, 400, "after", "after names no order that is stored");
    return answer->status == 0;
}

/* ---- the list ---- */

static ssize_t read_listing(void *context, char *buffer, size_t max)
{
    return listing_read(context, buffer, max);
}

static void release_listing(void *context)
{
    listing_free(context);
}

/* Ends the list with the page that was asked for. */
static enum exit_code end_page(struct question *question, struct listing *listing)
{
    unsigned char last[UUID_BYTES];
    char link[LIST_QUERY_LINK_SIZE];
    bool more;
    enum exit_code code = listing_limit(listing, question->query.limit, &more, last);

    if (code != EXIT_OK || !more)
        return code;
    list_query_next(&question->query, last, link);
    answer_add(&question->request->answer, "Link", "%s", link);
    return EXIT_OK;
}

void list_orders(struct service *service, struct request *request)
{
    struct question question = {.request = request};
    struct listing *listing;
    enum exit_code code = EXIT_OK;
    int64_t after;

    request_each_query(request, take_parameter, &question);
    if (request->answer.status != 0 || !find_start(service, &question, &after))
        return;
    listing = listing_new(service->reader,
                          question.query.has_status ? &question.query.status : NULL, after);
    if (question.query.limit > 0)
        code = end_page(&question, listing);
    else if (!reader_is_well(service))
        code = EXIT_STORE;
    if (code != EXIT_OK) {
        listing_free(listing);
        reader_failed(service, &request->answer);
        return;
    }
    answer_stream(&request->answer, 200, read_listing, release_listing, listing);
}
