/*
 * list: prints queues once.
 */
#ifndef QUEUE_INSPECT_LIST_H
#define QUEUE_INSPECT_LIST_H

#include "queues.h"
#include "queues_print.h"

#include "base/report.h"

#include <stdbool.h>

/*
 * Looks at queues and prints them. Returns the first that applies: the code of
 * queues_look_patiently() or queues_print(); that of queues_ask(), reported here; that of
 * queues_report_refused(); if must_exist, EXIT_NO for a queue that does not exist, which is
 * reported; EXIT_OK.
 */
enum exit_code list_queues(struct queues *queues, enum queues_format format, bool must_exist);

#endif
