/*
 * Lists of URLs: understood or refused, and what is shown of them is safe to be shown.
 */
#include "amqp/broker_options.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct broker_options options = {0};
    char *urls = calloc(size + 1, 1);

    assert(urls != NULL);
    memcpy(urls, data, size);
    options.url = urls;
    if (broker_options_resolve(&options) == EXIT_OK) {
        assert(options.endpoint_count > 0);
        for (size_t i = 0; i < options.endpoint_count; i++) {
            const struct endpoint *endpoint = &options.endpoints[i];

            assert(
                text_is_printable(endpoint->name, strlen(endpoint->name), sizeof endpoint->name));
            assert(endpoint->query.heartbeat_s >= -1 && endpoint->query.frame_max >= -1);
            assert(*endpoint->vhost != '\0' && endpoint->port >= 0 && endpoint->port <= 65535);
        }
    }
    broker_options_free(&options);
    free(urls);
    return 0;
}
