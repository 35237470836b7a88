#include "openapi.h"

#include "request.h"

#include "base/memory.h"

void openapi(struct service *service, struct request *request)
{
    char *body = xmemdup_text((const char *)openapi_json, openapi_json_len);

    (void)service;
    answer_json(&request->answer, 200, body, openapi_json_len);
}
