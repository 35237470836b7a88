#include "reader.h"

#include "base/uuid.h"
#include "store/orders.h"

void reader_failed(struct service *service, struct answer *answer)
{
    if (!service->reader->operations->may_pass(service->reader))
        service->failure = EXIT_STORE;
    answer_problem(answer, 503, NULL, "the store cannot be read");
    answer_add(answer, "Retry-After", "1");
}

static bool ignore(void *context, size_t index, const struct stored_order *order)
{
    (void)context;
    (void)index;
    (void)order;
    return true;
}

bool reader_is_well(struct service *service)
{
    static const unsigned char nobody[1][UUID_BYTES];

    enum exit_code code =
        service->reader->operations->find(service->reader, nobody, 1, ignore, NULL);

    if (code != EXIT_OK && !service->reader->operations->may_pass(service->reader))
        service->failure = first_failure(service->failure, code);
    return code == EXIT_OK;
}
