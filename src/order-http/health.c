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
    bool broker = placement_is_connected(service->placement);
    char body[128];
    int len =
        snprintf(body, sizeof body, "{\"status\": \"%s\", \"store\": \"%s\", \"broker\": \"%s\"}\n",
                 store && broker ? "ready" : "not ready", store ? "ok" : "not readable",
                 broker ? "connected" : "away");

    answer_json(&request->answer, store && broker ? 200 : 503, xstrdup(body), (size_t)len);
    if (request->answer.status == 503)
        answer_add(&request->answer, "Retry-After", "1");
}
