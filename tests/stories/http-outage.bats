# order-http and a broker that goes away, in every way that one can. These tests have a broker of their own, which they may stop.

load ../support/http

setup_file()
{
    # Two seconds, so that no test has to wait long for a heartbeat that is missing.
    sed 's/^heartbeat = .*/heartbeat = 2/' "$BROKER_CONFIG_EXTRA" >"$BATS_FILE_TMPDIR/broker.conf"
    export BROKER_CONFIG_EXTRA=$BATS_FILE_TMPDIR/broker.conf
    start_broker
}

# start_ready [OPTIONS]: starts it, and places an order, whose id is in first.
start_ready()
{
    start_http "$@"
    eventually http_ready
    PATIENCE=5 eventually placed_one
    first=$id
}

placed_one()
{
    place_http "$(order)" -H 'Idempotency-Key: first'
    is_receipt PLACED
}

# waits_for_broker NAME [CURL-OPTIONS]: places an order in the background, to NAME.body, with the seconds it took in NAME.s.
waits_for_broker()
{
    local name=$1
    shift
    start "$name" curl -sS -o "$name.body" -w '%{http_code} %{time_total}\n' --unix-socket socket -H 'Content-Type: application/json' \
        -d "$(order)" "$@" http://localhost/order
}

# in_flight N: so many requests, and this one.
in_flight()
{
    ask /metrics
    says body "order_http_requests_in_flight $(($1 + 1))"
}

# published ID...: are they all placed?
published()
{
    local each
    for each in "$@"; do
        has_status "$each" PLACED || return
    done
}

@test "the broker is stopped: 202 PENDING at once; it is back: published, without another request" {
    start_ready
    broker stop 2>/dev/null
    ids=()
    for i in 2 3 4; do
        place_http "$(order "$i")" --max-time 10
        is_receipt PENDING
        ids+=("$id")
    done
    ask /ready
    [ "$(jq -r .broker body)" = away ]
    ask /health
    [ "$code" = 200 ]
    stored 3 PENDING
    broker start 2>/dev/null
    eventually published "${ids[@]}"
    ask "/order/$id"
    [ "$(jq -r .status body)" = PLACED ]
    eventually http_ready
    eventually holds "$PLACED_Q" 4
    diff <(drain "$PLACED_Q" | jq -r .properties.correlation_id | sort) <(printf '%s\n' "$first" "${ids[@]}" | sort)
    finish -0 "$HTTP" TERM
    run -1 grep pending http.err
    [ "$(grep -c 'lost the broker' http.err)" = 1 ]
    [ "$(grep -c 'connected to the broker' http.err)" = 1 ]
}

@test "the broker hangs: PENDING within --confirm-wait, others are served meanwhile, 409 for the same key; it goes on: published" {
    start_ready --confirm-wait 3
    freeze_broker
    waits_for_broker slow -H 'Idempotency-Key: slow'
    slow=$PID
    eventually in_flight 1
    place_http "$(order)" -H 'Idempotency-Key: slow' --max-time 1
    is_problem 409 Idempotency-Key 'a request with this key is being answered'
    [ "$(field Retry-After)" = 1 ]
    ask "/order/$first" --max-time 1
    [ "$code" = 200 ]
    finish -0 "$slow"
    read -r code seconds <slow.out
    [ "$code" = 202 ]
    [ "$(jq -r .status slow.body)" = PENDING ]
    awk -v s="$seconds" -v slow="$(slowness)" 'BEGIN { exit !(s >= 2.9 && s < 3 + slow) }'
    slow=$(jq -r .order_id slow.body)
    place_http "$(order)" -H 'Idempotency-Key: slow' --max-time 10
    is_receipt PENDING
    [ "$id" = "$slow" ]
    # The heartbeat ends the connection, and from then on nobody waits.
    eventually grep -q 'heartbeat timeout' http.err
    place_http "$(order 2)" --max-time 2
    is_receipt PENDING
    thaw_broker
    eventually published "$slow" "$id"
    stored 3
    drain "$PLACED_Q" | jq -r .properties.correlation_id | sort -u >sent
    diff sent <(printf '%s\n' "$first" "$slow" "$id" | sort)
}

@test "--confirm-wait 0.2: nobody waits longer for a broker that hangs; its confirm comes late, and counts" {
    # So that no heartbeat ends it.
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    start_ready --confirm-wait 0.2
    freeze_broker
    waits_for_broker slow
    finish -0 "$PID"
    read -r _ seconds <slow.out
    [ "$(jq -r .status slow.body)" = PENDING ]
    awk -v s="$seconds" -v slow="$(slowness)" 'BEGIN { exit !(s >= 0.19 && s < 0.2 + 0.3 * slow) }'
    thaw_broker
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    # The late confirm itself makes it PLACED: there is neither a second connection nor a second message.
    slow=$(jq -r .order_id slow.body)
    shown_placed()
    {
        ask "/order/$slow"
        [ "$(jq -r .status body)" = PLACED ]
    }
    eventually shown_placed
    run -1 grep 'lost the broker' http.err
    holds "$PLACED_Q" 2
}

@test "the broker hangs and goes on before --confirm-wait is over: PLACED" {
    # So that no heartbeat ends it.
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    start_ready --confirm-wait 50
    freeze_broker
    waits_for_broker slow
    eventually in_flight 1
    thaw_broker
    finish -0 "$PID"
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    [ "$(jq -r .status slow.body)" = PLACED ]
    holds "$PLACED_Q" 2
}

@test "the answer is not there at --answer-timeout: 503, and the same key finds the order" {
    about_files
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    # Neither the lock nor the broker lasts too long, but both do.
    start_ready --confirm-wait 6 --answer-timeout 6.5
    freeze_broker
    lock_store
    waits_for_broker slow -D slow.head -H 'Idempotency-Key: slow'
    slow=$PID
    eventually grep -q 'database is locked' http.err
    unlock_store
    finish -0 "$slow"
    read -r code seconds <slow.out
    cp slow.body body
    cp slow.head head
    is_problem 503 '' 'the answer takes too long'
    [ "$(field Retry-After)" = 1 ]
    awk -v s="$seconds" -v slow="$(slowness)" 'BEGIN { exit !(s >= 6.4 && s < 6.5 + slow) }'
    thaw_broker
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    place_http "$(order)" -H 'Idempotency-Key: slow'
    [ "$code" = 202 ]
    eventually published "$id"
    eventually holds "$PLACED_Q" 2
}

@test "another program locks the store while the broker confirms: PENDING after --confirm-wait, and PLACED once it is free" {
    about_files
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    start_ready --confirm-wait 3
    freeze_broker
    waits_for_broker slow
    slow=$PID
    eventually stored 1 PENDING
    lock_store
    thaw_broker
    finish -0 "$slow"
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    [ "$(jq -r .status slow.body)" = PENDING ]
    id=$(jq -r .order_id slow.body)
    holds "$PLACED_Q" 2
    takes_less 1 ask /health
    has_status "$id" PENDING
    before=$(awk '{ print $14 + $15 }' "/proc/$HTTP/stat")
    eventually grep -q 'database is locked: .* for more than 1 s$' http.err
    # It does not spin meanwhile: less than half of a second's 100 ticks.
    [ $(($(awk '{ print $14 + $15 }' "/proc/$HTTP/stat") - before)) -lt 50 ]
    unlock_store
    eventually published "$id"
    run -1 grep 'lost the broker' http.err
}

@test "the broker is killed while a request waits for it: 202 PENDING at once, and published when it is back" {
    start_ready --confirm-wait 50
    freeze_broker
    waits_for_broker cut
    eventually in_flight 1
    broker kill 2>/dev/null
    finish -0 "$PID"
    read -r code seconds <cut.out
    [ "$code" = 202 ]
    [ "$(jq -r .status cut.body)" = PENDING ]
    awk -v s="$seconds" 'BEGIN { exit !(s < 25) }'
    broker start 2>/dev/null
    eventually published "$(jq -r .order_id cut.body)"
    stored 2
    eventually holds "$PLACED_Q" 2
}

@test "connections are closed by an operator, again and again: no order is lost, none is refused" {
    start_ready --confirm-wait 30
    for ((i = 1; i <= 10; i++)); do
        cut_connections
        place_http "$(order "$i")" --max-time 40
        [ "$code" = 202 ]
    done
    eventually stored 11 PLACED
    drain "$PLACED_Q" | jq -r .properties.correlation_id | sort -u >sent
    diff sent <(order-show --all | ids | sort)
}

# alarm GB: the broker takes no messages from connections that publish, while less of the disk is free.
alarm()
{
    evaluate "rabbit_disk_monitor:set_disk_free_limit(\"$1\")."
}

@test "a resource alarm: PENDING, nobody waits in vain, and all is published once it is over" {
    start_ready
    alarm 9000GB
    ids=()
    for ((i = 2; i <= 6; i++)); do
        place_http "$(order "$i")" --max-time 20
        is_receipt PENDING
        ids+=("$id")
    done
    grep -F 'takes no messages for now' http.err
    ask /ready
    [ "$code" = 503 ]
    jq -e '.status == "not ready" and .broker == "blocked"' body
    ask /metrics
    grep -x 'order_http_broker_blocked 1' body
    # Known to be blocked, it is not waited for.
    [ "$(curl -s -o /dev/null -w '%{time_total}' --unix-socket socket http://localhost/order -H 'Content-Type: application/json' \
        -d "$(order 7)" | awk -v slow="$(slowness)" '{ print ($1 < slow) }')" = 1 ]
    alarm 50MB
    eventually published "${ids[@]}"
    eventually stored 7 PLACED
    eventually holds "$PLACED_Q" 7
    finish -0 "$HTTP" TERM
    run -1 grep 'lost the broker' http.err
}

@test "SIGTERM while a request waits for the broker: it is answered PENDING, exit 0, and the next start publishes" {
    start_ready --confirm-wait 50
    freeze_broker
    waits_for_broker last
    client=$PID
    eventually in_flight 1
    kill -TERM "$HTTP"
    ends -0 "$client" '' 10
    read -r code _ <last.out
    [ "$code" = 202 ]
    [ "$(jq -r .status last.body)" = PENDING ]
    ends -0 "$HTTP" '' 10
    [ ! -e socket ]
    says http.err 'order-http: orders are pending: the next start, or order-place --flush, publishes them'
    stored 1 PENDING
    thaw_broker
    start_http
    eventually published "$(jq -r .order_id last.body)"
}

@test "1,000 orders while the broker is away: all are published at its return, those that come meanwhile, too, and memory does not grow" {
    start_ready
    broker stop 2>/dev/null
    before=$(awk '/^VmRSS/ { print $2 }' "/proc/$HTTP/status")
    for ((i = 1; i <= 1000; i++)); do
        [ "$i" = 1 ] || echo next
        printf 'url = "http://localhost/order"\nunix-socket = "socket"\nsilent\nheader = "Content-Type: application/json"\n'
        printf 'output = "/dev/null"\nwrite-out = "%%{http_code}\\n"\ndata = "@%s"\n' "$DATA/order.json"
    done >requests
    curl -Z --parallel-max 50 -K requests >codes
    says codes 202 1000
    stored 1000 PENDING
    after=$(awk '/^VmRSS/ { print $2 }' "/proc/$HTTP/status")
    [ -n "${SANITIZE:-}" ] || [ $((after - before)) -lt 4000 ]
    broker start 2>/dev/null
    more=0
    until stored 0 PENDING; do
        place_http "$(order 2)" --max-time 10
        [ "$code" = 202 ]
        more=$((more + 1))
    done
    stored $((1001 + more)) PLACED
    drain "$PLACED_Q" | jq -r .properties.correlation_id | sort -u | diff - <(order-show --all | ids | sort)
}

@test "exchange and queue are deleted under it: they are declared again, and the order is placed" {
    start_ready --confirm-wait 10
    api DELETE "exchanges/$VHOST/orders-ex"
    place_http "$(order 2)"
    [ "$code" = 202 ]
    eventually published "$id"
    api DELETE "queues/$VHOST/$PLACED_Q"
    place_http "$(order 3)"
    [ "$code" = 202 ]
    eventually published "$id"
    stored 3 PLACED
    eventually holds "$PLACED_Q" 1
}

# asks_slowly SECONDS N: were the last N connections that counter.out tells of so far apart, on average, with a quarter to spare?
asks_slowly()
{
    tail -n "$2" counter.out | awk -v s="$1" -v n="$2" 'NR == 1 { first = $1 } END { exit !(NR == n && $1 - first >= 0.75 * s * (n - 1)) }'
}

attempted()
{
    [ "$(wc -l <counter.out)" -gt "$1" ]
}

@test "a broker that is away is asked for no more often than --retry-delay says, however many orders come; with 0, ten times a second" {
    start counter /usr/bin/python3 "$REPO/tests/support/client.py" count
    eventually attempted 0
    where=amqp://$(head -n 1 counter.out)
    start_http --url "$where"
    for i in {1..40}; do
        place_http "$(order "$i")"
        is_receipt PENDING
    done
    eventually attempted 4
    asks_slowly 1 4
    finish -0 "$HTTP" TERM
    : >counter.out
    start_http --url "$where" --retry-delay 0
    eventually attempted 20
    asks_slowly 0.1 20
    # Of those that fail alike, one of sixty is reported.
    [ "$(grep -c 'trying again every 0 s' http.err)" = 1 ]
    finish -0 "$HTTP" TERM
}

@test "a broker that refuses the login: orders are taken, and it goes on trying" {
    reduced_user '.*' '.*' '.*'
    api PUT "users/$REDUCED" '{"password": "changed", "tags": ""}' >/dev/null
    start_http
    place_http "$(order)" --max-time 10
    is_receipt PENDING
    ask /ready
    [ "$code" = 503 ]
    eventually grep -q 'trying again every 10 s' http.err
    SECONDS=0
    api PUT "users/$REDUCED" '{"password": "secret", "tags": ""}' >/dev/null
    PATIENCE=90 eventually published "$id"
    # Not every second: a broker may lock out a user for that.
    [ "$SECONDS" -ge 7 ]
    finish -0 "$HTTP" TERM
    [ "$(grep -c 'ACCESS_REFUSED\|refused' http.err)" -le 2 ]
}

@test "a queue that is full refuses an order: PENDING, and the next start publishes it once there is room" {
    topology
    policy full "${PLACED_Q//./\\\\.}" '{"max-length": 1, "overflow": "reject-publish"}' "$PLACED_Q"
    start_ready
    place_http "$(order 2)" --max-time 10
    is_receipt PENDING
    stored 1 PENDING
    api DELETE "policies/$VHOST/full"
    finish -0 "$HTTP" TERM
    start_http
    eventually published "$id"
}
