# The services that the programs replace, and the programs, mixed: each job by either, with events that have no more than
# those services send.

load ../support/helper

setup()
{
    isolate
    SERVICES=$REPO/tests/support/services.py
    # Orders of which every third fails.
    jq -nc 'range(12) | {user_id: "u-\(.)", restaurant_id: "r-1", items: [{sku: "burger", qty: (if . % 3 == 2 then 6 else 1 end)}]}' >orders
}

# Who does a job, theirs or ours: the service, or the program. Their outputs are placed, inventory-theirs.out, notify-ours.out and so on.
program()
{
    case $1 in
    theirs) exec /usr/bin/python3 "$SERVICES" "$2" ;;
    ours) exec "$3" ;;
    esac
}

place()
{
    (program "$1" place order-place)
}

inventory()
{
    start "inventory-$1" program "$1" inventory inventory-worker
    eventually is_consumed "$PLACED_Q"
}

notify()
{
    start "notify-$1" program "$1" notify notify-worker
    eventually is_consumed "$RESERVED_Q"
}

# told: the order_ids of which a customer was told, by whomever.
told()
{
    [ ! -e notify-theirs.out ] || sed -n 's/^Order confirmed: //p' notify-theirs.out
    [ ! -e notify-ours.err ] || sed -n 's/^\[notify\] Order confirmed: //p' notify-ours.err
}

are_told()
{
    [ "$(told | wc -l)" -ge "$1" ]
}

# all_is_well: each order in placed is reserved and told, or failed, once.
all_is_well()
{
    local count failed
    count=$(jq -rs 'map(select(.status == "PLACED")) | length' placed)
    failed=$((count / 3))
    eventually are_told $((count - failed))
    eventually holds "$FAILED_Q" "$failed"
    drain "$FAILED_Q" | jq -r .payload >failures
    jq -es 'all(.event_type == "InventoryFailed" and (.reason | length > 0))' failures
    # Told twice would be more than these.
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
    finish_all
    {
        told
        jq -r .order_id failures
    } | sort | diff <(jq -r .order_id placed | sort) -
    [ "$(told | wc -l)" = $((count - failed)) ]
    if [ -s notify-ours.out ]; then
        jq -r .order_id notify-ours.out | diff <(sed -n 's/^\[notify\] Order confirmed: //p' notify-ours.err) -
    fi
    run -1 grep -h 'rejected\|moved\|ignored\|Traceback' ./*.err
}

finish_all()
{
    local pid
    for pid in "${STARTED[@]}"; do
        finish "$pid" TERM
    done
    STARTED=()
}

# mix PLACE INVENTORY NOTIFY
mix()
{
    inventory "$2"
    notify "$3"
    place "$1" <orders >placed
    [ "$(wc -l <placed)" = 12 ]
    all_is_well
}

@test "mix: the service that places orders, and our workers" {
    mix theirs ours ours
    # A notification has all that our inventory announces.
    jq -es 'all(has("event_type", "order_id", "user_id", "restaurant_id", "items", "ts"))' notify-ours.out
}

@test "mix: the inventory service between our programs" {
    mix ours theirs ours
    # What it sent is passed on as it is.
    jq -es 'length == 8 and all(keys == ["event_type", "order_id", "ts", "user_id"])' notify-ours.out
    jq -r .user_id notify-ours.out | sort | diff <(jq -r 'select(.items[0].qty == 1).user_id' orders | sort) -
}

@test "mix: the notification service behind our programs" { mix ours ours theirs; }
@test "mix: our order-place before their services" { mix ours theirs theirs; }
@test "mix: our inventory-worker between their services" { mix theirs ours theirs; }

@test "mix: our notify-worker behind their services" {
    mix theirs theirs ours
    jq -es 'all(keys == ["event_type", "order_id", "ts", "user_id"])' notify-ours.out
}

@test "mix: both sides at once, on the same queues, whoever declared them" {
    local side
    order-place </dev/null
    for side in theirs ours; do
        inventory "$side"
        notify "$side"
    done
    for ((i = 0; i < 5; i++)); do
        cat orders
    done >many
    place ours <many >placed-ours &
    place theirs <many >placed-theirs
    wait "$!"
    cat placed-ours placed-theirs >placed
    [ "$(wc -l <placed)" = 120 ]
    all_is_well
}

@test "mix: rejected messages of both sides are in one dead letter queue, and can be replayed to either" {
    local side
    for side in theirs ours; do
        inventory "$side"
        publish orders-ex order.placed '{"event_type": "OrderPlaced", "order_id": "A-1"}'
        eventually holds "$DEAD_Q" 1
        finish_all
        dlq-replay --list | jq -e '.death.queue == "order.placed.q" and .death.reason == "rejected" and .error == "user_id is missing"'
        inventory "$side"
        dlq-replay --filter jq -c --unbuffered '.body += {user_id: "u", restaurant_id: "r", items: [{sku: "s", qty: 1}]}' |
            jq -e '.fate == "replayed"'
        eventually holds "$RESERVED_Q" 1
        finish_all
        drain "$RESERVED_Q" | jq -e '.payload | fromjson | .event_type == "InventoryReserved" and .order_id == "A-1"'
    done
}

# ---- an InventoryReserved that has no more than it must, or more than we know

# Each on a line.
odd_reserved_events()
{
    cat <<'END'
{"event_type":"InventoryReserved","order_id":"id-1"}
{"event_type": "InventoryReserved", "order_id": "id-2", "user_id": "u", "ts": "2024-01-01T00:00:00.000000+00:00"}
{"order_id":"id-3","event_type":"InventoryReserved","user_id":null,"restaurant_id":7,"items":"none","ts":1700000000}
{"event_type":"InventoryReserved","order_id":"id-4","user_id":"","restaurant_id":{},"items":[]}
{"event_type":"InventoryReserved","order_id":"id-5","items":[{"sku":"s","qty":1.50},{"qty":"many"},7]}
{"event_type":"InventoryReserved","order_id":"id-6","user_id":"a","user_id":"b","x":{"y":1,"y":2},"Order_Id":1}
{"event_type":"InventoryReserved","order_id":"id-7","user_id":"\u0000","x":"\ud800","y":12345678901234567890123456789012345678901234567890123456789012345678901234567890e-999}
{"event_type":"InventoryReserved","order_id":"9f1b9b5e-0000-4000-8000-000000000008","reservation":{"shelf":"A"}}
END
}

@test "notify-worker: an InventoryReserved needs only event_type and order_id; its other members are passed on" {
    local line
    topology
    odd_reserved_events >events
    while IFS= read -r line; do
        post inventory-ex inventory.reserved "$line"
    done <events
    run -0 --separate-stderr notify-worker --idle-timeout 1
    diff events <(printf '%s\n' "$output")
    grep -o 'Order confirmed: .*' <<<"$stderr" | diff <(sed 's/.*"order_id": *"\([^"]*\)".*/Order confirmed: \1/' events) -
    holds "$DEAD_Q" 0
    # A command gets the same.
    other_store
    while IFS= read -r line; do
        post inventory-ex inventory.reserved "$line"
    done <events
    notify-worker --idle-timeout 1 --exec sh -c 'cat >>got; echo >>got'
    grep . got | diff events -
}

@test "notify-worker: a byte order mark before an event is ignored" {
    topology
    post inventory-ex inventory.reserved "$(printf '\xef\xbb\xbf{"event_type":"InventoryReserved","order_id":"A-1"}')"
    run -0 --separate-stderr notify-worker --idle-timeout 1
    [ "$output" = '{"event_type":"InventoryReserved","order_id":"A-1"}' ]
}

@test "notify-worker: the members that it needs must be there once; dlq-replay gives the same reasons" {
    local body reason
    topology
    while IFS='|' read -r reason body; do
        post inventory-ex inventory.reserved "$body"
        printf '%s\n' "$reason" >>reasons
    done <<'END'
order_id is missing|{"event_type":"InventoryReserved","user_id":"u"}
order_id is missing: it stands within 'order'|{"event_type":"InventoryReserved","order":{"order_id":"a"}}
order_id is not a string|{"event_type":"InventoryReserved","order_id":7}
order_id is empty|{"event_type":"InventoryReserved","order_id":""}
order_id is there twice|{"event_type":"InventoryReserved","order_id":"a","order_id":"b"}
order_id has a control character|{"event_type":"InventoryReserved","order_id":"a\u0000b"}
order_id has a control character, or half of a surrogate pair|{"event_type":"InventoryReserved","order_id":"\udc00"}
event_type is there twice|{"event_type":"InventoryReserved","event_type":"InventoryFailed","order_id":"a"}
event_type is missing|{"order_id":"a"}
not a JSON object, but an array|[{"event_type":"InventoryReserved","order_id":"a"}]
END
    run -0 --separate-stderr notify-worker --idle-timeout 1
    [ -z "$output" ]
    sed -n 's/^\[notify\] moved to order.placed.dlq: //p' <<<"$stderr" | diff reasons -
    eventually holds "$DEAD_Q" 10
    dlq-replay --list | jq -r .error | diff reasons -
    # One that was read is none any more.
    letter='{queue: "order.placed.dlq", properties: {}, body: {event_type: "InventoryReserved", order_id: "a"},
        headers: {"x-death": [{queue: "inventory.reserved.q", reason: "expired", exchange: "inventory-ex", "routing-keys": ["inventory.reserved"], count: 1}]}}'
    purge "$DEAD_Q"
    jq -nc "$letter" | dlq-replay --from - >/dev/null
    dlq-replay --list | jq -e 'has("error") and .error == null and .death.queue == "inventory.reserved.q"'
}

# ---- commands of others

@test "a command that is a script without a #! line is refused with the reason" {
    topology
    post inventory-ex inventory.reserved '{"event_type":"InventoryReserved","order_id":"A-1"}'
    publish orders-dlx order.placed.dlq '{}'
    echo cat >script
    chmod +x script
    run -64 --separate-stderr notify-worker --idle-timeout 1 --exec ./script
    [ "$stderr" = "notify-worker: cannot run './script': it is no program of this machine; a script needs a first line such as #!/bin/sh" ]
    eventually holds "$RESERVED_Q" 1
    run -64 --separate-stderr dlq-replay --filter ./script
    [[ $stderr == *"dlq-replay: cannot run './script': it is no program of this machine; a script needs a first line such as #!/bin/sh"* ]]
    eventually holds "$DEAD_Q" 1
}
