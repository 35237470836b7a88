# dlq-replay at work on dead letters: choosing, mending, sending back, parking, taking and restoring, and what of it is
# written down. That nothing is lost if it is killed is in crash.bats; that an envelope is all of a message, in
# round-trip.bats.

load ../support/letters

queues()
{
    api GET "queues/$VHOST" | jq -r '.[].name' | sort | paste -sd' '
}

exchanges()
{
    api GET "exchanges/$VHOST" | jq -r '.[].name | select(startswith("amq.") or . == "" | not)' | paste -sd' '
}

# ---- looking ----

@test "--list: an envelope holds everything about a message" {
    letters 'letter(order("a")) | .headers["order-tools-replays"] = 2 | .properties.priority = 3'
    run -0 --separate-stderr dlq-replay --list
    jq -e '. == {queue: "order.placed.dlq", exchange: "", routing_key: "order.placed.dlq", redelivered: false,
        death: {queue: "order.placed.q", reason: "rejected", exchange: "orders-ex", routing_key: "order.placed", count: 1,
                time: "2023-11-14T22:13:20.000Z"},
        deaths: 1, replays: 2, properties: {type: "t", priority: 3},
        headers: {"x-death": [{exchange: "orders-ex", queue: "order.placed.q", reason: "rejected",
            "routing-keys": ["order.placed"], count: 1, time: {amqp: "timestamp", value: 1700000000}}], "order-tools-replays": 2},
        body: {event_type: "OrderPlaced", order_id: "a", user_id: "u", restaurant_id: "r", items: [{sku: "s", qty: 1}]},
        error: null}' <<<"$output"
    # What it cannot hide.
    run -0 --separate-stderr dlq-replay --list
    jq -e '.redelivered' <<<"$output"
}

@test "letters of a quorum queue that are settled one by one: what was sent back is gone from it" {
    queue quorum "$(endless)"
    letters 'range(200) | letter({n: (. + 1)}; (if . % 2 == 0 then "rejected" else "expired" end); 1700000000) | .queue = "quorum"'
    eventually holds quorum 200
    run -0 --separate-stderr dlq-replay --queue quorum --reason rejected --to "$FAILED_Q"
    [ "$(fates)" = '100 replayed' ]
    holds "$FAILED_Q" 100
    eventually nobody_holds quorum
    eventually holds quorum 100
}

@test "--list and --summary on a quorum queue count as a delivery each" {
    queue quorum "$(endless)"
    letters 'letter(1) | .queue = "quorum"'
    run -0 --separate-stderr dlq-replay --queue quorum --list
    jq -e '.headers | has("x-delivery-count") | not' <<<"$output"
    run -0 --separate-stderr dlq-replay --queue quorum --summary
    run -0 --separate-stderr dlq-replay --queue quorum --list
    jq -e '.headers["x-delivery-count"] == 2' <<<"$output"
}

@test "--list and --summary show all of a quorum queue, which gives no consumer more than 2000; -n takes in hand no more than it shows" {
    queue quorum "$(endless)"
    letters 'range(4200) | letter({n: (. + 1)}) | .queue = "quorum"'
    eventually holds quorum 4200
    run -0 --separate-stderr dlq-replay --queue quorum --list
    [ -z "$stderr" ]
    [ "$(jq .body.n <<<"$output" | cksum)" = "$(seq 4200 | cksum)" ]
    run -0 --separate-stderr dlq-replay --queue quorum --summary
    [ "$(jq .count <<<"$output")" = 4200 ]
    run -0 --separate-stderr dlq-replay --queue quorum --list -n 3000
    [ "$(jq .body.n <<<"$output" | cksum)" = "$(seq 3000 | cksum)" ]
    eventually holds quorum 4200
    messages quorum | jq -es 'map(.properties.headers["x-delivery-count"]) | sort == [range(1200) | 2] + [range(3000) | 3]'
}

@test "--list: a letter whose x-death is missing, foreign or nonsense is shown, and --to sends it" {
    letters '(letter({n: 1}) | .headers = null), (letter({n: 2}) | .headers["x-death"] = "gone"),
        (letter({n: 3}) | .headers["x-death"][0].count = {amqp: "int64", value: "-9223372036854775808"}
                        | .headers["x-death"][0].time = {amqp: "int64", value: "-9223372036854775808"}),
        (letter({n: 4}) | .headers["x-death"][0].time = {amqp: "timestamp", value: "18446744073709551615"}),
        (letter({n: 5}) | .headers["x-death"][0].queue = "theirs" | del(.headers["x-death"][0].exchange)),
        (letter({n: 6}) | .headers["x-death"][0].queue = "theirs")'
    run -0 --separate-stderr dlq-replay --list --queue "$DEAD_Q"
    [ "$(jq -c '[.body.n, .death.queue, .death.time, .error == null]' <<<"$output" | paste -sd' ')" = \
        '[1,null,null,false] [2,null,null,false] [3,"order.placed.q",null,false] [4,"order.placed.q","9999-12-31T23:59:59.999Z",false] [5,null,null,false] [6,"theirs","2023-11-14T22:13:20.000Z",true]' ]
    # Neither old nor new.
    run -0 --separate-stderr dlq-replay --list --older 1s
    [ "$(jq -c .body.n <<<"$output" | paste -sd' ')" = 6 ]
    run -0 --separate-stderr dlq-replay --summary
    [ "$(jq -s 'map(.count) | add' <<<"$output")" = 6 ]

    run -76 --separate-stderr dlq-replay --dry-run
    [ "$(fates)" = '3 left, 3 replayed' ]
    run -0 --separate-stderr dlq-replay --to "$FAILED_Q"
    [ "$(fates)" = '6 replayed' ]
    jq -es 'all(.exchange == "" and .routing_key == "inventory.failed.q")' <<<"$output"
    is_exactly 6 "$FAILED_Q"
    holds "$DEAD_Q" 0
    holds "$PLACED_Q" 0
}

@test "--summary: groups by error and reason, the largest first, with the oldest and the newest" {
    letters '(letter(1; "rejected"; 1700000300), letter(2; "rejected"; 1700000100), letter(true; "rejected"; 1700000200)),
        letter(order("a"); "expired"; 1700000000), letter({event_type: 7}; "rejected"; 1700000000),
        (letter({event_type: 8}) | .headers = null)'
    run -0 --separate-stderr dlq-replay --summary
    [ "${lines[0]}" = '{"error":"not a JSON object","reason":"rejected","count":3,"oldest":"2023-11-14T22:15:00.000Z","newest":"2023-11-14T22:18:20.000Z"}' ]
    [ "${#lines[@]}" = 4 ]
    grep -qxF '{"error":null,"reason":"expired","count":1,"oldest":"2023-11-14T22:13:20.000Z","newest":"2023-11-14T22:13:20.000Z"}' <<<"$output"
    jq -es 'map(select(.reason == null)) | length == 1 and .[0].oldest == null and .[0].newest == null' <<<"$output"
    eventually holds "$DEAD_Q" 6
    run -0 --separate-stderr dlq-replay --summary --reason expired
    [ "$(jq -c '[.error, .count]' <<<"$output")" = '[null,1]' ]
    run -0 --separate-stderr dlq-replay --summary -n 2
    [ "$(jq .count <<<"$output")" = 2 ]
}

@test "--summary: no more than 1000 groups, and the rest together" {
    letters 'range(1100) | letter(order("a"); "r\(.)"; 1700000000)'
    run -0 --separate-stderr dlq-replay --summary
    [ "${#lines[@]}" = 1001 ]
    jq -es 'map(.count) | add == 1100' <<<"$output"
    jq -es 'map(select(.other)) | length == 1 and .[0].count == 100' <<<"$output"
    eventually holds "$DEAD_Q" 1100
}

# ---- choosing ----

@test "choosing: by reason, error, order and age, all of which must be true" {
    local now choice wanted
    now=$(date +%s)
    letters '(letter({n: 1, order_id: "a"}; "rejected"; $now - 3600)), (letter({n: 2, order_id: "b"}; "expired"; $now - 60)),
        (letter(order("a") + {n: 3}; "rejected"; $now - 10000000)), (letter({n: 4, order_id: "a\u001b"}) | .headers = null),
        (letter({n: 5, event_type: "OrderPlaced"}; "maxlen"; $now - 90))' --argjson now "$now"
    while IFS='|' read -r choice wanted; do
        run -0 --separate-stderr dlq-replay --list $choice
        echo "$choice"
        [ "$(jq .body.n <<<"$output" | paste -sd,)" = "$wanted" ]
        eventually holds "$DEAD_Q" 5
    done <<END
--reason rejected|1,3
--reason expire|
--reason expired|2
--error event_type|1,2,4
--error order_id|5
--error nonsense|
--order-id a|1,3
--order-id a --reason rejected --older 2h|3
--older 30m|1,3
--newer 30m|2,5
--older 80s --newer 1d|1,5
--older 2020-01-01T00:00:00Z|
--newer 2020-01-01T00:00:00Z|1,2,3,5
--newer 2020-01-01T00:00:00.5Z -n 2|1,2
-n 2 --older 0s|1,2
--older 1000000000d|
END
    run -0 --separate-stderr dlq-replay --reason rejected --older 2h
    [ "$(fates)" = '1 replayed' ]
    [ "$(numbers "$PLACED_Q")" = 3 ]
    run -0 --separate-stderr dlq-replay --take --reason expired
    [ "$(jq .body.n <<<"$output")" = 2 ]
    eventually holds "$DEAD_Q" 3
    [ "$(numbers "$DEAD_Q" | paste -sd,)" = 1,4,5 ]
}

@test "choosing: 1000 letters that were not chosen do not stand in the way" {
    letters '(range(1000) | letter({n: (. + 1)})), letter({n: 1001}; "expired"; 1700000000)'
    run -0 --separate-stderr dlq-replay --reason expired -n 1
    [ "$(fates)" = '1 replayed' ]
    [ "$(numbers "$PLACED_Q")" = 1001 ]
    is_exactly 1001 "$DEAD_Q" "$PLACED_Q"
}

# ---- sending back ----

@test "--to: sends into one queue, and nothing if that does not exist" {
    numbered 2
    run -76 --separate-stderr dlq-replay --to nowhere
    [ "$(fates)" = '2 refused' ]
    jq -es 'all(.reason == "no queue takes it there" and .replays == 0)' <<<"$output"
    eventually holds "$DEAD_Q" 2
    run -0 --separate-stderr dlq-replay -n 1 --to "$FAILED_Q"
    [ "$(numbers "$FAILED_Q")" = 1 ]
}

@test "--to: the way back is kept, whatever the letter says of it, and nothing is declared" {
    letters '(letter({n: 1}) | .headers["x-death"][0]["routing-keys"] += ["order.other"]),
        (letter({n: 2}) | .headers["order-tools-replays"] = 1), (letter({n: 3}) | .headers = null)'
    queue elsewhere
    api DELETE "exchanges/$VHOST/orders-dlx" >/dev/null
    run -0 --separate-stderr dlq-replay --to elsewhere
    [ "$(fates)" = '3 replayed' ]
    [[ $(exchanges) != *orders-dlx* ]]
    run -0 --separate-stderr dlq-replay --queue elsewhere --list
    [ "$(jq -c '[.body.n, .replays, .headers["x-death"], .death.queue, .death.exchange, .death.routing_key, .death.reason]' <<<"$output")" = \
        '[1,1,null,"order.placed.q","","order.placed.q","rejected"]
[2,2,null,"order.placed.q","orders-ex","order.placed","rejected"]
[3,1,null,"order.placed.dlq","","order.placed.dlq","moved by dlq-replay"]' ]
    eventually nobody_holds elsewhere
    run -0 --separate-stderr dlq-replay --queue elsewhere
    [ "$(fates)" = '3 replayed' ]
    [ "$(numbers "$PLACED_Q" | sort | paste -sd,)" = 1,2 ]
    [ "$(numbers "$DEAD_Q")" = 3 ]
    # Without the queue in which they lie there is nothing to do, and nothing is made.
    api DELETE "queues/$VHOST/$DEAD_Q" >/dev/null
    for options in --park "--to elsewhere" "--to elsewhere --dry-run"; do
        run -78 --separate-stderr dlq-replay $options
        [[ $stderr == *"there is no queue '$DEAD_Q'"* ]]
    done
}

@test "--park: those that are meant are put aside, and find their way home from there" {
    letters '(letter({n: 1}) | .headers.own = 7 | .properties.expiration = "60000"), letter({n: 2}; "expired"; 1700000000),
        (letter({n: 3}) | .headers = null), (letter(order("a") + {n: 4}) | .headers["order-tools-replays"] = 3)'
    run -0 --separate-stderr dlq-replay --park --dry-run
    [ "$(fates)" = '4 parked' ]
    eventually holds "$DEAD_Q" 4
    [[ $(queues) != *parked* ]]
    run -0 --separate-stderr dlq-replay --park --reason expired --parking aside
    [ "$(jq -c '[.fate, .exchange, .routing_key, .replays, .reason]' <<<"$output")" = \
        '["parked","","aside",0,"parked on request: event_type is missing"]' ]
    run -0 --separate-stderr dlq-replay --park --audit log
    [ "$(fates)" = '3 parked' ]
    [ "$(jq -r .fate log | sort -u)" = parked ]
    holds "$DEAD_Q" 0
    run -0 --separate-stderr dlq-replay --queue order.placed.parked --list
    jq -es '.[0] | .headers.own == 7 and (.headers["x-death"] | length == 1) and .headers["order-tools-parked"] == "parked on request: event_type is missing"
        and .properties.expiration == null' <<<"$output"
    jq -es '.[1] | .death.queue == "order.placed.dlq" and .death.reason == "moved by dlq-replay" and .error == "event_type is missing"' <<<"$output"
    jq -es '.[2].headers["order-tools-parked"] == "parked on request"' <<<"$output"
    eventually nobody_holds order.placed.parked
    run -0 --separate-stderr dlq-replay --queue order.placed.parked
    [ "$(jq -c '[.fate, .exchange, .routing_key]' <<<"$output")" = '["replayed","orders-ex","order.placed"]
["replayed","","order.placed.dlq"]
["left","",""]' ]
    [ "$stderr" = "dlq-replay: 1 letter stays in 'order.placed.parked': sent back 3 times or more; --max-replays grants more" ]
    [ "$(numbers "$PLACED_Q")" = 1 ]
    run -64 --separate-stderr dlq-replay --park --queue order.placed.parked
    [[ $stderr == *"the letters are in 'order.placed.parked' already"* ]]
}

@test "parked after three replays, with a note; --no-park leaves it; a parking queue can be emptied" {
    local round
    letters 'letter({n: 1, event_type: 7})'
    for round in 1 2 3; do
        run -0 --separate-stderr dlq-replay
        jq -e --argjson round "$round" '.fate == "replayed" and .replays == $round and .error == "event_type is not a string"' <<<"$output"
        run -0 --separate-stderr inventory-worker --count 1
        eventually holds "$DEAD_Q" 1
    done
    run -0 --separate-stderr dlq-replay --no-park
    jq -e '.fate == "left" and .reason == "sent back 3 times already: event_type is not a string"' <<<"$output"
    eventually holds "$DEAD_Q" 1
    [[ $(queues) != *parked* ]]
    run -0 --separate-stderr dlq-replay --dry-run
    jq -e '.fate == "parked" and .dry_run' <<<"$output"
    [[ $(queues) != *parked* ]]

    run -0 --separate-stderr dlq-replay
    jq -e '.fate == "parked" and .exchange == "" and .routing_key == "order.placed.parked" and .replays == 3' <<<"$output"
    holds "$DEAD_Q" 0
    run -0 --separate-stderr dlq-replay --queue order.placed.parked --list
    jq -e '.headers["order-tools-parked"] == "sent back 3 times already: event_type is not a string"
        and .headers["order-tools-replays"] == 3 and .death.queue == "order.placed.q" and .body.n == 1' <<<"$output"
    # There it stays, unless more replays are granted.
    run -0 --separate-stderr dlq-replay --queue order.placed.parked
    jq -e '.fate == "left"' <<<"$output"
    eventually holds order.placed.parked 1
    run -0 --separate-stderr dlq-replay --queue order.placed.parked --max-replays 4
    jq -e '.fate == "replayed" and .replays == 4' <<<"$output"
    messages "$PLACED_Q" | jq -e '.properties.headers | keys == ["order-tools-replays", "order-tools-run"]'
    eventually holds "$PLACED_Q" 1
    holds order.placed.parked 0
}

@test "--parking: another queue, which is made if it is not there; --max-replays: another number" {
    letters 'letter({n: 1}) | .headers["order-tools-replays"] = {amqp: "uint8", value: 1}'
    run -0 --separate-stderr dlq-replay --max-replays 1 --parking aside
    [ "$(fates)" = '1 parked' ]
    [ "$(numbers aside)" = 1 ]
    queues_now aside | jq -e '.durable and .arguments == {}'
}

@test "a letter whose counter of replays is enormous, negative or a text is handled like any other" {
    letters '(letter({n: 1}) | .headers["order-tools-replays"] = {amqp: "int64", value: "9223372036854775807"}),
        (letter({n: 2}) | .headers["order-tools-replays"] = -5), (letter({n: 3}) | .headers["order-tools-replays"] = "many")'
    run -0 --separate-stderr dlq-replay
    [ "$(jq -c '[.fate, .replays]' <<<"$output" | paste -sd' ')" = '["replayed",1] ["replayed",1] ["replayed",1]' ]
    is_exactly 3 "$PLACED_Q"
}

@test "of two with the same body, one is routed by its headers, and the other is kept" {
    api PUT "exchanges/$VHOST/by-headers" '{"type": "headers", "durable": true}' >/dev/null
    api POST "bindings/$VHOST/e/by-headers/q/$FAILED_Q" '{"arguments": {"to": "us", "x-match": "all"}}' >/dev/null
    letters 'range(40) as $n | letter({}) | .headers["x-death"][0].exchange = "by-headers" | .headers.n = $n | .properties.delivery_mode = 2 |
        .headers.to = (if $n % 2 == 0 then "us" else "them" end)'
    run -76 --separate-stderr dlq-replay
    [ "$(fates)" = '20 refused, 20 replayed' ]
    dlq-replay --queue "$FAILED_Q" --list | jq -es 'map(.headers.n) | sort == [range(0; 40; 2)]'
    eventually holds "$DEAD_Q" 20
    dlq-replay --list | jq -es 'map(.headers.n) | sort == [range(1; 40; 2)]'
}

@test "--rate: limits the letters a second" {
    local before after
    numbered 7
    before=$(date +%s%N)
    run -0 --separate-stderr dlq-replay --rate 4
    after=$(date +%s%N)
    [ "$(fates)" = '7 replayed' ]
    [ $(((after - before) / 1000000)) -ge 1500 ]
    is_exactly 7 "$PLACED_Q"
}

@test "--rate: a stop is heeded while it waits" {
    numbered 5
    start slow dlq-replay --rate 1
    eventually test -s slow.out
    finish -143 "$PID" TERM
    is_exactly 5 "$PLACED_Q" "$DEAD_Q"
}

@test "--dry-run: says what would happen, and changes nothing" {
    numbered 3
    dlq-replay --list | jq -c 'del(.redelivered)' >before
    eventually holds "$DEAD_Q" 3
    run -0 --separate-stderr dlq-replay --dry-run --filter jq -c --unbuffered \
        'if .body.n == 1 then null elif .body.n == 2 then "drop" else .body = {n: 3, event_type: 7} end'
    [ "$(jq -c '[.fate, .error, .dry_run]' <<<"$output" | paste -sd' ')" = \
        '["left","event_type is missing",true] ["dropped","event_type is missing",true] ["replayed","event_type is not a string",true]' ]
    eventually holds "$DEAD_Q" 3
    dlq-replay --list | jq -c 'del(.redelivered)' | diff before -
    holds "$PLACED_Q" 0
    # For a file, too.
    run -0 --separate-stderr dlq-replay --dry-run --from before
    [ "$(jq -c '[.fate, .dry_run]' <<<"$output" | sort -u)" = '["restored",true]' ]
    eventually holds "$DEAD_Q" 3
}

@test "--ledger: orders that inventory has handled are named beforehand" {
    local ledger=${INVENTORY_LEDGER:-$XDG_STATE_HOME/order-tools/ledger.db}
    publish orders-ex order.placed "$(event known)"
    publish orders-ex order.placed "$(event failed 99)"
    inventory-worker --count 2 >/dev/null 2>&1
    letters 'letter(order("known", "new", "failed"))'
    run -0 --separate-stderr dlq-replay --ledger "$ledger" --list
    [ "$(jq -c '[.body.order_id, .handled]' <<<"$output" | paste -sd' ')" = '["known","reserved"] ["new",null] ["failed","failed"]' ]
    # Such a list can be published, too.
    run -0 --separate-stderr dlq-replay --dry-run --from - <<<"$output"
    eventually holds "$DEAD_Q" 3
    run -0 --separate-stderr dlq-replay --ledger "$ledger"
    [ "$stderr" = 'dlq-replay: order known is reserved already: the worker will ignore it
dlq-replay: order failed is failed already: the worker will ignore it' ]
    [ "$(jq -c '[.order_id, .handled]' <<<"$output" | paste -sd' ')" = '["known","reserved"] ["new",null] ["failed","failed"]' ]
    run -0 --separate-stderr inventory-worker --count 3
    [ "$(grep -c 'duplicate ignored' <<<"$stderr")" = 2 ]
    run -73 --separate-stderr dlq-replay --ledger nothing.db
    run -73 --separate-stderr dlq-replay --ledger "$DATA/order.json"
}

# ---- where a letter died ----

@test "where a letter died: the entry of its first death, in whatever order a broker gives them" {
    # The entry of the first death stands at each place; without the broker saying which it is, the last one counts.
    letters 'def death($queue; $reason; $exchange; $key; $time): {exchange: $exchange, queue: $queue, reason: $reason,
            "routing-keys": [$key], count: 2, time: {amqp: "timestamp", value: $time}};
        [death("order.placed.q"; "rejected"; "orders-ex"; "order.placed"; 1700000001),
            death("order.placed.q"; "expired"; "wrong"; "wrong"; 1700000002),
            death("aside.q"; "expired"; "orders-dlx"; "order.placed.dlq"; 1700000003)] as $deaths |
        {"x-first-death-queue": "order.placed.q", "x-first-death-reason": "rejected", "x-first-death-exchange": "orders-ex"} as $first |
        ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]) as $order |
        letter({n: 1}) | .headers = ($first | .["x-death"] = [$order[] | $deaths[.]])'
    eventually holds "$DEAD_Q" 6
    run -0 --separate-stderr dlq-replay --list
    [ "$(jq -c '[.death, .error]' <<<"$output" | sort -u)" = '[{"queue":"order.placed.q","reason":"rejected","exchange":"orders-ex","routing_key":"order.placed","count":2,"time":"2023-11-14T22:13:21.000Z"},"event_type is missing"]' ]
    eventually holds "$DEAD_Q" 6
    run -0 --separate-stderr dlq-replay
    [ "$(jq -c '[.fate, .exchange, .routing_key]' <<<"$output" | sort -u)" = '["replayed","orders-ex","order.placed"]' ]
    [ "$(messages "$PLACED_Q" | jq -c '.properties.headers | keys' | sort -u)" = '["order-tools-replays","order-tools-run"]' ]
}

@test "where a letter died: the broker names no first death, or one that has no entry" {
    letters '(letter({n: 1}) | .headers += {"x-first-death-queue": "theirs", "x-first-death-reason": "rejected"}),
        (letter({n: 2}) | .headers += {"x-first-death-queue": "order.placed.q", "x-first-death-reason": "expired"}),
        (letter({n: 3}) | .headers += {"x-first-death-queue": "order.placed.q"} |
            .headers["x-death"] |= [.[0] * {queue: "later", exchange: "", "routing-keys": ["later"]}] + .)'
    run -76 --separate-stderr dlq-replay
    [ "$(jq -c '[.fate, .exchange, .routing_key]' <<<"$output" | paste -sd' ')" = '["left","",""] ["left","",""] ["replayed","orders-ex","order.placed"]' ]
    [ "$(numbers "$PLACED_Q")" = 3 ]
}

has_policy()
{
    [ "$(api GET "queues/$VHOST/$DEAD_Q" | jq .policy)" = "$1" ]
}

@test "where a letter died: rejected, expired in the dead letter queue and back, rejected again: on this broker" {
    local policy='{"pattern": "^order.placed.dlq$", "apply-to": "queues", "priority": 1, "definition":
        {"message-ttl": 100, "dead-letter-exchange": "orders-ex", "dead-letter-routing-key": "order.placed"}}'
    publish orders-ex order.placed '{"n": 1}'
    eventually holds "$PLACED_Q" 1
    api PUT "policies/$VHOST/back" "$policy" >/dev/null
    eventually has_policy '"back"'
    # It is back before anybody sees that it was gone.
    api POST "queues/$VHOST/$PLACED_Q/get" '{"count": 1, "ackmode": "reject_requeue_false", "encoding": "auto"}' |
        jq -e 'length == 1'
    eventually holds "$PLACED_Q" 1
    api DELETE "policies/$VHOST/back" >/dev/null
    eventually has_policy null
    reject "$PLACED_Q"
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --list
    jq -e '.deaths == 3 and (.headers["x-death"] | length == 2)' <<<"$output"
    jq -e '.death.queue == "order.placed.q" and .death.reason == "rejected" and .death.exchange == "orders-ex"
        and .death.routing_key == "order.placed" and .death.count == 2 and .error == "event_type is missing"' <<<"$output"
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '1 replayed' ]
    holds "$DEAD_Q" 0
    [ "$(numbers "$PLACED_Q")" = 1 ]
}

@test "a route that leads back into the letter's own queue is refused, and its history is kept" {
    letters '(letter({n: 1}) | .headers["x-death"][0] += {exchange: "", "routing-keys": ["order.placed.dlq"]}),
        (letter({n: 2}) | .headers["x-death"][0].queue = "order.placed.dlq"), letter({n: 3})'
    # One that has come by the way that it names.
    post orders-dlx order.placed.dlq '{"n": 4}' '{"headers": {"x-death": [{"exchange": "orders-dlx", "queue": "theirs",
        "reason": "rejected", "routing-keys": ["order.placed.dlq"]}]}}'
    eventually holds "$DEAD_Q" 4
    messages "$DEAD_Q" | jq -cS 'del(.redelivered, .message_count) | select(.payload | contains("3") | not)' >before
    eventually holds "$DEAD_Q" 4
    run -76 --separate-stderr dlq-replay --dry-run
    [ "$(fates)" = '3 refused, 1 replayed' ]
    eventually holds "$DEAD_Q" 4
    run -76 --separate-stderr dlq-replay
    [ "$(jq -c '[.fate, .reason]' <<<"$output" | sort | uniq -c | tr -s ' ' | paste -sd,)" = \
        ' 3 ["refused","its way leads back into the queue where it lies"], 1 ["replayed",null]' ]
    eventually holds "$DEAD_Q" 3
    messages "$DEAD_Q" | jq -cS 'del(.redelivered, .message_count)' | diff before -
    # As one may say oneself, or a filter.
    eventually holds "$DEAD_Q" 3
    run -76 --separate-stderr dlq-replay --to "$DEAD_Q"
    [ "$(fates)" = '3 refused' ]
    eventually holds "$DEAD_Q" 3
    run -76 --separate-stderr dlq-replay --filter jq -c --unbuffered '.death = {exchange: "orders-dlx", routing_key: "order.placed.dlq"}'
    [ "$(jq -s 'map(select(.fate == "refused")) | length' <<<"$output")" -ge 1 ]
    holds "$PLACED_Q" 1
}

@test "a letter that reached its queue by another key than its first is left, unless --to or --requeue say where to send it" {
    queue first
    api PUT "queues/$VHOST/second" '{"durable": true, "arguments": {"x-dead-letter-exchange": "orders-dlx",
        "x-dead-letter-routing-key": "order.placed.dlq"}}' >/dev/null
    api POST "bindings/$VHOST/e/amq.direct/q/first" '{"routing_key": "one"}' >/dev/null
    api POST "bindings/$VHOST/e/amq.direct/q/second" '{"routing_key": "two"}' >/dev/null
    post amq.direct one '{"n": 1}' '{"headers": {"CC": ["two"]}}'
    reject second
    eventually holds "$DEAD_Q" 1
    run -76 --separate-stderr dlq-replay
    jq -e '.fate == "left" and .replays == 0
        and .reason == "it was published by several keys: --requeue sends it into the queue in which it died"' <<<"$output"
    eventually holds "$DEAD_Q" 1
    run -76 --separate-stderr dlq-replay --filter cat
    [ "$(fates)" = '1 left' ]
    eventually holds "$DEAD_Q" 1
    holds first 1
    run -0 --separate-stderr dlq-replay --dry-run --filter jq -c --unbuffered '.death.routing_key = "two"'
    [ "$(fates)" = '1 replayed' ]
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --requeue
    [ "$(fates)" = '1 replayed' ]
    holds first 1
    holds second 1
    # The same key twice is one.
    letters 'letter({n: 2}) | .headers["x-death"][0]["routing-keys"] = ["order.placed", "order.placed"]'
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '1 replayed' ]
}

@test "a letter that an alternate exchange leads straight back is kept, and the next run says so" {
    api PUT "exchanges/$VHOST/main" '{"type": "direct", "durable": true, "arguments": {"alternate-exchange": "amq.fanout"}}' >/dev/null
    api POST "bindings/$VHOST/e/amq.fanout/q/$DEAD_Q" '{}' >/dev/null
    letters 'letter({n: 1}) | .headers["x-death"][0].exchange = "main"'
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '1 replayed' ]
    eventually holds "$DEAD_Q" 1
    run -76 --separate-stderr dlq-replay
    jq -e '.fate == "left" and .replays == 1
        and .reason == "it was sent back, and came straight into this queue: the way leads here"' <<<"$output"
    eventually holds "$DEAD_Q" 1
}

@test "a letter that is parked does not expire there, and outlives a restart" {
    letters 'letter({n: 1}) | .headers["order-tools-replays"] = 3 | .properties += {expiration: "60000", delivery_mode: 1}'
    run -0 --separate-stderr dlq-replay
    [ "$(fates)" = '1 parked' ]
    messages order.placed.parked | jq -e '.payload == "{\"n\":1}" and (.properties | has("expiration") | not) and .properties.delivery_mode == 2'
}

@test "the broker's counters of deliveries are not copied into headers: restored, parked, sent back, moved" {
    local counters='"x-delivery-count": 7, "x-acquired-count": 8, "x-stream-offset": 9'
    queue quorum "$(endless)"
    letters 'letter({n: 1}) | .queue = "quorum"'
    dlq-replay --queue quorum --list >/dev/null
    eventually holds quorum 1
    run -0 --separate-stderr dlq-replay --queue quorum --take
    jq -e '.headers["x-delivery-count"] == 1' <<<"$output"
    dlq-replay --to "$DEAD_Q" --from - <<<"$output" >/dev/null
    messages "$DEAD_Q" | jq -e '.properties.headers | keys == ["x-death"]'
    drain "$DEAD_Q" >/dev/null
    # Whoever has put them there.
    letters 'letter({n: 1}) | .headers += {'"$counters"'}'
    messages "$DEAD_Q" | jq -e '.properties.headers | keys == ["x-death"]'
    drain "$DEAD_Q" >/dev/null
    post '' "$DEAD_Q" '{"n": 1}' "{\"headers\": {$counters, \"order-tools-exchange\": \"orders-ex\", \"order-tools-routing-key\": \"order.placed\"}}"
    post '' "$DEAD_Q" '{"n": 2}' "{\"headers\": {$counters, \"order-tools-replays\": 3}}"
    eventually holds "$DEAD_Q" 2
    run -0 --separate-stderr dlq-replay
    messages "$PLACED_Q" | jq -e '.properties.headers | keys == ["order-tools-replays", "order-tools-run"]'
    messages order.placed.parked | jq -e '.properties.headers | [keys[] | select(startswith("x-"))] == [] and ."order-tools-replays" == 3'
    post inventory-ex inventory.reserved poison "{\"headers\": {$counters, \"own\": 1}}"
    run -0 --separate-stderr notify-worker --count 1
    messages "$DEAD_Q" | jq -e '.properties.headers | [keys[] | select(startswith("order-tools-") | not)] == ["own"]'
}

@test "--requeue: of several queues that got a copy, only the one in which it died gets it again" {
    local name
    api PUT "exchanges/$VHOST/all" '{"type": "fanout", "durable": true}' >/dev/null
    for name in one two; do
        api PUT "queues/$VHOST/$name" '{"durable": true, "arguments": {"x-dead-letter-exchange": "orders-dlx",
            "x-dead-letter-routing-key": "order.placed.dlq"}}' >/dev/null
        api POST "bindings/$VHOST/e/all/q/$name" '{}' >/dev/null
    done
    post all k '{"n": 1}' '{"headers": {"CC": ["copy"], "own": 1}, "priority": 3}'
    eventually holds two 1
    reject one
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --requeue --dry-run
    [ "$(fates)" = '1 replayed' ]
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --requeue
    jq -e '[.fate, .exchange, .routing_key, .replays] == ["replayed", "", "one", 1]' <<<"$output"
    holds "$DEAD_Q" 0
    holds one 1
    holds two 1
    messages one | jq -e '.properties.priority == 3 and (.properties.headers | del(."order-tools-run") == {own: 1, "order-tools-replays": 1})'
    # Without it, the other one gets it, too.
    eventually holds one 1
    reject one
    eventually holds "$DEAD_Q" 1
    jq -nc '{queue: "order.placed.dlq", body: {n: 2}, headers: {"x-first-death-queue": "two"}},
        {queue: "order.placed.dlq", body: {n: 3}, headers: {"order-tools-queue": "gone"}},
        {queue: "order.placed.dlq", body: {n: 4}},
        {queue: "order.placed.dlq", body: {n: 5}, headers: {"x-death": [{queue: "order.placed.dlq"}]}},
        {queue: "order.placed.dlq", body: {n: 6}, headers: {"x-death": [{queue: "two"}]}}' | dlq-replay --from - >/dev/null
    run -76 --separate-stderr dlq-replay --requeue --filter jq -c --unbuffered '.death = null'
    [ "$(jq -c '[.fate, .routing_key, .reason]' <<<"$output" | paste -sd' ')" = \
        '["replayed","one",null] ["replayed","two",null] ["refused","gone","no queue takes it there"] ["left","","its headers do not say in which queue it died"] ["refused","order.placed.dlq","its way leads back into the queue where it lies"] ["replayed","two",null]' ]
    [ "$(numbers two | paste -sd,)" = 1,2,6 ]
    eventually holds "$DEAD_Q" 3
}

# ---- any queue ----

@test "--queue: works on any dead letter queue, and declares nothing of the workflow" {
    local name
    api DELETE "vhosts/$VHOST" >/dev/null
    api PUT "vhosts/$VHOST" >/dev/null
    for name in theirs theirs.dead; do
        queue "$name"
    done
    letters 'letter({n: 1}) | .queue = "theirs.dead" | .headers = died("theirs"; "expired"; ""; "theirs"; 1700000000)'
    run -0 --separate-stderr dlq-replay --queue theirs.dead --list
    jq -e '.error == null and .death.queue == "theirs"' <<<"$output"
    run -0 --separate-stderr dlq-replay --queue theirs.dead --summary
    [ "$(jq -c '[.reason, .count]' <<<"$output")" = '["expired",1]' ]
    run -0 --separate-stderr dlq-replay --queue theirs.dead
    [ "$(jq -c '[.fate, .queue, .routing_key]' <<<"$output")" = '["replayed","theirs.dead","theirs"]' ]
    run -0 --separate-stderr dlq-replay --queue theirs --take
    jq -e '.body.n == 1' <<<"$output"
    run -78 --separate-stderr dlq-replay --queue nothing
    [[ $stderr == *"there is no queue 'nothing'"* ]]
    run -78 --separate-stderr dlq-replay --queue nothing --take
    [ "$(queues)" = 'theirs theirs.dead' ]
    [ -z "$(exchanges)" ]
}

@test "letters that another consumer holds: it says that they did not arrive, and that a list is not complete" {
    queue single '{"x-single-active-consumer": true}'
    letters 'range(3) | letter({n: .}) | .queue = "single"'
    printf '#!/bin/sh\necho $$ >sleeper && exec sleep 600\n' >keep
    chmod +x keep
    start other amqp-consume -u "$AMQP_URL" -q single -p 1 ./keep
    eventually test -s sleeper
    STARTED+=("$(cat sleeper)")
    eventually holds single 2
    # What is looked at is not all: who relies on the list must know. What is sent back is all that could be.
    for looking in --list --summary; do
        run -69 --separate-stderr dlq-replay --queue single "$looking"
        [ -z "$output" ]
        [ "$stderr" = 'dlq-replay: 2 of 2 letters did not come: somebody else may have them' ]
    done
    run -0 --separate-stderr dlq-replay --queue single --take
    [ -z "$output" ]
    [ "$stderr" = 'dlq-replay: 2 of 2 letters did not come: somebody else may have them' ]
    finish "$PID" KILL
    run -0 --separate-stderr dlq-replay --queue single --list
    [ -z "$stderr" ]
    [ "${#lines[@]}" = 3 ]
}

# ---- taking and restoring ----

@test "--take: a letter that was printed has left the queue, every other letter is still there" {
    numbered 5
    run -0 --separate-stderr dlq-replay --take -n 2
    [ "$(jq .body.n <<<"$output" | paste -sd,)" = 1,2 ]
    eventually holds "$DEAD_Q" 3
    [ "$(numbers "$DEAD_Q" | paste -sd,)" = 3,4,5 ]
    eventually holds "$DEAD_Q" 3
    run -74 --separate-stderr to_full dlq-replay --take
    [ "$stderr" = 'dlq-replay: cannot write standard output: No space left on device' ]
    eventually holds "$DEAD_Q" 3
    dlq-replay --take >taken
    [ "$(jq .body.n taken | paste -sd,)" = 3,4,5 ]
    holds "$DEAD_Q" 0
}

@test "--from: each into its queue, in order, or all into one" {
    numbered 300
    dlq-replay --take >taken
    [ "$(wc -l <taken)" = 300 ]
    run -0 --separate-stderr dlq-replay --from taken
    [ "$(fates)" = '300 restored' ]
    jq -es 'map(.number) == [range(1; 301)] and all(.exchange == "" and .routing_key == "order.placed.dlq" and has("queue") == false)' <<<"$output"
    [ "$(numbers "$DEAD_Q" | cksum)" = "$(seq 300 | cksum)" ]
    run -0 --separate-stderr dlq-replay --from - --to "$FAILED_Q" <taken
    [ "$(numbers "$FAILED_Q" | cksum)" = "$(seq 300 | cksum)" ]
    # Empty input is valid.
    run -0 --separate-stderr dlq-replay --from /dev/null
    [ -z "$output$stderr" ]
}

@test "--from: with a filter each is mended, sent elsewhere, left or dropped; those that are not meant are skipped" {
    numbered 4
    dlq-replay --take >taken
    run -0 --separate-stderr dlq-replay --from taken --audit log --filter jq -c --unbuffered 'if .body.n == 1 then null
        elif .body.n == 2 then "drop" elif .body.n == 3 then .queue = "inventory.failed.q" | .body.was = .error else . end'
    [ "$(jq -c '[.fate, .number, .routing_key]' <<<"$output" | paste -sd' ')" = \
        '["left",1,""] ["dropped",2,""] ["restored",3,"inventory.failed.q"] ["restored",4,"order.placed.dlq"]' ]
    [ "$(jq -c '.sha256_before == .sha256_after' log | paste -sd' ')" = 'false false false true' ]
    messages "$FAILED_Q" | jq -e '.payload == "{\"n\":3,\"was\":\"event_type is missing\"}"'
    [ "$(numbers "$DEAD_Q")" = 4 ]
    drain "$DEAD_Q" >/dev/null
    # What follows the last that is meant is not even read, be it no letter.
    (jq -c 'select(.body.n != 2) | .headers["x-death"][0].time.value = 1700000000 + .body.n' taken && echo no letter) >chosen
    run -0 --separate-stderr dlq-replay --from chosen --newer 2023-11-14T22:13:21Z -n 2
    [ "$(jq .number <<<"$output" | paste -sd,)" = 2,3 ]
    [ "$(numbers "$DEAD_Q" | paste -sd,)" = 3,4 ]
    # An answer that is no letter ends it: nothing of what was asked about since is sent.
    drain "$DEAD_Q" >/dev/null
    run -65 --separate-stderr dlq-replay --from taken --filter jq -c --unbuffered 'if .body.n == 3 then 7 else . end'
    [ "$(fates)" = '3 left' ]
    jq -es 'all(.reason == "the filter has failed")' <<<"$output"
    [[ $stderr == *"is no letter"* ]]
    holds "$DEAD_Q" 0
}

@test "--from: input that is not a letter is refused with its position, and the rest is published" {
    local count
    cat >broken <<'END'
{"queue": "inventory.failed.q", "body": {"n": 1}}
nonsense
{"queue": "inventory.failed.q", "body": {"n": 2}}
7
{"body": {"n": 9}}
{"queue": "inventory.failed.q"}
{"queue": "inventory.failed.q", "body": 1, "body_base64": "AA=="}
{"queue": "inventory.failed.q", "body_base64": "A"}
{"queue": "inventory.failed.q", "body_text": 7}
{"queue": "inventory.failed.q", "body": 1, "boddy": 1}
{"queue": "inventory.failed.q", "body": 1, "properties": null}
{"queue": "inventory.failed.q", "body": 1, "properties": {"priority": 256}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"type": 7}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"typo": "t"}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"timestamp": -1}}
{"queue": "inventory.failed.q", "body": 1, "headers": []}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": 1.5}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": 9007199254740993}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": {"amqp": "int8", "value": 128}}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": {"amqp": "int9", "value": 1}}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": {"amqp": "encoded", "base64": "////"}}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": {"amqp": "encoded", "base64": "AAAACgBkf/gAAAAAAAE="}}}
{"queue": "inventory.failed.q", "body": 1, "headers": {"h": {"amqp": "encoded", "base64": "AAAADwBBAAAACWR/8AAAAAAAAA=="}}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"delivery_mode": 3}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"expiration": ""}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"expiration": "1s"}}
{"queue": "inventory.failed.q", "body": 1, "properties": {"expiration": "4294967296"}}
{"queue": "inventory.failed.q", "body": 1, "death": 7}
{"queue": "inventory.failed.q", "body": 1, "body": 2}
{"queue": "inventory.failed.q",
  "body": {"n": 3}}
END
    printf '{"queue": "inventory.failed.q", "body": ' >>broken
    run -65 --separate-stderr dlq-replay --from broken
    [ "$(fates)" = '28 refused, 3 restored' ]
    jq -es 'map(select(.fate == "refused")) | all(.reason | length > 0)' <<<"$output"
    [ "$(grep -c '"reason":".*the broker takes no ' <<<"$output")" = 6 ]
    [ "$(jq -c 'select(.fate == "restored").number' <<<"$output" | paste -sd,)" = 1,3,30 ]
    grep -q '^dlq-replay: letter 2, line 2: ' <<<"$stderr"
    grep -q '^dlq-replay: letter 10, line 10: no envelope has a member .boddy.$' <<<"$stderr"
    is_exactly 3 "$FAILED_Q"
    run -65 --separate-stderr dlq-replay --from no-such-file
    [ "$stderr" = "dlq-replay: cannot open 'no-such-file': No such file or directory" ]
    run -65 --separate-stderr dlq-replay --from .
}

@test "--from: letters that no queue takes, or that fit in no frame, are refused, and the rest is published" {
    jq -nc '{queue: "no-such-queue", body: 1}, {queue: "inventory.failed.q", body: 1, headers: {h: ("x" * 140000)}},
        {queue: "inventory.failed.q", body: 1, headers: {h: ("x" * 2000000)}},
        {queue: "inventory.failed.q", body: 1, headers: {h: {amqp: "encoded", base64: ("AAAA" * 1000000)}}},
        {queue: "inventory.failed.q", body: {n: 1}}' >letters
    run -76 --separate-stderr dlq-replay --from letters
    [ "$(jq -c '[.fate, .reason]' <<<"$output" | paste -sd' ')" = '["refused","no queue takes it there"] ["refused","its headers need a frame of 140033 bytes, and the broker takes 131072 at most"] ["refused","its headers need a frame of 2000033 bytes, and the broker takes 131072 at most"] ["refused","headers: a header'"'"'s value is of no kind that AMQP has"] ["restored",null]' ]
    is_exactly 1 "$FAILED_Q"
}

@test "--from: a stream that does not end: each is published as it comes" {
    start_fed fed dlq-replay --from -
    echo '{"queue": "inventory.failed.q", "body": {"n": 1}}' >&7
    eventually holds "$FAILED_Q" 1
    echo '{"queue": "inventory.failed.q", "body": {"n": 2}}' >&7
    eventually holds "$FAILED_Q" 2
    [ "$(wc -l <fed.out)" = 2 ]
    finish -143 "$PID" TERM
}

@test "--from: a number that is not an integer is refused, even if the nearest double is one" {
    local value
    for value in 0.99999999999999999999 1e-400 1.5 256 -1; do
        run -65 --separate-stderr dlq-replay --from - <<<"{\"queue\":\"$DEAD_Q\",\"body\":1,\"properties\":{\"priority\":$value}}"
        [[ $stderr == *"priority is no integer from 0 to 255" ]]
    done
    run -0 --separate-stderr dlq-replay --from - <<<"{\"queue\":\"$DEAD_Q\",\"body\":1,\"properties\":{\"priority\":1.0}}"
    [ "$(messages "$DEAD_Q" | jq .properties.priority)" = 1 ]
}
