#include "cors.h"

#include "service.h"

#include <string.h>

#define MAX_AGE "600"

static bool is_allowed(struct request *request)
{
    const char *allowed = request->service->settings->allow_origin;
    const char *origin = request_header(request, "Origin");

    return allowed != NULL && origin != NULL &&
           (strcmp(allowed, "*") == 0 || strcmp(allowed, origin) == 0);
}

void cors_allow(struct request *request)
{
    const char *allowed = request->service->settings->allow_origin;

    if (allowed != NULL && strcmp(allowed, "*") != 0)
        answer_add(&request->answer, "Vary", "Origin");
    if (!is_allowed(request))
        return;
    answer_add(&request->answer, "Access-Control-Allow-Origin", "%s", allowed);
    answer_add(&request->answer, "Access-Control-Expose-Headers",
               "ETag, Link, Location, Retry-After");
}

void cors_preflight(struct request *request, const char *allow)
{
    if (!is_allowed(request) || request_header(request, "Access-Control-Request-Method") == NULL)
        return;
    answer_add(&request->answer, "Access-Control-Allow-Methods", "%s", allow);
    answer_add(&request->answer, "Access-Control-Allow-Headers",
               "Authorization, Content-Type, Idempotency-Key, If-None-Match");
    answer_add(&request->answer, "Access-Control-Max-Age", MAX_AGE);
}
