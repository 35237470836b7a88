#include "amqp/channel.h"

bool channel_closed(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
}

bool channel_closed_with(amqp_rpc_reply_t reply, uint16_t reply_code)
{
    return channel_closed(reply) &&
           ((const amqp_channel_close_t *)reply.reply.decoded)->reply_code == reply_code;
}

bool channel_says_missing(amqp_rpc_reply_t reply)
{
    const amqp_channel_close_t *method = reply.reply.decoded;

    return channel_closed(reply) && connection_says_missing(method->reply_code, method->reply_text);
}

enum exit_code channel_reopen(struct connection *connection)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_channel_close_ok_t ok = {0};
    enum exit_code code = connection_status(
        connection, amqp_send_method(state, CONNECTION_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok),
        "cannot close a channel");

    if (code != EXIT_OK)
        return code;
    (void)amqp_channel_open(connection_state(connection), CONNECTION_CHANNEL);
    return connection_reply(connection, amqp_get_rpc_reply(state), "cannot open a channel");
}

enum exit_code channel_refusal(struct connection *connection, const char *what,
                               enum exit_code *refused)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection_state(connection));
    bool is_refusal = channel_closed(reply);
    bool is_missing = channel_says_missing(reply);
    enum exit_code code = connection_reply(connection, reply, what);

    *refused = EXIT_OK;
    if (is_refusal) {
        *refused = is_missing ? EXIT_OK : code;
        code = channel_reopen(connection);
    }
    if (code != EXIT_OK)
        connection_lose(connection);
    return code;
}
