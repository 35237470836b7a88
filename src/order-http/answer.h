/*
 * answer: what a handler answers to a request: a status, header fields, and a body that is either
 * in memory or read piece by piece while it is sent.
 *
 * A zeroed struct answer is empty. Whoever fills one calls one of answer_json(), answer_text(),
 * answer_problem(), answer_empty() and answer_stream() once, answer_add() as often as needed, and
 * leaves the sending to request.h. Without memory the program ends with EXIT_BUG.
 */
#ifndef ORDER_HTTP_ANSWER_H
#define ORDER_HTTP_ANSWER_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ANSWER_HEADERS 16
#define ANSWER_JSON "application/json"
#define ANSWER_PROBLEM "application/problem+json"

/* What answer_read returns instead of a number of bytes. */
#define ANSWER_END (-1)
#define ANSWER_BROKEN (-2) /* the store has failed: cuts the connection, and ends the program */

/*
 * Writes the next bytes of a body to buffer, at most max, and at least one. Returns their number,
 * ANSWER_END or ANSWER_BROKEN.
 */
typedef ssize_t answer_read(void *context, char *buffer, size_t max);

struct answer_header {
    const char *name; /* a constant */
    char *value;
};

struct answer {
    unsigned status;  /* 0 until there is an answer */
    const char *type; /* of the body, a constant; NULL without a body */
    char *body;       /* allocated; NULL if there is none, or it is read */
    size_t len;
    answer_read *read;              /* instead of body; NULL if there is none */
    void (*release)(void *context); /* frees context, also if the answer was not sent to its end */
    void *context;
    struct answer_header headers[ANSWER_HEADERS];
    size_t header_count;
};

/* Answers with body[0..len), JSON, which must be allocated: the answer takes it. */
void answer_json(struct answer *answer, unsigned status, char *body, size_t len);

/* As answer_json(), with a body of that type, a constant. */
void answer_text(struct answer *answer, unsigned status, const char *type, char *body, size_t len);

/* Answers without a body. */
void answer_empty(struct answer *answer, unsigned status);

/* Answers with JSON that is read while it is sent: see struct answer. The answer takes context. */
void answer_stream(struct answer *answer, unsigned status, answer_read *read,
                   void (*release)(void *context), void *context);

/*
 * Answers with a problem (RFC 9457): {"type": "about:blank", "title": ..., "status": ...,
 * "detail": ..., "member": ...}. The detail is formatted as by printf(); text from outside must go
 * through printable() (text.h) first. member names what in the request is at fault: a member of the
 * order, a parameter of the query, or a header field; NULL: none is.
 */
void answer_problem(struct answer *answer, unsigned status, const char *member, const char *format,
                    ...) REPORT_FORMAT(4, 5);

/* Adds a header field. name is a constant; the value, without a line break, is formatted as by
 * printf(). */
void answer_add(struct answer *answer, const char *name, const char *format, ...)
    REPORT_FORMAT(3, 4);

/* Returns the reason phrase of a status that this program answers with: "Not Found". */
const char *answer_reason(unsigned status);

/*
 * Returns the whole of an answer whose body is in memory, as it stands on the wire, for a
 * connection that is closed after it; free it with free(). Sets *len.
 */
char *answer_on_wire(const struct answer *answer, size_t *len);

/* Frees what the answer holds, and empties it. */
void answer_free(struct answer *answer);

#endif
