/*
 * filter: asks a program what is to be done with a letter.
 */
#ifndef DLQ_REPLAY_FILTER_H
#define DLQ_REPLAY_FILTER_H

#include "decision.h"
#include "rules.h"

#include "base/report.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/*
 * Asks rules->filter about the letter: it gets envelope, that of the letter, and answers with one
 * to send, null to leave the letter, or "drop" to remove it. Sets *sends if the letter is to be
 * sent, with properties and body as answered; otherwise decides what is done instead. Returns
 * EXIT_OK; otherwise, with the reason reported and nothing decided, what coprocess_ask() returns,
 * or EXIT_INPUT for an answer that is not an envelope.
 */
enum exit_code filter_ask(struct decision *decision, const struct replay_rules *rules,
                          const cJSON *envelope, bool *sends);

#endif
