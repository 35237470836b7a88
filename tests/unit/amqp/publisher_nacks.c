#include "amqp/publisher_nacks.h"

#include "bytes.h"
#include "unit.h"

static struct frames_message placed;
static struct frames_message dead;
static struct frames_message direct;

static void tells_destinations_apart(void)
{
    struct nacks nacks = {0};

    CHECK(!nacks_end(&nacks, &placed));
    nacks_destination(&nacks, &placed)->attempts = 7;
    nacks_destination(&nacks, &dead)->attempts = 8;
    nacks_destination(&nacks, &direct)->attempts = 9;
    EQUAL(nacks.count, 3);
    EQUAL(nacks_destination(&nacks, &placed)->attempts, 7);
    EQUAL(nacks_destination(&nacks, &dead)->attempts, 8);
    SAME(nacks_destination(&nacks, &direct)->exchange, "");
    SAME(nacks_destination(&nacks, &direct)->routing_key, "a queue");
    nacks_free(&nacks);
}

static void forgets_those_that_take_messages(void)
{
    struct nacks nacks = {0};

    nacks_destination(&nacks, &placed)->attempts = 7;
    nacks_destination(&nacks, &dead)->attempts = 8;
    CHECK(nacks_end(&nacks, &placed));
    CHECK(!nacks_end(&nacks, &placed));
    EQUAL(nacks.count, 1);
    EQUAL(nacks_destination(&nacks, &dead)->attempts, 8);
    EQUAL(nacks_destination(&nacks, &placed)->attempts, 0);
    nacks_free(&nacks);
    EQUAL(nacks.count, 0);
}

static void keeps_those_that_wait(void)
{
    struct nacks nacks = {0};

    nacks_destination(&nacks, &placed)->is_waiting = true;
    CHECK(!nacks_end(&nacks, &placed));
    EQUAL(nacks_attempt(&nacks)->attempts, 1);
    nacks_destination(&nacks, &placed)->is_waiting = true;
    CHECK(nacks_end(&nacks, &placed));
    EQUAL(nacks_attempt(&nacks)->attempts, 1);
    nacks_free(&nacks);
}

static void counts_attempts_of_those_that_wait(void)
{
    struct nacks nacks = {0};
    const struct destination *most;

    nacks_destination(&nacks, &placed)->is_waiting = true;
    nacks_destination(&nacks, &dead)->attempts = 5;
    most = nacks_attempt(&nacks);
    EQUAL(most->attempts, 1);
    SAME(most->exchange, "orders-ex");
    EQUAL(nacks_destination(&nacks, &dead)->attempts, 5);
    nacks_destination(&nacks, &placed)->is_waiting = true;
    nacks_destination(&nacks, &dead)->is_waiting = true;
    most = nacks_attempt(&nacks);
    EQUAL(most->attempts, 6);
    SAME(most->exchange, "orders-dlx");
    EQUAL(nacks_destination(&nacks, &placed)->attempts, 2);
    CHECK(!nacks_destination(&nacks, &placed)->is_waiting);
    nacks_free(&nacks);
}

int main(void)
{
    placed = (struct frames_message){.exchange = BYTES("orders-ex"),
                                     .routing_key = BYTES("order.placed")};
    dead = (struct frames_message){.exchange = BYTES("orders-dlx"),
                                   .routing_key = BYTES("order.placed")};
    direct = (struct frames_message){.routing_key = BYTES("a queue")};
    RUN(tells_destinations_apart);
    RUN(forgets_those_that_take_messages);
    RUN(keeps_those_that_wait);
    RUN(counts_attempts_of_those_that_wait);
    return unit_end();
}
