# order-http: orders that are placed by HTTP, and requests that are refused.

load ../support/http

setup()
{
    isolate
    # Nothing listens there.
    NOWHERE=amqp://127.0.0.1:1
    OWN=0190a0b0-0000-7000-8000-00000000c0de
}

# start_patient [OPTIONS]: starts it, so that an answer waits for the broker on a busy machine, too.
start_patient()
{
    start_http --confirm-wait 30 "$@"
}

# own [QTY]: an order with an order_id of its own.
own()
{
    order "${1:-1}" | jq -c --arg id "$OWN" '{order_id: $id} + .'
}

# masked: messages as drain prints them, without what is new with each order.
masked()
{
    jq -cS '[(.payload | fromjson | del(.order_id, .ts)), .payload_bytes, .exchange, .routing_key,
        (.properties | del(.message_id, .correlation_id, .timestamp, .app_id))]'
}

# answered FILE: the access log in it.
answered()
{
    grep '^\[http\] ' "$1"
}

@test "the clients of the service before it: their curl commands as they stand, up to the customer" {
    port=8001
    ! (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null || port=$(free_port)
    [ "$port" = 8001 ] || echo "# port 8001 is taken: $port instead" >&3
    start_workers
    if [ "$port" = 8001 ]; then
        start http order-http
    else
        start http order-http --listen "127.0.0.1:$port"
    fi
    eventually grep -qx "order-http: listening on 127.0.0.1:$port" http.err
    as_it_stands()
    {
        sed "s/8001/$port/; s/ID/${id:-}/" | bash
    }

    as_it_stands >receipt <<'CURL'
curl -s -X POST http://localhost:8001/order -H "Content-Type: application/json" -d '{"user_id": "u1", "restaurant_id": "r1", "items": [{"sku": "burger", "qty": 1}]}'
CURL
    id=$(jq -r .order_id receipt)
    [ "$(cat receipt)" = "{\"order_id\": \"$id\", \"status\": \"PLACED\"}" ]
    as_it_stands >shown <<<'curl -s http://localhost:8001/order/ID'
    [ "$(jq -c '[.order_id, .status, .data]' shown)" = \
        "[\"$id\",\"PLACED\",{\"user_id\":\"u1\",\"restaurant_id\":\"r1\",\"items\":[{\"sku\":\"burger\",\"qty\":1}]}]" ]
    cmp shown <(order-show "$id")
    as_it_stands <<<'curl -s http://localhost:8001/orders' >list
    [ "$(jq -c '[.count, .orders[0].order_id]' list)" = "[1,\"$id\"]" ]
    [ "$(as_it_stands <<<'curl -s http://localhost:8001/health')" = '{"status": "ok"}' ]
    eventually customers_told 1
    [ "$(jq -r .order_id notify.out)" = "$id" ]
}

@test "an order is stored and published as order-place does it, to the letter" {
    cat >orders <<'ORDERS'
{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{ "items" : [ { "qty" : 1e0 , "sku" : "\u00fc\ud83c\udf54", "note": null } ] , "restaurant_id" : "r\u002d1", "user_id" : "ü\"\\\/" }
{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1000000}],"more":{"deep":[1.50,-0,1E+3,"\u0000"]},"ts":"mine","event_type":"x"}
ORDERS
    printf '\xef\xbb\xbf{"user_id":"bom","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\r\t\n' >>orders
    for ((i = 1; i <= 4; i++)); do
        sed -n "$i{p;q}" orders >one
        order-place <one >receipt
    done
    drain "$PLACED_Q" >messages
    stored_data >data
    other_store
    start_patient
    for ((i = 1; i <= 4; i++)); do
        sed -n "$i{p;q}" orders >one
        place_http @one
        is_receipt PLACED
        [ "${id:14:1}" = 7 ]
        echo "$id" >>placed
    done
    diff data <(stored_data)
    drain "$PLACED_Q" >messages.http
    diff <(masked <messages) <(masked <messages.http)
    diff placed <(jq -r '.properties.correlation_id' messages.http)
    diff placed <(jq -r '.payload | fromjson.order_id' messages.http)
    # The message_id is that of the order, whoever publishes it.
    [ "$(jq -r .properties.message_id messages.http | sort -u | wc -l)" = 4 ]
    [ "$(jq -r .properties.app_id messages.http | sort -u)" = order-http ]
    stored 4 PLACED
}

@test "the broker away: 202 PENDING at once, the order is stored, and the next run publishes it" {
    start_http --url "$NOWHERE"
    place_http "$(order)"
    is_receipt PENDING
    first=$id
    has_status "$first" PENDING
    place_http "$(order)" -H 'Idempotency-Key: k'
    is_receipt PENDING
    ask "/order/$first"
    [ "$(jq -r .status body)" = PENDING ]
    finish -0 "$HTTP" TERM
    says http.err 'order-http: orders are pending: the next start, or order-place --flush, publishes them'
    start_http
    eventually has_status "$first" PLACED
    eventually has_status "$id" PLACED
    holds "$PLACED_Q" 2
    stored 2
    finish -0 "$HTTP" TERM
    run -1 grep pending http.err
}

@test "orders left pending by a live order-place are its own; order-place --flush publishes those of a killed order-http" {
    start_http --url "$NOWHERE"
    for i in 1 2 3; do
        place_http "$(order "$i")"
        is_receipt PENDING
    done
    # It runs: they are its own.
    [ -z "$(order-place --flush)" ]
    stored 3 PENDING
    finish -137 "$HTTP" KILL
    run -0 --separate-stderr order-place --flush
    [ "$(jq -r .status <<<"$output" | uniq -c | tr -s ' ')" = ' 3 PLACED' ]
    stored 3 PLACED
    holds "$PLACED_Q" 3
}

@test "Idempotency-Key: the same content gets the same receipt and no second order, other content 422" {
    start_patient
    key='Idempotency-Key: 6f1c0c5e-3c2e-4d27-9f11-1c2d3e4f5a6b'
    place_http "$(order)" -H "$key"
    is_receipt PLACED
    first=$id
    # The notation makes no difference.
    for text in "$(order)" "$(order | jq .)" "$(order | jq -c '{items, restaurant_id, user_id}')" "$(order | sed 's/"qty":1/"qty":10e-1/')"; do
        place_http "$text" -H "$key"
        is_receipt PLACED
        [ "$id" = "$first" ]
    done
    for text in "$(order 2)" "$(order | jq -c '.more = 1')"; do
        place_http "$text" -H "$key"
        is_problem 422 Idempotency-Key 'the key was used for an order of other content'
        [ -z "$(field Location)" ]
    done
    # Another key is another order, and so is none.
    place_http "$(order)" -H "${key}x"
    is_receipt PLACED
    [ "$id" != "$first" ]
    place_http "$(order)"
    is_receipt PLACED
    stored 3
    holds "$PLACED_Q" 3
    # A bad order does not use up its key.
    place_http '{}' -H 'Idempotency-Key: bad'
    is_problem 422 user_id 'user_id is missing'
    place_http "$(order)" -H 'Idempotency-Key: bad'
    is_receipt PLACED
    stored 4
}

@test "Idempotency-Key: after a restart, after a kill, and in another order-http, the key finds the same order" {
    start_http --url "$NOWHERE"
    place_http "$(order)" -H 'Idempotency-Key: lasting'
    is_receipt PENDING
    first=$id
    finish -137 "$HTTP" KILL
    start_patient
    place_http "$(order)" -H 'Idempotency-Key: lasting'
    is_receipt PLACED
    [ "$id" = "$first" ]
    finish -0 "$HTTP" TERM
    start_patient
    place_http "$(order)" -H 'Idempotency-Key: lasting'
    is_receipt PLACED
    [ "$id" = "$first" ]
    place_http "$(order 2)" -H 'Idempotency-Key: lasting'
    is_problem 422 Idempotency-Key 'the key was used for an order of other content'
    start second order-http --listen "unix:$PWD/second.socket" --confirm-wait 30
    eventually grep -q '^order-http: listening on ' second.err
    place_http "$(order)" -H 'Idempotency-Key: lasting' --unix-socket second.socket
    is_receipt PLACED
    [ "$id" = "$first" ]
    stored 1
}

@test "Idempotency-Key: what is no key, and a key beside an order_id: 400" {
    start_http --url "$NOWHERE"
    for key in "$(repeat 256 k)" $'a\tb' $'\x01' $'\xff' ü 'a b'; do
        place_http "$(order)" -H "Idempotency-Key: $key"
        [ "$code" = 400 ]
        [ "$(field Content-Type)" = application/problem+json ]
    done
    place_http "$(order)" -H "Idempotency-Key: $(repeat 256 k)"
    is_problem 400 Idempotency-Key 'the key is not 1 to 255 visible characters of ASCII'
    place_http "$(order)" -H 'Idempotency-Key;'
    is_problem 400 Idempotency-Key 'the key is not 1 to 255 visible characters of ASCII'
    place_http "$(own)" -H 'Idempotency-Key: k'
    is_problem 400 Idempotency-Key 'the order has an order_id of its own, and the request a key: use one'
    stored 0
    place_http "$(order)" -H "Idempotency-Key: $(repeat 255 k)"
    is_receipt PENDING
    place_http "$(order)" -H 'Idempotency-Key: "quoted,#~"'
    is_receipt PENDING
    stored 2
}

@test "a field that is there twice, of those that must not be: 400" {
    start_http --url "$NOWHERE"
    for field in Idempotency-Key Authorization Content-Type; do
        place_http "$(order)" -H "$field: a" -H "$field: a"
        is_problem 400 '' "there is more than one $field"
    done
    stored 0
}

@test "an order_id of its own: again gives the same receipt, other content is 422; both as order-place sees it" {
    start_patient
    place_http "$(own)"
    is_receipt PLACED
    [ "$id" = "$OWN" ]
    place_http "$(own | jq .)"
    is_receipt PLACED
    [ "$id" = "$OWN" ]
    place_http "$(own | sed "s/$OWN/${OWN^^}/")"
    is_receipt PLACED
    [ "$id" = "$OWN" ]
    place_http "$(own 2)"
    is_problem 422 order_id "$(own 2 | order-place 2>&1 | sed -n 's/^order-place: input 1 (line 1): //p')"
    run -0 --separate-stderr order-place <<<"$(own)"
    [ "$output" = "{\"order_id\": \"$OWN\", \"status\": \"PLACED\", \"repeated\": true}" ]
    stored 1
    holds "$PLACED_Q" 1
    order 3 | jq -c '.order_id = "0190a0b0-0000-7000-8000-00000000c0df"' | order-place
    place_http "$(order 3 | jq -c '.order_id = "0190a0b0-0000-7000-8000-00000000c0df"')"
    is_receipt PLACED
    stored 2
    holds "$PLACED_Q" 2
}

@test "what is not an order: 400 if it is not JSON, otherwise 422 with the member, and order-place's reason" {
    start_http --url "$NOWHERE"
    while IFS='|' read -r wanted member text; do
        echo "$text"
        place_http "$text"
        reason=$(order-place --url "$NOWHERE" --retries 1 <<<"$text" 2>&1 | sed -n '1s/^order-place: input 1 (line [0-9]*): //p')
        [ -n "$reason" ]
        if [ "$wanted" = 400 ]; then
            is_problem 400 '' "$(jq -r .detail body)"
            [[ $(jq -r .detail body) == "not JSON: $reason"* ]]
        elif [ "$member" != - ]; then
            is_problem 422 "$member" "$reason"
            [[ $reason == "$member "* ]]
        else
            is_problem 422 '' "$(jq -r .detail body)"
            [[ $reason == "$(jq -r .detail body)"* ]]
        fi
    done <<'TEXTS'
400||x
400||{"user_id":"u"
400||{"user_id":"u",}
400||{"qty":01}
422|-|[]
422|-|"order"
422|-|null
422|-|17
422|user_id|{}
422|user_id|{"user_id":7,"restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|user_id|{"user_id":"\ud800","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|user_id|{"user_id":"","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|user_id|{"user_id":"a\u0000b","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|user_id|{"user_id":"u","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|restaurant_id|{"user_id":"u","items":[{"sku":"s","qty":1}]}
422|items|{"user_id":"u","restaurant_id":"r"}
422|items|{"user_id":"u","restaurant_id":"r","items":{}}
422|items|{"user_id":"u","restaurant_id":"r","items":[]}
422|items[0]|{"user_id":"u","restaurant_id":"r","items":["s"]}
422|items[1].sku|{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1},{"qty":1}]}
422|items[0].qty|{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":0}]}
422|items[0].qty|{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1.5}]}
422|items[0].qty|{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1000001}]}
422|items[0].qty|{"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":"1"}]}
422|contact|{"contact":null,"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|contact|{"contact":{"a":"\u0000"},"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|order_id|{"order_id":"x","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
422|order_id|{"order_id":null,"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
TEXTS
    stored 0
    [ "$(answered http.err | grep -c ' 4[02][02] ')" = "$(answered http.err | wc -l)" ]
}

@test "one order a request: a second value, nothing at all, what is not UTF-8, NUL bytes: 400" {
    start_http --url "$NOWHERE"
    place_http "$(order) $(order)"
    is_problem 400 '' "$(jq -r .detail body)"
    [[ $(jq -r .detail body) == 'not JSON: something follows the value '* ]]
    place_http ''
    is_problem 400 '' 'not JSON: it is empty'
    printf ' \n' >blank
    place_http @blank
    is_problem 400 '' 'not JSON: it is empty'
    printf '\xef\xbb\xbf' >mark
    place_http @mark
    is_problem 400 '' 'not JSON: it is empty'
    printf '{"user_id":"\xff"}' >foreign
    place_http @foreign
    [[ $code == 400 && $(jq -r .detail body) == 'not JSON: a string is not UTF-8 '* ]]
    order | tr '1' '\0' >zeros
    place_http @zeros
    [ "$code" = 400 ]
    printf '\xff\xfe{\0' >utf16
    place_http @utf16
    [ "$code" = 400 ]
    stored 0
}

@test "an order of 1 MiB is taken, in whatever way it comes; one byte more is 413" {
    start_http --url "$NOWHERE"
    filler=$(mktemp -p .)
    head -c 1048000 /dev/zero | tr '\0' x >"$filler"
    { order | tr -d '}\n' | sed 's/1\]$/1}]/' && printf ',"padding":"' && cat "$filler" && printf '"}'; } >large
    truncate -s 1048576 large
    tr '\0' ' ' <large >blanks && mv blanks large
    place_http @large
    is_receipt PENDING
    place_http @large -H 'Transfer-Encoding: chunked' -H 'Idempotency-Key: chunked'
    is_receipt PENDING
    place_http @large -H 'Expect: 100-continue' -H 'Idempotency-Key: chunked'
    is_receipt PENDING
    place_http @large --http1.0
    is_receipt PENDING
    order-show "$id" | jq -j .data.padding | cmp - "$filler"
    stored 3
    printf ' ' >>large
    for option in 'Expect: 100-continue' 'Expect:'; do
        place_http @large -H "$option"
        is_problem 413 Content-Length 'a body has at most 1048576 bytes'
        [ "$(field Connection)" = close ]
    done
    place_http @large -H 'Transfer-Encoding: chunked'
    is_problem 413 '' 'a body has at most 1048576 bytes'
    stored 3
}

@test "paths and methods: 404, 405 with Allow, OPTIONS, HEAD" {
    start_http --url "$NOWHERE"
    for path in / /Order /order/ /order// /orders/ /orders/x /health/x /nowhere '/order%2F'; do
        ask "$path"
        [ "$code" = 404 ]
        [ "$(field Content-Type)" = application/problem+json ]
        ask "$path" -X POST -H 'Content-Type: application/json' --data "$(order)"
        [[ $code == 40[45] ]]
    done
    ask /nowhere
    is_problem 404 '' "there is no '/nowhere'"
    while read -r path allow; do
        for method in GET POST PUT DELETE PATCH CONNECT TRACE PROPFIND; do
            [[ ", $allow," != *", $method,"* ]] || continue
            ask "$path" -X "$method"
            pattern=$path
            [ "$path" != /order/x ] || pattern='/order/{order_id}'
            is_problem 405 '' "'$pattern' does not answer to $method"
            [ "$(field Allow)" = "$allow" ]
        done
        ask "$path" -X OPTIONS
        [ "$code" = 204 ]
        [ "$(field Allow)" = "$allow" ]
        [ ! -s body ]
        [ -z "$(field Access-Control-Allow-Origin)" ]
    done <<'ROUTES'
/order POST, OPTIONS
/order/x GET, HEAD, OPTIONS
/orders GET, HEAD, OPTIONS
/health GET, HEAD, OPTIONS
/metrics GET, HEAD, OPTIONS
/openapi.json GET, HEAD, OPTIONS
ROUTES
    ask /order --head
    [ "$code" = 405 ]
    [ "$(field Allow)" = 'POST, OPTIONS' ]
    ask / -X OPTIONS --request-target '*'
    [ "$code" = 204 ]
    stored 0
}

@test "each field of a request that is wrong has its status, its member and its reason" {
    start_http --url "$NOWHERE"
    place_http "$(order)" -H 'Accept: text/html'
    is_problem 406 Accept "'/order' gives application/json"
    place_http "$(order)" -H 'Accept: application/json;q=0, */*'
    is_problem 406 Accept "'/order' gives application/json"
    ask /orders -H 'Accept: image/*'
    is_problem 406 Accept "'/orders' gives application/json"
    ask /order -X POST -H 'Content-Type: application/json'
    is_problem 411 Content-Length 'a POST needs a length, even if it is 0'
    for type in text/plain application/x-www-form-urlencoded application/jsonp 'application/json; charset=utf-16' ''; do
        ask /order -H "Content-Type: $type" --data-binary "$(order)" -H 'Origin: http://evil.example'
        is_problem 415 Content-Type 'an order comes as application/json, in UTF-8'
    done
    for fields in 'gzip' 'identity, gzip' $'identity\r\nContent-Encoding: gzip'; do
        place_http "$(order)" -H "Content-Encoding: $fields"
        is_problem 415 Content-Encoding 'an order must not be compressed'
        [ "$(field Accept-Encoding)" = identity ]
    done
    place_http "$(order)" -H 'Expect: 200-ok'
    is_problem 417 Expect "'200-ok' is not 100-continue"
    ask "/orders?$(repeat 4096 x)"
    is_problem 414 '' 'the target has more than 4096 bytes'
    place_http "$(order)" -H "X-Long: $(repeat 16384 x)"
    is_problem 431 '' 'the header has more than 16384 bytes'
    ask /order/%zz
    is_problem 400 '' "cannot read '/order/%zz': a '%' is not followed by two hexadecimal digits"
    ask /order/%00
    is_problem 400 '' "cannot read '/order/%00': it is not UTF-8 without NUL"
    ask /order/%ff
    is_problem 400 '' "cannot read '/order/%ff': it is not UTF-8 without NUL"
    # Newer versions of libmicrohttpd answer this by themselves.
    place_http "$(order)" -H 'Host:'
    [ "$code" = 400 ]
    place_http "$(order)" -H "Content-Length: $(order | wc -c)" -H 'Transfer-Encoding: chunked'
    is_problem 400 '' 'there are both Content-Length and Transfer-Encoding'
    stored 0
    # And these are right.
    for type in application/json 'Application/JSON; charset=UTF-8' 'application/json;charset="utf-8"'; do
        ask /order -H "Content-Type: $type" --data-binary "$(order)" -H 'Accept: text/html;q=0.9, application/*;q=0.1'
        is_receipt PENDING
    done
    ask /order -H 'Content-Type:' --data-binary "$(order)"
    is_receipt PENDING
    ask /order?x=1 -H 'Content-Type: application/json' --data-binary "$(order)"
    is_receipt PENDING
    stored 5
}

@test "100 clients at once: each gets its own receipt, in few commits, and nothing is stored twice" {
    start_patient
    eventually http_ready
    for ((i = 1; i <= 200; i++)); do
        [ "$i" = 1 ] || echo next
        printf 'url = "http://localhost/order"\nunix-socket = "socket"\nsilent\noutput = "answer.%s"\n' "$i"
        body=$(order 1 "u-$i")
        printf 'header = "Content-Type: application/json"\ndata = "%s"\n' "${body//\"/\\\"}"
    done >requests
    curl -Z --parallel-immediate --parallel-max 100 -K requests
    cat answer.* >receipts
    [ "$(jq -r .status receipts | sort | uniq -c | tr -s ' ')" = ' 200 PLACED' ]
    for ((i = 1; i <= 200; i += 37)); do
        [ "$(order-show "$(jq -r .order_id "answer.$i")" | jq -r .data.user_id)" = "u-$i" ]
    done
    stored 200 PLACED
    diff <(ids <receipts | sort) <(drain "$PLACED_Q" | jq -r '.payload | fromjson.order_id' | sort)
}

@test "two order-http and an order-place on one store, at once: every receipt is true, and a key used at both is one order" {
    start_patient
    start second order-http --listen "unix:$PWD/second.socket" --confirm-wait 30
    second=$PID
    eventually grep -q '^order-http: listening on ' second.err
    orders 300 >many
    start place order-place <many
    for ((i = 1; i <= 120; i++)); do
        [ "$i" = 1 ] || echo next
        printf 'url = "http://localhost/order"\nunix-socket = "%s"\nsilent\noutput = "answer.%s"\n' \
            "$([ $((i % 2)) = 0 ] && echo socket || echo second.socket)" "$i"
        printf 'header = "Content-Type: application/json"\nheader = "Idempotency-Key: key-%s"\n' "$((i / 2))"
        body=$(order 1 "u-$((i / 2))")
        printf 'retry = 50\nretry-all-errors\nfail\ndata = "%s"\n' "${body//\"/\\\"}"
    done >requests
    curl -Z --parallel-immediate --parallel-max 40 -K requests
    finish -0 "$PID"
    cat answer.* >receipts
    [ "$(jq -r .status receipts | sort | uniq -c | tr -s ' ')" = ' 120 PLACED' ]
    [ "$(ids <receipts | sort -u | wc -l)" = 61 ]
    stored 361 PLACED
    diff <(cat receipts place.out | ids | sort -u) <(drain "$PLACED_Q" | jq -r '.payload | fromjson.order_id' | sort -u)
    finish -0 "$HTTP" TERM
    finish -0 "$second" TERM
}

@test "40 clients at once with one order_id, or one key, and four orders: one order is stored, and all others are told" {
    start_patient
    eventually http_ready
    for by in id key; do
        for ((i = 0; i < 40; i++)); do
            [ "$i" = 0 ] || echo next
            printf 'url = "http://localhost/order"\nunix-socket = "socket"\nsilent\nheader = "Content-Type: application/json"\n'
            printf 'output = "/dev/null"\nwrite-out = "%%{http_code} %s\\n"\n' $((i % 4 + 1))
            if [ "$by" = id ]; then
                printf 'data = "%s"\n' "$(own $((i % 4 + 1)) | sed 's/"/\\"/g')"
            else
                printf 'header = "Idempotency-Key: one"\ndata = "%s"\n' "$(order $((i % 4 + 1)) | sed 's/"/\\"/g')"
            fi
        done >requests
        curl -Z --parallel-immediate --parallel-max 40 -K requests 2>/dev/null >codes
        has_lines codes 40
        if [ "$by" = id ]; then
            # Ten had the content that came first.
            [ "$(grep -c '^202 ' codes) $(grep -c '^422 ' codes)" = '10 30' ]
            qty=$(order-show "$OWN" | jq '.data.items[0].qty')
            stored 1
        else
            run -1 grep -v '^202 \|^409 \|^422 ' codes
            qty=$(order-show --all | jq --arg own "$OWN" 'select(.order_id != $own).data.items[0].qty')
            stored 2
        fi
        [ "$(grep '^202 ' codes | sort -u)" = "202 $qty" ]
    done
    holds "$PLACED_Q" 2
}

@test "the store cannot be opened: 73; the address cannot be used: 69" {
    about_files
    mkdir store
    ORDER_STORE=$PWD/store run -73 --separate-stderr timeout "$HANGING" order-http --listen "unix:$PWD/socket"
    [[ $stderr == "order-http: cannot open '$PWD/store': "* ]]
    [ ! -e socket ]
    run -69 --separate-stderr timeout "$HANGING" order-http --listen "unix:$PWD/nowhere/socket"
    [ "$stderr" = "order-http: cannot listen on 'unix:$PWD/nowhere/socket': No such file or directory" ]
}

@test "another program has locked the store: all others are served, an order gets 503 after --confirm-wait, and nothing is stored" {
    about_files
    start_http --url "$NOWHERE" --confirm-wait 1
    place_http "$(order)"
    is_receipt PENDING
    first=$id
    lock_store
    for i in 1 2 3; do
        start "waits$i" curl -sS -o "waits$i.body" -D "waits$i.head" -w '%{http_code} %{time_total}\n' --unix-socket socket \
            -H 'Content-Type: application/json' -H "Idempotency-Key: $i" -d "$(order "$i")" http://localhost/order
        waits[i]=$PID
    done
    # Four seconds at most for 45 requests: waiting for the lock each time would take hundreds.
    served()
    {
        for _ in {1..15}; do
            ask /health && [ "$code" = 200 ]
            ask "/order/$first" && [ "$code" = 200 ]
            ask '/orders?limit=1' && [ "$code" = 200 ]
        done
    }
    takes_less 4 served
    for i in 1 2 3; do
        finish -0 "${waits[i]}"
        read -r code seconds <"waits$i.out"
        awk -v s="$seconds" -v slow="$(slowness)" 'BEGIN { exit !(s >= 1 && s < 1 + slow) }'
        cp "waits$i.body" body
        cp "waits$i.head" head
        is_problem 503 '' 'the store is locked by another program'
        [ "$(field Retry-After)" = 1 ]
    done
    place_http "$(order 4)"
    [ "$code" = 503 ]
    [ "$(grep -c "cannot write to '.*/orders.db': database is locked: process $LOCKER has held it for more than 1 s" http.err)" = 1 ]
    unlock_store
    stored 2
    place_http "$(order 1)" -H 'Idempotency-Key: 1'
    is_receipt PENDING
    [ "$(grep -c "/orders.db' can be written again" http.err)" = 1 ]
    ends -0 "$HTTP" TERM
}

@test "another program has locked the store for a moment: orders wait for it, each is stored once, even of a client that has left" {
    about_files
    start_http --url "$NOWHERE" --confirm-wait 50
    place_http "$(order)"
    lock_store
    for i in {1..20}; do
        start "waits$i" curl -sS -o "waits$i.body" --unix-socket socket -H 'Content-Type: application/json' \
            -d "$(order "$i" "u-$i")" http://localhost/order
        waits[i]=$PID
    done
    in_flight()
    {
        ask /metrics
        says body 'order_http_requests_in_flight 21'
    }
    eventually in_flight
    finish -137 "${waits[7]}" KILL
    unlock_store
    for i in {1..20}; do
        [ "$i" = 7 ] || finish -0 "${waits[i]}"
        [ "$i" = 7 ] || [ "$(jq -r .status "waits$i.body")" = PENDING ]
    done
    eventually stored 22
    [ "$(stored_data | jq -r .user_id | grep '^u-' | sort | uniq -c | awk '$1 == 1' | wc -l)" = 20 ]
}

@test "asked to stop while another program has locked the store: whoever waits is told, and it exits with 0" {
    about_files
    start_http --url "$NOWHERE" --confirm-wait 2
    place_http "$(order)"
    lock_store
    start waiting curl -sS -o waiting.body --unix-socket socket -H 'Content-Type: application/json' -d "$(order 2)" http://localhost/order
    client=$PID
    locked()
    {
        grep -q 'database is locked' http.err
    }
    eventually locked
    ends -0 "$HTTP" TERM 15
    finish -0 "$client"
    [ "$(jq -r .status waiting.body)" = 503 ]
    unlock_store
    stored 2
}

@test "the disk is full: 503 with Retry-After, what was stored is shown, and it goes on once there is room" {
    about_files
    small_disk 2M
    export ORDER_STORE=$PWD/small/orders.db
    start_patient
    place_http "$(order)"
    is_receipt PLACED
    first=$id
    dd if=/dev/zero of=small/filler bs=4096 2>/dev/null || true
    full()
    {
        place_http "$(order 2 | jq -c --arg padding "$(repeat 50000 x)" '.padding = $padding')"
        [ "$code" = 503 ]
    }
    eventually full
    is_problem 503 '' 'the order could not be stored'
    [ "$(field Retry-After)" = 1 ]
    [ -z "$(field Location)" ]
    ask "/order/$first"
    [ "$code" = 200 ]
    ask /health
    [ "$code" = 200 ]
    rm small/filler
    place_http "$(order 3)" -H 'Idempotency-Key: later'
    is_receipt PLACED
    has_status "$id" PLACED
    finish -0 "$HTTP" TERM
    umount small
}

@test "the store is replaced: 503 for an order, nothing is published, and it ends with 73 to be started afresh" {
    about_files
    export ORDER_STORE=$PWD/orders.db
    start_patient
    place_http "$(order)"
    is_receipt PLACED
    cp orders.db copy
    mv copy orders.db
    place_http "$(order 2)" -H 'Idempotency-Key: k'
    is_problem 503 '' 'the order could not be stored'
    [ "$(field Retry-After)" = 1 ]
    ends -73 "$HTTP"
    [ ! -e socket ]
    grep -qF "order-http: '$ORDER_STORE' was removed or replaced while in use" http.err
    holds "$PLACED_Q" 1
    start_patient
    place_http "$(order 2)" -H 'Idempotency-Key: k'
    is_receipt PLACED
    # What was in the log of the replaced store only is published again.
    [ "$(drain "$PLACED_Q" | jq -r .properties.correlation_id | sort -u | wc -l)" = 2 ]
}

@test "the store is removed: 503 for those that have sent their orders, and it ends with 73" {
    about_files
    export ORDER_STORE=$PWD/orders.db
    start_patient --url "$NOWHERE"
    place_http "$(order)"
    is_receipt PENDING
    rm orders.db orders.db-*
    curl -s -Z --parallel-immediate --unix-socket socket -H 'Content-Type: application/json' -d "$(order)" \
        -w '%{http_code}\n' -o /dev/null -o /dev/null -o /dev/null http://localhost/order http://localhost/order http://localhost/order >codes 2>/dev/null || true
    # One that comes later finds nobody.
    [ "$(sort -u codes | tail -n 1)" = 503 ]
    run -1 grep -vx '503\|000' codes
    ends -73 "$HTTP"
}

@test "standard error takes nothing: orders are placed all the same, and it ends with 0" {
    # shellcheck disable=SC2016 # expanded by that shell
    start http bash -c 'exec order-http --listen "unix:$PWD/socket" --confirm-wait 30 2>/dev/full'
    eventually test -S socket
    place_http "$(order)"
    is_receipt PLACED
    has_status "$id" PLACED
    finish -0 "$PID" TERM
}

@test "standard error is a full pipe that nobody reads: no client waits for it, and what was dropped is counted" {
    mkfifo log.pipe
    exec 7<>log.pipe
    # shellcheck disable=SC2016 # expanded by that shell
    start http bash -c 'exec order-http --listen "unix:$PWD/socket" --url "$1" 2>log.pipe' - "$NOWHERE"
    eventually test -S socket
    fill_pipe log.pipe
    place_http "$(order)" --max-time 20
    is_receipt PENDING
    for ((i = 0; i < 40; i++)); do
        [ "$i" = 0 ] || echo next
        printf 'url = "http://localhost/order/%s?[1-50]"\nunix-socket = "socket"\nsilent\noutput = "/dev/null"\n' "$(repeat 100 x)"
        printf 'write-out = "%%{http_code}\\n"\nmax-time = 20\n'
    done | curl -K - >codes
    says codes 404 2000
    dd bs=65536 count=1 of=/dev/null <&7 2>/dev/null
    # As it would be if the reader went on: with the next request.
    cat <&7 >log &
    STARTED+=("$!")
    ask /health
    eventually grep -q '^order-http: [0-9]* lines that should stand above were dropped: nobody read them$' log
    dropped=$(sed -n 's/^order-http: \([0-9]*\) lines that .*/\1/p' log)
    finish -0 "$PID" TERM
    eventually grep -q 'orders are pending' log
    # Among them may be a few about the broker that is away.
    ((dropped += $(grep -ac '^\[http\] GET /order/x* 404 ' log)))
    [ "$dropped" -ge 2000 ]
    [ "$dropped" -le 2005 ]
}

@test "the body of a GET is dropped, and the next request on the connection is understood" {
    start_http --url "$NOWHERE"
    [ "$(curl -s --unix-socket socket -X GET --data-binary "$(order)" http://localhost/health -o /dev/null --next \
        -s --unix-socket socket http://localhost/health -w '%{http_code} %{num_connects}' -o /dev/null)" = '200 0' ]
    stored 0
}

@test "no word of an order, a key or a query in the log" {
    start_http --url "$NOWHERE" --log-format json
    place_http "$(order 1 hush-user)" -H 'Idempotency-Key: hush-key' -H 'Authorization: Bearer hush-token'
    is_receipt PENDING
    ask '/orders?limit=7&hush=1'
    place_http '{"hush":'
    finish -0 "$HTTP" TERM
    run -1 grep hush http.err
    [ "$(jq -c 'select(.method) | [.method, .path, .status, .order_id]' http.err | paste -sd ' ')" = \
        "[\"POST\",\"/order\",202,\"$id\"] [\"GET\",\"/orders\",400,null] [\"POST\",\"/order\",400,null]" ]
}

@test "whatever a client sends, the log has whole lines without control bytes, and as JSON is valid" {
    CLIENT=$REPO/tests/support/client.py
    for format in text json; do
        start_http --url "$NOWHERE" --log-format "$format"
        sent=0
        while read -r request; do
            printf '%b' "$request" | /usr/bin/python3 "$CLIENT" send "$PWD/socket" --half >/dev/null || true
            sent=$((sent + 1))
        done <<'REQUESTS'
GET /\x1b[31mred HTTP/1.1\r\nHost: x\r\n\r\n
GET /\xff\xc3\xbc\x7f" HTTP/1.1\r\nHost: x\r\n\r\n
GET /%0a%00"\\ HTTP/1.1\r\nHost: x\r\n\r\n
G"E\x1bT /order HTTP/1.1\r\nHost: x\r\n\r\n
GETGETGETGETGETGETGETGETGETGET /order HTTP/1.1\r\nHost: x\r\n\r\n
GET /a\rb HTTP/1.1\r\nHost: x\r\n\r\n
GET http://user:word@host/order/x HTTP/1.1\r\nHost: x\r\n\r\n
REQUESTS
        ask /health
        finish -0 "$HTTP" TERM
        run -1 grep -aP '[\x00-\x1f\x7f]' http.err
        iconv -f UTF-8 -t UTF-8 http.err >/dev/null
        run -1 grep -F user:word http.err
        if [ "$format" = json ]; then
            jq -c 'select(.method)' http.err >log
            jq -se 'all(.[]; (.path | type) == "string" and (.ms | type) == "number")' log
            [ "$(jq -r '.status | tostring' log | tail -n 1)" = 200 ]
        else
            grep -v '^order-http: ' http.err >log
            run -1 grep -v '^\[http\] [^ ]* .* \([0-9]\{3\}\|-\) [0-9]* bytes [0-9.]* ms unix$' log
        fi
        # None of them made two lines.
        [ "$(wc -l <log)" -le $((sent + 1)) ]
    done
}
