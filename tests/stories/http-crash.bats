# order-http killed at each row of the table of lib/place/placement.h, and anywhere else: an order whose receipt a client has got is in
# the store and is published by the next run, and the Idempotency-Key of one whose answer was lost finds it.

load ../support/http

setup()
{
    isolate
    # So that the first commit is the one that a test is about.
    order-place </dev/null
    topology
    KEY='Idempotency-Key: b1946ac9-2495-4d3e-8d1f-6a3c1d7f0e55'
}

# dies_at POINT: order-http is started, gets an order, and is killed there. The client gets no answer, or the receipt in the file body.
dies_at()
{
    # shellcheck disable=SC2016 # expanded by that shell
    start http dying "$1" order-http --listen "unix:$PWD/socket" --confirm-wait 30
    HTTP=$PID
    eventually http_listens
    eventually http_ready
    client=0
    place_http "$(order)" -H "$KEY" 2>curl.err || client=$?
    finish -137 "$HTTP"
}

# the_key_finds_it [COPIES]: after another start the order is placed without a request; the key finds it, and there is no other. Its
# event went out that often (1).
the_key_finds_it()
{
    start_http --confirm-wait 30
    eventually stored 1 PLACED
    place_http "$(order)" -H "$KEY"
    is_receipt PLACED
    stored 1
    place_http "$(order 2)" -H "$KEY"
    is_problem 422 Idempotency-Key 'the key was used for an order of other content'
    finish -0 "$HTTP" TERM
    drain "$PLACED_Q" >events
    has_lines events "${1:-1}"
    [ "$(jq -r '.properties.correlation_id' events | sort -u)" = "$id" ]
    [ "$(jq -r '.properties.message_id' events | sort -u | wc -l)" = 1 ]
}

@test "P0: killed before it stored: no answer, nothing is stored, and the order can be sent again" {
    dies_at commit:1:before
    [ "$client" = 52 ]
    stored 0
    holds "$PLACED_Q" 0
    start_http --confirm-wait 30
    place_http "$(order)" -H "$KEY"
    is_receipt PLACED
    finish -0 "$HTTP" TERM
    stored 1 PLACED
    holds "$PLACED_Q" 1
}

@test "P1: killed when the order was stored: no answer; the next run publishes it, and the key finds it" {
    dies_at commit:1:after
    [ "$client" = 52 ]
    stored 1 PENDING
    holds "$PLACED_Q" 0
    the_key_finds_it
}

@test "P1: killed before it published: the same" {
    dies_at publish:1:before
    [ "$client" = 52 ]
    stored 1 PENDING
    the_key_finds_it
}

@test "P1: the receipt says PENDING, and then it is killed: the next run publishes the order" {
    # The broker is away, so that no later row is reached.
    AMQP_URL=amqp://127.0.0.1:1 start_http
    place_http "$(order)" -H "$KEY"
    is_receipt PENDING
    finish -137 "$HTTP" KILL
    stored 1 PENDING
    the_key_finds_it
}

@test "P1: killed before that receipt was sent: the same, the key finds it" {
    AMQP_URL=amqp://127.0.0.1:1 start http dying answer:1:before order-http --listen "unix:$PWD/socket"
    HTTP=$PID
    eventually http_listens
    run -52 place_http "$(order)" -H "$KEY"
    finish -137 "$HTTP"
    stored 1 PENDING
    the_key_finds_it
}

@test "P2: killed after publishing: it may go out again, with the same message_id" {
    dies_at publish:1:after
    [ "$client" = 52 ]
    stored 1 PENDING
    eventually holds "$PLACED_Q" 1
    the_key_finds_it 2
}

@test "P2: killed when the broker had confirmed: the same" {
    dies_at commit:2:before
    [ "$client" = 52 ]
    stored 1 PENDING
    the_key_finds_it 2
}

@test "P3: killed when the order was marked as placed: no answer, the order is shown, the key finds it" {
    dies_at commit:2:after
    [ "$client" = 52 ]
    stored 1 PLACED
    the_key_finds_it
}

@test "P3: killed right before the answer: the same" {
    dies_at answer:1:before
    [ "$client" = 52 ]
    stored 1 PLACED
    the_key_finds_it
}

@test "P4: killed when the answer was sent: the client has the receipt, and it is true" {
    dies_at answer:1:after
    [ "$client" = 0 ]
    is_receipt PLACED
    receipt=$id
    stored 1 PLACED
    the_key_finds_it
    [ "$id" = "$receipt" ]
}

@test "a sync that fails: 503, though the order may be placed all the same; it goes on, and the key finds the order" {
    about_files
    start http dying batch:1:fail order-http --listen "unix:$PWD/socket" --confirm-wait 30
    HTTP=$PID
    eventually http_listens
    eventually http_ready
    place_http "$(order)" -H "$KEY"
    is_problem 503 '' 'the order could not be stored'
    [ -n "$(field Retry-After)" ]
    grep -qxF "order-http: cannot sync '$XDG_STATE_HOME/order-tools/orders.db-wal': Input/output error" http.err
    eventually holds "$PLACED_Q" 1
    place_http "$(order)" -H "$KEY"
    is_receipt PLACED
    stored 1 PLACED
    place_http "$(order 2)"
    is_receipt PLACED
    eventually stored 2 PLACED
    finish -0 "$HTTP" TERM
    [ "$(drain "$PLACED_Q" | jq -r '.properties.correlation_id' | sort -u | wc -l)" = 2 ]
}

# keep_placing CLIENT: places 25 orders, one after the other, each with a key of its own and until it has its receipt. All receipts go to
# receipts.CLIENT.
keep_placing()
{
    local i
    for ((i = 0; i < 25; i++)); do
        curl -sf --unix-socket socket --retry 600 --retry-delay 0 --retry-max-time 90 --retry-all-errors http://localhost/order \
            -H 'Content-Type: application/json' -H "Idempotency-Key: $1-$i" -d "$(order 1 "u-$1-$i")" >>"receipts.$1" || return
    done
}

some_receipts()
{
    [ "$(cat receipts.* 2>/dev/null | wc -l)" -ge "$1" ]
}

@test "killed again and again while eight clients place orders: each key has one order, each receipt is true, all are placed" {
    local clients=() i
    start_http
    for ((i = 0; i < 8; i++)); do
        start "client.$i" keep_placing "$i"
        clients+=("$PID")
    done
    for ((i = 1; i <= 6; i++)); do
        eventually some_receipts $((i * 25))
        finish -137 "$HTTP" KILL
        # What a client was told is stored already.
        cat receipts.* | jq -r .order_id | sort -u >told
        comm -23 told <(order-show --all | ids | sort) >lost
        [ ! -s lost ]
        start_http
    done
    for i in "${clients[@]}"; do
        finish -0 "$i"
    done
    eventually stored 200 PLACED
    stored 200
    [ "$(cat receipts.* | jq -r .order_id | sort -u | wc -l)" = 200 ]
    [ "$(order-show --all | jq -r .data.user_id | sort -u | wc -l)" = 200 ]
    diff <(order-show --all | ids | sort) <(drain "$PLACED_Q" | jq -r '.properties.correlation_id' | sort -u)
    finish -0 "$HTTP" TERM
}
