# order-tools-migrate: all that a store holds is in another one afterwards, or nothing of it; and the programs go on there.

load ../support/postgres

setup()
{
    isolate
    new_database
    topology
    # A command line has no password.
    # shellcheck disable=SC2153 # by new_database
    export PGPASSWORD=$PASSWORD
    BARE=${URI/:$PASSWORD@/@}
}

teardown()
{
    touch go
    tidy
}

# migrate ARGUMENTS...: not for ever.
migrate()
{
    timeout --foreground "$HANGING" order-tools-migrate "$@"
}

# moves DOMAIN FROM TO: says that as many entries are there as here.
moves()
{
    run -0 --separate-stderr migrate "$@"
    [ -n "$output" ]
    [ -z "$stderr" ]
    jq -e '.from == .to' <<<"$output" >/dev/null
}

# dump FILE: the data of a file.
dump()
{
    sqlite3 "$1" .dump
}

# nameless FILE: the same, with one number for all runs that have ended.
nameless()
{
    cp "$1" "nameless-$1"
    # Whether there are such tables depends on the file.
    sqlite3 "nameless-$1" 'UPDATE pending SET run = 0; UPDATE cancellations SET run = 0 WHERE run > 0' 2>/dev/null ||
        sqlite3 "nameless-$1" 'UPDATE owed SET run = 0 WHERE run > 0' 2>/dev/null ||
        sqlite3 "nameless-$1" "UPDATE told SET claim = CASE
                WHEN claim NOT IN (SELECT claim FROM claims WHERE run IS NOT NULL) THEN 0 WHEN claim = 1 THEN 1 ELSE 2 END;
            DELETE FROM claims WHERE claim > 1;
            INSERT INTO claims SELECT 2, -1 WHERE EXISTS (SELECT 1 FROM told WHERE claim = 2)"
    dump "nameless-$1"
}

# there_and_back DOMAIN FILE: moves a file to the database and from there to back.db, and that to another database and to again.db.
there_and_back()
{
    local before
    before=$(dump "$2")
    moves "$1" "$2" "$BARE"
    [ "$(dump "$2")" = "$before" ]
    moves "$1" "$BARE" back.db
    diff <(nameless "$2") <(dump back.db)
    create_database "other_$DATABASE"
    moves "$1" back.db "${BARE%/*}/other_$DATABASE"
    moves "$1" "${BARE%/*}/other_$DATABASE" again.db
    diff <(dump back.db) <(dump again.db)
}

# orders N: to be placed, of text of all kinds.
orders()
{
    seq "$1" | jq -c '{user_id: "u\(.) \"é😀\\ NULL,{}", restaurant_id: "r'\''", items: [{sku: "s", qty: 1}]}'
}

# store_orders FILE N: of N orders some are placed, and the others are left pending.
store_orders()
{
    orders "$2" >all
    head -n $(($2 / 2)) all | ORDER_STORE=$1 order-place >/dev/null
    tail -n +$(($2 / 2 + 1)) all | ORDER_STORE=$1 order-place --url amqp://127.0.0.1:1 --retries 1 >/dev/null 2>&1 || [ $? = 75 ]
}

@test "orders: from a file to a database and back, to the byte, and pending ones are published from there" {
    store_orders a.db 700
    sqlite3 a.db "INSERT INTO outcomes SELECT seq, 2 + seq % 4, CASE WHEN seq % 2 THEN 'out of \"soup\"' END,
        nullif(seq % 3, 0) * 1000, nullif(seq % 4, 0), nullif(seq % 5, 0), nullif(seq % 6, 0) FROM orders
        WHERE seq % 7 AND seq NOT IN (SELECT seq FROM pending)"
    ORDER_STORE=a.db order-show --all >before
    # Some are cancelled, some of the cancellations are pending; the outcome of others came first.
    tail -n 10 before | jq '{order_id, reason: "\"late\""}' | ORDER_STORE=a.db order-cancel >/dev/null || [ $? = 65 ]
    head -n 14 before | jq -c .order_id | ORDER_STORE=a.db order-cancel --url amqp://127.0.0.1:1 --retries 1 >pending 2>/dev/null || [ $? = 75 ]
    there_and_back orders a.db
    order-show --all | cmp before -
    ORDER_STORE=back.db order-show --all | cmp before -
    [ "$(jq -r .status before | sort | uniq -c | awk '{print $2}' | paste -sd ' ')" = 'CANCELLED FAILED HANDED_OVER PENDING PLACED RESERVED' ]
    [ "$(grep -c '"status": "PENDING"' before)" = 350 ]
    holds "$PLACED_Q" 350
    order-place --flush >flushed
    has_lines flushed 350
    holds "$PLACED_Q" 700
    [ "$(order-cancel --flush | jq -r .order_id)" = "$(jq -r 'select(.status == "PENDING").order_id' pending)" ]
    # Those that are placed now come after all others.
    orders 1 | order-place >/dev/null
    [ "$(order-show --all | tail -n 1 | jq -r .data.user_id)" = "$(orders 1 | jq -r .user_id)" ]
    stored 701
}

@test "the ledger: stock, decisions, and events that are owed" {
    export INVENTORY_LEDGER=$PWD/a.db
    inventory-stock <<<'{"sku":"s","on_hand":7} {"sku":"Z","on_hand":0} {"sku":"é \"","on_hand":3}' >/dev/null
    publish_placed a b
    placed_events c | sed 's/"s"/"Z"/' | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -p -l
    inventory-worker --count 3 >/dev/null 2>&1
    # Some are cancelled, one before it comes.
    inventory-worker --cancelled --idle-timeout 0
    publish orders-ex order.cancelled '{"event_type":"OrderCancelled","order_id":"early"}'
    publish orders-ex order.cancelled '{"event_type":"OrderCancelled","order_id":"b"}'
    inventory-worker --cancelled --count 2 >/dev/null 2>&1
    # One event is owed by a worker that was killed.
    publish_placed d
    run -137 --separate-stderr dying publish:1:before inventory-worker --count 1
    eventually holds "$PLACED_Q" 1
    purge "$PLACED_Q"
    purge "$RESERVED_Q"
    # And so is that of an end.
    inventory-stock --hand-over <<<a >/dev/null
    there_and_back ledger a.db
    [ "$(dump again.db | grep -c 'INSERT INTO owed')" = 2 ]
    export INVENTORY_LEDGER=$URI
    run -0 --separate-stderr inventory-stock </dev/null
    [ "$output" = '{"sku":"Z","on_hand":0,"reserved":0}
{"sku":"s","on_hand":5,"reserved":1}
{"sku":"é \"","on_hand":3,"reserved":0}' ]
    gives 'a HANDED_OVER,b RELEASED,c FAILED,early CANCELLED,d RESERVED' \
        "SELECT string_agg(order_id || ' ' || coalesce(ending, outcome), ',' ORDER BY seq) FROM order_tools.reservations"
    books_balance
    inventory-stock --hand-over <<<d >/dev/null
    # What was owed goes out from there; what was decided is not decided again; what is new gets a new number.
    publish_placed a e early
    inventory-worker --idle-timeout 1 >events 2>worker.err
    [ "$(ids <events | sort | paste -sd ' ')" = 'a d d e early' ]
    says worker.err '[inventory] duplicate ignored: a'
    gives '6|0' 'SELECT (SELECT count(*) FROM order_tools.reservations), (SELECT count(*) FROM order_tools.outbox)'
}

@test "notified customers: told, free again, and in doubt" {
    make_script cmd <<'END'
id=$(jq -r .order_id)
[ "$id" != killing ] || kill -KILL "$PPID"
[ "$id" != failing ] || [ -e go ]
END
    export NOTIFY_LEDGER=$PWD/a.db
    publish_reserved told 'told too'
    notify-worker --count 2 >/dev/null 2>&1
    publish inventory-ex inventory.failed '{"event_type":"InventoryFailed","order_id":"failed"}'
    notify-worker --failed --count 1 >/dev/null 2>&1
    publish_reserved failing
    start worker notify-worker --exec ./cmd --retry-delay 1
    eventually grep -F 'later: failing' worker.err
    ends -0 "$PID" TERM
    purge "$RESERVED_Q"
    publish_reserved killing
    run -137 --separate-stderr notify-worker --exec ./cmd
    eventually queue_consumers "$RESERVED_Q" 0
    purge "$RESERVED_Q"
    there_and_back notified a.db
    export NOTIFY_LEDGER=$URI
    gives $'failed\tfailed TOLD 1,failing FREE 1,killing CLAIMED 1,told TOLD 1,told too TOLD 1' "SELECT string_agg(order_id || ' ' || status || ' ' || attempts, ','
        ORDER BY order_id) FROM order_tools.notified"
    publish_reserved killing told failing
    # It cannot know at once that nobody is telling.
    run -0 --separate-stderr notify-worker --count 3
    [ "$(ids <<<"$output" | sort | paste -sd ' ')" = 'failing killing' ]
    [[ $stderr == *'[notify] in doubt: killing: attempt 2'* ]]
    [[ $stderr == *'[notify] repeat ignored: told'* ]]
    publish inventory-ex inventory.failed '{"event_type":"InventoryFailed","order_id":"failed"}'
    run -0 --separate-stderr notify-worker --failed --count 1
    [ "$stderr" = '[notify] repeat ignored: failed' ]
    gives '5|7' "SELECT count(*), sum(attempts) FROM order_tools.notified WHERE status = 'TOLD'"
}

@test "killed on the way to a database: it is empty, and a repeat moves all" {
    store_orders a.db 600
    moves orders a.db "$BARE"
    sql 'DELETE FROM order_tools.orders'
    sql 'DELETE FROM order_tools.pending'
    # The last page waits for somebody who has not decided about its last key.
    start lock sql "BEGIN; INSERT INTO order_tools.orders (seq, order_id, placed_at, data) OVERRIDING SYSTEM VALUE
        SELECT 600, gen_random_uuid(), now(), 1; SELECT pg_sleep($HANGING)"
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep($HANGING)%' AND pid <> pg_backend_pid()"
    start killed order-tools-migrate orders a.db "$BARE"
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$DATABASE'"
    finish -137 "$PID" KILL
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep($HANGING)%' AND pid <> pg_backend_pid()"
    eventually gives 0 "SELECT count(*) FROM pg_locks WHERE relation = 'order_tools.orders'::regclass"
    gives 0 'SELECT count(*) FROM order_tools.orders'
    moves orders a.db "$BARE"
    order-show --all | cmp <(ORDER_STORE=a.db order-show --all) -
}

@test "killed on the way to a file, wherever: a repeat moves all" {
    local at side killed=137
    store_orders a.db 300
    moves orders a.db "$BARE"
    for ((at = 1; killed == 137; at++)); do
        for side in before after; do
            rm -f b.db*
            killed=0
            (dying "commit:$at:$side" order-tools-migrate orders "$BARE" b.db) >out 2>err || killed=$?
            [ "$killed" = 137 ] || [ "$killed" = 0 ]
            moves orders "$BARE" b.db
            ORDER_STORE=b.db order-show --all | cmp <(order-show --all) -
        done
    done
    [ "$at" -gt 3 ]
}

@test "a commit that is in doubt: 73, and a repeat finds all there" {
    local at=${BARE#*@} via
    at=${at%%/*}
    store_orders a.db 20
    start doubt "$REPO/tests/support/doubt" "${at%:*}" "${at#*:}" setval
    eventually test -s doubt.out
    via="${BARE%@*}@127.0.0.1:$(head -n 1 doubt.out)/$DATABASE?sslmode=disable&gssencmode=disable"
    run -73 --separate-stderr migrate orders a.db "$via"
    [[ $stderr == *'maybe all was moved: move again'* ]]
    says doubt.out cut
    finish "$PID" KILL
    stored 20
    moves orders a.db "$BARE"
    [ "$(jq -r 'select(.part == "orders") | "\(.from) \(.to)"' <<<"$output")" = '20 20' ]
    stored 20
}

@test "refused while a program of that store runs, on either side, and only then" {
    store_orders a.db 10
    ORDER_STORE=$PWD/a.db start http order-http --listen "unix:$PWD/socket"
    eventually curl -sf --unix-socket socket http://localhost/health
    run -73 --separate-stderr migrate orders a.db "$BARE"
    [[ $stderr == *'a program that writes to FROM is running'* ]]
    ends -0 "$PID" TERM
    start http order-http --listen "unix:$PWD/socket"
    eventually curl -sf --unix-socket socket http://localhost/health
    run -73 --separate-stderr migrate orders a.db "$BARE"
    [[ $stderr == *'a program that writes to TO is running'* ]]
    stored 0
    ends -0 "$PID" TERM
    start worker notify-worker
    eventually gives notified 'SELECT domain FROM order_tools.runs'
    moves orders a.db "$BARE"
    run -73 --separate-stderr migrate notified "$BARE" b.db
    [[ $stderr == *'a program that writes to FROM is running'* ]]
    ends -0 "$PID" TERM
    moves notified "$BARE" b.db
}

@test "a target that has something else is left as it is" {
    store_orders a.db 10
    orders 1 | ORDER_STORE=b.db order-place >/dev/null
    orders 1 | order-place >/dev/null
    dump b.db >before
    run -73 --separate-stderr migrate orders a.db b.db
    [[ $stderr == *'TO is not empty'*'nothing was moved'* ]]
    dump b.db | cmp before -
    run -73 --separate-stderr migrate orders a.db "$BARE"
    stored 1
    # Nor if it has more, or less, of the same.
    cp a.db c.db
    orders 1 | ORDER_STORE=c.db order-place >/dev/null
    run -73 --separate-stderr migrate orders a.db c.db
    run -73 --separate-stderr migrate orders c.db a.db
    ORDER_STORE=a.db stored 10
}

@test "what is wrong with the command line or the source is said, and nothing is made" {
    helps order-tools-migrate
    refuses_usage order-tools-migrate <<'END'

orders
orders a.db
orders a.db b.db c.db
stock a.db b.db
--force orders a.db b.db
END
    run -73 --separate-stderr migrate orders a.db b.db
    [[ $stderr == *"'a.db'"* ]]
    run -2 ls a.db b.db
    run -73 --separate-stderr migrate orders "$BARE" b.db
    [[ $stderr == *'there are no tables'* ]]
    [ ! -e b.db ]
    orders 1 | ORDER_STORE=a.db order-place >/dev/null
    run -73 --separate-stderr migrate orders a.db "$URI"
    [[ $stderr == *'a password in the command line'* && $stderr != *"$PASSWORD"* ]]
    run -73 --separate-stderr migrate ledger a.db "$BARE"
    run -74 --separate-stderr to_full order-tools-migrate orders a.db b.db
}
