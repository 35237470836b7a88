# Every row of the crash tables: each program is killed with SIGKILL exactly there, started again, and what the
# table says is read back. The kill is made by a library that is preloaded (support/die.c); nothing of it is in the programs.

load ../support/helper

setup()
{
    isolate
    # So that the first commit, and the first publish, is the one that a test is about.
    order-place </dev/null
    topology
    notify-worker --idle-timeout 0
    inventory-stock <<<'{"sku":"burger","on_hand":100} {"sku":"fries","on_hand":100}' >/dev/null
    # In PostgreSQL a worker that has just begun takes over nothing for 15 s: for these tests it has begun before.
    ! on_postgresql || export CLOCK_LEAP=16
}

notify-worker()
{
    (dying nowhere notify-worker "$@")
}

# killed_at POINT COMMAND...: runs it, to be killed there. It must be.
killed_at()
{
    local point=$1 killed=0
    shift
    (dying "$point" "$@") >out 2>err || killed=$?
    bury_dead
    if [ "$killed" != 137 ]; then
        echo "not killed at $point, but exit $killed: $(cat err)" >&2
        return 1
    fi
}

own_id=0190a0b0-0000-7000-8000-00000000c0de

place_own()
{
    jq -c ". + {order_id: \"$own_id\"}" "$DATA/order.json" >own.json
    killed_at "$1" order-place <own.json
}

# assert_done_once [N]: the order went all the way, once in effect. That it was reserved stands in the log N times (1).
assert_done_once()
{
    inventory-worker --idle-timeout 0 >>events 2>>log
    notify-worker --idle-timeout 0 >>notices 2>>log
    [ "$(grep -c "reservation OK for $own_id" log)" = "${1:-1}" ]
    [ "$(inventory-stock </dev/null | jq -sc 'map([.sku, .on_hand, .reserved])')" = '[["burger",98,2],["fries",99,1]]' ]
    books_balance
    [ "$(grep -c "$own_id" notices)" = 1 ]
    for queue in "$PLACED_Q" "$RESERVED_Q" "$DEAD_Q" "$FAILED_Q"; do
        holds "$queue" 0
    done
}

own_status()
{
    order-show "$own_id" | jq -r .status
}

@test "P0: order-place killed before it stored: nothing is there, and placing it again does it" {
    place_own commit:1:before
    [ ! -s out ]
    run -1 order-show "$own_id"
    holds "$PLACED_Q" 0
    order-place <own.json
    assert_done_once
}

@test "P1: killed when the order was stored: the next run publishes it" {
    place_own commit:1:after
    [ ! -s out ]
    [ "$(own_status)" = PENDING ]
    holds "$PLACED_Q" 0
    order-place </dev/null
    [ "$(own_status)" = PLACED ]
    holds "$PLACED_Q" 1
    assert_done_once
}

@test "P1: and so does --flush, with a receipt" {
    place_own publish:1:before
    run -0 --separate-stderr order-place --flush
    [ "$output" = "{\"order_id\": \"$own_id\", \"status\": \"PLACED\"}" ]
    assert_done_once
}

# held_back: order-place has published its own order, and waits until the disk has synced it, which it does once there is a file go.
held_back()
{
    about_files
    jq -c ". + {order_id: \"$own_id\"}" "$DATA/order.json" >own.json
    DIE_WAIT=$PWD/go start place dying batch:1:wait order-place <own.json
    PLACE=$PID
    eventually holds "$PLACED_Q" 1
    [ ! -s place.out ]
    ! ended "$PLACE"
}

@test "P1: published while it is synced: the receipt waits for the disk" {
    held_back
    [ "$(own_status)" = PENDING ]
    touch go
    finish -0 "$PLACE"
    [ "$(cat place.out)" = "{\"order_id\": \"$own_id\", \"status\": \"PLACED\"}" ]
    holds "$PLACED_Q" 1
    assert_done_once
}

@test "P1: killed while it is synced: the next run publishes it again, and that is ignored downstream" {
    held_back
    finish -137 "$PLACE" KILL
    [ "$(own_status)" = PENDING ]
    order-place --flush
    holds "$PLACED_Q" 2
    assert_done_once
}

@test "P1: the power fails while it is synced: without a receipt it is on the broker, and placing it again does no harm" {
    about_files
    cp -r "$XDG_STATE_HOME" before
    held_back
    finish -137 "$PLACE" KILL
    # What was not synced is gone.
    rm -r "$XDG_STATE_HOME"
    mv before "$XDG_STATE_HOME"
    run -1 order-show "$own_id"
    run -0 order-place <own.json
    [ "$output" = "{\"order_id\": \"$own_id\", \"status\": \"PLACED\"}" ]
    holds "$PLACED_Q" 2
    assert_done_once
}

@test "a sync that fails: no receipt, 73, and what it says: the orders may have been placed all the same" {
    local i
    about_files
    for i in 1 2 3; do
        jq -c ". + {order_id: \"${own_id%??}0$i\"}" "$DATA/order.json"
    done >input
    start place dying batch:1:fail order-place <input
    finish -73 "$PID"
    [ ! -s place.out ]
    diff place.err - <<END
order-place: cannot sync '$XDG_STATE_HOME/order-tools/orders.db-wal': Input/output error
order-place: it is not known what from input 1 (line 1) on was placed
END
    run -0 --separate-stderr order-place --flush
    [ "${#lines[@]}" = 3 ]
    order-place <input | as_first | cmp - <(printf '%s\n' "${lines[@]}")
    [ "$(order-show --count)" = 3 ]
}

@test "P2: killed after publishing: it may go out again, and is ignored downstream" {
    place_own publish:1:after
    [ "$(own_status)" = PENDING ]
    order-place </dev/null
    [ "$(own_status)" = PLACED ]
    assert_done_once
}

@test "P2: killed when the broker had confirmed: it goes out again, and is ignored downstream" {
    place_own commit:2:before
    [ ! -s out ]
    [ "$(own_status)" = PENDING ]
    order-place --flush
    holds "$PLACED_Q" 2
    assert_done_once
    grep -qxF "[inventory] duplicate ignored: $own_id" log
}

@test "P3: killed before the receipt: order-show has it, and placing the same order gives it" {
    place_own commit:2:after
    [ ! -s out ]
    [ "$(own_status)" = PLACED ]
    holds "$PLACED_Q" 1
    run -0 order-place <own.json
    [ "$output" = "{\"order_id\": \"$own_id\", \"status\": \"PLACED\", \"repeated\": true}" ]
    holds "$PLACED_Q" 1
    assert_done_once
}

@test "P4: killed when the receipt was written: done" {
    place_own flush:1:after
    [ "$(cat out)" = "{\"order_id\": \"$own_id\", \"status\": \"PLACED\"}" ]
    order-place </dev/null
    holds "$PLACED_Q" 1
    assert_done_once
}

CANCELLED_Q=order.cancelled.q
CANCELLING="{\"order_id\": \"$own_id\", \"status\": \"CANCELLING\"}"

cancel_own()
{
    jq -c ". + {order_id: \"$own_id\"}" "$DATA/order.json" | order-place >/dev/null
    killed_at "$1" order-cancel "$own_id"
    [ ! -s out ]
}

# cancelled N: so many copies of the cancellation are in its queue, all with one message_id.
cancelled()
{
    [ "$(messages "$CANCELLED_Q" | jq -r '.properties.message_id + " " + .payload' | sort | uniq -c | awk '{ print $1 }')" = "$1" ]
}

@test "C0: order-cancel killed before it stored: nothing is there, and cancelling it again does it" {
    cancel_own commit:1:before
    run -0 --separate-stderr order-cancel --flush
    [ -z "$output$stderr" ]
    run -0 --separate-stderr order-cancel "$own_id"
    [ "$output" = "$CANCELLING" ]
    cancelled 1
}

@test "C1: killed when the cancellation was stored: the next run publishes it, or --flush with a receipt" {
    local point
    for point in commit:1:after publish:1:before; do
        cancel_own "$point"
        order-cancel </dev/null
        eventually cancelled 1
        purge "$CANCELLED_Q"
        other_store
    done
    cancel_own commit:1:after
    run -0 --separate-stderr order-cancel --flush
    [ "$output" = "$CANCELLING" ]
    cancelled 1
}

@test "C2: killed when the broker had confirmed the cancellation: it goes out again, with the same message_id" {
    cancel_own commit:2:before
    cancelled 1
    run -0 --separate-stderr order-cancel --flush
    [ "$output" = "$CANCELLING" ]
    cancelled 2
    run -0 --separate-stderr order-cancel --flush
    [ -z "$output" ]
}

@test "C3: killed before the receipt of the cancellation: cancelling it again gives it, and publishes nothing" {
    cancel_own commit:2:after
    run -0 --separate-stderr order-cancel --flush
    [ -z "$output" ]
    run -0 --separate-stderr order-cancel "$own_id"
    [ "$output" = "${CANCELLING%\}}, \"repeated\": true}" ]
    cancelled 1
}

place_for_inventory()
{
    jq -c ". + {order_id: \"$own_id\"}" "$DATA/order.json" | order-place
    : >log
}

place_for_inventory_again()
{
    publish orders-ex order.placed "$(event "$own_id")"
}

# What was published for the order, whether it is still in the queue or was taken.
published_bodies()
{
    messages "$RESERVED_Q" | jq -r '.properties.message_id + " " + .payload' | sort -u | wc -l
}

work_killed_at()
{
    killed_at "$1" inventory-worker --idle-timeout 5
    cat err >>log
}

@test "I0: inventory-worker killed before it recorded: handled afresh" {
    place_for_inventory
    work_killed_at commit:1:before
    eventually holds "$PLACED_Q" 1
    [ "$(inventory-stock </dev/null | jq -s 'map(.reserved) | add')" = 0 ]
    assert_done_once
}

# gone QUEUE: all messages in it are.
gone()
{
    purge "$1"
    holds "$1" 0
}

@test "I1: killed when the outcome was recorded: the recorded event is published, nothing is reserved again" {
    place_for_inventory
    work_killed_at commit:1:after
    eventually holds "$PLACED_Q" 1
    holds "$RESERVED_Q" 0
    [ "$(inventory-stock </dev/null | jq -s 'map(.reserved) | add')" = 3 ]
    # A worker that would decide otherwise tells what was decided. The log of the one that was killed is lost.
    inventory-worker --idle-timeout 0 --max-qty 1 >events 2>log
    [ "$(jq -r '.event_type + " " + .order_id' events)" = "InventoryReserved $own_id" ]
    says log "[inventory] reservation OK for $own_id"
    says log "[inventory] published InventoryReserved for $own_id"
    says log "[inventory] duplicate ignored: $own_id"
    assert_done_once
}

@test "I1: killed when the outcome was recorded, and the order never comes again: its event is published all the same" {
    place_for_inventory
    work_killed_at commit:1:after
    eventually holds "$PLACED_Q" 1
    gone "$PLACED_Q"
    inventory-worker --idle-timeout 0 --max-qty 1 >events 2>log
    [ "$(jq -r '.event_type + " " + .order_id' events)" = "InventoryReserved $own_id" ]
    [ "$(cat log)" = "[inventory] reservation OK for $own_id
[inventory] published InventoryReserved for $own_id" ]
    # Settled: it goes out no more.
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "$output$stderr" = "" ]
    holds "$RESERVED_Q" 1
    assert_done_once
}

@test "I1: killed when the event was sent, confirmed or not: it goes out again, the same" {
    place_for_inventory
    work_killed_at publish:1:after
    eventually holds "$PLACED_Q" 1
    inventory-worker --idle-timeout 0 >>events 2>>log
    [ "$(published_bodies)" = 1 ]
    assert_done_once
}

@test "I2: killed when the broker had confirmed the event: the same goes out again, with the same message_id" {
    place_for_inventory
    work_killed_at ack:1:before
    eventually holds "$PLACED_Q" 1
    holds "$RESERVED_Q" 1
    inventory-worker --idle-timeout 0 >>events 2>>log
    holds "$RESERVED_Q" 2
    [ "$(published_bodies)" = 1 ]
    # The log had been written already.
    assert_done_once 2
    grep -qxF "[notify] repeat ignored: $own_id" log
}

@test "I3: killed when it had acknowledged: the same event goes out again, and a later copy is a duplicate" {
    place_for_inventory
    work_killed_at ack:1:after
    eventually holds "$PLACED_Q" 0
    holds "$RESERVED_Q" 1
    place_for_inventory_again
    inventory-worker --idle-timeout 0 >>events 2>>log
    says log "[inventory] duplicate ignored: $own_id"
    holds "$RESERVED_Q" 2
    [ "$(published_bodies)" = 1 ]
    assert_done_once 2
}

@test "I3: killed when it was settled: nothing goes out again" {
    place_for_inventory
    work_killed_at commit:2:after
    eventually holds "$PLACED_Q" 0
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "$output$stderr" = "" ]
    holds "$RESERVED_Q" 1
    assert_done_once
}

@test "I1: killed while it sends what another owed: it is sent by the next, and again the log has it" {
    local point
    place_for_inventory
    work_killed_at commit:1:after
    gone "$PLACED_Q"
    # Claimed and not yet claimed; before it is sent, and after; before it is settled.
    for point in commit:1:before commit:1:after publish:1:before publish:1:after commit:2:before; do
        work_killed_at "$point"
        eventually holds "$PLACED_Q" 0
    done
    inventory-worker --idle-timeout 0 >>events 2>>log
    [ "$(published_bodies)" = 1 ]
    says log "[inventory] published InventoryReserved for $own_id" 2
    # The last two.
    assert_done_once 2
}

@test "a rejected message: killed before and after, it is a dead letter once" {
    publish orders-ex order.placed poison
    killed_at reject:1:before inventory-worker --idle-timeout 5
    eventually holds "$PLACED_Q" 1
    holds "$DEAD_Q" 0
    killed_at reject:1:after inventory-worker --idle-timeout 5
    eventually holds "$PLACED_Q" 0
    eventually holds "$DEAD_Q" 1
}

reserve_for_notify()
{
    place_for_inventory >/dev/null
    inventory-worker --idle-timeout 0 >events 2>log
}

# told_by POINT [OPTIONS]: notify-worker, killed there; what it has said by then is in out and err, and is added to notices and log.
told_by()
{
    local point=$1
    shift
    killed_at "$point" notify-worker --idle-timeout 5 "$@"
    cat out >>notices
    cat err >>log
}

# in_doubt N: the order was begun to be told so many times, and the log says it.
in_doubt()
{
    grep -qxF "[notify] in doubt: $own_id: attempt $1" log
}

confirmed_times()
{
    [ "$(grep -cxF "[notify] Order confirmed: $own_id" log)" = "$1" ]
}

@test "N0: notify-worker killed before it claimed: the customer is told, and nothing is in doubt" {
    reserve_for_notify
    told_by commit:1:before
    [ ! -s out ]
    eventually holds "$RESERVED_Q" 1
    assert_done_once
    run -1 grep -F 'in doubt' log
    confirmed_times 1
}

@test "N1: killed when it had claimed, or before the line was written: in doubt, told as another attempt" {
    reserve_for_notify
    told_by commit:1:after
    [ ! -s out ]
    eventually holds "$RESERVED_Q" 1
    told_by flush:1:before
    [ ! -s out ]
    eventually holds "$RESERVED_Q" 1
    assert_done_once
    in_doubt 3
    confirmed_times 1
}

@test "N2: killed when the line was written, before the log was: told again, and logged" {
    reserve_for_notify
    told_by flush:1:after
    [ "$(jq -r .order_id out)" = "$own_id" ]
    eventually holds "$RESERVED_Q" 1
    rm notices
    assert_done_once
    in_doubt 2
    confirmed_times 1
}

@test "N2: killed before that was recorded: told again, the log has both" {
    reserve_for_notify
    told_by commit:2:before
    [ "$(jq -r .order_id out)" = "$own_id" ]
    eventually holds "$RESERVED_Q" 1
    rm notices
    assert_done_once
    in_doubt 2
    confirmed_times 2
}

@test "N3: killed when it was recorded: a repeat, nobody is told again, and the log has it" {
    reserve_for_notify
    told_by commit:2:after
    eventually holds "$RESERVED_Q" 1
    assert_done_once
    grep -qxF "[notify] repeat ignored: $own_id" log
    confirmed_times 1
}

@test "N4: killed when it had acknowledged: done" {
    reserve_for_notify
    told_by ack:1:after
    eventually holds "$RESERVED_Q" 0
    assert_done_once
    confirmed_times 1
}

@test "N3 of one and N1 of the next are one commit: killed before and after it" {
    publish_reserved a b c
    # One in a turn, two in hand.
    killed_at commit:2:before notify-worker --idle-timeout 5 --prefetch 2
    [ "$(ids <out)" = a ]
    eventually holds "$RESERVED_Q" 3
    killed_at commit:2:after notify-worker --idle-timeout 5 --prefetch 2
    grep -qxF '[notify] in doubt: a: attempt 2' err
    [ "$(ids <out)" = a ]
    eventually holds "$RESERVED_Q" 3
    run -0 --separate-stderr notify-worker --idle-timeout 0
    [ "$(ids <<<"$output" | paste -sd' ')" = 'b c' ]
    [[ $stderr == *'[notify] repeat ignored: a'* && $stderr == *'[notify] in doubt: b: attempt 2'* && $stderr != *'in doubt: c'* ]]
    holds "$RESERVED_Q" 0
}

@test "N0 to N4 with --exec: the command knows which attempt it is" {
    local tell=(--exec sh -c 'echo "$NOTIFY_ATTEMPT $(jq -r .order_id)" >>told')
    reserve_for_notify
    told_by commit:1:before "${tell[@]}"
    [ ! -e told ]
    eventually holds "$RESERVED_Q" 1
    told_by exec:1:after "${tell[@]}"
    [ "$(cat told)" = "1 $own_id" ]
    eventually holds "$RESERVED_Q" 1
    told_by commit:2:before "${tell[@]}"
    [ "$(tail -n 1 told)" = "2 $own_id" ]
    in_doubt 2
    eventually holds "$RESERVED_Q" 1
    told_by commit:2:after "${tell[@]}"
    [ "$(tail -n 1 told)" = "3 $own_id" ]
    eventually holds "$RESERVED_Q" 1
    told_by ack:1:before "${tell[@]}"
    eventually holds "$RESERVED_Q" 1
    notify-worker --idle-timeout 1 "${tell[@]}" 2>>log
    [ "$(wc -l <told)" = 3 ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
}

@test "a telling that is in doubt --max-attempts times is a dead letter that says so; replayed, it is told afresh" {
    local i
    reserve_for_notify
    for i in 1 2 3; do
        told_by commit:1:after
        eventually holds "$RESERVED_Q" 1
    done
    # Killed while it is moved: it is there, or in both places, and never told meanwhile.
    told_by publish:1:before
    eventually holds "$RESERVED_Q" 1
    holds "$DEAD_Q" 0
    told_by commit:2:before
    eventually holds "$RESERVED_Q" 1
    holds "$DEAD_Q" 1
    run -0 --separate-stderr notify-worker --idle-timeout 0
    [ -z "$output" ]
    [[ $stderr == *"[notify] moved to order.placed.dlq: $own_id: 3 attempts to tell the customer were begun"* ]]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 2
    messages "$DEAD_Q" | jq -e '.properties.headers["order-tools-reason"] | startswith("3 attempts to tell the customer were begun")'
    [ ! -s notices ]
    dlq-replay >/dev/null
    assert_done_once
    run -0 grep -c 'repeat ignored' log
}

@test "--max-attempts 1: a notification in doubt is not sent again" {
    reserve_for_notify
    told_by flush:1:after
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr notify-worker --idle-timeout 0 --max-attempts 1
    [ -z "$output" ]
    holds "$DEAD_Q" 1
}

# A malformed event of notify's own queue is moved by publishing it elsewhere first, and acknowledging it second.
@test "a message that notify-worker moves: killed in between, it is in both places, never in none" {
    publish inventory-ex inventory.reserved poison
    killed_at publish:1:before notify-worker --idle-timeout 5
    eventually holds "$RESERVED_Q" 1
    holds "$DEAD_Q" 0
    killed_at ack:1:before notify-worker --idle-timeout 5
    eventually holds "$RESERVED_Q" 1
    holds "$DEAD_Q" 1
    notify-worker --idle-timeout 0 2>/dev/null
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 2
}

# Sound orders as dead letters: taken from the queue, and rejected.
dead_orders()
{
    local i
    for ((i = 0; i < $1; i++)); do
        publish orders-ex order.placed "$(event "dead-$i")"
    done
    api POST "queues/$VHOST/$PLACED_Q/get" "{\"count\": $1, \"ackmode\": \"reject_requeue_false\", \"encoding\": \"auto\"}" >/dev/null
    eventually holds "$DEAD_Q" "$1"
}

@test "dlq-replay killed before it published: the dead letter is where it was" {
    dead_orders 1
    killed_at publish:1:before dlq-replay
    eventually holds "$DEAD_Q" 1
    holds "$PLACED_Q" 0
}

@test "dlq-replay killed between publishing and acknowledging: in both places; after it: in one" {
    dead_orders 1
    killed_at ack:1:before dlq-replay
    eventually holds "$DEAD_Q" 1
    holds "$PLACED_Q" 1
    killed_at ack:1:after dlq-replay
    eventually holds "$DEAD_Q" 0
    holds "$PLACED_Q" 2
    # All of it is handled once in effect.
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "${#lines[@]}" = 1 ]
}

# The order_ids in a queue, or in files, in order and each once.
ids_in()
{
    local queue
    for queue in "$@"; do
        if [ -e "$queue" ]; then
            jq -r .body.order_id "$queue"
        else
            dlq-replay --queue "$queue" --list | jq -r .body.order_id
        fi
    done | sort -u | paste -sd' '
}

@test "dlq-replay --take killed before its output was written: the letter is in the queue" {
    dead_orders 1
    killed_at flush:1:before dlq-replay --take
    eventually holds "$DEAD_Q" 1
    [ ! -s out ]
}

@test "dlq-replay --take killed before its file was synced, and before it acknowledged: in both places" {
    local point
    dead_orders 1
    for point in flush:1:after sync:1:before sync:1:after ack:1:before; do
        killed_at "$point" dlq-replay --take
        eventually holds "$DEAD_Q" 1
        [ "$(ids_in out)" = dead-0 ]
    done
    # What is in both is taken again, and restored twice.
    dlq-replay --from out >/dev/null
    holds "$DEAD_Q" 2
}

@test "dlq-replay --take killed when it had acknowledged: in the file alone" {
    dead_orders 1
    killed_at ack:1:after dlq-replay --take
    eventually holds "$DEAD_Q" 0
    [ "$(ids_in out)" = dead-0 ]
    dlq-replay --from out >/dev/null
    [ "$(ids_in "$DEAD_Q")" = dead-0 ]
}

@test "dlq-replay killed while it parks: before it published, in between, and after it acknowledged" {
    dead_orders 1
    dlq-replay --take | jq -c '.headers["order-tools-replays"] = 3' | dlq-replay --from - >/dev/null
    killed_at publish:1:before dlq-replay
    eventually holds "$DEAD_Q" 1
    holds order.placed.parked 0
    killed_at ack:1:before dlq-replay
    eventually holds "$DEAD_Q" 1
    holds order.placed.parked 1
    killed_at ack:1:after dlq-replay
    eventually holds "$DEAD_Q" 0
    holds order.placed.parked 2
    [ "$(ids_in order.placed.parked)" = dead-0 ]
}

@test "dlq-replay --from killed before it published, and after: the file can be restored again" {
    dead_orders 1
    dlq-replay --take >taken
    killed_at publish:1:before dlq-replay --from taken
    holds "$DEAD_Q" 0
    killed_at publish:1:after dlq-replay --from taken
    [ ! -s out ]
    killed_at flush:1:before dlq-replay --from taken
    [ ! -s out ]
    at_least_one()
    {
        [ "$(ready "$DEAD_Q")" -ge 1 ]
    }
    eventually at_least_one
    killed_at flush:1:after dlq-replay --from taken
    [ "$(jq -r .fate out)" = restored ]
    [ "$(ids_in "$DEAD_Q")" = dead-0 ]
}

@test "dlq-replay --audit killed: what was done is written down before the letter is gone" {
    dead_orders 1
    killed_at sync:1:before dlq-replay --audit log
    eventually holds "$DEAD_Q" 1
    killed_at ack:1:before dlq-replay --audit log
    eventually holds "$DEAD_Q" 1
    [ "$(jq -r .fate log | sort -u)" = replayed ]
    killed_at ack:1:after dlq-replay --audit log
    eventually holds "$DEAD_Q" 0
    [ "$(jq -r .order_id log | sort -u)" = dead-0 ]
}

@test "dlq-replay --filter killed while it is asked: the letters are where they were, and the filter ends" {
    dead_orders 1
    start asked dlq-replay --filter sh -c 'echo $$ >filter; while read -r line; do touch seen; done'
    eventually test -e seen
    finish "$PID" KILL
    filter_is_gone()
    {
        ! kill -0 "$(cat filter)"
    }
    eventually filter_is_gone
    eventually holds "$DEAD_Q" 1
    holds "$PLACED_Q" 0
}
