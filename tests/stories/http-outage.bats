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

@test "--confirm-wait 0.2: nobody waits longer for a broker that hangs" {
    start_ready --confirm-wait 0.2
    freeze_broker
    waits_for_broker slow
    finish -0 "$PID"
    read -r _ seconds <slow.out
    [ "$(jq -r .status slow.body)" = PENDING ]
    awk -v s="$seconds" -v slow="$(slowness)" 'BEGIN { exit !(s >= 0.19 && s < 0.2 + 0.3 * slow) }'
    thaw_broker
    eventually published "$(jq -r .order_id slow.body)"
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

@test "a broker that refuses the login: orders are taken, and it goes on trying" {
    reduced_user '.*' '.*' '.*'
    api PUT "users/$REDUCED" '{"password": "changed", "tags": ""}' >/dev/null
    start_http
    place_http "$(order)" --max-time 10
    is_receipt PENDING
    ask /ready
    [ "$code" = 503 ]
    api PUT "users/$REDUCED" '{"password": "secret", "tags": ""}' >/dev/null
    PATIENCE=90 eventually published "$id"
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
