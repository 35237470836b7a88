# Each customer is told once, unless the worker is killed while telling: whatever fails, and however many copies of an
# event, workers and restarts there are.

load ../support/helper

WORKER='notify-worker'

setup()
{
    isolate
    topology
}

teardown()
{
    # Commands that wait for a sign would outlive the test.
    touch go
    # A command that was left alone may still have a file open there.
    ! mountpoint -q small || umount -l small
    tidy
}

# --- commands and workers

# teller: ./tell, which adds the order and the number of the attempt to the file told, after COMMANDS.
teller()
{
    {
        echo 'id=$(jq -r .order_id)'
        printf '%s\n' "$@"
        echo 'echo "$id $NOTIFY_ATTEMPT" >>told'
    } | make_script tell
}

# waiting_teller: ./tell as above, which marks that it has started, and waits for the file go.
waiting_teller()
{
    teller ': >started.$id' "$UNTIL_GO" "$@"
}

# claim ORDER_ID OPTIONS...: a first worker has claimed the order, and waits for its command. $first is its process.
claim()
{
    publish_reserved "$1"
    start first notify-worker --prefetch 1 "${@:2}" --exec ./tell
    first=$PID
    eventually test -e "started.$1"
}

# holder NAME: a worker that is stopped within a transaction, so that the ledger is locked. $PID is its process.
holder()
{
    publish_reserved holder-of-lock
    DIE_STOP=yes start "$1" dying commit:1:before notify-worker --idle-timeout 1
    eventually is_stopped "$PID"
}

# --- messages

# small_ledger SIZE: the ledger is on a disk of that size.
small_ledger()
{
    small_disk "$1"
    export NOTIFY_LEDGER=$PWD/small/notices.db
}

# fill: until nothing more fits.
fill()
{
    run -1 dd if=/dev/zero of=small/fill bs=4k
}

# count_of FILE: how many lines.
count_of()
{
    wc -l <"$1"
}

unacknowledged()
{
    [ "$(api GET "queues/$VHOST/$RESERVED_Q" | jq .messages_unacknowledged)" = "$1" ]
}

# nothing_claimed: after a clean end no order is being told, and none is in doubt.
nothing_claimed()
{
    if on_postgresql; then
        [ "$(in_database "SELECT count(*) FROM order_tools.notified WHERE status <> 'TOLD' AND run IS NOT NULL")" = 0 ]
    else
        [ "$(sqlite3 "${NOTIFY_LEDGER:-$XDG_STATE_HOME/order-tools/notices.db}" 'SELECT count(*) FROM told JOIN claims USING (claim) WHERE run <> 0')" = 0 ]
    fi
}

# --- the ledger fails

@test "a full ledger: under a supervisor nobody is told, at no start; with room again each is told once" {
    about_files
    local i
    teller
    publish_reserved a b c d
    small_ledger 300k
    notify-worker --idle-timeout 0 --exec ./nothing <<<'' || true
    fill
    for i in 1 2 3 4 5; do
        run -73 --separate-stderr worker --idle-timeout 1 --exec ./tell
        [[ $stderr == *"notify-worker: cannot "*"small/notices.db'"* ]]
        run -73 --separate-stderr worker --idle-timeout 1
        [ -z "$output" ]
    done
    [ ! -e told ]
    eventually holds "$RESERVED_Q" 4
    rm small/fill
    run -0 --separate-stderr worker --idle-timeout 1 --exec ./tell
    [ "$(sort told | paste -sd,)" = 'a 1,b 1,c 1,d 1' ]
    holds "$RESERVED_Q" 0
    nothing_claimed
}

@test "the ledger's disk fills up while a customer is told: that is recorded all the same" {
    about_files
    teller '[ -e small/fill ] || dd if=/dev/zero of=small/fill bs=4k 2>/dev/null'
    publish_reserved {1..100}
    small_ledger 1m
    # Until a new claim does not fit; the record that settles the old one has its room.
    run -73 --separate-stderr worker --idle-timeout 1 --exec ./tell
    [[ $stderr == *"cannot write to '$NOTIFY_LEDGER'"* && $stderr != *'could not be recorded'* ]]
    [ "$(ids <<<"$output" | awk '{ print $1, 1 }')" = "$(cat told)" ]
    [ "$(count_of told)" -lt 100 ]
    nothing_claimed
    run -73 --separate-stderr worker --idle-timeout 1 --exec ./tell
    mount -o remount,size=20m small
    publish_reserved {1..100}
    run -0 --separate-stderr worker --idle-timeout 1 --exec ./tell
    diff told <(seq 100 | awk '{ print $1, 1 }')
    holds "$RESERVED_Q" 0
    nothing_claimed
}

# written_once FILE: what a run that failed, with exit code $status, has written whole to FILE is not told again; all else is.
written_once()
{
    jq -rR 'fromjson? | .order_id' "$1" >whole
    [ "$(count_of whole)" -ge 100 ]
    [ "$(count_of whole)" -lt 3000 ]
    [ "$(grep -c 'Order confirmed' err)" = "$(count_of whole)" ]
    nothing_claimed
    mount -o remount,size=50m small
    run -0 --separate-stderr worker --idle-timeout 1
    ids <<<"$output" >rest
    [ "$(sort whole rest)" = "$(seq -f 'order-%g' 3000 | sort)" ]
    run -1 grep -F 'in doubt' <<<"$stderr"
    holds "$RESERVED_Q" 0
    nothing_claimed
}

@test "an output on a full disk: 74; each whole line is recorded, a line that was cut comes again" {
    publish_reserved order-{1..3000}
    small_disk 100k
    status=0
    worker --idle-timeout 1 >small/out 2>err || status=$?
    [ "$status" -eq 74 ]
    written_once small/out
}

@test "ledger and output on one full disk: whichever is met first, the same" {
    about_files
    # Long ones, so that it becomes full whatever the size of the batches.
    reserved_events order-{1..3000} | jq -c '.note = ("x" * 900)' |
        amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved -l
    small_ledger 2500k
    status=0
    worker --idle-timeout 1 >small/out 2>err || status=$?
    [ "$status" -eq 74 ] || [ "$status" -eq 73 ]
    written_once small/out
}

@test "a locked ledger: nobody is told, exit 73 after some seconds" {
    about_files
    local lock
    teller
    holder lock
    lock=$PID
    publish_reserved a
    run -73 --separate-stderr worker --idle-timeout 1 --exec ./tell
    [[ $stderr == *'database is locked'* ]]
    run -73 --separate-stderr worker --idle-timeout 1
    [ -z "$output" ]
    [ ! -e told ]
    kill -CONT "$lock"
    finish -0 "$lock"
    run -0 --separate-stderr worker --idle-timeout 1 --exec ./tell
    touch told
    [ "$(cat told lock.out | grep -c '^a 1$\|"order_id":"a"')" = 1 ]
    eventually has_none "$RESERVED_Q"
}

@test "a ledger that is locked while the customer is told: it is recorded once whoever holds it lets go" {
    about_files
    local teller lock
    waiting_teller
    publish_reserved a
    start teller notify-worker --prefetch 1 --exec ./tell
    teller=$PID
    eventually test -e started.a
    holder lock
    lock=$PID
    touch go
    # It tries more than once.
    eventually eval '[ "$(grep -c "database is locked" teller.err)" -ge 2 ]'
    kill -CONT "$lock"
    finish "$lock"
    eventually has_none "$RESERVED_Q"
    ends -0 "$teller" TERM
    [ "$(cat told)" = 'a 1' ]
    publish_reserved a
    run -0 --separate-stderr worker --idle-timeout 1 --exec ./tell
    [ "$stderr" = '[notify] repeat ignored: a' ]
    nothing_claimed
}

@test "a ledger of the previous version: it is brought up to date, and no customer is told again" {
    about_files
    mkdir -p "$XDG_STATE_HOME/order-tools"
    rm -f "$XDG_STATE_HOME"/order-tools/notices.db*
    sqlite3 "$XDG_STATE_HOME/order-tools/notices.db" "CREATE TABLE told (order_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
        PRAGMA application_id = $((0x6F726E74)); PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
        INSERT INTO told VALUES ('old-1', 1750000000000), ('old-2', 1750000000001)" >/dev/null
    publish_reserved old-1 new old-2 new
    run -0 --separate-stderr worker --idle-timeout 1
    [ "$(ids <<<"$output")" = new ]
    [ "$(grep -c 'repeat ignored: old' <<<"$stderr")" = 2 ]
    # Beside the version of the schema stand the marks of the log.
    [ $(($(sqlite3 "$XDG_STATE_HOME/order-tools/notices.db" 'PRAGMA user_version') & 255)) = 2 ]
    publish_reserved old-1 new
    run -0 --separate-stderr worker --idle-timeout 1 --exec true
    [ -z "$output" ]
    holds "$RESERVED_Q" 0
    nothing_claimed
}

@test "a dead letter that no queue takes: 76, and the customers of its batch are not told again" {
    local guest=$AMQP_URL
    api DELETE "bindings/$VHOST/e/orders-dlx/q/$DEAD_Q/order.placed.dlq" >/dev/null
    publish_reserved a b
    publish inventory-ex inventory.reserved poison
    publish_reserved c
    reduced_user '' '^[a-z]+-(ex|dlx)$' '^(order|inventory)\\.[a-z]+\\.q$'
    run -76 --separate-stderr worker --idle-timeout 1
    [ "$(ids <<<"$output" | paste -sd' ')" = 'a b c' ]
    AMQP_URL=$guest
    nothing_claimed
    eventually holds "$RESERVED_Q" 1
    publish_reserved a b c
    run -0 --separate-stderr worker --idle-timeout 1
    [ -z "$output" ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 1
}

# full_of_letters: the dead letter queue takes no more.
full_of_letters()
{
    api PUT "policies/$VHOST/full" \
        "{\"pattern\": \"^$DEAD_Q\$\", \"apply-to\": \"queues\", \"definition\": {\"max-length\": 0, \"overflow\": \"reject-publish\"}}" >/dev/null
    eventually is_full
}

is_full()
{
    api GET "queues/$VHOST/$DEAD_Q" | jq -e '.effective_policy_definition.overflow == "reject-publish"'
}

@test "with --exec, a dead letter that the broker cannot take for now delays no other event: they are told once, then 69; later it is moved" {
    teller 'case $id in bad) exit 1 ;; esac'
    full_of_letters
    publish inventory-ex inventory.reserved poison
    publish_reserved a bad b c
    run -69 --separate-stderr worker --max-attempts 1 --retries 3 --exec ./tell
    [ "$(sort told | paste -sd,)" = 'a 1,b 1,c 1' ]
    [ "$(grep -c "^notify-worker: cannot move a message to '$DEAD_Q': .*; trying again$" <<<"$stderr")" -eq 2 ]
    [ "$(grep -c "^notify-worker: cannot move a message to '$DEAD_Q': .*; it stays in '$RESERVED_Q' after 3 attempts$" <<<"$stderr")" -eq 2 ]
    eventually holds "$RESERVED_Q" 2
    publish_reserved d
    run -69 --separate-stderr worker --max-attempts 1 --retries 3 --count 3 --exec ./tell
    [ "$(sort told | paste -sd,)" = 'a 1,b 1,c 1,d 1' ]
    eventually holds "$RESERVED_Q" 2
    # Asked to stop with letters in hand.
    start worker notify-worker --max-attempts 1 --exec sh -c ": >started; $UNTIL_GO"
    publish_reserved e
    eventually test -e started
    kill -TERM "$PID"
    touch go
    ends -69 "$PID"
    api DELETE "policies/$VHOST/full" >/dev/null
    run -0 --separate-stderr worker --max-attempts 1 --count 2 --exec ./tell
    [ "$(sort told | paste -sd,)" = 'a 1,b 1,c 1,d 1' ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 2
}

# --- copies, and several workers

@test "many orders, each twice, three workers with a command on one ledger: each is told once" {
    local i
    teller
    publish_reserved {1..150}
    for i in 1 2 3; do
        start "worker$i" notify-worker --prefetch 1 --idle-timeout 2 --exec ./tell
    done
    publish_reserved {1..150}
    for i in "${STARTED[@]}"; do
        ends -0 "$i" '' 60
    done
    [ "$(sort -n told | awk '{ print $1 }')" = "$(seq 150)" ]
    [ "$(awk '{ print $2 }' told | sort -u)" = 1 ]
    [ "$(cat worker?.out | ids | sort -n)" = "$(seq 150)" ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
    nothing_claimed
}

@test "many orders, each four times, three workers in batches on one ledger: each is told once" {
    local i
    for i in 1 2 3 4; do
        seq 2000 | shuf
    done >all
    # shellcheck disable=SC2046 # the words are wanted
    publish_reserved $(cat all)
    for i in 1 2 3; do
        start "worker$i" notify-worker --prefetch $((i * 30)) --idle-timeout 2
    done
    for i in "${STARTED[@]}"; do
        ends -0 "$i" '' 60
    done
    [ "$(cat worker?.out | ids | sort -n)" = "$(seq 2000)" ]
    [ "$(cat worker?.err | grep -c 'Order confirmed')" = 2000 ]
    [ "$(cat worker?.err | grep -c 'repeat ignored')" = 6000 ]
    holds "$RESERVED_Q" 0
    nothing_claimed
}

@test "the same event twice, two workers: the second waits with its copy, tells others meanwhile, and calls it a repeat" {
    local first second
    waiting_teller
    claim twice
    publish_reserved twice other
    start second notify-worker
    second=$PID
    eventually says second.err '[notify] waiting: twice: another worker has claimed it'
    eventually says second.err '[notify] Order confirmed: other'
    [ "$(ids <second.out)" = other ]
    # Neither copy is acknowledged.
    eventually unacknowledged 2
    touch go
    eventually says second.err '[notify] repeat ignored: twice'
    says second.err '[notify] waiting: twice: another worker has claimed it'
    ends -0 "$first" TERM
    ends -0 "$second" TERM
    [ "$(cat told)" = 'twice 1' ]
    [ "$(ids <second.out)" = other ]
    eventually has_none "$RESERVED_Q"
    nothing_claimed
}

@test "the worker that has claimed is killed: the one that waits with a copy tells, as another attempt" {
    local first second
    waiting_teller
    claim twice
    publish_reserved twice
    start second notify-worker --prefetch 1 --exec ./tell
    second=$PID
    eventually says second.err '[notify] waiting: twice: another worker has claimed it'
    ends "$first" KILL
    eventually says second.err '[notify] in doubt: twice: attempt 2'
    touch go
    eventually says second.err '[notify] Order confirmed: twice'
    # The copy of the first comes again.
    eventually says second.err '[notify] repeat ignored: twice'
    ends -0 "$second" TERM
    grep -qxF 'twice 2' told
    eventually has_none "$RESERVED_Q"
    nothing_claimed
}

@test "the command of the worker that has claimed fails for now: the one that waits with a copy tells, as the first attempt" {
    local first second
    waiting_teller '[ -e second ] || exit 75'
    claim twice --retry-delay 3600
    publish_reserved twice
    start second notify-worker --prefetch 1 --exec sh -c 'touch second && exec ./tell'
    second=$PID
    eventually says second.err '[notify] waiting: twice: another worker has claimed it'
    touch go
    eventually says second.err '[notify] Order confirmed: twice'
    ends -0 "$first" TERM
    eventually says second.err '[notify] repeat ignored: twice'
    ends -0 "$second" TERM
    [ "$(cat told)" = 'twice 1' ]
    eventually has_none "$RESERVED_Q"
}

@test "a worker that waits with a copy stops at once when asked to, and the copy stays in the queue" {
    local first
    waiting_teller
    claim twice
    publish_reserved twice
    start second notify-worker --prefetch 1
    eventually says second.err '[notify] waiting: twice: another worker has claimed it'
    ends -0 "$PID" TERM 2
    eventually holds "$RESERVED_Q" 1
    touch go
    eventually says first.err '[notify] repeat ignored: twice'
    ends "$first" TERM
    [ "$(cat told)" = 'twice 1' ]
}

@test "the connection of the worker that tells is lost, and its copy goes to another: told once, by the first" {
    local first second
    waiting_teller
    claim stale
    start second notify-worker --prefetch 1 --exec ./tell
    second=$PID
    eventually eval '[ "$(queue-inspect "$RESERVED_Q" | jq .consumers)" -eq 2 ]'
    # Only that of the first: the second has nothing in hand.
    cut_connections "notify-worker $first consuming"
    eventually grep -q 'lost the broker' first.err
    eventually says second.err '[notify] waiting: stale: another worker has claimed it'
    touch go
    eventually says first.err '[notify] Order confirmed: stale'
    eventually says second.err '[notify] repeat ignored: stale'
    ends -0 "$first" TERM
    ends -0 "$second" TERM
    [ "$(cat told)" = 'stale 1' ]
    eventually has_none "$RESERVED_Q"
}

# --- attempts

@test "failures count over restarts, 75 does not; then the event is a dead letter, and replayed it is told" {
    local number=0
    teller 'echo "$NOTIFY_ATTEMPT" >>attempts' 'exit $(cat code)'
    publish_reserved a
    for code in 75 75 1 75 2; do
        echo "$code" >code
        # What an earlier one has said stands in a file of its own.
        start "worker$((++number))" notify-worker --retry-delay 3600 --exec ./tell
        eventually grep -q '^\[notify\] later: a: ' "worker$number.err"
        ends -0 "$PID" TERM 2
        eventually holds "$RESERVED_Q" 1
        nothing_claimed
    done
    [ "$(paste -sd' ' attempts)" = '1 1 1 2 2' ]
    echo 3 >code
    run -0 --separate-stderr worker --count 1 --exec ./tell
    [[ $stderr == *"[notify] moved to order.placed.dlq: a: './tell' exited with 3, attempt 3 of 3"* ]]
    [ "$(tail -n 1 attempts)" = 3 ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 1
    dlq-replay >/dev/null
    echo 0 >code
    run -0 --separate-stderr worker --count 1 --exec ./tell
    [ "$(ids <<<"$output")" = a ]
    [ "$(tail -n 1 attempts)" = 1 ]
}

@test "--max-attempts is the number of attempts" {
    publish_reserved a b
    run -0 --separate-stderr worker --count 1 --max-attempts 1 --retry-delay 0 --exec false
    [ "$(grep -c '^\[notify\] later' <<<"$stderr")" = 1 ]
    run -0 --separate-stderr worker --count 1 --max-attempts 7 --retry-delay 0 --exec false
    [ "$(grep -c '^\[notify\] later' <<<"$stderr")" = 7 ]
    holds "$DEAD_Q" 2
}

# --- the command

@test "a command that leaves a process behind counts as ended" {
    publish_reserved {1..20}
    run -0 --separate-stderr worker --count 20 --exec sh -c 'sleep 60 & echo $! >>left'
    [ "$(ids <<<"$output")" = "$(seq 20)" ]
    # All of them are still there.
    has_lines left 20
    xargs kill <left
}

@test "no file is needed: a read-only /tmp, events of 1000 items" {
    about_files
    local home
    command -v unshare >/dev/null || skip "no unshare"
    home=$(mktemp -d /var/tmp/told-once.XXXXXX)
    reserved_events large | jq -c '.items = [range(1000) | {sku: "a sku of some length \(.)", qty: 1}]' |
        amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved
    publish_reserved small
    cp "$(command -v notify-worker)" "$home"
    run -0 --separate-stderr env NOTIFY_LEDGER="$home/notices.db" PROGRAM="$home/notify-worker" \
        unshare --mount sh -c 'mount -t tmpfs -o ro none /tmp && exec "$PROGRAM" --idle-timeout 1 --exec wc -c' ||
        { rm -rf "$home" && false; }
    rm -rf "$home"
    [ "$(ids <<<"$output" | paste -sd' ')" = 'large small' ]
    holds "$RESERVED_Q" 0
}

@test "a command that reads nothing, or only a part, neither blocks the worker nor ends it" {
    reserved_events large | jq -c '.note = ("x" * 900000)' | amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved
    publish_reserved small
    run -0 --separate-stderr worker --count 2 --exec true
    [ "$(ids <<<"$output" | paste -sd' ')" = 'large small' ]
    publish_reserved small-2
    run -0 --separate-stderr worker --count 1 --exec sh -c 'exec <&- && sleep 0.1'
    holds "$RESERVED_Q" 0
}

@test "a parent that ignores SIGCHLD does not confuse the worker" {
    publish_reserved a b
    run -0 --separate-stderr env --ignore-signal=CHLD notify-worker --count 2 --exec sh -c 'exit 0'
    [ "$(ids <<<"$output" | paste -sd' ')" = 'a b' ]
}

@test "a parent that blocks signals: the end of a command is noticed at once, and a stop is heeded" {
    publish_reserved {1..40}
    before=$SECONDS
    run -0 --separate-stderr env --block-signal=CHLD notify-worker --prefetch 1 --count 40 --exec sh -c 'exit 0'
    [ "$(ids <<<"$output" | paste -sd' ')" = "$(seq -s' ' 40)" ]
    # Noticed at the next moment that something else wakes the worker, a second apart, it would be as many seconds.
    [ $((SECONDS - before)) -lt 20 ]
    start worker env --block-signal=TERM notify-worker
    eventually is_consumed "$RESERVED_Q"
    ends -0 "$PID" TERM
}

# without_log HOW: a worker whose standard error is broken; its command writes there.
without_log()
{
    teller 'echo "on standard output"' 'echo "on standard error" >&2'
    publish_reserved {1..5}
    case $1 in
    gone)
        # The reader ends before the worker starts: when it has opened its log, and read nothing.
        mkfifo log
        start reader sh -c 'exec <log'
        { exec 6>log && finish "$PID" && worker --count 5 --retry-delay 0 --exec ./tell 2>&6 6>&- >out; } || status=$?
        exec 6>&-
        ;;
    closed) worker --count 5 --retry-delay 0 --exec ./tell 2>&- >out || status=$? ;;
    esac
}

@test "a log whose reader is gone, or that is closed: the command is not killed for it, and no order is a dead letter" {
    local how
    for how in gone closed; do
        status=0
        rm -f told
        other_store
        without_log "$how"
        [ "$status" -eq 0 ]
        [ "$(sort -n told | paste -sd,)" = '1 1,2 1,3 1,4 1,5 1' ]
        [ "$(ids <out | paste -sd' ')" = '1 2 3 4 5' ]
        holds "$RESERVED_Q" 0
        holds "$DEAD_Q" 0
    done
}

@test "a log whose reader goes while the command runs: that failure is not the order's" {
    waiting_teller 'echo "on standard error" >&2'
    publish_reserved a b
    mkfifo log
    start reader sh -c 'exec <log; : >opened; until [ -e gone ]; do sleep 0.05; done'
    reader=$PID
    start worker sh -c 'exec notify-worker --count 2 --retry-delay 3600 --exec ./tell 2>log'
    eventually test -e started.a
    touch gone
    finish "$reader"
    touch go
    ends -0 "$PID" '' 10
    [ "$(sort told | paste -sd,)" = 'a 1,b 1' ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
}

@test "a log on a full disk: the command fails once, the customer is told, and the event does not become a dead letter" {
    teller 'echo "on standard error" >&2 || exit 1'
    publish_reserved a b
    status=0
    worker --count 2 --retry-delay 3600 --exec ./tell 2>/dev/full >out || status=$?
    [ "$status" -eq 0 ]
    [ "$(sort told | paste -sd,)" = 'a 1,b 1' ]
    holds "$DEAD_Q" 0
}

# --- a broker that loses patience

# impatient_broker SECONDS: takes a delivery back that is not settled for so long.
impatient_broker()
{
    own_broker
    be_patient_for $(($1 * 1000))
}

@test "a command slower than the broker's patience: told once, exit 0" {
    impatient_broker 1
    # Here the time itself counts: longer than the broker waits.
    teller 'sleep 3'
    topology
    publish_reserved slow quick
    start worker notify-worker --retry-delay 1 --exec ./tell
    PATIENCE=60 eventually says worker.err '[notify] repeat ignored: quick'
    says worker.err '[notify] repeat ignored: slow'
    grep -q 'lost the broker' worker.err
    ends -0 "$PID" TERM
    holds "$RESERVED_Q" 0
    [ "$(sort told | paste -sd,)" = 'quick 1,slow 1' ]
    [ "$(ids <worker.out | sort | paste -sd' ')" = 'quick slow' ]
    holds "$DEAD_Q" 0
}

@test "a command that says 75 for longer than the broker's patience: told once in the end, as the first attempt" {
    impatient_broker 1
    teller '[ -e go ] || exit 75'
    topology
    publish_reserved later
    start worker notify-worker --retry-delay 1 --exec ./tell
    eventually eval '[ "$(grep -c "lost the broker" worker.err)" -ge 2 ]'
    touch go
    eventually says worker.err '[notify] Order confirmed: later'
    eventually holds "$RESERVED_Q" 0
    ends -0 "$PID" TERM
    [ "$(cat told)" = 'later 1' ]
    run -0 --separate-stderr worker --idle-timeout 1 --exec ./tell
    has_lines told 1
    nothing_claimed
}
