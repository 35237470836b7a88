# order-http: orders shown and listed, and what those who run it ask for.

load ../support/http

setup()
{
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
    UNKNOWN=00000000-0000-7000-8000-000000000000
}

# shown: the ids in the list that came last, in one line.
shown()
{
    jq -r '.orders[].order_id' body | paste -sd ' '
}

# follow TARGET: follows the links from page to page. The number of pages is in pages, the ids in the file all.
follow()
{
    local next=$1
    pages=0
    : >all
    while [ -n "$next" ]; do
        ask "$next"
        [ "$code" = 200 ] || return 1
        jq -e '.count == (.orders | length)' body >/dev/null || return 1
        jq -r '.orders[].order_id' body >>all
        next=$(field Link)
        [[ -z $next || $next =~ ^\<(/orders\?[^>]*)\>\;\ rel=\"next\"$ ]] || return 1
        next=${BASH_REMATCH[1]:-}
        [ -n "$(field Link)" ] || next=
        pages=$((pages + 1))
    done
}

@test "GET /order/ID: as order-show shows it, in either case of the id" {
    id=$(jq -c '.more = "ü\u0000"' "$DATA/order.json" | order-place | jq -r .order_id)
    start_http
    ask "/order/$id"
    [ "$code" = 200 ]
    [ "$(field Content-Type)" = application/json ]
    cmp body <(order-show "$id")
    ask "/order/${id^^}"
    cmp body <(order-show "$id")
    grep -q "^\[http\] GET /order/$id 200 $(stat -c %s body) bytes [0-9.]* ms unix $id\$" http.err
}

@test "GET /order/ID: 404 for an id that is not known, or is none" {
    start_http
    for id in "$UNKNOWN" A-17 "$UNKNOWN/more" "$UNKNOWN%20" x%0Ay; do
        ask "/order/$id"
        shown=$id
        shown=${shown/'%20'/' '}
        shown=${shown/'%0A'/\\x0a}
        is_problem 404 order_id "there is no order '$shown'"
    done
    ask /order/
    [ "$code" = 404 ]
}

@test "ETag: strong, changes with the status; If-None-Match: 304 with the length of the 200, and no body" {
    order | order-place --url "$NOWHERE" --retries 1 2>/dev/null >receipt || [ $? -eq 75 ]
    id=$(jq -r .order_id receipt)
    start_http --url "$NOWHERE"
    ask "/order/$id"
    pending=$(field ETag)
    [[ $pending =~ ^\"[0-9a-z-]+\"$ ]]
    [ "$(field Cache-Control)" = no-cache ]
    length=$(field Content-Length)
    for known in "$pending" "W/$pending" '*' "\"other\", $pending"; do
        ask "/order/$id" -H "If-None-Match: $known"
        [ "$code" = 304 ]
        [ "$(field ETag)" = "$pending" ]
        [ "$(field Content-Length)" = "$length" ]
        [ ! -s body ]
    done
    finish -0 "$HTTP" TERM
    order-place --flush >/dev/null
    start_http
    ask "/order/$id" -H "If-None-Match: $pending"
    [ "$code" = 200 ]
    [ "$(jq -r .status body)" = PLACED ]
    [ "$(field ETag)" != "$pending" ]
}

@test "HEAD is answered as GET is, without the body" {
    id=$(order | order-place | jq -r .order_id)
    start_http
    for target in "/order/$id" '/orders?limit=1' /health /metrics "/order/$UNKNOWN"; do
        ask "$target"
        of_get="$code $(field Content-Type) $(field ETag) $(field Link)"
        ask "$target" --head
        [ "$code $(field Content-Type) $(field ETag) $(field Link)" = "$of_get" ]
        # Bytes of a body would garble the next answer of the connection. An answer to a list is the last one.
        connects=$(curl -s --unix-socket socket -o /dev/null --head "http://localhost$target" --next \
            --unix-socket socket -s -o /dev/null -w '%{http_code} %{num_connects}' http://localhost/health)
        if [[ $target == /orders* ]]; then [ "$connects" = '200 1' ]; else [ "$connects" = '200 0' ]; fi
    done
}

@test "GET /orders: all orders in the order of storing, and how many" {
    start_http
    ask /orders
    [ "$code" = 200 ]
    [ "$(cat body)" = '{"orders": [], "count": 0}' ]
    order-place <"$DATA/orders-30.jsonl" >receipts
    ask /orders
    [ "$(jq .count body)" = 30 ]
    diff <(jq -c '.orders[]' body) <(order-show --all | jq -c .)
    [ -z "$(field Link)" ]
    ask /orders --http1.0
    [ "$(jq .count body)" = 30 ]
}

@test "GET /orders: pages by their links, without a gap or a repeat, while orders are placed" {
    order-place <"$DATA/orders-30.jsonl" >receipts
    start_http
    follow '/orders?limit=10'
    [ "$pages" = 3 ]
    diff all <(ids <receipts)
    follow '/orders?limit=7'
    [ "$pages" = 5 ]
    diff all <(ids <receipts)
    follow '/orders?limit=30'
    [ "$pages" = 1 ]
    ask '/orders?limit=29'
    order 1 late | order-place | ids >last
    follow "$(field Link | sed 's/^<\(.*\)>.*/\1/')"
    diff all <(ids <receipts | tail -n 1; cat last)
    ask "/orders?after=$(cat last)"
    [ "$(jq -c . body)" = '{"orders":[],"count":0}' ]
}

@test "GET /orders?status=: only those of the status, with a limit, too" {
    order-place <"$DATA/orders-30.jsonl" >placed
    orders 3 | order-place --url "$NOWHERE" --retries 1 2>/dev/null >pending || [ $? -eq 75 ]
    start_http --url "$NOWHERE"
    ask '/orders?status=PENDING'
    [ "$(shown)" = "$(ids <pending | paste -sd ' ')" ]
    ask '/orders?status=PENDING&limit=2'
    [ "$(field Link)" = "</orders?after=$(ids <pending | sed -n 2p)&limit=2&status=PENDING>; rel=\"next\"" ]
    ask '/orders?status=PENDING&limit=3'
    [ -z "$(field Link)" ]
    follow '/orders?limit=20&status=PLACED'
    [ "$pages" = 2 ]
    diff all <(ids <placed)
}

@test "GET /orders: a parameter that is unknown, wrong or there twice is 400, and named" {
    start_http
    while IFS='|' read -r query member detail; do
        ask "/orders?$query"
        is_problem 400 "$member" "$detail"
    done <<END
limit=0|limit|limit is not an integer from 1 to 1000
limit=1001|limit|limit is not an integer from 1 to 1000
limit=|limit|limit is not an integer from 1 to 1000
limit=1&limit=1|limit|limit is given twice
status=placed|status|status is not PENDING, PLACED, RESERVED, FAILED, CANCELLED or HANDED_OVER
after=A-17|after|after is not an order id
after=$UNKNOWN|after|after names no order that is stored
offset=10|offset|offset is not a parameter: there are after, limit and status
a%0Ab=1|a\\x0ab|a\\x0ab is not a parameter: there are after, limit and status
END
}

@test "a list of 100,000 orders takes no more memory than one of 30, and holds nobody up" {
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    start_http
    ask /orders
    before=$(awk '/^VmHWM/ { print $2 }' "/proc/$HTTP/status")
    orders 100000 | order-place --url "$NOWHERE" --retries 1 >/dev/null 2>&1 || [ $? -eq 75 ]
    # So slow that it does not end meanwhile.
    start slow curl -sN --limit-rate 100k --unix-socket socket http://localhost/orders -o slow
    eventually test -s slow
    ask /health --max-time 1
    [ "$code" = 200 ]
    ask /orders
    [ "$(jq .count body)" = 100030 ]
    after=$(awk '/^VmHWM/ { print $2 }' "/proc/$HTTP/status")
    [ -n "${SANITIZE:-}" ] || [ $((after - before)) -lt 3000 ]
}

@test "/health and /ready: with the broker away, and back" {
    start_http --url "$NOWHERE"
    ask /health
    [ "$code" = 200 ]
    [ "$(cat body)" = '{"status": "ok"}' ]
    ask /ready
    [ "$code" = 503 ]
    [ "$(cat body)" = '{"status": "not ready", "store": "ok", "broker": "away"}' ]
    [ "$(field Retry-After)" = 1 ]
    finish -0 "$HTTP" TERM
    start_http
    eventually http_ready
    [ "$(cat body)" = '{"status": "ready", "store": "ok", "broker": "connected"}' ]
}

@test "a store that is replaced: 503 for whatever reads it, and it ends with 73; /health does not care" {
    about_files
    id=$(order | order-place | jq -r .order_id)
    store=$XDG_STATE_HOME/order-tools/orders.db
    for target in "/order/$id" /orders '/orders?limit=1' "/orders?after=$id" /ready; do
        start_http
        cp "$store" copy
        mv copy "$store"
        ask /health
        [ "$code" = 200 ]
        ask "$target"
        if [ "$target" = /ready ]; then
            [ "$code" = 503 ]
            [ "$(jq -r .store body)" = 'not readable' ]
        else
            is_problem 503 '' 'the store cannot be read'
        fi
        [ "$(field Retry-After)" = 1 ]
        ends -73 "$HTTP"
        grep -qF "order-http: '$store' was removed or replaced while in use" http.err
    done
}

@test "/metrics: the text format of Prometheus, and figures that are right" {
    order | order-place >/dev/null
    start_http
    eventually http_ready
    # A counter that appears with its first value hides that from rate(): the one of the alert is there from the start.
    ask /metrics
    for class in 2xx 4xx 5xx; do
        says body "order_http_requests_total{route=\"/order\",method=\"POST\",status=\"$class\"} 0"
    done
    ask "/order/$UNKNOWN"
    ask /nowhere
    ask /orders
    ask /metrics
    [ "$(field Content-Type)" = 'text/plain; version=0.0.4; charset=utf-8' ]
    for line in 'requests_total{route="/order/{order_id}",method="GET",status="4xx"} 1' \
        'requests_total{route="other",method="GET",status="4xx"} 1' 'request_duration_seconds_count{route="/orders"} 1' \
        'requests_in_flight 1' 'broker_connected 1' 'broker_blocked 0' 'store_readable 1' 'pending_orders 0' 'connections 1'; do
        says body "order_http_$line"
    done
    # Each sample has a type, and each type a help, right before its samples.
    awk '/^# HELP / { help = $3; next } /^# TYPE / { if ($3 != help) exit 1; name = $3; next }
        index($1, name) != 1 || NF < 2 { exit 1 }' body
    ! command -v promtool || promtool check metrics <body
}

@test "/openapi.json: the file of the source, with the version" {
    start_http
    ask /openapi.json
    [ "$code" = 200 ]
    [ "$(jq -r .info.version body)" = "$(order-http --version | awk '{ print $NF }')" ]
    diff <(jq 'del(.info.version)' body) <(jq 'del(.info.version)' "$REPO/src/order-http/openapi.json")
    # Each path but /order is answered as the text says.
    for path in $(jq -r '.paths | to_entries[] | select(.value.get and .key != "/order/{order_id}").key' body); do
        ask "$path"
        [ "$code" = 200 ] || [ "$path" = /ready ]
    done
}
