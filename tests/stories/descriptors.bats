# Descriptors that others share: non-blocking ones, full ones whose reader stands still, and the first signal meanwhile.
# Output arrives whole, input that was read is answered, and a program that is asked to stop does so, whatever it waits for.

load ../support/helper

levels()
{
    seq -f '{"sku":"sku-%.0f","on_hand":7}' 1 "$1"
}

# dead N: so many dead letters.
dead()
{
    topology
    seq -f '{"queue":"order.placed.dlq","body":"letter %.0f, which is longer than it need be, so that many of them fill a pipe"}' 1 "$1" |
        dlq-replay --from - --to "$DEAD_Q" >/dev/null
}

# Programs that write much, once prepare NAME has made it so; run_of NAME runs one.
WRITERS='place show stock inventory notify list take peek'

prepare()
{
    case $1 in
        place) orders 3000 >input ;;
        show) orders 1000 | order-place >/dev/null ;;
        stock) levels 2500 | inventory-stock >/dev/null ;;
        inventory) orders 1500 | order-place >/dev/null ;;
        notify)
            orders 1500 | order-place >/dev/null
            inventory-worker --idle-timeout 0 >/dev/null 2>&1
            ;;
        *) dead 700 ;;
    esac
}

run_of()
{
    case $1 in
        place) exec order-place <input ;;
        show) exec order-show --all ;;
        stock) exec inventory-stock </dev/null ;;
        inventory) exec inventory-worker --idle-timeout 1 ;;
        notify) exec notify-worker --idle-timeout 1 ;;
        list) exec dlq-replay --list ;;
        take) exec dlq-replay --take ;;
        peek) exec queue-inspect --peek 100000 "$DEAD_Q" ;;
    esac
}

# How many lines run_of writes.
lines_of()
{
    case $1 in
        place) echo 3000 ;;
        show) echo 1000 ;;
        stock) echo 2500 ;;
        inventory | notify) echo 1500 ;;
        *) echo 700 ;;
    esac
}

# filled NAME DESCRIPTOR COMMAND...: starts it with that descriptor being a pipe that nobody reads yet: NAME.pipe, which is open as
# descriptor 8, too. Waits until it is full.
filled()
{
    local name=$1 descriptor=$2
    shift 2
    rm -f "$name.pipe"
    mkfifo "$name.pipe"
    exec 8<>"$name.pipe"
    # Under nohup the suite itself was told to ignore SIGHUP, and what it starts would too.
    case $descriptor in
        1) start "$name" env --default-signal=HUP bash -c 'exec "$@" >&8 8>&-' - "$@" ;;
        2) start "$name" env --default-signal=HUP bash -c 'exec "$@" 2>&8 8>&-' - "$@" ;;
    esac
    eventually stands_still "$PID"
}

# lent NAME DESCRIPTOR COMMAND...: the same, with a pipe that is non-blocking.
lent()
{
    filled "$1" "$2" lend nonblocking "$2" "${@:3}"
}

# start_over: an empty virtual host, and no databases.
start_over()
{
    api DELETE "vhosts/$VHOST" >/dev/null
    api PUT "vhosts/$VHOST" >/dev/null
    other_store
}

# read_all: all that comes out of descriptor 8 until nobody else writes to it.
read_all()
{
    exec 9<"$1.pipe" 8>&-
    cat <&9
    exec 9<&-
}

is_nonblocking()
{
    local flags
    flags=$(sed -n 's/^flags:\t//p' "/proc/$BASHPID/fdinfo/$1")
    [ $((flags & 04000)) -ne 0 ]
}

# As bash -c may run them.
export_programs()
{
    export -f run_of
    export DEAD_Q
}

check_whole()
{
    [ "$(wc -l <"$2")" -eq "$(lines_of "$1")" ]
    jq -e . "$2" >/dev/null
    [ "$(sort -u "$2" | wc -l)" -eq "$(lines_of "$1")" ]
}

@test "non-blocking standard output, and a reader that is late: all of it, whole, by every program" {
    local name
    export_programs
    for name in $WRITERS; do
        prepare "$name"
        lent "$name" 1 bash -c "run_of $name"
        is_nonblocking 8
        read_all "$name" >"$name.lines"
        finish -0 "$PID"
        check_whole "$name" "$name.lines"
        case $name in
            inventory | notify) ;;
            *) [ ! -s "$name.err" ] ;;
        esac
        cut_connections
        start_over
    done
}

@test "a socket as standard output, which others may have made non-blocking: all of it, whole" {
    orders 3000 | order-place >/dev/null
    run -0 --separate-stderr lend socket order-show --all
    [ "${#lines[@]}" -eq 3000 ]
    [ -z "$stderr" ]
    run -0 --separate-stderr lend socket lend nonblocking 1 order-show --all
    [ "${#lines[@]}" -eq 3000 ]
    [ -z "$stderr" ]
    jq -e . <<<"$output" >/dev/null
}

@test "non-blocking standard error, and a reader that is late: the whole log, no line cut, no line lost" {
    local name
    export_programs
    orders 1500 | order-place >/dev/null
    lent inventory 2 inventory-worker --idle-timeout 1
    read_all inventory >log
    finish -0 "$PID"
    [ "$(wc -l <inventory.out)" -eq 1500 ]
    ids <inventory.out | sort >ids
    sed -n 's/^\[inventory\] reservation OK for //p' log | sort | cmp ids -
    sed -n 's/^\[inventory\] published InventoryReserved for //p' log | sort | cmp ids -
    [ "$(wc -l <log)" -eq 3000 ]
    lent notify 2 notify-worker --idle-timeout 1
    read_all notify >log
    finish -0 "$PID"
    sed -n 's/^\[notify\] Order confirmed: //p' log | sort | cmp ids -
    [ "$(wc -l <log)" -eq 1500 ]
    # Messages, a line each.
    seq -f '{"refused": %.0f}' 1 2000 >input
    lent place 2 bash -c 'exec order-place <input'
    read_all place >log
    finish -65 "$PID"
    [ "$(grep -c '^order-place: input [0-9]* (line [0-9]*): user_id is missing$' log)" -eq 2000 ]
    [ "$(wc -l <log)" -eq 2000 ]
}

# asked NAME COMMAND...: starts it with a standard input that is a non-blocking pipe, descriptor 7.
asked()
{
    local name=$1
    shift
    rm -f "$name.in"
    mkfifo "$name.in"
    exec 7<>"$name.in"
    start "$name" lend nonblocking 0 "$@" <"$name.in"
}

@test "non-blocking standard input: waited for, and each answer is there before the next question" {
    local file
    asked place order-place
    orders 1 >&7
    eventually has_lines place.out 1
    orders 2 >&7
    eventually has_lines place.out 3
    exec 7>&-
    finish -0 "$PID"
    asked show order-show
    ids <place.out | head -n 1 >&7
    eventually has_lines show.out 1
    ids <place.out | tail -n 2 >&7
    eventually has_lines show.out 3
    exec 7>&-
    finish -0 "$PID"
    asked stock inventory-stock
    levels 1 >&7
    eventually has_lines stock.out 1
    levels 2 >&7
    eventually has_lines stock.out 3
    exec 7>&-
    finish -0 "$PID"
    asked replay dlq-replay --from - --to "$DEAD_Q"
    echo '{"queue":"order.placed.dlq","body":"one"}' >&7
    eventually has_lines replay.out 1
    echo '{"queue":"order.placed.dlq","body":"two"}' >&7
    eventually has_lines replay.out 2
    exec 7>&-
    finish -0 "$PID"
    for file in place show stock replay; do
        [ ! -s "$file.err" ]
    done
}

# Each way in which a full pipe may be there: blocking, non-blocking, and where it cannot be opened anew.
pipes()
{
    case $1 in
        blocking) filled "${@:2}" ;;
        nonblocking) lent "${@:2}" ;;
        # As in dying.
        alone) ASAN_OPTIONS=verify_asan_link_order=0 filled "$2" "$3" env LD_PRELOAD="$SUPPORT/alone.so" "${@:4}" ;;
    esac
}

# accounted QUEUE N NAME: each of N messages is in the queue, or was written to the end.
accounted()
{
    [ "$(($(ready "$1") + $(cat "$3".{,non}blocking "$3.alone" 2>/dev/null | sort -u | wc -l)))" -ge "$2" ]
}

@test "SIGTERM with standard output full and nobody reading: 74 in a moment, and what was not written is not done" {
    local name kind kinds
    export_programs
    for name in $WRITERS; do
        prepare "$name"
        # Those two write by themselves, and by the lines of a batch.
        case $name in
            show | inventory) kinds='blocking nonblocking alone' ;;
            *) kinds='blocking' ;;
        esac
        for kind in $kinds; do
            pipes "$kind" "$name" 1 bash -c "run_of $name"
            ends "$PID" TERM
            if [ "$status" -ne 74 ]; then
                echo "$name with a pipe that is $kind: exit $status, $(cat "$name.err")" >&2
                return 1
            fi
            grep -qE ": cannot write standard output: asked to stop, and its reader has taken nothing for 1000 ms$" "$name.err"
            # What was taken by the pipe is whole lines, but for one that is longer than a pipe takes at once.
            read_all "$name" >"$name.$kind"
            jq -e . "$name.$kind" >/dev/null
            case $name in
                inventory) eventually accounted "$PLACED_Q" 1500 "$name" ;;
                notify) eventually accounted "$RESERVED_Q" 1500 "$name" ;;
                take) eventually accounted "$DEAD_Q" 700 "$name" ;;
            esac
        done
        start_over
    done
}

@test "SIGTERM with standard error full and nobody reading: the work in hand is finished, the rest of the log is dropped" {
    local kind
    export_programs
    orders 3000 | order-place >/dev/null
    for kind in blocking nonblocking alone; do
        pipes "$kind" inventory 2 inventory-worker
        ends -0 "$PID" TERM
        ids <inventory.out >>told
        # Whole lines.
        read_all inventory >log
        [ "$(grep -vcE '^\[inventory\] (reservation OK for|published InventoryReserved for|duplicate ignored:) [0-9a-f-]{36}$' log)" -eq 0 ]
    done
    sort -u told >told.sorted
    messages "$RESERVED_Q" | jq -r '.payload | fromjson.order_id' | sort -u | cmp told.sorted -
    pipes blocking notify 2 notify-worker
    ends -0 "$PID" HUP
    seq 20000 >input
    pipes blocking place 2 bash -c 'exec order-place <input'
    ends -129 "$PID" HUP
    seq -f '%.0f' 20000 >input
    pipes blocking stock 2 bash -c 'exec inventory-stock <input'
    ends -143 "$PID" TERM
    pipes blocking show 2 bash -c 'exec order-show <input'
    ends -143 "$PID" TERM
}

@test "a reader that is slow, but reads, is waited for after SIGTERM, too" {
    orders 3000 | order-place >/dev/null
    mkfifo pipe
    start show bash -c 'exec order-show --all >pipe'
    exec 8<pipe
    eventually stands_still "$PID"
    kill -TERM "$PID"
    # 64 KiB in the pipe, as much again in the program's hands.
    while IFS= read -r -N 4096 -u 8 piece || [ -n "$piece" ]; do
        printf %s "$piece"
        # Here the time itself counts: a reader that is slow.
        sleep 0.1
    done >got
    finish -143 "$PID"
    [ ! -s show.err ]
    jq -e . got >/dev/null
    [ "$(tail -c 1 got | od -An -tx1)" = ' 0a' ]
}

@test "while nobody reads what a program writes, its connections are kept alive" {
    own_broker
    orders 2000 | order-place >/dev/null
    evaluate 'application:set_env(rabbit, heartbeat, 1).'
    pipes blocking inventory 1 inventory-worker --count 2000
    # Here the time itself counts: some times two seconds, after which the broker hangs up.
    sleep 5
    read_all inventory >inventory.lines
    finish -0 "$PID"
    [ "$(sort -u inventory.lines | wc -l)" -eq 2000 ]
    [ "$(grep -vc '^\[inventory\] ' inventory.err)" -eq 0 ]
    [ "$(grep -c 'duplicate' inventory.err)" -eq 0 ]
    holds "$PLACED_Q" 0
    pipes blocking notify 2 notify-worker --count 2000
    sleep 5
    read_all notify >notify.lines
    finish -0 "$PID"
    [ "$(wc -l <notify.out)" -eq 2000 ]
    [ "$(grep -c '^\[notify\] Order confirmed: ' notify.lines)" -eq 2000 ]
    [ "$(wc -l <notify.lines)" -eq 2000 ]
}

@test "two programs that share a full pipe: no line of one within a line of the other, and both heed the first signal" {
    local one two
    orders 3000 | order-place >/dev/null
    mkfifo pipe
    exec 8<>pipe
    start one bash -c 'exec order-show --all >&8'
    one=$PID
    start two bash -c 'exec order-show --all >&8'
    two=$PID
    # A little is read, again and again: each time there is room for one of them.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        eventually waits "$one"
        eventually waits "$two"
        head -c 4096 <&8
    done >got
    ends -74 "$one" TERM 3
    ends -74 "$two" TERM 3
    # What is in the pipe, which does not end.
    dd iflag=nonblock <&8 >>got 2>/dev/null || true
    jq -e . got >/dev/null
}

@test "order-place asked to stop while it reads a pipe: all that was read has a receipt or a refusal, the rest is in the pipe" {
    local round read whole
    orders 20000 >input
    for round in 1 2 3 4 5 6; do
        other_store
        rm -rf in rejects
        mkfifo in
        start feed bash -c 'exec cat input >in'
        feed=$PID
        start place order-place --rejects rejects <in
        # As late as it has begun to answer, and then at any moment.
        [ $((round % 3)) -eq 0 ] || eventually test -s place.out
        sleep "$(printf '0.%03d' $((RANDOM % 200)))"
        exec 8<in
        ends -143 "$PID" TERM
        cat <&8 >left
        exec 8<&-
        finish -0 "$feed"
        read=$(($(wc -c <input) - $(wc -c <left)))
        [ "$read" -gt 0 ] || continue
        head -c "$read" input >got
        whole=$(wc -l <got)
        # In the order of the input, as they are in the store.
        jq -r .order_id place.out >ids
        [ "$(wc -l <ids)" -eq "$whole" ]
        order-show <ids | jq -r .data.user_id | cmp - <(seq "$whole")
        [ "$(order-show --count)" -eq "$whole" ]
        jq -e 'select(.status != "PLACED")' place.out && return 1
        if [ "$(tail -c 1 got | od -An -tx1)" = ' 0a' ]; then
            [ ! -s rejects ]
            [ ! -s place.err ]
        else
            cmp rejects <(tail -n 1 got; echo)
            [ "$(cat place.err)" = "order-place: input $((whole + 1)) (line $((whole + 1))): asked to stop before it ended" ]
        fi
    done
}

@test "order-place asked to stop while the broker is away: what was read is stored, its receipts say PENDING" {
    # All of it is in the pipe before anything is read.
    mkfifo place.in
    exec 7<>place.in
    orders 700 >&7
    printf '{"user_id": "half' >&7
    start place order-place --url amqp://127.0.0.1:1 --retry-delay 60 <place.in
    eventually grep -q 'attempt 1' place.err
    ends -143 "$PID" TERM
    exec 7>&-
    [ "$(jq -r .status place.out | sort | uniq -c | tr -s ' ')" = ' 700 PENDING' ]
    grep -qx 'order-place: input 701 (line 701): asked to stop before it ended' place.err
    [ "$(order-show --status PENDING --count)" -eq 700 ]
    order-place --flush >flushed
    [ "$(wc -l <flushed)" -eq 700 ]
    holds "$PLACED_Q" 700
}

@test "order-place: a login that is refused: all that was read is stored, and said to be PENDING" {
    orders 1500 >input
    mkfifo in
    exec 7<>in
    cat input >&7 &
    run -77 --separate-stderr order-place --url "$SUITE_URL/none-$VHOST" <in
    exec 8<in 7>&-
    cat <&8 >left
    exec 8<&-
    wait "$!"
    head -c $(($(wc -c <input) - $(wc -c <left))) input >got
    [ "${#lines[@]}" -ge 500 ]
    [ "${#lines[@]}" -eq "$(wc -l <got)" ]
    [ "$(jq -r .status <<<"$output" | sort -u)" = PENDING ]
    [ "$(order-show --count)" -eq "${#lines[@]}" ]
    [[ $(tail -c 1 got | od -An -tx1) == ' 0a' || $stderr == *": not read to its end"* ]]
}

@test "inventory-stock and order-show asked to stop while they wait: at once, and what was read is answered" {
    local signal
    order-place </dev/null
    for signal in TERM:143 HUP:129; do
        rm -f stock.in show.in stock.out show.err
        start_fed stock env --default-signal=HUP inventory-stock
        levels 3 >&7
        printf '{"sku": "ha' >&7
        eventually has_lines stock.out 3
        ends "-${signal#*:}" "$PID" "${signal%:*}" 2
        [ "$(cat stock.err)" = 'inventory-stock: input 4 (line 4): asked to stop before it ended' ]
        [ "$(inventory-stock </dev/null | wc -l)" -eq 3 ]
        exec 7>&-
        start_fed show env --default-signal=HUP order-show
        printf 'no-such-id\nha' >&7
        eventually test -s show.err
        ends "-${signal#*:}" "$PID" "${signal%:*}" 2
        diff show.err - <<'END'
order-show: no order 'no-such-id'
order-show: input 2 (line 2): asked to stop before it ended
END
        exec 7>&-
    done
}

@test "inventory-stock: what was read is seen through when it is asked to stop" {
    levels 20000 >input
    mkfifo in
    start feed bash -c 'exec cat input >in'
    feed=$PID
    start stock inventory-stock <in
    eventually test -s stock.out
    exec 8<in
    ends -143 "$PID" TERM 15
    cat <&8 >left
    exec 8<&-
    finish "$feed"
    head -c $(($(wc -c <input) - $(wc -c <left))) input >got
    [ "$(wc -l <stock.out)" -eq "$(wc -l <got)" ]
    [ "$(inventory-stock </dev/null | wc -l)" -eq "$(wc -l <got)" ]
}

@test "a pipe as --audit or --rejects, without a reader or with one that stands still: the first signal is heeded" {
    dead 5
    mkfifo pipe
    start replay dlq-replay --audit pipe
    eventually waits "$PID"
    ends -74 "$PID" TERM
    [ "$(cat replay.err)" = "dlq-replay: cannot write 'pipe': No such device or address" ]
    exec 8<>pipe
    fill_pipe pipe
    start replay dlq-replay --audit pipe
    eventually waits "$PID"
    ends -74 "$PID" TERM
    [[ $(cat replay.err) == *"cannot write 'pipe': asked to stop, and its reader has taken nothing for 1000 ms"* ]]
    eventually holds "$DEAD_Q" 5
    start place order-place --rejects pipe <<<'{"none": 1}'
    eventually test -s place.err
    eventually waits "$PID"
    ends -74 "$PID" TERM
    grep -qx "order-place: cannot write 'pipe': asked to stop, and its reader has taken nothing for 1000 ms" place.err
}

# listener NAME ACCEPT: something listens, and says nothing; with ACCEPT 0 it does not even take a connection, and there is no
# room for one to wait. $PORT is its port.
listener()
{
    start listener perl -MSocket -e '
        my $s;
        socket($s, PF_INET, SOCK_STREAM, 0) && bind($s, sockaddr_in(0, INADDR_LOOPBACK)) && listen($s, $ARGV[0] ? 64 : 0) or die $!;
        $| = 1;
        my ($port) = sockaddr_in(getsockname $s);
        my @held;
        for (1 .. ($ARGV[0] ? 0 : 3)) {
            socket(my $c, PF_INET, SOCK_STREAM, 0);
            require Fcntl;
            fcntl($c, Fcntl::F_SETFL(), Fcntl::O_NONBLOCK());
            connect($c, sockaddr_in($port, INADDR_LOOPBACK));
            push @held, $c;
        }
        print "$port\n";
        sleep' "$1"
    eventually test -s listener.out
    PORT=$(cat listener.out)
}

@test "SIGTERM while a broker is being reached that does not answer: heeded within 5 s, by every program" {
    local accepts url program pids=()
    for accepts in 0 1; do
        listener "$accepts"
        rm listener.out
        for url in "amqp://127.0.0.1:$PORT,amqp://127.0.0.1:$PORT" "amqps://127.0.0.1:$PORT"; do
            for program in inventory-worker notify-worker queue-inspect dlq-replay order-place; do
                start "$program.${#pids[@]}" "$program" --url "$url" < <(order)
                pids+=("$PID")
            done
        done
    done
    for PID in "${pids[@]}"; do
        eventually waits "$PID"
        kill -TERM "$PID"
    done
    for PID in "${pids[@]}"; do
        PATIENCE=6 eventually ended "$PID" # the 5 s, as the test counts them
        finish "$PID"
        [[ $status == 0 || $status == 143 ]]
    done
    [ "$(cat order-place.*.out | jq -r .status | paste -sd' ')" = 'PENDING PENDING PENDING PENDING' ]
}

# asks_again PID: sends SIGTERM once more; succeeds when the program has ended.
asks_again()
{
    ! kill -TERM "$1" 2>/dev/null || ended "$1"
}

# is_delivered SIGNAL PID: none of it is pending.
is_delivered()
{
    local pending
    [ -e "/proc/$2" ] || return 0
    pending=$(sed -n 's/^ShdPnd:[[:space:]]*//p' "/proc/$2/status")
    ((((0x$pending >> ($(kill -l "$1") - 1)) & 1) == 0))
}

# asks_thrice PID: three signals, of which each is delivered, and not two as one. Fails if that takes nearly as long as they count
# as one request.
asks_thrice()
{
    local i began=${EPOCHREALTIME/[.,]/}
    for i in 1 2 3; do
        kill -TERM "$1" 2>/dev/null || return 1
        eventually is_delivered TERM "$1"
    done
    ((${EPOCHREALTIME/[.,]/} - began < 400000))
}

# As timeout(1) sends it: to the program, and at once to the group that it is in.
@test "the same signal twice at once is one request to stop; half a second later it kills" {
    topology
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved", "order_id": "a"}'
    start worker notify-worker --exec sh -c ": >started; $UNTIL_GO; echo told >>told"
    eventually test -e started
    asks_thrice "$PID" || skip 'this machine is too slow just now for three signals in half a second'
    touch go
    ends -0 "$PID"
    run -0 --separate-stderr notify-worker --idle-timeout 0 --exec sh -c 'echo told >>told'
    [ "$(cat told)" = told ]

    rm go started
    publish inventory-ex inventory.reserved '{"event_type": "InventoryReserved", "order_id": "b"}'
    start worker notify-worker --exec sh -c ": >started; $UNTIL_GO"
    eventually test -e started
    kill -TERM "$PID"
    eventually asks_again "$PID"
    finish -143 "$PID"
    touch go
}

@test "SIGTERM while the management API does not answer: heeded at once" {
    listener 1
    start inspect queue-inspect --check-topology --api "http://127.0.0.1:$PORT"
    eventually waits "$PID"
    ends -143 "$PID" TERM 3
}

@test "SIGTERM while a name is looked up and no server answers: heeded at once" {
    [ "$(id -u)" = 0 ] || skip 'needs a name server of its own'
    unshare -m true || skip 'needs a file system of its own'
    start server perl -MSocket -e 'my $s; socket($s, PF_INET, SOCK_DGRAM, 0) && bind($s, sockaddr_in(53, inet_aton("127.9.9.9"))) or die $!;
        $| = 1; print "listening\n"; sleep'
    eventually test -s server.out
    echo 'nameserver 127.9.9.9' >resolv.conf
    start worker unshare -m bash -c 'mount --bind resolv.conf /etc/resolv.conf && exec inventory-worker --url amqp://broker.example.com'
    eventually grep -q inventory-worker "/proc/$PID/cmdline"
    eventually waits "$PID"
    ends -0 "$PID" TERM 3
}

@test "a pipe that nobody writes to yet as --from: the first signal is heeded, and what comes later is taken" {
    topology
    mkfifo pipe
    start replay dlq-replay --from pipe --to "$DEAD_Q"
    eventually waits "$PID"
    ends -143 "$PID" TERM
    start replay dlq-replay --from pipe --to "$DEAD_Q"
    eventually waits "$PID"
    echo '{"queue":"order.placed.dlq","body":"one"}' >pipe
    eventually ended "$PID"
    finish -0 "$PID"
    holds "$DEAD_Q" 1
}
