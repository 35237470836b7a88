#include "json/output.h"

#include "base/output.h"
#include "base/text.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

enum exit_code output_json_text(const char *text, size_t len)
{
    size_t shown_len;
    char *shown;
    enum exit_code code;

    if (text_plain_run(text, len) == len)
        return output_line(text, len);
    shown = json_shown(text, len, &shown_len);
    code = output_line(shown, shown_len);
    free(shown);
    return code;
}

enum exit_code output_json(cJSON *tree)
{
    char *text = json_print(tree);
    enum exit_code code = output_json_text(text, strlen(text));

    cJSON_free(text);
    cJSON_Delete(tree);
    return code;
}
