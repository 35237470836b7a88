/*
 * answer: libmicrohttpd without the program: answers each request to PORT of this machine at once
 * with 202 and a receipt, and reads, stores and publishes nothing. SIGTERM ends it.
 *
 *   answer PORT
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* An MHD_AccessHandlerCallback. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    static int seen;

    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_ACCEPTED, context);
}

static struct MHD_Response *new_response(void)
{
    static char body[] =
        "{\"order_id\": \"01890a5d-ac96-774b-bcce-b302099a8057\", \"status\": \"PLACED\"}\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);

    if (response != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    return response;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Response *response = new_response();
    struct MHD_Daemon *server;
    sigset_t end;
    int signal_number;

    if (argc != 2 || response == NULL) {
        (void)fputs("usage: answer PORT\n", stderr);
        return 1;
    }
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &end, NULL);
    server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                              answer, response, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (server == NULL)
        return 1;
    (void)sigwait(&end, &signal_number);
    MHD_stop_daemon(server);
    MHD_destroy_response(response);
    return 0;
}
