# What a program tells the service manager that has started it, by the protocol of sd_notify(3), and the units of scripts/systemd. The
# other end of NOTIFY_SOCKET is support/manager.py. The broker is this file's own: tests stop and block it.

load ../support/http
load ../support/manager

setup_file()
{
    start_broker
}

setup()
{
    isolate
    UNITS=$REPO/scripts/systemd
    LOGIN=${AMQP_URL#amqp://}
    LOGIN=${LOGIN%%@*}
}

teardown()
{
    unblock
    tidy
}

# unblock: the broker takes messages again.
unblock()
{
    [ -z "${BLOCKED:-}" ] || evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0.6).'
    BLOCKED=
}

# tell_cancelled ID: publishes what order-track takes.
tell_cancelled()
{
    publish inventory-ex inventory.released "{\"event_type\": \"InventoryReleased\", \"order_id\": \"$1\", \"ts\": \"2026-01-02T03:04:05Z\"}"
}

# reserved ID: publishes what notify-worker takes.
reserved()
{
    publish inventory-ex inventory.reserved "{\"event_type\": \"InventoryReserved\", \"order_id\": \"$1\"}"
}

# hanging_command: ./cmd tells by the file started that it runs, and waits for the file go.
hanging_command()
{
    make_script cmd <<END
env >environment
: >started
$UNTIL_GO
END
}

# --- ready, stopping

@test "READY comes when the worker is subscribed, STOPPING when it is asked to stop, and each once" {
    start_manager
    while read -r queue program; do
        : >told
        # shellcheck disable=SC2086 # an option of its own
        start worker $program
        eventually was_told READY=1
        # No eventually: it consumes by now.
        is_consumed "$queue"
        status_has "connected to the broker '127.0.0.1:"
        run -1 told_of STOPPING
        finish -0 "$PID" TERM
        eventually was_told STOPPING=1
        was_told READY=1
        [ "$(tail -n 1 told)" = STOPPING=1 ]
    done <<'END'
order.placed.q inventory-worker
order.cancelled.q inventory-worker --cancelled
order.outcome.q order-track
inventory.reserved.q notify-worker
inventory.failed.q notify-worker --failed
END
}

@test "without a broker there is no READY, and STATUS says why; it comes once the broker is there; no password is told" {
    broker stop
    start_manager
    WATCHDOG_USEC=1000000 start worker inventory-worker
    eventually status_has "waiting for the broker '127.0.0.1:"
    status_has 'Connection refused'
    run -1 told_of READY
    # To wait for the broker is all that it can do: no reason to be killed.
    eventually fed_more 3
    run -1 told_of READY
    broker start 2>/dev/null
    eventually was_told READY=1
    status_has "connected to the broker '127.0.0.1:"
    broker stop
    eventually status_has "waiting for the broker '127.0.0.1:"
    broker start 2>/dev/null
    eventually status_has "connected to the broker '127.0.0.1:"
    was_told READY=1
    finish -0 "$PID" TERM
    run -1 grep -F -e "${LOGIN#*:}@" -e "password" told
}

@test "blocked by the broker: STATUS says so until it is over, and the watchdog is fed" {
    order | order-place >/dev/null
    # The broker tells those who publish.
    BLOCKED=yes
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0).'
    start_manager
    WATCHDOG_USEC=1000000 start worker inventory-worker
    eventually status_has "blocked by the broker '127.0.0.1:"
    was_told READY=1
    fed=$(fed)
    eventually fed_more $((fed + 2))
    unblock
    eventually status_has "connected to the broker '127.0.0.1:"
    eventually holds "$RESERVED_Q" 1
    finish -0 "$PID" TERM
}

@test "STOPPING comes at once, also while a command is waited for; the command hears nothing of the service manager" {
    hanging_command
    start_manager
    WATCHDOG_USEC=1000000 start worker notify-worker --exec ./cmd
    eventually was_told READY=1
    reserved one
    eventually test -e started
    run -1 grep -E '^(NOTIFY_SOCKET|WATCHDOG_)' environment
    kill -TERM "$PID"
    eventually was_told STOPPING=1
    run -1 ended "$PID"
    touch go
    finish -0 "$PID"
    was_told STOPPING=1
}

@test "an end of another kind is told, too: all was counted, or something failed" {
    start_manager
    run -0 timeout "$HANGING" order-track --idle-timeout 0
    eventually was_told STOPPING=1
    was_told READY=1
    : >told
    run -78 timeout "$HANGING" order-track --url "${AMQP_URL%/*}/no-such-vhost" || [ "$status" = 77 ]
    eventually was_told STOPPING=1
    run -1 told_of READY
}

@test "a name of the abstract namespace; a name that is none, or that nobody listens on, stops nothing" {
    start_manager "@order-tools-$$-$BATS_TEST_NUMBER"
    run -0 timeout "$HANGING" order-track --idle-timeout 0
    eventually was_told READY=1
    NOTIFY_SOCKET=nonsense run -0 timeout "$HANGING" order-track --idle-timeout 0
    [ "$output" = 'order-track: cannot tell the service manager anything: NOTIFY_SOCKET is not the name of a socket' ]
    NOTIFY_SOCKET=$PWD/nobody run -0 timeout "$HANGING" order-track --idle-timeout 0
    [ "$output" = 'order-track: cannot tell the service manager anything: No such file or directory' ]
    NOTIFY_SOCKET='' run -0 timeout "$HANGING" order-track --idle-timeout 0
    [ -z "$output" ]
}

# --- the watchdog

@test "the watchdog is fed at half of its interval by a worker that waits, and not at all if it is another's or there is none" {
    start_manager
    WATCHDOG_USEC=1000000 WATCHDOG_PID='' start worker order-track
    eventually was_told READY=1
    eventually fed_more 2
    began=$SECONDS fed=$(fed)
    eventually fed_more $((fed + 8))
    # Not more often than twice a second, whatever the machine does.
    [ $(($(fed) - fed)) -le $((2 * (SECONDS - began) + 3)) ]
    finish -0 "$PID" TERM
    for environment in WATCHDOG_USEC=0 WATCHDOG_USEC=x 'WATCHDOG_USEC=100000 WATCHDOG_PID=1'; do
        : >told
        # shellcheck disable=SC2086 # several
        run -0 env $environment timeout "$HANGING" order-track --idle-timeout 1
        eventually was_told STOPPING=1
        [ "$(fed)" = 0 ]
    done
}

@test "the watchdog is fed by work, and not by a command that hangs; again once that has ended" {
    hanging_command
    start_manager
    WATCHDOG_USEC=400000 start worker notify-worker --exec ./cmd
    eventually fed_more 3
    reserved one
    eventually test -e started
    # It was fed before the command was started, at the latest.
    sleep 1
    fed=$(fed)
    sleep 2
    [ "$(fed)" = "$fed" ]
    touch go
    eventually fed_more $((fed + 3))
    finish -0 "$PID" TERM
}

@test "the watchdog is not fed while a store hangs" {
    about_files
    orders 1 | order-place >receipts
    id=$(jq -r .order_id receipts)
    start_manager
    WATCHDOG_USEC=400000 start worker order-track
    eventually fed_more 3
    start_fed locker sqlite3 "$XDG_STATE_HOME/order-tools/orders.db"
    locker=$PID
    worker=${STARTED[-2]}
    printf 'BEGIN IMMEDIATE;\n.print locked\n' >&7
    eventually grep -q locked locker.out
    tell_cancelled "$id"
    eventually holds order.outcome.q 0
    fed=$(fed)
    # It waits for 5 s: the interval would have passed a dozen times.
    status=0
    wait "$worker" || status=$?
    [ "$status" = 73 ]
    [ $(($(fed) - fed)) -le 2 ]
    exec 7>&-
    wait "$locker"
}

# --- order-http

@test "order-http: READY when it listens, also without a broker; a reload is told from its begin to its end" {
    printf 'first-token-of-sixteen\n' >tokens
    chmod 600 tokens
    broker stop
    start_manager
    WATCHDOG_USEC=1000000 start_http --token-file tokens
    eventually was_told READY=1
    ask /health
    [ "$code" = 200 ]
    eventually status_has "waiting for the broker '127.0.0.1:"
    eventually fed_more 3
    broker start 2>/dev/null
    eventually status_has "connected to the broker '127.0.0.1:"
    printf 'other-token-of-sixteen\n' >tokens
    kill -HUP "$HTTP"
    eventually was_told READY=1 2
    grep -qxE 'RELOADING=1 MONOTONIC_USEC=[0-9]+' told
    [ "$(grep -xnE 'READY=1|RELOADING=.*' told | sed 's/^[0-9]*://; s/ .*//' | paste -sd ' ')" = 'READY=1 RELOADING=1 READY=1' ]
    ask /orders -H 'Authorization: Bearer other-token-of-sixteen'
    [ "$code" = 200 ]
    ask /orders -H 'Authorization: Bearer first-token-of-sixteen'
    [ "$code" = 401 ]
    finish -0 "$HTTP" TERM
    eventually was_told STOPPING=1
}

@test "order-http under a service manager takes SIGHUP for a reload, also with nothing to read anew" {
    start_manager
    start_http
    eventually was_told READY=1
    kill -HUP "$HTTP"
    eventually was_told READY=1 2
    ask /health
    [ "$code" = 200 ]
    finish -0 "$HTTP" TERM
}

# --- the units

# needs_analyze: systemd's own judgement is asked for, where it is installed.
needs_analyze()
{
    command -v systemd-analyze >/dev/null || skip "without systemd-analyze"
}

# fill_in: writes the units to units/, with the programs of the tree.
fill_in()
{
    mkdir units
    for unit in "$UNITS"/*.{service,socket,timer,target}; do
        sed "s|@bindir@|$REPO/bin|g" "$unit" >"units/${unit##*/}"
    done
    run -1 grep -rE '@[a-z]+@' units
}

@test "the units: systemd finds nothing to complain about" {
    needs_analyze
    fill_in
    cd units
    SYSTEMD_UNIT_PATH=$PWD: run -0 systemd-analyze verify --man=no ./*
    [ -z "$output" ]
}

@test "the units: each is exposed to 2.0 at most" {
    needs_analyze
    fill_in
    for unit in units/*.service; do
        run -0 systemd-analyze security --offline=yes "$unit"
        [[ ${lines[-1]} =~ 'Overall exposure level for '.*': '([0-9.]+)' ' ]]
        echo "$unit: ${BASH_REMATCH[1]}"
        awk -v level="${BASH_REMATCH[1]}" 'BEGIN { exit !(level <= 2.0) }'
    done
}

@test "the units: the command line of each exists, and the same user, restarts and credentials everywhere" {
    fill_in
    count=0
    for unit in units/*.service; do
        grep -qx 'User=order-tools' "$unit"
        # shellcheck disable=SC2046 # the words of a command
        set -- $(sed -n 's/^ExecStart=\([^ ]*\/bin\/[a-z]*-[a-z-]*.*\)/\1/p' "$unit" | sed 's/ \$[A-Z_]*//')
        [ $# -gt 0 ] || continue
        run -0 "$@" --version
        count=$((count + 1))
        grep -q '^LoadCredential=broker:/etc/order-tools/broker.auth$' "$unit"
        ! grep -qx 'Type=notify' "$unit" || grep -qx 'RestartPreventExitStatus=64 65 77 78' "$unit"
    done
    [ "$count" = 7 ]
}
