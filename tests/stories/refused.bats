# One message that the broker will not take, by closing the channel or the connection, or that it cannot deliver in a
# frame as agreed. These tests have a broker of their own, whose limits they change.

load ../support/letters

setup_file()
{
    export TLS=$SUITE_DIR/refused-tls
    mkdir "$TLS"
    (cd "$TLS" && authority ca && certificate server 'DNS:localhost, IP:127.0.0.1' 2)
    TLS_PORT=$(free_port)
    export TLS_PORT
    { cat "$BROKER_CONFIG_EXTRA" && tls_listener "$TLS"; } >"$TLS/broker.conf"
    BROKER_CONFIG_EXTRA=$TLS/broker.conf start_broker
}

teardown()
{
    setting max_message_size 134217728
    setting frame_max 131072
    tidy
}

# sized N...: letters of which the body is {"n": 1, ...} and so on, each of N bytes at least.
sized()
{
    letters '$sizes | to_entries[] | letter({n: (.key + 1), pad: ("x" * .value)})' --argjson sizes "[$(
        IFS=,
        echo "$*"
    )]"
    eventually holds "$DEAD_Q" "$#"
}

# copies QUEUE: a line "N COPIES" for each n that is there.
copies()
{
    numbers "$1" | sort -n | uniq -c | sed 's/^ *\([0-9]*\) \([0-9]*\)$/\2 \1/'
}

# are_once, are_at_most_twice, are_not QUEUE N...: so often each of these is there.
are_once()
{
    are_there 1 "$@"
}

are_at_most_twice()
{
    are_there '[12]' "$@"
}

are_there()
{
    local times=$1 queue=$2 n
    shift 2
    copies "$queue" >copies
    for n in "$@"; do
        grep -qx "$n $times" copies || return
    done
}

are_not()
{
    local queue=$1 n
    shift
    copies "$queue" >copies
    for n in "$@"; do
        run -1 grep -q "^$n " copies
    done
}

# large EXCHANGE KEY BODY N: publishes a message with a header of N bytes, in a way that has no frames.
large()
{
    head -c "$4" /dev/zero | tr '\0' x >pad
    jq -nc --arg key "$2" --arg body "$3" --rawfile pad pad '{routing_key: $key, payload: $body, payload_encoding: "string",
        properties: {headers: {pad: $pad}, delivery_mode: 2}}' >large.json
    api POST "exchanges/$VHOST/$1/publish" @large.json | jq -e .routed >/dev/null
}

# ordered ID N: an order with N items, published by somebody else.
ordered()
{
    publish orders-ex order.placed "$(jq -nc --arg id "$1" --argjson n "$2" '{event_type: "OrderPlaced", order_id: $id,
        user_id: "u", restaurant_id: "r", items: [range($n) | {sku: "s-\(.)", qty: 1}]}')" -p
}

# The lines on standard error that tell of a lost connection, and nothing of attempts.
lost_once()
{
    [ "$(grep -c 'lost the broker' <<<"$stderr")" = 1 ]
    [[ $stderr != *attempt* ]]
}

@test "refused: a letter that is too large for the broker is the culprit, and the others go: those after it once" {
    sized 1 1 5000 1 1
    setting max_message_size 4000
    run -76 --separate-stderr dlq-replay --retries 1
    [ "$(fates)" = "1 refused, 4 replayed" ]
    [[ "$(jq -r 'select(.fate == "refused").reason' <<<"$output")" == *"406 PRECONDITION_FAILED - message size 5"*" is larger than"*4000* ]]
    lost_once
    are_at_most_twice "$PLACED_Q" 1 2
    are_once "$PLACED_Q" 4 5
    are_not "$PLACED_Q" 3
    [ "$(numbers "$DEAD_Q")" = 3 ]
    # It stays the culprit, and the only one, if it is alone; and goes once the broker takes it.
    run -76 --separate-stderr dlq-replay --retries 1
    [ "$(fates)" = "1 refused" ]
    setting max_message_size 134217728
    run -0 --separate-stderr dlq-replay
    are_once "$PLACED_Q" 3
}

@test "refused: each of several culprits has the reason that is its own, and nothing comes back or goes thrice" {
    local i sizes=() culprits=() after=()
    for ((i = 1; i <= 300; i++)); do
        if ((i % 25 == 0)); then
            sizes+=("$((5000 + i))")
            culprits+=("$i")
        else
            sizes+=(1)
        fi
    done
    sized "${sizes[@]}"
    dlq-replay --list >listed.json
    setting max_message_size 4000
    run -76 --separate-stderr dlq-replay --retries 1
    [ "$(fates)" = "12 refused, 288 replayed" ]
    # The n of a letter is the number of its line here; its size is what the broker's reason says.
    [ "$(jq -r 'select(.fate == "refused").reason' <<<"$output" | grep -o 'message size [0-9]*' | sort -u | wc -l)" = 12 ]
    run -0 --separate-stderr dlq-replay --list
    diff <(jq -r .body.n <<<"$output") <(printf '%s\n' "${culprits[@]}")
    are_not "$PLACED_Q" "${culprits[@]}"
    [ "$(wc -l <copies)" = 288 ]
    run -1 grep -v ' [12]$' copies
    # The same out of a file, of which 256 are at hand at once: once the first has closed the channel, nothing more was on its way.
    jq -c --arg queue "$FAILED_Q" '{queue: $queue, body}' listed.json >given
    run -76 --separate-stderr dlq-replay --from given --retries 1
    [ "$(fates)" = "12 refused, 288 restored" ]
    for ((i = 26; i <= 256; i++)); do
        ((i % 25 == 0)) || after+=("$i")
    done
    are_once "$FAILED_Q" "${after[@]}"
}

@test "refused: a missing right to one exchange of two refuses the letters for that exchange only" {
    letters 'range(8) | letter({n: (. + 1)}) | if .body.n % 3 == 0
        then .headers = died("inventory.reserved.q"; "rejected"; "inventory-ex"; "inventory.reserved"; 1700000000) else . end'
    eventually holds "$DEAD_Q" 8
    reduced_user '' '^orders-ex$' '.*'
    run -76 --separate-stderr dlq-replay --retries 1
    [ "$(fates)" = "2 refused, 6 replayed" ]
    [[ "$(jq -r 'select(.fate == "refused").reason' <<<"$output" | head -n 1)" == *"403 ACCESS_REFUSED - "*"'inventory-ex'"* ]]
    AMQP_URL=$SUITE_URL/$VHOST
    # Letters that arrive only after the first culprit was found may be on their way with the second.
    are_at_most_twice "$PLACED_Q" 1 2 4 5
    are_once "$PLACED_Q" 7 8
    [ "$(numbers "$DEAD_Q" | paste -sd,)" = 3,6 ]
    [ "$(ready "$RESERVED_Q")" = 0 ]
}

@test "refused: an exchange that nobody may publish to, and a reply_to that the broker does not know" {
    api PUT "exchanges/$VHOST/inner" '{"type": "direct", "durable": true, "internal": true}'
    letters 'range(6) | letter({n: (. + 1)})
        | if .body.n == 2 then .headers = died("some.q"; "rejected"; "inner"; "k"; 1700000000) else . end'
    eventually holds "$DEAD_Q" 6
    run -76 --separate-stderr dlq-replay --retries 1 --filter jq -c --unbuffered \
        'if .body.n == 5 then .properties.reply_to = "amq.rabbitmq.reply-to" else . end'
    [ "$(fates)" = "2 refused, 4 replayed" ]
    [[ "$(jq -r 'select(.exchange == "inner").reason' <<<"$output")" == *"403 ACCESS_REFUSED - "*"internal exchange 'inner'"* ]]
    [[ "$(jq -r 'select(.fate == "refused" and .exchange != "inner").reason' <<<"$output")" == *"406 PRECONDITION_FAILED - fast reply consumer"* ]]
    # The filter gives them one after the other: some perhaps only after the first culprit was found.
    are_at_most_twice "$PLACED_Q" 1 3 4
    are_once "$PLACED_Q" 6
    [ "$(numbers "$DEAD_Q" | paste -sd,)" = 2,5 ]
}

@test "refused: an exchange that is deleted while a replay runs: letters for it are refused, and none is sent twice" {
    local gone
    api PUT "exchanges/$VHOST/other" '{"type": "direct", "durable": true}'
    api PUT "queues/$VHOST/other.q" '{"durable": true}'
    api POST "bindings/$VHOST/e/other/q/other.q" '{"routing_key": "k"}'
    letters 'range(10) | letter({n: (. + 1)}) | .headers = died("other.q"; "rejected"; "other"; "k"; 1700000000)'
    eventually holds "$DEAD_Q" 10
    start replay dlq-replay --rate 2 --retries 1
    eventually grep -q replayed replay.out
    api DELETE "exchanges/$VHOST/other"
    finish -76 "$PID"
    output=$(cat replay.out)
    [ "$(jq -s length <<<"$output")" = 10 ]
    gone=$(jq -s '[.[] | select(.fate == "replayed")] | length' <<<"$output")
    [ "$gone" -ge 2 ] && [ "$gone" -lt 10 ]
    [ "$(jq -s '[.[] | select(.fate == "refused")] | length' <<<"$output")" = $((10 - gone)) ]
    grep -q "404 NOT_FOUND - no exchange 'other'" replay.out
    [ "$(copies other.q)" = "$(seq -f '%.0f 1' "$gone")" ]
    [ "$(numbers "$DEAD_Q" | sort -n)" = "$(seq $((gone + 1)) 10)" ]
    run -1 grep attempt replay.err
}

@test "refused: a dead letter that is too large counts for more than one that is not taken for now: 76, and both stay" {
    publish inventory-ex inventory.reserved small
    publish inventory-ex inventory.reserved "$(printf '%05000d' 0)"
    setting max_message_size 4000
    policy full "${DEAD_Q//./\\\\.}" '{"max-length": 0, "overflow": "reject-publish"}' "$DEAD_Q"
    run -76 --separate-stderr notify-worker --retries 1
    [[ $stderr == *"cannot move a message to '$DEAD_Q': "*'406 PRECONDITION_FAILED - message size '* ]]
    [[ $stderr == *"it stays in '$RESERVED_Q' after 1 attempt"* ]]
    eventually holds "$RESERVED_Q" 2
}

@test "refused: the event of one order: the worker says so with the broker's reason, and no order is reserved twice" {
    echo '{"sku": "s-0", "on_hand": 100}' | inventory-stock >/dev/null
    ordered a 1
    ordered large 40
    ordered b 1
    setting max_message_size 600
    run -76 --separate-stderr inventory-worker --idle-timeout 1 --retries 1
    [[ $stderr == *"of order 'large': "*"406 PRECONDITION_FAILED - message size "*" is larger than"*600* ]]
    [[ $stderr != *attempt* ]]
    setting max_message_size 134217728
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    [ "$(inventory-stock | jq -c 'select(.sku == "s-0") | [.on_hand, .reserved]')" = '[97,3]' ]
    eventually holds "$PLACED_Q" 0
    drain "$RESERVED_Q" | jq -r .payload | jq -r .order_id | sort | uniq -c >events
    [ "$(wc -l <events)" = 3 ]
    grep -q '^ *1 large$' events
}

@test "refused: no order is refused because its exchange is deleted meanwhile: it is declared again, and all are placed, once" {
    start_fed place order-place --retries 1
    yes "$(order)" | head -n 100 >&7
    eventually says_placed 100
    api DELETE "exchanges/$VHOST/orders-ex"
    yes "$(order)" | head -n 400 >&7
    exec 7>&-
    finish -0 "$PID"
    says_placed 500
    [ "$(grep -c 'lost the broker' place.err)" = 1 ]
    grep -q "404 NOT_FOUND - no exchange 'orders-ex'" place.err
    eventually holds "$PLACED_Q" 500
    [ "$(drain "$PLACED_Q" | jq -r .payload | jq -r .order_id | sort -u | wc -l)" = 500 ]
}

says_placed()
{
    [ "$(grep -c '"PLACED"' place.out)" = "$1" ]
}

@test "refused: no event is refused because its exchange is deleted under the worker" {
    start inventory inventory-worker --retries 1
    ordered a 1
    eventually holds "$RESERVED_Q" 1
    api DELETE "exchanges/$VHOST/inventory-ex"
    ordered b 1
    ordered c 1
    eventually holds "$RESERVED_Q" 3
    finish -0 "$PID" TERM
    grep -q '404 NOT_FOUND' inventory.err
}

@test "refused: nothing is refused because the broker has an internal error" {
    start_fed place order-place --retries 5
    order >&7
    eventually says_placed 1
    # Channels that crash close the connection with 541, whatever was on its way: for a second and a half, all of them do.
    start crashes evaluate '[begin [exit(P, crashed) || P <- rabbit_channel:list()], timer:sleep(20) end || _ <- lists:seq(1, 75)].'
    local crashes=$PID
    while ! ended "$crashes"; do
        yes "$(order)" | head -n 10
    done >&7
    exec 7>&-
    PID=${STARTED[0]}
    finish -0 "$PID"
    [ "$(jq -r .status place.out | sort -u)" = PLACED ]
    grep -q '541 INTERNAL_ERROR' place.err
}

@test "refused: an order that is too large for the broker stays pending, with the reason; those around it are placed, once" {
    jq -nc 'def order($n): {user_id: "u", restaurant_id: "r", items: [range($n) | {sku: "s-\(.)", qty: 1}]};
        order(1), order(40), order(1)' >orders
    setting max_message_size 600
    run -76 --separate-stderr order-place --retries 1 <orders
    [ "$(jq -r .status <<<"$output" | paste -sd,)" = PLACED,PENDING,PLACED ]
    [[ $stderr == *"$(jq -r 'select(.status == "PENDING").order_id' <<<"$output")"*"406 PRECONDITION_FAILED - message size"* ]]
    lost_once
    setting max_message_size 134217728
    run -0 --separate-stderr order-place --flush
    [ "$(drain "$PLACED_Q" | jq -r .payload | jq -r .order_id | sort -u | wc -l)" = 3 ]
}

# ---- frames ----

@test "frames: a header that fitted until the broker added x-death: shown, taken, sent back; restored it no longer fits" {
    publish orders-ex order.placed "$(event a)"
    large orders-ex order.placed "$(event large)" 130950
    publish orders-ex order.placed "$(event b)"
    reject "$PLACED_Q" 3
    eventually holds "$DEAD_Q" 3
    run -0 --separate-stderr dlq-replay --list
    [ "$stderr" = "" ]
    [ "$(jq -r .body.order_id <<<"$output" | paste -sd,)" = a,large,b ]
    [ "$(jq -r 'select(.body.order_id == "large").headers.pad | length' <<<"$output")" = 130950 ]
    eventually nobody_holds "$DEAD_Q"

    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = "3 replayed" ]
    reject "$PLACED_Q" 3
    eventually holds "$DEAD_Q" 3

    run -0 --separate-stderr dlq-replay --take
    printf '%s\n' "$output" >taken
    [ "$(jq -s length taken)" = 3 ]
    eventually holds "$DEAD_Q" 0
    run -76 --separate-stderr dlq-replay --from taken
    [ "$(jq -r .fate <<<"$output" | paste -sd,)" = restored,refused,restored ]
    [[ "$(jq -r 'select(.fate == "refused").reason' <<<"$output")" =~ ^"its headers need a frame of 131"[0-9]{3}" bytes, and the broker takes 131072 at most"$ ]]
    [[ $stderr != *'lost the broker'* ]]
    eventually holds "$DEAD_Q" 2
}

@test "frames: an order with such a header is handled like those around it, and so is one whose header no frame could have held" {
    local size
    for size in 130950 131500 900000 3000000; do
        publish orders-ex order.placed "$(event "before-$size")"
        large orders-ex order.placed "$(event "large-$size")" "$size"
        publish orders-ex order.placed "$(event "after-$size")"
    done
    run -0 --separate-stderr inventory-worker --idle-timeout 1 --retries 1
    [ "$(jq -r .order_id <<<"$output" | sort -u | wc -l)" = 12 ]
    eventually holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 12
    # The one that the program had no room for is named as what it is, rather than as a fault of the connection.
    [ "$(grep -c 'a frame that cannot be read' <<<"$stderr")" = 1 ]
    [[ $stderr != *"invalid AMQP data"* ]]
}

@test "frames: a malformed order with such a header becomes a dead letter, and is not in the way" {
    publish orders-ex order.placed "$(event a)"
    large orders-ex order.placed '{"n": 1}' 131000
    publish orders-ex order.placed "$(event b)"
    run -0 --separate-stderr inventory-worker --idle-timeout 1 --retries 1
    [ "$(jq -r .order_id <<<"$output" | paste -sd,)" = a,b ]
    eventually holds "$DEAD_Q" 1
    [ "$(numbers "$DEAD_Q")" = 1 ]
}

@test "frames: a broker with a small frame size gets bodies in parts, and no header that is larger" {
    setting frame_max 8192
    jq -nc '{user_id: "u", restaurant_id: "r", items: [range(900) | {sku: "s-\(.)", qty: 1}]}' >order
    run -0 --separate-stderr order-place --retries 1 <order
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    run -0 --separate-stderr inventory-worker --idle-timeout 1 --retries 1
    [ "$(jq '.items | length' <<<"$output")" = 900 ]
    large orders-dlx order.placed.dlq '{"n": 5}' 20000
    jq -nc '{queue: "order.placed.dlq", body: {n: 1}}, {queue: "order.placed.dlq", headers: {pad: ("x" * 8100)}, body: {n: 2}},
        {queue: "order.placed.dlq", headers: {pad: ("x" * 8192)}, body: {n: 3}},
        {queue: "order.placed.dlq", body: {n: 4, pad: ("x" * 50000)}}' >letters
    run -76 --separate-stderr dlq-replay --from letters
    [ "$stderr" = "" ]
    [ "$(jq -r .fate <<<"$output" | paste -sd,)" = restored,restored,refused,restored ]
    [[ "$(jq -r 'select(.fate == "refused").reason' <<<"$output")" =~ ^"its headers need a frame of 82"[0-9]{2}" bytes, and the broker takes 8192 at most"$ ]]
    [ "$(numbers "$DEAD_Q" | sort | paste -sd,)" = 1,2,4,5 ]
    [ "$(dlq-replay --list | jq 'select(.body.n == 4).body.pad | length')" = 50000 ]
}

@test "frames: the last byte that fits goes, and one more does not" {
    local most pad
    # The header of a message with one header, "p": what frames it, flags, the size of the table, key, kind and length.
    most=$((131072 - 8 - 12 - 2 - 4 - 2 - 1 - 4))
    for pad in "$most" $((most + 1)); do
        jq -nc --argjson n "$pad" '{queue: "order.placed.dlq", headers: {p: ("x" * $n)}, body: {n: $n}}'
    done >letters
    run -76 --separate-stderr dlq-replay --from letters
    [ "$stderr" = "" ]
    [ "$(jq -r .fate <<<"$output" | paste -sd,)" = restored,refused ]
    [[ $output == *"need a frame of 131073 bytes"* ]]
    [ "$(numbers "$DEAD_Q")" = "$most" ]
}

@test "frames: the same over TLS: culprits, bodies in parts, headers" {
    local url=amqps://guest:guest@localhost:$TLS_PORT/$VHOST
    sized 1 1 300000 1 1 200000
    setting max_message_size 250000
    run -76 --separate-stderr dlq-replay --retries 1 --url "$url" --cacert "$TLS/ca.pem"
    [ "$(fates)" = "1 refused, 5 replayed" ]
    lost_once
    are_at_most_twice "$PLACED_Q" 1 2
    are_once "$PLACED_Q" 4 5 6
    [ "$(dlq-replay --queue "$PLACED_Q" --list | jq 'select(.body.n == 6).body.pad | length')" = 200000 ]
    # The least that RabbitMQ takes from 4.1 on.
    setting frame_max 8192
    jq -nc '{queue: "inventory.failed.q", headers: {pad: ("x" * 8000), deep: {a: [1, {b: true}]}}, body: {n: 1, pad: ("y" * 17000)}},
        {queue: "inventory.failed.q", headers: {pad: ("x" * 8192)}, body: {n: 2}}' >letters
    run -76 --separate-stderr dlq-replay --from letters --url "$url" --cacert "$TLS/ca.pem"
    [ "$(jq -r .fate <<<"$output" | paste -sd,)" = restored,refused ]
    [ "$(dlq-replay --queue "$FAILED_Q" --list | jq -c '[.headers.pad, .body.pad | length] + [.headers.deep]')" = '[8000,17000,{"a":[1,{"b":true}]}]' ]
}

# ---- the end of a connection ----

@test "the end of a connection: a channel that the broker closed before is noticed in spite of close-ok" {
    ! broker_is_at_least 4 3 || skip 'from RabbitMQ 4.3 on a classic queue waits for ever'
    setting consumer_timeout 2000
    setting channel_tick_interval 500
    numbered 1500
    stalled take dlq-replay --take
    eventually stands_still "$PID"
    # The broker closes the channel while the program waits for its reader, and has all back that was in hand.
    eventually nobody_holds "$DEAD_Q"
    setting consumer_timeout 1800000
    cat <&5 >taken
    finish "$PID"
    # Nothing says that all were taken while they are still there.
    [ "$status" != 0 ] || holds "$DEAD_Q" 0
    grep -q "channel closed: 406 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out" take.err
    [ "$(jq -r .body.n taken | sort -nu | cksum)" = "$(seq 1500 | cksum)" ]
}
