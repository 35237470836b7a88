# inventory-worker: the reservation rule, the rows I0 to I3 of its crash table, poison, repeats, and a broker that goes away.

load ../support/helper

WORKER='inventory-worker'

# --- messages

# placed ORDER_ID [QTY [SKU]]: an OrderPlaced; any order_id is put as JSON wants it.
placed()
{
    jq -cn --arg id "$1" --argjson qty "${2:-1}" --arg sku "${3:-s}" '{event_type: "OrderPlaced", order_id: $id,
        user_id: "u", restaurant_id: "r", items: [{sku: $sku, qty: $qty}]}'
}

# place ORDER_ID [QTY [SKU]]: as another producer does.
place()
{
    publish orders-ex order.placed "$(placed "$@")" -p
}

# in_ledger ORDER_ID: it was committed. For tests that must know when, while nothing else can tell.
in_ledger()
{
    if on_postgresql; then
        [ "$(in_database "SELECT count(*) FROM order_tools.reservations WHERE order_id = '$1'")" = 1 ]
    else
        grep -qF -- "$1" "$XDG_STATE_HOME"/order-tools/ledger.db*
    fi
}

# --- the event

# is_published QUEUE KEY TYPE MESSAGE_ID: of order $id the queue has one event of that type, as it was printed, with all its properties.
# Sets message to it.
is_published()
{
    message=$(drain "$1")
    [ "$(wc -l <<<"$message")" -eq 1 ]
    [ "$(jq -r .payload <<<"$message")" = "$output" ]
    [ "$(jq -r '.exchange + " " + .routing_key' <<<"$message")" = "inventory-ex $2" ]
    [[ $(jq -r .ts <<<"$output") =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$ ]]
    [ "$(jq -cS '.properties | del(.timestamp)' <<<"$message")" = "$(jq -cS . <<<'{"app_id":"inventory-worker",
        "content_type":"application/json","correlation_id":"'$id'","delivery_mode":2,"message_id":"'$4'","type":"'$3'"}')" ]
    [ "$(uuid_of "urn:order-tools:$3:$id")" = "$4" ]
}

@test "an order is reserved: the event with all its fields and properties, on the broker and on standard output" {
    id=0190c4a2-7e31-7c5d-9f00-3a5b1c2d4e6f
    topology
    before=$(now_ms)
    # No properties, no ts.
    publish orders-ex order.placed '{"event_type":"OrderPlaced","order_id":"'$id'","user_id":"u-1","restaurant_id":"r-1",
        "items":[{"sku":"burger","qty":2},{"sku":"fries","qty":5}]}'
    run -0 --separate-stderr worker --count 1
    after=$(now_ms)

    [ "${#lines[@]}" -eq 1 ]
    [ "$stderr" = "[inventory] reservation OK for $id
[inventory] published InventoryReserved for $id" ]
    holds "$PLACED_Q" 0
    holds "$FAILED_Q" 0
    holds "$DEAD_Q" 0
    is_published "$RESERVED_Q" inventory.reserved InventoryReserved c1207675-c57b-55a8-bcd1-04b8d713552a

    [ "$(jq -cS 'del(.ts)' <<<"$output")" = "$(jq -cS . <<<'{"event_type":"InventoryReserved","order_id":"'$id'",
        "user_id":"u-1","restaurant_id":"r-1","items":[{"sku":"burger","qty":2},{"sku":"fries","qty":5}]}')" ]
    ts=$(date -d "$(jq -r .ts <<<"$output")" +%s%3N)
    [ "$ts" -ge "$before" ]
    [ "$ts" -le "$after" ]
    timestamp=$(jq .properties.timestamp <<<"$message")
    [ "$timestamp" -ge $((before / 1000)) ]
    [ "$timestamp" -le $((after / 1000)) ]
}

@test "an order fails: the event with its reason, under a key and in a queue of its own" {
    id=0190c4a2-7e31-7c5d-9f00-3a5b1c2d4e6f
    topology
    publish orders-ex order.placed '{"event_type":"OrderPlaced","order_id":"'$id'","user_id":"u-1","restaurant_id":"r-1",
        "items":[{"sku":"fries","qty":1},{"sku":"burger","qty":10}]}'
    run -0 --separate-stderr worker --count 1

    [ "$stderr" = "[inventory] reservation FAILED for $id
[inventory] published InventoryFailed for $id" ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
    is_published "$FAILED_Q" inventory.failed InventoryFailed e1aff913-533b-5a04-975b-0f8d339bdddc

    [ "$(jq -cS 'del(.ts, .reason)' <<<"$output")" = "$(jq -cS . <<<'{"event_type":"InventoryFailed","order_id":"'$id'",
        "user_id":"u-1","restaurant_id":"r-1","items":[{"sku":"fries","qty":1},{"sku":"burger","qty":10}]}')" ]
    reason=$(jq -r .reason <<<"$output")
    [[ $reason == *burger* && $reason != *fries* ]]
    [[ " ${reason//[!0-9]/ } " == *" 10 "*" 5 "* ]]
}

@test "the limit is 5, or --max-qty; one item over it fails the whole order" {
    topology
    place five 5
    place six 6
    run -0 --separate-stderr worker --count 2
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output")" = "InventoryReserved five
InventoryFailed six" ]

    place ten 10
    place eleven 11
    run -0 --separate-stderr worker --count 2 --max-qty 10
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output")" = "InventoryReserved ten
InventoryFailed eleven" ]

    place one 1
    run -0 --separate-stderr worker --count 1 --max-qty=0
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output")" = "InventoryFailed one" ]

    publish orders-ex order.placed "$(placed several | jq -c '.items = [{sku: "a", qty: 1}, {sku: "b", qty: 6}, {sku: "c", qty: 2}]')"
    publish orders-ex order.placed "$(placed twice | jq -c '.items = [{sku: "a", qty: 5}, {sku: "b", qty: 5}]')"
    run -0 --separate-stderr worker --count 2
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output")" = "InventoryFailed several
InventoryReserved twice" ]
    [[ $(jq -r 'select(.order_id == "several").reason' <<<"$output") == *"'b'"* ]]

    [ "$(drain "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id' | paste -sd' ')" = "five ten twice" ]
    [ "$(drain "$FAILED_Q" | jq -r '.payload | fromjson | .order_id' | paste -sd' ')" = "six eleven one several" ]
}

@test "order ids that others made are taken as they are" {
    all=(plain 'with space' 'quo"te"d' "apo'strophe" 'back\slash' 'Zürich 🍔' '%s%n%d' '$(reboot) `x` *' "'); DROP TABLE handled;--"
        ../../etc/passwd Upper upper 0190C4A2-7E31-7C5D-9F00-3A5B1C2D4E6F 42
        "$(printf '%0128d' 0)" "$(printf 'ü%.0s' {1..64})" "$(printf '\\%.0s' {1..128})")
    topology
    for id in "${all[@]}"; do
        place "$id"
    done
    place "$(printf '%0129d' 0)"
    place "$(printf 'ü%.0s' {1..65})"
    run -0 --separate-stderr worker --count $((${#all[@]} + 2))
    printf '%s\n' "$stderr" >err

    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${all[@]}")" ]
    drain "$RESERVED_Q" >reserved
    [ "$(jq -r '.payload | fromjson | .order_id' reserved)" = "$(printf '%s\n' "${all[@]}")" ]
    [ "$(jq -r .properties.correlation_id reserved)" = "$(printf '%s\n' "${all[@]}")" ]
    for id in "${all[@]}"; do
        uuid_of "urn:order-tools:InventoryReserved:$id"
    done >expected
    [ "$(jq -r .properties.message_id reserved)" = "$(cat expected)" ]
    for id in "${all[@]}"; do
        echo "id: $id"
        says err "[inventory] reservation OK for $id"
        says err "[inventory] published InventoryReserved for $id"
    done
    # A byte or more beyond 128.
    holds "$DEAD_Q" 2
}

@test "members that it does not know, their order, white space and properties make no difference" {
    topology
    publish orders-ex order.placed '
        { "items" : [ { "note": {"a": [null]}, "qty" : 2 , "sku":"b" } ], "total": 9.5, "restaurant_id":"r", "Order_ID": "x",
          "ts": "yesterday", "reason": "none", "user_id":"u", "order_id":"odd", "event_type":"OrderPlaced" }
    ' -C text/plain -E utf-8 -H 'x-death: none' -H 'k: v'
    run -0 --separate-stderr worker --count 1
    [ "$(jq -cS 'del(.ts)' <<<"$output")" = "$(jq -cS . <<<'{"event_type":"InventoryReserved","order_id":"odd","user_id":"u",
        "restaurant_id":"r","items":[{"sku":"b","qty":2}]}')" ]
    [[ $(jq -r .ts <<<"$output") == 20*Z ]]
    [ "$(drain "$RESERVED_Q" | jq -c '[.payload == $line, .properties.headers, .properties.content_type]' --arg line "$output")" = '[true,null,"application/json"]' ]
}

# --- poison

# rejected_bodies: of the dead letters, in base64, sorted; each must say that the broker took it from order.placed.q.
rejected_bodies()
{
    drain "$DEAD_Q" >dead
    jq -e -s 'all(.properties.headers["x-death"][0]; .queue == "order.placed.q" and .reason == "rejected" and
        .exchange == "orders-ex" and ."routing-keys" == ["order.placed"] and .count == 1)' dead >/dev/null
    jq -r 'if .payload_encoding == "base64" then .payload else .payload | @base64 end' dead | LC_ALL=C sort
}

@test "poison goes to order.placed.dlq, does not count as handled, and delays no order" {
    # What to make of a sound event...
    edits=('del(.order_id)' '.order_id = ""' '.order_id = null' '.order_id = 7' '.order_id = ["x"]'
        '.order_id += "\u001b[31m"' '.order_id += "\n"' '.order_id += "\u007f"' '.order_id += "\u0085"' '.order_id += "\u202e"'
        '.order_id = "x" * 129' '.Order_ID = .order_id | del(.order_id)'
        'del(.event_type)' '.event_type = ""' '.event_type = 5' '.event_type = null' '.event_type = "InventoryReserved"'
        '.event_type = "orderplaced"' '.event_type = "OrderPlaced "' '.event_type += "\u001b[2J"'
        'del(.user_id)' '.user_id = ""' '.user_id = 1' '.user_id = "u" * 257' '.user_id = "\u0007"' 'del(.restaurant_id)' '.restaurant_id = {}'
        'del(.items)' '.items = []' '.items = {}' '.items = "burger"' '.items = [1]' '.items += [{}]' '.items = [range(1001) | {sku: "s", qty: 1}]'
        'del(.items[0].sku)' '.items[0].sku = ""' '.items[0].sku = 1' '.items[0].sku = "s" * 257' '.items[0].sku = "\t"'
        'del(.items[0].qty)' '.items[0].qty = 0' '.items[0].qty = -1' '.items[0].qty = 1.5' '.items[0].qty = "2"' '.items[0].qty = null' '.items[0].qty = 1000001'
        '[.]' 'tojson' 'null' 'true' '42' '{}' '[]')
    # ... and texts, with @ for its order_id.
    head='{"event_type":"OrderPlaced","order_id":"@","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1'
    texts=('not json' '' ' ' "$head" "$head}]}x" "$head}]}$head}]}" "$head}],}" "$head}]} // comment" "$head}]"
        "$head,\"qty\":1}]}" "$head}],\"order_id\":\"@\"}" "$head}],\"\\u006frder_id\":\"@\"}"
        "${head/@/@\\u0000}}]}" "${head/@/@\\ud800}}]}" "${head/@/@"$'\x01'"}}]}" "${head/@/@"$'\xff'"}}]}" "${head/@/@\\x}}]}"
        $'\xef\xbb\xbf\xef\xbb\xbf'"$head}]}" "${head//\"/\'}}]}" "${head%1}01}]}" "${head%1}1.}]}" "${head%1}1e999}]}" "${head%1}0.99999999999999999999}]}" "${head%1}NaN}]}" "${head%1}+1}]}"
        "$head}],\"x\":$(printf '[%.0s' {1..64})$(printf ']%.0s' {1..64})}")
    topology
    bad=0
    # All in one process: there are many.
    program=
    for edit in "${edits[@]}"; do
        program+="${program:+, }($(event "p$bad") | $edit)"
        bad=$((bad + 1))
    done
    mapfile -t poison < <(jq -nc "$program")
    for text in "${texts[@]}"; do
        poison+=("${text//@/p$bad}")
        bad=$((bad + 1))
    done
    [ "${#poison[@]}" -eq $bad ]
    # Each poison between two sound orders.
    for ((n = 0; n < bad; n++)); do
        printf '%s\0%s\0' "${poison[n]}" "$(event "good$((n + 1))")"
    done | perl -0 -ne 'chomp; print "100002 ", unpack("H*", $_) || "-", "\n"' | wire put orders-ex order.placed
    run -0 --separate-stderr worker --count $((2 * bad))
    printf '%s\n' "$stderr" >err

    [ "$(rejected_bodies)" = "$(printf '%s\0' "${poison[@]}" | perl -0 -MMIME::Base64 -ne 'chomp; print encode_base64($_, ""), "\n"' |
        LC_ALL=C sort)" ]
    [ "$(ids <<<"$output")" = "$(seq -f 'good%g' $bad)" ]
    [ "$(drain "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id')" = "$(seq -f 'good%g' $bad)" ]
    holds "$PLACED_Q" 0
    holds "$FAILED_Q" 0
    [ "$(grep -c '^\[inventory\] rejected a message: .' err)" -eq $bad ]
    [ "$(wc -l <err)" -eq $((3 * bad)) ]

    # Put right, each of them is an order like any other.
    mapfile -t repaired < <(seq -f 'p%g' 0 $((bad - 1)))
    publish_placed "${repaired[@]}"
    run -0 --separate-stderr worker --count $bad
    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${repaired[@]}")" ]
    [ "$(grep -c '^\[inventory\] reservation OK for p' <<<"$stderr")" -eq $bad ]
}

@test "the content of a message cannot forge or garble the log" {
    topology
    publish orders-ex order.placed "$(placed forged | jq -c '.event_type = "\n[inventory] reservation OK for forged\u001b[2J\u009b\u202e"')"
    publish orders-ex order.placed "$(placed forged | jq -c '.event_type = "Other\\x1b"')"
    publish orders-ex order.placed "$(placed $'forged\n[inventory] reservation OK for forged')"
    publish orders-ex order.placed $'\x1b[31m\n[inventory] reservation OK for forged'
    # The last line is also what shows that nothing is missing after the others.
    place sound
    run -0 --separate-stderr worker --count 5
    printf '%s\n' "$stderr" >err
    run -1 env LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f-\x9f]|\xe2\x80\xae' err
    [ "$(wc -l <err)" -eq 6 ]
    [ "$(grep -c '^\[inventory\] rejected a message: ' err)" -eq 4 ]
    [ "$(grep -c '^\[inventory\] rejected a message: .*event_type' err)" -eq 2 ]
    [ "$(grep -c '^\[inventory\] rejected a message: .*order_id' err)" -eq 1 ]
    says err '[inventory] reservation OK for sound'
    [ "$(rejected_bodies | wc -l)" -eq 4 ]
}

@test "an event may have 1 MiB and 4096 bytes, not one more" {
    topology
    placed large | tr -d '\n' >small
    size=$((1048576 + 4096))
    { cat small && head -c $((size - $(stat -c %s small))) /dev/zero | tr '\0' ' '; } >most
    { cat most && printf ' '; } >over
    amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed <over
    amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed <most
    run -0 --separate-stderr worker --count 2
    [ "$(ids <<<"$output")" = large ]
    [ "$(grep -c '^\[inventory\] rejected a message: too large' <<<"$stderr")" -eq 1 ]
    drain "$DEAD_Q" | jq -j .payload | cmp - over
}

@test "poison alone, and as the first and the last of the messages that wait" {
    topology
    publish orders-ex order.placed bad1
    publish orders-ex order.placed bad2
    run -0 --separate-stderr worker --count 2
    [ -z "$output" ]
    holds "$DEAD_Q" 2
    holds "$PLACED_Q" 0

    publish orders-ex order.placed bad3
    place good1
    place good2
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output" | paste -sd' ')" = 'good1 good2' ]
    holds "$DEAD_Q" 3
    holds "$PLACED_Q" 0

    place good3
    place good4
    publish orders-ex order.placed bad4
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output" | paste -sd' ')" = 'good3 good4' ]
    [ "$(drain "$DEAD_Q" | jq -r .payload | paste -sd' ')" = 'bad1 bad2 bad3 bad4' ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 4
}

# --- repeats

@test "the same order twice: one event, in one batch, over a restart, and for one that failed" {
    topology
    place same
    place same
    place other
    place same 3
    run -0 --separate-stderr worker --count 4
    printf '%s\n' "$stderr" >err
    [ "$(ids <<<"$output" | paste -sd' ')" = 'same other' ]
    says err '[inventory] duplicate ignored: same' 2
    says err '[inventory] reservation OK for same'
    says err '[inventory] published InventoryReserved for same'
    holds "$PLACED_Q" 0
    holds "$DEAD_Q" 0

    # The memory is on disk; and decided is decided, whatever the limit is now.
    place same
    run -0 --separate-stderr worker --count 1 --max-qty 0
    [ -z "$output" ]
    [ "$stderr" = '[inventory] duplicate ignored: same' ]
    [ "$(drain "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id' | paste -sd' ')" = 'same other' ]

    place big 10
    place big 10
    run -0 --separate-stderr worker --count 2
    printf '%s\n' "$stderr" >err
    says err '[inventory] duplicate ignored: big'
    says err '[inventory] published InventoryFailed for big'
    place big 10
    place big 1
    run -0 --separate-stderr worker --count 2
    [ "$stderr" = '[inventory] duplicate ignored: big
[inventory] duplicate ignored: big' ]
    holds "$FAILED_Q" 1
    holds "$RESERVED_Q" 0
}

@test "two workers on one ledger and one queue, each order sent twice: one outcome each, and each event goes out once" {
    topology
    mapfile -t all < <(seq -f 'o%g' 200)
    # Pairs, so that the two workers have the same order in hand at the same time.
    pairs=()
    for id in "${all[@]}"; do
        pairs+=("$id" "$id")
    done
    publish_placed "${pairs[@]}"
    start one inventory-worker --prefetch 3
    one=$PID
    start two inventory-worker --prefetch 3
    two=$PID
    eventually holds "$PLACED_Q" 0
    ends -0 "$one" TERM
    ends -0 "$two" TERM
    holds "$PLACED_Q" 0
    cat one.err two.err >err

    [ "$(grep '^\[inventory\] reservation OK for ' err | sort -V)" = "$(printf '[inventory] reservation OK for %s\n' "${all[@]}")" ]
    [ "$(grep '^\[inventory\] published InventoryReserved for ' err | sort -V)" = "$(printf '[inventory] published InventoryReserved for %s\n' "${all[@]}")" ]
    [ "$(grep '^\[inventory\] duplicate ignored: ' err | sort -V)" = "$(printf '[inventory] duplicate ignored: %s\n' "${all[@]}")" ]
    [ "$(cat one.out two.out | ids | sort -V)" = "$(printf '%s\n' "${all[@]}")" ]
    drain "$RESERVED_Q" >reserved
    [ "$(wc -l <reserved)" -eq 200 ]
    [ "$(jq -r .properties.message_id reserved | sort -u | wc -l)" -eq 200 ]
    [ "$(jq -r '.payload | fromjson | .order_id' reserved | sort -V)" = "$(printf '%s\n' "${all[@]}")" ]
    holds "$FAILED_Q" 0
    holds "$DEAD_Q" 0
}

# --- the crash table

@test "I0: killed with a delivery in hand and nothing recorded, the order is handled afresh" {
    start first inventory-worker
    eventually holds "$PLACED_Q" 0
    eventually queue_consumers "$PLACED_Q" 1
    kill -STOP "$PID"
    place i0
    eventually holds "$PLACED_Q" 0
    ends "$PID" KILL
    eventually holds "$PLACED_Q" 1
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[inventory] reservation OK for i0
[inventory] published InventoryReserved for i0' ]
    holds "$RESERVED_Q" 1
    holds "$PLACED_Q" 0
}

@test "I1: recorded but impossible to publish: reported once, the order acknowledged, exit 76, and the recorded event is published later" {
    local guest=$AMQP_URL
    topology
    # A user who may not put the binding back.
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    start first inventory-worker --max-qty 5
    eventually queue_consumers "$PLACED_Q" 1
    api DELETE "bindings/$VHOST/e/inventory-ex/q/inventory.reserved.q/inventory.reserved" >/dev/null
    before=$(now_ms)
    place i1 5
    eventually grep -F "the broker did not take the event of order 'i1': 312 NO_ROUTE; it stays owed, and is tried again" first.err
    after=$(now_ms)
    # The others go on.
    place i2 6
    eventually holds "$FAILED_Q" 1
    holds "$PLACED_Q" 0
    ends -76 "$PID" TERM
    [ "$(ids <first.out)" = i2 ]
    [ "$(grep -c "did not take" first.err)" -eq 1 ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
    drain "$FAILED_Q"

    # Under this limit it would fail now. It needs no order to come.
    AMQP_URL=$guest
    run -0 --separate-stderr worker --max-qty 1 --idle-timeout 0
    # The reservation was made once, so the log of the two runs says so once.
    [ "$stderr" = '[inventory] published InventoryReserved for i1' ]
    says first.err '[inventory] reservation OK for i1'
    holds "$FAILED_Q" 0
    message=$(drain "$RESERVED_Q")
    [ "$(wc -l <<<"$message")" -eq 1 ]
    [ "$(jq -r .payload <<<"$message")" = "$output" ]
    [ "$(jq -r .event_type <<<"$output")" = InventoryReserved ]
    ts=$(date -d "$(jq -r .ts <<<"$output")" +%s%3N)
    [ "$ts" -ge "$before" ]
    [ "$ts" -le "$after" ]

    place i1 5
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[inventory] duplicate ignored: i1' ]
    holds "$RESERVED_Q" 0
}

@test "I2: killed after the confirm, before the acknowledgement: the same event goes out again" {
    topology
    start_stuck first inventory-worker --max-qty 5
    place i2 5
    eventually holds "$RESERVED_Q" 1
    ends "$PID" KILL
    eventually holds "$PLACED_Q" 1

    run -0 --separate-stderr worker --count 1 --max-qty 1
    # The log of the one that was killed may not have been written.
    printf '%s\n' "$stderr" >err
    says err '[inventory] reservation OK for i2'
    says err '[inventory] published InventoryReserved for i2'
    says err '[inventory] duplicate ignored: i2'
    drain "$RESERVED_Q" >reserved
    [ "$(wc -l <reserved)" -eq 2 ]
    [ "$(jq -r .payload reserved | sort -u)" = "$output" ]
    [ "$(jq -r .properties.message_id reserved | sort -u)" = "$(uuid_of urn:order-tools:InventoryReserved:i2)" ]
    holds "$FAILED_Q" 0

    # I3: acknowledged, and known to be done.
    place i2 5
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[inventory] duplicate ignored: i2' ]
    [ -z "$output" ]
    holds "$RESERVED_Q" 0
    holds "$PLACED_Q" 0
}

@test "a connection lost between confirm and acknowledgement brings no second event" {
    topology
    start_stuck worker inventory-worker
    place again
    eventually holds "$RESERVED_Q" 1
    cut_connections
    eventually holds "$PLACED_Q" 1
    head -c 8192 <&7 >/dev/null
    eventually says worker.err '[inventory] duplicate ignored: again'
    ends -0 "$PID" TERM
    says worker.err '[inventory] published InventoryReserved for again'
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 1
}

# --- batches, counts and ends

@test "a backlog is worked off in order, whatever the size of a batch" {
    topology
    mapfile -t all < <(seq -f 'o%g' 500)
    publish_placed "${all[@]}"
    holds "$PLACED_Q" 500
    run -0 --separate-stderr worker --count 500
    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${all[@]}")" ]
    holds "$PLACED_Q" 0
    [ "$(drain "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id')" = "$(printf '%s\n' "${all[@]}")" ]

    for prefetch in 1 5 65535; do
        mapfile -t all < <(seq -f "p$prefetch-%g" 100)
        publish_placed "${all[@]}"
        run -0 --separate-stderr worker --count 100 --prefetch $prefetch
        [ "$(ids <<<"$output")" = "$(printf '%s\n' "${all[@]}")" ]
        holds "$PLACED_Q" 0
        [ "$(drain "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id')" = "$(printf '%s\n' "${all[@]}")" ]
    done
}

@test "--prefetch is how many orders a worker has in hand at most" {
    start worker inventory-worker --prefetch 5
    eventually queue_consumers "$PLACED_Q" 1
    kill -STOP "$PID"
    publish_placed {1..20}
    eventually holds "$PLACED_Q" 15
    kill -CONT "$PID"
    eventually holds "$RESERVED_Q" 20
    ends -0 "$PID" TERM
    holds "$PLACED_Q" 0
    [ "$(ids <worker.out | paste -sd' ')" = "$(seq -s' ' 20)" ]
}

@test "--count takes so many and leaves the rest, --idle-timeout ends a worker that receives nothing" {
    topology
    publish_placed 1 2 3 4 5
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output" | paste -sd' ')" = '1 2 3' ]
    holds "$PLACED_Q" 2
    [ "$(drain "$PLACED_Q" | jq -r '.payload | fromjson | .order_id' | paste -sd' ')" = '4 5' ]

    # Repeats and poison are deliveries too.
    publish orders-ex order.placed poison
    publish_placed 1 6 7
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output" | paste -sd' ')" = 6 ]
    holds "$PLACED_Q" 1

    before=$(now_ms)
    run -0 --separate-stderr worker --count 100 --idle-timeout 1
    took=$(($(now_ms) - before))
    [ "$(ids <<<"$output" | paste -sd' ')" = 7 ]
    [ "$took" -ge 1000 ]
    [ "$took" -lt $((PATIENCE * 1000)) ]
    holds "$PLACED_Q" 0
}

# is_quick NAME: is another order handled within a second?
is_quick()
{
    local before
    before=$(now_ms)
    echo "$1" >>placed
    place "$1-$(wc -l <placed)"
    eventually grep -qF "\"$1-$(wc -l <placed)\"" worker.out
    [ $(($(now_ms) - before)) -lt 1000 ]
}

@test "a single order does not wait for company, and SIGTERM or SIGHUP ends an idle worker at once" {
    for signal in TERM HUP; do
        # Under nohup the suite itself was told to ignore SIGHUP, and what it starts would too.
        start worker env --default-signal=HUP inventory-worker
        eventually queue_consumers "$PLACED_Q" 1
        # Once out of many, since the machine may be busy: a worker that waits for company is never that quick.
        eventually is_quick "$signal"
        ends -0 "$PID" "$signal" 2
        holds "$PLACED_Q" 0
    done
    holds "$RESERVED_Q" "$(wc -l <placed)"
}

@test "SIGTERM during work: the batch in hand is finished, the rest stays in the queue" {
    topology
    publish_placed {1..5000}
    start worker inventory-worker --prefetch 16
    eventually grep -q . worker.out
    ends -0 "$PID" TERM 2
    done=$(wc -l <worker.out)
    [ "$done" -gt 0 ]
    [ "$done" -lt 5000 ]
    holds "$PLACED_Q" $((5000 - done))
    [ "$(ids <worker.out)" = "$(seq "$done")" ]
    [ "$(drain "$RESERVED_Q" | jq -r .payload)" = "$(cat worker.out)" ]

    # Nothing of it comes again.
    run -0 --separate-stderr worker --count $((5000 - done))
    [ "$(ids <<<"$output")" = "$(seq $((done + 1)) 5000)" ]
    run -1 grep -F 'duplicate ignored' <<<"$stderr"
}

# --- output and ledger

@test "an output that cannot be written: exit 74, nothing acknowledged, and the next run gives the recorded event" {
    topology
    place kept 5
    publish orders-ex order.placed poison
    run -74 --separate-stderr to_full worker --count 2 --max-qty 5
    grep '^inventory-worker: cannot write standard output: ' <<<"$stderr"
    eventually holds "$PLACED_Q" 2

    run -0 --separate-stderr worker --count 2 --max-qty 1
    holds "$PLACED_Q" 0
    holds "$DEAD_Q" 1
    holds "$FAILED_Q" 0
    # All copies are the one event that was recorded.
    drain "$RESERVED_Q" >reserved
    [ "$(jq -r .payload reserved | sort -u | wc -l)" -eq 1 ]
    [ "$(jq -r .properties.message_id reserved | sort -u)" = "$(uuid_of urn:order-tools:InventoryReserved:kept)" ]
    # Whoever reads our output has not had it yet.
    [ "$output" = "$(jq -r .payload reserved | sort -u)" ]
}

@test "a closed pipe for its output: exit 74, and nothing is acknowledged" {
    topology
    place kept
    mkfifo pipe
    { :; } <pipe &
    status=0
    # By the time that there is something to write nobody reads any more.
    { eventually ended $! && inventory-worker --count 1; } >pipe 2>err || status=$?
    [ "$status" -eq 74 ]
    eventually holds "$PLACED_Q" 1
}

@test "the ledger: its path, its private folders and files, and files that are refused because they are not a ledger" {
    about_files
    topology
    rm -rf "$XDG_STATE_HOME"
    place mine
    (umask 000 && inventory-worker --count 1 >/dev/null 2>&1)
    [ "$(stat -c %a "$XDG_STATE_HOME" "$XDG_STATE_HOME/order-tools" | sort -u)" = 700 ]
    [ "$(stat -c %a "$XDG_STATE_HOME"/order-tools/* | sort -u)" = 600 ]
    [ -s "$XDG_STATE_HOME/order-tools/ledger.db" ]

    # While it runs, the files beside it are as private.
    INVENTORY_LEDGER=$PWD/a/b/ledger start worker inventory-worker
    place mine
    eventually holds "$RESERVED_Q" 2
    [ "$(stat -c %a a/b/* | sort -u)" = 600 ]
    ends -0 "$PID" TERM

    echo 'these are no data, and not few of them: a database starts otherwise, so that this is told from one at once' >text
    order-show --count >/dev/null 2>&1 || true
    order | order-place >/dev/null 2>&1
    place kept
    holds "$PLACED_Q" 2
    notify-worker --idle-timeout 0 >/dev/null 2>&1
    for ledger in text /dev/null/ledger "$PWD" "$XDG_STATE_HOME/order-tools/orders.db" "$XDG_STATE_HOME/order-tools/notices.db"; do
        echo "ledger: $ledger"
        [ -e "$ledger" ] || [ "$ledger" = /dev/null/ledger ]
        INVENTORY_LEDGER=$ledger run -73 --separate-stderr worker --count 1
        [[ $stderr == inventory-worker:*"$ledger"* || $stderr == *"'/dev/null'"* ]]
        [ -z "$output" ]
    done
    holds "$PLACED_Q" 2
    XDG_STATE_HOME='' HOME='' run -73 --separate-stderr worker --count 1
    [[ $stderr == *INVENTORY_LEDGER* ]]
}

@test "several workers may start at once on a ledger that is not there yet" {
    about_files
    mkfifo gate
    # All of them start at the same moment. Without a broker, a worker gives up once it has opened its ledger.
    cat >racer <<'END'
: >ready-$1
: <gate
exec inventory-worker -u amqp://127.0.0.1:1 --retries 1
END
    for round in {1..15}; do
        rm -f ready-*
        for each in {1..8}; do
            INVENTORY_LEDGER=$PWD/ledger-$round start "$round-$each" sh racer "$each"
        done
        eventually all_ready
        exec 8>gate
        for pid in "${STARTED[@]:(-8)}"; do
            ends "$pid"
            echo "$status" >>statuses
        done
        exec 8>&-
    done
    sort ./*.err | uniq -c
    [ "$(sort statuses | uniq -c)" = '    120 69' ]
}

all_ready()
{
    [ "$(find . -name 'ready-*' | wc -l)" -eq 8 ]
}

# --- options and exit codes

@test "wrong usage: exit 64, and nothing is touched" {
    refuses_usage inventory-worker < <(printf '%s\n' --max-qty=-1 --max-qty=1000001 --max-qty=x --max-qty= --prefetch=0 --prefetch=65536 \
        --prefetch=5x --count=0 --count=-1 --idle-timeout=-1 --idle-timeout=1.5 --retries=0 --retry-delay=-1 --count --unknown -x operand \
        '-u nonsense' '-u http://host/' '--cert x')
    run -64 --separate-stderr worker $'\x1b[31mred'
    [[ $stderr == *'\x1b[31mred'* && $stderr != *$'\x1b'* ]]
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "--help and --version" {
    helps inventory-worker --max-qty --prefetch --count --idle-timeout --url --authfile --cacert --cert --key --retries --retry-delay --shuffle --confirm-timeout --queue-type \
        --help --version
    run -74 to_full inventory-worker --help
}

@test "no broker: exit 69 after the attempts; login refused: exit 77" {
    run -69 --separate-stderr worker -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0
    [[ $stderr == *"inventory-worker: broker '127.0.0.1:1' "*'attempt 1 of 2'*'giving up after 2 attempts'* ]]
    [ -z "$output" ]
    run -77 --separate-stderr worker -u "${AMQP_URL/guest:guest/guest:wrong}"
    [[ $stderr == *'login failed'* && $stderr != *wrong* ]]
    run -77 --separate-stderr worker -u "$SUITE_URL/nowhere"
    # A list is tried in turn.
    run -0 --separate-stderr worker -u "amqp://127.0.0.1:1,$AMQP_URL" --idle-timeout 0
}

# --- the broker's side

@test "many malformed orders in a quorum queue: all that were rejected are dead letters when the worker has ended" {
    local round
    topology
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    api PUT "queues/$VHOST/$PLACED_Q" "{\"durable\": true, \"arguments\":
        $(endless '{"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}')}" >/dev/null
    topology
    for round in 1 2 3; do
        jq -nc --arg queue "$PLACED_Q" 'range(100) | {queue: $queue, body: {poison: .}}' | dlq-replay --from - >/dev/null
        eventually holds "$PLACED_Q" 100
        run -0 --separate-stderr worker --count 100
        eventually holds "$DEAD_Q" "$((100 * round))"
        holds "$PLACED_Q" 0
    done
}

@test "it declares what it needs, and uses an existing queue as it is" {
    topology
    [ "$(queues_now | jq -cS 'map({key: .name, value: [.durable, .auto_delete, .exclusive, .arguments]}) | from_entries')" = "$(jq -cS . <<<'{
        "order.placed.q": [true, false, false, {"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}],
        "order.placed.dlq": [true, false, false, {}], "inventory.reserved.q": [true, false, false, {}], "inventory.failed.q": [true, false, false, {}]}')" ]
    [ "$(api GET "exchanges/$VHOST" | jq -c '[.[] | select(.name | test("^orders|^inventory")) | [.name, .type, .durable]] | sort')" = \
        '[["inventory-ex","direct",true],["orders-dlx","direct",true],["orders-ex","direct",true]]' ]
    [ "$(api GET "bindings/$VHOST" | jq -c '[.[] | select(.source != "") | [.source, .routing_key, .destination]] | sort')" = \
        '[["inventory-ex","inventory.failed","inventory.failed.q"],["inventory-ex","inventory.reserved","inventory.reserved.q"],["orders-dlx","order.placed.dlq","order.placed.dlq"],["orders-ex","order.placed","order.placed.q"]]' ]

    api DELETE "queues/$VHOST/order.placed.q" >/dev/null
    api PUT "queues/$VHOST/order.placed.q" '{"durable": true, "arguments": {"x-queue-type": "quorum",
        "x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}}' >/dev/null
    topology
    publish_placed 1 2
    publish orders-ex order.placed poison
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output" | paste -sd' ')" = '1 2' ]
    eventually holds "$DEAD_Q" 1
    holds "$PLACED_Q" 0
}

@test "its queue deleted, its exchange deleted: it makes them anew and goes on" {
    start worker inventory-worker
    eventually queue_consumers "$PLACED_Q" 1
    place before
    eventually holds "$RESERVED_Q" 1
    api DELETE "queues/$VHOST/order.placed.q" >/dev/null
    eventually queue_consumers "$PLACED_Q" 1
    grep '^inventory-worker: lost the broker .*cancelled' worker.err
    [ "$(api GET "queues/$VHOST/order.placed.q" | jq -r '.arguments["x-dead-letter-exchange"]')" = orders-dlx ]
    place between
    eventually holds "$RESERVED_Q" 2

    api DELETE "exchanges/$VHOST/inventory-ex" >/dev/null
    place after
    eventually holds "$RESERVED_Q" 3
    ends -0 "$PID" TERM
    [ "$(drain "$RESERVED_Q" | jq -r .payload)" = "$(cat worker.out)" ]
    [ "$(ids <worker.out | paste -sd' ')" = 'before between after' ]
}

# --- a broker that goes away: these tests stop one of their own

@test "I1: killed while the broker could not confirm: no second reservation, the recorded event is published (own broker)" {
    own_broker
    start first inventory-worker --max-qty 5
    eventually queue_consumers "$PLACED_Q" 1
    kill -STOP "$PID"
    place frozen 5
    eventually holds "$PLACED_Q" 0
    freeze_broker
    kill -CONT "$PID"
    eventually in_ledger frozen
    ends "$PID" KILL
    [ ! -s first.out ]
    thaw_broker 2>/dev/null || true
    eventually holds "$PLACED_Q" 1

    run -0 --separate-stderr worker --count 1 --max-qty 1
    printf '%s\n' "$stderr" >err
    says err '[inventory] reservation OK for frozen'
    says err '[inventory] published InventoryReserved for frozen'
    says err '[inventory] duplicate ignored: frozen'
    holds "$PLACED_Q" 0
    holds "$FAILED_Q" 0
    # The first one may have been on its way when the worker was killed.
    drain "$RESERVED_Q" >reserved
    [ "$(wc -l <reserved)" -le 2 ]
    [ "$(jq -r .payload reserved | sort -u)" = "$output" ]
    [ "$(jq -r .properties.message_id reserved | sort -u)" = "$(uuid_of urn:order-tools:InventoryReserved:frozen)" ]
}

@test "a broker short of memory accepts nothing for a while: the worker reports it and waits (own broker)" {
    own_broker
    start worker inventory-worker
    eventually queue_consumers "$PLACED_Q" 1
    kill -STOP "$PID"
    publish_placed 1 2 3
    eventually holds "$PLACED_Q" 0
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0).'
    kill -CONT "$PID"
    eventually grep '^inventory-worker: broker .* takes no messages for now: ' worker.err
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0.6).'
    eventually grep '^inventory-worker: broker .* takes messages again' worker.err
    eventually holds "$RESERVED_Q" 3
    ends -0 "$PID" TERM
    holds "$PLACED_Q" 0
    [ "$(drain "$RESERVED_Q" | jq -r .payload)" = "$(cat worker.out)" ]
    [ "$(ids <worker.out | paste -sd' ')" = '1 2 3' ]
}

@test "both workers wait for a broker that is not up yet, and outlast its stop and its crash (own broker)" {
    own_broker
    topology
    publish_placed 1 2 3
    broker stop

    start inventory inventory-worker
    inventory=$PID
    start notify notify-worker
    notify=$PID
    start asked inventory-worker
    asked=$PID
    run -69 --separate-stderr worker --retries 2 --retry-delay 0
    for name in inventory notify asked; do
        eventually grep "^[a-z]*-worker: broker '127.0.0.1:[0-9]*' .*; attempt 1 of 60, the next in 1 s" $name.err
    done
    ends -0 "$asked" TERM 2
    broker start
    eventually customers_told 3

    start asked inventory-worker
    asked=$PID
    eventually queue_consumers "$PLACED_Q" 2
    broker stop
    eventually grep -F 'lost the broker' asked.err
    ends -0 "$asked" TERM 2
    broker start
    place 4
    eventually customers_told 4

    broker kill
    broker start
    place 5
    place 6
    eventually customers_told 6

    ends -0 "$inventory" TERM
    ends -0 "$notify" TERM
    [ "$(ids <inventory.out | paste -sd' ')" = '1 2 3 4 5 6' ]
    [ "$(ids <notify.out | paste -sd' ')" = '1 2 3 4 5 6' ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
}
