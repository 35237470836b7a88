# Under valgrind: no program loses memory, or reads what it has not written, from its start to its end.

load ../support/helper

setup()
{
    isolate
    [ -z "${SANITIZE:-}" ] || skip 'the sanitizers are watching already'
}

WATCH=(valgrind -q --error-exitcode=99 --leak-check=full '--errors-for-leak-kinds=definite,indirect,possible'
    --child-silent-after-fork=yes)

watched()
{
    "${WATCH[@]}" "$@"
}

@test "valgrind: placing, showing and flushing orders" {
    watched order-place <"$DATA/orders-30.jsonl" >receipts
    [ "$(jq -r .status receipts | sort | uniq -c | tr -s ' ')" = ' 30 PLACED' ]
    run -65 --separate-stderr watched order-place --rejects rejects <<<'{"user_id":7} garbage'
    watched order-place <receipts >again || [ $? -eq 65 ]
    watched order-place --flush
    [ "$(watched order-show --all | wc -l)" -eq 30 ]
    [ "$(jq -r .order_id receipts | watched order-show | wc -l)" -eq 30 ]
    run -1 --separate-stderr watched order-show 00000000-0000-0000-0000-000000000000
}

@test "valgrind: both workers, with stock and without, poison and repeats among what they get" {
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    publish orders-ex order.placed poison
    publish orders-ex order.placed "$(event twice)"
    publish orders-ex order.placed "$(event twice)"
    echo '{"sku":"burger","on_hand":3}' | watched inventory-stock >/dev/null
    watched inventory-worker --idle-timeout 1 --retain 1 >events
    [ "$(wc -l <events)" -eq 31 ]
    [ "$(watched inventory-stock </dev/null | jq -r '"\(.sku) \(.on_hand + .reserved)"')" = 'burger 3' ]
    publish inventory-ex inventory.reserved poison
    publish inventory-ex inventory.reserved "$(event other | sed s/OrderPlaced/Other/)"
    watched notify-worker --count 3 --exec cat 2>/dev/null
    watched notify-worker --idle-timeout 1 >told
    [ "$(wc -l <told)" -ge 1 ]
    holds "$RESERVED_Q" 0
}

@test "valgrind: a connection that is lost, a broker that is not there" {
    topology
    start worker "${WATCH[@]}" inventory-worker
    eventually is_consumed "$PLACED_Q"
    cut_connections
    publish orders-ex order.placed "$(event a)"
    eventually grep -q '"a"' worker.out
    finish -0 "$PID" TERM
    run -69 --separate-stderr watched inventory-worker -u amqp://127.0.0.1:1 --retries 1
}

@test "valgrind: looking at queues and messages, waiting for them, health" {
    topology
    publish orders-ex order.placed "$(event a)" -H some:header
    watched queue-inspect >/dev/null
    watched queue-inspect --format table >/dev/null
    [ "$(watched queue-inspect --peek 5 "$PLACED_Q" | wc -l)" -eq 1 ]
    run -1 --separate-stderr watched queue-inspect --until 2 --timeout 0 "$PLACED_Q"
    run -1 --separate-stderr watched queue-inspect --health
    run -1 --separate-stderr watched queue-inspect none
    watched queue-inspect --check-topology
    watched queue-inspect --watch 1 --timeout 2 >/dev/null
    TERM=xterm script -qec "${WATCH[*]} queue-inspect --watch 1 --timeout 2" /dev/null >/dev/null
    watched queue-inspect --follow orders-ex --timeout 1
    run -64 --separate-stderr watched queue-inspect --follow amq.topic
    export MANAGEMENT_URL=http://guest:guest@${SUITE_API#http://}
    watched queue-inspect >/dev/null
    watched queue-inspect --format table >/dev/null
    watched queue-inspect --check-topology
    run -1 --separate-stderr watched queue-inspect --health --max-ready 0
    watched queue-inspect --watch 1 --timeout 2 >/dev/null
    watched queue-inspect --follow amq.topic --timeout 1
    MANAGEMENT_URL=http://127.0.0.1:1 run -69 --separate-stderr watched queue-inspect
}

@test "valgrind: dead letters shown, counted, taken, restored, mended, parked and sent back" {
    topology
    publish orders-ex order.placed poison
    publish orders-ex order.placed '{"event_type":"OrderPlaced","order_id":"a","n":[1.50]}' -H some:header
    inventory-worker --count 2 2>/dev/null
    [ "$(watched dlq-replay --list | wc -l)" -eq 2 ]
    [ "$(watched dlq-replay --summary | wc -l)" -eq 2 ]
    watched dlq-replay --take >taken
    [ "$(watched dlq-replay --from taken | wc -l)" -eq 2 ]
    run -0 --separate-stderr watched dlq-replay --error user_id --audit audit --rate 100 \
        --filter jq -c --unbuffered '.body.user_id = "u"'
    [ "$(wc -l <audit)" -eq 1 ]
    for _ in 1 2; do
        dlq-replay >/dev/null
        inventory-worker --count 1 2>/dev/null || true
    done
    watched dlq-replay --max-replays 1 >parked
    holds order.placed.parked "$(jq -s 'map(select(.fate == "parked")) | length' parked)"
    run -65 --separate-stderr watched dlq-replay --queue order.placed.parked --max-replays 9 --filter echo no
}
