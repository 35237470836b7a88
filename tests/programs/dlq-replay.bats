# dlq-replay: what it shows, where it sends what, and that nothing is lost, whatever happens meanwhile.

load ../support/letters

# letter BODY HEADERS: straight into the dead letter queue.
letter()
{
    post '' "$DEAD_Q" "$1" "{\"headers\": $2}"
}

# poison N [FIRST]: N messages {"n": ...}, which the worker rejects, in the dead letter queue behind those that are there.
poison()
{
    local first=${2:-1} before
    before=$(ready "$DEAD_Q")
    seq "$first" $((first + $1 - 1)) | sed 's/.*/{"n":&}/' |
        amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -p -l
    timeout "$HANGING" inventory-worker --count "$1" 2>/dev/null
    eventually holds "$DEAD_Q" $((before + $1))
}

# peeked_numbers QUEUE...: the n of all messages there.
peeked_numbers()
{
    local queue
    for queue in "$@"; do
        queue-inspect --peek 1000000 "$queue" | jq .body.n
    done
}

# as_it_is QUEUE: its messages, without what taking a look at them changes.
as_it_is()
{
    local count
    count=$(ready "$1")
    messages "$1" | jq -cS '{payload, payload_encoding, properties, exchange, routing_key}'
    eventually holds "$1" "$count"
}

# ---- showing

@test "dlq-replay: --list gives for each dead letter the reason that the worker gave" {
    local body count=0
    while IFS= read -r body; do
        publish orders-ex order.placed "$body"
        count=$((count + 1))
    done <<END

poison
{"cut":
[]
7
null
{}
{"event_type":7}
{"event_type":"OrderCancelled","order_id":"a","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":7,"user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"$(printf '%0129d' 0)","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"a\u001b[31m","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"a","order_id":"b","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"a","restaurant_id":"r","items":[{"sku":"s","qty":1}]}
{"event_type":"OrderPlaced","order_id":"a","user_id":"u","restaurant_id":"r","items":[]}
{"event_type":"OrderPlaced","order_id":"a","user_id":"u","restaurant_id":"r","items":{}}
{"event_type":"OrderPlaced","order_id":"a","user_id":"u","restaurant_id":"r","items":[{"qty":1}]}
{"event_type":"OrderPlaced","order_id":"a","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1},{"sku":"s","qty":0}]}
{"event_type":"OrderPlaced","order_id":"a","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":"1"}]}
$(printf '{"event_type":"\xff"}')
END
    # Larger than an event may be.
    head -c 3000000 /dev/zero | tr '\0' ' ' | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed
    count=$((count + 1))
    inventory-worker --count "$count" 2>log
    sed -n 's/^\[inventory\] rejected a message: //p' log >given
    [ "$(wc -l <given)" -eq "$count" ]

    run -0 --separate-stderr dlq-replay --list
    [ -z "$stderr" ]
    [ "$(jq -s 'length' <<<"$output")" -eq "$count" ]
    jq -r .error <<<"$output" | diff given -
    [ "$(sort -u given | wc -l)" -ge 15 ]
}

@test "dlq-replay: --list gives for letters from inventory.reserved.q the reason that notify-worker gave" {
    local body count=0
    while IFS= read -r body; do
        publish inventory-ex inventory.reserved "$body"
        count=$((count + 1))
    done <<'END'
poison
{"event_type":"InventoryReserved"}
{"event_type":"InventoryReserved","order_id":7,"user_id":"u","restaurant_id":"r","items":[]}
END
    notify-worker --count "$count" 2>log
    sed -n "s/^\[notify\] moved to $DEAD_Q: //p" log >given
    [ "$(wc -l <given)" -eq "$count" ]
    run -0 --separate-stderr dlq-replay --list
    jq -r .error <<<"$output" | diff given -
    jq -es 'all(.death.queue == "inventory.reserved.q" and .death.exchange == "inventory-ex"
                and .death.routing_key == "inventory.reserved")' <<<"$output"
}

@test "dlq-replay: --list gives for letters from order.outcome.q the reason that order-track gave, and null once it would take them" {
    order-track --idle-timeout 0
    publish inventory-ex inventory.reserved poison
    publish inventory-ex inventory.handed_over '{"event_type":"InventoryHandedOver"}'
    order-track --count 2 2>log
    sed -n "s/^\[track\] moved to $DEAD_Q: //p" log >given
    [ "$(wc -l <given)" -eq 2 ]
    run -0 --separate-stderr dlq-replay --list
    jq -r .error <<<"$output" | diff given -
    run -0 --separate-stderr dlq-replay --dry-run --filter jq -c --unbuffered '.body //= {"event_type": "InventoryFailed"} | .body.order_id = "a"'
    jq -es 'map(.error) == [null, null]' <<<"$output"
}

@test "dlq-replay: --list gives null for a message that would be taken now" {
    publish orders-ex order.placed "$(event a)"
    publish orders-ex order.placed "$(event too-many 10)"
    reject "$PLACED_Q" 2
    publish inventory-ex inventory.reserved "$(event b | sed s/OrderPlaced/InventoryReserved/)"
    notify-worker --retry-delay 0 --count 1 --exec false 2>/dev/null
    run -0 --separate-stderr dlq-replay --list
    [ "$(jq -r '.body.order_id' <<<"$output" | paste -sd,)" = a,too-many,b ]
    jq -es 'all(has("error") and .error == null)' <<<"$output"
}

@test "dlq-replay: --list shows a letter as queue-inspect --peek does, and its error" {
    poison 1
    letter text '{"a": [1, {"b": true}]}'
    queue-inspect --peek 2 "$DEAD_Q" >peeked
    eventually holds "$DEAD_Q" 2
    run -0 --separate-stderr dlq-replay --list
    jq -c 'del(.error) | .redelivered = false' <<<"$output" | diff peeked -
    [ "$(jq -c 'has("error")' <<<"$output" | sort -u)" = true ]
}

@test "dlq-replay: --list changes nothing" {
    poison 3
    letter text '{"a": [1, {"b": true}]}'
    letter "$(event a)" '{}'
    as_it_is "$DEAD_Q" >before
    run -0 --separate-stderr dlq-replay --list
    [ "${#lines[@]}" -eq 5 ]
    eventually holds "$DEAD_Q" 5
    as_it_is "$DEAD_Q" | diff before -
    holds "$PLACED_Q" 0
}

@test "dlq-replay: --list shows 600 letters, in their order, and keeps them" {
    poison 600
    run -0 --separate-stderr dlq-replay --list
    [ "$(jq .body.n <<<"$output" | cksum)" = "$(seq 600 | cksum)" ]
    eventually holds "$DEAD_Q" 600
    [ "$(peeked_numbers "$DEAD_Q" | cksum)" = "$(seq 600 | cksum)" ]
}

@test "dlq-replay: --list -n shows the first ones only" {
    poison 4
    run -0 --separate-stderr dlq-replay --list -n 3
    [ "$(jq .body.n <<<"$output" | paste -sd,)" = 1,2,3 ]
    eventually holds "$DEAD_Q" 4
    run -0 --separate-stderr dlq-replay --number 70000 --list
    [ "$(jq .body.n <<<"$output" | paste -sd,)" = 1,2,3,4 ]
    eventually holds "$DEAD_Q" 4
}

@test "dlq-replay: nothing to show, nothing to replay" {
    run -0 --separate-stderr dlq-replay --list
    [ -z "$output$stderr" ]
    run -0 --separate-stderr dlq-replay
    [ -z "$output$stderr" ]
}

# ---- replaying

@test "dlq-replay: a letter goes back as it was, byte for byte" {
    local properties headers body
    headers='{"text": "größe", "empty": "", "int": 5, "negative": -70000, "float": 1.5, "yes": true, "no": false,
        "table": {"in": {"deep": [1, "z", {"k": false}]}, "none": {}}, "list": [1, "a", [2, []]], "x-own": "kept", "": "no name"}'
    properties='{"content_type": "application/octet-stream", "content_encoding": "gzip", "correlation_id": "c", "reply_to": "r",
        "message_id": "m", "type": "t", "app_id": "a", "cluster_id": "cl", "delivery_mode": 2, "priority": 4, "timestamp": 1700000000}'
    body=$({ printf 'nul\0 \xff\xfe \r\n' && head -c 60000 /dev/urandom; } | base64 -w 0)
    post orders-ex order.placed "$body" "$(jq -c --argjson h "$headers" '.user_id = "guest" | .headers = $h' <<<"$properties")" base64
    reject "$PLACED_Q" 1
    messages "$DEAD_Q" | jq -e '.properties.headers | has("x-death") and has("x-first-death-queue")'

    run -0 --separate-stderr dlq-replay
    [ -z "$stderr" ]
    holds "$DEAD_Q" 0
    messages "$PLACED_Q" >back
    jq -es 'length == 1' back
    jq -e '.exchange == "orders-ex" and .routing_key == "order.placed"' back
    [ "$(jq -r .payload back)" = "$body" ]
    jq -e --argjson properties "$properties" '.properties | del(.headers) == $properties' back
    jq -e --argjson headers "$headers" '.properties.headers | has("order-tools-run") and del(."order-tools-run") == ($headers | .["order-tools-replays"] = 1)' back

    # And once more.
    reject "$PLACED_Q" 1
    run -0 --separate-stderr dlq-replay
    messages "$PLACED_Q" | jq -c '.properties.headers."order-tools-replays" -= 1 | del(.redelivered, .properties.headers."order-tools-run")' |
        diff <(jq -c 'del(.redelivered, .properties.headers."order-tools-run")' back) -
}

@test "dlq-replay: a letter without properties goes back with two headers only, the count and the run" {
    post orders-ex order.placed ''
    reject "$PLACED_Q" 1
    run -0 --separate-stderr dlq-replay
    messages "$PLACED_Q" | jq -e '.payload == "" and (.properties | keys) == ["headers"] and
        (.properties.headers | keys) == ["order-tools-replays", "order-tools-run"] and .properties.headers."order-tools-replays" == 1'
}

@test "dlq-replay: headers of AMQP's other types go back as they were" {
    publish_record "orders-ex" "order.placed" x "{'P_basic', undefined, undefined, Headers, 2, 9, <<\"c\", 255>>, undefined, undefined, undefined,
            undefined, undefined, undefined, undefined, undefined}" "
        Headers = [{<<\"byte\">>, byte, -5}, {<<\"ubyte\">>, unsignedbyte, 250}, {<<\"short\">>, short, -300},
            {<<\"ushort\">>, unsignedshort, 65000}, {<<\"uint\">>, unsignedint, 4000000000}, {<<\"long\">>, long, -9007199254740993},
            {<<\"float\">>, float, 0.5}, {<<\"void\">>, void, undefined}, {<<\"time\">>, timestamp, 1700000000},
            {<<\"decimal\">>, decimal, {2, 314}}, {<<\"bytes\">>, binary, <<255, 0, 1>>}, {<<\"nul\">>, longstr, <<\"a\", 0, \"b\">>}],"
    queue-inspect --peek 1 "$PLACED_Q" | jq -c '.headers' >before
    eventually holds "$PLACED_Q" 1
    run -0 --separate-stderr inventory-worker --count 1
    run -0 --separate-stderr dlq-replay
    queue-inspect --peek 1 "$PLACED_Q" >after
    jq -cS '.headers | del(."order-tools-replays", ."order-tools-run")' after | diff <(jq -cS . before) -
    # Past what jq's numbers hold.
    jq -e '.headers.long == {amqp: "int64", value: "-9007199254740993"}' after
    jq -e '.properties.correlation_id == {amqp: "string", base64: "Y/8="}' after
}

@test "dlq-replay: each letter goes back to the exchange and key that it came from, with a line that says so" {
    api PUT "exchanges/$VHOST/shop" '{"type": "topic", "durable": true}' >/dev/null
    api POST "bindings/$VHOST/e/shop/q/$PLACED_Q" '{"routing_key": "eu.#"}' >/dev/null
    publish orders-ex order.placed 1
    publish shop eu.berlin 2
    publish '' "$PLACED_Q" 3
    run -0 --separate-stderr inventory-worker --count 3
    run -0 --separate-stderr dlq-replay
    [ "$(sed 's/,"error".*//' <<<"$output")" = '{"fate":"replayed","queue":"order.placed.dlq","order_id":null,"exchange":"orders-ex","routing_key":"order.placed","replays":1
{"fate":"replayed","queue":"order.placed.dlq","order_id":null,"exchange":"shop","routing_key":"eu.berlin","replays":1
{"fate":"replayed","queue":"order.placed.dlq","order_id":null,"exchange":"","routing_key":"order.placed.q","replays":1' ]
    # What the worker will say to them.
    jq -es 'all(.error == "not a JSON object")' <<<"$output"
    messages "$PLACED_Q" | jq -e -s 'map([.exchange, .routing_key, .payload]) ==
        [["orders-ex", "order.placed", "1"], ["shop", "eu.berlin", "2"], ["", "order.placed.q", "3"]]'
    holds "$DEAD_Q" 0
}

@test "dlq-replay: letters that notify-worker moved go back to inventory.reserved.q, without the headers of the move" {
    post inventory-ex inventory.reserved poison '{"headers": {"own": 1}, "user_id": "guest", "type": "t"}'
    run -0 --separate-stderr notify-worker --count 1
    messages "$DEAD_Q" | jq -e '.properties.headers | has("order-tools-exchange") and has("order-tools-queue")'
    run -0 --separate-stderr dlq-replay
    jq -e '[.fate, .exchange, .routing_key] == ["replayed", "inventory-ex", "inventory.reserved"]' <<<"$output"
    holds "$DEAD_Q" 0
    messages "$RESERVED_Q" | jq -e '.exchange == "inventory-ex" and .routing_key == "inventory.reserved" and .payload == "poison"
        and .properties.type == "t" and (.properties | has("user_id") | not)
        and (.properties.headers | del(."order-tools-run")) == {own: 1, "order-tools-replays": 1}'
    # A second round.
    run -0 --separate-stderr notify-worker --count 1
    run -0 --separate-stderr dlq-replay
    messages "$RESERVED_Q" | jq -e '.properties.headers | del(."order-tools-run") == {own: 1, "order-tools-replays": 2}'
}

@test "dlq-replay: an order whose customer could not be told is told after the replay" {
    publish inventory-ex inventory.reserved "$(event a | sed s/OrderPlaced/InventoryReserved/)"
    run -0 --separate-stderr notify-worker --retry-delay 0 --count 1 --exec false
    holds "$RESERVED_Q" 0
    run -0 --separate-stderr dlq-replay
    run -0 --separate-stderr notify-worker --count 1
    jq -e '.order_id == "a"' <<<"$output"
    [[ $stderr == *'[notify] Order confirmed: a'* ]]
    holds "$DEAD_Q" 0
}

@test "dlq-replay: sound orders are handled after the replay, each once" {
    publish_placed a b c
    reject "$PLACED_Q" 3
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '3 replayed' ]
    run -0 --separate-stderr inventory-worker --count 3
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output" | paste -sd,)" = \
        'InventoryReserved a,InventoryReserved b,InventoryReserved c' ]
    [[ $stderr != *duplicate* ]]
    holds "$RESERVED_Q" 3
}

@test "dlq-replay: letters that are rejected again at once are not replayed for ever" {
    poison 5
    start worker inventory-worker
    run -0 --separate-stderr timeout -k 1 "$HANGING" dlq-replay
    [ "$(fates)" = '5 replayed' ]
    eventually holds "$DEAD_Q" 5
    [ "$(messages "$DEAD_Q" | jq '.properties.headers."order-tools-replays"' | sort -u)" = 1 ]
    [ "$(messages "$DEAD_Q" | jq -c '.payload | fromjson.n' | sort | paste -sd,)" = 1,2,3,4,5 ]
    eventually holds "$DEAD_Q" 5
    run -0 --separate-stderr timeout -k 1 "$HANGING" dlq-replay
    eventually holds "$DEAD_Q" 5
    [ "$(messages "$DEAD_Q" | jq '.properties.headers."order-tools-replays"' | sort -u)" = 2 ]
}

@test "dlq-replay: -n replays the first ones only" {
    poison 5
    run -0 --separate-stderr dlq-replay -n 2
    [ "$(fates)" = '2 replayed' ]
    [ "$(peeked_numbers "$PLACED_Q" | paste -sd,)" = 1,2 ]
    eventually holds "$DEAD_Q" 3
    [ "$(peeked_numbers "$DEAD_Q" | paste -sd,)" = 3,4,5 ]
    eventually holds "$DEAD_Q" 3
    run -0 --separate-stderr dlq-replay --number=99
    [ "$(fates)" = '3 replayed' ]
    holds "$PLACED_Q" 5
    holds "$DEAD_Q" 0
}

@test "dlq-replay: a dead letter queue of type quorum" {
    api DELETE "queues/$VHOST/$DEAD_Q" >/dev/null
    api PUT "queues/$VHOST/$DEAD_Q" "{\"durable\": true, \"arguments\": $(endless)}" >/dev/null
    poison 2
    run -0 --separate-stderr dlq-replay --list
    eventually holds "$DEAD_Q" 2
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '2 replayed' ]
    eventually holds "$DEAD_Q" 0
    messages "$PLACED_Q" | jq -es 'length == 2 and all(.properties.headers | del(."order-tools-run") == {"order-tools-replays": 1})'
}

# ---- what cannot be replayed

@test "dlq-replay: letters that do not say where they came from are left, and the others go" {
    local headers count=0
    publish orders-dlx order.placed.dlq '{"n":0}'
    publish orders-dlx order.placed.dlq '{"n":0}' -H 'x-death: yes' -H 'other: 1'
    while IFS= read -r headers; do
        letter '{"n":0}' "$headers"
        count=$((count + 1))
    done <<END
{}
{"x-death": "orders-ex"}
{"x-death": []}
{"x-death": {}}
{"x-death": ["orders-ex"]}
{"x-death": [7]}
{"x-death": [[]]}
{"x-death": [{}]}
{"x-death": [{"exchange": "orders-ex"}]}
{"x-death": [{"routing-keys": ["order.placed"]}]}
{"x-death": [{"exchange": "orders-ex", "routing-keys": "order.placed"}]}
{"x-death": [{"exchange": "orders-ex", "routing-keys": []}]}
{"x-death": [{"exchange": "orders-ex", "routing-keys": [7]}]}
{"x-death": [{"exchange": "orders-ex\u0000", "routing-keys": ["order.placed"]}]}
{"x-death": [{"exchange": "orders-ex", "routing-keys": ["order.placed\u0000"]}]}
{"x-death": [{"exchange": "$(printf '%0256d' 0)", "routing-keys": ["order.placed"]}]}
{"x-death": [{"exchange": "orders-ex", "routing-keys": ["$(printf '%0256d' 0)"]}]}
{"x-first-death-exchange": "orders-ex", "x-first-death-queue": "order.placed.q", "x-first-death-reason": "rejected"}
{"order-tools-exchange": "orders-ex"}
{"order-tools-routing-key": "order.placed"}
{"order-tools-exchange": "orders-ex", "order-tools-routing-key": 7}
END
    count=$((count + 2))
    as_it_is "$DEAD_Q" >before
    poison 2
    run -76 --separate-stderr dlq-replay
    [ "$(fates)" = "$count left, 2 replayed" ]
    jq -es --argjson n "$count" '.[:$n] | all(.fate == "left" and (.reason | length > 0))' <<<"$output"
    jq -es '.[-2:] | all([.fate, .exchange, .routing_key] == ["replayed", "orders-ex", "order.placed"])' <<<"$output"
    [ "$(peeked_numbers "$PLACED_Q" | paste -sd,)" = 1,2 ]
    eventually holds "$DEAD_Q" "$count"
    as_it_is "$DEAD_Q" | diff before -
    # Showing them works.
    eventually holds "$DEAD_Q" "$count"
    run -0 --separate-stderr dlq-replay --list
    [ "${#lines[@]}" -eq "$count" ]
    jq -es 'all(has("death") and has("error"))' <<<"$output"
}

@test "dlq-replay: a letter whose headers name its exchange by something other than a text is left" {
    # Taken for the default exchange, it would go to whatever queue the key names.
    letter '{"n":1}' '{"x-death": [{"exchange": 7, "routing-keys": ["order.placed.q"]}]}'
    letter '{"n":2}' '{"order-tools-exchange": 7, "order-tools-routing-key": "order.placed.q"}'
    run -76 --separate-stderr dlq-replay
    [ "$(fates)" = '2 left' ]
    eventually holds "$DEAD_Q" 2
    holds "$PLACED_Q" 0
}

@test "dlq-replay: letters whose exchange is gone, or leads nowhere, are left, and the others go" {
    local name
    for name in gone unbound; do
        api PUT "exchanges/$VHOST/$name" '{"type": "direct", "durable": true}' >/dev/null
        api POST "bindings/$VHOST/e/$name/q/$PLACED_Q" '{"routing_key": "k"}' >/dev/null
        publish "$name" k "\"$name\""
        publish orders-ex order.placed '"sound"'
        publish "$name" k "\"$name\""
    done
    run -0 --separate-stderr inventory-worker --count 6
    holds "$DEAD_Q" 6
    api DELETE "exchanges/$VHOST/gone" >/dev/null
    api DELETE "bindings/$VHOST/e/unbound/q/$PLACED_Q/k" >/dev/null
    as_it_is "$DEAD_Q" | jq -c 'select(.payload != "\"sound\"")' >before

    run -76 --separate-stderr dlq-replay
    jq -es 'map([.fate, .exchange, .routing_key]) == [["refused", "gone", "k"], ["replayed", "orders-ex", "order.placed"], ["refused", "gone", "k"],
        ["refused", "unbound", "k"], ["replayed", "orders-ex", "order.placed"], ["refused", "unbound", "k"]]' <<<"$output"
    jq -es 'map(.reason) | (.[0] | test("exchange")) and .[0] == .[2] and (.[3] | test("queue")) and .[3] == .[5]
        and .[1] == null and .[4] == null' <<<"$output"
    [ "$(messages "$PLACED_Q" | jq -c .payload | sort -u)" = '"\"sound\""' ]
    holds "$PLACED_Q" 2
    eventually holds "$DEAD_Q" 4
    as_it_is "$DEAD_Q" | diff before -
}

@test "dlq-replay: a letter that the broker refuses to take back stays, with the reason, and the others go" {
    # An exchange that nobody may publish to is on every virtual host. One that this user may not write to is much the same.
    letter '{"n":1}' '{"x-death": [{"exchange": "amq.rabbitmq.trace", "routing-keys": ["k"]}]}'
    poison 2 2
    run -76 --separate-stderr timeout -k 1 "$HANGING" dlq-replay --retries 1
    [ "$(fates)" = '1 refused, 2 replayed' ]
    [[ "$(jq -r 'select(.fate == "refused").reason' <<<"$output")" == *"403 ACCESS_REFUSED"*"'amq.rabbitmq.trace'"* ]]
    eventually holds "$DEAD_Q" 1
    [ "$(peeked_numbers "$DEAD_Q")" = 1 ]
    [ "$(peeked_numbers "$PLACED_Q" | sort -nu | paste -sd,)" = 2,3 ]
}

@test "dlq-replay: letters that a full queue does not take for now are left, 69: nothing is acknowledged before it is confirmed" {
    local n
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    api PUT "queues/$VHOST/$PLACED_Q" '{"durable": true, "arguments": {"x-max-length": 1, "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}}' >/dev/null
    topology
    for n in 1 2 3; do
        poison 1 "$n"
    done
    run -69 --separate-stderr dlq-replay --retries 3
    [ "$(fates)" = '2 left, 1 replayed' ]
    jq -es 'map(select(.fate == "left")) | all(.reason | test("cannot take it for now: a queue is full"))' <<<"$output"
    [[ $stderr == *'dlq-replay: 2 letters are left where they were: the broker cannot take them for now' ]]
    eventually holds "$DEAD_Q" 2
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -n | paste -sd,)" = 1,2,3 ]
    # One that is refused counts for more: it does not pass.
    letter '{"n":4}' '{"x-death": [{"exchange": "gone", "routing-keys": ["k"]}]}'
    run -76 --separate-stderr dlq-replay --retries 3
    [ "$(fates)" = '2 left, 1 refused' ]
    [[ $stderr == *'2 letters are left'* ]]
    # What is not taken counts for more than what is no letter.
    run -69 --separate-stderr dlq-replay --from - --retries 3 <<<"{\"queue\": \"$PLACED_Q\", \"body\": 5} 7"
    [ "$(fates)" = '1 left, 1 refused' ]
    [[ $stderr == *'dlq-replay: 1 letter is left where it was: the broker cannot take it for now' ]]
    eventually holds "$DEAD_Q" 3
    # With room, the same letters go.
    drain "$PLACED_Q" >/dev/null
    run -0 --separate-stderr dlq-replay -n 1
    [ "$(fates)" = '1 replayed' ]
}

@test "dlq-replay: 300 letters that cannot be replayed do not stand in the way of 300 that can" {
    seq 300 | amqp-publish -u "$AMQP_URL" -e orders-dlx -r order.placed.dlq -l
    eventually holds "$DEAD_Q" 300
    poison 300
    run -76 --separate-stderr dlq-replay
    [ "$(fates)" = '300 left, 300 replayed' ]
    [ "$(peeked_numbers "$PLACED_Q" | cksum)" = "$(seq 300 | cksum)" ]
    eventually holds "$DEAD_Q" 300
    [ "$(queue-inspect --peek 1000 "$DEAD_Q" | jq .body | cksum)" = "$(seq 300 | cksum)" ]
}

# ---- when it, or the broker, goes away in the middle

@test "dlq-replay: killed or stopped in the middle of 20000 letters, it loses none" {
    poison 20000
    start stopped dlq-replay
    eventually test -s stopped.out
    finish -143 "$PID" TERM
    eventually nobody_holds "$DEAD_Q"
    # Asked politely, it finished what was in hand: each letter is in one place.
    [ "$(ready "$DEAD_Q")" -gt 0 ]
    [ "$(ready "$PLACED_Q")" -eq "$(grep -c '"fate":"replayed"' stopped.out)" ]
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -n | cksum)" = "$(seq 20000 | cksum)" ]
    eventually nobody_holds "$DEAD_Q"
    eventually nobody_holds "$PLACED_Q"

    start killed dlq-replay
    eventually test -s killed.out
    finish -137 "$PID" KILL
    eventually nobody_holds "$DEAD_Q"
    [ "$(ready "$DEAD_Q")" -gt 0 ]
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -nu | cksum)" = "$(seq 20000 | cksum)" ]

    eventually nobody_holds "$DEAD_Q"
    run -0 --separate-stderr dlq-replay
    holds "$DEAD_Q" 0
    [ "$(peeked_numbers "$PLACED_Q" | sort -nu | cksum)" = "$(seq 20000 | cksum)" ]
}

# heavy_poison N: as poison, but all together more than the network holds on its way.
heavy_poison()
{
    local pad
    printf -v pad '%012000d' 0
    seq "$1" | sed "s/.*/{\"n\":&,\"pad\":\"$pad\"}/" | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -l
    inventory-worker --count "$1" 2>/dev/null
    eventually holds "$DEAD_Q" "$1"
}

# cut_replay N: replays N letters over connections that are cut before the end.
cut_replay()
{
    stalled replay dlq-replay --retry-delay 0
    eventually stands_still "$PID"
    cut_connections
    cat <&5 >replayed
    exec 5<&-
    finish "$PID"
    grep -q 'lost the broker' replay.err
    eventually nobody_holds "$DEAD_Q"
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -nu | cksum)" = "$(seq "$1" | cksum)" ]
    eventually nobody_holds "$DEAD_Q"
}

@test "dlq-replay: connections cut while letters arrive cost no letter" {
    heavy_poison 1100
    cut_replay 1100
    [ "$status" -eq 0 ]
    holds "$DEAD_Q" 0
}

@test "dlq-replay: connections cut after the last letter arrived: it does not claim that all are gone from the queue" {
    poison 3000
    cut_replay 3000
    if [ "$status" -eq 0 ]; then
        holds "$DEAD_Q" 0
    else
        [ "$status" -eq 69 ]
    fi
}

@test "dlq-replay: a list that was cut in the middle is not taken for the whole" {
    heavy_poison 1100
    stalled list dlq-replay --list --retry-delay 0
    eventually stands_still "$PID"
    cut_connections
    cat <&5 >listed
    exec 5<&-
    finish -69 "$PID"
    grep -q 'not complete' list.err
    [ "$(wc -l <listed)" -lt 1100 ]
    eventually holds "$DEAD_Q" 1100
}

@test "dlq-replay: two at once lose nothing" {
    local first
    poison 3000
    start first dlq-replay
    first=$PID
    start second dlq-replay
    finish -0 "$PID"
    finish -0 "$first"
    [ "$(cat first.out second.out | wc -l)" -eq 3000 ]
    holds "$DEAD_Q" 0
    [ "$(peeked_numbers "$PLACED_Q" | sort -n | cksum)" = "$(seq 3000 | cksum)" ]
}

@test "dlq-replay: output that cannot be written" {
    poison 600
    run -74 --separate-stderr to_full dlq-replay --list
    [ "$stderr" = 'dlq-replay: cannot write standard output: No space left on device' ]
    eventually holds "$DEAD_Q" 600
    run -74 --separate-stderr to_full dlq-replay
    [ "$stderr" = 'dlq-replay: cannot write standard output: No space left on device' ]
    # It stops soon, and each letter is in one place.
    [ "$(ready "$DEAD_Q")" -gt 0 ]
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -n | cksum)" = "$(seq 600 | cksum)" ]
}

@test "dlq-replay: a reader that goes away" {
    local statuses
    poison 2000
    # One that only looks has nothing to answer for.
    env --default-signal=PIPE dlq-replay --list 2>err | head -n 1 >first
    statuses=${PIPESTATUS[*]}
    [ "$statuses" = '141 0' ]
    [ ! -s err ]
    eventually holds "$DEAD_Q" 2000
    env --default-signal=PIPE dlq-replay 2>err | head -n 1 >first
    statuses=${PIPESTATUS[*]}
    [ "$statuses" = '74 0' ]
    [ "$(cat err)" = 'dlq-replay: cannot write standard output: Broken pipe' ]
    eventually nobody_holds "$DEAD_Q"
    [ "$(peeked_numbers "$PLACED_Q" "$DEAD_Q" | sort -n | cksum)" = "$(seq 2000 | cksum)" ]
}

# ---- failures

@test "dlq-replay: wrong usage" {
    poison 1
    refuses_usage dlq-replay <<'END'
-n
-n 0
-n -1
-n 1.5
-n all
--number
--number=
-n 99999999999999999999
order.placed.dlq
--list 5
--list --take
--list --park
--park --filter cat
--park --to x
--park --max-replays 2
--park --no-park
--audit-bodies
--audit-bodies --audit x --list
--list --from x
--summary --audit x
--take --to x
--from x --max-replays 2
--from x --list
--requeue --to x
--requeue --list
--requeue --from x
--list --rate 1
--list --dry-run
--take --max-replays 2
--dry-run --audit x
--queue=
--to=
--parking=
--rate 0
--max-replays 0
--older yesterday
--newer 2026-02-30T00:00:00Z
--older 5
--filter
--from
--frobnicate
-x
--url
--url http://127.0.0.1
--retries 0
--retry-delay x
--key a
END
    holds "$DEAD_Q" 1
    holds "$PLACED_Q" 0
}

@test "dlq-replay: --help and --version" {
    helps dlq-replay --list --summary --park --take --from --queue --to --requeue -n --number --reason --error --order-id --older --newer --filter \
        --max-replays --parking --no-park --rate --ledger --dry-run --audit --audit-bodies --url --authfile --cacert --cert --key --retries --retry-delay --shuffle \
        --confirm-timeout --queue-type --version
}

@test "dlq-replay: the broker is away, or refuses the login or the virtual host" {
    local list
    for list in '' --list; do
        run -69 --separate-stderr dlq-replay $list -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0
        [[ $stderr == *"'127.0.0.1:1'"*'attempt 1 of 2'*'giving up after 2 attempts'* ]]
        run -77 --separate-stderr dlq-replay $list -u "${AMQP_URL/guest:guest/guest:wrong}"
        [[ $stderr == *ACCESS_REFUSED* ]]
        run -77 --separate-stderr dlq-replay $list -u "$SUITE_URL/no-such-vhost"
        [[ $stderr == *no-such-vhost* ]]
        [ -z "$output" ]
    done
}
