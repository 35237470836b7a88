# notify-worker with its record in PostgreSQL: each customer is told once, whatever becomes of the workers and of the database.

load ../support/postgres

setup()
{
    isolate
    new_database
    topology
}

teardown()
{
    # Commands that wait for a sign would outlive the test.
    touch go
    tidy
}

# waiting_command: ./cmd notes the attempt in the file begun, waits for the file go, and then in told.
waiting_command()
{
    make_script cmd <<END
echo "\$(jq -r .order_id) \$NOTIFY_ATTEMPT" >id.\$\$
cat id.\$\$ >>begun
$UNTIL_GO
cat id.\$\$ >>told
END
}

# killing_command: ./cmd kills the worker in the midst of telling, as long as there is no file go; then it tells.
killing_command()
{
    make_script cmd <<'END'
id=$(jq -r .order_id)
[ -e go ] || { kill -KILL "$PPID" && exit 1; }
echo "$id $NOTIFY_ATTEMPT" >>told
END
}

# killed: a worker that was killed in the midst of telling: what it had in hand is back in the queue.
killed()
{
    run -137 --separate-stderr timeout --foreground "$HANGING" notify-worker --exec ./cmd
    eventually queue_consumers "$RESERVED_Q" 0
}

# has FILE TEXT [N]: it has this line, at least once or exactly N times.
has()
{
    if [ -n "${3:-}" ]; then says "$@"; else grep -qF -- "$2" "$1"; fi
}

# gives_row ROW ID: the status, attempts and whether a run has claimed it.
gives_row()
{
    gives "$1" "SELECT status, attempts, run IS NOT NULL FROM order_tools.notified WHERE order_id = '$2'"
}

# through PROXY ARGUMENTS...: sets VIA to the URI of the database by way of a program of tests/support, PROXY_PID to its process.
through()
{
    local at=${URI#*@} name=$1
    at=${at%%/*}
    # What one before has said.
    rm -f "$name.out"
    start "$name" "$REPO/tests/support/$name" "${at%:*}" "${at#*:}" "${@:2}"
    PROXY_PID=$PID
    eventually test -s "$name.out"
    VIA="${URI%@*}@127.0.0.1:$(head -n 1 "$name.out")/$DATABASE?sslmode=disable&gssencmode=disable"
}

# ---- the same as in a file ----

@test "a customer is told once: a repeat in one batch, after a restart, and ids of any text" {
    odd="NULL,{}\"' \\ é 😀"
    publish_reserved a a b
    reserved_events x | jq -c --arg id "$odd" '.order_id = $id' | amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved
    run -0 --separate-stderr notify-worker --count 4
    [ "$(ids <<<"$output")" = "a
b
$odd" ]
    [[ $stderr == *'[notify] repeat ignored: a'* ]]
    publish_reserved b a c
    reserved_events x | jq -c --arg id "$odd" '.order_id = $id' | amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved
    run -0 --separate-stderr notify-worker --count 4
    [ "$(ids <<<"$output")" = c ]
    # People can read it.
    gives "$odd" 'SELECT order_id FROM order_tools.notified ORDER BY order_id COLLATE "C" LIMIT 1'
    gives '4|4|4' "SELECT count(*), sum(attempts), count(told_at) FROM order_tools.notified
        WHERE status = 'TOLD' AND run IS NULL AND told_at >= claimed_at AND told_at > now() - interval '1 minute'"
    gives 0 'SELECT count(*) FROM order_tools.runs'
}

@test "two workers with copies of each event tell each customer once" {
    mapfile -t all < <(seq -f 'o%g' 1500)
    start one notify-worker --idle-timeout 2
    one=$PID
    start two notify-worker --idle-timeout 2
    two=$PID
    eventually queue_consumers "$RESERVED_Q" 2
    publish_reserved "${all[@]}" &
    publish_reserved "${all[@]}"
    wait "$!"
    ends -0 "$one" '' "$HANGING"
    ends -0 "$two" '' "$HANGING"
    [ -s one.out ]
    [ -s two.out ]
    [ "$(cat one.out two.out | ids | sort | uniq -c | awk '$1 == 1' | wc -l)" = 1500 ]
    has_lines <(cat one.out two.out) 1500
    gives 1500 "SELECT count(*) FROM order_tools.notified WHERE status = 'TOLD' AND attempts = 1"
    run -1 grep -F 'in doubt' one.err two.err
}

@test "a command that fails is tried again; of one that never succeeds a dead letter remains, and nothing is recorded" {
    make_script cmd <<'END'
echo "$(jq -r .order_id) $NOTIFY_ATTEMPT" >>tries
[ -e go ]
END
    start worker notify-worker --max-attempts 1000 --retry-delay 1 --exec ./cmd
    publish_reserved a
    eventually gives_row 'FREE|2|f' a
    ends -0 "$PID" TERM
    touch go
    run -0 --separate-stderr notify-worker --count 1 --exec ./cmd
    # Before it was asked to end, it may have tried once more.
    count=$(wc -l <tries)
    [ "$count" -ge 3 ]
    gives_row "TOLD|$count|f" a
    [ "$(tail -n 1 tries)" = "a $count" ]
    rm go
    publish_reserved b
    run -0 --separate-stderr notify-worker --count 1 --max-attempts 2 --retry-delay 0 --exec ./cmd
    holds "$DEAD_Q" 1
    gives_row '' b
    touch go
    publish_reserved b
    run -0 --separate-stderr notify-worker --count 1 --exec ./cmd
    gives_row 'TOLD|1|f' b
}

# ---- killed ----

@test "killed between claim and record: another worker waits for the lease to pass, and tells as attempt 2" {
    killing_command
    publish_reserved a
    killed
    gives_row 'CLAIMED|1|t' a
    touch go
    start next notify-worker --count 1 --exec ./cmd
    eventually has next.err '[notify] waiting: a: another worker has claimed it'
    gives_row 'CLAIMED|1|t' a
    end_leases
    ends -0 "$PID" '' "$HANGING"
    has next.err '[notify] in doubt: a: attempt 2' 1
    [ "$(cat told)" = 'a 2' ]
    gives_row 'TOLD|2|f' a
}

@test "killed as often as --max-attempts allows: given up, as a dead letter" {
    killing_command
    publish_reserved a
    killed
    end_leases
    start next notify-worker --count 1 --max-attempts 1 --exec ./cmd
    ends -0 "$PID" '' "$HANGING"
    holds "$DEAD_Q" 1
    [ ! -e told ]
    [[ $(messages "$DEAD_Q" | jq -r '.properties.headers["order-tools-reason"]') == '1 attempts to tell the customer were begun'* ]]
    gives_row '' a
}

# ---- leases ----

@test "while a command runs for long the lease goes on, even after all leases were lost" {
    waiting_command
    publish_reserved a
    start worker notify-worker --count 1 --exec ./cmd
    eventually has begun 'a 1'
    sql "UPDATE order_tools.runs SET alive_until = now() + interval '2 seconds'"
    eventually gives t "SELECT alive_until > now() + interval '20 seconds' FROM order_tools.runs"
    sql 'DELETE FROM order_tools.runs'
    eventually gives t "SELECT alive_until > now() + interval '20 seconds' FROM order_tools.runs"
    touch go
    ends -0 "$PID"
    gives_row 'TOLD|1|f' a
}

@test "a worker that was held up between claim and telling finds that another one has told" {
    start late notify-worker
    late=$PID
    start other notify-worker
    other=$PID
    eventually queue_consumers "$RESERVED_Q" 2
    # Both have been there for long enough to take over what is left.
    publish_reserved before
    eventually gives_row 'TOLD|1|f' before
    # The claim is committed while the worker is stopped.
    start lock sql "BEGIN; LOCK TABLE order_tools.notified IN EXCLUSIVE MODE; SELECT pg_sleep($HANGING); COMMIT"
    eventually gives 1 "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted AND relation = 'order_tools.notified'::regclass"
    kill -STOP "$other"
    eventually is_stopped "$other"
    publish_reserved a
    eventually gives 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$DATABASE'"
    kill -STOP "$late"
    eventually is_stopped "$late"
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep($HANGING)%' AND pid <> pg_backend_pid()"
    eventually gives_row 'CLAIMED|1|t' a
    held_at=$(now_ms)
    kill -CONT "$other"
    publish_reserved a
    eventually has other.err '[notify] waiting: a: another worker has claimed it'
    end_leases
    eventually has other.err '[notify] Order confirmed: a'
    has other.err '[notify] in doubt: a: attempt 2' 1
    eventually held_long_enough "$held_at"
    kill -CONT "$late"
    eventually has late.err '[notify] late: '
    ends -0 "$late" TERM
    ends -0 "$other" TERM
    [ "$(cat late.out other.out | ids | grep -c '^a$')" = 1 ]
    gives_row 'TOLD|2|f' a
}

# held_long_enough SINCE_MS: a claim from then on is too old to be used, and a lease was to be renewed in vain.
held_long_enough()
{
    [ $(($(now_ms) - $1)) -gt 15500 ]
}

@test "after the database has hung, nobody takes over what a worker that lives has claimed" {
    waiting_command
    start other notify-worker --count 1 --prefetch 1 --exec ./cmd
    other=$PID
    eventually queue_consumers "$RESERVED_Q" 1
    # The other one cannot take a second delivery while its command runs.
    publish_reserved a
    start worker notify-worker --count 1 --exec ./cmd
    worker=$PID
    eventually has begun 'a 1'
    sql "UPDATE order_tools.runs SET alive_until = now() + interval '1 second'"
    signal_postgres STOP
    hung_at=$(now_ms)
    eventually held_long_enough "$hung_at"
    kill -STOP "$other"
    eventually is_stopped "$other"
    signal_postgres CONT
    publish_reserved a
    eventually has worker.err '[notify] waiting: a: another worker has claimed it'
    kill -CONT "$other"
    eventually gives 2 "SELECT count(*) FROM order_tools.runs WHERE alive_until > now() + interval '15 seconds'"
    touch go
    ends -0 "$other"
    ends -0 "$worker" '' "$HANGING"
    has worker.err '[notify] repeat ignored: a' 1
    [ "$(cat told)" = 'a 1' ]
    gives_row 'TOLD|1|f' a
}

# ---- away ----

@test "the database is restarted while a command runs: told once, and recorded" {
    waiting_command
    publish_reserved a
    start worker notify-worker --count 2 --exec ./cmd
    eventually has begun 'a 1'
    postgres kill
    touch go
    eventually has worker.err 'is away: '
    postgres start
    eventually gives_row 'TOLD|1|f' a
    publish_reserved b
    ends -0 "$PID"
    has_lines told 2
    [ "$(grep -c 'is away' worker.err)" = 1 ]
    [ "$(grep -c 'is back' worker.err)" = 1 ]
}

@test "the answer to the commit is lost: the claim counts once, and nobody is told twice" {
    through doubt 'INSERT INTO order_tools.notified'
    publish_reserved a b a
    run -0 --separate-stderr env NOTIFY_LEDGER="$VIA" notify-worker --count 3
    has doubt.out cut 1
    [ "$(ids <<<"$output" | sort | paste -sd' ')" = 'a b' ]
    [[ $stderr != *'in doubt'* && $stderr != *'waiting'* ]]
    gives '2|2' "SELECT count(*), sum(attempts) FROM order_tools.notified WHERE status = 'TOLD'"
    finish "$PROXY_PID" KILL
}

@test "the same of a commit that frees an order whose command has failed, and claims it again" {
    make_script cmd <<'END'
cat >/dev/null
echo "$NOTIFY_ATTEMPT" >>tries
[ "$NOTIFY_ATTEMPT" -ge 2 ]
END
    through doubt "status = 'FREE'"
    publish_reserved a
    run -0 --separate-stderr env NOTIFY_LEDGER="$VIA" notify-worker --count 1 --retry-delay 0 --exec ./cmd
    has doubt.out cut 1
    [ "$(paste -sd' ' tries)" = '1 2' ]
    gives_row 'TOLD|2|f' a
    finish "$PROXY_PID" KILL
}

@test "the same of the last commit: it is recorded as told" {
    through doubt "status = 'TOLD', told_at"
    publish_reserved a
    run -0 --separate-stderr env NOTIFY_LEDGER="$VIA" notify-worker --count 1
    has doubt.out cut 1
    gives_row 'TOLD|1|f' a
    finish "$PROXY_PID" KILL
}

@test "a database that stays away: 73, who was told in vain is said, and the next run tells again" {
    waiting_command
    publish_reserved a
    start worker notify-worker --retries 2 --exec ./cmd
    eventually has begun 'a 1'
    postgres stop
    touch go
    ends -73 "$PID" '' "$HANGING"
    has worker.err '1 customer was told, and that could not be recorded'
    postgres start
    end_leases
    start next notify-worker --count 1 --exec ./cmd
    ends -0 "$PID" '' "$HANGING"
    [ "$(paste -sd, told)" = 'a 1,a 2' ]
}

@test "a stop right after a restart of the database: what was told is recorded" {
    waiting_command
    publish_reserved a
    start worker notify-worker --exec ./cmd
    eventually has begun 'a 1'
    # The worker has not noticed that its connection is gone.
    postgres kill
    postgres start
    kill -TERM "$PID"
    touch go
    ends -0 "$PID"
    gives_row 'TOLD|1|f' a
}

@test "a stop ends the wait for the database" {
    start worker notify-worker
    eventually queue_consumers "$RESERVED_Q" 1
    postgres stop
    publish_reserved a
    eventually has worker.err 'is away: '
    # Nothing was told, but what it has begun to claim is not recorded.
    ends -73 "$PID" TERM
    [ ! -s worker.out ]
    postgres start
    run -0 --separate-stderr notify-worker --count 1
    [ "$(ids <<<"$output")" = a ]
}

@test "metrics do not ask for a database that is away: an idle worker goes on, and its file stays fresh" {
    publish_reserved a
    start worker notify-worker --retries 1 --metrics worker.prom
    eventually gives_row 'TOLD|1|f' a
    eventually grep -q '^notify_worker_ledger_bytes' worker.prom
    postgres kill
    touch stamp
    eventually fresher_than stamp
    touch stamp
    eventually fresher_than stamp
    kill -0 "$PID"
    run -1 grep 'is away' worker.err
    postgres start
    publish_reserved b
    eventually gives_row 'TOLD|1|f' b
    ends -0 "$PID" TERM
}

# fresher_than FILE: is the file of metrics?
fresher_than()
{
    [ worker.prom -nt "$1" ]
}

# ---- round trips ----

# flights_of N PREFIX: tells N customers, whose orders have ids with this prefix, and prints how many round trips that took.
flights_of()
{
    rm -f flights.log
    through flights "$PWD/flights.log"
    mapfile -t all < <(seq -f "$2%g" "$1")
    publish_reserved "${all[@]}"
    NOTIFY_LEDGER=$VIA notify-worker --count "$1" >out
    eventually test -s flights.log
    finish "$PROXY_PID" KILL
    cat flights.log
}

@test "a turn takes as many round trips as one order" {
    # The first makes the tables.
    flights_of 1 first >/dev/null
    # Look at the version; start a run; look who is known, and claim; record; end the run.
    [ "$(flights_of 1 one)" = 6 ]
    # The broker may send them in some pieces.
    [ "$(flights_of 256 many)" -le 13 ]
}

# ---- looking ----

@test "the query in order-tools(7) tells what happened to an order" {
    order | order-place | jq -r .order_id >id
    inventory-worker --idle-timeout 1 >/dev/null 2>&1
    sed -n '/^SELECT placed_at, pending/,/;$/p' "$REPO/man/order-tools.7" | sed 's/\\e/\\/g' >query.sql
    [ -s query.sql ]
    notify-worker --idle-timeout 1 >/dev/null 2>&1
    run -0 --separate-stderr psql -XAt -v ON_ERROR_STOP=1 -v id="$(<id)" -f query.sql "$URI"
    [[ $output == 20*'|f|RESERVED|20'*'|||f|TOLD|20'*'|20'*'|1' ]]
    [ "${#lines[@]}" -eq 1 ]
}
