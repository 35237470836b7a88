# How reserved orders end: released, because they were cancelled or have expired, or handed over; once each, whatever is killed; and the
# books that balance all the while.

load ../support/helper

WORKER='inventory-worker'

setup()
{
    isolate
    # Declares its queue, too.
    inventory-worker --cancelled --idle-timeout 0
    inventory-stock <<<'{"sku":"s","on_hand":100}' >/dev/null
    touch events log
}

# reserve IDS...: orders of one unit of s each, decided.
reserve()
{
    publish_placed "$@"
    worker --idle-timeout 0 >>events 2>>log
}

# bound QUEUE KEY: a queue that is bound to inventory-ex by that key.
bound()
{
    queue "$1"
    api POST "bindings/$VHOST/e/inventory-ex/q/$1" "{\"routing_key\": \"$2\"}" >/dev/null
}

# cancel IDS...: cancellations, as order-cancel publishes them.
cancel()
{
    jq -nc '$ARGS.positional[] | {event_type: "OrderCancelled", order_id: ., reason: "sold out", ts: "2026-01-31T12:00:00.000Z"}' \
        --args "$@" | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.cancelled -p -l
}

# release: takes all cancellations.
release()
{
    worker --cancelled --idle-timeout 0 "$@" >>events 2>>log
}

# stock: how it stands: "sku on_hand reserved", sorted.
stock()
{
    inventory-stock </dev/null | jq -r '"\(.sku) \(.on_hand) \(.reserved)"' | paste -sd ';'
}

# has_event TYPE ID N: so many events of that type were printed.
has_event()
{
    [ "$(jq -r --arg type "$1" --arg id "$2" 'select(.event_type == $type and .order_id == $id).order_id' events | wc -l)" = "$3" ]
}

# owes N: so many events are owed.
owes()
{
    if on_postgresql; then
        [ "$(in_database 'SELECT count(*) FROM order_tools.outbox')" = "$1" ]
    else
        [ "$(sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" 'SELECT count(*) FROM owed')" = "$1" ]
    fi
}

# a_day_later: all that was decided was decided a day ago.
a_day_later()
{
    if on_postgresql; then
        in_database "UPDATE order_tools.reservations SET decided_at = decided_at - interval '1 day'"
    else
        sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" "UPDATE handled SET at = at - 86400000"
    fi
}

# killed_at POINT COMMAND...: it is killed there.
killed_at()
{
    local point=$1 killed=0
    shift
    (dying "$point" "$@") >killed.out 2>killed.err || killed=$?
    bury_dead
    [ "$killed" = 137 ] || { cat killed.err && false; }
}

# is_released_once ID: it is, and so says an event, perhaps several times the same; and the stock is as if the order had never come.
is_released_once()
{
    release
    [ "$(stock)" = 's 100 0' ]
    [ "$(inventory-stock --report | jq .released)" = 1 ]
    books_balance
    owes 0
    holds order.cancelled.q 0
    messages released.q >released
    [ "$(jq -r '.properties.message_id + .payload' released | sort -u | wc -l)" = 1 ]
    [ "$(jq -r '.payload | fromjson | .order_id' released | sort -u)" = "$1" ]
    # A later cancellation changes nothing.
    : >log
    cancel "$1"
    release
    says log "[inventory] cancelled again: $1"
    [ "$(stock)" = 's 100 0' ]
}

@test "a cancelled order is released: what it holds goes back, and an event says so, whether or not anybody asks for it" {
    bound released.q inventory.released
    publish orders-ex order.placed "$(event gone | jq -c '.contact = {mail: "a@example.com"}')"
    reserve kept
    [ "$(stock)" = 's 98 2' ]
    cancel gone
    run -0 --separate-stderr worker --cancelled --idle-timeout 0
    [ "$(stock)" = 's 99 1' ]
    [ "$stderr" = '[inventory] released gone
[inventory] published InventoryReleased for gone' ]
    [ "$(jq -cS 'del(.ts)' <<<"$output")" = '{"contact":{"mail":"a@example.com"},"event_type":"InventoryReleased","items":[{"qty":1,"sku":"s"}],"order_id":"gone","reason":"sold out"}' ]
    [ "$(drain released.q | jq -c '[.exchange, .routing_key, .payload == $line, .properties.type, .properties.message_id]' --arg line "$output")" = \
        "[\"inventory-ex\",\"inventory.released\",true,\"InventoryReleased\",\"$(uuid_of urn:order-tools:InventoryReleased:gone)\"]" ]
    books_balance
    # Nobody asks any more.
    api DELETE "queues/$VHOST/released.q" >/dev/null
    publish orders-ex order.cancelled '{"event_type":"OrderCancelled","order_id":"kept"}'
    release
    has_event InventoryReleased kept 1
    [ "$(jq -r 'select(.order_id == "kept" and .reason).reason' events)" = cancelled ]
    owes 0
    books_balance
}

@test "cancellations that change nothing: failed, unknown, released or handed over already; and what is no cancellation" {
    publish orders-ex order.placed "$(event failed | jq -c '.items[0].qty = 9')"
    reserve twice handed
    inventory-stock --hand-over <<<handed >/dev/null
    before=$(stock)
    cancel failed twice twice handed early early
    publish orders-ex order.cancelled poison
    publish orders-ex order.cancelled "$(event twice)"
    : >log
    release
    [ "$(grep -v -e published -e rejected log)" = '[inventory] cancelled after it failed: failed
[inventory] released twice
[inventory] cancelled again: twice
[inventory] cancelled after it was handed over: handed
[inventory] cancelled before it came: early
[inventory] cancelled again: early' ]
    [ "$before" = 's 98 1' ]
    [ "$(stock)" = 's 99 0' ]
    holds "$DEAD_Q" 2
    # It fails when it comes; once.
    reserve early early
    [ "$(jq -r 'select(.order_id == "early") | .event_type + " " + .reason' events)" = 'InventoryFailed cancelled' ]
    says log '[inventory] reservation FAILED for early'
    says log '[inventory] duplicate ignored: early'
    cancel early
    release
    says log '[inventory] cancelled after it failed: early'
    [ "$(stock)" = 's 99 0' ]
    books_balance
}

@test "R0: killed before it recorded: handled afresh" {
    bound released.q inventory.released
    reserve one
    cancel one
    killed_at commit:1:before inventory-worker --cancelled --count 1
    [ "$(stock)" = 's 99 1' ]
    is_released_once one
}

@test "R1: killed when it was recorded, or before the event was sent: the recorded event goes out, and nothing is given back again" {
    local point
    for point in commit:1:after publish:1:before; do
        bound released.q inventory.released
        reserve one
        cancel one
        killed_at "$point" inventory-worker --cancelled --count 1
        [ "$(stock)" = 's 100 0' ]
        owes 1
        is_released_once one
        holds released.q 1
        other_store
        purge released.q
        inventory-stock <<<'{"sku":"s","on_hand":100}' >/dev/null
    done
}

@test "R1: and it goes out by a worker that takes orders, though the cancellation never comes again" {
    bound released.q inventory.released
    reserve one
    cancel one
    killed_at commit:1:after inventory-worker --cancelled --count 1
    eventually holds order.cancelled.q 1
    purge order.cancelled.q
    worker --idle-timeout 0 >>events 2>>log
    says log '[inventory] released one'
    says log '[inventory] published InventoryReleased for one'
    holds released.q 1
    is_released_once one
}

@test "R2, R3: killed when the event was confirmed, and when it had acknowledged: the same event goes out again" {
    bound released.q inventory.released
    reserve one
    cancel one
    killed_at ack:1:before inventory-worker --cancelled --count 1
    [ "$(stock)" = 's 100 0' ]
    killed_at ack:1:after inventory-worker --cancelled --count 1
    is_released_once one
}

@test "--hand-over: a line for each id; those that are not reserved are refused, and nothing of them changes" {
    publish orders-ex order.placed "$(event failed | jq -c '.items[0].qty = 9')"
    reserve one two three released
    cancel released early
    release
    # As a receipt names it, too.
    run -65 --separate-stderr inventory-stock --hand-over <<'END'
one
{"order_id": "two", "status": "PLACED"}
one
failed
released
early
never seen

END
    [ "$output" = '{"order_id":"one","status":"HANDED_OVER"}
{"order_id":"two","status":"HANDED_OVER"}
{"order_id":"one","status":"HANDED_OVER","refused":"it was handed over before"}
{"order_id":"failed","status":"FAILED","refused":"its reservation failed"}
{"order_id":"released","status":"CANCELLED","refused":"it was released"}
{"order_id":"early","status":"CANCELLED","refused":"it was cancelled before it came"}
{"order_id":"never seen","status":"UNKNOWN","refused":"this ledger does not have it"}' ]
    [ -z "$stderr" ]
    run -65 --separate-stderr inventory-stock --hand-over <<<'{"order_id": 7}'
    [ -z "$output" ]
    [[ $stderr == 'inventory-stock: input 1 (line 1): '* ]]
    [ "$(stock)" = 's 97 1' ]
    # Named as operands, they are not read.
    run -65 --separate-stderr inventory-stock --hand-over three $'un\tprintable' one < <(echo '{}')
    [ "$output" = '{"order_id":"three","status":"HANDED_OVER"}
{"order_id":"one","status":"HANDED_OVER","refused":"it was handed over before"}' ]
    [ "$stderr" = "inventory-stock: 'un\\x09printable' is not the id of an order" ]
    [ "$(stock)" = 's 97 0' ]
    run -0 inventory-stock --report
    [ "$output" = '{"sku":"s","put_in":100,"taken_out":0,"ordered":4,"released":1,"handed_over":3,"reserved":0,"on_hand":97}' ]
    books_balance
    # Each has an event, which a worker that is idle publishes.
    owes 3
    bound handed.q inventory.handed_over
    start idle inventory-worker
    eventually holds handed.q 3
    eventually says idle.err '[inventory] published InventoryHandedOver for three'
    [ "$(drain handed.q | jq -r '.payload | fromjson | .event_type + " " + .order_id + " " + (.items | tostring)' | sort)" = \
        'InventoryHandedOver one [{"sku":"s","qty":1}]
InventoryHandedOver three [{"sku":"s","qty":1}]
InventoryHandedOver two [{"sku":"s","qty":1}]' ]
    finish -0 "$PID" TERM
    owes 0
}

@test "H0, H1, H2: --hand-over killed before its commit, after it, and when it has answered" {
    bound handed.q inventory.handed_over
    reserve one two three
    killed_at commit:1:before inventory-stock --hand-over <<<one
    [ "$(stock)" = 's 97 3' ]
    owes 0
    [ ! -s killed.out ]
    run -0 inventory-stock --hand-over <<<one
    killed_at commit:1:after inventory-stock --hand-over <<<two
    [ ! -s killed.out ]
    run -65 inventory-stock --hand-over <<<two
    [ "$output" = '{"order_id":"two","status":"HANDED_OVER","refused":"it was handed over before"}' ]
    killed_at flush:1:after inventory-stock --hand-over <<<three
    [ "$(cat killed.out)" = '{"order_id":"three","status":"HANDED_OVER"}' ]
    [ "$(stock)" = 's 97 0' ]
    owes 3
    worker --idle-timeout 0 >>events 2>>log
    [ "$(messages handed.q | jq -r .properties.correlation_id | sort | paste -sd ' ')" = 'one three two' ]
    owes 0
    books_balance
}

@test "two workers that release and two that hand over the same orders, copies among them: each order ends once" {
    local first second
    seq -f 'o-%.0f' 300 >ids
    mapfile -t ids <ids
    inventory-stock --add <<<'{"sku":"s","on_hand":300}' >/dev/null
    reserve "${ids[@]}"
    cancel "${ids[@]}" "${ids[@]:0:100}"
    : >events
    start one inventory-worker --cancelled --idle-timeout 1 --prefetch 20
    first=$PID
    start two inventory-worker --cancelled --idle-timeout 1 --prefetch 17
    second=$PID
    tac ids >reversed
    inventory-stock --hand-over <reversed >three.out || [ $? = 65 ]
    inventory-stock --hand-over <ids >four.out || [ $? = 65 ]
    PATIENCE=$HANGING ends -0 "$first"
    PATIENCE=$HANGING ends -0 "$second"
    worker --idle-timeout 0 >five.out 2>>log
    cat one.out two.out five.out | jq -r 'select(.event_type != "InventoryReserved") | .order_id' | sort >ended
    diff ended <(sort ids)
    released=$(cat one.out two.out five.out | jq -r 'select(.event_type == "InventoryReleased").order_id' | wc -l)
    handed=$(jq -r 'select(.refused == null).order_id' three.out four.out | wc -l)
    [ $((released + handed)) = 300 ]
    inventory-stock --report | jq -e --argjson handed "$handed" '.handed_over == $handed and .reserved == 0' >/dev/null
    books_balance
}

@test "orders and their cancellations in any order, at once: each is released, or fails as cancelled; all units are on hand in the end" {
    local first
    seq -f 'o-%.0f' 200 >ids
    mapfile -t ids <ids
    inventory-stock --add <<<'{"sku":"s","on_hand":100}' >/dev/null
    start one inventory-worker --idle-timeout 2 --prefetch 20
    first=$PID
    start two inventory-worker --cancelled --idle-timeout 2 --prefetch 20
    publish_placed "${ids[@]}" &
    mapfile -t reversed < <(tac ids)
    cancel "${reversed[@]}"
    wait "$!"
    PATIENCE=$HANGING ends -0 "$PID"
    PATIENCE=$HANGING ends -0 "$first"
    worker --idle-timeout 0 >three.out 2>>log
    cat one.out two.out three.out >events
    [ "$(stock)" = 's 200 0' ]
    books_balance
    jq -rs 'group_by(.order_id)[] | map(.event_type + (.reason // "" | if . == "" then "" else " " + . end)) | sort | join(", ")' events |
        sort | uniq -c | sort -rn >ways
    [ "$(grep -v -e ' InventoryFailed cancelled$' -e ' InventoryReleased sold out, InventoryReserved$' ways)" = '' ]
    [ "$(awk '{n += $1} END {print n}' ways)" = 200 ]
}

@test "--expire releases what was reserved long ago, once, by however many workers; by default nothing expires" {
    local first age
    reserve old older handed
    inventory-stock --hand-over <<<handed >/dev/null
    a_day_later
    reserve young
    worker --idle-timeout 0 --retain 1 >>events 2>>log
    [ "$(stock)" = 's 96 3' ]
    : >log
    start one inventory-worker --idle-timeout 1 --expire 23h
    first=$PID
    start two inventory-worker --cancelled --idle-timeout 1 --expire 1
    ends -0 "$PID"
    ends -0 "$first"
    [ "$(stock)" = 's 98 1' ]
    [ "$(cat one.out two.out | jq -r 'select(.event_type == "InventoryReleased") | .order_id + " " + .reason' | sort)" = 'old expired
older expired' ]
    [ "$(cat one.err two.err | grep -c '\[inventory\] released old')" = 2 ]
    cancel old
    release
    says log '[inventory] cancelled again: old'
    books_balance
    for age in 0 0h 1.5h 2026-01-31T12:00:00Z '' "$(printf '%040d' 1)h"; do
        run -64 inventory-worker --expire "$age"
        [ "${lines[0]}" = "inventory-worker: --expire: '$age' is neither an age such as 90m or 12h nor a number of days" ]
    done
}

@test "--retain keeps an order that holds stock until it has ended" {
    reserve held free
    publish orders-ex order.placed "$(event loose | jq -c '.items[0].sku = "x"')"
    cancel free
    worker --idle-timeout 0 >>events 2>>log
    release
    a_day_later
    worker --idle-timeout 0 --retain 1 >>events 2>>log
    publish_placed again
    worker --idle-timeout 0 --retain 1 >>events 2>>log
    run -65 inventory-stock --hand-over <<<$'held\nfree\nloose'
    [ "$(jq -r .status <<<"$output" | paste -sd ' ')" = 'HANDED_OVER UNKNOWN UNKNOWN' ]
    books_balance
}

@test "--strict-stock: a sku without a level fails the order, with the reason" {
    publish_placed fine
    publish orders-ex order.placed "$(event odd | jq -c '.items += [{sku: "x", qty: 1}]')"
    run -0 --separate-stderr worker --idle-timeout 0 --strict-stock
    [ "$(jq -r '.order_id + " " + (.reason // "")' <<<"$output")" = "fine 
odd sku 'x': no stock level" ]
    [ "$(stock)" = 's 99 1' ]
    run -64 inventory-worker --cancelled --strict-stock
    run -64 inventory-worker --cancelled --flush
}

@test "the report: what was put in and taken out, since when; a level goes when nothing is there, and its past stays" {
    inventory-stock <<<'{"sku":"s","on_hand":40}{"sku":"z","on_hand":0}' >/dev/null
    inventory-stock --add <<<'{"sku":"s","on_hand":2}' >/dev/null
    reserve one
    run -0 inventory-stock --report
    [ "$output" = '{"sku":"s","put_in":102,"taken_out":60,"ordered":1,"released":0,"handed_over":0,"reserved":1,"on_hand":41}
{"sku":"z","put_in":0,"taken_out":0,"ordered":0,"released":0,"handed_over":0,"reserved":0,"on_hand":0}' ]
    run -0 inventory-stock --report --since 0s
    [ "$(jq -s 'map(.put_in) | add' <<<"$output")" = 102 ]
    # Three hours later.
    if on_postgresql; then
        in_database "UPDATE order_tools.movements SET hour = hour - interval '3 hours'"
    else
        sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" 'UPDATE movements SET hour = hour - 10800000'
    fi
    inventory-stock --hand-over <<<one >/dev/null
    run -0 inventory-stock --report --since 1h
    [ "${lines[0]}" = '{"sku":"s","put_in":0,"taken_out":0,"ordered":0,"released":0,"handed_over":1,"reserved":0,"on_hand":41}' ]
    run -65 --separate-stderr inventory-stock --remove z s none
    [ "$output" = '{"sku":"z","removed":true}' ]
    [ "$stderr" = "inventory-stock: the level of 's' stays: 41 on hand, 0 reserved
inventory-stock: 'none' has no level" ]
    [ "$(stock)" = 's 41 0' ]
    inventory-stock <<<'{"sku":"s","on_hand":0}' >/dev/null
    run -0 inventory-stock --remove s
    [ -z "$(stock)" ]
    [ "$(inventory-stock --report | jq -sc 'map([.sku, .on_hand, .handed_over])')" = '[["s",0,1],["z",0,0]]' ]
    books_balance
    run -64 inventory-stock --since 1h
    run -64 inventory-stock --report --since yesterday
    run -64 inventory-stock --report --hand-over
    run -64 inventory-stock --remove
    run -74 to_full inventory-stock --report
}

# old_ledger: one that the version before has made: "old" and "owed" are reserved and hold three units of s, "sold out" has failed.
old_ledger()
{
    other_store
    if on_postgresql; then
        cat "$REPO"/lib/postgres/schema.sql "$REPO"/lib/postgres/ledger.sql - <<'END' |
INSERT INTO order_tools.reservations (order_id, outcome, decided_at) VALUES ('old', 'RESERVED', now()), ('sold out', 'FAILED', now()),
    ('owed', 'RESERVED', now());
INSERT INTO order_tools.outbox VALUES (3, 7, '{"event_type":"InventoryReserved","order_id":"owed"}');
INSERT INTO order_tools.stock VALUES ('s', 5, 3);
END
            "$PSQL" -h "$POSTGRES_HOME/run" -p "$(<"$POSTGRES_HOME/port")" -U order -d "$DATABASE" -Xq -v ON_ERROR_STOP=1
    else
        mkdir "$XDG_STATE_HOME/order-tools"
        sqlite3 "$XDG_STATE_HOME/order-tools/ledger.db" <<'END'
PRAGMA application_id = 1869769831;
PRAGMA user_version = 2;
CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, outcome INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE owed (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, event TEXT NOT NULL);
CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0), reserved INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO handled VALUES (1, 'old', 1, 1795888800000), (2, 'sold out', 2, 1795888800000), (3, 'owed', 1, 1795888800000);
INSERT INTO owed VALUES (3, 7, '{"event_type":"InventoryReserved","order_id":"owed"}');
INSERT INTO stock VALUES ('s', 5, 3);
END
    fi
}

# in_ledger SQLITE POSTGRESQL: does that in the ledger of the test, in the language of its engine.
in_ledger()
{
    if on_postgresql; then
        in_database "$2"
    else
        sqlite3 -cmd '.timeout 10000' "$XDG_STATE_HOME/order-tools/ledger.db" "$1"
    fi
}

# as_before ID: what a program of the version before does that goes on after the upgrade: it reserves a unit for that order.
as_before()
{
    in_ledger "BEGIN IMMEDIATE; INSERT INTO handled (order_id, outcome, at) VALUES ('$1', 1, 1795888800000);
            UPDATE stock SET on_hand = on_hand - 1, reserved = reserved + 1 WHERE sku = 's'; COMMIT" \
        "INSERT INTO order_tools.reservations (order_id, outcome, decided_at) VALUES ('$1', 'RESERVED', now());
            UPDATE order_tools.stock SET on_hand = on_hand - 1, reserved = reserved + 1 WHERE sku = 's'"
}

@test "a ledger of the version before is upgraded: its books balance, and what its orders hold stays reserved until it is settled, as messages say" {
    old_ledger
    cancel old 'sold out' unknown
    release
    books_balance
    [ "$(inventory-stock --report --since 1h)" = '{"sku":"s","put_in":0,"taken_out":0,"ordered":0,"released":0,"handed_over":0,"reserved":3,"on_hand":5}' ]
    [ "$(inventory-stock --report | jq -c '[.put_in, .ordered]')" = '[8,3]' ]
    [ "$(jq -cS 'select(.order_id == "old") | del(.ts)' events)" = '{"event_type":"InventoryReleased","order_id":"old","reason":"sold out"}' ]
    says log '[inventory] what it holds is not on record, so nothing goes back: old'
    says log '[inventory] cancelled after it failed: sold out'
    says log '[inventory] published InventoryReserved for owed'
    run -0 --separate-stderr inventory-stock --hand-over <<<owed
    [ "$stderr" = "inventory-stock: 'owed': what it holds is not on record, so no level changes" ]
    [ "$(stock)" = 's 5 3' ]
    reserve new unknown
    [ "$(stock)" = 's 4 4' ]
    as_before late
    [ "$(stock)" = 's 3 5' ]
    cancel new late
    release
    [ "$(stock)" = 's 4 4' ]
    books_balance
    owes 0
}

# handed_over: prints how many units of s were.
handed_over()
{
    inventory-stock --report | jq 'select(.sku == "s").handed_over'
}

OPEN='inventory-stock: orders of an earlier version that are still reserved: 2; what they hold is booked as handed over now'

@test "--settle: what no order on record holds is booked as handed over, once; what others hold stays" {
    old_ledger
    inventory-stock <<<'{"sku":"t","on_hand":7}' >/dev/null
    reserve new
    [ "$(stock)" = 's 4 4;t 7 0' ]
    run -65 --separate-stderr inventory-stock --settle t s none s $'un\tprintable'
    [ "$output" = '{"sku":"t","on_hand":7,"reserved":0,"settled":0}
{"sku":"s","on_hand":4,"reserved":1,"settled":3}' ]
    [ "$stderr" = "inventory-stock: 'un\\x09printable' is not a sku
inventory-stock: 'none' has no level
$OPEN" ]
    books_balance
    [ "$(inventory-stock --report | jq -c 'select(.sku == "s")')" = \
        '{"sku":"s","put_in":8,"taken_out":0,"ordered":4,"released":0,"handed_over":3,"reserved":1,"on_hand":4}' ]
    # Again, of each level, and of those that are read.
    run -0 --separate-stderr inventory-stock --settle --all
    [ "$output" = '{"sku":"s","on_hand":4,"reserved":1,"settled":0}
{"sku":"t","on_hand":7,"reserved":0,"settled":0}' ]
    [ -z "$stderr" ]
    as_before late
    run -65 --separate-stderr inventory-stock --settle < <(inventory-stock </dev/null && echo '[]')
    [ "$output" = '{"sku":"s","on_hand":3,"reserved":1,"settled":1}
{"sku":"t","on_hand":7,"reserved":0,"settled":0}' ]
    [ "$stderr" = "inventory-stock: input 3 (line 3): neither a sku nor a JSON object, but an array: jq -c '.[]' takes it apart
${OPEN/: 2/: 3}" ]
    inventory-stock --hand-over <<<new >/dev/null
    [ "$(stock)" = 's 3 0;t 7 0' ]
    [ "$(handed_over)" = 5 ]
    books_balance
    run -0 inventory-stock --settle </dev/null
    [ -z "$output" ]
    run -64 inventory-stock --all
    run -64 inventory-stock --settle --all s
    run -64 inventory-stock --settle --remove s
    run -74 to_full inventory-stock --settle s
}

@test "an order of the version before that ends after --settle: no level changes, and nothing is given back" {
    old_ledger
    inventory-stock --settle s >/dev/null
    [ "$(stock)" = 's 5 0' ]
    cancel old
    release
    has_event InventoryReleased old 1
    says log '[inventory] what it holds is not on record, so nothing goes back: old'
    run -0 --separate-stderr inventory-stock --hand-over owed
    [ "$stderr" = "inventory-stock: 'owed': what it holds is not on record, so no level changes" ]
    [ "$(stock)" = 's 5 0' ]
    [ "$(handed_over)" = 3 ]
    books_balance
    # One that has ended before is not open.
    as_before late
    inventory-stock --hand-over late >/dev/null 2>&1
    run -0 --separate-stderr inventory-stock --settle s
    [ "$output" = '{"sku":"s","on_hand":4,"reserved":0,"settled":1}' ]
    [ -z "$stderr" ]
    books_balance
}

@test "--settle: what is on record of an order that was forgotten, or that nobody can read, does not count" {
    old_ledger
    reserve forgotten spoilt kept
    in_ledger "DELETE FROM handled WHERE order_id = 'forgotten'; UPDATE held SET held = '{\"items\":' WHERE seq =
            (SELECT seq FROM handled WHERE order_id = 'spoilt')" \
        "DELETE FROM order_tools.reservations WHERE order_id = 'forgotten'; UPDATE order_tools.held SET held = '{\"items\":' WHERE seq =
            (SELECT seq FROM order_tools.reservations WHERE order_id = 'spoilt')"
    [ "$(inventory-stock --settle s 2>/dev/null)" = '{"sku":"s","on_hand":2,"reserved":1,"settled":5}' ]
    cancel spoilt kept
    release
    [ "$(stock)" = 's 3 0' ]
    books_balance
}

@test "--settle leaves a level of which orders hold more than is reserved" {
    inventory-stock <<<'{"sku":"t","on_hand":7}' >/dev/null
    reserve one two
    in_ledger "UPDATE stock SET reserved = CASE sku WHEN 's' THEN 1 ELSE 2 END" \
        "UPDATE order_tools.stock SET reserved = CASE sku WHEN 's' THEN 1 ELSE 2 END"
    run -65 --separate-stderr inventory-stock --settle --all
    [ "$output" = '{"sku":"t","on_hand":7,"reserved":0,"settled":2}' ]
    [ "$stderr" = "inventory-stock: 's': orders hold 2, but 1 are reserved: nothing is settled" ]
    [ "$(stock)" = 's 98 1;t 7 0' ]
}

@test "S0, S1, S2: --settle killed before its commit, after it, and when it has answered: of all levels, or of none" {
    old_ledger
    # Upgrades it.
    inventory-stock <<<'{"sku":"t","on_hand":7}' >/dev/null
    in_ledger "UPDATE stock SET reserved = 2 WHERE sku = 't'" "UPDATE order_tools.stock SET reserved = 2 WHERE sku = 't'"
    killed_at commit:1:before inventory-stock --settle --all
    [ "$(stock)" = 's 5 3;t 7 2' ]
    [ ! -s killed.out ]
    books_balance
    killed_at commit:1:after inventory-stock --settle --all
    [ "$(stock)" = 's 5 0;t 7 0' ]
    [ ! -s killed.out ]
    books_balance
    as_before late
    killed_at flush:1:after inventory-stock --settle s
    [ "$(cat killed.out)" = '{"sku":"s","on_hand":4,"reserved":0,"settled":1}' ]
    [ "$(inventory-stock --settle --all | jq -s 'map(.settled) | add')" = 0 ]
    [ "$(handed_over)" = 4 ]
    books_balance
}

@test "--settle beside workers that reserve and release, hand-overs, and a worker of the version before: it takes what no order on record holds" {
    local first second placing i
    old_ledger
    inventory-stock --add <<<'{"sku":"s","on_hand":300}' >/dev/null
    seq -f 'o-%.0f' 240 >ids
    mapfile -t ids <ids
    start one inventory-worker --idle-timeout 3 --prefetch 7
    first=$PID
    start two inventory-worker --cancelled --idle-timeout 3 --prefetch 5
    second=$PID
    publish_placed "${ids[@]}" &
    placing=$!
    cancel "${ids[@]:0:120}" &
    touch settled handed
    for i in {1..25}; do
        as_before "late $i"
        inventory-stock --settle --all >>settled 2>>log
        inventory-stock --hand-over "${ids[@]:120 + i * 2:2}" >>handed || [ $? = 65 ]
    done
    wait "$placing"
    PATIENCE=$HANGING ends -0 "$first"
    PATIENCE=$HANGING ends -0 "$second"
    inventory-stock --hand-over "${ids[@]}" >>handed || [ $? = 65 ]
    # Three of before, and 25 since.
    [ "$(jq -s 'map(.settled) | add' settled)" = 28 ]
    [ "$(jq -s 'map(select(.refused == null)) | length' handed)" = 120 ]
    [ "$(handed_over)" = 148 ]
    [ "$(stock)" = 's 160 0' ]
    books_balance
}
