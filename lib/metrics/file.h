/*
 * file: the metrics of a program that runs for long, in a file that node_exporter's textfile
 * collector reads: --metrics FILE.
 *
 * The file is written beside FILE and renamed, so that a reader finds all of it or the one before:
 * when it is opened, every METRICS_PERIOD_MS while the program waits or works, and when it is
 * closed. Its mode is 0644, whatever the umask is: node_exporter reads it as another user, and it
 * has nothing but numbers about the whole. Every sample has the label worker, the name of FILE
 * without its folder and ".prom": node_exporter accepts no two files with the same sample, and
 * several programs of one kind may run.
 *
 * A thread writes it, so that a disk that hangs holds up nothing else: the file stays as it was
 * until the disk answers.
 *
 * Without --metrics all functions do nothing.
 */
#ifndef METRICS_FILE_H
#define METRICS_FILE_H

#include "base/options.h"
#include "base/report.h"
#include "metrics/text.h"

#include <stdbool.h>

#define METRICS_PERIOD_MS 5000

/* --metrics */
extern struct option_entry metrics_option_table[];

/*
 * Writes the metrics of the program. It is called wherever the program waits: so it must not report
 * anything, wait, or change anything.
 */
typedef void metrics_print(const struct metrics_text *text);

/*
 * Writes the file for the first time. prefix is that of all names, such as "order_place". Returns
 * EXIT_OK; or EXIT_OUTPUT, reported, if it cannot be written, or FILE is not a regular file. From
 * then on the waits of base/wait.h write it, and a failure does not end the program.
 */
enum exit_code metrics_file_open(const char *prefix, metrics_print *print);

/* Returns whether metrics are wanted: for what is counted only then. */
bool metrics_file_is_on(void);

/*
 * Returns whether to measure what a metrics_print cannot: it never was, or METRICS_PERIOD_MS ago,
 * or the file is due. measured_ms says when it was, by the monotonic clock; 0 for never.
 */
bool metrics_file_wants(int64_t measured_ms);

/*
 * Writes the file if it is time, and reports if writing has begun to fail: for the loop of the
 * program. The waits themselves report nothing.
 */
void metrics_file_step(void);

/*
 * Writes the file for the last time, with is_last set. Harmless if it was not opened. Gives up a
 * disk that does not answer within METRICS_PERIOD_MS, which is reported.
 */
void metrics_file_close(void);

#endif
