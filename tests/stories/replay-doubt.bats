# What the broker has surely seen of what was acknowledged: a channel that it closes since letters are in hand for too long, a
# connection that it closes, a broker that is gone. These tests have a broker of their own, which is patient for 3 s only.

load ../support/letters

setup_file()
{
    start_broker
    be_patient_for 3000
}

teardown()
{
    leave_connections
    tidy
    be_patient_for 3000
}

# close_connections_every MS: the broker closes all connections, again and again, until leave_connections.
close_connections_every()
{
    evaluate "Close = fun(Self) -> timer:sleep($1),
        [rabbit_networking:close_connection(P, \"cut by a test\") || P <- rabbit_networking:connections()], Self(Self) end,
        register(closer, spawn(fun() -> Close(Close) end))."
}

# close_working_connections_every MS: only those on which a channel has been open for so long.
close_working_connections_every()
{
    evaluate "Working = fun() -> [Pid || Pid <- rabbit_networking:connections(),
            [{channels, N}] <- [catch rabbit_networking:connection_info(Pid, [channels])], N > 0] end,
        Close = fun(Self) -> Pids = Working(), timer:sleep($1),
            [catch rabbit_networking:close_connection(Pid, \"cut by a test\") || Pid <- Pids], Self(Self) end,
        register(closer, spawn(fun() -> Close(Close) end))."
}

leave_connections()
{
    evaluate 'case whereis(closer) of undefined -> ok; Pid -> exit(Pid, kill) end.' 2>/dev/null || true
}

# slow_filter SECONDS: a program that answers each letter with itself, so much later, and notes what it was asked.
slow_filter()
{
    printf '#!/bin/sh\nwhile IFS= read -r line; do printf "%%s\\n" "$line" >>asked; sleep %s; printf "%%s\\n" "$line"; done\n' \
        "$1" >slow-filter
    chmod +x slow-filter
}

lost()
{
    grep -c 'lost the broker' "$1"
}

# each_once N: all of them were sent back, once.
each_once()
{
    holds "$DEAD_Q" 0
    is_exactly "$1" "$PLACED_Q"
    [ "$(fates)" = "$1 replayed" ]
}

# ---- few in hand while work is slow

@test "--rate: letters are not in hand for longer than the broker is patient" {
    numbered 40
    run -0 --separate-stderr dlq-replay --rate 8
    [ -z "$stderr" ]
    each_once 40
}

@test "--filter: a slow one has few letters in hand, and each is sent about a second after it was asked about" {
    numbered 16
    slow_filter 0.3
    run -0 --separate-stderr dlq-replay --filter ./slow-filter
    [ -z "$stderr" ]
    each_once 16
    [ "$(jq .body.n asked | cksum)" = "$(seq 16 | cksum)" ]
}

@test "--filter: fast at first, slow later" {
    numbered 120
    printf '#!/bin/sh\nn=0\nwhile IFS= read -r line; do n=$((n + 1)); [ $n -lt 100 ] || sleep 0.25; printf "%%s\\n" "$line"; done\n' \
        >slow-filter
    chmod +x slow-filter
    run -0 --separate-stderr dlq-replay --filter ./slow-filter
    each_once 120
}

# ---- a channel that the broker closes

@test "--filter: one letter takes it longer than the broker is patient: each is asked about and sent once, all the same" {
    numbered 3
    slow_filter 4
    run -0 --separate-stderr dlq-replay --retry-delay 0 --filter ./slow-filter
    [[ $stderr == *'406 PRECONDITION_FAILED'* ]]
    each_once 3
    [ "$(jq .body.n asked | paste -sd,)" = 1,2,3 ]
}

@test "letters that are kept in hand until the broker closes the channel: each has one fate, one line, one entry in the audit" {
    # 30 that are not meant, 5 that the filter leaves, and those that go meanwhile.
    letters '(range(30) | letter({n: (. + 1)}; "expired"; 1700000000)), (range(30; 60) | letter({n: (. + 1)}))'
    eventually holds "$DEAD_Q" 60
    run -0 --separate-stderr dlq-replay --reason rejected --rate 6 --audit log --retry-delay 0 --filter \
        jq -c --unbuffered 'if .body.n > 55 then null else . end'
    [[ $stderr == *'406 PRECONDITION_FAILED'* ]]
    [ "$(fates)" = '5 left, 25 replayed' ]
    jq -c '[.fate]' log | diff - <(jq -c '[.fate]' <<<"$output")
    [ "$(numbers "$PLACED_Q" | paste -sd,)" = "$(seq 31 55 | paste -sd,)" ]
    is_exactly 60 "$DEAD_Q" "$PLACED_Q"
}

@test "--dry-run: letters that are delivered again are not reported again" {
    numbered 5
    slow_filter 1
    run -0 --separate-stderr dlq-replay --dry-run --retry-delay 0 --filter ./slow-filter
    [[ $stderr == *'406 PRECONDITION_FAILED'* ]]
    [ "$(fates)" = '5 replayed' ]
    is_exactly 5 "$DEAD_Q"
}

@test "letters that are alike are as many afterwards as they were before" {
    letters 'range(12) | letter({n: 1})'
    eventually holds "$DEAD_Q" 12
    slow_filter 0.7
    run -0 --separate-stderr dlq-replay --retry-delay 0 -n 9 --filter sh -c 'n=0; while IFS= read -r line; do
        n=$((n + 1)); sleep 0.7; if [ $((n % 3)) = 0 ]; then echo null; else printf "%s\n" "$line"; fi; done'
    [ "$(fates)" = '3 left, 6 replayed' ]
    holds "$PLACED_Q" 6
    eventually holds "$DEAD_Q" 6
}

# nobody_reads_for SECONDS NAME COMMAND...: its output goes into a pipe from which nothing is read for so long.
nobody_reads_for()
{
    local seconds=$1 until
    shift
    stalled "$@"
    eventually stands_still "$PID"
    until=$((SECONDS + seconds))
    waited()
    {
        [ "$SECONDS" -ge "$1" ]
    }
    eventually waited "$until"
    cat <&5 >"$1.read"
    exec 5<&-
    finish "$PID"
}

@test "--take into a pipe that nobody reads for a while: each letter is in it once, and gone" {
    numbered 3000
    nobody_reads_for 5 take dlq-replay --take --retry-delay 0
    [ "$status" = 0 ]
    [ "$(lost take.err)" -ge 1 ]
    [ "$(jq .body.n take.read | cksum)" = "$(seq 3000 | cksum)" ]
    holds "$DEAD_Q" 0
}

@test "replayed while nobody reads the output: each letter is sent once" {
    numbered 3000
    nobody_reads_for 5 replay dlq-replay --retry-delay 0
    [ "$status" = 0 ]
    [ "$(wc -l <replay.read)" = 3000 ]
    holds "$DEAD_Q" 0
    is_exactly 3000 "$PLACED_Q"
}

@test "--list and --summary: a channel that was closed is said, and the list is not complete" {
    # More than arrives before anything is read.
    letters 'range(2000) | letter({n: (. + 1), pad: ("x" * 12000)})'
    eventually holds "$DEAD_Q" 2000
    nobody_reads_for 5 list dlq-replay --list --retry-delay 0
    [ "$status" = 69 ]
    grep -q 'the connection was lost: the list is not complete' list.err
    # A slow machine takes long to list all of it.
    be_patient_for 60000
    is_exactly 2000 "$DEAD_Q"
    be_patient_for 3000
}

# ---- a connection that is lost

@test "connections that the broker closes again and again while letters are sent back: each goes once or, on its way just then, twice" {
    numbered 3000
    close_working_connections_every 300
    run -0 --separate-stderr dlq-replay --rate 1500 --retries 100 --retry-delay 0
    [[ $stderr == *'lost the broker'* ]]
    leave_connections
    [ "$(fates)" = '3000 replayed' ]
    holds "$DEAD_Q" 0
    is_at_least 3000 "$PLACED_Q"
}

@test "--idle-timeout counts only on a connection that works: a worker whose connections all break ends with 69" {
    close_connections_every 100
    run -69 --separate-stderr timeout -k 1 "$HANGING" inventory-worker --idle-timeout 1 --retries 3 --retry-delay 1
    [[ $stderr == *'giving up after 3 attempts'* ]]
    run -69 --separate-stderr timeout -k 1 "$HANGING" notify-worker --idle-timeout 1 --retries 3 --retry-delay 1
}

@test "a broker that is killed: the number of letters that may come again is reported, 69" {
    letters 'range(2000) | letter({n: (. + 1)}) | .properties.delivery_mode = 2'
    eventually holds "$DEAD_Q" 2000
    stalled take dlq-replay --take --retries 2 --retry-delay 0
    eventually stands_still "$PID"
    # RabbitMQ writes acknowledgements to disk some time after it has handled them.
    sleep 1
    broker kill
    cat <&5 >taken
    exec 5<&-
    finish -69 "$PID"
    said=$(sed -n "s/^dlq-replay: \([0-9]*\) letters may come again in '$DEAD_Q': .*/\1/p" take.err)
    broker start
    be_patient_for 3000
    eventually nobody_holds "$DEAD_Q"
    { jq .body.n taken && numbers "$DEAD_Q"; } | sort -nu | cmp - <(seq 2000)
    # No more are in both places than it has said.
    both=$(($(wc -l <taken) + $(ready "$DEAD_Q") - 2000))
    echo "$both in both places, $said said"
    # RabbitMQ 4 may lose, when it is killed, what it had taken in and answered.
    [ "$(broker_major)" -ge 4 ] || [ "$both" -le "$said" ]
    [ "$said" -le "$(wc -l <taken)" ]
}

@test "a broker that is killed while letters are sent back: confirmed letters are reported, and so are those in doubt" {
    letters 'range(60) | letter({n: (. + 1)}) | .properties.delivery_mode = 2'
    eventually holds "$DEAD_Q" 60
    start replay dlq-replay --rate 15 --retries 2 --retry-delay 0
    # A rate of 15 is a part of 15 at most, and less if fewer have arrived by then.
    all_of_a_part()
    {
        [ "$(grep -c '"fate":"replayed"' replay.out)" -ge 15 ]
    }
    eventually all_of_a_part
    broker kill
    finish -69 "$PID"
    grep -q "letters\? may come again in '$DEAD_Q': the broker may not have seen" replay.err
    broker start
    be_patient_for 3000
    sent=$(jq -r 'select(.fate == "replayed") | 1' replay.out | wc -l)
    maybe=$(jq -r 'select(.reason == "the broker did not confirm it, but may have it all the same") | 1' replay.out | wc -l)
    eventually is_at_least 60 "$DEAD_Q" "$PLACED_Q"
    back=$(ready "$PLACED_Q")
    echo "$sent sent, $maybe perhaps, $back there"
    [ "$sent" -ge 15 ]
    [ "$back" -ge "$sent" ]
    [ "$back" -le $((sent + maybe)) ]
}

@test "a broker that is away: each letter that was read or had arrived has a fate" {
    jq -nc 'range(1; 301) | {queue: "inventory.failed.q", body: {n: .}}' >given
    run -69 --separate-stderr dlq-replay --from given -u amqp://127.0.0.1:1 --retries 1
    [ "$(jq -c '[.fate, .reason]' <<<"$output" | sort -u)" = '["left","the broker cannot be reached"]' ]
    [ "$(jq .number <<<"$output" | cksum)" = "$(seq 300 | cksum)" ]
}

@test "a stop while letters are restored slowly: each letter that was read has a fate, with its position" {
    start_fed fed dlq-replay --from - --rate 2
    # In one piece, so that all of it is read at once.
    jq -nj 'range(1; 31) | {queue: "inventory.failed.q", body: {n: .}}' >given
    cat given >&7
    eventually test -s fed.out
    ends -143 "$PID" TERM
    [ "$(jq .number fed.out | cksum)" = "$(seq 30 | cksum)" ]
    [ "$(jq -r 'select(.fate != "restored") | .fate + ": " + .reason' fed.out | sort -u)" = 'left: asked to stop' ]
    jq 'select(.fate == "restored").number' fed.out | cmp - <(numbers "$FAILED_Q")
}

@test "a dead letter queue that is deleted while letters are sent back: the letters lost with it are reported" {
    numbered 8
    start slow dlq-replay --rate 2 --retry-delay 1
    eventually grep -q replayed slow.out
    api DELETE "queues/$VHOST/$DEAD_Q"
    ends -0 "$PID" '' 15
    gone=$((8 - $(wc -l <slow.out)))
    grep -qx "dlq-replay: $gone of 8 letters are no longer in '$DEAD_Q': somebody else has taken them, or the queue was deleted" slow.err
}
