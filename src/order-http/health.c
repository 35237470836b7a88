#include "health.h"

#include "reader.h"
#include "request.h"

#include "base/memory.h"
#include "place/placement.h"

#include <stdio.h>
#include <string.h>

void health(struct service *service, struct request *request)
{
    static const char body[] = "{\"status\": \"ok\"}\n";

    (void)service;
    answer_json(&request->answer, 200, xstrdup(body), strlen(body));
}

void ready(struct service *service, struct request *request)
{
    bool store = reader_is_well(service);
    bool is_connected = placement_is_connected(service->placement);
    bool is_blocked = placement_is_blocked(service->placement);
    bool is_ready = store && is_connected && !is_blocked;
    const char *broker = is_blocked ? "blocked" : is_connected ? "connected" : "away";
    char body[128];
    int len =
        snprintf(body, sizeof body, "{\"status\": \"%s\", \"store\": \"%s\", \"broker\": \"%s\"}\n",
                 is_ready ? "ready" : "not ready", store ? "ok" : "not readable", broker);

    answer_json(&request->answer, is_ready ? 200 : 503, xstrdup(body), (size_t)len);
    if (!is_ready)
        answer_add(&request->answer, "Retry-After", "1");
}
