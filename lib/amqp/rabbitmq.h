/* rabbitmq: the headers of rabbitmq-c, which are in a folder of its name from version 0.12 on. */
#ifndef AMQP_RABBITMQ_H
#define AMQP_RABBITMQ_H

/* cppcheck-suppress preprocessorErrorDirective ; it does not know this question */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#endif
