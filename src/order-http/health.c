#include "health.h"

#include "request.h"

#include "base/memory.h"

#include <string.h>

void health(struct service *service, struct request *request)
{
    static const char alive[] = "{\"status\": \"ok\"}";

    (void)service;
    answer_json(&request->answer, 200, xstrdup(alive), strlen(alive));
}
