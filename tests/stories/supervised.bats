# The units of scripts/systemd, run by systemd itself: process 1 of namespaces of its own, which support/boot.bash makes. Skipped where
# that cannot be: it takes root, systemd, and a control group of one's own.

load ../support/http

setup_file()
{
    start_broker
}

setup()
{
    isolate
    BOOT=$BATS_TEST_TMPDIR/boot
    TREE=$BOOT/tree
    reduced_user '.*' '.*' '.*'
}

teardown()
{
    [ ! -s "$BOOT/pid" ] || within journalctl --no-pager -o short-precise 2>/dev/null | tail -n 40 || true
    # All of its processes go with process 1.
    [ ! -s "$BOOT/pid" ] || kill -KILL "$(<"$BOOT/pid")" 2>/dev/null || true
    [ ! -s "$BOOT/group" ] || eventually remove_group
    tidy
}

remove_group()
{
    find "$(<"$BOOT/group")" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -e "$(<"$BOOT/group")" ]
}

# furnish: what is installed, and what an administrator would write.
furnish()
{
    mkdir -p "$TREE"/usr/local/bin "$TREE"/etc/systemd/system "$TREE"/etc/order-tools/notify-worker "$TREE"/etc/sysusers.d
    cp "$REPO"/bin/* "$TREE/usr/local/bin"
    cp "$REPO/scripts/systemd/order-tools.sysusers.conf" "$TREE/etc/sysusers.d/order-tools.conf"
    for unit in "$REPO"/scripts/systemd/*.{service,socket,timer,target}; do
        sed 's|@bindir@|/usr/local/bin|g' "$unit" >"$TREE/etc/systemd/system/${unit##*/}"
    done
    echo "AMQP_URL=amqp://${AMQP_URL#*@}" >"$TREE/etc/order-tools/order-tools.env"
    printf 'username:%s\npassword:secret\n' "$REDUCED" >"$TREE/etc/order-tools/broker.auth"
    chmod 600 "$TREE/etc/order-tools/broker.auth"
    chmod 755 "$TREE"/etc/order-tools
    # A port that no other test has.
    mkdir "$TREE/etc/systemd/system/order-http.socket.d"
    printf '[Socket]\nListenStream=\nListenStream=/run/order-http.sock\n' >"$TREE/etc/systemd/system/order-http.socket.d/test.conf"
}

# drop_in UNIT LINE...: adds settings to the section Service of a unit.
drop_in()
{
    mkdir -p "$TREE/etc/systemd/system/$1.d"
    { echo '[Service]' && printf '%s\n' "${@:2}"; } >"$TREE/etc/systemd/system/$1.d/test.conf"
}

# timer_soon UNIT: lets the timer elapse a second after it was started, too.
timer_soon()
{
    mkdir -p "$TREE/etc/systemd/system/$1.d"
    printf '[Timer]\nOnActiveSec=1s\nAccuracySec=1ms\nRandomizedDelaySec=0\n' >"$TREE/etc/systemd/system/$1.d/test.conf"
}

# boot: starts it, with the users, the journal and nothing else.
boot()
{
    start boot "$REPO/tests/support/boot.bash" "$BOOT"
    launcher=$PID
    eventually has_booted || { cat boot.err && return 1; }
    if ended "$launcher"; then
        status=0
        wait "$launcher" || status=$?
        [ "$status" != 77 ] || skip 'systemd cannot be run here'
        cat boot.err
        return 1
    fi
    within systemd-sysusers
    within systemctl start systemd-journald.service
}

has_booted()
{
    ! ended "$launcher" || return 0
    pgrep -P "$launcher" >"$BOOT/pid" && within systemctl show -p Version >/dev/null
}

# within COMMAND...: runs it beside process 1.
within()
{
    nsenter -t "$(<"$BOOT/pid")" -m -p -u -i -- "$@"
}

# property UNIT NAME: prints it.
property()
{
    within systemctl show -p "$2" --value "$1"
}

# property_is UNIT NAME VALUE
property_is()
{
    [ "$(property "$1" "$2")" = "$3" ]
}

# logged TEXT: is it in the journal?
logged()
{
    within journalctl -o cat --no-pager | grep -qF -e "$1"
}

@test "orders are placed, reserved, told, recorded and given back by services that systemd runs" {
    furnish
    timer_soon order-flush.timer
    echo 'NOTIFY_WORKER_OPTIONS=--exec tee -a /var/lib/order-tools/told' >"$TREE/etc/order-tools/notify-worker/file.env"
    echo 'INVENTORY_WORKER_OPTIONS=--metrics /run/order-tools/inventory.prom' >>"$TREE/etc/order-tools/order-tools.env"
    boot
    within systemctl start inventory-worker inventory-worker-cancelled order-track notify-worker@file order-http.socket
    for unit in inventory-worker inventory-worker-cancelled order-track notify-worker@file; do
        property_is "$unit" ActiveState active
        [[ $(property "$unit" StatusText) == "connected to the broker '127.0.0.1:"* ]]
    done
    # READY is when it is subscribed: by now.
    is_consumed "$PLACED_Q"
    is_consumed "$RESERVED_Q"
    order | within curl -sS --unix-socket /run/order-http.sock -H 'Content-Type: application/json' --data-binary @- \
        http://localhost/order >receipt
    id=$(jq -re .order_id receipt)
    eventually within grep -qF "$id" /var/lib/order-tools/told
    eventually logged "[track] recorded: $id is RESERVED"
    jq -r .order_id receipt | as_owner "$AMQP_URL" order-cancel
    eventually logged "[track] recorded: $id is CANCELLED"
    # Its user, its files, its levels.
    [ "$(within stat -c '%U %a' /var/lib/order-tools /var/lib/order-tools/orders.db | paste -sd ' ')" = \
        'order-tools 700 order-tools 600' ]
    [ "$(within journalctl -o json --no-pager -u inventory-worker |
        jq -r --arg line "[inventory] reservation OK for $id" 'select(.MESSAGE == $line) | .PRIORITY')" = 6 ]
    # Another user reads the metrics, also once a service that shares their folder has ended.
    within systemctl stop order-track
    within runuser -u nobody -- grep -q '^inventory_worker_running{worker="inventory"} 1$' /run/order-tools/inventory.prom
    within systemctl start order-track
    # What can be read anew is.
    within systemctl reload order-http
    eventually logged 'order-http: tokens and certificates were read anew'
    property_is order-http ActiveState active
    # What was left unpublished is published when the timer elapses.
    run -75 --separate-stderr as_owner amqp://127.0.0.1:1 order-place --retries 1 < <(order)
    id=$(jq -re .order_id <<<"$output")
    within systemctl start order-flush.timer
    eventually logged "[track] recorded: $id is RESERVED"
    within systemctl stop inventory-worker inventory-worker-cancelled order-track notify-worker@file order-http.socket order-http
    for unit in inventory-worker inventory-worker-cancelled order-track notify-worker@file order-http order-flush; do
        property_is "$unit" Result success
        property_is "$unit" ActiveState inactive
    done
}

@test "a command that hangs is ended by the watchdog, and the worker is started again" {
    furnish
    echo 'NOTIFY_WORKER_OPTIONS=--exec sleep infinity' >"$TREE/etc/order-tools/notify-worker/hangs.env"
    drop_in notify-worker@hangs.service WatchdogSec=3 RestartSec=0
    boot
    within systemctl start notify-worker@hangs
    sleep 5
    property_is notify-worker@hangs NRestarts 0
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved", "order_id": "one"}'
    eventually restarted notify-worker@hangs
    eventually logged '[notify] in doubt: one: attempt 2'
}

# as_owner URL PROGRAM ARGUMENTS...: as the user of the units, with their data.
as_owner()
{
    within runuser -u order-tools -- env XDG_STATE_HOME=/var/lib AMQP_URL="$1" "/usr/local/bin/$2" "${@:3}"
}

restarted()
{
    [ "$(property "$1" NRestarts)" -ge 1 ]
}

@test "a check that fails raises the alarm: a line in the journal, or the administrator's own program" {
    furnish
    timer_soon queue-health.timer
    boot
    within systemctl start queue-health.timer
    eventually logged 'queue-health.service has failed: systemctl status queue-health.service'
    within sh -c 'printf "#!/bin/sh\necho the hook: \"\$1\"\n" >/etc/order-tools/queue-health-failed && chmod 755 /etc/order-tools/queue-health-failed'
    run -1 within systemctl start queue-health.service
    eventually logged 'the hook: queue-health.service'
}

@test "a wrong setting is not tried again and again; a broker that is away is" {
    furnish
    echo 'ORDER_TRACK_OPTIONS=--no-such-option' >>"$TREE/etc/order-tools/order-tools.env"
    drop_in inventory-worker.service RestartSec=0 'Environment=INVENTORY_WORKER_OPTIONS="--retries 1"'
    boot
    run -1 within systemctl start order-track
    property_is order-track ExecMainStatus 64
    property_is order-track ActiveState failed
    property_is order-track NRestarts 0
    broker stop
    run within systemctl start inventory-worker
    eventually restarted inventory-worker
    broker start 2>/dev/null
    eventually property_is inventory-worker ActiveState active
}

@test "order-http with a wrong setting is not started again and again for a client that waits; for one it is, once that is mended" {
    furnish
    cp "$TREE/etc/order-tools/order-tools.env" right.env
    echo 'ORDER_HTTP_OPTIONS=--no-such-option' >>"$TREE/etc/order-tools/order-tools.env"
    boot
    within systemctl start order-http.socket
    run -28 within curl -sS -m 4 --unix-socket /run/order-http.sock http://localhost/health
    eventually logged 'order-http: unrecognized option'
    count=$(within journalctl -o cat --no-pager -u order-http | grep -c 'unrecognized option')
    echo "$count starts"
    [ "$count" -le 2 ]
    within tee /etc/order-tools/order-tools.env <right.env
    within curl -sS -m 60 --unix-socket /run/order-http.sock http://localhost/health
    property_is order-http ActiveState active
    property_is order-http.socket ActiveState active
}

@test "data that was restored under the number of another machine is the services' again" {
    furnish
    mkdir -p "$TREE/etc/tmpfiles.d" "$TREE/var/lib/order-tools"
    cp "$REPO/scripts/debian/order-tools.tmpfiles" "$TREE/etc/tmpfiles.d/order-tools.conf"
    sqlite3 "$TREE/var/lib/order-tools/ledger.db" 'PRAGMA user_version'
    chown -R 12345:12345 "$TREE/var/lib/order-tools"
    boot
    # As at an installation, and whenever the machine starts.
    within systemd-tmpfiles --create order-tools.conf
    within systemctl start inventory-worker
    [ "$(within stat -c '%U %G %a' /var/lib/order-tools /etc/order-tools | paste -sd ' ')" = \
        'order-tools order-tools 700 root order-tools 750' ]
    [ "$(within stat -c %U /var/lib/order-tools/ledger.db)" = order-tools ]
    within rm -r /var/lib/order-tools
    within systemd-tmpfiles --create order-tools.conf
    [ "$(within stat -c '%U %G %a' /var/lib/order-tools)" = 'order-tools order-tools 700' ]
}
