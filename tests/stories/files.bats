# The files that store, ledger and notices are: what becomes of them at the end, what happens when somebody removes,
# replaces, copies or restores them, and who may use them.

load ../support/helper

setup()
{
    about_files
    isolate
    STATE=$XDG_STATE_HOME/order-tools
    STORE=$STATE/orders.db
    LEDGER=$STATE/ledger.db
    NOTICES=$STATE/notices.db
}

# first_log_is_due: the next commit is followed by the first copy of the log into the file. That is so for any from 100 ms after the
# file was opened: here the time itself counts.
first_log_is_due()
{
    sleep 0.15
}

# copy_aside FILE: another file in its place, with the same in it.
copy_aside()
{
    cp "$1" "$1.copy"
    mv "$1.copy" "$1"
}

# feed NAME FIRST [LAST]: orders to it, one after the other, of which the receipts are lines FIRST to LAST.
feed()
{
    local i
    for ((i = $2; i <= ${3:-$2}; i++)); do
        order >&7
        eventually has_lines "$1.out" "$i"
    done
}

# Each way in which somebody may pull a database away from under a program; with the name of the file that goes.
ways()
{
    cat <<'END'
|rm DB
|mv DB DB.old
|copy_aside DB
|cp DB.before DB
|truncate -s 0 DB
-wal|rm DB-wal
-wal|mv DB-wal aside
-wal|copy_aside DB-wal
-shm|rm DB-shm
-shm|copy_aside DB-shm
|mv FOLDER FOLDER.old
END
}

# take_away DB WAY
take_away()
{
    local way=${2//DB/$1}
    ${way//FOLDER/${1%/*}}
}

@test "files: a store that is removed or replaced under order-place: no receipt, nothing published, 73, the file is named" {
    local suffix way bad=0 number=0
    topology
    while IFS='|' read -r suffix way; do
        number=$((number + 1))
        ORDER_STORE=$PWD/d$number/o.db order-place </dev/null
        cp "$PWD/d$number/o.db" "$PWD/d$number/o.db.before"
        export ORDER_STORE=$PWD/d$number/o.db
        start_fed place$number order-place
        feed place$number 1
        # So that an earlier copy is another file.
        first_log_is_due
        feed place$number 2 3
        take_away "$ORDER_STORE" "$way"
        order >&7
        ends "$PID"
        exec 7>&-
        if [ "$status" -ne 73 ] || ! has_lines place$number.out 3 ||
            ! grep -qF "order-place: '$ORDER_STORE$suffix' was removed or replaced while in use" place$number.err; then
            echo "$way: exit $status, $(cat place$number.out place$number.err)" >&2
            bad=1
        fi
    done < <(
        ways
        echo '-runs|rm DB-runs'
        echo '-runs|copy_aside DB-runs'
    )
    [ "$bad" -eq 0 ]
    holds "$PLACED_Q" $((3 * number))
}

@test "files: a ledger that is removed or replaced under inventory-worker: no event, no acknowledgement, 73" {
    local suffix way bad=0 number=0
    topology
    while IFS='|' read -r suffix way; do
        number=$((number + 1))
        export INVENTORY_LEDGER=$PWD/d$number/l.db
        inventory-worker --idle-timeout 0
        cp "$INVENTORY_LEDGER" "$INVENTORY_LEDGER.before"
        start worker$number inventory-worker
        for i in 1 2 3; do
            publish orders-ex order.placed "$(event "a-$number-$i")"
            eventually has_lines worker$number.out "$i"
            first_log_is_due
        done
        take_away "$INVENTORY_LEDGER" "$way"
        publish orders-ex order.placed "$(event "b-$number")"
        ends "$PID"
        if [ "$status" -ne 73 ] || ! has_lines worker$number.out 3 ||
            ! grep -qF "inventory-worker: '$INVENTORY_LEDGER$suffix' was removed or replaced while in use" worker$number.err; then
            echo "$way: exit $status, $(cat worker$number.out worker$number.err)" >&2
            bad=1
        fi
        eventually holds "$PLACED_Q" 1
        purge "$PLACED_Q"
    done < <(ways)
    [ "$bad" -eq 0 ]
    holds "$RESERVED_Q" $((3 * number))
}

# acknowledged QUEUE COUNT: has the broker seen so many acknowledgements?
acknowledged()
{
    [ "$(api GET "queues/$VHOST/$1" | jq .message_stats.ack)" = "$2" ]
}

@test "files: notices that are removed under notify-worker: 73, and the event comes again; also if it is a repeat" {
    topology
    local body='{"event_type":"InventoryReserved","order_id":"a-1","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"ts":"2026-01-01T00:00:00.000Z"}'
    start notify notify-worker
    publish inventory-ex inventory.reserved "$body"
    eventually acknowledged "$RESERVED_Q" 1
    mv "$NOTICES" "$NOTICES.old"
    publish inventory-ex inventory.reserved "$body"
    ends -73 "$PID"
    grep -qF "notify-worker: '$NOTICES' was removed or replaced while in use" notify.err
    eventually holds "$RESERVED_Q" 1
}

@test "files: notices that are removed while a customer is told: 73, it is said that they were told, and the next run tells them again" {
    topology
    publish_reserved a-1
    run -73 --separate-stderr notify-worker --exec sh -c 'mv "$0" "$0.old"' "$NOTICES"
    grep -qxF "notify-worker: '$NOTICES' was removed or replaced while in use" <<<"$stderr"
    grep -qxF 'notify-worker: 1 customer was told, and that could not be recorded: the next run will tell them again' <<<"$stderr"
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr notify-worker --count 1
    [ "$stderr" = '[notify] Order confirmed: a-1' ]
}

@test "files: order-show reports a store that was replaced while in use instead of answering: 73" {
    local id
    id=$(order | order-place | ids)
    start_fed show order-show
    echo "$id" >&7
    eventually has_lines show.out 1
    copy_aside "$STORE"
    echo "$id" >&7
    ends -73 "$PID"
    has_lines show.out 1
    grep -qF "order-show: '$STORE' was removed or replaced while in use" show.err
}

@test "files: the log of the file that took the place of one in use is left alone" {
    start_fed old order-place
    feed old 1
    mv "$STATE" "$STATE.old"
    # The new one is in use, too.
    mkfifo more
    exec 8<>more
    start new order-place <more
    order >&8
    eventually has_lines new.out 1
    ls -i "$STATE" >before
    finish -143 "${STARTED[0]}" TERM
    exec 7>&-
    ls -i "$STATE" | diff before -
    order >&8
    eventually has_lines new.out 2
    finish -143 "${STARTED[1]}" TERM
    exec 8>&-
    [ "$(order-show --count)" = 2 ]
}

@test "files: a backup that is copied over a store in use is not mixed with its log: neither at the end nor by the next" {
    run -0 order-place < <(order; order)
    cp "$STORE" backup.db
    start_fed place order-place
    feed place 1
    first_log_is_due
    feed place 2 3
    cp backup.db "$STORE"
    ends "$PID" TERM
    exec 7>&-
    grep -qF "order-place: '$STORE' was removed or replaced while in use" place.err
    cmp backup.db "$STORE"
    refused
    rm "$STORE-wal"
    [ "$(order-show --count)" = 2 ]
}

only_these()
{
    (cd "$STATE" && printf '%s\n' *) | diff - <(printf '%s\n' "$@")
}

@test "files: a program that ends by itself leaves one file, whatever its exit code, a signal or another's log" {
    local broker=$AMQP_URL
    run -0 order-place < <(order; order)
    only_these orders.db orders.db-runs
    run -65 order-place < <(order; echo '{}')
    only_these orders.db orders.db-runs
    AMQP_URL=amqp://127.0.0.1:1 run -75 order-place --retries 1 < <(order)
    only_these orders.db orders.db-runs
    run -74 to_full order-place < <(order)
    only_these orders.db orders.db-runs
    start_fed place order-place
    feed place 1
    [ -s "$STORE-wal" ]
    # A reader leaves the log to the runs that are writing.
    [ "$(order-show --count)" = 6 ]
    [ -s "$STORE-wal" ]
    ends -143 "$PID" TERM
    exec 7>&-
    only_these orders.db orders.db-runs
    # What a kill leaves is cleared away by the next that ends, though it only reads.
    start_fed killed order-place
    feed killed 1
    finish "$PID" KILL
    exec 7>&-
    [ -s "$STORE-wal" ]
    [ "$(order-show --count)" = 7 ]
    only_these orders.db orders.db-runs
    rm -r "$STATE"

    AMQP_URL=$broker
    run -0 inventory-worker --idle-timeout 0
    run -0 notify-worker --idle-timeout 0
    run -0 inventory-stock < <(echo '{"sku": "burger", "on_hand": 7}')
    run -65 inventory-stock < <(echo '{"sku": "burger"')
    only_these ledger.db ledger.db-runs notices.db notices.db-runs
    start worker inventory-worker
    publish orders-ex order.placed "$(event "a-1")"
    eventually grep -q a-1 worker.out
    ends "$PID" TERM
    only_these ledger.db ledger.db-runs notices.db notices.db-runs
    [ "$(sqlite3 "$LEDGER" 'SELECT count(*) FROM handled WHERE order_id = "a-1"')" = 1 ]
}

@test "files: of several at once the last one leaves one file, with what all of them stored" {
    local i
    for i in 1 2 3 4; do
        start p$i order-place <"$DATA/orders-30.jsonl"
    done
    for i in "${STARTED[@]}"; do
        finish "$i"
        [ "$status" -eq 0 ] || { cat p?.err && false; }
    done
    only_these orders.db orders.db-runs
    [ "$(order-show --count)" = "$((4 * $(cat p?.out | wc -l) / 4))" ]
    [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')" = ok ]
}

# hold FILE: keeps everybody else out of a database, until it is killed.
hold()
{
    exec /usr/bin/python3 -c '
import sqlite3, sys, time
sqlite3.connect(sys.argv[1]).execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(60)' "$1"
}

# has_open FILE PID: has the process the file open?
has_open()
{
    find "/proc/$2/fd" -lname "$1" | grep -q .
}

@test "files: a new store that another process is setting up, for longer than a transaction is waited for: waited for" {
    mkdir -p "$STATE"
    start holder hold "$STORE"
    eventually has_lines holder.out 1
    start first order-place <"$DATA/order.json"
    # Here the time itself counts: longer than is waited for once the store is open, which is not the limit for this.
    sleep 5.5
    kill -0 "$PID"
    finish "${STARTED[0]}" KILL
    finish -0 "$PID"
    [ "$(order-show --count)" = 1 ]
}

@test "files: a new store that another process holds: a stop ends the waiting" {
    mkdir -p "$STATE"
    start holder hold "$STORE"
    eventually has_lines holder.out 1
    start first order-place <"$DATA/order.json"
    eventually has_open "$STORE" "$PID"
    ends -143 "$PID" TERM
    [ "$(cat first.out)" = '' ]
}

# killed_run NAME N: places N orders, and is killed while its log is beside the store.
killed_run()
{
    start_fed "$1" order-place
    feed "$1" 1
    first_log_is_due
    feed "$1" 2 "$2"
    finish "$PID" KILL
    exec 7>&-
    rm "$1.in"
}

# The log of a killed run, and the backup that was put back over the store.
refused()
{
    local program
    for program in 'order-place' 'order-show --count'; do
        run -73 --separate-stderr $program < <(order)
        [ "$output" = "" ]
        [[ $stderr == *"'$STORE-wal' does not belong to '$STORE'"* ]]
    done
}

@test "files: a backup that is put back beside the log of a killed run is not undone by it: 73; without that log it is as it was" {
    run -0 order-place < <(order; order)
    cp "$STORE" backup.db
    killed_run first 4
    cp -r "$STATE" together
    # The log that belongs is taken, and so are copies of the two together.
    [ "$(XDG_STATE_HOME=$PWD ORDER_STORE=$PWD/together/orders.db order-show --count)" = 6 ]
    cp backup.db "$STORE"
    refused
    cmp backup.db "$STORE"
    [ -s "$STORE-wal" ]
    # The right one is put back beside it.
    rm -f "$STATE"/orders.db-shm
    mv "$STORE-wal" aside
    [ "$(order-show --count)" = 2 ]
    order | order-place
    [ "$(order-show --count)" = 3 ]
    [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')" = ok ]
    only_these orders.db orders.db-runs
}

# backup_beside_log STATEMENTS...: a store with one order, backed up by SQLite, the first of the statements; its user then runs the
# others, another order is placed, the run is killed, and the backup is put back beside the log. That is refused, until the log is gone.
backup_beside_log()
{
    local began try
    # With the first order still in the first log: see database_first_log_is_old(). A slow machine may need several tries.
    for try in {1..50} slow; do
        [ "$try" != slow ] || skip 'no order was placed within 90 ms'
        rm -rf "$STATE" copy.db
        began=${EPOCHREALTIME/[.,]/}
        start_fed place order-place
        feed place 1
        ((${EPOCHREALTIME/[.,]/} - began >= 90000)) || break
        finish "$PID" KILL
        exec 7>&-
        rm place.in
    done
    sqlite3 -cmd '.timeout 5000' "$STORE" "$@"
    feed place 2
    finish "$PID" KILL
    exec 7>&-
    rm place.in
    cp copy.db "$STORE"
    refused
    rm "$STORE-wal"
    [ "$(order-show --count)" = 1 ]
}

@test "files: a backup made by SQLite of a store in use, put back beside the log of that time: 73" {
    local how
    for how in '.backup copy.db' "VACUUM INTO 'copy.db'"; do
        backup_beside_log "$how"
        order | order-place
        [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')" = ok ]
        [ "$(order-show --count)" = 2 ]
    done
}

@test "files: the log of another store is refused: 73, and both are as they were" {
    order | order-place
    mkdir other
    cp "$STORE" mine.db
    rm -r "$STATE"
    order | order-place
    killed_run other 3
    cp "$STORE-wal" theirs-wal
    rm "$STATE"/*
    cp mine.db "$STORE"
    cp theirs-wal "$STORE-wal"
    refused
    cmp mine.db "$STORE"
    cmp theirs-wal "$STORE-wal"
}

@test "files: whenever a run is killed, its log is taken by the next: also that of the very first commits" {
    local at side i
    for at in 1 2 3 4; do
        for side in before after; do
            rm -rf "$STATE"
            for i in 1 2; do
                status=0
                (dying "commit:$at:$side" order-place) < <(order) >>receipts 2>err || status=$?
                [ "$status" -eq 137 ] || [ "$status" -eq 0 ]
            done
            run -0 --separate-stderr order-place --flush
            run -0 --separate-stderr order-place < <(order)
            only_these orders.db orders.db-runs
            [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')" = ok ]
        done
    done
}

# What somebody does to a database by hand, or a program that copies databases for its own ends.
by_hand()
{
    cat <<'END'
VACUUM
ANALYZE
CREATE TABLE _copies (seq INTEGER); INSERT INTO _copies VALUES (1)
BEGIN; CREATE TABLE _a (seq INTEGER); CREATE TABLE _b (seq INTEGER); COMMIT
PRAGMA user_version = 3
REINDEX
PRAGMA wal_checkpoint(TRUNCATE)
PRAGMA wal_checkpoint; VACUUM
PRAGMA wal_checkpoint; ANALYZE
VACUUM; PRAGMA wal_checkpoint
END
}

@test "files: a schema that is changed by hand under a program stops nobody, and its log is taken after a kill: no receipt is lost" {
    local sql end bad=0
    topology
    while read -r sql; do
        for end in TERM KILL; do
            rm -rf "$STATE"
            run -0 --separate-stderr order-place < <(order)
            start_fed place order-place
            feed place 1
            first_log_is_due
            feed place 2
            sqlite3 "$STORE" "$sql" >/dev/null
            order >&7
            eventually has_lines place.out 3 || bad=1
            # Those who come in between.
            [ "$(order-show --count)" = 4 ] && order-place --flush || bad=1
            order >&7
            eventually has_lines place.out 4 || bad=1
            finish "$PID" "$end"
            exec 7>&-
            rm place.in
            run --separate-stderr order-place < <(order)
            if [ "$status" -ne 0 ] || [ "$(order-show --count)" != 6 ] ||
                [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')" != ok ]; then
                echo "$sql, then $end: exit $status: $stderr" >&2
                bad=1
            fi
        done
    done < <(by_hand)
    [ "$bad" -eq 0 ]
}

@test "files: a backup made by SQLite beside a log in which the schema was changed by hand: 73" {
    local how
    for how in '.backup copy.db' "VACUUM INTO 'copy.db'"; do
        backup_beside_log "$how" 'CREATE TABLE _a (seq INTEGER)' 'CREATE TABLE _b (seq INTEGER)'
    done
}

@test "files: a database that is made of a dump is refused with what it lacks, and taken once it has that" {
    local lost
    order | order-place
    sqlite3 "$STORE" .dump | sqlite3 dumped.db
    export ORDER_STORE=$PWD/dumped.db
    for lost in 'application_id = 0' 'user_version = 0'; do
        sqlite3 dumped.db "PRAGMA application_id = $(sqlite3 "$STORE" 'PRAGMA application_id');
            PRAGMA user_version = 3; PRAGMA $lost"
        run -73 --separate-stderr order-show --count
        [ "$stderr" = "order-show: '$ORDER_STORE' is a database of something else, or made of a dump, which loses application_id (1869771636) and user_version (3): ORDER_STORE names it" ]
    done
    sqlite3 dumped.db 'PRAGMA application_id = 1869771636; PRAGMA user_version = 3'
    order | order-place
    [ "$(order-show --count)" = 2 ]
}

# A program for each way to use a database: its name, and a command.
uses()
{
    cat <<'END'
orders order-place
orders order-place --flush
orders order-show --count
ledger inventory-worker --idle-timeout 0
ledger inventory-stock
notices notify-worker --idle-timeout 0
END
}

@test "files: a page of a database that is damaged: 73 and the file is named, unless nobody needs it; no receipt, no acknowledgement" {
    local name program page told=0
    seq 40 | jq -c '{sku: "s\(.)", on_hand: 9}' | inventory-stock >/dev/null
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    run -0 inventory-worker --idle-timeout 0
    run -0 notify-worker --idle-timeout 0
    cp -r "$STATE" good
    while read -r name program; do
        for ((page = 0; page * 4096 < $(stat -c %s "good/$name.db"); page++)); do
            rm -rf "$STATE"
            cp -r good "$STATE"
            dd if=/dev/zero of="$STATE/$name.db" bs=4096 count=1 seek="$page" conv=notrunc status=none
            purge "$PLACED_Q"
            purge "$RESERVED_Q"
            publish_placed "$page"
            publish_reserved "$page"
            echo '{"user_id": "u", "restaurant_id": "r", "items": [{"sku": "s", "qty": 1}], "sku": "s1", "on_hand": 8}' >input
            run --separate-stderr $program <input
            echo "$program, page $page: $status, $stderr"
            [ "$status" -eq 0 ] || {
                [ "$status" -eq 73 ]
                [[ $stderr == *"'$STATE/$name.db': database disk image is malformed"* ||
                    $stderr == *"'$STATE/$name.db': file is not a database"* ]]
                [ -z "$output" ]
                holds "$PLACED_Q" 1
                holds "$RESERVED_Q" 1
                told=$((told + 1))
            }
        done
    done < <(uses)
    [ "$told" -ge 15 ]
}

@test "files: what somebody has made of an order in the store, and is none: 73, and nothing is published" {
    topology
    AMQP_URL=amqp://127.0.0.1:1 run -75 order-place --retries 1 <"$DATA/order.json"
    sqlite3 "$STORE" "UPDATE orders SET data = '{}'"
    run -73 --separate-stderr order-place --flush
    [[ $stderr == 'order-place: the store holds an order that is none: '* ]]
    [ "$(order-show --count --status PENDING)" = 1 ]
    holds "$PLACED_Q" 0
}

@test "files: a database that is mounted without its folder, as into a container, is refused: 73; with its folder it is taken" {
    unshare -m true 2>/dev/null || skip "nothing can be mounted here"
    order | order-place
    mkdir alone whole
    : >alone/orders.db
    order >order
    run -0 --separate-stderr unshare -m bash -c '
        mount --bind "$1" alone/orders.db
        mount --bind "${1%/*}" whole
        for program in order-place "order-show --count"; do
            ORDER_STORE=alone/orders.db $program <order
            echo "$?"
        done
        ORDER_STORE=whole/orders.db order-place <order >receipt
        ORDER_STORE=whole/orders.db order-show --count' - "$STORE"
    [ "$output" = $'73\n73\n2' ]
    [ "${stderr_lines[0]}" = "order-place: cannot open 'alone/orders.db': it is mounted alone, and its log would not stay with it: mount its folder" ]
    [ "${stderr_lines[1]}" = "order-show${stderr_lines[0]#order-place}" ]
    [ "$(echo alone/*)" = alone/orders.db ]
}

@test "files: an older file has no mark: it is taken with its log" {
    order | order-place
    # As an earlier version left it: no mark, and a log beside it.
    sqlite3 "$STORE" 'PRAGMA user_version = 3'
    sqlite3 "$STORE" '.dbconfig no_ckpt_on_close on' 'DELETE FROM orders' >/dev/null
    [ -s "$STORE-wal" ]
    [ "$(order-show --count)" = 0 ]
    order | order-place
    [ "$(order-show --count)" = 1 ]
}

@test "files: backup while orders stream, and restore, as order-tools(7) says: each receipt of before the backup is an order after it" {
    local i
    topology
    mkdir backup
    start worker inventory-worker
    worker=$PID
    # 20 orders a second.
    (for ((i = 0; i < 40; i++)); do
        order
        sleep 0.05
    done) | start place order-place
    eventually grep -q PLACED place.out
    # What has a receipt now must be in the backup.
    start_fed feed order-place
    yes "$(order)" | head -n 25 >&7
    eventually has_lines feed.out 25
    cp feed.out before
    sqlite3 "$STORE" ".backup backup/orders.db"
    sqlite3 "$LEDGER" ".backup backup/ledger.db"
    yes "$(order)" | head -n 25 >&7
    eventually has_lines feed.out 50
    exec 7>&-
    for i in "${STARTED[@]}"; do
        [ "$i" = "$worker" ] || { finish "$i" && [ "$status" -eq 0 ]; }
    done
    eventually holds "$PLACED_Q" 0
    finish -0 "$worker" TERM
    events=$(wc -l <worker.out)

    # The restore.
    rm -f "$STATE"/orders.db-wal "$STATE"/ledger.db-wal
    cp backup/orders.db "$STORE"
    cp backup/ledger.db "$LEDGER"
    run -0 --separate-stderr order-place --flush
    jq -r .order_id before | order-show >shown
    [ "$(wc -l <shown)" = "$(wc -l <before)" ]
    # What it publishes again is known to the ledger, or handled once; nothing is reserved twice.
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    [ "$(order-show --count --status PENDING)" = 0 ]
    [ "$(sqlite3 "$LEDGER" 'SELECT count(*) - count(DISTINCT order_id) FROM handled')" = 0 ]
    [ "$(sqlite3 "$STORE" 'PRAGMA integrity_check')$(sqlite3 "$LEDGER" 'PRAGMA integrity_check')" = okok ]
    order | order-place
}

# as_nobody COMMAND...: in a copy of the programs that anybody may run. With make coverage they would say that they cannot add to the
# counts, which are root's: theirs go elsewhere.
as_nobody()
{
    setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent PATH="$PLACE/bin:/usr/bin:/bin" \
        GCOV_PREFIX="$PLACE/counts" "$@"
}

need_nobody()
{
    [ "$(id -u)" -eq 0 ] || skip "only root can be somebody else"
    PLACE=$(mktemp -d "${TMPDIR:-/tmp}/order-tools-files.XXXXXX")
    mkdir "$PLACE/bin" "$PLACE/state"
    mkdir -m 777 "$PLACE/counts"
    cp "$REPO"/bin/* "$PLACE/bin"
    chmod 755 "$PLACE" "$PLACE/bin"
    chown 65534:65534 "$PLACE/state"
    export ORDER_STORE=$PLACE/state/orders.db INVENTORY_LEDGER=$PLACE/state/ledger.db
}

@test "files: root may make the files of a service, and use them, without locking the service out" {
    need_nobody
    # Root is first: the folder says whose the files are.
    order | order-place
    order-place --flush
    echo '{"sku": "burger", "on_hand": 7}' | inventory-stock
    [ "$(stat -c %u:%g "$PLACE"/state/* | sort -u)" = 65534:65534 ]
    order >"$PLACE/order"
    run -0 --separate-stderr as_nobody order-place <"$PLACE/order"
    run -0 as_nobody inventory-stock </dev/null
    # And while root has it open.
    start_fed place order-place
    feed place 1
    [ "$(stat -c %u:%g:%a "$PLACE"/state/orders* | sort -u)" = 65534:65534:600 ]
    run -0 --separate-stderr as_nobody order-place <"$PLACE/order"
    ends "$PID" TERM
    exec 7>&-
    run -0 --separate-stderr as_nobody order-place --flush
    [ "$(as_nobody order-show --count)" = 4 ]
    rm -r "$PLACE"
}

pending_are()
{
    [ "$(order-show --count --status PENDING)" = "$1" ]
}

@test "files: a run that is alive keeps its orders, whatever way leads another run to the store" {
    local way
    order | order-place
    ln -s "$STATE" folder
    ln -s "$STORE" link.db
    AMQP_URL=amqp://127.0.0.1:1 start_fed away order-place --retries 1000 --retry-delay 0
    order >&7
    eventually pending_are 1
    cd "$STATE"
    for way in "$STORE" orders.db ./orders.db ../order-tools/orders.db "$BATS_TEST_TMPDIR/folder/orders.db" "$BATS_TEST_TMPDIR/link.db"; do
        ORDER_STORE=$way run -0 --separate-stderr order-place --flush
        [ "$output" = "" ]
        [ "$(ORDER_STORE=$way order-show --count --status PENDING)" = 1 ]
    done
    cd "$BATS_TEST_TMPDIR"
    [ "$(echo folder* link.db*)" = "folder link.db" ]
    finish "$PID" KILL
    exec 7>&-
    ORDER_STORE=$PWD/link.db run -0 --separate-stderr order-place --flush
    [ "$(order-show --count --status PENDING)" = 0 ]
}

@test "files: what cannot be opened is told with the system's reason: 73" {
    local program file reason bad=0
    order | order-place
    mkdir full
    : >text
    mkfifo pipe
    ln -s loop loop
    cp "$STORE" twice.db
    ln twice.db thrice.db
    while IFS='|' read -r program file reason; do
        ORDER_STORE=$file INVENTORY_LEDGER=$file NOTIFY_LEDGER=$file run --separate-stderr $program </dev/null
        if [ "$status" -ne 73 ] || [ "$stderr" != "${program%% *}: $reason" ]; then
            echo "$program $file: exit $status: $stderr" >&2
            bad=1
        fi
    done <<'END'
order-show --all|missing/orders.db|cannot open 'missing/orders.db': No such file or directory
order-show --all|text/orders.db|cannot open 'text/orders.db': Not a directory
order-place|text/orders.db|cannot open 'text/orders.db': Not a directory
order-place|/proc/orders.db|cannot open '/proc/orders.db': unable to open database file: No such file or directory
order-place|full|cannot open 'full': it is a folder
order-place|pipe|cannot open 'pipe': it is not a regular file
inventory-stock|/dev/null|cannot open '/dev/null': it is not a regular file
notify-worker --idle-timeout 0|/dev/full|cannot open '/dev/full': it is not a regular file
order-place|loop|cannot open 'loop': Too many levels of symbolic links
order-place|twice.db|cannot open 'twice.db': it has other names (hard links), and a log of its own would stand beside each
order-show --count|thrice.db|cannot open 'thrice.db': it has other names (hard links), and a log of its own would stand beside each
order-show --all|text|'text' has nothing in it
END
    [ "$bad" -eq 0 ]
    [ ! -e /dev/null-wal ]
    XDG_STATE_HOME=$PWD/text run -73 --separate-stderr order-place </dev/null
    [ "$stderr" = "order-place: cannot make the folder '$PWD/text/order-tools': Not a directory" ]
}

@test "files: no right to the folder, or to the file: 73, with the system's reason" {
    need_nobody
    order | order-place
    order >"$PLACE/order"
    chmod 700 "$PLACE/state"
    chown 0:0 "$PLACE/state"
    run -73 --separate-stderr as_nobody order-place <"$PLACE/order"
    [ "$stderr" = "order-place: cannot open '$ORDER_STORE': Permission denied" ]
    chmod 755 "$PLACE/state"
    run -73 --separate-stderr as_nobody order-place <"$PLACE/order"
    [ "$stderr" = "order-place: cannot read '$ORDER_STORE': attempt to write a readonly database: Permission denied" ]
    ORDER_STORE=$PLACE/state/new.db run -73 --separate-stderr as_nobody order-place <"$PLACE/order"
    [ "$stderr" = "order-place: cannot open '$PLACE/state/new.db': unable to open database file: Permission denied" ]
    chown 65534 "$PLACE/state"
    chown 0 "$ORDER_STORE"
    run -73 --separate-stderr as_nobody order-place <"$PLACE/order"
    [ "$stderr" = "order-place: cannot open '$ORDER_STORE': unable to open database file: Permission denied" ]
    [ ! -s "$ORDER_STORE-wal" ]
    rm -r "$PLACE"
}

@test "files: all of them are their owner's alone, whatever the umask, also one that was there before, and after an upgrade" {
    local mask
    for mask in 000 022 077 0277 0777; do
        rm -rf "$STATE"
        start_fed place bash -c "umask $mask; exec order-place"
        feed place 1
        inventory-worker --flush
        find "$STATE" -type f -printf '%f %m\n' | grep -v ' 600$' && false
        [ -e "$STORE-wal" ] && [ -e "$STORE-shm" ] && [ -e "$STORE-runs" ]
        ends "$PID" TERM
        exec 7>&-
        rm place.in
        # A second one can use them.
        order | order-place
    done
    rm -rf "$STATE"
    mkdir -p "$STATE"
    (umask 000 && : >"$STORE")
    order | order-place
    [ "$(stat -c %a "$STATE"/orders* | sort -u)" = 600 ]
}

@test "files: an XDG_STATE_HOME that ends in a slash, and a name with everything in it, are files like others" {
    export XDG_STATE_HOME=$XDG_STATE_HOME/
    order | order-place
    [ -s "$STORE" ]
    local name=$'a b?mode=ro&x=%41#\'"\\ \n:.db'
    ORDER_STORE=$name order-place < <(order)
    [ "$(ORDER_STORE=$name order-show --count)" = 1 ]
    [ -s "$name" ]
}
