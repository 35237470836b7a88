# shellcheck disable=SC2034 # the tests use the variables that are set here
# What the tests share: a file of tests starts with "load ../support/helper". Before each test is isolate, and tidy after it: a file that
# needs more has a setup or a teardown of its own, which calls them.
#
# After isolate, AMQP_URL is a new virtual host on the suite's broker, XDG_STATE_HOME a new folder, and PATH starts with bin/,
# scripts/ and the tools of the tests. After tidy, no process of the test runs any more, and a broker of the file's own runs again.
#
# With SUITE_STORE=postgresql the store and the ledgers are tables of a new database, which is dropped by tidy, and otherwise files in
# XDG_STATE_HOME.

bats_require_minimum_version 1.5.0

# bats notes the place of each command, which takes longer than many a command does. What "local -; set +T" stands in is left out: if it
# fails, the line of the test that has called it is shown.

# run ...: that of bats. This file may be loaded twice.
declare -F bats_run >/dev/null || eval "bats_$(declare -f run)"
run()
{
    local -
    set +T
    bats_run "$@"
}

# The queues that the programs share.
PLACED_Q=order.placed.q
DEAD_Q=order.placed.dlq
RESERVED_Q=inventory.reserved.q
FAILED_Q=inventory.failed.q

# Seconds for which eventually waits.
PATIENCE=30

# Seconds after which a program that has not ended counts as hanging. Even on a busy machine no program needs so many.
HANGING=120

setup()
{
    isolate
}

teardown()
{
    tidy
}

teardown_file()
{
    [ ! -e "$BATS_FILE_TMPDIR/broker" ] || BROKER_HOME=$BATS_FILE_TMPDIR/broker "$REPO/scripts/broker" kill
}

isolate()
{
    local -
    set +T
    VHOST=t$BATS_SUITE_TEST_NUMBER-$$
    AMQP_URL=$SUITE_URL/$VHOST
    XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    PATH=$REPO/bin:$REPO/scripts:$SUPPORT:$PATH
    DATA=$REPO/tests/data
    STARTED=()
    export AMQP_URL XDG_STATE_HOME PATH
    cd "$BATS_TEST_TMPDIR" || return
    api PUT "vhosts/$VHOST" >/dev/null
    DATABASES=()
    ! on_postgresql || other_store
}

tidy()
{
    local -
    set +T
    # Those of stalled, start_fed and start_stuck.
    exec 5<&- 7>&-
    if [ -n "${OWN_BROKER:-}" ]; then
        thaw_broker 2>/dev/null || true
        broker start 2>/dev/null
        eventually api GET overview
    fi
    [ -z "${COUNT_ALL:-}" ] || end_left 2>/dev/null || true
    none_left || { kill -KILL "${LEFT[@]}" && wait "${LEFT[@]}"; } 2>/dev/null || true
    drop_databases
    [ -z "${VHOST:-}" ] || api DELETE "vhosts/$VHOST" >/dev/null
    [ -z "${REDUCED:-}" ] || api DELETE "users/$REDUCED" >/dev/null
}

# none_left: does no started process run any more? Sets LEFT to those that do. Another process may have the pid of one that has ended.
none_left()
{
    local pid
    LEFT=()
    for pid in $(jobs -rp); do
        [[ " ${STARTED[*]} " != *" $pid "* ]] || LEFT+=("$pid")
    done
    [ "${#LEFT[@]}" -eq 0 ]
}

# end_left: asks them to end, for make coverage, which sets COUNT_ALL: what is killed leaves no counts.
end_left()
{
    none_left || { kill -TERM "${LEFT[@]}" && kill -CONT "${LEFT[@]}" && PATIENCE=1 eventually none_left; }
}

# ---- where the data is kept

# on_postgresql: are store and ledgers tables, and not files?
on_postgresql()
{
    [ "${SUITE_STORE:-}" = postgresql ]
}

# about_files: for a test of what only files have.
about_files()
{
    ! on_postgresql || skip "about SQLite files"
}

# other_store: from now on the test has a store and ledgers that are new.
other_store()
{
    if on_postgresql; then
        DATABASE=t${BATS_SUITE_TEST_NUMBER}_$$_${#DATABASES[@]}
        create_database "$DATABASE"
        DATABASES+=("$DATABASE")
        ORDER_STORE="postgresql://order@/$DATABASE?host=$POSTGRES_HOME/run&port=$(<"$POSTGRES_HOME/port")"
        INVENTORY_LEDGER=$ORDER_STORE
        NOTIFY_LEDGER=$ORDER_STORE
        export ORDER_STORE INVENTORY_LEDGER NOTIFY_LEDGER
    else
        XDG_STATE_HOME=$(mktemp -d "$BATS_TEST_TMPDIR/state.XXXXXX")
    fi
}

drop_databases()
{
    [ -z "${DATABASES[*]:-}" ] || printf 'DROP DATABASE %s WITH (FORCE);\n' "${DATABASES[@]}" | as_admin postgres
}

# run_postgres, end_postgres: the server of the suite. Its folder has a short path that another user can enter: a server does not run
# as root. It does not sync, since no test lets the machine crash.
run_postgres()
{
    POSTGRES_HOME=$(mktemp -d /tmp/order-tools-suite.XXXXXX)
    chmod 711 "$POSTGRES_HOME"
    export POSTGRES_HOME
    echo 'fsync = off' >"$POSTGRES_HOME/extra"
    POSTGRES_CONFIG_EXTRA=$POSTGRES_HOME/extra "$REPO/scripts/postgres" start
}

end_postgres()
{
    "$REPO/scripts/postgres" kill
    rm -rf "$POSTGRES_HOME"
}

# bury_dead: in PostgreSQL, ends the leases of programs that run no more: another waits for the end of a lease before it takes over what
# a program owned that was killed. The lock of a file ends with the program.
bury_dead()
{
    local pid
    on_postgresql || return 0
    for pid in $(in_database 'SELECT pid FROM order_tools.runs' 2>/dev/null); do
        ! ended "$pid" || in_database "UPDATE order_tools.runs SET alive_until = now() - interval '1 second' WHERE pid = $pid"
    done
}

# in_database STATEMENT: prints the rows that the database of the test gives, with bars between the columns.
in_database()
{
    as_admin "$DATABASE" -c "$1" </dev/null
}

# as_admin DATABASE [PSQL-ARGUMENTS]: psql, as the superuser. Not by scripts/postgres, which takes longer to start than all the rest.
as_admin()
{
    local database=$1
    shift
    "$PSQL" -h "$POSTGRES_HOME/run" -p "$(<"$POSTGRES_HOME/port")" -U admin -d "$database" -XAtq -v ON_ERROR_STOP=1 "$@"
}

# create_database NAME: copied from the template file by file, which takes a third of the time.
create_database()
{
    as_admin postgres -c "CREATE DATABASE $1 OWNER \"order\" STRATEGY file_copy" </dev/null
}

# reduced_user CONFIGURE WRITE READ: makes a user with these permissions only, and AMQP_URL its own.
reduced_user()
{
    REDUCED=reduced-$VHOST
    api PUT "users/$REDUCED" '{"password": "secret", "tags": ""}' >/dev/null
    api PUT "permissions/$VHOST/$REDUCED" "{\"configure\": \"$1\", \"write\": \"$2\", \"read\": \"$3\"}" >/dev/null
    AMQP_URL=amqp://$REDUCED:secret@${AMQP_URL#*@}
}

# api METHOD PATH [JSON]: the broker's management API.
api()
{
    curl -sS -f --max-time 30 -u guest:guest -X "$1" -H 'content-type: application/json' ${3:+-d "$3"} "${SUITE_API}api/$2"
}

# broker_major: prints the first number of the broker's version.
broker_major()
{
    api GET overview | jq -r '.rabbitmq_version | split(".")[0]'
}

# broker_is_at_least MAJOR MINOR: has the broker this version, or a later one?
broker_is_at_least()
{
    api GET overview | jq -e --argjson least "[$1, $2]" '[.rabbitmq_version | split(".")[:2][] | tonumber] >= $least' >/dev/null
}

# queues_now [QUEUE]: prints all queues of the test, or one, as the API describes them, without the argument x-queue-type that RabbitMQ 4
# adds to queues that are declared without it.
queues_now()
{
    api GET "queues/$VHOST${1:+/$1}" |
        jq -c 'walk(if type == "object" and ."x-queue-type" == "classic" then del(."x-queue-type") else . end)'
}

# endless [JSON]: prints the arguments of a quorum queue without a delivery limit, together with those of the JSON. From RabbitMQ 4 on
# a limit of 20 is the default.
endless()
{
    jq -nc --argjson major "$(broker_major)" --argjson others "${1:-{\}}" '{"x-queue-type": "quorum"} + $others
        + if $major >= 4 then {"x-delivery-limit": -1} else {} end'
}

# publish_record EXCHANGE KEY BODY PROPERTIES [DEFINITIONS]: publishes from within the broker, with properties given as an Erlang record,
# since the management API cannot set headers of all types. RabbitMQ 4 has other functions for it.
publish_record()
{
    evaluate "${5:-} Props = $4, Key = <<\"$2\">>, Body = <<\"$3\">>,
        Exchange = rabbit_misc:r(<<\"$VHOST\">>, exchange, <<\"$1\">>),
        code:ensure_loaded(rabbit_basic),
        case erlang:function_exported(rabbit_basic, publish, 4) of
            true -> rabbit_basic:publish(Exchange, Key, Props, Body);
            false -> {ok, Message} = mc_amqpl:message(Exchange, Key, rabbit_basic:build_content(Props, Body)),
                rabbit_queue_type:publish_at_most_once(Exchange, Message)
        end." >/dev/null
}

# setting NAME VALUE: changes a setting of the broker, for channels and connections that are opened later. RabbitMQ 4 keeps some of them
# as persistent terms.
setting()
{
    evaluate "application:set_env(rabbit, $1, $2), persistent_term:put($1, $2)." >/dev/null
}

# be_patient_for MS: sets the broker's consumer timeout, for channels that are opened later.
be_patient_for()
{
    evaluate "application:set_env(rabbit, consumer_timeout, $1), application:set_env(rabbit, channel_tick_interval, 200)." >/dev/null
}

# evaluate ERLANG: evaluates expressions on the broker, and prints the result as {ok, RESULT}. Uses erl_call, since rabbitmqctl takes a
# second to start.
evaluate()
{
    local port said
    port=$(sed -n 's/^distribution //p' "$BROKER_HOME/ports")
    said=$(HOME=$BROKER_HOME erl_call -R -address "127.0.0.1:$port" -timeout "$HANGING" -e <<<"$1")
    [[ $said == '{ok, '* ]] || { echo "$1: $said" >&2 && return 1; }
    printf '%s\n' "$said"
}

# freeze_broker, thaw_broker: stop the process of the broker, with its connections open, and continue it. On a busy machine a thread may
# still do something after the signal was sent.
freeze_broker()
{
    kill -STOP "$(cat "$BROKER_HOME/pid")"
    eventually no_thread_runs "$(cat "$BROKER_HOME/pid")"
}

no_thread_runs()
{
    [ "$(grep -L '^State:.T' /proc/"$1"/task/*/status)" = "" ]
}

thaw_broker()
{
    kill -CONT "$(cat "$BROKER_HOME/pid")"
}

# start_broker: in setup_file, starts a broker for this file alone, which its tests may change and stop.
start_broker()
{
    export OWN_BROKER=yes BROKER_HOME=$BATS_FILE_TMPDIR/broker
    run_broker
}

# run_broker: starts the broker in BROKER_HOME, and sets SUITE_URL and SUITE_API.
run_broker()
{
    "$REPO/scripts/broker" start
    SUITE_URL=$("$REPO/scripts/broker" url)
    SUITE_API=$("$REPO/scripts/broker" status | sed -n 's/^management *\(http[^ ]*\).*/\1/p')
    export SUITE_URL SUITE_API
    # Quorum queues publish their statistics, and policies reach them, every 5 s by default.
    evaluate 'application:set_env(rabbit, quorum_tick_interval, 500).' >/dev/null
}

# own_broker: in a test, starts such a broker for this test and others that call it.
own_broker()
{
    api DELETE "vhosts/$VHOST" >/dev/null
    start_broker
    AMQP_URL=$SUITE_URL/$VHOST
    api PUT "vhosts/$VHOST" >/dev/null
}

# dying POINT COMMAND...: replaces the shell by a command that is killed at that point of its work, or with DIE_STOP=yes stopped there:
# see die.c. For use with start and run, and in subshells.
dying()
{
    local point=$1
    shift
    # The runtime of a sanitizer wants to be the first library that is loaded, but does not need it.
    exec env ASAN_OPTIONS=verify_asan_link_order=0 DIE_AT="$point" LD_PRELOAD="$SUPPORT/die.so" "$@"
}

# is_stopped PID: was it stopped by a signal?
is_stopped()
{
    grep -q '^State:.T' "/proc/$1/status"
}

# start NAME COMMAND...: runs the command in the background, with its output in NAME.out and NAME.err, and sets PID.
start()
{
    local name=$1
    shift
    # Its input is that of start: the shell would take it away from a background job.
    "$@" <&0 >"$name.out" 2>"$name.err" 3>&- 7>&- &
    PID=$!
    STARTED+=("$PID")
}

# start_fed NAME COMMAND...: the same, with a pipe as input: write to descriptor 7, and end it with exec 7>&-.
start_fed()
{
    mkfifo "$1.in"
    # For both, since opening one end alone would wait for the other.
    exec 7<>"$1.in"
    start "$@" <"$1.in"
}

# finish [-STATUS] PID [SIGNAL]: sends the signal, waits for the end of the process, and sets status to its exit status. That must be
# start_holder NAME QUEUE: as start, a consumer that takes one message, and keeps it for as long as it lives.
start_holder()
{
    # shellcheck disable=SC2016 # for the shell that is started
    start "$1" amqp-consume -u "$AMQP_URL" -q "$2" -p 1 -- sh -c 'while kill -0 $PPID; do sleep 0.5; done'
}

# STATUS, as with run.
finish()
{
    local -
    set +T
    local wanted=
    [[ $1 != -* ]] || { wanted=${1#-} && shift; }
    [ -z "${2:-}" ] || kill -"$2" "$1"
    status=0
    wait "$1" || status=$?
    [ "$status" != 137 ] || bury_dead
    [ "${wanted:-$status}" = "$status" ] || { echo "it ended with $status, not $wanted" >&2 && return 1; }
}

# ended PID: has it ended? It may still be there as a zombie.
ended()
{
    local -
    set +T
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    [[ ${stat##*) } == Z* ]]
}

# ends [-STATUS] PID [SIGNAL [SECONDS]]: the same as finish, but fails if the process does not end within that time (5), as eventually
# counts it.
ends()
{
    local wanted=()
    [[ $1 != -* ]] || { wanted=("$1") && shift; }
    [ -z "${2:-}" ] || kill -"$2" "$1"
    PATIENCE=${3:-5} eventually ended "$1"
    finish "${wanted[@]}" "$1"
}

# slowness: prints how much longer than on an idle machine things take just now: from 1 to 6, by the processes that share a processor.
slowness()
{
    local load factor
    read -r load _ </proc/loadavg
    factor=$((1 + ${load%.*} / PROCESSORS))
    echo $((factor < 6 ? factor : 6))
}

# eventually COMMAND...: tries the command every 50 ms, and after a second every 100 ms, until it succeeds: as often as fits into PATIENCE
# seconds, and more often on a busy machine. Counts tries and not the time, so that the awaited process gets its turns even if the whole
# machine stops for a while; but of a command that takes long itself it does not make hundreds.
eventually()
{
    local -
    set +T
    local try tries slowness end
    slowness=$(slowness)
    tries=$((10 + PATIENCE * 10 * slowness))
    end=$((SECONDS + 5 + 2 * PATIENCE * slowness))
    for ((try = 0; try < tries && (try < 20 || SECONDS < end); try++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        if ((try < 20)); then sleep 0.05; else sleep 0.1; fi
    done
    echo "not within $PATIENCE s: $*" >&2
    "$@"
    return 1
}

# as_first: receipts without what says that an order was placed before.
as_first()
{
    sed 's/, "repeated": true}$/}/'
}

# as_repeated: receipts as they are for orders that were placed before.
as_repeated()
{
    sed 's/}$/, "repeated": true}/'
}

# ready QUEUE: messages that wait there, by AMQP. holds QUEUE N: are there N?
ready()
{
    # Not with jq, which takes longer to start than all the rest.
    queue-inspect "$1" | sed -n 's/.*"ready":\([0-9]*\).*/\1/p'
}

# The broker tells a count ahead of what it has still to do, so that what has just been published or dead-lettered without a confirm may
# be missing in it: asked for a second, unless eventually() does it.
holds()
{
    local -
    set +T
    local left
    for ((left = 20; left > 0; left--)); do
        [ "$(ready "$1")" != "$2" ] || return 0
        [ -z "${try-}" ] || return 1
        sleep 0.05
    done
    return 1
}

is_consumed()
{
    queue-inspect "$1" | grep -q '"consumers":[1-9]'
}

# purge QUEUE: nothing that is ready is in it any more.
purge()
{
    api DELETE "queues/$VHOST/$1/contents" >/dev/null
}

# drain QUEUE: takes all messages out, a line for each, through the management API: {properties, payload, ...}.
drain()
{
    api POST "queues/$VHOST/$1/get" '{"count": 100000, "ackmode": "ack_requeue_false", "encoding": "auto"}' | jq -c '.[]'
}

# messages QUEUE: the same without taking them.
messages()
{
    api POST "queues/$VHOST/$1/get" '{"count": 100000, "ackmode": "reject_requeue_true", "encoding": "auto"}' | jq -c '.[]'
}

# publish EXCHANGE KEY BODY [amqp-publish options]: as another producer does.
publish()
{
    local exchange=$1 key=$2 body=$3
    shift 3
    amqp-publish -u "$AMQP_URL" -e "$exchange" -r "$key" -b "$body" "$@"
}

# post EXCHANGE KEY BODY [PROPERTIES [ENCODING]]: publishes through the management API, which knows every property.
post()
{
    local message
    message=$(jq -nc --arg key "$2" --arg body "$3" --argjson properties "${4:-{\}}" --arg encoding "${5:-string}" \
        '{routing_key: $key, payload: $body, payload_encoding: $encoding, properties: $properties}')
    api POST "exchanges/$VHOST/${1:-amq.default}/publish" "$message" | jq -e .routed >/dev/null
}

# cut_connections [PART]: the broker closes all connections of the test, or those that have this part of a name.
cut_connections()
{
    evaluate "[catch rabbit_networking:close_connection(Pid, \"cut by a test\") || Pid <- rabbit_networking:connections(),
        [{vhost, <<\"$VHOST\">>}, {client_properties, About}] <- [catch rabbit_networking:connection_info(Pid, [vhost, client_properties])],
        {_, _, Name} <- [lists:keyfind(<<\"connection_name\">>, 1, About ++ [{<<\"connection_name\">>, longstr, <<>>}])],
        \"${1:-}\" == \"\" orelse string:find(Name, \"${1:-}\") /= nomatch]." >/dev/null
}

# start_workers: both, which consume from their queues when it returns. Sets inventory and notify to their processes.
start_workers()
{
    start inventory inventory-worker
    inventory=$PID
    start notify notify-worker
    notify=$PID
    eventually is_consumed "$PLACED_Q"
    eventually is_consumed "$RESERVED_Q"
}

# worker ARGUMENTS...: runs the program in $WORKER, not for ever if it does not end by itself.
worker()
{
    timeout "$HANGING" "$WORKER" "$@"
}

# has_none QUEUE: does it hold nothing, be it ready or in hand?
has_none()
{
    [[ $(evaluate "{ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"$VHOST\">>, queue, <<\"$1\">>)),
        rabbit_amqqueue:info(Queue, [messages]).") == '{ok, [{messages, 0}]}' ]]
}

# topology: declares the queues, for tests that publish before any of the programs has run.
topology()
{
    dlq-replay --list
}

# queue NAME [ARGUMENTS]: makes one that is durable. The name goes into a URL as it is.
queue()
{
    api PUT "queues/$VHOST/$1" "{\"durable\": true, \"arguments\": ${2:-{\}}}" >/dev/null
}

# policy NAME PATTERN DEFINITION [QUEUE]: of queues. Waits until the broker says that it applies to the queue: some seconds.
policy()
{
    api PUT "policies/$VHOST/$1" "{\"pattern\": \"^$2\$\", \"definition\": $3, \"apply-to\": \"queues\"}" >/dev/null
    [ -z "${4:-}" ] || eventually applies "$3" "$4"
}

# applies DEFINITION QUEUE
applies()
{
    api GET "queues/$VHOST/$2" | jq -e --argjson definition "$1" '.effective_policy_definition == $definition'
}

# put_numbers N QUEUE: N messages, which are the numbers from 1 on, a newline after each. They are confirmed when it returns: of those
# that amqp-publish sends to a quorum queue, one may be lost.
put_numbers()
{
    seq "$1" | sed 's/./3&/g; s/.*/100001 &0a/' | wire put "$2"
}

# placed_events, reserved_events IDS...: an OrderPlaced, or an InventoryReserved, of each order, as another producer might write it.
placed_events()
{
    printf '{"event_type":"OrderPlaced","order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$@"
}

reserved_events()
{
    placed_events "$@" | sed 's/OrderPlaced/InventoryReserved/'
}

# publish_placed, publish_reserved IDS...: to their queues.
publish_placed()
{
    placed_events "$@" | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed -p -l
}

publish_reserved()
{
    reserved_events "$@" | amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved -l
}

# event ORDER_ID [QTY]: an OrderPlaced as another producer might write it.
event()
{
    printf '{"event_type":"OrderPlaced","order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":%s}]}' \
        "$1" "${2:-1}"
}

# order [QTY [USER]]: an order to be placed.
order()
{
    printf '{"user_id":"%s","restaurant_id":"r-1","items":[{"sku":"burger","qty":%s}]}\n' "${2:-u-1}" "${1:-1}"
}

# ids: of the events on standard input.
ids()
{
    jq -r .order_id
}

# stored N [STATUS]: are there so many orders in the store?
stored()
{
    [ "$(order-show --count ${2:+--status "$2"})" -eq "$1" ]
}

# stored_data: what was placed, of each order in the store, to the letter.
stored_data()
{
    order-show --all | sed -E 's/^\{"order_id": "[^"]*", "status": "[A-Z]*", "data": (.*), "placed_at": "[^"]*"\}$/\1/'
}

# says FILE LINE [N]: the line stands in the file exactly N times (1).
says()
{
    [ "$(grep -cxF -- "$2" "$1")" -eq "${3:-1}" ]
}

# has_lines FILE N: it has so many.
has_lines()
{
    [ "$(wc -l <"$1")" -eq "$2" ]
}

# books_balance: of each sku, all units that were put in are on hand, reserved, handed over or taken out again.
books_balance()
{
    inventory-stock --report | jq -se 'all(.put_in - .taken_out == .on_hand + .reserved + .handed_over
        and .ordered - .released == .reserved + .handed_over)' >/dev/null
}

# customers_told N: so many, by the log of "start notify".
customers_told()
{
    [ "$(grep -c '^\[notify\] Order confirmed: ' notify.err)" -eq "$1" ]
}

# For a command that a test has started: waits until the test makes the file go, but not for ever, so that it outlives no test.
# shellcheck disable=SC2016 # expanded by the shell of the command
UNTIL_GO='tries=2400; until [ -e go ] || [ $((tries -= 1)) -eq 0 ]; do sleep 0.05; done'

# make_script NAME: a program with the shell commands on standard input; it may use the folder of the test.
make_script()
{
    { printf '#!/bin/sh\ncd %q || exit 99\n' "$PWD" && cat; } >"$1"
    chmod +x "$1"
}

# helps PROGRAM OPTION...: --help, or -h, shows how the program is used, with these options; --version, or -V, its version.
helps()
{
    local -
    set +T
    local program=$1 option help version
    shift
    run -0 --separate-stderr "$program" --help
    [[ $output == "usage: $program "* && -z $stderr ]]
    for option in "$@"; do
        echo "$option"
        [[ $output == *" $option"[\ ,]* ]]
    done
    help=$output
    run -0 --separate-stderr "$program" -h
    [ "$output" = "$help" ]
    run -0 --separate-stderr "$program" --version
    [[ $output =~ ^"$program (order-tools) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
    version=$output
    run -0 --separate-stderr "$program" -V
    [ "$output" = "$version" ]
}

# refuses_usage PROGRAM: ends with 64, and says why, without any output, for each line of arguments on standard input.
refuses_usage()
{
    local -
    set +T
    local arguments
    while read -r arguments; do
        echo "$1 $arguments"
        # shellcheck disable=SC2086 # several
        run -64 --separate-stderr timeout "$HANGING" "$1" $arguments
        [ -z "$output" ]
        [[ $stderr == "$1: "* ]]
    done
}

# small_disk SIZE: one of its own, in the folder small. The test unmounts it.
small_disk()
{
    mkdir -p small
    mount -t tmpfs -o "size=$1" none small 2>/dev/null || skip "no right to mount a file system"
}

# reject QUEUE [N]: all messages, which are N, are rejected, by somebody who has no reason.
reject()
{
    api POST "queues/$VHOST/$1/get" "{\"count\": ${2:-1000}, \"ackmode\": \"reject_requeue_false\", \"encoding\": \"auto\"}" |
        jq -e --argjson n "${2:-null}" '$n == null or length == $n' >/dev/null
    eventually holds "$1" 0
}

# queue_consumers QUEUE N: so many consume from it.
queue_consumers()
{
    [ "$(queue-inspect "$1" | jq .consumers)" = "$2" ]
}

# orders N: so many to be placed, of users 1 to N.
orders()
{
    seq -f '{"user_id":"%.0f","restaurant_id":"r","items":[{"sku":"s","qty":1}]}' 1 "$1"
}

# repeat N TEXT
repeat()
{
    # Byte by byte, which takes a twentieth of the time.
    local LC_ALL=C padding

    printf -v padding '%*s' "$1" ''
    printf '%s' "${padding// /$2}"
}

# uuid_of NAME: its UUIDv5 in the URL name space, by RFC 9562 and sha1sum alone.
uuid_of()
{
    local hash
    hash=$({ printf '\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8' && printf %s "$1"; } | sha1sum)
    printf '%s-%s-5%s-%x%s-%s\n' "${hash:0:8}" "${hash:8:4}" "${hash:13:3}" $((0x${hash:16:1} & 3 | 8)) "${hash:17:3}" "${hash:20:12}"
}

now_ms()
{
    date +%s%3N
}

# to_full COMMAND...: with a standard output that takes nothing.
to_full()
{
    "$@" >/dev/full
}

# start_stuck NAME COMMAND...: starts it, its output in a pipe that takes nothing more until something is read from descriptor 7.
start_stuck()
{
    mkfifo pipe
    exec 7<>pipe
    fill_pipe pipe
    # shellcheck disable=SC2016 # expanded by that shell
    start "$1" bash -c 'exec "$@" >pipe' - "${@:2}"
}

# fill_pipe FILE: writes into a pipe that is open until it takes nothing more.
fill_pipe()
{
    ! dd if=/dev/zero of="$1" bs=4096 oflag=nonblock 2>/dev/null
}

# authority NAME: a certificate authority, NAME.pem with NAME.key.
authority()
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null
}

# certificate NAME SUBJECT-ALTERNATIVE-NAME DAYS: NAME.pem with NAME.key, signed by ca.pem.
certificate()
{
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -out "$1.pem" \
        -extfile <(printf 'subjectAltName=%s\n' "$2") 2>/dev/null
    chmod 644 "$1.key"
}

free_port()
{
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# tls_listener FOLDER: prints the settings of a broker that speaks TLS on $TLS_PORT, as server.pem of the folder.
tls_listener()
{
    printf '%s\n' "listeners.ssl.1 = 127.0.0.1:$TLS_PORT" "ssl_options.cacertfile = $1/ca.pem" \
        "ssl_options.certfile = $1/server.pem" "ssl_options.keyfile = $1/server.key"
}

# with_memory KIB COMMAND...: with no more than that, but for what the sanitizers need, which is all there is. For PostgreSQL it is 32 MiB
# more: libpq and what it loads take 9, a thread that connects has a stack of 8, and in all order-place was seen to need 28.
with_memory()
{
    local limit=$1
    shift
    ! on_postgresql || limit=$((limit + 32768))
    (
        [ -n "${SANITIZE:-}" ] || ulimit -v "$limit"
        exec "$@"
    )
}

# stalled NAME COMMAND...: starts it, its output in a pipe that nobody reads yet: descriptor 5.
stalled()
{
    local name=$1
    shift
    mkfifo "$name.pipe"
    # shellcheck disable=SC2016 # expanded by that shell
    start "$name" sh -c 'pipe=$1 && shift && exec "$@" >"$pipe"' - "$name.pipe" "$@"
    exec 5<"$name.pipe"
}

# waits PID: does it neither read nor write, for a moment?
waits()
{
    local before
    before=$(cat "/proc/$1/io") && sleep 0.1 && [ "$before" = "$(cat "/proc/$1/io")" ]
}

# stands_still PID: does it wait at the full pipe, with some of the work done?
stands_still()
{
    waits "$1" && waits "$1" && grep -q '^wchar: [0-9]\{5\}' "/proc/$1/io"
}
