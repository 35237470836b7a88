# order-http with its orders in PostgreSQL: it never waits for the database, and outlives it.

load ../support/http
load ../support/postgres

teardown()
{
    signal_postgres CONT 2>/dev/null || true
    as_admin postgres -c 'ALTER ROLE "order" LOGIN' || true
    tidy
}

order()
{
    printf '{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
}

# is_placed: does an order get its receipt now?
is_placed()
{
    place_http "$(order)" && is_receipt PLACED
}

# answers_soon STATUS TARGET [CURL-OPTIONS]: is that the answer, within two seconds, or a few more on a busy machine?
answers_soon()
{
    local wanted=$1
    shift
    ask "$@" --max-time "$((1 + $(slowness)))"
    [ "$code" = "$wanted" ] || { echo "$code" && cat body && return 1; }
}

@test "orders are placed and shown" {
    start_http
    eventually is_placed
    ask "/order/$id"
    jq -e '.status == "PLACED"' body
    ask /orders
    jq -e '.count >= 1' body
    ask /health
    [ "$code" = 200 ]
    ends -0 "$HTTP" TERM
    gives 0 'SELECT count(*) FROM order_tools.runs'
}

@test "while the database is away there is a 503 at once, and afterwards it goes on" {
    start_http
    eventually is_placed
    postgres stop
    answers_soon 503 /order -H 'Content-Type: application/json' --data-binary "$(order)"
    answers_soon 503 /order -H 'Content-Type: application/json' --data-binary "$(order)"
    answers_soon 503 "/order/$id"
    answers_soon 503 /orders
    answers_soon 503 /ready
    answers_soon 200 /health
    postgres start
    eventually is_placed
    # Who reads has a connection of its own.
    is_shown() { ask "/order/$id" && [ "$code" = 200 ]; }
    eventually is_shown
    [ "$(grep -c 'is away' http.err)" -le 2 ]
    ends -0 "$HTTP" TERM
}

@test "whoever comes first after the database is back gets an answer" {
    start_http --retry-delay 0
    eventually is_placed
    postgres stop
    answers_soon 503 "/order/$id"
    answers_soon 503 /orders
    postgres start
    answers_soon 200 "/order/$id"
    eventually is_placed
    ends -0 "$HTTP" TERM
}

@test "a database that refuses the login ends it, and what is asked meanwhile is told the reason, too" {
    start_http
    eventually is_placed
    as_admin postgres -c 'ALTER ROLE "order" NOLOGIN' -c \
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'order'" >/dev/null
    curl -sSZ --parallel-immediate --unix-socket socket "http://localhost/order/$id?[1-20]" >answers 2>&1 || true
    ends -73 "$HTTP"
    grep -q 'role "order" is not permitted to log in' http.err
    run -1 grep 'is away: ;' http.err
}

@test "a database that hangs delays nobody by more than a second or two" {
    start_http
    eventually is_placed
    signal_postgres STOP
    answers_soon 503 "/order/$id"
    answers_soon 503 /order -H 'Content-Type: application/json' --data-binary "$(order)"
    signal_postgres CONT
    eventually is_placed
    ends -0 "$HTTP" TERM
}

# Such as a commit does that waits for a standby that is away.
@test "while a transaction that does not end holds what the others need, they do not pile up in the database" {
    start_http
    eventually is_placed
    start lock sql "BEGIN; SELECT FROM order_tools.runs FOR UPDATE; SELECT pg_sleep(600)"
    lock=$PID
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    for ((i = 0; i < 3; i++)); do
        ask /order -H 'Content-Type: application/json' --data-binary "$(order)"
        [ "$code" = 503 ]
    done
    eventually gives 0 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait "$lock" || true
    eventually is_placed
}
