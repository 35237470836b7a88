# The exchanges and queues that all services share. Everything is read back from the broker.

load ../support/helper

EXCHANGES='[{"name":"inventory-ex","type":"direct","durable":true,"auto_delete":false,"internal":false,"arguments":{}},
{"name":"orders-dlx","type":"direct","durable":true,"auto_delete":false,"internal":false,"arguments":{}},
{"name":"orders-ex","type":"direct","durable":true,"auto_delete":false,"internal":false,"arguments":{}}]'

QUEUES='[{"name":"inventory.failed.q","durable":true,"auto_delete":false,"arguments":{}},
{"name":"inventory.reserved.q","durable":true,"auto_delete":false,"arguments":{}},
{"name":"order.placed.dlq","durable":true,"auto_delete":false,"arguments":{}},
{"name":"order.placed.q","durable":true,"auto_delete":false,"arguments":
    {"x-dead-letter-exchange":"orders-dlx","x-dead-letter-routing-key":"order.placed.dlq"}}]'

BINDINGS='["inventory-ex --inventory.failed--> inventory.failed.q {}",
"inventory-ex --inventory.reserved--> inventory.reserved.q {}",
"orders-dlx --order.placed.dlq--> order.placed.dlq {}",
"orders-ex --order.placed--> order.placed.q {}"]'

exchanges()
{
    api GET "exchanges/$VHOST" |
        jq -cS '[.[] | select(.name != "" and (.name | startswith("amq.") | not))
                 | {name, type, durable, auto_delete, internal, arguments}] | sort_by(.name)'
}

queues()
{
    queues_now | jq -cS '[.[] | {name, durable, auto_delete, arguments}] | sort_by(.name)'
}

bindings()
{
    api GET "bindings/$VHOST" |
        jq -cS '[.[] | select(.source != "") | "\(.source) --\(.routing_key)--> \(.destination) \(.arguments)"] | sort'
}

same_json()
{
    [ "$(jq -cS . <<<"$1")" = "$(jq -cS . <<<"$2")" ] || { printf 'is     %s\nshould %s\n' "$1" "$2" >&2 && return 1; }
}

is_complete()
{
    same_json "$(exchanges)" "$EXCHANGES" && same_json "$(queues)" "$QUEUES" && same_json "$(bindings)" "$BINDINGS"
}

is_bare()
{
    same_json "$(exchanges)" '[]' && same_json "$(queues)" '[]'
}

arguments_of()
{
    queues_now "$1" | jq -cS .arguments
}

# Makes order.placed.q, before any program does, with the arguments given.
foreign_queue()
{
    api PUT "queues/$VHOST/$PLACED_Q" "{\"durable\": true, \"arguments\": $1}" >/dev/null
}

# One order through all of the workflow.
workflow_runs_but_replay()
{
    local id
    id=$(order | order-place | jq -r .order_id)
    [ -n "$id" ]
    inventory-worker --count 1 | jq -e --arg id "$id" '.order_id == $id and .event_type == "InventoryReserved"'
    notify-worker --count 1 | jq -e --arg id "$id" '.order_id == $id'
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
}

workflow_runs()
{
    workflow_runs_but_replay
    # No dead letter is there.
    [ -z "$(dlq-replay)" ]
}

@test "topology: order-place sets it up alone" {
    order >order.json
    run -0 --separate-stderr order-place <order.json
    is_complete
}

@test "topology: inventory-worker sets it up alone" {
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    is_complete
}

@test "topology: notify-worker sets it up alone" {
    run -0 --separate-stderr notify-worker --idle-timeout 0
    is_complete
}

@test "topology: dlq-replay sets it up alone, also to list" {
    run -0 --separate-stderr dlq-replay --list
    is_complete
    api DELETE "queues/$VHOST/$DEAD_Q" >/dev/null
    run -0 --separate-stderr dlq-replay
    is_complete
}

@test "topology: queue-inspect sets nothing up" {
    run -0 --separate-stderr queue-inspect
    run -1 --separate-stderr queue-inspect "$PLACED_Q"
    run -1 --separate-stderr queue-inspect --health
    run -1 --separate-stderr queue-inspect --until 1 --timeout 0
    run -78 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    is_bare
}

@test "topology: declaring it twice changes nothing, and keeps the messages" {
    topology
    publish orders-ex order.placed kept
    publish inventory-ex inventory.failed kept
    run -0 --separate-stderr notify-worker --idle-timeout 0
    [ -z "$stderr" ]
    run -0 --separate-stderr notify-worker --idle-timeout 0
    is_complete
    holds "$PLACED_Q" 1
    holds "$FAILED_Q" 1
}

@test "topology: five programs at once on an empty virtual host do not disturb each other" {
    local round pids pid
    order >order.json
    for round in 1 2 3 4; do
        api DELETE "vhosts/$VHOST" >/dev/null
        api PUT "vhosts/$VHOST" >/dev/null
        pids=()
        start "place$round" order-place <order.json && pids+=("$PID")
        start "inventory$round" inventory-worker --idle-timeout 0 && pids+=("$PID")
        start "notify$round" notify-worker --idle-timeout 0 && pids+=("$PID")
        start "replay$round" dlq-replay && pids+=("$PID")
        other_store
        start "other$round" inventory-worker --idle-timeout 0 && pids+=("$PID")
        for pid in "${pids[@]}"; do
            finish -0 "$pid"
        done
        is_complete
    done
    # Nobody had to try again.
    run -1 grep -h -e 'lost the broker' -e attempt ./*.err
}

@test "topology: one missing part is put back, whichever it is" {
    local part
    topology
    for part in "exchanges/$VHOST/orders-ex" "exchanges/$VHOST/orders-dlx" "exchanges/$VHOST/inventory-ex" \
        "queues/$VHOST/$PLACED_Q" "queues/$VHOST/$DEAD_Q" "queues/$VHOST/$RESERVED_Q" "queues/$VHOST/$FAILED_Q" \
        "bindings/$VHOST/e/orders-ex/q/$PLACED_Q/order.placed" "bindings/$VHOST/e/orders-dlx/q/$DEAD_Q/order.placed.dlq" \
        "bindings/$VHOST/e/inventory-ex/q/$RESERVED_Q/inventory.reserved" \
        "bindings/$VHOST/e/inventory-ex/q/$FAILED_Q/inventory.failed"; do
        api DELETE "$part" >/dev/null
        run -1 is_complete
        run -0 --separate-stderr notify-worker --idle-timeout 0
        [ -z "$stderr" ]
        is_complete
    done
}

@test "topology: several missing parts at once are put back" {
    topology
    api DELETE "exchanges/$VHOST/orders-dlx" >/dev/null
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    run -0 --separate-stderr dlq-replay
    is_complete
}

@test "topology: a worker whose queue is deleted under it puts it back and works on" {
    start worker inventory-worker --retry-delay 0
    eventually is_complete
    eventually is_consumed "$PLACED_Q"
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    eventually is_complete
    order | order-place >/dev/null
    eventually holds "$RESERVED_Q" 1
    kill -0 "$PID"
}

@test "topology: order-place declares missing parts only when a message is returned" {
    topology
    start_fed place order-place
    order >&7
    eventually has_lines place.out 1
    # A binding first, of which nothing but a message can tell; then all that there is.
    api DELETE "bindings/$VHOST/e/orders-ex/q/$PLACED_Q/order.placed" >/dev/null
    order >&7
    order >&7
    eventually has_lines place.out 3
    exec 7>&-
    finish -0 "$PID"
    is_complete
    holds "$PLACED_Q" 3
    jq -e 'select(.status != "PLACED")' place.out && return 1
    [ ! -s place.err ]
}

@test "topology: an inventory-worker whose events no queue takes any more puts the binding back" {
    start worker inventory-worker
    eventually is_complete
    eventually is_consumed "$PLACED_Q"
    api DELETE "bindings/$VHOST/e/inventory-ex/q/$RESERVED_Q/inventory.reserved" >/dev/null
    order | order-place >/dev/null
    eventually holds "$RESERVED_Q" 1
    is_complete
    kill -0 "$PID"
}

@test "topology: a quorum queue is used as it is" {
    local arguments='{"x-queue-type":"quorum","x-dead-letter-exchange":"orders-dlx","x-dead-letter-routing-key":"order.placed.dlq"}'
    foreign_queue "$arguments"
    workflow_runs
    same_json "$(arguments_of "$PLACED_Q")" "$arguments"
    publish orders-ex order.placed poison
    run -0 --separate-stderr inventory-worker --count 1
    eventually holds "$DEAD_Q" 1
}

@test "topology: a virtual host where quorum is the default queue type, and which dangers that brings" {
    [ "$(broker_major)" -ge 4 ] || skip 'the virtual hosts of RabbitMQ before 4 know no default for queues, or not all of them'
    api PUT "vhosts/$VHOST" '{"default_queue_type": "quorum"}' >/dev/null
    workflow_runs_but_replay
    publish orders-ex order.placed poison
    run -0 --separate-stderr inventory-worker --count 1
    eventually holds "$DEAD_Q" 1
    # Each queue in turn, with its default limit and its dead letters.
    run -1 --separate-stderr queue-inspect --api "$SUITE_API" --check-topology
    diff <(jq -r '[.name, .problem, .limit] | map(. // "-") | join(" ")' <<<"$output") - <<'END'
order.placed.q delivery limit 20
order.placed.q may lose dead letters -
order.placed.dlq loses messages 20
inventory.reserved.q loses messages 20
END
    run -0 --separate-stderr dlq-replay --force
    [ "$(jq -r .fate <<<"$output")" = replayed ]
    eventually holds "$PLACED_Q" 1
}

@test "topology: a queue with a maximum length is used as it is" {
    local arguments='{"x-max-length":1000,"x-dead-letter-exchange":"orders-dlx","x-dead-letter-routing-key":"order.placed.dlq"}'
    foreign_queue "$arguments"
    workflow_runs
    same_json "$(arguments_of "$PLACED_Q")" "$arguments"
}

@test "topology: a queue without dead letter arguments is used as it is" {
    foreign_queue '{}'
    workflow_runs
    same_json "$(arguments_of "$PLACED_Q")" '{}'
}

@test "topology: a queue that is not durable, and one under a policy, are used as they are" {
    api PUT "queues/$VHOST/$RESERVED_Q" '{"durable": false, "auto_delete": false, "arguments": {"x-max-priority": 3}}' >/dev/null
    api PUT "policies/$VHOST/short" '{"pattern": "^order", "definition": {"max-length": 2}, "apply-to": "queues"}' >/dev/null
    workflow_runs
    queues_now "$RESERVED_Q" | jq -e '.durable == false and .arguments == {"x-max-priority": 3}'
    seq 5 | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -l
    holds "$PLACED_Q" 2
}

@test "topology: exchanges of another type are used as they are" {
    api PUT "exchanges/$VHOST/orders-ex" '{"type": "topic", "durable": true}' >/dev/null
    api PUT "exchanges/$VHOST/orders-dlx" '{"type": "fanout", "durable": true}' >/dev/null
    api PUT "exchanges/$VHOST/inventory-ex" '{"type": "topic", "durable": false}' >/dev/null
    workflow_runs
    same_json "$(exchanges | jq -c 'map("\(.name) \(.type) \(.durable)")')" \
        '["inventory-ex topic false", "orders-dlx fanout true", "orders-ex topic true"]'
    same_json "$(bindings)" "$BINDINGS"
}

@test "topology: a user who may not configure works with a topology that exists" {
    topology
    reduced_user '' '.*' '.*'
    workflow_runs
    is_complete
}

@test "topology: a user who may not configure is told at once that something is missing" {
    local program
    reduced_user '' '.*' '.*'
    order >order.json
    for program in 'inventory-worker --idle-timeout 0' 'notify-worker --idle-timeout 0' 'dlq-replay' 'order-place'; do
        run -77 --separate-stderr $program <order.json
        [[ $stderr == *ACCESS_REFUSED*"'orders-ex'"* ]]
    done
    is_bare
}

@test "topology: a user who may not bind works with the bindings of others" {
    topology
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    workflow_runs_but_replay
    is_complete
}

@test "topology: a user who may not read a queue is told so at once" {
    topology
    reduced_user '' '.*' '^$'
    run -77 --separate-stderr inventory-worker --idle-timeout 0
    [[ $stderr == *ACCESS_REFUSED*"'$PLACED_Q'"* ]]
    run -77 --separate-stderr notify-worker --idle-timeout 0
    [[ $stderr == *ACCESS_REFUSED*"'$RESERVED_Q'"* ]]
    run -77 --separate-stderr dlq-replay
    [[ $stderr == *ACCESS_REFUSED*"'$DEAD_Q'"* ]]
    is_complete
}
