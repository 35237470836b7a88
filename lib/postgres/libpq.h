/*
 * libpq: PostgreSQL's client library, loaded when the first database is opened.
 *
 * It loads twenty other libraries, which no program needs that keeps its data in a file: so it is
 * opened at run time, and its functions are called through a table:
 *
 *     libpq.PQfinish(connection);
 */
#ifndef POSTGRES_LIBPQ_H
#define POSTGRES_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>

#define LIBPQ_FUNCTIONS(X) \
    X(PQclear)             \
    X(PQcmdStatus)         \
    X(PQcmdTuples)         \
    X(PQconnectdbParams)   \
    X(PQconninfoFree)      \
    X(PQconninfoParse)     \
    X(PQconsumeInput)      \
    X(PQenterPipelineMode) \
    X(PQerrorMessage)      \
    X(PQexitPipelineMode)  \
    X(PQfinish)            \
    X(PQflush)             \
    X(PQfreemem)           \
    X(PQgetResult)         \
    X(PQgetlength)         \
    X(PQgetvalue)          \
    X(PQisBusy)            \
    X(PQntuples)           \
    X(PQparameterStatus)   \
    X(PQpipelineSync)      \
    X(PQresultErrorField)  \
    X(PQresultStatus)      \
    X(PQsendQuery)         \
    X(PQsendQueryParams)   \
    X(PQsetNoticeReceiver) \
    X(PQsetnonblocking)    \
    X(PQsocket)            \
    X(PQstatus)

struct libpq {
#define LIBPQ_MEMBER(name) __typeof__(name) *name;
    LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
#undef LIBPQ_MEMBER
};

/* The functions, once libpq_load() has returned true. */
extern struct libpq libpq;

/* Loads the library, unless it is loaded. Returns false, reported, if that is not possible. */
bool libpq_load(void);

#endif
