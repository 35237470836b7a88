/*
 * filter: asks another program what is to be done with a letter.
 *
 * It gets the letter as an envelope, and answers with an envelope to send, null to leave the
 * letter, or "drop" to remove it.
 */
#ifndef DLQ_REPLAY_FILTER_H
#define DLQ_REPLAY_FILTER_H

#include "decision.h"
#include "rules.h"

#include "base/report.h"

#include <stdbool.h>

/*
 * Asks rules->filter about the letter. Sets *sends if the letter is to be sent, with properties and
 * body as answered; otherwise decides that it is left or dropped, or left since a stop was asked
 * for. Returns EXIT_OK; otherwise, with the reason reported and nothing decided, what
 * coprocess_ask() returns, or EXIT_INPUT for an answer that is not an envelope.
 */
enum exit_code filter_ask(struct decision *decision, const struct replay_rules *rules, bool *sends);

#endif
