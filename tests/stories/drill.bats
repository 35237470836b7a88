# The drills and the workflow script, as people run them.

load ../support/helper

setup()
{
    isolate
    export WORKFLOW_HOME=$BATS_TEST_TMPDIR/workflow WORKFLOW_HTTP=unix:$BATS_TEST_TMPDIR/http
}

teardown()
{
    for WORKFLOW_HOME in "$BATS_TEST_TMPDIR"/{workflow,first,second}; do
        [ ! -e "$WORKFLOW_HOME" ] || BROKER_HOME=$WORKFLOW_HOME/broker workflow down 2>/dev/null
    done
    tidy
}

drill_passes()
{
    run -0 --separate-stderr drill "$@"
    [ "$(grep -c '^NO' <<<"$output")" = 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 3 ]
}

@test "drill basic" { drill_passes basic; }
@test "drill basic --http" { drill_passes basic --http; }
@test "drill backlog" { drill_passes backlog --wait 2; }
@test "drill backlog --http" { drill_passes backlog --http --wait 2; }
@test "drill duplicate" { drill_passes duplicate; }
@test "drill duplicate --http" { drill_passes duplicate --http; }
@test "drill poison" { drill_passes poison; }
@test "drill poison --http" { drill_passes poison --http; }
@test "drill repair" {
    drill_passes repair
    [[ $output == *" parked, user_id is missing"* ]]
}

@test "drill refuses a broker on which others are at work, and takes nothing away from them: 69" {
    order-place <"$DATA/order.json"
    run -69 --separate-stderr drill basic
    [ "$output" = "" ]
    [[ $stderr == *"drill: the broker in AMQP_URL is in use, see $PLACED_Q; without AMQP_URL a private one is started"* ]]
    holds "$PLACED_Q" 1
    workflow up
    run -69 --separate-stderr drill all
    [[ $stderr == *"is in use, see $PLACED_Q $RESERVED_Q; "* ]]
}

@test "workflow up, ps, logs, stop, start, down: services that were started run, those that were stopped do not" {
    run -0 --separate-stderr workflow up
    run -0 --separate-stderr workflow ps
    [ "$(grep -c ' running ' <<<"$output")" = 3 ]
    # Once more does nothing.
    run -0 --separate-stderr workflow up
    [[ $stderr == *"inventory-worker runs already"* ]]
    id=$(order-place <"$DATA/order.json" | jq -r .order_id)
    told()
    {
        workflow logs notify-worker | grep -qxF "notify-worker | [notify] Order confirmed: $id"
    }
    eventually told
    [ "$(curl -s --unix-socket http "http://localhost/order/$id" | jq -r .order_id)" = "$id" ]
    run -0 workflow logs
    [[ $output == *"inventory-worker | [inventory] reservation OK for $id"* ]]
    [ "$(jq -r .order_id "$WORKFLOW_HOME/notify-worker.out")" = "$id" ]

    run -0 workflow stop inventory-worker
    run -1 --separate-stderr workflow ps
    grep -qE '^inventory-worker +stopped' <<<"$output"
    run -0 workflow start inventory-worker
    eventually workflow ps

    pids=$(cat "$WORKFLOW_HOME"/*.pid)
    run -0 --separate-stderr workflow down
    for pid in $pids; do
        run -1 kill -0 "$pid"
    done
    # With AMQP_URL set, no broker was started, and none is stopped.
    [ ! -e "$WORKFLOW_HOME/broker" ]
    holds "$PLACED_Q" 0
}

@test "workflow starts the workers with the options of the environment" {
    printf '#!/bin/sh\njq -r .event_type >>"%s"\n' "$PWD/told" >tell
    chmod +x tell
    export WORKFLOW_INVENTORY_OPTIONS='--strict-stock  --max-qty 3' WORKFLOW_NOTIFY_OPTIONS="--exec $PWD/tell"
    workflow up
    order='{"user_id":"u","restaurant_id":"r","items":[{"sku":"burger","qty":2}]}'
    order-place <<<"$order"
    is_logged() { workflow logs inventory-worker | grep -q 'reservation FAILED for'; }
    eventually is_logged
    inventory-stock <<<'{"sku":"burger","on_hand":10}' >/dev/null
    order-place <<<"$order"
    eventually test -s told
    # What runs is found by its name all the same.
    run -0 --separate-stderr workflow up
    [[ $stderr == *"inventory-worker runs already"*"notify-worker runs already"* ]]
}

@test "workflow up --life: what became of an order is known; cancelled, it gives back what it had reserved" {
    inventory-stock <<<'{"sku":"burger","on_hand":10}' >/dev/null
    workflow up --life
    run -0 --separate-stderr workflow ps
    [ "$(grep -c ' running ' <<<"$output")" = 5 ]
    id=$(order-place <"$DATA/order.json" | jq -r .order_id)
    is()
    {
        [ "$(order-show "$id" | jq -r .status)" = "$1" ]
    }
    eventually is RESERVED
    [ "$(inventory-stock </dev/null | jq -c '[.on_hand, .reserved]')" = '[8,2]' ]
    [ "$(order-cancel "$id" | jq -r .status)" = CANCELLING ]
    eventually is CANCELLED
    [ "$(inventory-stock </dev/null | jq -c '[.on_hand, .reserved]')" = '[10,0]' ]
    workflow down
    # Not the next time, unless it is said.
    workflow up
    run -0 --separate-stderr workflow ps
    [ "$(grep -c ' running ' <<<"$output")" = 3 ]
}

# address: where order-http listens, as workflow ps shows it.
address()
{
    workflow ps | sed -n 's/^order-http  *running  *[0-9]*  *//p'
}

@test "workflow ps and env tell where order-http listens" {
    run -0 --separate-stderr workflow env
    [ "$output" = "export AMQP_URL=$AMQP_URL WORKFLOW_HTTP=$WORKFLOW_HTTP" ]
    WORKFLOW_HTTP=127.0.0.1:0 workflow up
    unset WORKFLOW_HTTP
    eval "$(workflow env)"
    [[ $WORKFLOW_HTTP =~ ^127\.0\.0\.1:[1-9][0-9]*$ ]]
    [ "$(address)" = "$WORKFLOW_HTTP" ]
    [ "$(curl -s "http://$WORKFLOW_HTTP/health")" = '{"status": "ok"}' ]
    workflow down
    [ -z "$(address)" ]
}

# own_processes: of the workflow in WORKFLOW_HOME.
own_processes()
{
    local process
    for process in /proc/[0-9]*; do
        ! grep -qsF "=$WORKFLOW_HOME" "$process/environ" || readlink "$process/exe"
    done | grep -E '/(inventory-worker|notify-worker|order-http|beam[^/]*)$'
}

@test "workflow up with the port taken: says so, by which setting to choose another, and stops what it has started: 69" {
    first=$BATS_TEST_TMPDIR/first
    second=$BATS_TEST_TMPDIR/second
    WORKFLOW_HTTP=127.0.0.1:0 WORKFLOW_HOME=$first workflow up
    WORKFLOW_HTTP=$(WORKFLOW_HOME=$first address)
    WORKFLOW_HOME=$second
    (
        unset AMQP_URL
        BROKER_HOME=$second/broker run -69 --separate-stderr workflow up
        [[ $stderr == *"cannot listen on '$WORKFLOW_HTTP': Address already in use; WORKFLOW_HTTP="* ]]
        [[ $stderr == *"workflow: stopped again: broker inventory-worker notify-worker order-http"* ]]
    )
    run -1 own_processes
    # What was there before stays.
    WORKFLOW_HTTP=unix:$BATS_TEST_TMPDIR/http workflow start inventory-worker
    run -69 --separate-stderr workflow up
    [[ $stderr == *"workflow: stopped again: notify-worker order-http"* ]]
    [ "$(own_processes)" = "$REPO/bin/inventory-worker" ]
    run -69 --separate-stderr workflow start order-http
    [ "$(own_processes)" = "$REPO/bin/inventory-worker" ]
    workflow down
    WORKFLOW_HOME=$first run -0 --separate-stderr workflow ps
}

@test "workflow up that is interrupted stops what it has started" {
    # Accepts nothing, so that the workers never consume.
    start deaf /usr/bin/python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True); time.sleep(600)'
    eventually test -s deaf.out
    AMQP_URL=amqp://127.0.0.1:$(cat deaf.out) start up workflow up
    up=$PID
    eventually test -e http
    finish -143 "$up" TERM
    eventually grep -F 'workflow: stopped again: inventory-worker notify-worker order-http' up.err
    run -1 own_processes
}

@test "workflow logs -f goes on as more is said" {
    workflow up 2>/dev/null
    start follow workflow logs -f
    id=$(order-place <"$DATA/order.json" | jq -r .order_id)
    eventually grep -xF "notify-worker | [notify] Order confirmed: $id" follow.out
    finish -143 "$PID" TERM
}

@test "workflow without AMQP_URL starts a broker of its own, and stops it" {
    unset AMQP_URL
    export BROKER_HOME=$WORKFLOW_HOME/broker
    run -0 --separate-stderr workflow up
    eval "$(workflow env)"
    run -0 --separate-stderr order-place <"$DATA/order.json"
    unset AMQP_URL
    run -0 --separate-stderr workflow ps
    grep -qE '^broker +running' <<<"$output"
    run -0 --separate-stderr workflow down
    run -3 broker status
}

@test "the demo, on a broker that AMQP_URL names: it shows what it promises" {
    run -0 --separate-stderr demo
    [[ $output == *'"status": "PLACED"}'* ]]
    [[ $output == *"30 PLACED"* ]]
    [[ $output == *"[inventory] reservation FAILED for"* ]]
    [[ $output =~ order\.placed\.dlq\ +1\ +0 ]]
    [[ $output == *'"reason": "rejected"'* ]]
    [[ $output == *"32 PLACED"* ]]
}

@test "workflow, drill and demo: wrong usage is 64" {
    run -64 workflow
    run -64 workflow jump
    run -64 workflow stop nobody
    run -64 drill
    run -64 drill fire
    run -64 drill backlog --wait soon
    run -0 workflow --help
    run -0 drill --help
    run -64 demo order
    run -0 demo --help
}
