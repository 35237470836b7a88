#include "metrics.h"

#include "amqp/connection_metrics.h"
#include "metrics/file.h"
#include "place/placement_metrics.h"

#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum outcome { OUTCOME_PLACED, OUTCOME_PENDING, OUTCOME_REPEATED, OUTCOME_REFUSED };

static uint64_t outcomes[OUTCOME_REFUSED + 1];
static uint64_t refusals[REFUSAL_TAKEN + 1];
static struct placement *placement;

static void print(const struct metrics_text *text)
{
    static const char *const outcome_names[] = {"placed", "pending", "repeated", "refused"};
    static const char *const refusal_names[] = {"malformed", "invalid", "taken"};

    metrics_counters(text, "orders_total",
                     "Orders of the input, by what became of them; repeated: known before.",
                     "outcome", outcome_names, outcomes, COUNT(outcomes));
    metrics_counters(text, "refusals_total", "Input that was refused, by reason.", "reason",
                     refusal_names, refusals, COUNT(refusals));
    if (placement != NULL)
        placement_print_metrics(placement, text);
    connection_print_metrics(text);
}

enum exit_code metrics_open(void)
{
    return metrics_file_open("order_place", print);
}

void metrics_of(struct placement *given)
{
    placement = given;
}

void metrics_receipt(const struct receipt *receipt)
{
    if (receipt->repeated)
        outcomes[OUTCOME_REPEATED]++;
    else
        outcomes[receipt_status(receipt) == ORDER_PLACED ? OUTCOME_PLACED : OUTCOME_PENDING]++;
}

void metrics_refusal(enum refusal why)
{
    outcomes[OUTCOME_REFUSED]++;
    refusals[why]++;
}
