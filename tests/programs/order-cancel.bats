# order-cancel: from ids on standard input to the store, to the broker, to receipts. Crashes at each step: crash.bats.

load ../support/helper

CANCELLED_Q=order.cancelled.q

setup()
{
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
}

uuid()
{
    printf '018f0000-0000-7000-8000-%012d' "$1"
}

# place N: the orders 1 to N.
place()
{
    seq "$1" | while read -r n; do
        printf '{"order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$(uuid "$n")"
    done | order-place >placed
}

# receipt N [STATUS [repeated]]
receipt()
{
    printf '{"order_id": "%s", "status": "%s"%s}\n' "$(uuid "$1")" "${2:-CANCELLING}" "${3:+, \"repeated\": true}"
}

# cancelled: which orders the messages in the queue are about, which are taken out, with their reasons.
cancelled()
{
    drain "$CANCELLED_Q" | jq -r '.payload | fromjson | .order_id + " " + .reason' | sort
}

@test "order-cancel: ids, receipts and stored orders name what is cancelled; a receipt each, in the order of the input" {
    place 6
    {
        printf '\n%s\r\n' "$(uuid 2)"
        tr a-f A-F <<<"\"$(uuid 1)\""
        sed -n 3p placed
        order-show "$(uuid 4)" | jq .
        printf '{"order_id":"%s","reason":"späte Absage"}{"order_id":"%s","reason":null}' "$(uuid 5)" "$(uuid 6)"
    } >input
    run -0 --separate-stderr order-cancel --reason closed <input
    diff <(echo "$output") <(for n in 2 1 3 4 5 6; do receipt "$n"; done)
    [ -z "$stderr" ]
    diff <(cancelled) <(for n in 1 2 3 4; do echo "$(uuid "$n") closed"; done; echo "$(uuid 5) späte Absage"; echo "$(uuid 6) closed")
    # As arguments, too.
    run -0 --separate-stderr order-cancel "$(uuid 6)" "$(uuid 5)"
    diff <(echo "$output") <(receipt 6 CANCELLING repeated; receipt 5 CANCELLING repeated)
    holds "$CANCELLED_Q" 0
}

@test "order-cancel: the event on the broker, and the queue that it declares" {
    place 1
    [ "$(queues_now | jq length)" = 4 ]
    before=$(date +%s)
    order-cancel "$(uuid 1)"
    after=$(date +%s)
    queues_now "$CANCELLED_Q" | jq -e '.durable and .arguments ==
        {"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}'
    [ "$(queues_now | jq length)" = 5 ]
    drain "$CANCELLED_Q" >messages
    has_lines messages 1
    [ "$(jq -r '.exchange + " " + .routing_key' messages)" = 'orders-ex order.cancelled' ]
    diff <(jq -S '.properties | del(.timestamp)' messages) - <<END
{
  "app_id": "order-cancel",
  "content_type": "application/json",
  "correlation_id": "$(uuid 1)",
  "delivery_mode": 2,
  "message_id": "$(uuid_of "urn:order-tools:OrderCancelled:$(uuid 1)")",
  "type": "OrderCancelled"
}
END
    jq -e --argjson from "$before" --argjson to "$after" '.properties.timestamp | $from <= . and . <= $to' messages
    jq -r .payload messages >payload
    [[ $(cat payload) == "{\"event_type\":\"OrderCancelled\",\"order_id\":\"$(uuid 1)\",\"reason\":\"cancelled\",\"ts\":\"20"*'Z"}' ]]
}

@test "order-cancel: cancelled twice: the same receipt, marked as repeated, and nothing is published again" {
    place 2
    { uuid 1; echo; uuid 1; echo; uuid 2; echo; uuid 1; } >input
    run -0 --separate-stderr order-cancel <input
    diff <(echo "$output") <(receipt 1; receipt 1 CANCELLING repeated; receipt 2; receipt 1 CANCELLING repeated)
    holds "$CANCELLED_Q" 2
    # The first reason stays.
    run -0 --separate-stderr order-cancel --reason other <input
    [ "$(jq -c .repeated <<<"$output" | sort -u)" = true ]
    diff <(cancelled) <(echo "$(uuid 1) cancelled"; echo "$(uuid 2) cancelled")
}

@test "order-cancel: what is not known or not an id: told with its place and 65, nothing is published, the rest goes on" {
    place 2
    { uuid 1; printf '\nany text\n{"order_id":\n7}\n'; uuid 9; echo; uuid 2; } >input
    run -65 --separate-stderr order-cancel <input
    diff <(echo "$output") <(receipt 1; receipt 9 UNKNOWN; receipt 2)
    diff <(echo "$stderr") - <<END
order-cancel: input 2 (line 2): 'any text' is not the id of a stored order: a UUID
order-cancel: input 3 (line 3): order_id is not a string of 1 to 128 bytes without control characters
order-cancel: input 4 (line 5): no order '$(uuid 9)' in the store
END
    holds "$CANCELLED_Q" 2
    run -65 --separate-stderr order-cancel "$(uuid 9)" x
    [ "$stderr" = "order-cancel: 'x' is not the id of a stored order: a UUID
order-cancel: no order '$(uuid 9)' in the store" ]
}

# outcome N STATUS: as order-track records it.
outcome()
{
    local numbers='{"RESERVED": 2, "FAILED": 3, "CANCELLED": 4, "HANDED_OVER": 5}'
    if on_postgresql; then
        in_database "INSERT INTO order_tools.outcomes (seq, status) SELECT seq, '$2' FROM order_tools.orders WHERE order_id = '$(uuid "$1")'"
    else
        sqlite3 "$XDG_STATE_HOME/order-tools/orders.db" "INSERT INTO outcomes (seq, status)
            SELECT seq, $(jq ".$2" <<<"$numbers") FROM orders WHERE order_id = x'$(uuid "$1" | tr -d -)'"
    fi
}

@test "order-cancel: an order that has failed, was cancelled or handed over: an answer, and nothing is published" {
    place 4
    order-cancel "$(uuid 3)" >/dev/null
    outcome 1 RESERVED
    outcome 2 FAILED
    outcome 3 CANCELLED
    run -0 --separate-stderr order-cancel "$(uuid 1)" "$(uuid 2)" "$(uuid 3)"
    diff <(echo "$output") <(receipt 1; receipt 2 FAILED; receipt 3 CANCELLED repeated)
    # It is too late for that one alone.
    outcome 4 HANDED_OVER
    run -65 --separate-stderr order-cancel "$(uuid 4)"
    [ "$output" = "$(receipt 4 HANDED_OVER)" ]
    [ "$stderr" = "order-cancel: order $(uuid 4) was handed over" ]
    diff <(cancelled) <(echo "$(uuid 1) cancelled"; echo "$(uuid 3) cancelled")
    # What is pending is published, whatever has become of the order meanwhile.
    place 5
    run -75 order-cancel --url "$NOWHERE" --retries 1 "$(uuid 5)"
    outcome 5 FAILED
    run -0 --separate-stderr order-cancel --flush
    [ "$output" = "$(receipt 5)" ]
    run -0 --separate-stderr order-cancel --flush
    [ -z "$output" ]
}

@test "order-cancel: the broker away: stored first, PENDING and 75; the next run publishes it, --flush with a receipt" {
    place 3
    { uuid 1; echo; uuid 2; echo; } >input
    run -75 --separate-stderr order-cancel --url "$NOWHERE" --retries 2 --retry-delay 0 --reason first <input
    diff <(echo "$output") <(receipt 1 PENDING; receipt 2 PENDING)
    [[ $stderr == *'giving up after 2 attempts' ]]
    run -75 --separate-stderr order-cancel --url "$NOWHERE" --retries 1 --flush
    diff <(echo "$output") <(receipt 1 PENDING; receipt 2 PENDING)
    run -75 --separate-stderr order-cancel --url "$NOWHERE" --retries 1 </
    [[ $stderr == *'order-cancel: cannot read standard input: Is a directory'* ]]
    # It is published by whoever cancels it again, and by nobody else.
    run -75 --separate-stderr order-cancel --url "$NOWHERE" --retries 1 "$(uuid 1)"
    [ "$output" = "$(receipt 1 PENDING repeated)" ]
    run -0 --separate-stderr order-cancel "$(uuid 3)"
    [ "$output" = "$(receipt 3)" ]
    run -0 --separate-stderr order-cancel --flush
    [ -z "$output$stderr" ]
    diff <(cancelled) <(echo "$(uuid 1) first"; echo "$(uuid 2) first"; echo "$(uuid 3) cancelled")
}

@test "order-cancel: --flush of more than a batch, with receipts; it leaves alone what a live run is about to publish" {
    place 1200
    jq -r .order_id placed >ids
    start waiting order-cancel --url "$NOWHERE" --retries 1000 "$(uuid 1)"
    eventually grep -q 'attempt 1 of' waiting.err
    tail -n +2 ids | order-cancel --url "$NOWHERE" --retries 1 >pending 2>/dev/null || [ $? -eq 75 ]
    run -0 --separate-stderr order-cancel --flush
    diff <(jq -r .order_id <<<"$output") <(tail -n +2 ids)
    [ "$(jq -r .status <<<"$output" | sort -u)" = CANCELLING ]
    holds "$CANCELLED_Q" 1199
    finish -137 "$PID" KILL
    run -0 --separate-stderr order-cancel --flush
    [ "$output" = "$(receipt 1)" ]
    diff <(cancelled | cut -d' ' -f1) <(sort ids)
}

@test "order-cancel: a broker that comes back gets what it missed while the input goes on" {
    place 2
    port=$(free_port)
    start_fed cancel order-cancel --url "amqp://127.0.0.1:$port/$VHOST" --retries 1 --retry-delay 0
    cancel=$PID
    uuid 1 >&7
    echo >&7
    eventually has_lines cancel.out 1
    [ "$(cat cancel.out)" = "$(receipt 1 PENDING)" ]
    # A way to the broker.
    start way socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" "TCP:${SUITE_URL##*[@/]}"
    eventually holds "$CANCELLED_Q" 1
    exec 7>&-
    finish -75 "$cancel"
}

@test "order-cancel: without a store it is 73, and none is made" {
    about_files
    run -73 --separate-stderr order-cancel "$(uuid 1)"
    [[ $stderr == "order-cancel: cannot open '"* ]]
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "order-cancel: a signal while it waits for input: what was read has its receipt, then it dies of that signal" {
    place 2
    start_fed cancel order-cancel
    printf '%s\n%s\n%.20s' "$(uuid 1)" "$(uuid 2)" "$(uuid 1)" >&7
    eventually has_lines cancel.out 2
    ends -143 "$PID" TERM
    exec 7>&-
    diff cancel.out <(receipt 1; receipt 2)
    [ "$(cat cancel.err)" = 'order-cancel: input 3 (line 3): asked to stop before it ended' ]
    holds "$CANCELLED_Q" 2
}

@test "order-cancel: receipts that cannot be written: 74, and what was read is stored and published" {
    place 2
    run -74 --separate-stderr to_full order-cancel "$(uuid 1)"
    [ "$stderr" = 'order-cancel: cannot write standard output: No space left on device' ]
    run -0 --separate-stderr order-cancel "$(uuid 1)"
    [ "$output" = "$(receipt 1 CANCELLING repeated)" ]
    diff <(cancelled) <(echo "$(uuid 1) cancelled")
}

@test "order-cancel: a cancellation that no queue takes: PENDING, 76; --flush publishes it later" {
    place 1
    order-place </dev/null
    topology
    api PUT "queues/$VHOST/$CANCELLED_Q" '{"durable": true}'
    # A user who may not bind the queue.
    login=$AMQP_URL
    reduced_user '' '^orders-ex$' '.*'
    run -76 --separate-stderr order-cancel "$(uuid 1)"
    [ "$output" = "$(receipt 1 PENDING)" ]
    [[ $stderr == *"the cancellation of order $(uuid 1) is stored, but the broker did not take it: "*NO_ROUTE* ]]
    AMQP_URL=$login run -0 --separate-stderr order-cancel --flush
    [ "$output" = "$(receipt 1)" ]
}

is_given_back()
{
    inventory-stock </dev/null | jq -e '[.on_hand, .reserved] == [9, 0]'
}

@test "order-cancel: an order that is still pending: it is published all the same, and holds nothing in the end, whatever comes first" {
    inventory-stock <<<'{"sku":"s","on_hand":9}' >/dev/null
    inventory-worker --cancelled --idle-timeout 0
    for n in 1 2; do
        printf '{"order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$(uuid "$n")" >"order.$n"
        run -75 order-place --url "$NOWHERE" --retries 1 <"order.$n"
        order-cancel --reason late "$(uuid "$n")" >/dev/null
        # Once more, as after a kill.
        messages "$CANCELLED_Q" | jq -r .payload >event
        publish orders-ex order.cancelled "$(cat event)"
        [ "$n" = 1 ] || inventory-worker --cancelled --count 2 --idle-timeout 5
        order-place --flush >/dev/null
        inventory-worker --count 1 >outcome 2>/dev/null
        [ "$n" = 2 ] || inventory-worker --cancelled --count 2 --idle-timeout 5 >released 2>/dev/null
        eventually is_given_back
        holds "$CANCELLED_Q" 0
    done
    jq -e '.event_type == "InventoryFailed" and .reason == "cancelled"' outcome
    [ "$(jq -c '[.event_type, .order_id, .reason]' released)" = "[\"InventoryReleased\",\"$(uuid 1)\",\"late\"]" ]
}

@test "order-cancel: a dead letter of its queue finds the way home" {
    place 1
    order-cancel "$(uuid 1)" >/dev/null
    reject "$CANCELLED_Q" 1
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --list
    jq -e '.event_type == "OrderCancelled" or .body.event_type == "OrderCancelled"' <<<"$output"
    run -0 --separate-stderr dlq-replay
    [ "$(jq -r .fate <<<"$output")" = replayed ]
    holds "$DEAD_Q" 0
    diff <(cancelled) <(echo "$(uuid 1) cancelled")
}

@test "order-cancel: a command line that is wrong ends with 64, says why, and touches nothing" {
    refuses_usage order-cancel <<END
--flush $(uuid 1)
--unknown
--reason
--reason=
--url
--retries 0
END
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "order-cancel: --help and --version" {
    helps order-cancel --flush --reason --where --url --authfile --cacert --cert --key --retries --retry-delay --shuffle \
        --confirm-timeout --queue-type --help --version
}
