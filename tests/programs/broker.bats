# scripts/broker: a RabbitMQ of one's own. One node, $ONE, is shared by the tests, each of which starts it if need be.

load ../support/helper

setup_file()
{
    export ONE=$BATS_FILE_TMPDIR/one
    BROKER_HOME=$ONE "$REPO/scripts/broker" start
}

teardown_file()
{
    BROKER_HOME=$ONE "$REPO/scripts/broker" kill
}

setup()
{
    PATH=$REPO/bin:$REPO/scripts:$PATH
    XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    BROKER_HOME=$ONE
    OTHER=
    LISTENER=
    export XDG_STATE_HOME PATH BROKER_HOME
    unset AMQP_URL
    cd "$BATS_TEST_TMPDIR" || return
}

teardown()
{
    [ -z "$LISTENER" ] || { kill "$LISTENER" && wait "$LISTENER"; } || true
    [ -z "$OTHER" ] || BROKER_HOME=$OTHER broker kill
}

# running HOME: the processes that belong to the broker there, whatever they are called.
running()
{
    grep -lzxF "HOME=$1" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3
}

# Erlang's helpers notice a moment later that their node is gone.
nothing_runs()
{
    [ -z "$(running "$1")" ]
}

# listening PID...: what these processes listen on, a line "ADDRESS PORT" each; addresses in hex, as the kernel has them.
listening()
{
    local pid inode address port
    for pid in "$@"; do
        find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n'
    done | sort -u >"$BATS_TEST_TMPDIR/inodes"
    while read -r _ address _ state _ _ _ _ _ inode _; do
        if [ "$state" = 0A ] && grep -qx "$inode" "$BATS_TEST_TMPDIR/inodes"; then
            printf '%s %d\n' "${address%:*}" "0x${address#*:}"
        fi
    done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
}

port_of()
{
    local url
    url=$(broker url)
    echo "${url##*:}"
}

answers()
{
    queue-inspect -u "$(broker url)" --retries 1 >/dev/null 2>&1
}

value()
{
    broker status | sed -n "s/^$1 *//p"
}

# Makes a durable queue with a message on the shared node, and is there afterwards to see it.
put_order()
{
    order | AMQP_URL=$(broker url) order-place | jq -e '.status == "PLACED"'
}

orders_there()
{
    [ "$(queue-inspect -u "$(broker url)" "$PLACED_Q" | jq .ready)" = "$1" ]
}

@test "broker: status, url, env and ctl of a node that runs" {
    local page url
    broker start
    run -0 --separate-stderr broker status
    [[ $output == *running* ]]
    [[ $output == *"$ONE"* ]]
    # The management page answers under the address and the login that stand there.
    page=$(grep -o 'http://127\.0\.0\.1:[0-9]*/' <<<"$output")
    [[ $output == *'user guest, password guest'* ]]
    curl -sS -f -u guest:guest "${page}api/overview" | jq -e '.product_name == "RabbitMQ"'

    run -0 --separate-stderr broker url
    url=$output
    [[ $url =~ ^amqp://guest:guest@127\.0\.0\.1:[0-9]+$ ]]
    run -0 --separate-stderr queue-inspect -u "$url"

    run -0 --separate-stderr env -u BROKER_HOME BROKER_HOME="$ONE" broker env
    (
        unset BROKER_HOME
        eval "$output"
        [ "$AMQP_URL" = "$url" ]
        [ "$BROKER_HOME" = "$ONE" ]
        queue-inspect
    )

    run -0 --separate-stderr broker ctl -q list_vhosts --no-table-headers name
    [ "$output" = / ]
    run -64 --separate-stderr broker ctl no_such_command
}

@test "broker: all that it listens on is on the loopback interface" {
    local pids sockets port
    broker start
    # Were Erlang's port mapper started on its behalf, it would be one of these.
    mapfile -t pids < <(running "$ONE")
    [ "${#pids[@]}" -ge 1 ]
    sockets=$(listening "${pids[@]}")
    # AMQP, the management page, and Erlang's distribution.
    [ "$(wc -l <<<"$sockets")" -ge 3 ]
    grep -q " $(port_of)\$" <<<"$sockets"
    port=$(value management)
    port=${port#*127.0.0.1:}
    grep -q " ${port%%/*}\$" <<<"$sockets"
    # 127.0.0.1, and ::1.
    run -1 grep -v -e '^0100007F ' -e '^00000000000000000000000001000000 ' <<<"$sockets"
}

@test "broker: two run side by side, and stopping one does not affect the other" {
    local one other pids
    broker start
    OTHER="$BATS_TEST_TMPDIR/an other"
    # Started twice at once, as two terminals would: it is one node, and both see it answer.
    BROKER_HOME=$OTHER broker start 2>first &
    BROKER_HOME=$OTHER broker start 2>second
    wait "$!"
    BROKER_HOME=$OTHER answers
    grep -q 'already running' first second
    grep -q 'started' first second

    one=$(broker url)
    other=$(BROKER_HOME=$OTHER broker url)
    [ "$one" != "$other" ]
    [ "$(value node)" != "$(BROKER_HOME=$OTHER value node)" ]
    order | AMQP_URL=$other order-place >/dev/null
    queue-inspect -u "$other" "$PLACED_Q" | jq -e '.ready == 1'
    run -0 --separate-stderr broker ctl -q list_queues --no-table-headers name messages
    [[ $output != *"$PLACED_Q"*1* ]]
    [ "$(stat -c %a "$OTHER")" = 700 ]

    pids=$(running "$OTHER")
    [ -n "$pids" ]
    BROKER_HOME=$OTHER run -0 --separate-stderr broker stop
    eventually nothing_runs "$OTHER"
    BROKER_HOME=$OTHER run -3 --separate-stderr broker status
    [[ $output == *'not running'* ]]
    run -69 --separate-stderr queue-inspect -u "$other" --retries 1
    # A second stop finds nothing to do.
    BROKER_HOME=$OTHER run -0 --separate-stderr broker stop
    [[ $stderr == *'not running'* ]]
    BROKER_HOME=$OTHER run -69 --separate-stderr broker ctl status
    [[ $stderr == *'not running'* ]]
    # Its address can still be asked for.
    [ "$(BROKER_HOME=$OTHER broker url)" = "$other" ]
    answers

    # And its port, taken meanwhile by another program, is named: by one that accepts nobody, too.
    perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0],
        ReuseAddr => 1) or die $!; $| = 1; print "listening\n"; sleep' "${other##*:}" >listening 3>&- &
    LISTENER=$!
    eventually test -s listening
    BROKER_HOME=$OTHER run -69 --separate-stderr broker start
    [[ $stderr == *"port ${other##*:} "*taken* ]]
    eventually nothing_runs "$OTHER"
    answers
}

@test "broker: start is done when AMQP answers, and a second one changes nothing" {
    local pid
    broker start
    answers
    pid=$(value pid)
    run -0 --separate-stderr broker start
    [[ $stderr == *"already running"*"$(broker url)"* ]]
    [ "$(value pid)" = "$pid" ]
}

@test "broker: durable data survive stop and start, and restart" {
    local url pid
    broker start
    broker ctl -q purge_queue "$PLACED_Q" 2>/dev/null || true
    put_order
    url=$(broker url)

    run -0 --separate-stderr broker stop
    eventually nothing_runs "$ONE"
    run -69 --separate-stderr queue-inspect -u "$url" --retries 1
    run -0 --separate-stderr broker start
    [ "$(broker url)" = "$url" ]
    orders_there 1

    put_order
    pid=$(value pid)
    run -0 --separate-stderr broker restart
    [ "$(value pid)" != "$pid" ]
    [[ " $(running "$ONE" | paste -sd ' ') " != *" $pid "* ]]
    [ "$(broker url)" = "$url" ]
    orders_there 2
}

@test "broker: durable data survive kill and start" {
    local pid
    broker start
    broker ctl -q purge_queue "$PLACED_Q" 2>/dev/null || true
    put_order
    pid=$(value pid)
    run -0 --separate-stderr broker kill
    eventually nothing_runs "$ONE"
    run -3 --separate-stderr broker status
    run -0 --separate-stderr broker kill
    [[ $stderr == *'not running'* ]]
    run -0 --separate-stderr broker start
    [ "$(value pid)" != "$pid" ]
    orders_there 1
}

@test "broker: a node that dies during its start: the last lines of its log are shown, and nothing is left running" {
    OTHER=$BATS_TEST_TMPDIR/other
    echo 'no_such_setting = 1' >extra
    BROKER_HOME=$OTHER BROKER_CONFIG_EXTRA=$PWD/extra run -69 --separate-stderr broker start
    [[ $stderr == *no_such_setting* ]]
    [[ $stderr == *"$OTHER/log"* ]]
    eventually nothing_runs "$OTHER"
    BROKER_HOME=$OTHER run -3 --separate-stderr broker status
    BROKER_HOME=$OTHER BROKER_CONFIG_EXTRA=$PWD/missing run -69 --separate-stderr broker start
    [[ $stderr == *"'$PWD/missing'"* ]]
}

@test "broker: without the package it says what to install" {
    OTHER=$BATS_TEST_TMPDIR/other
    mkdir empty
    BROKER_HOME=$OTHER RABBITMQ_BIN=$PWD/empty run -69 --separate-stderr broker start
    [[ $stderr == *'not installed'*'apt-get install rabbitmq-server'* ]]
    [ -z "$output" ]
    eventually nothing_runs "$OTHER"
}

@test "broker: before the first start" {
    BROKER_HOME=$BATS_TEST_TMPDIR/never
    run -3 --separate-stderr broker status
    [[ $output == *'not running'* ]]
    for command in url env 'ctl status'; do
        run -1 --separate-stderr broker $command
        [[ $stderr == *"no broker was started yet in '$BROKER_HOME'"* ]]
        [ -z "$output" ]
    done
    for command in stop kill; do
        run -0 --separate-stderr broker "$command"
        [[ $stderr == *'not running'* ]]
    done
    [ ! -e "$BROKER_HOME" ]
}

@test "broker: where it lives by default" {
    unset BROKER_HOME
    run -3 --separate-stderr broker status
    [[ $output == *"$XDG_STATE_HOME/order-tools/broker"* ]]
    XDG_STATE_HOME='' HOME=$BATS_TEST_TMPDIR/me run -3 --separate-stderr broker status
    [[ $output == *"$BATS_TEST_TMPDIR/me/.local/state/order-tools/broker"* ]]
    BROKER_HOME=here run -3 --separate-stderr broker status
    [[ $output == *"$PWD/here"* ]]
}

@test "broker: a folder that cannot be made" {
    : >file
    BROKER_HOME=$PWD/file/home run -69 --separate-stderr broker start
    [[ $stderr == *"'$PWD/file/home'"* ]]
    BROKER_HOME=$PWD/file run -69 --separate-stderr broker start
    [[ $stderr == *"'$PWD/file'"* ]]
}

@test "broker: wrong usage, and help" {
    local arguments
    broker start
    refuses_usage broker <<'END'

frobnicate
--frobnicate
start now
stop now
restart now
kill 9
status -v
url x
env x
ctl
END
    BROKER_TIMEOUT=soon run -64 --separate-stderr broker start
    run -0 --separate-stderr broker --help
    [ -z "$stderr" ]
    for arguments in start stop restart kill status url env ctl; do
        [[ $output == *$'\n  '"$arguments "* ]]
    done
    # None of this has disturbed the node.
    answers
}
