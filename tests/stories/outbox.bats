# The outbox of inventory-worker: an event that is owed goes out whether or not its order comes again, once as far as
# workers that live can agree; and what the broker does not take holds up nobody.

load ../support/helper

WORKER='inventory-worker'

setup()
{
    isolate
    LEDGER=$XDG_STATE_HOME/order-tools/ledger.db
    topology
    # So that the first commit is that of an order.
    inventory-worker --flush
}

teardown()
{
    if [ -n "${OTHER_URL:-}" ]; then
        api DELETE "vhosts/$VHOST-other" >/dev/null || true
    fi
    tidy
}

sql()
{
    sqlite3 -cmd '.timeout 5000' "$LEDGER" "$1"
}

# owes N: so many events are owed.
owes()
{
    if on_postgresql; then
        [ "$(in_database 'SELECT count(*) FROM order_tools.outbox')" = "$1" ]
    else
        [ "$(sql 'SELECT count(*) FROM owed')" = "$1" ]
    fi
}

# other_broker: OTHER_URL is a virtual host in which nobody else takes orders. A worker there has the same ledger.
other_broker()
{
    api PUT "vhosts/$VHOST-other" >/dev/null
    OTHER_URL=$AMQP_URL-other
    AMQP_URL=$OTHER_URL topology
}

# orphan IDS...: orders that were recorded by a worker that was killed then, and whose messages are gone for good.
orphan()
{
    other_broker
    AMQP_URL=$OTHER_URL publish_placed "$@"
    (AMQP_URL=$OTHER_URL dying commit:1:after inventory-worker --count $#) >/dev/null 2>killed.err || true
    bury_dead
    api DELETE "vhosts/$VHOST-other" >/dev/null
}

# published: the order_ids of the events on the broker, in order; each must have come once.
published()
{
    local queue
    for queue in "$RESERVED_Q" "$FAILED_Q"; do
        messages "$queue"
    done >events
    [ "$(jq -r .properties.message_id events | sort | uniq -d)" = "" ]
    jq -r '.payload | fromjson | .order_id' events | paste -sd' '
}

# ---- what others left

@test "a worker that was killed after it recorded, and the queue deleted: at the start of the next the event goes out, and is settled" {
    orphan kept
    owes 1
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    run -0 --separate-stderr worker --idle-timeout 0
    [ "$(ids <<<"$output")" = kept ]
    [ "$stderr" = '[inventory] reservation OK for kept
[inventory] published InventoryReserved for kept' ]
    [ "$(published)" = kept ]
    owes 0
    run -0 --separate-stderr worker --idle-timeout 0
    [ "$output$stderr" = "" ]
    [ "$(published)" = kept ]
}

@test "an idle worker publishes within seconds the events that a killed worker has left" {
    start idle inventory-worker
    eventually is_consumed "$PLACED_Q"
    orphan one two
    eventually holds "$RESERVED_Q" 2
    eventually owes 0
    ends -0 "$PID" TERM
    [ "$(ids <idle.out | paste -sd' ')" = "one two" ]
    says idle.err '[inventory] reservation OK for one'
    says idle.err '[inventory] published InventoryReserved for two'
}

@test "a busy worker publishes them as well" {
    start busy inventory-worker --prefetch 2
    busy=$PID
    start feed bash -c 'while :; do printf "{\"event_type\":\"OrderPlaced\",\"order_id\":\"b%d\",\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":1}]}\n" $((++n)); sleep 0.01; done |
        amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -p -l'
    feed=$PID
    eventually grep -q b20 busy.out
    orphan left
    eventually grep -q '"left"' busy.out
    # It had not stopped for that.
    run -1 ended "$feed"
    ends "$feed" KILL
    ends -0 "$busy" TERM
}

# owe_all: the events of all orders are owed again, by a run that has ended.
owe_all()
{
    purge "$RESERVED_Q"
    if on_postgresql; then
        in_database "INSERT INTO order_tools.outbox (seq, run, event) SELECT seq, 0,
            json_build_object('event_type', 'InventoryReserved', 'order_id', order_id) FROM order_tools.reservations"
    else
        sql "INSERT INTO owed (seq, run, event) SELECT seq, 0,
            json_object('event_type', 'InventoryReserved', 'order_id', order_id) FROM handled"
    fi
}

@test "many events that are owed go out in the order of recording, by however many workers, each once" {
    mapfile -t all < <(seq -f 'o%g' 1000)
    publish_placed "${all[@]}"
    run -0 --separate-stderr worker --count 1000
    owe_all
    recorded=("${all[@]}")
    # There, those that are decided together are recorded in the order of their ids.
    ! on_postgresql || mapfile -t recorded < <(in_database 'SELECT order_id FROM order_tools.reservations ORDER BY seq')
    run -0 --separate-stderr worker --idle-timeout 0 --prefetch 1
    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${recorded[@]}")" ]
    [ "$(published)" = "${recorded[*]}" ]
    owes 0

    owe_all
    start one inventory-worker --idle-timeout 1
    one=$PID
    start two inventory-worker --idle-timeout 1
    finish -0 "$PID"
    finish -0 "$one"
    owes 0
    [ "$(cat one.out two.out | ids | sort -V)" = "$(printf '%s\n' "${all[@]}")" ]
    [ "$(published | tr ' ' '\n' | sort -V)" = "$(printf '%s\n' "${all[@]}")" ]
}

@test "--count: events that are owed have been published before the worker exits 0" {
    orphan left
    publish_placed new
    run -0 --separate-stderr worker --count 1
    [ "$(ids <<<"$output" | sort | paste -sd' ')" = "left new" ]
    owes 0
}

@test "an event that a live worker owes is left to it: a copy of the order is a duplicate, and --flush skips it; once the worker is killed, it is published once" {
    other_broker
    AMQP_URL=$OTHER_URL publish_placed same
    # Stopped between the commit and the publishing.
    AMQP_URL=$OTHER_URL DIE_STOP=yes start alive dying publish:1:before inventory-worker
    alive=$PID
    eventually owes 1
    publish_placed same
    run -0 --separate-stderr worker --count 1
    [ "$output" = "" ]
    [ "$stderr" = '[inventory] duplicate ignored: same' ]
    holds "$PLACED_Q" 0
    run -0 --separate-stderr worker --flush
    [ "$output$stderr" = "" ]
    holds "$RESERVED_Q" 0
    owes 1
    ends "$alive" KILL
    run -0 --separate-stderr worker --flush
    [ "$(ids <<<"$output")" = same ]
    [ "$(published)" = same ]
    owes 0
}

@test "a copy of the order that arrives before the worker looks for owed events claims the event, once" {
    orphan same
    publish_placed same same
    run -0 --separate-stderr worker --count 2
    printf '%s\n' "$stderr" >err
    says err '[inventory] reservation OK for same'
    says err '[inventory] published InventoryReserved for same'
    says err '[inventory] duplicate ignored: same' 2
    [ "$(ids <<<"$output")" = same ]
    [ "$(published)" = same ]
}

# ---- --flush

@test "--flush: 0 if nothing is owed, even without a broker; 69 if something is and there is no broker; then it is published, and orders stay in their queue" {
    run -0 --separate-stderr worker --flush -u amqp://127.0.0.1:1 --retries 1
    [ "$output$stderr" = "" ]
    orphan one two
    run -69 --separate-stderr worker --flush -u amqp://127.0.0.1:1 --retries 1
    [ "$output" = "" ]
    owes 2
    publish_placed waits
    run -0 --separate-stderr worker --flush
    [ "$(ids <<<"$output" | paste -sd' ')" = "one two" ]
    [ "$(published)" = "one two" ]
    holds "$PLACED_Q" 1
    owes 0
}

@test "--flush: an event that no queue takes: 76, and it stays owed" {
    local guest=$AMQP_URL
    orphan one
    api DELETE "bindings/$VHOST/e/inventory-ex/q/inventory.reserved.q/inventory.reserved" >/dev/null
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    run -76 --separate-stderr worker --flush
    [ "$output" = "" ]
    [[ $stderr == *"the broker did not take the event of order 'one': 312 NO_ROUTE; it stays owed"* ]]
    owes 1
    AMQP_URL=$guest
    run -0 --separate-stderr worker --flush
    [ "$(published)" = one ]
}

@test "--flush: an output that cannot be written: 74, and the next run gives the event" {
    orphan one
    run -74 to_full worker --flush
    owes 1
    run -0 --separate-stderr worker --flush
    [ "$(ids <<<"$output")" = one ]
}

@test "--flush excludes the options about taking orders" {
    run -64 worker --flush --count 1
    run -64 worker --flush --idle-timeout 0
}

# ---- events that the broker does not take

@test "a refused event is tried again, silently, until it is accepted" {
    local guest=$AMQP_URL
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    start worker inventory-worker
    eventually is_consumed "$PLACED_Q"
    api DELETE "bindings/$VHOST/e/inventory-ex/q/inventory.reserved.q/inventory.reserved" >/dev/null
    publish_placed one two
    eventually grep -F "the event of order 'two'" worker.err
    # Not from the broker, from the ledger: their orders are acknowledged.
    eventually holds "$PLACED_Q" 0
    publish_placed one
    eventually says worker.err '[inventory] duplicate ignored: one'
    api POST "bindings/$VHOST/e/inventory-ex/q/inventory.reserved.q" '{"routing_key": "inventory.reserved"}' >/dev/null
    eventually holds "$RESERVED_Q" 2
    ends "$PID" TERM
    # Nothing is left.
    [ "$status" -eq 0 ]
    AMQP_URL=$guest
    [ "$(published)" = "one two" ]
    [ "$(grep -c 'did not take' worker.err)" -eq 2 ]
    says worker.err '[inventory] reservation OK for one'
    says worker.err '[inventory] published InventoryReserved for one'
    owes 0
}

@test "an event that is larger than the broker takes: the others go on, once, it stays owed, exit 76; with a higher limit it goes out (own broker)" {
    local items
    own_broker
    topology
    items=$(jq -nc '[range(100) | {sku: "sku-\(.)", qty: 1}]')
    publish_placed before
    publish orders-ex order.placed "$(event large | jq -c --argjson items "$items" '.items = $items')"
    publish_placed after
    setting max_message_size 1000
    run -76 --separate-stderr worker --idle-timeout 1
    [ "$(ids <<<"$output" | paste -sd' ')" = "before after" ]
    [ "$(grep -c "did not take the event of order 'large': " <<<"$stderr")" -eq 1 ]
    holds "$PLACED_Q" 0
    # What was on its way with it may have gone out twice.
    reserved_ids()
    {
        messages "$RESERVED_Q" | jq -r '.payload | fromjson | .order_id' | sort -u | paste -sd' '
    }
    [ "$(reserved_ids)" = "after before" ]
    owes 1
    setting max_message_size 134217728
    run -0 --separate-stderr worker --flush
    [ "$(ids <<<"$output")" = large ]
    [ "$(reserved_ids)" = "after before large" ]
}

@test "a worker from which the broker takes nothing leaves, so that others may have the orders" {
    local guest=$AMQP_URL
    mapfile -t all < <(seq -f 'o%g' 100)
    reduced_user '' '^(orders-ex|inventory-ex)$' '^(order|inventory)\\.[a-z]+\\.q$'
    api DELETE "bindings/$VHOST/e/inventory-ex/q/inventory.reserved.q/inventory.reserved" >/dev/null
    AMQP_URL=$guest publish_placed "${all[@]}"
    start refused inventory-worker --prefetch 10
    ends -76 "$PID"
    grep -F 'the events of 20 orders in a row: giving up' refused.err
    AMQP_URL=$guest
    [ "$(ready "$PLACED_Q")" -ge 70 ]
    run -0 --separate-stderr worker --idle-timeout 1
    [ "$(published | tr ' ' '\n' | sort -V)" = "$(printf '%s\n' "${all[@]}")" ]
    owes 0
}

@test "a stop while events are on their way, and the broker does not confirm them: 69; the next worker sends them (own broker)" {
    own_broker
    topology
    start worker inventory-worker
    eventually is_consumed "$PLACED_Q"
    # Who publishes is blocked, too: so the order is there before.
    kill -STOP "$PID"
    publish_placed one
    eventually holds "$PLACED_Q" 0
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0).'
    kill -CONT "$PID"
    eventually owes 1
    ends "$PID" TERM 20
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0.6).'
    [ "$status" -eq 69 ]
    eventually holds "$PLACED_Q" 1
    run -0 --separate-stderr worker --idle-timeout 0
    [ "$(ids <<<"$output")" = one ]
    owes 0
    holds "$PLACED_Q" 0
}

# ---- ledgers of earlier versions, and old orders

# ledger_1: a ledger as version 1 wrote it, with an order that was told and two whose events are owed.
ledger_1()
{
    rm -f "$LEDGER"*
    sql "CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, outcome INTEGER NOT NULL, at INTEGER NOT NULL);
        CREATE TABLE owed (seq INTEGER PRIMARY KEY, event TEXT NOT NULL);
        CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0), reserved INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO handled VALUES (1, 'told', 1, 1700000000000), (2, 'owed-1', 1, 1700000001000), (3, 'owed-2', 2, 1700000002000);
        INSERT INTO owed VALUES (2, '{\"event_type\":\"InventoryReserved\",\"order_id\":\"owed-1\"}'),
            (3, '{\"event_type\":\"InventoryFailed\",\"order_id\":\"owed-2\"}');
        INSERT INTO stock VALUES ('burger', 7, 3);
        PRAGMA application_id = 0x6F726C67; PRAGMA user_version = 1; PRAGMA journal_mode = $1" >/dev/null
}

@test "a ledger of version 1 is brought up to date, and the events owed in it are published" {
    about_files
    ledger_1 WAL
    publish_placed told owed-1 new
    run -0 --separate-stderr worker --idle-timeout 0
    printf '%s\n' "$stderr" >err
    says err '[inventory] duplicate ignored: told'
    says err '[inventory] published InventoryReserved for owed-1'
    says err '[inventory] published InventoryFailed for owed-2'
    [ "$(published | tr ' ' '\n' | sort | paste -sd' ')" = "new owed-1 owed-2" ]
    owes 0
    [ "$(inventory-stock </dev/null | jq -c '[.sku, .on_hand, .reserved]')" = '["burger",7,3]' ]
}

@test "--retain goes by time: orders dated years ahead do not keep older ones" {
    about_files
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
        INSERT INTO handled (order_id, outcome, at) SELECT 'x' || i, 1,
            CASE WHEN i <= 3000 THEN 2200000000000 ELSE 1700000000000 END FROM n;
        UPDATE handled SET order_id = 'old-and-owed' WHERE order_id = 'x5000'"
    # What is owed is kept: by a worker that lives, so that nobody else sends it.
    other_broker
    AMQP_URL=$OTHER_URL publish_placed owed
    AMQP_URL=$OTHER_URL DIE_STOP=yes start alive dying publish:1:before inventory-worker
    alive=$PID
    eventually owes 1
    sql "UPDATE owed SET seq = (SELECT seq FROM handled WHERE order_id = 'old-and-owed')"
    before=$(now_ms)
    # Each batch looks at so many, and no more.
    publish_placed o{1..30}
    worker --count 30 --prefetch 1 --retain 1 >/dev/null 2>&1
    [ "$(sql "SELECT count(*) FROM handled WHERE at < $before - 86400000")" = 1 ]
    [ "$(sql "SELECT order_id FROM handled WHERE at < $before - 86400000")" = old-and-owed ]
    [ "$(sql "SELECT count(*) FROM handled WHERE at > 2000000000000")" = 3000 ]
    # It begins anew when it has seen all.
    sql "UPDATE handled SET at = 1700000000000 WHERE order_id IN ('x10', 'x2999')"
    publish_placed o{1..30}
    ends "$alive" KILL
    worker --count 30 --prefetch 1 --retain 1 >/dev/null 2>&1
    [ "$(sql "SELECT count(*) FROM handled WHERE order_id IN ('x10', 'x2999', 'old-and-owed')")" = 0 ]
    # Those that it had handled itself are kept.
    [ "$(sql "SELECT count(*) FROM handled WHERE order_id GLOB 'o[0-9]*'")" = 30 ]
}

# ---- what queue-inspect --health says of it

outbox_check()
{
    queue-inspect --health "$@" | jq -c .checks.outbox
}

@test "--health: no check without a ledger, unknown if one is named and is not there; healthy with nothing owed for more than 60 s; otherwise unhealthy, with number and age" {
    about_files
    [ "$(outbox_check)" = '{"ok":true}' ]
    [[ $(INVENTORY_LEDGER=$PWD/none outbox_check) == '{"ok":false,"level":"unknown","detail":'*'No such file'* ]]
    [ ! -e none ]
    [ "$(unset INVENTORY_LEDGER && XDG_STATE_HOME=$PWD/none outbox_check)" = null ]
    [ ! -e none ]
    orphan one two
    [ "$(outbox_check)" = '{"ok":true}' ]
    sql "UPDATE handled SET at = at - 100000 WHERE order_id = 'one'"
    [[ $(outbox_check) == '{"ok":false,"level":"critical","detail":"events owed: 2, the oldest for 10'[0-9]' s"}' ]]
    run -1 queue-inspect --health
    # Named by an option.
    mv "$LEDGER" elsewhere
    [ "$(outbox_check)" = null ]
    [[ $(outbox_check --ledger elsewhere) == '{"ok":false,"level":"critical","detail":"events owed: 2, '* ]]
    mv elsewhere "$LEDGER"
    worker --flush >/dev/null
    [ "$(outbox_check)" = '{"ok":true}' ]
}

@test "--health sees what a worker that runs has just written" {
    about_files
    start worker inventory-worker
    publish_placed one
    eventually holds "$RESERVED_Q" 1
    eventually owes 0
    [ "$(outbox_check)" = '{"ok":true}' ]
    # It would publish the event.
    kill -STOP "$PID"
    sql "UPDATE handled SET at = 1700000000000; INSERT INTO owed (seq, run, event) SELECT seq, $((1 << 40)), '{}' FROM handled"
    [[ $(outbox_check) == '{"ok":false,"level":"critical","detail":"events owed: 1, '* ]]
    kill -CONT "$PID"
    ends -0 "$PID" TERM
}

@test "--health: a ledger of version 1 is read and not changed, and one that cannot be read is said" {
    about_files
    local mode file
    for mode in DELETE WAL; do
        ledger_1 "$mode"
        sha256sum "$LEDGER" >before
        ls -A "$(dirname "$LEDGER")" >>before
        [[ $(outbox_check) == '{"ok":false,"level":"critical","detail":"events owed: 2, the oldest for '* ]]
        { sha256sum "$LEDGER" && ls -A "$(dirname "$LEDGER")"; } >after
        diff before after
    done
    for file in nothing "$DATA/order.json" "$XDG_STATE_HOME/order-tools" '?mode=memory'; do
        [[ $(outbox_check --ledger "$file") == '{"ok":false,"level":"unknown","detail":"'*"'$file'"* ]]
    done
    # Of an empty file nothing is known.
    : >empty
    [ "$(outbox_check --ledger empty)" = "{\"ok\":false,\"level\":\"unknown\",\"detail\":\"'empty' is not a ledger\"}" ]
    [ ! -s empty ]
    sql 'DROP TABLE owed'
    [[ $(outbox_check) == '{"ok":false,"level":"unknown","detail":"cannot read '*'no such table'* ]]
    run -64 queue-inspect --ledger "$LEDGER"
}
