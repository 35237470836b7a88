# A broker that goes away, in every way that one can. These tests have a broker of their own, which they may stop.

load ../support/helper

setup_file()
{
    # Two seconds, so that no test has to wait long for a heartbeat that is missing.
    sed 's/^heartbeat = .*/heartbeat = 2/' "$BROKER_CONFIG_EXTRA" >"$BATS_FILE_TMPDIR/broker.conf"
    export BROKER_CONFIG_EXTRA=$BATS_FILE_TMPDIR/broker.conf
    start_broker
}

# trickle N: a stream of orders that goes on while something happens, at 50 a second.
trickle()
{
    local i
    for ((i = 0; i < $1; i++)); do
        order
        sleep 0.02
    done
}

start_trickle()
{
    mkfifo orders.pipe
    trickle "$1" >orders.pipe 3>&- &
    STARTED+=("$!")
    start place order-place <orders.pipe
    place=$PID
}

all_is_well_after()
{
    finish -0 "$place"
    [ "$(jq -r .status place.out | sort | uniq -c | tr -s ' ')" = " $1 PLACED" ]
    eventually customers_told "$1"
    [ "$(jq -r .order_id place.out | sort)" = "$(jq -r .order_id notify.out | sort -u)" ]
    finish -0 "$inventory" TERM
    finish -0 "$notify" TERM
    grep -qF "order-place: lost the broker" place.err
    grep -qF "inventory-worker: lost the broker" inventory.err
    grep -qF "inventory-worker: connected to the broker" inventory.err
    holds "$DEAD_Q" 0
}

placed_some()
{
    [ "$(wc -l <place.out)" -ge 20 ]
}

@test "the broker is stopped and started under a stream of orders: all of them are placed, reserved and told" {
    start_workers
    start_trickle 100
    eventually placed_some
    broker restart 2>/dev/null
    all_is_well_after 100
}

@test "the broker is killed and started under a stream of orders: the same" {
    start_workers
    start_trickle 100
    eventually placed_some
    broker kill 2>/dev/null
    broker start 2>/dev/null
    all_is_well_after 100
}

@test "an operator closes all connections: they come back" {
    start_workers
    api GET connections >/dev/null
    broker ctl close_all_connections --vhost "$VHOST" maintenance >/dev/null
    eventually grep -F "lost the broker" inventory.err
    grep -F "320 CONNECTION_FORCED" inventory.err
    eventually is_consumed "$PLACED_Q"
    order-place <"$DATA/order.json"
    eventually is_consumed "$RESERVED_Q"
    eventually customers_told 1
}

@test "the broker falls silent, its connections open: heartbeats notice, in bounded time, and all goes on afterwards" {
    start_workers
    freeze_broker
    PATIENCE=40
    eventually grep -F "heartbeat timeout" inventory.err
    eventually grep -F "heartbeat timeout" notify.err
    # It says what it waits for, how long and how often.
    eventually grep -E "attempt [0-9]+ of 60, the next in 1 s" inventory.err
    thaw_broker
    run -0 --separate-stderr order-place <"$DATA/order.json"
    eventually customers_told 1
}

@test "the broker hangs while a program leaves: a stop does not wait for it long" {
    # So that it is not a heartbeat that ends it.
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    start_fed place order-place
    order >&7
    eventually grep -c PLACED place.out
    freeze_broker
    ends "$PID" TERM 10
    thaw_broker
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    exec 7>&-
    [ "$status" = 143 ]
    [ "$(grep -c PLACED place.out)" = 1 ]
}

@test "the broker hangs before it has seen an acknowledgement: said, with 69; nobody is told twice when it comes again" {
    evaluate 'application:set_env(rabbit, heartbeat, 60).'
    topology
    publish_reserved a-1
    make_script cmd <<'END'
kill -STOP "$(cat "$BROKER_HOME/pid")"
while grep -L '^State:.T' /proc/"$(cat "$BROKER_HOME/pid")"/task/*/status | grep -q .; do sleep 0.05; done
END
    run -69 --separate-stderr timeout "$HANGING" notify-worker --count 1 --exec ./cmd
    thaw_broker
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    [[ $stderr == *"no answer for "* ]]
    [ "${stderr_lines[-1]}" = "notify-worker: 1 message of '$RESERVED_Q' may come again: the broker may not have seen the acknowledgements" ]
    run -0 --separate-stderr notify-worker --idle-timeout 1
    [[ $stderr != *confirmed* ]]
    holds "$RESERVED_Q" 0
}

@test "silence on standard input for longer than two heartbeats: the connection is still the same" {
    start_fed place order-place
    order >&7
    eventually grep -c PLACED place.out
    # Here the time itself counts.
    sleep 5
    order >&7
    exec 7>&-
    finish -0 "$PID"
    [ "$(grep -c PLACED place.out)" = 2 ]
    [ ! -s place.err ]
}

@test "a broker that asks for frequent heartbeats gets them, also while dlq-replay waits for its filter" {
    # Then a connection is lost after two seconds: here the time itself counts.
    evaluate 'application:set_env(rabbit, heartbeat, 1).'
    topology
    publish orders-dlx order.placed.dlq "$(event slow)" -p
    run --separate-stderr timeout "$HANGING" dlq-replay --to "$PLACED_Q" --filter sh -c 'while read -r line; do sleep 4; echo "$line"; done'
    evaluate 'application:set_env(rabbit, heartbeat, 2).'
    [ "$status" = 0 ]
    [ "$stderr" = "" ]
    [ "$(jq -r .fate <<<"$output")" = replayed ]
    holds "$PLACED_Q" 1
    holds "$DEAD_Q" 0
}

@test "queues are deleted under their consumers: they are declared again and consumed" {
    start_workers
    api DELETE "queues/$VHOST/$PLACED_Q"
    api DELETE "queues/$VHOST/$RESERVED_Q"
    eventually grep -F "subscription cancelled" inventory.err
    eventually grep -F "subscription cancelled" notify.err
    eventually is_consumed "$PLACED_Q"
    eventually is_consumed "$RESERVED_Q"
    order-place <"$DATA/order.json"
    eventually customers_told 1
    api GET "queues/$VHOST/$PLACED_Q" | jq -e '.arguments["x-dead-letter-exchange"] == "orders-dlx"'
}

@test "an exchange is deleted under a publisher: a channel error, and the order is placed all the same" {
    start_fed place order-place
    order >&7
    eventually grep -c PLACED place.out
    api DELETE "exchanges/$VHOST/orders-ex"
    order >&7
    exec 7>&-
    finish -0 "$PID"
    [ "$(grep -c PLACED place.out)" = 2 ]
    grep -F "404 NOT_FOUND" place.err
    holds "$PLACED_Q" 2
}

disk_limit()
{
    evaluate "rabbit_disk_monitor:set_disk_free_limit(\"$1\")."
}

@test "a resource alarm: publishers say so once, wait, and go on after it; consumers are not cut off meanwhile" {
    start inventory inventory-worker
    disk_limit 9000GB
    eventually api GET nodes
    start place order-place <"$DATA/orders-30.jsonl"
    eventually grep -F "takes no messages for now" place.err
    [ ! -s place.out ]
    disk_limit 50MB
    finish -0 "$PID"
    [ "$(grep -c PLACED place.out)" = 30 ]
    [ "$(grep -c "takes no messages for now" place.err)" = 1 ]
    [ "$(grep -c "takes messages again" place.err)" = 1 ]
    eventually holds "$PLACED_Q" 0
    run -1 grep -F "lost the broker" inventory.err place.err
}

@test "SIGTERM during a resource alarm: the order is stored, its receipt says PENDING, the end is by the signal" {
    # A connection on which nothing was published yet is not told of the alarm, so the first order goes out before.
    start_fed place order-place
    order >&7
    eventually grep -c PLACED place.out
    disk_limit 9000GB
    order >&7
    eventually grep -F "takes no messages for now" place.err
    order >&7
    # Some seconds for a confirm that may still come, and none for a polite goodbye, which would not be read.
    ends "$PID" TERM 15
    exec 7>&-
    disk_limit 50MB
    [ "$status" = 143 ]
    [ "$(order-show --count)" = "$(wc -l <place.out)" ]
    order-place --flush >flushed
    [ "$(order-show --count --status PENDING)" = 0 ]
}

@test "the broker stays away: attempts are counted out, and the exit code is 69; for stored orders 75" {
    AMQP_URL=amqp://127.0.0.1:1
    for program in inventory-worker notify-worker "dlq-replay --list" queue-inspect; do
        run -69 --separate-stderr $program --retries 3 --retry-delay 0
        [ "$output" = "" ]
        [[ $stderr == *"'127.0.0.1:1' ("*"): cannot connect: Connection refused; attempt 1 of 3, the next in 0 s"* ]]
        [[ $stderr == *"Connection refused; giving up after 3 attempts" ]]
    done
    run -75 --separate-stderr order-place --retries 3 --retry-delay 0 <"$DATA/order.json"
    [ "$(jq -r .status <<<"$output")" = PENDING ]
}

@test "the broker comes back after it was given up: with the next order on the pipe, all that are pending are placed" {
    broker stop
    start_fed place order-place --retries 1 --retry-delay 0
    order >&7
    eventually has_lines place.out 1
    order >&7
    eventually has_lines place.out 2
    [ "$(jq -r .status place.out | uniq -c | xargs)" = '2 PENDING' ]
    broker start
    order >&7
    eventually has_lines place.out 3
    eventually grep -c PLACED place.out
    exec 7>&-
    finish -75 "$PID"
    [ "$(order-show --count --status PLACED)" = 3 ]
    holds "$PLACED_Q" 3
}

@test "a login that is refused is not tried again: 77, and no password is shown" {
    AMQP_URL=${AMQP_URL/guest:guest@/guest:sesame@}
    for program in inventory-worker notify-worker dlq-replay queue-inspect "order-place --flush"; do
        [ "$program" != "order-place --flush" ] || AMQP_URL=amqp://127.0.0.1:1 order-place --retries 1 <"$DATA/order.json" >/dev/null 2>&1 || true
        run -77 --separate-stderr $program
        [[ $stderr == *"403 ACCESS_REFUSED"* ]]
        [[ $stderr != *sesame* ]]
        [[ $stderr != *attempt* ]]
    done
}

@test "of a list of URLs the first that answers is used" {
    AMQP_URL=amqp://127.0.0.1:1,$AMQP_URL
    run -0 --separate-stderr order-place <"$DATA/order.json"
    [ "$stderr" = "" ]
    run -0 --separate-stderr inventory-worker --count 1
    run -0 --separate-stderr queue-inspect "$RESERVED_Q"
    [ "$(jq .ready <<<"$output")" = 1 ]
}

@test "a connection that is cut after every 40000 bytes: all orders are placed, and their number does not multiply" {
    local port url
    port=$(sed -E 's|.*:([0-9]+)/.*|\1|' <<<"$AMQP_URL")
    start cut /usr/bin/python3 "$REPO/tests/support/cut.py" "$port" 40000
    eventually test -s cut.out
    url=${AMQP_URL/:$port/:$(cat cut.out)}
    topology
    run -0 --separate-stderr order-place --url "$url" --retries 100 --retry-delay 0 < <(repeat 1500 "$(order)")
    [ "${#lines[@]}" -eq 1500 ]
    drain "$PLACED_Q" | jq -r .payload | jq -r .order_id >ids
    [ "$(sort -u ids | wc -l)" -eq 1500 ]
    [ "$(wc -l <ids)" -lt 4500 ]
}

# set_up_cut_after BYTES COMMAND...: on a way that is cut so early that no connection gets to work.
set_up_cut_after()
{
    local port url bytes=$1
    shift
    port=$(sed -E 's|.*:([0-9]+)/.*|\1|' <<<"$AMQP_URL")
    rm -f cut.out
    start cut /usr/bin/python3 "$REPO/tests/support/cut.py" "$port" "$bytes"
    eventually test -s cut.out
    url=${AMQP_URL/:$port/:$(cat cut.out)}
    run -69 --separate-stderr timeout -k 1 "$HANGING" "$@" --url "$url" --retries 3 --retry-delay 0 </dev/null
    kill "$PID"
    [[ $stderr == *"; giving up after 3 attempts"* ]]
    [[ $stderr != *'lost the broker'* ]]
}

@test "a connection that is cut while it is set up is one attempt, wherever, and three attempts are all" {
    local bytes
    topology
    for bytes in 300 700 850 900 950 1000 1025 1050 1075 1100; do
        set_up_cut_after "$bytes" notify-worker
    done
}
