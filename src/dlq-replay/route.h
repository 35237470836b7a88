/*
 * route: where a letter is sent back to.
 *
 * That is the exchange and routing key with which it was published before its first death, unless
 * the rules or a filter's answer name another place. A letter is refused if that leads back into
 * the queue where it is: it would arrive there without its history.
 */
#ifndef DLQ_REPLAY_ROUTE_H
#define DLQ_REPLAY_ROUTE_H

#include "decision.h"
#include "rules.h"

#include "base/report.h"

/*
 * Decides that the letter is replayed, and where to; or, with the reason, that it is left or
 * refused since there is no way for it. Returns EXIT_OK; otherwise, with the reason reported and
 * nothing decided, what connection_open() or the ledger's find() returns.
 */
enum exit_code route_letter(struct decision *decision, struct replay_rules *rules);

#endif
