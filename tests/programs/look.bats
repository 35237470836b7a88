# A look changes nothing, and is never silent: queue-inspect and dlq-replay at queues that are not plain ones.

load ../support/letters

setup()
{
    isolate
}

# auto_delete NAME: makes one that goes with its last consumer.
auto_delete()
{
    api PUT "queues/$VHOST/$1" '{"durable": true, "auto_delete": true}' >/dev/null
}

# fill QUEUE N: N messages in it, which hold the numbers from 1 on.
fill()
{
    put_numbers "$2" "$1"
    eventually holds "$1" "$2"
}

# lock NAME: a queue of another connection's own.
lock()
{
    start owner amqp-consume -u "$AMQP_URL" -q "$1" -x cat
    eventually is_listed "$1"
}

is_listed()
{
    api GET "queues/$VHOST/$1" | jq -e .exclusive
}

# shows N...: what was printed are the messages with these numbers.
shows()
{
    [ "$(jq -c .body <<<"$output" | paste -sd' ')" = "$*" ]
}

with_api()
{
    MANAGEMENT_URL=http://guest:guest@${SUITE_API#http://} "$@"
}

# ---- auto-delete

@test "look: --peek leaves an auto-delete queue and its messages" {
    auto_delete adq
    fill adq 3
    for _ in 1 2 3; do
        run -0 --separate-stderr queue-inspect --peek 2 adq
        shows 1 2
        [ -z "$stderr" ]
        holds adq 3
    done
}

@test "look: dlq-replay consumes from no auto-delete queue that would go with it, unless forced" {
    local job
    auto_delete adq
    fill adq 3
    for job in --list --summary --dry-run --take ''; do
        run -78 --separate-stderr dlq-replay --queue adq $job
        [[ $stderr == "dlq-replay: queue 'adq' is auto-delete: it would go, with all that is left in it"* ]]
        [ -z "$output" ]
        holds adq 3
    done
    run -0 --separate-stderr dlq-replay --queue adq --list --force
    shows 1 2 3
    run -1 queue-inspect adq
}

@test "look: dlq-replay lists an auto-delete queue that has another consumer to stay for" {
    auto_delete adq
    start_holder reader adq
    eventually is_consumed adq
    seq 3 | amqp-publish -u "$AMQP_URL" -e '' -r adq -l
    eventually holds adq 2
    run -0 --separate-stderr dlq-replay --queue adq --list
    shows 2 3
    eventually holds adq 2
}

# ---- streams

@test "look: --peek shows a stream from its first offset, as often as one likes" {
    queue st.q '{"x-queue-type": "stream"}'
    seq 5 | amqp-publish -u "$AMQP_URL" -e '' -r st.q -l
    eventually holds st.q 5
    for _ in 1 2; do
        run -0 --separate-stderr queue-inspect --peek 3 st.q
        shows 1 2 3
        [ -z "$stderr" ]
    done
    run -0 --separate-stderr queue-inspect --peek 100 st.q
    shows 1 2 3 4 5
    with_api run -0 --separate-stderr queue-inspect --peek 2 st.q
    shows 1 2
}

@test "look: --peek shows more of a stream than may be on its way" {
    queue st.q '{"x-queue-type": "stream"}'
    seq 3000 | amqp-publish -u "$AMQP_URL" -e '' -r st.q -l
    eventually holds st.q 3000
    run -0 --separate-stderr queue-inspect --peek 2800 st.q
    [ "$(jq .body <<<"$output" | cksum)" = "$(seq 2800 | cksum)" ]
}

@test "look: --peek by a user who may not declare finds out by itself that it is a stream" {
    queue st.q '{"x-queue-type": "stream"}'
    seq 3 | amqp-publish -u "$AMQP_URL" -e '' -r st.q -l
    eventually holds st.q 3
    reduced_user '' '' '.*'
    run -0 --separate-stderr queue-inspect --peek 2 st.q
    shows 1 2
}

@test "look: dlq-replay says that a queue is a stream" {
    queue st.q '{"x-queue-type": "stream"}'
    run -78 --separate-stderr dlq-replay --queue st.q --list
    [ "$stderr" = "dlq-replay: queue 'st.q' is a stream: queue-inspect --peek shows what is in it" ]
}

# ---- others who consume

@test "look: --peek sees what waits behind a single active consumer" {
    queue single '{"x-single-active-consumer": true}'
    start_holder active single
    eventually is_consumed single
    seq 4 | amqp-publish -u "$AMQP_URL" -e '' -r single -l
    eventually holds single 3
    run -0 --separate-stderr queue-inspect --peek 9 single
    shows 2 3 4
    holds single 3
}

@test "look: --peek says that nothing comes of a quorum queue that has another single active consumer" {
    queue single "$(endless '{"x-single-active-consumer": true}')"
    start_holder active single
    eventually is_consumed single
    seq 4 | amqp-publish -u "$AMQP_URL" -e '' -r single -l
    eventually holds single 3
    run -69 --separate-stderr queue-inspect --peek 3 single
    [ -z "$output" ]
    [ "$stderr" = "queue-inspect: queue 'single': 3 of 3 messages did not come: somebody else may have them" ]
    finish "$PID" KILL
    eventually holds single 4
    run -0 --separate-stderr queue-inspect --peek 2 single
    shows 1 2
    eventually holds single 4
}

# ---- delivery limit

limited='{"x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}'

@test "look: no look uses up a delivery of a limited queue, unless forced" {
    local look
    queue lives "$limited"
    queue dead
    fill lives 2
    for look in 'queue-inspect --peek 2 lives' 'dlq-replay --queue lives --list' 'dlq-replay --queue lives --summary' \
        'dlq-replay --queue lives --dry-run' 'with_api queue-inspect --peek 2 lives'; do
        run -78 --separate-stderr $look
        [ -z "$output" ]
        [[ $stderr == *"queue 'lives' has a delivery limit of 2, and each look at a message counts as a delivery: after 2 the next removes it; --force looks nevertheless" ]]
    done
    run -0 --separate-stderr queue-inspect --peek 2 --force lives
    jq -se 'all((.headers["x-delivery-count"] // 0) == 0)' <<<"$output"
}

@test "look: a forced look says how many deliveries are left, and how many it has cost" {
    queue lives "$limited"
    queue dead
    fill lives 2
    run -0 --separate-stderr queue-inspect --peek 1 --force lives
    [ "$stderr" = "queue-inspect: queue 'lives': the delivery limit is 2; message 1 has been delivered 1 time, 1 look left" ]
    eventually holds lives 2
    run -0 --separate-stderr queue-inspect --peek 2 --force lives
    [ "$stderr" = "queue-inspect: queue 'lives': the delivery limit is 2; message 1 has been delivered 2 times, 0 looks left" ]
    shows 1 2
    eventually holds lives 2
    run -0 --separate-stderr queue-inspect --peek 2 --force lives
    [ "${stderr%%$'\n'*}" = "queue-inspect: queue 'lives': 1 of 2 messages were looked at once more than the delivery limit of 2 allows: the broker has removed them" ]
    eventually holds dead 1
    eventually holds lives 1
}

@test "look: a user who may not find out what a queue is like is told what a look has cost, if that is known" {
    [ "$(broker_major)" -ge 4 ] || skip 'before RabbitMQ 4 a quorum queue has no limit unless somebody sets one'
    queue lives '{"x-queue-type": "quorum"}'
    fill lives 1
    reduced_user '' '' '^lives$'
    run -0 --separate-stderr queue-inspect --peek 1 lives
    eventually holds lives 1
    run -0 --separate-stderr queue-inspect --peek 1 lives
    [ "$stderr" = "queue-inspect: queue 'lives': the delivery limit is 20; message 1 has been delivered 2 times, 18 looks left" ]
}

@test "look: a queue with delayed retries is not looked at, unless forced" {
    broker_is_at_least 4 3 || skip 'RabbitMQ has that from 4.3 on'
    queue later '{"x-queue-type": "quorum", "x-delivery-limit": -1, "x-delayed-retry-type": "all", "x-delayed-retry-min": 1000}'
    fill later 1
    with_api run -78 --separate-stderr queue-inspect --peek 1 later
    [[ $stderr == *"queue 'later' delays what comes back: "* ]]
    with_api run -0 --separate-stderr queue-inspect --peek 1 --force later
    shows 1
}

# dead_letters N: letters in the queue lives that came from an exchange which is not there.
dead_letters()
{
    letters 'range($n) | letter({n: (. + 1)}) | .queue = "lives" | .headers["x-death"][0].exchange = "gone"' --argjson n "$1"
    eventually holds lives "$1"
}

@test "look: letters that stay are parked before the limit removes them: refused ones, and those that were not chosen" {
    local round job
    topology
    queue lives "$limited"
    queue dead
    for job in 'dlq-replay --queue lives' 'dlq-replay --queue lives --take --reason expired' 'dlq-replay --queue lives --order-id none'; do
        dead_letters 40
        for round in 1 2; do
            run --separate-stderr $job
            [ -z "$stderr" ]
            eventually holds lives 40
        done
        run --separate-stderr $job
        [ "$stderr" = "dlq-replay: 40 letters of 'lives' parked: the delivery limit of 2 would have removed what came back once more" ]
        if [ -n "$output" ]; then
            [ "$status" = 76 ]
            [ "$(fates)" = '40 parked' ]
            jq -es 'all(.reason == "came back as often as the delivery limit of 2 allows: the exchange it would be sent to is not there")' <<<"$output"
        fi
        holds lives 0
        holds dead 0
        [ "$(dlq-replay --queue order.placed.parked --take | jq .body.n | sort -n | cksum)" = "$(seq 40 | cksum)" ]
    done
}

@test "look: letters that stay, with --no-park: those that the limit has removed are reported" {
    topology
    queue lives '{"x-queue-type": "quorum", "x-delivery-limit": 0}'
    dead_letters 3
    run -76 --separate-stderr dlq-replay --queue lives --no-park
    [ "$(fates)" = '3 refused' ]
    [ "$stderr" = "dlq-replay: 3 letters of 'lives' came back more often than the delivery limit of 0 allows: the broker has removed them" ]
    eventually nobody_holds lives
    holds lives 0
    dead_letters 3
    run -0 --separate-stderr dlq-replay --queue lives --list --force
    [ "$(wc -l <<<"$output")" = 3 ]
    [ "$stderr" = "dlq-replay: 3 letters of 'lives' came back more often than the delivery limit of 0 allows: the broker has removed them" ]
}

@test "look: a limit that a policy sets is known with the management API; without it, a message says that it is unknown" {
    queue lives "$(endless)"
    policy lives lives '{"delivery-limit": 3}' lives
    fill lives 2
    with_api run -78 --separate-stderr queue-inspect --peek 2 lives
    [[ $stderr == *"queue 'lives' has a delivery limit of 3"* ]]
    MANAGEMENT_URL=http://127.0.0.1:1 run -69 --separate-stderr queue-inspect --peek 2 lives
    [[ $stderr == *"management API 'http://127.0.0.1:1': cannot connect: Connection refused" ]]
    [ -z "$output" ]
    run -0 --separate-stderr queue-inspect --peek 1 lives
    jq -e '(.headers["x-delivery-count"] // 0) == 0' <<<"$output"
    [ "$stderr" = "queue-inspect: queue 'lives' is a quorum queue: this look counts as a delivery, and whether a policy limits those is not known without the management API" ]
    # With the API, and without a limit, there is nothing to say.
    queue many "$(endless)"
    fill many 1
    has_statistics()
    {
        api GET "queues/$VHOST/many" | jq -e 'has("effective_policy_definition")'
    }
    eventually has_statistics
    with_api run -0 --separate-stderr queue-inspect --peek 1 many
    [ -z "$stderr" ]
}

@test "look: a plain queue is looked at though the management API is away" {
    queue plain '{"x-message-ttl": 600000, "x-max-length": 100, "x-max-priority": 3, "x-dead-letter-exchange": "it'"'"'s of type"}'
    fill plain 2
    MANAGEMENT_URL=http://127.0.0.1:1 run -0 --separate-stderr queue-inspect --peek 2 plain
    [ -z "$stderr" ]
    shows 1 2
}

@test "look: asking what a queue is like creates and changes nothing, and is right for every kind of argument" {
    local arguments
    topology
    api GET "queues/$VHOST" | jq -S 'map({name, durable, auto_delete, arguments}) | sort_by(.name)' >before
    run -78 --separate-stderr queue-inspect --peek 1 missing
    run -0 queue-inspect --peek 1 "$PLACED_Q"
    run -0 queue-inspect --peek 1 "$FAILED_Q"
    api GET "queues/$VHOST" | jq -S 'map({name, durable, auto_delete, arguments}) | sort_by(.name)' | cmp before
    # The limit comes last, after all that is to be found out before.
    queue all '{"x-queue-type": "quorum", "x-delivery-limit": 7, "x-dead-letter-exchange": "it'"'"'s of type '"'"'x'"'"'", "x-dead-letter-routing-key": "k",
        "x-max-length": 1000, "x-max-length-bytes": 100000, "x-overflow": "reject-publish", "x-expires": 600000}'
    run -78 --separate-stderr queue-inspect --peek 1 all
    [[ $stderr == *"has a delivery limit of 7,"* ]]
}

# ---- what does not come

# stalled_peek N: a look at so many messages, while nobody reads what it shows: descriptor 5.
stalled_peek()
{
    queue many
    seq "$1" | amqp-publish -u "$AMQP_URL" -e '' -r many -l
    eventually holds many "$1"
    stalled peek queue-inspect --peek "$1" --retry-delay 0 many
    eventually stands_still "$PID"
}

@test "look: a connection that is lost while peeking: each message once, and the rest is said" {
    stalled_peek 3000
    cut_connections
    cat <&5 >shown
    finish -69 "$PID"
    jq .body shown >numbers
    [ -s numbers ]
    cmp numbers <(seq "$(wc -l <numbers)")
    grep -qE "^queue-inspect: queue 'many': the connection was lost after $(wc -l <numbers) of 3000 messages: the rest is not shown$" peek.err
    eventually holds many 3000
}

@test "look: the number of messages that somebody else took meanwhile is reported" {
    stalled_peek 2000
    purge many
    cat <&5 >shown
    finish -69 "$PID"
    grep -qE "^queue-inspect: queue 'many': $((2000 - $(wc -l <shown))) of 2000 messages did not come: somebody else may have them$" peek.err
}

@test "look: messages are back, in their order, when --peek has ended" {
    queue many
    fill many 500
    run -0 --separate-stderr queue-inspect --peek 500 many
    [ "$(queue-inspect many)" = '{"queue":"many","exists":true,"ready":500,"consumers":0}' ]
    run -0 --separate-stderr queue-inspect --peek 500 many
    [ "$(jq .body <<<"$output" | cksum)" = "$(seq 500 | cksum)" ]
}

@test "look: a stop while peeking lets go of all" {
    stalled_peek 3000
    kill -TERM "$PID"
    cat <&5 >/dev/null
    finish -143 "$PID"
    eventually holds many 3000
}

@test "look: a queue that may not be peeked into" {
    queue plain
    fill plain 1
    lock locked
    run -78 --separate-stderr queue-inspect --peek 1 locked
    [[ $stderr == "queue-inspect: 'locked': cannot look at the queue: 405 RESOURCE_LOCKED"* ]]
    reduced_user '' '' '^other$'
    run -77 --separate-stderr queue-inspect --peek 1 plain
    # From RabbitMQ 4.2.6 on it may not even ask whether the queue is there.
    [[ $stderr == "queue-inspect: 'plain': cannot "*": 403 ACCESS_REFUSED"* ]]
    [ -z "$output" ]
}

# ---- one of several

@test "look: one locked queue among several has a line that says it, and the others theirs" {
    queue a
    queue b
    fill b 2
    lock locked.q
    run -78 --separate-stderr queue-inspect a locked.q b
    [ "${lines[0]}" = '{"queue":"a","exists":true,"ready":0,"consumers":0}' ]
    jq -e 'keys == ["error", "exists", "queue"] and .queue == "locked.q" and .exists == true
           and (.error | startswith("cannot look at the queue: 405 RESOURCE_LOCKED"))' <<<"${lines[1]}"
    [ "${lines[2]}" = '{"queue":"b","exists":true,"ready":2,"consumers":0}' ]
    [[ $stderr == "queue-inspect: 'locked.q': cannot look at the queue: 405 RESOURCE_LOCKED"* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
    # One that is missing does not hide it.
    run -78 --separate-stderr queue-inspect none locked.q
    [[ $stderr == *"no queue 'none'"* ]]
    run -78 --separate-stderr queue-inspect --format table a locked.q b
    [[ ${lines[2]} =~ ^locked\.q\ +locked\ +-$ ]]
    [[ ${lines[3]} =~ ^b\ +2\ +0$ ]]
    with_api run -78 --separate-stderr queue-inspect locked.q
    jq -e '.error and .type == "classic" and (has("ready") | not)' <<<"$output"
}

@test "look: --watch goes on with a locked queue among others, and says it at the end" {
    queue a
    lock locked.q
    run -78 --separate-stderr queue-inspect --watch 1 --timeout 1 locked.q a
    jq -se 'length == 2 and all(.queues[0].exists and (.queues[0].error | contains("405")) and .queues[1].ready == 0)' <<<"$output"
    [[ $stderr == "queue-inspect: 'locked.q': "*RESOURCE_LOCKED* ]]
    TERM=xterm run -78 script -qec 'queue-inspect --watch 1 --timeout 1 locked.q a' /dev/null
    [[ $output =~ RESOURCE_LOCKED.*locked\.q\ +locked\ +- ]]
}

@test "look: waiting for a locked queue fails at once" {
    queue a
    lock locked.q
    run -78 --separate-stderr timeout "$HANGING" queue-inspect --until-empty a locked.q
    [[ $stderr == *"'locked.q': "*RESOURCE_LOCKED* ]]
    [ "${#lines[@]}" -eq 2 ]
    run -78 --separate-stderr timeout "$HANGING" queue-inspect --until 0 locked.q
    [[ $stderr == *RESOURCE_LOCKED* ]]
}

@test "look: --health and --check-topology with a locked queue check all the rest" {
    topology
    api DELETE "queues/$VHOST/$PLACED_Q" >/dev/null
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    lock "$PLACED_Q"
    start worker notify-worker
    run -1 --separate-stderr queue-inspect --check-topology
    [ "$(jq -r '[.name, .problem] | join(" ")' <<<"$output" | paste -sd,)" = "$PLACED_Q not known,$FAILED_Q missing" ]
    jq -se '.[0].found | contains("405 RESOURCE_LOCKED")' <<<"$output"
    run -1 --separate-stderr queue-inspect --health --max-ready 5
    jq -e '.checks.broker.ok and .checks.dead_letters.ok and (.checks | .topology, .consumers, .backlog
           | .ok == false and (.detail | contains("405 RESOURCE_LOCKED")))' <<<"$output"
}

# ---- following

@test "look: --follow of an exchange that is deleted ends; one that is made anew is followed on" {
    api PUT "exchanges/$VHOST/ex" '{"type": "direct", "durable": true}' >/dev/null
    start following queue-inspect --follow ex --routing-key k
    arrives()
    {
        publish ex k "$1" && grep -q "\"body_text\":\"$1\"" following.out
    }
    eventually arrives one
    api DELETE "exchanges/$VHOST/ex" >/dev/null
    api PUT "exchanges/$VHOST/ex" '{"type": "direct", "durable": true}' >/dev/null
    eventually arrives two
    api DELETE "exchanges/$VHOST/ex" >/dev/null
    ends -78 "$PID" '' 10
    grep -q "404 NOT_FOUND - no exchange 'ex'" following.err
}

@test "look: --follow without a right to the exchange says so" {
    api PUT "exchanges/$VHOST/ex" '{"type": "direct", "durable": true}' >/dev/null
    reduced_user '^amq\\.gen' '^amq\\.gen' '^amq\\.gen'
    run -77 --separate-stderr timeout "$HANGING" queue-inspect --follow ex --routing-key k
    [[ $stderr == *"403 ACCESS_REFUSED"*"'ex'"* ]]
}

@test "look: --follow says that its reader is too slow" {
    api PUT "exchanges/$VHOST/ex" '{"type": "direct", "durable": true}' >/dev/null
    stalled following queue-inspect --follow ex --routing-key k
    tapped()
    {
        api GET "exchanges/$VHOST/ex/bindings/source" | jq -e 'length == 1'
    }
    eventually tapped
    full()
    {
        api GET "queues/$VHOST" | jq -e '.[0].messages_ready == 10000'
    }
    seq 13000 | amqp-publish -u "$AMQP_URL" -e ex -r k -l
    eventually full
    eventually stands_still "$PID"
    sleep 1.1 # it looks at the queue once a second: the next look is due when it goes on
    start reader cat <&5
    eventually grep -qx 'queue-inspect: messages come faster than they are read: the oldest may be missing' following.err
    finish -143 "${STARTED[0]}" TERM
}
