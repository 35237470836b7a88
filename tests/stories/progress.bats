#!/usr/bin/env bats
# Progress, as it stands on a terminal, during the work and after it.

load ../support/helper

setup()
{
    isolate
    # Not within the folder of the test: the path of a socket is short.
    TMUX_SOCKET=$SUITE_DIR/tmux-$BATS_SUITE_TEST_NUMBER
    SCREENS=0
    # What script(1) passes on.
    export TERM=xterm
}

teardown()
{
    tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null || true
    tidy
}

# terminal COLUMNS COMMAND: runs a shell command in a new terminal; "left STATUS" stands there once it has ended.
terminal()
{
    tmux -S "$TMUX_SOCKET" -f /dev/null new-session -d -s "screen$((SCREENS += 1))" -x "$1" -y 24 -- \
        sh -c "trap : INT; $2; echo \"left \$?\"; exec sleep 600" 3>&- 7>&-
}

# screen: what stands in the last one, without empty lines.
screen()
{
    tmux -S "$TMUX_SOCKET" capture-pane -p -t "screen$SCREENS" | grep -v '^$' || true
}

# shows REGEX: is that the whole of the screen?
shows()
{
    [[ $(screen) =~ ^$1$ ]] || { screen && false; }
}

# fill N [THERE]: so many more messages in a queue that nobody empties, which has THERE.
fill()
{
    local i
    for ((i = 0; i < $1; i++)); do
        publish inventory-ex inventory.failed message
    done
    eventually holds "$FAILED_Q" $(($1 + ${2:-0}))
}

# take N: so many out of it again.
take()
{
    api POST "queues/$VHOST/$FAILED_Q/get" "{\"count\": $1, \"ackmode\": \"ack_requeue_false\", \"encoding\": \"auto\"}" >/dev/null
}

# feed: opens a pipe for a program in the terminal, at descriptor 7.
feed()
{
    mkfifo input
    exec 7<>input
}

receipts()
{
    [ "$(wc -l <receipts)" = "$1" ]
}

@test "queue-inspect --until-empty: what has gone, the rate, and in the end the table alone" {
    topology
    fill 10
    terminal 80 "queue-inspect --until-empty $FAILED_Q"
    eventually shows 'queue-inspect: 0 messages \(0%\), 0\.0/s'
    take 5
    eventually shows 'queue-inspect: 5 messages \(50%\), [0-9]+\.[0-9]/s, [0-9]:[0-9]{2} left'
    # Some seconds without a message: the rate is that of late.
    eventually shows 'queue-inspect: 5 messages \(50%\), 0\.0/s'
    fill 3 5
    eventually shows 'queue-inspect: 2 messages \(20%\), 0\.0/s'
    take 8
    eventually shows "QUEUE +READY +CONSUMERS"$'\n'"$FAILED_Q +0 +0"$'\n''left 0'
}

@test "queue-inspect --until: how many of the wanted messages are there" {
    topology
    fill 3
    terminal 80 "queue-inspect --until 4 $FAILED_Q $DEAD_Q"
    eventually shows 'queue-inspect: 3 messages \(37%\), 0\.0/s'
    fill 9 3
    eventually shows 'queue-inspect: 4 messages \(50%\), [0-9]+\.[0-9]/s, [0-9]:[0-9]{2} left'
    tmux -S "$TMUX_SOCKET" send-keys -t "screen$SCREENS" C-c
    eventually shows "QUEUE[^:]*queue-inspect: asked to stop: queue '$DEAD_Q' has 0 of 4 messages ready"$'\n''left 130'
}

@test "order-place, from a file: done, rate and time left; at the end the line is gone" {
    for ((i = 0; i < 1000; i++)); do order; done >thousand
    for ((i = 0; i < 60; i++)); do cat thousand; done >orders
    terminal 80 "order-place <orders >receipts"
    eventually shows 'order-place: [0-9]+ orders \([0-9]{1,2}%\), [0-9]+/s, [0-9]:[0-9]{2} left'
    eventually shows 'left 0'
    receipts 60000
}

@test "order-place, from a pipe: no time left; a message stands above the line, and stays" {
    feed
    terminal 80 "order-place <input >receipts"
    order >&7
    order >&7
    eventually shows 'order-place: 2 orders, [0-9]+\.[0-9]/s'
    echo 'no order' >&7
    order 0 >&7
    eventually shows 'order-place: input 3 \(line 3\): [^:]*'$'\n''order-place: input 4 \(line 4\): .*'$'\n''order-place: 2 orders, [0-9]\.[0-9]/s'
    order >&7
    eventually shows '[^/]*'$'\n''order-place: 3 orders, [0-9]\.[0-9]/s'
    exec 7>&-
    eventually shows 'order-place: input 3 \(line 3\): [^:]*'$'\n''order-place: input 4 \(line 4\): [^/]*'$'\n''left 65'
    receipts 3
}

@test "a message that is shorter or longer than the line replaces all of it" {
    feed
    terminal 80 "order-place --url amqp://127.0.0.1:1 --retries 2 <input >receipts"
    order >&7
    eventually shows "order-place: broker .*giving up after 2 attempts"$'\n'"order-place: 1 orders, [0-9]\.[0-9]/s"
    exec 7>&-
    eventually shows "order-place: broker .*giving up after 2 attempts"$'\n''left 75'
    [[ $(screen) != *orders* ]]
}

@test "order-place that is asked to stop takes the line away" {
    feed
    terminal 80 "order-place <input >receipts"
    order >&7
    eventually shows 'order-place: 1 orders, [0-9]\.[0-9]/s'
    tmux -S "$TMUX_SOCKET" send-keys -t "screen$SCREENS" C-c
    eventually shows 'left 130'
}

@test "a line that is too long for the terminal is cut between its parts" {
    topology
    fill 10
    terminal 40 "queue-inspect --until-empty --format json $FAILED_Q >/dev/null"
    eventually shows 'queue-inspect: 0 messages \(0%\), 0\.0/s'
    take 5
    eventually shows 'queue-inspect: 5 messages \(50%\), [0-9]+\.[0-9]/s'
    take 5
    eventually shows 'left 0'
    fill 1
    terminal 28 "queue-inspect --until-empty --timeout 3 --format json $FAILED_Q >/dev/null"
    eventually shows 'queue-inspect: 0 messages'
    terminal 20 "queue-inspect --until-empty --timeout 3 --format json $FAILED_Q >/dev/null"
    eventually shows 'queue-inspect:'
}

@test "no progress line where receipts go to the terminal; with --progress there are messages" {
    feed
    terminal 80 "order-place <input"
    order >&7
    eventually shows '\{"order_id": "[-0-9a-f]+", "status": "PLACED"\}'
    # Here the time itself counts: a line would appear after a second.
    sleep 1.5
    order >&7
    exec 7>&-
    eventually shows '(\{"order_id": "[-0-9a-f]+", "status": "PLACED"\}'$'\n''){2}left 0'
    for ((i = 0; i < 3; i++)); do order; done >orders
    terminal 80 "order-place --progress <orders"
    eventually shows '(\{"order_id": "[-0-9a-f]+", "status": "PLACED"\}'$'\n''){3}order-place: 3 orders in 0:0[0-9](, [0-9.]+/s)?'$'\n''left 0'
}

@test "in the background of a shell nothing is drawn" {
    topology
    fill 1
    run -1 script -qec "sh -c 'set -m; queue-inspect --format json --until-empty --timeout 2 $FAILED_Q & wait \$!'" /dev/null
    [ "${#lines[@]}" = 2 ]
    [[ $output != *messages* ]]
}

@test "no progress line on a terminal that cannot erase; with --progress there are messages" {
    topology
    fill 1
    TERM=dumb run -1 script -qec "queue-inspect --format json --until-empty --timeout 2 $FAILED_Q" /dev/null
    [ "${#lines[@]}" = 2 ]
    TERM=dumb run -1 script -qec "queue-inspect --progress --format json --until-empty --timeout 2 $FAILED_Q" /dev/null
    [[ ${lines[0]} == 'queue-inspect: 0 messages (0%), 0.0/s'* ]]
    [[ $output != *$'\e'* ]]
}

@test "--quiet: no progress even on a terminal" {
    topology
    fill 1
    run -1 script -qec "queue-inspect --quiet --format json --until-empty --timeout 2 $FAILED_Q" /dev/null
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == '{"queue":"inventory.failed.q",'* ]]
    [[ ${lines[1]} == "queue-inspect: queue 'inventory.failed.q' is not empty: 1 ready"* ]]
    # Which can be told from a terminal with it.
    run -1 script -qec "queue-inspect --format json --until-empty --timeout 2 $FAILED_Q" /dev/null
    [[ $output == *'queue-inspect: 0 messages (0%)'* ]]
    # The last of the two counts.
    run -1 script -qec "queue-inspect --progress --quiet --format json --until-empty --timeout 2 $FAILED_Q" /dev/null
    [ "${#lines[@]}" = 2 ]
}

@test "without a terminal there is nothing; with --progress a message each second, and the sum" {
    topology
    fill 1
    run -1 --separate-stderr queue-inspect --until-empty --timeout 3 "$FAILED_Q"
    [ "$stderr" = "queue-inspect: queue '$FAILED_Q' is not empty: 1 ready" ]
    run -1 --separate-stderr queue-inspect --progress --until-empty --timeout 3 "$FAILED_Q"
    [ "$(head -n -2 <<<"$stderr" | sort -u)" = 'queue-inspect: 0 messages (0%), 0.0/s' ]
    [ "${#stderr_lines[@]}" -ge 3 ] && [ "${#stderr_lines[@]}" -le 5 ]
    [[ ${stderr_lines[-2]} =~ ^'queue-inspect: 0 messages in 0:0'[34]$ ]]
    [ "${stderr_lines[-1]}" = "queue-inspect: queue '$FAILED_Q' is not empty: 1 ready" ]
}

@test "work that is over at once shows no line; --progress tells the sum" {
    for ((i = 0; i < 30; i++)); do order; done >orders
    run -0 --separate-stderr script -qec "order-place <orders >receipts" /dev/null
    [ "$output" = "" ]
    run -0 --separate-stderr script -qec "order-place --progress <orders >receipts" /dev/null
    [[ $output =~ ^"order-place: 30 orders in 0:0"[0-9](, [0-9.]+/s)?$'\r'?$ ]]
    # Nothing was pending.
    run -0 --separate-stderr order-place --flush --progress
    [[ $stderr =~ ^"order-place: 0 orders in 0:0"[0-9]$ ]]
}

@test "progress that cannot be written does not fail the run" {
    order >orders
    run -0 order-place --progress <orders 2>/dev/full
    [[ $output == '{"order_id": '* ]]
    run -0 bash -c 'order-place --progress <orders 2>&-'
    [[ $output == '{"order_id": '* ]]
}

@test "dlq-replay: done, rate and time left, of letters that go back and of those that come from a file" {
    topology
    for ((i = 0; i < 20; i++)); do
        publish '' "$DEAD_Q" "letter $i"
    done
    eventually holds "$DEAD_Q" 20
    dlq-replay --list >letters
    eventually holds "$DEAD_Q" 20
    terminal 80 "dlq-replay --rate 5 --to $FAILED_Q >fates"
    eventually shows 'dlq-replay: [0-9]+ letters \([0-9]{2}%\), [0-9.]+/s, 0:0[0-9] left'
    eventually shows 'left 0'
    holds "$FAILED_Q" 20
    run -0 --separate-stderr dlq-replay --progress --from letters
    [[ $stderr =~ ^"dlq-replay: 20 letters in 0:0"[0-9](, [0-9.]+/s)?$ ]]
    holds "$DEAD_Q" 20
}
