#include "amqp/consumer_settled.h"

#include "unit.h"

static void counts_what_the_broker_may_not_have_seen(void)
{
    struct settled settled = {0};

    EQUAL(settled_unseen(&settled), 0);
    settled_add(&settled, 1, 10);
    EQUAL(settled_unseen(&settled), 10);
    settled_asked(&settled, 1);
    settled_add(&settled, 1, 3);
    EQUAL(settled_unseen(&settled), 13);
    settled_answered(&settled);
    EQUAL(settled_unseen(&settled), 3);
    settled_add_single(&settled, 1);
    EQUAL(settled_unseen(&settled), 4);
}

/* Only the last of the answers that are to come tells of all that was settled before it. */
static void waits_for_the_last_answer(void)
{
    struct settled settled = {0};

    settled_add(&settled, 1, 10);
    settled_asked(&settled, 1);
    settled_add(&settled, 1, 5);
    settled_asked(&settled, 1);
    settled_answered(&settled);
    EQUAL(settled_unseen(&settled), 15);
    settled_answered(&settled);
    EQUAL(settled_unseen(&settled), 0);
    settled_answered(&settled);
    EQUAL(settled_unseen(&settled), 0);
}

static void begins_anew_with_each_connection(void)
{
    struct settled settled = {0};

    settled_add(&settled, 1, 10);
    settled_asked(&settled, 1);
    settled_add(&settled, 2, 3);
    EQUAL(settled_unseen(&settled), 3);
    settled_answered(&settled);
    EQUAL(settled_unseen(&settled), 3);
    settled_begin(&settled, 2);
    EQUAL(settled_unseen(&settled), 3);
    settled_begin(&settled, 3);
    EQUAL(settled_unseen(&settled), 0);
}

static void asks_after_so_many(void)
{
    struct settled settled = {0};

    settled_add(&settled, 1, 255);
    CHECK(!settled_are_due(&settled));
    settled_add(&settled, 1, 1);
    CHECK(settled_are_due(&settled));
    settled_asked(&settled, 1);
    CHECK(!settled_are_due(&settled));
    settled_add(&settled, 1, 300);
    CHECK(!settled_are_due(&settled));
    settled_answered(&settled);
    CHECK(settled_are_due(&settled));
}

/* However fast: what any queue takes in at once. */
static void knows_no_burst_of_sixteen(void)
{
    struct settled settled = {0};

    for (int i = 0; i < 16; i++)
        settled_add_single(&settled, 1);
    settled_add(&settled, 1, 1000);
    EQUAL(settled_taken_in_ms(&settled), 0);
    settled.burst_ms = 5000;
    EQUAL(settled_taken_in_ms(&settled), 5250);
}

int main(void)
{
    RUN(counts_what_the_broker_may_not_have_seen);
    RUN(waits_for_the_last_answer);
    RUN(begins_anew_with_each_connection);
    RUN(asks_after_so_many);
    RUN(knows_no_burst_of_sixteen);
    return unit_end();
}
