# The programs with quorum queues: how these are declared, a queue that has lost its leader or its node, a broker that takes no messages
# or does not confirm them, and several URLs. A single node is enough: a queue's one member is stopped, or stands still.

load ../support/http

# member QUEUE: the one member of a quorum queue, in Erlang.
member()
{
    echo "{'${VHOST}_$1', node()}"
}

# lose_leader QUEUE: nobody leads it any more: messages are not taken. regain_leader QUEUE ends that.
lose_leader()
{
    evaluate "ra:stop_server(quorum_queues, $(member "$1"))." >/dev/null
}

regain_leader()
{
    evaluate "ra:restart_server(quorum_queues, $(member "$1"))." >/dev/null
}

# fall_silent QUEUE: it answers nothing, as if most of its members were gone. speak QUEUE ends that.
fall_silent()
{
    evaluate "sys:suspend($(member "$1"))." >/dev/null
}

speak()
{
    evaluate "sys:resume($(member "$1"))." >/dev/null
}

# forget_consumers QUEUE: it has none any more, and nobody tells them. To be called again until there are no more.
forget_consumers()
{
    evaluate "{ok, Consumers, _} = ra:consistent_query($(member "$1"), fun(State) -> maps:keys(rabbit_fifo:query_consumers(State)) end),
        [ra:process_command($(member "$1"), rabbit_fifo:make_checkout(Each, cancel, #{})) || Each <- Consumers]." >/dev/null
}

# lose_node QUEUE: the node of a classic queue is down, as far as the broker knows. return_node QUEUE ends that: it is there again, empty.
lose_node()
{
    [ "$(broker_major)" -lt 4 ] || skip 'RabbitMQ 4 may keep its queues elsewhere'
    evaluate "Name = rabbit_misc:r(<<\"$VHOST\">>, queue, <<\"$1\">>),
        Elsewhere = binary_to_term(<<131, 88, 119, 9, \"gone@host\", 1:32, 0:32, 1:32>>),
        {atomic, ok} = mnesia:transaction(fun() ->
            [Queue] = mnesia:read(rabbit_durable_queue, Name),
            mnesia:write(rabbit_durable_queue, amqqueue:set_pid(Queue, Elsewhere), write),
            mnesia:delete({rabbit_queue, Name}) end)." >/dev/null
}

return_node()
{
    evaluate "Name = rabbit_misc:r(<<\"$VHOST\">>, queue, <<\"$1\">>),
        {atomic, ok} = mnesia:transaction(fun() -> mnesia:delete({rabbit_durable_queue, Name}) end)." >/dev/null
    topology
}

# arguments_of QUEUE: as the API has them, in the order of their names.
arguments_of()
{
    queues_now "$1" | jq -cS .arguments
}

# quorum_arguments [JSON]: what a quorum queue is declared with, beside the JSON.
quorum_arguments()
{
    endless "$@" | jq -cS .
}

DEAD='{"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}'
DEAD_SAFE='{"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq",
    "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}'

# twice: two URLs of the same broker, which messages tell apart.
twice()
{
    echo "$AMQP_URL,${AMQP_URL/127.0.0.1/localhost}"
}

# quorum_topology: the queues of the workflow, as quorum queues; one order is in the first.
quorum_topology()
{
    order | ORDER_QUEUE_TYPE=quorum order-place >placed
}

# ---- declaring

@test "quorum: --queue-type or ORDER_QUEUE_TYPE: what is missing is declared so that no message is lost; the check finds no fault" {
    order | order-place --queue-type quorum >/dev/null
    [ "$(arguments_of "$PLACED_Q")" = "$(quorum_arguments "$DEAD_SAFE")" ]
    for queue in "$DEAD_Q" "$RESERVED_Q" "$FAILED_Q"; do
        [ "$(arguments_of "$queue")" = "$(quorum_arguments)" ]
    done
    MANAGEMENT_URL=$SUITE_API run -0 --separate-stderr queue-inspect --check-topology
    [ -z "$output$stderr" ]

    # Each of them is declared by whoever finds it missing.
    api DELETE "queues/$VHOST/$RESERVED_Q"
    ORDER_QUEUE_TYPE=quorum run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "$(arguments_of "$RESERVED_Q")" = "$(quorum_arguments)" ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
    run -0 --separate-stderr notify-worker --idle-timeout 0
    [ "$(wc -l <<<"$output")" -eq 1 ]
}

@test "quorum: without it, or with default, no type is named; a queue that is there is used as it is" {
    ORDER_QUEUE_TYPE='' topology
    [ "$(arguments_of "$PLACED_Q")" = "$(jq -cS . <<<"$DEAD")" ]
    [ "$(arguments_of "$RESERVED_Q")" = '{}' ]
    api DELETE "queues/$VHOST/$RESERVED_Q"
    ORDER_QUEUE_TYPE=quorum run -0 --separate-stderr inventory-worker --queue-type default --idle-timeout 0
    [ "$(arguments_of "$RESERVED_Q")" = '{}' ]
    order | order-place --queue-type quorum >/dev/null
    ORDER_QUEUE_TYPE=quorum run -0 --separate-stderr inventory-worker --idle-timeout 0
    [ "$(arguments_of "$PLACED_Q")" = "$(jq -cS . <<<"$DEAD")" ]
}

@test "quorum: the queue in which letters are parked, too" {
    topology
    publish orders-ex order.placed poison
    inventory-worker --count 1
    eventually holds "$DEAD_Q" 1
    dlq-replay --force >/dev/null
    inventory-worker --count 1
    eventually holds "$DEAD_Q" 1
    ORDER_QUEUE_TYPE=quorum run -0 --separate-stderr dlq-replay --max-replays 1 --parking parked.q
    [ "$(arguments_of parked.q)" = "$(quorum_arguments)" ]
    eventually holds parked.q 1
}

@test "quorum: any other type is refused with 64" {
    run -64 --separate-stderr order-place --queue-type stream </dev/null
    [ "$stderr" = "order-place: the type of queues is quorum or default, and not 'stream'" ]
    ORDER_QUEUE_TYPE=Quorum run -64 --separate-stderr inventory-worker
    run -64 --separate-stderr order-place --confirm-timeout -1 </dev/null
    [[ $stderr == 'order-place: --confirm-timeout: '* ]]
}

@test "quorum: two that declare the same queues at once, in two ways: one is first, and both work" {
    local pids=() pid
    for type in quorum default quorum default quorum default; do
        start "$type${#pids[@]}" inventory-worker --queue-type "$type" --idle-timeout 0
        pids+=("$PID")
    done
    for pid in "${pids[@]}"; do
        finish -0 "$pid"
    done
}

@test "quorum: a rejected order becomes a dead letter, by the way that loses none" {
    quorum_topology
    publish orders-ex order.placed poison
    run -0 --separate-stderr inventory-worker --count 2
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --list
    [ "$(jq -r .death.reason <<<"$output")" = rejected ]
}

# ---- without a leader

@test "quorum: an order is placed once its queue has a leader again" {
    quorum_topology
    lose_leader "$PLACED_Q"
    start_fed place order-place
    order >&7
    eventually grep -q "^order-place: broker '.*' (publishing) cannot take messages for 'order.placed': a queue is full, or has no leader; trying again$" place.err
    regain_leader "$PLACED_Q"
    eventually has_lines place.out 1
    exec 7>&-
    finish -0 "$PID"
    [ "$(jq -r .status place.out)" = PLACED ]
    [ "$(grep -c 'takes messages again$' place.err)" -eq 1 ]
    has_lines place.err 2
    eventually holds "$PLACED_Q" 2
}

@test "quorum: with no leader in all attempts an order is kept, and that is no refusal: 75; --flush places it later" {
    quorum_topology
    lose_leader "$PLACED_Q"
    order >input
    run -75 --separate-stderr order-place --retries 3 <input
    [ "$(jq -r .status <<<"$output")" = PENDING ]
    [[ $stderr == *'; giving up after 3 attempts' ]]
    regain_leader "$PLACED_Q"
    run -0 --separate-stderr order-place --flush
    [ "$(jq -r .status <<<"$output")" = PLACED ]
}

@test "quorum: every third time that messages are not taken, the next URL is tried" {
    quorum_topology
    lose_leader "$PLACED_Q"
    order >input
    run -75 --separate-stderr order-place --retries 7 --retry-delay 0 --url "$(twice)" <input
    grep -q "lost the broker '127.0.0.1:[0-9]*' (publishing): it could not take messages 3 times in a row$" <<<"$stderr"
    grep -q "connected to the broker 'localhost:[0-9]*' (publishing)$" <<<"$stderr"
    grep -q "lost the broker 'localhost:[0-9]*' (publishing): it could not take messages 6 times in a row$" <<<"$stderr"
}

@test "quorum: an event whose queue has no leader is owed, and that is no refusal: 69; the next worker publishes it" {
    quorum_topology
    lose_leader "$RESERVED_Q"
    # More of them than may be refused in a row.
    orders 25 | order-place >/dev/null
    run -69 --separate-stderr inventory-worker --retries 3 --idle-timeout 0
    [[ $stderr == *"cannot take messages for 'inventory.reserved': a queue is full, or has no leader; giving up after 3 attempts"* ]]
    [[ -z $output && $stderr != *'did not take'* ]]
    regain_leader "$RESERVED_Q"
    # How many of them had arrived when the worker gave up nobody knows.
    run -0 --separate-stderr inventory-worker --idle-timeout 2
    [ "$(jq -r .event_type <<<"$output" | uniq -c | tr -s ' ')" = ' 26 InventoryReserved' ]
    eventually holds "$RESERVED_Q" 26
}

@test "quorum: a worker waits for the leader of the queue of its events, and says so" {
    quorum_topology
    lose_leader "$RESERVED_Q"
    start worker inventory-worker --idle-timeout 2
    eventually grep -q "cannot take messages for 'inventory.reserved': a queue is full, or has no leader; trying again$" worker.err
    regain_leader "$RESERVED_Q"
    finish -0 "$PID"
    grep -q 'takes messages again$' worker.err
    has_lines worker.out 1
    holds "$RESERVED_Q" 1
}

@test "quorum: a worker is not idle while its queue has no leader: 69; with a leader again it goes on" {
    quorum_topology
    start worker inventory-worker --idle-timeout 2 --retries 3 --retry-delay 0
    eventually has_lines worker.out 1
    lose_leader "$PLACED_Q"
    finish -69 "$PID"
    grep -q 'the queue does not know its consumer: it has no leader$' worker.err
    grep -q 'cannot consume: 541 .*: perhaps the queue has no leader, or no majority; giving up' worker.err
    start worker inventory-worker --idle-timeout 2
    eventually grep -q 'perhaps the queue has no leader' worker.err
    regain_leader "$PLACED_Q"
    finish -0 "$PID"
}

@test "quorum: a worker whose queue has forgotten it, and has messages, subscribes again" {
    quorum_topology
    start worker inventory-worker --count 2
    eventually has_lines worker.out 1
    forget_consumers "$PLACED_Q"
    order | order-place >/dev/null
    finish -0 "$PID"
    has_lines worker.out 2
    grep -q '(consuming): the queue has messages, and does not know its consumer any more$' worker.err
}

@test "quorum: --until-empty is not fooled by a queue without a leader, or one that says nothing" {
    quorum_topology
    lose_leader "$PLACED_Q"
    [ "$(ready "$PLACED_Q")" = 0 ]
    run -1 --separate-stderr queue-inspect --until-empty --timeout 1 "$PLACED_Q"
    [[ $stderr == "queue-inspect: '$PLACED_Q': the queue does not answer, perhaps for lack of a leader: "* ]]
    jq -e '.exists and .error and (has("ready") | not)' <<<"$output"
    regain_leader "$PLACED_Q"
    eventually holds "$PLACED_Q" 1
    fall_silent "$PLACED_Q"
    run -1 --separate-stderr queue-inspect --until-empty --timeout 1 "$PLACED_Q"
    start until queue-inspect --until-empty "$PLACED_Q"
    speak "$PLACED_Q"
    eventually holds "$PLACED_Q" 1
    inventory-worker --count 1
    finish -0 "$PID"
}

@test "quorum: --until-empty of queues that are empty: of any type, and without the right to read" {
    queue plain
    queue quorum "$(endless)"
    queue single "$(endless '{"x-single-active-consumer": true}')"
    queue stream '{"x-queue-type": "stream"}'
    run -0 --separate-stderr queue-inspect --until-empty --timeout 10 plain quorum single stream plain
    [ "$(jq -s 'map(.ready == 0) | all' <<<"$output")" = true ]
    [ -z "$stderr" ]
    reduced_user '.*' '' ''
    run -0 --separate-stderr queue-inspect --until-empty --timeout 10 plain
}

@test "quorum: dead letters of a queue without a leader are waited for" {
    quorum_topology
    publish '' "$DEAD_Q" poison
    eventually holds "$DEAD_Q" 1
    lose_leader "$DEAD_Q"
    run -69 --separate-stderr dlq-replay --list --retries 2 --retry-delay 0
    [[ $stderr == *'(consuming): the queue does not answer, perhaps for lack of a leader: '*'; giving up after 2 attempts' ]]
    start list dlq-replay --list
    eventually grep -q 'attempt 1 of 60' list.err
    regain_leader "$DEAD_Q"
    finish -0 "$PID"
    has_lines list.out 1
}

@test "quorum: dead letters whose queue has no leader are left, and that is no refusal: 69; with a leader again they go" {
    quorum_topology
    publish '' "$DEAD_Q" '"first"'
    eventually holds "$DEAD_Q" 1
    lose_leader "$PLACED_Q"
    run -69 --separate-stderr dlq-replay --to "$PLACED_Q" --retries 3
    jq -e '.fate == "left" and (.reason | endswith("for now: a queue is full, or has no leader"))' <<<"$output"
    [[ $stderr == *"cannot take messages for '$PLACED_Q': a queue is full, or has no leader; trying again"* ]]
    [[ $stderr == *'1 letter is left where it was: the broker cannot take it for now' ]]
    eventually holds "$DEAD_Q" 1
    # The same out of a file.
    run -69 --separate-stderr dlq-replay --from - --retries 3 <<<"{\"queue\": \"$PLACED_Q\", \"body\": 1}"
    jq -e '.fate == "left"' <<<"$output"
    # One that has attempts left is waited for.
    start replay dlq-replay --to "$PLACED_Q"
    eventually grep -q 'has no leader; trying again$' replay.err
    regain_leader "$PLACED_Q"
    finish -0 "$PID"
    [ "$(jq -r .fate replay.out)" = replayed ]
    eventually holds "$PLACED_Q" 2
    holds "$DEAD_Q" 0
}

@test "quorum: notify-worker: a dead letter whose queue has no leader stays, and that is no refusal: 69; with a leader again it is moved" {
    quorum_topology
    publish inventory-ex inventory.reserved poison
    lose_leader "$DEAD_Q"
    # Attempts that are a minute apart would take longer.
    run -69 --separate-stderr timeout "$HANGING" notify-worker --retries 4
    [ -z "$output" ]
    [[ $stderr == *"cannot move a message to '$DEAD_Q': the broker cannot take it for now: a queue is full, or has no leader; trying again"* ]]
    [[ $stderr == *"has no leader; it stays in '$RESERVED_Q' after 4 attempts" ]]
    eventually holds "$RESERVED_Q" 1
    # One that has attempts left is tried again, by itself and soon.
    start worker notify-worker --idle-timeout 1
    eventually grep -q 'has no leader; trying again$' worker.err
    regain_leader "$DEAD_Q"
    finish -0 "$PID"
    grep -q "^\[notify\] moved to $DEAD_Q: " worker.err
    run -1 grep 'it stays' worker.err
    eventually holds "$DEAD_Q" 1
    holds "$RESERVED_Q" 0
}

# ---- without a confirm

@test "quorum: a queue that says nothing: after --confirm-timeout the order goes out again at the next URL, and is placed" {
    quorum_topology
    fall_silent "$PLACED_Q"
    start_fed place order-place --confirm-timeout 1 --url "$(twice)"
    order >&7
    eventually grep -q "^order-place: lost the broker '127.0.0.1:[0-9]*' (publishing): no confirm for 1 s$" place.err
    eventually grep -q "^order-place: connected to the broker 'localhost:[0-9]*' (publishing)$" place.err
    speak "$PLACED_Q"
    eventually has_lines place.out 1
    exec 7>&-
    finish -0 "$PID"
    [ "$(jq -r .status place.out)" = PLACED ]
}

@test "quorum: without a confirm in all attempts: the order is kept, 75; 0 waits for ever, and not for the signal" {
    quorum_topology
    fall_silent "$PLACED_Q"
    order >input
    run -75 --separate-stderr order-place --confirm-timeout 1 --retries 2 --retry-delay 0 <input
    [ "$(jq -r .status <<<"$output")" = PENDING ]
    [[ $stderr == *'no confirm for 1 s; giving up after 2 attempts' ]]
    start place order-place --confirm-timeout 0 <input
    eventually stored 2 PENDING
    # For longer than the timeout of the run before took.
    run -75 --separate-stderr order-place --confirm-timeout 1 --retries 1 <input
    run -1 grep . place.err
    finish "$PID" TERM
    [ "$(jq -r .status place.out)" = PENDING ]
    speak "$PLACED_Q"
}

@test "quorum: a broker that takes no messages for now is not left" {
    own_broker
    quorum_topology
    broker ctl set_vm_memory_high_watermark 0.000001 >/dev/null
    order >input
    start place order-place --confirm-timeout 1 <input
    eventually grep -q 'takes no messages for now' place.err
    # For longer than a connection that is not blocked would last.
    run -1 queue-inspect --until 2 --timeout 3 "$PLACED_Q"
    run -1 grep 'no confirm' place.err
    broker ctl set_vm_memory_high_watermark 0.6 >/dev/null
    finish -0 "$PID"
    [ "$(jq -r .status place.out)" = PLACED ]
}

@test "quorum: order-http: without a leader, or a confirm, orders are PENDING, and published without a restart" {
    quorum_topology
    start_http --confirm-wait 0.5 --confirm-timeout 1 --url "$(twice)"
    eventually http_ready
    lose_leader "$PLACED_Q"
    place_http "$(order)"
    is_receipt PENDING
    regain_leader "$PLACED_Q"
    eventually has_status "$id" PLACED
    eventually http_ready
    fall_silent "$PLACED_Q"
    place_http "$(order)"
    is_receipt PENDING
    eventually grep -q '(publishing): no confirm for 1 s$' http.err
    speak "$PLACED_Q"
    eventually has_status "$id" PLACED
    finish -0 "$HTTP" TERM
}

# ---- without a node

@test "quorum: a classic queue whose node is down is not missing: the programs wait for it, and end with 69 or 75" {
    topology
    lose_node "$PLACED_Q"
    run -69 --separate-stderr inventory-worker --retries 2 --retry-delay 0
    [[ $stderr == *"404 NOT_FOUND - home node 'gone@host' of durable queue '$PLACED_Q'"*'; giving up after 2 attempts' ]]
    run -69 --separate-stderr dlq-replay --queue "$PLACED_Q" --list --retries 2 --retry-delay 0
    [[ $stderr == *"(looking): "*"home node 'gone@host'"*'; giving up after 2 attempts' ]]
    order >input
    run -75 --separate-stderr order-place --retries 2 --retry-delay 0 <input
    [[ $stderr == *"home node 'gone@host'"*'; giving up after 2 attempts' ]]
    [ "$(jq -r .status <<<"$output")" = PENDING ]

    start worker inventory-worker --count 1
    eventually grep -q 'home node' worker.err
    return_node "$PLACED_Q"
    run -0 --separate-stderr order-place --flush
    finish -0 "$PID"
    has_lines worker.out 1
}

# ---- several URLs

@test "quorum: of several URLs the one after that which failed comes next" {
    topology
    start worker inventory-worker --url "$(twice)"
    eventually is_consumed "$PLACED_Q"
    for name in localhost 127.0.0.1 localhost; do
        cut_connections consuming
        eventually grep -q "connected to the broker '$name:" worker.err
        eventually is_consumed "$PLACED_Q"
        : >worker.err
    done
    # One that is down is passed over in the same attempt.
    run -0 --separate-stderr queue-inspect --url "amqp://127.0.0.1:1,$AMQP_URL" --retries 1 "$PLACED_Q"
    [ -z "$stderr" ]
    run -0 --separate-stderr queue-inspect --shuffle --url "amqp://127.0.0.1:1,$AMQP_URL" --retries 1 "$PLACED_Q"
}

@test "quorum: of several addresses of one host the one after that which failed comes next" {
    local port=${AMQP_URL##*:}
    unshare -m true 2>/dev/null || skip "nothing can be mounted here"
    topology
    printf '127.0.0.%d brokers\n' 1 2 3 >hosts
    # What the second one takes, it drops; on the third nobody listens.
    start dropping python3 -c 'import socket, sys
with socket.create_server(("127.0.0.2", int(sys.argv[1]))) as server:
    print("listens", flush=True)
    while True:
        server.accept()[0].close()' "${port%%/*}"
    eventually has_lines dropping.out 1
    # shellcheck disable=SC2016 # expanded by that shell
    start worker unshare -m bash -c 'mount --bind hosts /etc/hosts && exec inventory-worker --retry-delay 0 --url "$1"' - \
        "${AMQP_URL/127.0.0.1/brokers}"
    eventually is_consumed "$PLACED_Q"
    cut_connections consuming
    eventually grep -q "connected to the broker 'brokers:" worker.err
    grep -q "broker 'brokers:[0-9]*' (consuming): login failed: .*; attempt 2 of 60" worker.err
}

@test "quorum: of a broker that refuses us and one that is away, the first is named" {
    local vhost=${AMQP_URL##*/}
    run -69 --separate-stderr queue-inspect --retries 1 --url "${AMQP_URL/$vhost/none},amqp://127.0.0.1:1" "$PLACED_Q"
    [[ $stderr == *"login failed: 530 NOT_ALLOWED - vhost none not found; giving up after 1 attempt" ]]
}

@test "quorum: too many connections: that passes, and is not a login refused" {
    topology
    api PUT "vhost-limits/$VHOST/max-connections" '{"value": 0}'
    start worker inventory-worker --count 1
    eventually grep -q "530 NOT_ALLOWED - .*connection limit (0) is reached; attempt 1 of 60" worker.err
    order >input
    run -75 --separate-stderr order-place --retries 2 --retry-delay 0 <input
    api DELETE "vhost-limits/$VHOST/max-connections"
    order-place --flush >/dev/null
    finish -0 "$PID"
    has_lines worker.out 1
}

# ---- what queue-inspect shows

# altering FILTER: makes MANAGEMENT_URL an API that answers as the broker's does, but quorum queues are as jq changes them.
altering()
{
    altering_all "if type == \"object\" and .type == \"quorum\" then $1 else . end"
}

# altering_all FILTER: the same for each answer.
altering_all()
{
    rm -f altering.out
    start altering python3 "$REPO/tests/support/altering.py" "${SUITE_API%/}" "$1"
    eventually test -s altering.out
    MANAGEMENT_URL=http://guest:guest@127.0.0.1:$(head -n 1 altering.out)
    export MANAGEMENT_URL
}

@test "quorum: queue-inspect shows type, leader and members; a table does so if there are several" {
    quorum_topology
    queue plain
    MANAGEMENT_URL=$SUITE_API run -0 --separate-stderr queue-inspect "$PLACED_Q" plain
    jq -se '.[0].leader as $node | .[0].type == "quorum" and .[0].members == [$node] and .[0].online == [$node]
        and .[1].type == "classic" and .[1].leader == $node and .[1].members == null and .[1].online == null' <<<"$output"
    MANAGEMENT_URL=$SUITE_API run -0 --separate-stderr queue-inspect --format table
    [[ ${lines[0]} == *POLICY ]]

    altering '.leader = "b@two" | .members = ["a@one", "b@two", "c@three"] | .online = ["b@two", "c@three"]'
    run -0 --separate-stderr queue-inspect --format table "$PLACED_Q" plain
    [[ ${lines[0]} =~ \ POLICY\ ONLINE\ LEADER ]]
    [[ ${lines[1]} =~ \ quorum\ +-\ +2/3\ b@two\ *$ ]]
    [[ ${lines[2]} =~ \ classic\ +-\ +-\ .*@ ]]
}

@test "quorum: without statistics the management API knows no policy: said after a look that counts" {
    quorum_topology
    altering 'del(.effective_policy_definition)'
    run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    [[ $stderr == *'whether a policy limits those is not known now: the management API has no statistics of the queue' ]]
}

@test "quorum: --health warns of a majority that hangs by one node, and fails without one" {
    quorum_topology
    start_workers
    MANAGEMENT_URL=$SUITE_API run -0 --separate-stderr queue-inspect --health
    jq -e '.checks.quorum == {ok: true}' <<<"$output"
    for online in 5 4; do
        altering ".members = [\"a\", \"b\", \"c\", \"d\", \"e\"] | .online = .members[:$online]"
        run -0 --separate-stderr queue-inspect --health
        jq -e '.checks.quorum == {ok: true}' <<<"$output"
    done
    altering '.members = ["a", "b", "c", "d", "e"] | .online = .members[:3]'
    run -0 --separate-stderr queue-inspect --health
    jq -e --arg warning "'$PLACED_Q' hangs by one node: 3 of 5 nodes online" \
        '.healthy and .checks.quorum == {ok: true, warning: $warning}' <<<"$output"
    altering '.members = ["a", "b", "c", "d", "e"] | .online = .members[:2]'
    run -1 --separate-stderr queue-inspect --health
    jq -e --arg detail "'$PLACED_Q' has lost its majority: 2 of 5 nodes online" \
        '.healthy == false and .checks.quorum == {ok: false, level: "critical", detail: $detail}' <<<"$output"
}

@test "quorum: --health fails if the nodes have parted, or one is low on memory, and warns of one that is down" {
    local nodes='if type == "array" and (.[0] | has("running")) then'
    topology
    start_workers
    altering_all "$nodes [.[0], {name: \"b@two\", running: false}] else . end"
    run -0 --separate-stderr queue-inspect --health
    jq -e ".checks.nodes == {ok: true, warning: \"'b@two' is down\"}" <<<"$output"
    altering_all "$nodes [.[0], {name: \"b@two\", running: true, disk_free_alarm: true}] else . end"
    run -1 --separate-stderr queue-inspect --health
    jq -e ".checks.nodes == {ok: false, level: \"critical\", detail: \"'b@two' is low on disk space: no broker of the cluster takes messages\"}" <<<"$output"
    altering_all "$nodes [.[0], {name: \"b@two\", running: true, partitions: [\"c@three\"]}] else . end"
    run -1 --separate-stderr queue-inspect --health
    jq -e '.checks.nodes | .ok == false and (.detail | startswith("the cluster is partitioned: '"'b@two'"' has parted from 1 other,"))' <<<"$output"
}
