# Traces: a W3C trace context that comes with an order goes with all of its events, through the stores and the dead letter queue, to the
# command that tells the customer.

load ../support/http

WORKER='inventory-worker'

setup()
{
    isolate
    unset TRACEPARENT TRACESTATE
    TRACE=4bf92f3577b34da6a3ce929d0e0e4736
    SPAN=00f067aa0ba902b7
    PARENT=00-$TRACE-$SPAN-01
    STATE='rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'
    topology
}

# place [QTY]: an order in the trace. Sets id.
place()
{
    TRACEPARENT=$PARENT TRACESTATE=$STATE order-place <<<"$(order "${1:-1}")" >receipt
    id=$(ids <receipt)
}

# traced QUEUE [N [PARENT [STATE]]]: are there N messages (1), each with that context?
traced()
{
    messages "$1" | jq -se --argjson n "${2:-1}" --arg parent "${3-$PARENT}" --arg state "${4-$STATE}" \
        'length == $n and all(.properties.headers.traceparent == $parent and .properties.headers.tracestate == $state)' >/dev/null
}

# untraced QUEUE [N]: are there N messages (1), without a context?
untraced()
{
    messages "$1" | jq -se --argjson n "${2:-1}" \
        'length == $n and all(.properties.headers // {} | has("traceparent") or has("tracestate") | not)' >/dev/null
}

# of_type TYPE FILE: prints the messages of that type.
of_type()
{
    jq -c --arg type "$1" 'select(.properties.type == $type)' "$2"
}

# teller: a command that notes what trace it runs in.
teller()
{
    make_script tell <<'TELL'
printf '%s %s %s\n' "$ORDER_ID" "${TRACEPARENT-none}" "${TRACESTATE-none}" >>told
TELL
}

# worker_tells: customers are told, by the teller.
worker_tells()
{
    timeout "$HANGING" notify-worker --idle-timeout 0 --exec ./tell >/dev/null
}

# all_outcomes: a queue that gets all that inventory publishes.
all_outcomes()
{
    local key
    queue outcomes
    for key in inventory.{reserved,failed,released,handed_over}; do
        api POST "bindings/$VHOST/e/inventory-ex/q/outcomes" "{\"routing_key\": \"$key\"}" >/dev/null
    done
}

# ---- carried

@test "from the header of a request to the environment of the command that tells the customer" {
    teller
    start_http --confirm-wait 30
    place_http "$(order)" -H "traceparent: $PARENT" -H 'tracestate: rojo=00f067aa0ba902b7' -H 'TraceState: congo=t61rcWkgMzE'
    is_receipt PLACED
    finish -0 "$HTTP" TERM
    traced "$PLACED_Q"
    worker --idle-timeout 0 >/dev/null
    traced "$RESERVED_Q"
    # Its own is another.
    TRACEPARENT=00-11111111111111111111111111111111-2222222222222222-01 TRACESTATE=own=1 worker_tells
    [ "$(cat told)" = "$id $PARENT $STATE" ]
}


@test "an order without a context: neither its events nor the command have one, whatever the programs were started with" {
    teller
    id=$(order-place <<<"$(order)" | ids)
    untraced "$PLACED_Q"
    export TRACEPARENT=$PARENT TRACESTATE=$STATE
    worker --idle-timeout 0 >/dev/null
    untraced "$RESERVED_Q"
    worker_tells
    [ "$(cat told)" = "$id none none" ]
}

@test "an order that fails, one that is cancelled, one that expires, and one that is handed over: each event is in the trace" {
    other=00-$TRACE-1111111111111111-00
    all_outcomes
    inventory-worker --cancelled --idle-timeout 0
    place 9
    place
    cancelled=$id
    place
    expired=$id
    place
    handed=$id
    worker --idle-timeout 0 >/dev/null
    TRACEPARENT=$other order-cancel "$cancelled" >/dev/null
    traced order.cancelled.q 1 "$other" null || messages order.cancelled.q | jq -e --arg other "$other" '.properties.headers == {traceparent: $other}'
    worker --cancelled --idle-timeout 0 >/dev/null
    inventory-stock --hand-over "$handed" >/dev/null
    if on_postgresql; then
        in_database "UPDATE order_tools.reservations SET decided_at = decided_at - interval '1 day'"
    else
        sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" 'UPDATE handled SET at = at - 86400000'
    fi
    worker --flush --expire 12h >/dev/null
    drain outcomes >all
    [ "$(wc -l <all)" = 7 ]
    [ "$(of_type InventoryFailed all | jq -r .properties.headers.traceparent)" = "$PARENT" ]
    [ "$(of_type InventoryHandedOver all | jq -r .properties.headers.traceparent)" = "$PARENT" ]
    [ "$(of_type InventoryHandedOver all | jq -r .properties.headers.tracestate)" = "$STATE" ]
    of_type InventoryReleased all | jq -r '"\(.properties.correlation_id) \(.properties.headers.traceparent)"' >released
    [ "$(grep -c . released)" = 2 ]
    grep -qx "$cancelled $other" released
    grep -qx "$expired $PARENT" released
}

# ---- stored

@test "killed after an order is stored: the next run, which is in no trace, publishes it in the trace that it came with" {
    start place env TRACEPARENT="$PARENT" TRACESTATE="$STATE" order-place --url amqp://127.0.0.1:1 <<<"$(order)"
    eventually stored 1 PENDING
    finish -137 "$PID" KILL
    order-place --flush >/dev/null
    traced "$PLACED_Q"
    stored 1 PLACED
}

@test "killed after a cancellation is stored: the next run publishes it in the trace that it came with" {
    id=$(order-place <<<"$(order)" | ids)
    inventory-worker --cancelled --idle-timeout 0
    start cancel env TRACEPARENT="$PARENT" TRACESTATE="$STATE" order-cancel --url amqp://127.0.0.1:1 "$id"
    is_cancelled()
    {
        if on_postgresql; then
            [ "$(in_database 'SELECT count(*) FROM order_tools.cancellations')" = 1 ]
        else
            [ "$(sqlite3 "$XDG_STATE_HOME/order-tools/orders.db" 'SELECT count(*) FROM cancellations')" = 1 ]
        fi
    }
    eventually is_cancelled
    finish -137 "$PID" KILL
    order-cancel --flush >/dev/null
    traced order.cancelled.q
}

@test "killed after a decision is recorded: the outbox sends its event in the trace of the order" {
    # So that the first commit is that of an order.
    inventory-worker --flush
    place
    place
    (dying commit:1:after inventory-worker --count 2) >/dev/null 2>&1 || true
    bury_dead
    purge "$PLACED_Q"
    eventually holds "$PLACED_Q" 0
    worker --flush >/dev/null
    traced "$RESERVED_Q" 2
}

@test "killed after a decision is recorded, and redelivered: the recorded event goes out in the trace" {
    inventory-worker --flush
    place
    (dying commit:1:after inventory-worker --count 1) >/dev/null 2>&1 || true
    bury_dead
    eventually holds "$PLACED_Q" 1
    worker --idle-timeout 0 >/dev/null
    traced "$RESERVED_Q"
}

@test "orders that are placed again, or with ids of their own: only those that came with a context have one" {
    own=0190a0b0-0000-7000-8000-00000000c0de
    jq -c --arg id "$own" '{order_id: $id} + .' <<<"$(order)" >own
    order-place <own >/dev/null
    # It is known, and its neighbours are not.
    { order && cat own && order; } >three
    TRACEPARENT=$PARENT order-place --url amqp://127.0.0.1:1 --retries 1 --retry-delay 0 <three >/dev/null 2>&1 || [ $? = 75 ]
    order-place --flush >/dev/null
    messages "$PLACED_Q" | jq -r '"\(.properties.correlation_id) \(.properties.headers.traceparent)"' >all
    [ "$(grep -c . all)" = 3 ]
    [ "$(grep -c " $PARENT\$" all)" = 2 ]
    grep -qx "$own null" all
}

@test "moved to another store and back: what is pending or owed keeps its trace" {
    inventory-worker --flush
    place
    (dying commit:1:after inventory-worker --count 1) >/dev/null 2>&1 || true
    bury_dead
    purge "$PLACED_Q"
    TRACEPARENT=$PARENT TRACESTATE=$STATE order-place --url amqp://127.0.0.1:1 --retries 1 --retry-delay 0 <<<"$(order)" >/dev/null 2>&1 ||
        [ $? = 75 ]
    TRACEPARENT=$PARENT TRACESTATE=$STATE order-cancel --url amqp://127.0.0.1:1 --retries 1 --retry-delay 0 "$id" >/dev/null 2>&1 ||
        [ $? = 75 ]
    orders=${ORDER_STORE:-$XDG_STATE_HOME/order-tools/orders.db}
    ledger=${INVENTORY_LEDGER:-$XDG_STATE_HOME/order-tools/ledger.db}
    order-tools-migrate orders "$orders" "$PWD/orders.db" >/dev/null
    order-tools-migrate ledger "$ledger" "$PWD/ledger.db" >/dev/null
    other_store
    order-tools-migrate orders "$PWD/orders.db" "${ORDER_STORE:-$XDG_STATE_HOME/order-tools/orders.db}" >/dev/null
    order-tools-migrate ledger "$PWD/ledger.db" "${INVENTORY_LEDGER:-$XDG_STATE_HOME/order-tools/ledger.db}" >/dev/null
    inventory-worker --cancelled --flush 2>/dev/null || true
    order-place --flush >/dev/null
    order-cancel --flush >/dev/null
    worker --flush >/dev/null
    traced "$PLACED_Q"
    traced order.cancelled.q
    traced "$RESERVED_Q"
}

# ---- dead letters

@test "an order that was rejected and replayed, and one whose customer could not be told: the trace is kept" {
    teller
    place
    reject "$PLACED_Q" 1
    eventually holds "$DEAD_Q" 1
    traced "$DEAD_Q"
    dlq-replay >/dev/null
    traced "$PLACED_Q"
    worker --idle-timeout 0 >/dev/null
    timeout "$HANGING" notify-worker --idle-timeout 0 --max-attempts 1 --exec false >/dev/null
    traced "$DEAD_Q"
    dlq-replay >/dev/null
    traced "$RESERVED_Q"
    worker_tells
    [ "$(cat told)" = "$id $PARENT $STATE" ]
}

# ---- what is a context

@test "an invalid context is ignored, and no reason to refuse an order" {
    zeros=00000000000000000000000000000000
    n=0
    while read -r parent; do
        TRACEPARENT=$parent order-place <<<"$(order)" >/dev/null
        n=$((n + 1))
    done <<INVALID

00-$TRACE-$SPAN
00-$TRACE-$SPAN-
00-$TRACE-$SPAN-1
00-$TRACE-$SPAN-01-
00-$TRACE-$SPAN-01-more
00-$zeros-$SPAN-01
00-$TRACE-0000000000000000-01
00-${TRACE^^}-$SPAN-01
00-$TRACE-${SPAN^^}-01
00-$TRACE-$SPAN-0G
ff-$TRACE-$SPAN-01
cc-$TRACE-$SPAN-01.more
0-$TRACE-$SPAN-01
00_$TRACE-$SPAN-01
$(printf '%0600d' 0)
INVALID
    untraced "$PLACED_Q" "$n"
}

@test "a context of a later version is read as far as it is known, and a tracestate that is invalid is left out" {
    TRACEPARENT=cc-$TRACE-$SPAN-01-what-the-future-brings order-place <<<"$(order)" >/dev/null
    TRACEPARENT=$PARENT TRACESTATE='a=1,a=2' order-place <<<"$(order)" >/dev/null
    TRACEPARENT=$PARENT TRACESTATE='A=1' order-place <<<"$(order)" >/dev/null
    messages "$PLACED_Q" | jq -c .properties.headers | sort | uniq -c | sed 's/^ *//' >headers
    [ "$(cat headers)" = "3 {\"traceparent\":\"$PARENT\"}" ]
}

# ---- spans

# spans FILE...: those in it, a line each: {program, name, kind, trace, state, id, parent, links, took, status, ATTRIBUTES}.
spans()
{
    jq -c '.resourceSpans[] | (.resource.attributes | map({key, value: .value[]}) | from_entries) as $resource
        | .scopeSpans[].spans[] | {program: $resource["service.name"], name, kind, trace: .traceId, state: .traceState, id: .spanId,
            parent: .parentSpanId, links: [.links[]?.spanId], took: ((.endTimeUnixNano | tonumber) - (.startTimeUnixNano | tonumber)), status}
            + (.attributes | map({key, value: .value[]}) | from_entries)' "$@"
}

# part NAME FILE: of the only span.
part()
{
    spans "$2" | jq -er --arg name "$1" '.[$name]'
}

# is_child FILE PARENT: has it one span, whose parent is the one in the file PARENT?
is_child()
{
    has_lines "$1" 1
    [ "$(part parent "$1")" = "$(part id "$2")" ]
    [ "$(part trace "$1")" = "$TRACE" ]
}

@test "spans: from sending to telling, each is the child of the one that caused it, in one trace" {
    teller
    queue order.outcome.q
    bound_to_outcomes
    TRACEPARENT=$PARENT TRACESTATE=$STATE order-place --trace place <<<"$(order)" >receipt
    id=$(ids <receipt)
    traced "$PLACED_Q" 1 "00-$TRACE-$(part id place)-01"
    worker --trace work --idle-timeout 0 >/dev/null
    timeout "$HANGING" notify-worker --trace notify --idle-timeout 0 --exec ./tell >/dev/null
    timeout "$HANGING" order-track --trace track --idle-timeout 0 >/dev/null
    [ "$(stat -c %a place work notify track | sort -u)" = 600 ]
    jq -c 'select(.resourceSpans[].scopeSpans[].spans[].kind == 5)' work >process
    jq -c 'select(.resourceSpans[].scopeSpans[].spans[].kind == 4)' work >send
    [ "$(part parent place)" = "$SPAN" ]
    is_child process place
    is_child send process
    is_child notify send
    is_child track send
    [ "$(cat told)" = "$id 00-$TRACE-$(part id notify)-01 $STATE" ]
    spans place send process notify track |
        jq -r '[.program, .name, .kind, .state, ."messaging.system", ."messaging.operation.type", ."messaging.destination.name",
            ."messaging.rabbitmq.destination.routing_key", ."messaging.message.conversation_id"] | join(" ")' >all
    diff all - <<END
order-place send orders-ex:order.placed 4 $STATE rabbitmq send orders-ex:order.placed order.placed $id
inventory-worker send inventory-ex:inventory.reserved 4 $STATE rabbitmq send inventory-ex:inventory.reserved inventory.reserved $id
inventory-worker process orders-ex:order.placed:order.placed.q 5 $STATE rabbitmq process orders-ex:order.placed:order.placed.q order.placed $id
notify-worker process inventory-ex:inventory.reserved:inventory.reserved.q 5 $STATE rabbitmq process inventory-ex:inventory.reserved:inventory.reserved.q inventory.reserved $id
order-track process inventory-ex:inventory.reserved:order.outcome.q 5 $STATE rabbitmq process inventory-ex:inventory.reserved:order.outcome.q inventory.reserved $id
END
    spans place send process notify track | jq -se 'all(.took >= 0 and .took < 600e9 and .status == null)' >/dev/null
    # A message has one id, wherever it is seen.
    [ "$(part messaging.message.id place)" = "$(part messaging.message.id process)" ]
    [ "$(part messaging.message.id send)" = "$(part messaging.message.id notify)" ]
}

bound_to_outcomes()
{
    api POST "bindings/$VHOST/e/inventory-ex/q/order.outcome.q" '{"routing_key": "inventory.reserved"}' >/dev/null
}

@test "spans: none for an order in no trace or in one that is not sampled, which is carried on all the same" {
    order-place --trace spans <<<"$(order)" >/dev/null
    PARENT=00-$TRACE-$SPAN-00
    TRACEPARENT=$PARENT TRACESTATE=$STATE order-place --trace spans <<<"$(order)" >/dev/null
    worker --trace spans --idle-timeout 0 >/dev/null
    has_lines spans 0
    messages "$RESERVED_Q" | jq -r '.properties.headers.traceparent' | sort >parents
    [ "$(cat parents)" = "$PARENT
null" ]
}

@test "spans: what is published after a kill is within the context that the order came with" {
    start place env TRACEPARENT="$PARENT" order-place --trace spans --url amqp://127.0.0.1:1 <<<"$(order)"
    eventually stored 1 PENDING
    finish -137 "$PID" KILL
    has_lines spans 0
    order-place --trace spans --flush >/dev/null
    [ "$(part parent spans)" = "$SPAN" ]
    inventory-worker --flush
    (dying commit:1:after inventory-worker --trace killed --count 1) >/dev/null 2>&1 || true
    bury_dead
    purge "$PLACED_Q"
    has_lines killed 0
    worker --trace sent --flush >/dev/null
    is_child sent spans
}

@test "spans: of many orders, by several programs at once in one file: a line each, and none is lost" {
    for i in {1..4}; do
        for ((n = 0; n < 50; n++)); do order; done >"orders.$i"
        start "p$i" env TRACEPARENT="$PARENT" order-place --trace spans <"orders.$i"
    done
    wait
    has_lines spans 200
    [ "$(spans spans | jq -r .id | sort -u | wc -l)" = 200 ]
    diff <(spans spans | jq -r '."messaging.message.conversation_id"' | sort) <(cat p?.out | ids | sort)
}

@test "spans: a request to order-http is the parent of what publishes its order, also of a later run; others are told apart by kind and route" {
    local with=(-H "traceparent: $PARENT" -H "tracestate: $STATE")
    start_http --confirm-wait 30 --trace http
    place_http "$(order)" "${with[@]}"
    is_receipt PLACED
    ask '/orders?limit=1' "${with[@]}"
    ask "/order/$id" "${with[@]}" -X BREW
    ask /nowhere "${with[@]}"
    ask /health -H "traceparent: 00-$TRACE-$SPAN-00"
    ask /health
    finish -0 "$HTTP" TERM
    jq -c 'select(.resourceSpans[].scopeSpans[].spans[].kind == 4)' http >send
    jq -c 'select(.resourceSpans[].scopeSpans[].spans[].kind == 2)' http >server
    head -n 1 server >posted
    is_child send posted
    traced "$PLACED_Q" 1 "00-$TRACE-$(part id send)-01"
    spans server | jq -c '[.name, .parent, .state, ."http.request.method", ."http.request.method_original", ."url.scheme", ."url.path", ."url.query",
        ."http.route", ."http.response.status_code", ."error.type", .status]' >all
    diff all - <<END
["POST /order","$SPAN","$STATE","POST",null,"http","/order",null,"/order","202",null,null]
["GET /orders","$SPAN","$STATE","GET",null,"http","/orders","limit=1","/orders","200",null,null]
["HTTP /order/{order_id}","$SPAN","$STATE","_OTHER","BREW","http","/order/$id",null,"/order/{order_id}","405",null,null]
["GET","$SPAN","$STATE","GET",null,"http","/nowhere",null,null,"404",null,null]
END
    spans server | jq -se 'all(.took > 0 and .took < 600e9)' >/dev/null
    # The broker is away: what cannot be answered, or with 503, is an error.
    start_http --trace away --url amqp://127.0.0.1:1
    place_http "$(order)" "${with[@]}"
    is_receipt PENDING
    ask /ready "${with[@]}"
    ask /order "${with[@]}" --max-time 0.1 -H 'Content-Type: application/json' -H 'Content-Length: 99' --data '{' || true
    finish "$HTTP" TERM
    has_lines away 3
    spans away | jq -c '[.name, ."http.response.status_code", ."error.type", .status.code]' | tail -n 2 >all
    diff all - <<'END'
["GET /ready","503","503",2]
["POST /order",null,"no_answer",2]
END
    drain "$PLACED_Q" >/dev/null
    order-place --flush >/dev/null
    traced "$PLACED_Q" 1 "00-$TRACE-$(head -n 1 away | spans | jq -r .id)-01"
}

@test "spans: a dead letter that is replayed, and one that is parked, and what handles it then" {
    place
    reject "$PLACED_Q" 1
    eventually holds "$DEAD_Q" 1
    dlq-replay --trace replay >/dev/null
    [ "$(part parent replay)" = "$SPAN" ]
    traced "$PLACED_Q" 1 "00-$TRACE-$(part id replay)-01"
    worker --trace work --idle-timeout 0 >/dev/null
    jq -c 'select(.resourceSpans[].scopeSpans[].spans[].kind == 5)' work >process
    is_child process replay
    # One that knows nothing but its context.
    post '' "$DEAD_Q" '{}' "{\"headers\": {\"traceparent\": \"$PARENT\"}}"
    post '' "$DEAD_Q" '{}' "{\"headers\": {\"traceparent\": \"00-$TRACE-$SPAN-00\"}}"
    post '' "$DEAD_Q" '{}' '{"headers": {"traceparent": 1}}'
    dlq-replay --park --trace park >/dev/null
    [ "$(part parent park)" = "$SPAN" ]
    cat replay park | spans | jq -r '[.program, .name, .kind, ."messaging.destination.name", ."messaging.message.conversation_id"] | join(" ")' >all
    diff all - <<END
dlq-replay send orders-ex:order.placed 4 orders-ex:order.placed $id
dlq-replay send order.placed.parked 4 order.placed.parked 
END
    run -64 dlq-replay --list --trace list
    # Another run writes none, and changes nothing.
    dlq-replay --queue order.placed.parked --park --parking other >/dev/null
    messages other | jq -sce --arg parked "00-$TRACE-$(part id park)-01" --arg unsampled "00-$TRACE-$SPAN-00" \
        'map(.properties.headers.traceparent) == [$parked, $unsampled, 1]' >/dev/null
}

@test "spans: what one commit has recorded, and the commit, have links to each other; a copy of an order has a span, too" {
    queue order.outcome.q
    bound_to_outcomes
    for ((n = 0; n < 40; n++)); do order; done >many
    TRACEPARENT=$PARENT order-place <many >/dev/null
    body=$(messages "$PLACED_Q" | jq -r .payload | tail -n 1)
    post orders-ex order.placed "$body" "{\"headers\": {\"traceparent\": \"$PARENT\"}}"
    order-place <<<"$(order)" >/dev/null
    worker --trace work --idle-timeout 0 >/dev/null
    timeout "$HANGING" notify-worker --trace notify --idle-timeout 0 >/dev/null
    timeout "$HANGING" order-track --trace track --idle-timeout 0 >/dev/null
    for program in work notify track; do
        spans "$program" | jq -se --arg trace "$TRACE" 'map(select(.kind == 1)) as $commits | map(select(.kind == 5)) as $handled
            | ($commits | length > 0 and all(.parent == null and .trace != $trace and (.links | length) > 0 and
                (."messaging.batch.message_count" | tonumber) >= (.links | length)))
            and ([$commits[] | .id as $id | .links[] | {id: ., links: [$id]}] | sort)
                == ([$handled[] | select(.links != []) | {id, links}] | sort)' >/dev/null
    done
    [ "$(spans work | jq -c 'select(.kind == 5)' | wc -l)" = 41 ]
    [ "$(spans work | jq -c 'select(.kind == 4)' | wc -l)" = 40 ]
    spans work | jq -se 'map(select(.kind == 1) | .name) | unique == ["record order.placed.q"]' >/dev/null
}

@test "spans: an error has its type and a reason" {
    queue kept
    publish_bad()
    {
        post orders-ex order.placed '{"event_type":"OrderPlaced"}' "{\"headers\": {\"traceparent\": \"$PARENT\"}}"
    }
    publish_bad
    worker --trace rejected --idle-timeout 0 >/dev/null
    [ "$(part error.type rejected)" = malformed ]
    [ "$(spans rejected | jq -r '.status.code')" = 2 ]
    [ "$(spans rejected | jq -r '.status.message')" != null ]
    place
    worker --idle-timeout 0 >/dev/null
    timeout "$HANGING" notify-worker --trace dead --idle-timeout 0 --max-attempts 1 --exec false >/dev/null
    [ "$(part error.type dead)" = dead_lettered ]
}

@test "spans: a full disk is reported once, and no order waits for it; a file that cannot be opened ends the program at once" {
    { order && order && order; } >three
    TRACEPARENT=$PARENT run -0 --separate-stderr order-place --trace /dev/full <three
    [ "${#lines[@]}" = 3 ]
    [ "$stderr" = "order-place: cannot write '/dev/full', and goes on without: No space left on device" ]
    run -0 --separate-stderr worker --trace /dev/full --idle-timeout 0
    [ "${#lines[@]}" = 3 ]
    [ "$(grep -c '/dev/full' <<<"$stderr")" = 1 ]
    holds "$RESERVED_Q" 3
    TRACEPARENT=$PARENT run -74 --separate-stderr order-place --trace nowhere/spans <three
    [ "$stderr" = "order-place: cannot open 'nowhere/spans': No such file or directory" ]
    stored 3
}

@test "spans: a pipe that nobody reads any more holds up no order, and one that nobody has opened ends the program at once" {
    mkfifo pipe
    TRACEPARENT=$PARENT run -74 --separate-stderr timeout "$HANGING" order-place --trace pipe <<<"$(order)"
    [ "$stderr" = "order-place: cannot open 'pipe': No such device or address" ]
    # More than a pipe holds.
    for _ in {1..150}; do
        order
    done >many
    exec 7<>pipe
    TRACEPARENT=$PARENT run -0 --separate-stderr timeout "$HANGING" order-place --trace pipe <many
    exec 7>&-
    [ "${#lines[@]}" = 150 ]
    [ "$stderr" = "order-place: cannot write 'pipe', and goes on without: nobody reads it" ]
    # One that is slow is waited for.
    { sleep 0.1 && cat pipe; } >spans &
    exec 7>pipe
    TRACEPARENT=$PARENT run -0 --separate-stderr timeout "$HANGING" order-place --trace pipe <many
    exec 7>&-
    wait $!
    [ -z "$stderr" ]
    [ "$(jq -s length spans)" = 150 ]
}
