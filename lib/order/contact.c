#include "order/contact.h"

#include "base/text.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

static bool check_string(const char *string, struct order_fault *fault)
{
    if (*string == '\0')
        return order_refuse(fault, "contact is empty");
    return text_is_printable(string, strlen(string), ORDER_MAX_CONTACT) ||
           order_refuse(fault, "contact has a control character");
}

static bool check(const char *text, struct order_fault *fault)
{
    const char *reason;
    cJSON *tree;
    bool is_sound;

    if (*text != '"' && *text != '{')
        return order_refuse(fault, "contact is not a string or an object");
    if (strlen(text) > ORDER_MAX_CONTACT)
        return order_refuse(fault, "contact is longer than %d bytes", ORDER_MAX_CONTACT);
    tree = json_parse(text, strlen(text), &reason);
    if (tree == NULL)
        return order_refuse(fault, "contact is ambiguous: %s", reason);
    is_sound = !cJSON_IsString(tree) || check_string(tree->valuestring, fault);
    cJSON_Delete(tree);
    return is_sound;
}

bool contact_read(struct order_reader *reader)
{
    const struct json_field *field = &reader->fields[CONTACT];
    size_t len;
    char *text;

    if (field->is_twice)
        return order_refuse(reader->fault, "contact is there twice");
    if (field->value == NULL)
        return true;
    text = json_shown(field->value, (size_t)(json_walk_past(field->value) - field->value), &len);
    text[json_compact(text, len)] = '\0';
    if (!check(text, reader->fault)) {
        free(text);
        return false;
    }
    reader->order->contact = text;
    return true;
}

void contact_read_if_sound(struct order_reader *reader)
{
    struct order_fault ignored;
    struct order_fault *fault = reader->fault;

    reader->fault = &ignored;
    (void)contact_read(reader);
    reader->fault = fault;
}
