# Inventory's ledger in PostgreSQL: what holds in a file holds there, too, and between workers on several machines; and a decision that is
# lost with its connection is made again.

load ../support/postgres

teardown_file()
{
    stop_postgres
    [ ! -e "$BATS_FILE_TMPDIR/broker" ] || BROKER_HOME=$BATS_FILE_TMPDIR/broker "$REPO/scripts/broker" kill
}

WORKER=inventory-worker

# stock: prints the levels: "sku on_hand reserved;" each.
stock()
{
    inventory-stock </dev/null | jq -r '"\(.sku) \(.on_hand) \(.reserved)"' | paste -sd ';'
}

# outcomes: prints how many orders were reserved and how many failed.
outcomes()
{
    sql "SELECT count(*) FILTER (WHERE outcome = 'RESERVED'), count(*) FILTER (WHERE outcome = 'FAILED') FROM order_tools.reservations"
}

# want SKU FIRST LAST: orders of these numbers, of one unit each.
want()
{
    seq "$2" "$3" | jq -c --arg sku "$1" '{event_type: "OrderPlaced", order_id: "o-\(.)", user_id: "u", restaurant_id: "r",
        items: [{sku: $sku, qty: 1}]}'
}

# send: publishes the events on standard input, which are confirmed when it returns.
send()
{
    perl -ne 'chomp; print "100002 ", unpack("H*", $_), "\n"' | wire put "$PLACED_Q"
}

work()
{
    worker --idle-timeout 0 "$@" >>events 2>>log
}

event_ids()
{
    jq -r .order_id "$@" | sort
}

# ---- the same as in a file ----

@test "orders are reserved and fail, copies are ignored, the stock is moved; people can read it" {
    topology
    inventory-stock <<<'{"sku":"few","on_hand":2} {"sku":"é","on_hand":7}' >/dev/null
    { want few 1 3 && want free 4 5 && want few 1 1; } | send
    publish orders-ex order.placed poison
    work
    [ "$(event_ids events | paste -sd ' ')" = 'o-1 o-2 o-3 o-4 o-5' ]
    says log '[inventory] reservation FAILED for o-3'
    says log '[inventory] duplicate ignored: o-1'
    grep -qF '[inventory] rejected a message: ' log
    [ "$(stock)" = 'few 0 2;é 7 0' ]
    holds "$RESERVED_Q" 4
    holds "$FAILED_Q" 1
    holds "$DEAD_Q" 1
    gives 'o-1|RESERVED|t
o-2|RESERVED|t
o-3|FAILED|t
o-4|RESERVED|t
o-5|RESERVED|t' "SELECT order_id, outcome, decided_at > now() - interval '1 minute' FROM order_tools.reservations ORDER BY order_id"
    gives 0 'SELECT count(*) FROM order_tools.outbox'
    gives 0 'SELECT count(*) FROM order_tools.runs'
    # Later copies: nothing goes out again.
    want few 1 5 | send
    work
    [ "$(wc -l <events)" = 5 ]
}

@test "reservations are numbered in the order of the queue, and not of their ids" {
    topology
    # So it may be called if two programs make the tables at once.
    work
    sql 'ALTER SEQUENCE order_tools.reservations_seq_seq RENAME TO reservations_seq_seq1'
    { seq 30 -1 1 && echo 17; } | while read -r i; do want free "$i" "$i"; done | send
    eventually holds "$PLACED_Q" 31
    work
    gives "$(seq -f 'o-%.0f' 30 -1 1)" 'SELECT order_id FROM order_tools.reservations ORDER BY seq'
}

@test "inventory-stock: set, add, refuse, list by the bytes of the sku" {
    run -65 --separate-stderr inventory-stock <<<'{"sku":"b","on_hand":1} {"sku":"B","on_hand":2} {"sku":"b","on_hand":-1}'
    [ "$output" = '{"sku":"b","on_hand":1,"reserved":0}
{"sku":"B","on_hand":2,"reserved":0}' ]
    run -65 --separate-stderr inventory-stock --add <<<'{"sku":"b","on_hand":-2} {"sku":"b","on_hand":4} {"sku":"c","on_hand":3}'
    [ "$output" = '{"sku":"b","on_hand":5,"reserved":0}
{"sku":"c","on_hand":3,"reserved":0}' ]
    [ "$(stock)" = 'B 2 0;b 5 0;c 3 0' ]
    # More than a page.
    seq -f '{"sku":"s%04g","on_hand":1}' 600 | inventory-stock >/dev/null
    [ "$(inventory-stock </dev/null | jq -r .sku | LC_ALL=C sort -c && inventory-stock </dev/null | wc -l)" = 603 ]
}

@test "what was handled long ago is forgotten, but not while its event is owed" {
    decide orders 1500
    sql "UPDATE order_tools.reservations SET decided_at = now() - interval '3 days'" >/dev/null
    decide settle 700
    topology
    want free 9001 9001 | send
    worker --retain 1 --idle-timeout 0 >events 2>log
    # What was still owed went out first; each commit looks at some.
    want free 9002 9002 | send
    worker --retain 1 --idle-timeout 0 >events 2>log
    eventually worker --retain 1 --idle-timeout 0
    run -0 sql "SELECT count(*) FROM order_tools.reservations WHERE order_id LIKE 'order-%'"
    [ "$output" -lt 800 ]
    gives 2 "SELECT count(*) FROM order_tools.reservations WHERE order_id LIKE 'o-%'"
    gives 0 'SELECT count(*) FROM order_tools.outbox LEFT JOIN order_tools.reservations USING (seq) WHERE order_id IS NULL'
}

@test "a worker on a host whose clock is wrong by a year forgets nothing, nor does it keep anything for ever" {
    topology
    want free 1 3 | send
    worker --retain 30 --idle-timeout 0 >events 2>log
    want free 4 4 | send
    export ASAN_OPTIONS=verify_asan_link_order=0
    CLOCK_AHEAD=$((400 * 24 * 3600)) LD_PRELOAD=$SUPPORT/ahead.so worker --retain 30 --idle-timeout 0 >events 2>log
    gives 4 "SELECT count(*) FROM order_tools.reservations WHERE decided_at BETWEEN now() - interval '1 hour' AND now()"
}

# ---- round trips, and decisions that are lost ----

@test "a decision takes three round trips, a relay three, marking one, however large the batch" {
    inventory-stock <<<'{"sku":"hot","on_hand":5}' >/dev/null
    run -0 decide orders 1
    [ "$output" = 'new 1 unsent 0 handled 0 attempts 1 trips 3' ]
    run -0 decide orders 5000
    [ "$output" = 'new 4999 unsent 1 handled 0 attempts 1 trips 3' ]
    run -0 decide settle 4000
    [ "$output" = 'new 0 unsent 4000 handled 0 attempts 1 trips 3
marked, trips 1' ]
}

# cut_at COMMAND N TRIP: runs it with a CUT there.
cut_at()
{
    run -0 --separate-stderr decide "$1" "$2" "$3"
    [ -z "$stderr" ]
}

# is_decided N FEW: the ledger holds N orders once, as many events that are owed, and FEW units were taken.
is_decided()
{
    gives "$1|$2|$1|0 $2" "SELECT (SELECT count(*) FROM order_tools.reservations),
        (SELECT count(*) FROM order_tools.reservations WHERE outcome = 'RESERVED'),
        (SELECT count(*) FROM order_tools.outbox), (SELECT on_hand || ' ' || reserved FROM order_tools.stock)"
}

@test "a decision whose connection breaks, anywhere, is made once" {
    local trip
    for trip in 1:before 1:after 2:before 2:after 3:before 3:after; do
        inventory-stock <<<'{"sku":"hot","on_hand":20}' >/dev/null
        cut_at orders 30 "$trip"
        is_decided 30 20
        sql 'TRUNCATE order_tools.reservations, order_tools.outbox, order_tools.stock' >/dev/null
    done
}

@test "a commit whose answer is lost was made: what it has recorded comes back as the caller's, once" {
    inventory-stock <<<'{"sku":"hot","on_hand":2}' >/dev/null
    cut_at orders 3 3:after
    [ "$output" = 'new 0 unsent 3 handled 0 attempts 2 trips 3' ]
    is_decided 3 2
    # And of one that was not answered, nothing is left.
    cut_at orders 4 2:after
    [ "$output" = 'new 1 unsent 3 handled 0 attempts 2 trips 3' ]
}

@test "a release takes three round trips; if its connection breaks, anywhere, it is made once, and what it owes comes back" {
    local trip left
    inventory-stock <<<'{"sku":"hot","on_hand":20}' >/dev/null
    decide orders 20
    decide settle 20
    for trip in 1:before 1:after 2:before 2:after 3:before 3:after; do
        left=0
        [ "$trip" != 3:after ] || left=20
        run -0 --separate-stderr decide release 20 "$trip"
        [[ $output == "released $((20 - left)) left $left attempts "* ]]
        gives '20|20 0|0' "SELECT (SELECT count(*) FROM order_tools.reservations WHERE ending = 'RELEASED'),
            (SELECT on_hand || ' ' || reserved FROM order_tools.stock), (SELECT count(*) FROM order_tools.held)"
        books_balance
        sql "UPDATE order_tools.reservations SET ending = NULL; TRUNCATE order_tools.outbox;
            UPDATE order_tools.stock SET on_hand = 0, reserved = 20" >/dev/null
    done
    run -0 decide release 20
    [ "$output" = 'released 20 left 0 attempts 1 trips 3' ]
}

@test "the answer to a commit that hands over is lost: it is made once, and answered as that" {
    topology
    inventory-stock <<<'{"sku":"s","on_hand":20}' >/dev/null
    want s 1 3 | send
    work
    inventory-stock --hand-over <<<o-3 >/dev/null
    behind_doubt 'SET ending = '
    run -65 --separate-stderr env INVENTORY_LEDGER="$DOUBTED" inventory-stock --hand-over <<<$'o-1\no-2\no-3\no-1'
    says doubt.out cut
    [ "$(jq -r '.order_id + " " + (.refused // .status)' <<<"$output")" = 'o-1 HANDED_OVER
o-2 HANDED_OVER
o-3 it was handed over before
o-1 it was handed over before' ]
    [ "$(stock)" = 's 17 0' ]
    gives 3 'SELECT count(*) FROM order_tools.outbox'
    books_balance
    finish "$PROXY" KILL
}

@test "a decision about what has expired is lost, at its stock or at its commit: each order is released once, and the worker goes on" {
    local at
    topology
    for at in s.on_hand 'SET ending = '; do
        inventory-stock <<<'{"sku":"s","on_hand":20}' >/dev/null
        want s 1 3 | send
        work
        sql "UPDATE order_tools.reservations SET decided_at = now() - interval '1 day'" >/dev/null
        behind_doubt "$at"
        run -0 --separate-stderr timeout -k 1 30 env INVENTORY_LEDGER="$DOUBTED" inventory-worker --idle-timeout 0 --expire 1h
        says doubt.out cut
        [ "$(jq -r '.event_type + " " + .order_id' <<<"$output" | sort)" = "$(printf 'InventoryReleased o-%s\n' 1 2 3)" ]
        [ "$(stock)" = 's 20 0' ]
        gives 0 'SELECT count(*) FROM order_tools.outbox'
        books_balance
        finish "$PROXY" KILL
        sql 'TRUNCATE order_tools.reservations, order_tools.held' >/dev/null
    done
}

@test "the answer to a commit that settles is lost: it is made once, and what it has settled is told" {
    local at=${URI#*@} proxy
    inventory-stock <<<'{"sku":"s","on_hand":20} {"sku":"t","on_hand":7}' >/dev/null
    # As an earlier version has left it.
    sql "UPDATE order_tools.stock SET reserved = 3 WHERE sku = 's'"
    at=${at%%/*}
    start doubt "$REPO/tests/support/doubt" "${at%:*}" "${at#*:}" 'reserved = reserved + units - handed'
    proxy=$PID
    eventually test -s doubt.out
    run -0 --separate-stderr env INVENTORY_LEDGER="${URI%@*}@127.0.0.1:$(head -n 1 doubt.out)/$DATABASE?sslmode=disable&gssencmode=disable" \
        inventory-stock --settle --all
    says doubt.out cut
    [ "$output" = '{"sku":"s","on_hand":20,"reserved":0,"settled":3}
{"sku":"t","on_hand":7,"reserved":0,"settled":0}' ]
    gives '20|0|3' "SELECT on_hand, reserved, handed_over FROM order_tools.stock WHERE sku = 's'"
    books_balance
    finish "$proxy" TERM
}

@test "a relay whose connection breaks, anywhere, gets each event once" {
    local trip
    decide orders 40
    for trip in 1:before 1:after 2:before 2:after 3:before 3:after; do
        cut_at relay 30 "$trip"
        [[ $output == 'new 0 unsent 30 handled 0 '* ]]
    done
    cut_at relay 50 3:after
    [[ $output == 'new 0 unsent 40 handled 0 attempts 2 '* ]]
}

@test "what a run owes that lives is handled for others, and theirs once its lease has passed" {
    local own
    DIE_STOP=yes start first dying commit:1:after decide orders 10
    own=$PID
    eventually is_stopped "$own"
    run -0 decide orders 10
    [ "$output" = 'new 0 unsent 0 handled 10 attempts 1 trips 3' ]
    run -0 decide relay 10
    [[ $output == 'new 0 unsent 0 handled 0 '* ]]
    end_leases
    run -0 decide orders 5
    [ "$output" = 'new 0 unsent 5 handled 0 attempts 1 trips 3' ]
    run -0 decide relay 10
    [[ $output == 'new 0 unsent 10 handled 0 '* ]]
    finish -0 "$own" CONT
}

# ---- kills: the rows I0 to I3 ----

own_id=o-7

# prepared: one order waits, and there is enough for it.
prepared()
{
    topology
    inventory-stock <<<'{"sku":"s","on_hand":10}' >/dev/null
    want s 7 7 | send
}

# killed_at POINT: the worker is, and its lease passes.
killed_at()
{
    run -137 --separate-stderr dying "$1" inventory-worker --idle-timeout 5
    eventually has_none_in_hand
    end_leases
}

has_none_in_hand()
{
    [[ $(queues_now "$PLACED_Q" | jq .messages_unacknowledged) != [1-9]* ]]
}

# is_done_once PUBLISHED: reserved once, and its event went out so many times, the same each time.
is_done_once()
{
    work
    [ "$(stock)" = 's 9 1' ]
    holds "$PLACED_Q" 0
    holds "$RESERVED_Q" "$1"
    [ "$(messages "$RESERVED_Q" | jq -r '.properties.message_id + " " + .payload' | sort -u | wc -l)" = 1 ]
    gives 0 'SELECT count(*) FROM order_tools.outbox'
}

@test "I0: killed before it recorded: handled afresh" {
    prepared
    killed_at commit:1:before
    gives 0 'SELECT count(*) FROM order_tools.reservations'
    is_done_once 1
}

@test "I1: killed when it was recorded: the recorded event goes out, even if the order never comes again" {
    prepared
    killed_at commit:1:after
    gives '0|1' 'SELECT (SELECT count(*) FROM order_tools.runs WHERE alive_until > now()), count(*) FROM order_tools.outbox'
    eventually holds "$PLACED_Q" 1
    purge "$PLACED_Q"
    # A worker that would decide otherwise.
    worker --idle-timeout 0 --max-qty 1 >events 2>log
    [ "$(jq -r '.event_type + " " + .order_id' events)" = "InventoryReserved $own_id" ]
    is_done_once 1
}

@test "I1: killed when the event was sent: it goes out again, the same" {
    prepared
    killed_at publish:1:after
    work
    is_done_once "$(ready "$RESERVED_Q")"
    says log "[inventory] duplicate ignored: $own_id"
}

@test "I2: killed when the event was confirmed: the same goes out again" {
    prepared
    killed_at ack:1:before
    is_done_once 2
}

@test "I3: killed when it had acknowledged: a later copy is a duplicate" {
    prepared
    killed_at ack:1:after
    want s 7 7 | send
    is_done_once 2
    says log "[inventory] duplicate ignored: $own_id"
}

@test "I3: killed when it was settled: nothing goes out again" {
    prepared
    killed_at commit:2:after
    is_done_once 1
    [ ! -s events ]
}

# ---- several workers ----

@test "two workers, 2,000 orders with copies, three hot skus: the stock balances" {
    local one
    topology
    inventory-stock <<<'{"sku":"a","on_hand":300} {"sku":"b","on_hand":300} {"sku":"c","on_hand":2000}' >/dev/null
    # Every order wants the three, in an order of its own; half of them come twice.
    seq 2000 | jq -c '. as $n | (["a", "b", "c"] | .[$n % 3:] + .[:$n % 3]) as $skus | {event_type: "OrderPlaced", order_id: "o-\($n)",
        user_id: "u", restaurant_id: "r", items: [$skus[] | {sku: ., qty: 1}]}' >placed
    { cat placed && head -n 1000 placed; } | shuf --random-source=/dev/zero >all
    send <all
    start one inventory-worker --idle-timeout 2 --prefetch 40
    one=$PID
    start two inventory-worker --idle-timeout 2 --prefetch 37
    PATIENCE=$HANGING ends -0 "$PID" '' "$HANGING"
    PATIENCE=$HANGING ends -0 "$one" '' "$HANGING"
    [ "$(outcomes)" = '300|1700' ]
    [ "$(stock)" = 'a 0 300;b 0 300;c 1700 300' ]
    # One outcome, and one event, for each.
    [ "$(event_ids one.out two.out | wc -l)" = 2000 ]
    [ "$(event_ids one.out two.out | uniq | wc -l)" = 2000 ]
    [ "$(cat one.err two.err | grep -c 'duplicate ignored')" = 1000 ]
    run -1 grep -v '^\[inventory\] ' one.err two.err
    holds "$RESERVED_Q" 300
    holds "$FAILED_Q" 1700
}

@test "a database whose transactions are serializable, and one that ends all that wait in a deadlock" {
    local one
    sql "ALTER DATABASE $DATABASE SET default_transaction_isolation = 'serializable'" >/dev/null
    sql "ALTER DATABASE $DATABASE SET deadlock_timeout = '10ms'" >/dev/null
    topology
    inventory-stock <<<'{"sku":"a","on_hand":100}' >/dev/null
    want a 1 600 | send
    start one inventory-worker --idle-timeout 2 --prefetch 20
    one=$PID
    start two inventory-worker --idle-timeout 2 --prefetch 20
    PATIENCE=$HANGING ends -0 "$PID" '' "$HANGING"
    PATIENCE=$HANGING ends -0 "$one" '' "$HANGING"
    [ "$(outcomes)" = '100|500' ]
    [ "$(stock)" = 'a 0 100' ]
    run -1 grep -v '^\[inventory\] ' one.err two.err
}

@test "one that waits for another's row gets what that one recorded, or records it itself" {
    prepared
    # Another machine is in the midst of a decision about the order.
    start_fed other as_admin "$DATABASE"
    echo "BEGIN; INSERT INTO order_tools.reservations (order_id, outcome, decided_at) VALUES ('$own_id', 'FAILED', now());" >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = '$DATABASE'"
    start waiting inventory-worker --idle-timeout 2
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$DATABASE'"
    echo 'COMMIT;' >&7
    exec 7>&-
    ends -0 "$PID" '' 30
    says waiting.err "[inventory] duplicate ignored: $own_id"
    [ "$(stock)" = 's 10 0' ]
}

@test "a decision that is the victim of a deadlock is made again, without a word" {
    sql "ALTER DATABASE $DATABASE SET deadlock_timeout = '3s'" >/dev/null
    topology
    inventory-stock <<<'{"sku":"a","on_hand":10} {"sku":"b","on_hand":10}' >/dev/null
    { want a 1 1 && want b 2 2; } | send
    # Somebody has b, and wants a once the worker, which has a, wants b. Only the worker looks for deadlocks.
    start_fed other as_admin "$DATABASE"
    echo "SET deadlock_timeout = '1h'; BEGIN; UPDATE order_tools.stock SET on_hand = 20 WHERE sku = 'b';" >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = '$DATABASE'"
    start deciding inventory-worker --count 2
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$DATABASE'"
    echo "UPDATE order_tools.stock SET on_hand = 20 WHERE sku = 'a'; COMMIT;" >&7
    ends -0 "$PID" '' 30
    exec 7>&-
    grep -q 'deadlock detected' "$POSTGRES_HOME/server.log"
    [ "$(stock)" = 'a 19 1;b 19 1' ]
    [ "$(outcomes)" = '2|0' ]
    run -1 grep -v '^\[inventory\] ' deciding.err
}

@test "a worker that hangs in the midst of a decision holds up others for seconds, and then decides nothing twice" {
    local hanging
    prepared
    DIE_STOP=yes start hanging dying commit:1:before inventory-worker --prefetch 1
    hanging=$PID
    eventually is_stopped "$hanging"
    want s 7 7 | send
    start other inventory-worker
    PATIENCE=60 eventually has_lines other.out 1
    kill -CONT "$hanging"
    eventually has_lines hanging.err 1
    says hanging.err "[inventory] duplicate ignored: $own_id"
    ends -0 "$hanging" TERM
    ends -0 "$PID" TERM
    [ ! -s hanging.out ]
    [ "$(stock)" = 's 9 1' ]
}

@test "a worker that was taken for ended begins anew, and goes on" {
    topology
    start working inventory-worker
    want s 1 1 | send
    eventually has_lines working.out 1
    sql 'DELETE FROM order_tools.runs' >/dev/null
    want s 2 2 | send
    eventually has_lines working.out 2
    gives 1 'SELECT count(*) FROM order_tools.runs'
    ends -0 "$PID" TERM
    run -1 grep -v '^\[inventory\] ' working.err
}

# ---- away ----

@test "the database is killed while two workers decide: each order once, no worker ends" {
    local one
    topology
    inventory-stock <<<'{"sku":"a","on_hand":1500}' >/dev/null
    want a 1 2000 | send
    start one inventory-worker --prefetch 10
    one=$PID
    start two inventory-worker --prefetch 10
    eventually test -s one.out
    postgres kill
    postgres start
    PATIENCE=$HANGING eventually gives 2000 'SELECT count(*) FROM order_tools.reservations'
    PATIENCE=$HANGING eventually gives 0 'SELECT count(*) FROM order_tools.outbox'
    ends -0 "$PID" TERM
    ends -0 "$one" TERM
    [ "$(outcomes)" = '1500|500' ]
    [ "$(stock)" = 'a 0 1500' ]
    [ "$(event_ids one.out two.out | uniq | wc -l)" = 2000 ]
    holds "$PLACED_Q" 0
}

@test "backends that are ended again and again do no harm" {
    topology
    inventory-stock <<<'{"sku":"a","on_hand":700}' >/dev/null
    want a 1 1000 | send
    start one inventory-worker --prefetch 10
    until gives 1000 'SELECT count(*) FROM order_tools.reservations'; do
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$DATABASE' AND application_name = 'inventory-worker'" >/dev/null
    done
    eventually gives 0 'SELECT count(*) FROM order_tools.outbox'
    ends -0 "$PID" TERM
    [ "$(outcomes)" = '700|300' ]
    [ "$(stock)" = 'a 0 700' ]
    [ "$(event_ids one.out | uniq | wc -l)" = 1000 ]
}

@test "while the database is away the worker waits, says so once, keeps its connections, and goes on" {
    own_broker
    evaluate 'application:set_env(rabbit, heartbeat, 1).'
    topology
    decide orders 1 >/dev/null
    start waiting inventory-worker
    eventually test -s waiting.out
    postgres stop
    want s 1 1 | send
    eventually grep -qF 'is away: ' waiting.err
    # Longer than the broker would wait without heartbeats.
    eventually waits_for 5
    want s 2 2 | send
    [ "$(wc -l <waiting.out)" = 1 ]
    postgres start
    eventually has_lines waiting.out 3
    ends -0 "$PID" TERM
    [ "$(grep -c 'is away' waiting.err)" = 1 ]
    [ "$(grep -c 'is back' waiting.err)" = 1 ]
    [ "$(grep -c 'broker' waiting.err)" = 0 ]
}

# waits_for SECONDS: has it been so long since the database went away?
waits_for()
{
    [ $(($(date +%s) - $(stat -c %Y waiting.err))) -ge "$1" ]
}

@test "a stop ends the wait cleanly, and the orders stay in the queue" {
    topology
    decide orders 1 >/dev/null
    start waiting inventory-worker
    eventually test -s waiting.out
    # Recorded, too: otherwise it would go out again, and that is no clean end.
    eventually gives 0 'SELECT count(*) FROM order_tools.outbox'
    postgres stop
    want s 1 3 | send
    eventually grep -qF 'is away: ' waiting.err
    ends -0 "$PID" TERM
    eventually holds "$PLACED_Q" 3
}

@test "a database that stays away: 73, the deliveries return, nothing is decided twice" {
    topology
    decide orders 1 >/dev/null
    start waiting inventory-worker --retries 2
    eventually test -s waiting.out
    postgres stop
    want s 1 3 | send
    ends -73 "$PID" '' 30
    eventually holds "$PLACED_Q" 3
    postgres start
    work
    gives 3 "SELECT count(*) FROM order_tools.reservations WHERE order_id LIKE 'o-%'"
}

@test "inventory-stock --add: what was added is not added again when the answer was lost" {
    start_fed adding inventory-stock --add
    echo '{"sku":"a","on_hand":3}' >&7
    eventually has_lines adding.out 1
    # The backend is stopped in the midst of the next commit, which then is done, but nobody reads the answer.
    sql "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
    sql 'SELECT pg_reload_conf()'
    echo '{"sku":"a","on_hand":3}' >&7
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = '$DATABASE'"
    # Committed here, and the connection ends without an answer.
    postgres kill
    sed -i '/synchronous_standby_names/d' "$POSTGRES_HOME/data/postgresql.auto.conf"
    postgres start
    exec 7>&-
    ends -0 "$PID" '' 30
    [ "$(tail -n 1 adding.out)" = '{"sku":"a","on_hand":6,"reserved":0}' ]
    [ "$(stock)" = 'a 6 0' ]
}

# ---- looking ----

@test "queue-inspect --health sees what is owed, waits no longer than a second, and makes nothing" {
    topology
    run --separate-stderr queue-inspect --health
    jq -e '.checks | has("outbox") | not' <<<"$output"
    gives 0 "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'order_tools'"
    decide orders 3 >/dev/null
    run --separate-stderr queue-inspect --health
    jq -e '.checks.outbox.ok == true' <<<"$output"
    sql "UPDATE order_tools.reservations SET decided_at = now() - interval '1 hour'" >/dev/null
    run -1 --separate-stderr queue-inspect --health
    jq -e '.checks.outbox.detail | test("^events owed: 3, the oldest for 36[0-9][0-9] s$")' <<<"$output"
    # A lock that is in the way.
    start_fed locking as_admin "$DATABASE"
    echo 'BEGIN; LOCK order_tools.outbox;' >&7
    eventually gives 1 "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    run -1 --separate-stderr timeout 20 queue-inspect --health
    # Both give up after a second, and on a busy machine the server may be first.
    jq -e '.checks.outbox.detail | test("it does not answer$|statement timeout")' <<<"$output"
    # It leaves nothing behind that waits there.
    eventually gives 0 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    exec 7>&-
    finish "$PID"
    postgres stop
    run -1 --separate-stderr queue-inspect --health
    jq -e '.checks.outbox.detail | test("Connection refused")' <<<"$output"
    [[ $output$stderr != *"$PASSWORD"* ]]
}
