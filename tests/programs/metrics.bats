# --metrics: what the programs count, in files for node_exporter and on standard output, as Prometheus reads it; the rules and the dashboard
# that use it. promtool, of Debian's package prometheus, is the judge of the text wherever it is installed.

load ../support/helper

PROM=$REPO/scripts/prometheus
DASHBOARD=$REPO/scripts/grafana/order-tools.json

# well_formed FILE: whole, and as promtool wants it; each sample behind the head of its metric.
well_formed()
{
    [ -n "$(tail -c 1 "$1")" ] || awk '/^# HELP / { help = $3; next } /^# TYPE / { if ($3 != help) exit 1; name = $3; next }
        index($1, name) != 1 || NF < 2 { exit 1 } END { exit NR < 10 }' "$1" || return
    ! command -v promtool >/dev/null || promtool check metrics <"$1"
}

# metric FILE NAME[{LABELS}] VALUE: without the label that all samples of a file have.
metric()
{
    sed -E 's/worker="[^"]*",?//; s/\{\}//' "$1" | grep -qxF -- "$2 $3" || { grep -F -- "${2%%\{*}" "$1" >&2 && return 1; }
}

# placed_event [JQ]: the first event in the queue of placed orders.
placed_event()
{
    messages "$PLACED_Q" | head -1 | jq -r .payload
}

@test "each program's file: what has really happened, and promtool is content" {
    {
        orders 5
        order 9
        echo '{"order_id":"019aca34-7e2b-7000-8000-0123456789ab","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
        echo '{"order_id":"019aca34-7e2b-7000-8000-0123456789ab","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
        echo '{"order_id":"019aca34-7e2b-7000-8000-0123456789ab","user_id":"v","restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
        echo '{"user_id":"u"}'
        echo nonsense
    } >input
    run -65 --separate-stderr order-place --metrics place.prom <input
    well_formed place.prom
    metric place.prom 'order_place_orders_total{outcome="placed"}' 7
    metric place.prom 'order_place_orders_total{outcome="pending"}' 0
    metric place.prom 'order_place_orders_total{outcome="repeated"}' 1
    metric place.prom 'order_place_orders_total{outcome="refused"}' 3
    for reason in malformed invalid taken; do
        metric place.prom "order_place_refusals_total{reason=\"$reason\"}" 1
    done
    metric place.prom order_place_confirm_seconds_count 7
    metric place.prom order_place_batch_orders_sum 9
    metric place.prom order_place_outbox_orders 0
    metric place.prom order_place_running 0
    grep -qx "order_place_build_info{worker=\"place\",version=\"$(order-place --version | awk '{ print $NF }')\"} 1" place.prom

    # A duplicate, and two that are none of our orders.
    placed_event >event
    publish orders-ex order.placed "$(cat event)"
    publish orders-ex order.placed nonsense
    publish orders-ex order.placed '{"event_type":"Other","order_id":"o"}'
    eventually holds "$PLACED_Q" 10
    inventory-stock <<<'{"sku":"s","on_hand":5}' >/dev/null
    start track order-track --metrics track.prom
    track=$PID
    eventually is_consumed order.outcome.q
    run -0 --separate-stderr inventory-worker --metrics inventory.prom --idle-timeout 1
    well_formed inventory.prom
    metric inventory.prom 'inventory_worker_orders_total{outcome="reserved"}' 5
    metric inventory.prom 'inventory_worker_orders_total{outcome="failed"}' 2
    metric inventory.prom 'inventory_worker_failures_total{reason="quantity"}' 1
    metric inventory.prom 'inventory_worker_failures_total{reason="stock"}' 1
    metric inventory.prom inventory_worker_duplicates_total 1
    metric inventory.prom 'inventory_worker_dead_letters_total{reason="malformed"}' 1
    metric inventory.prom 'inventory_worker_dead_letters_total{reason="type"}' 1
    metric inventory.prom 'inventory_worker_events_total{result="confirmed"}' 7
    metric inventory.prom inventory_worker_confirm_seconds_count 7
    metric inventory.prom inventory_worker_batch_deliveries_sum 10
    metric inventory.prom inventory_worker_placed_to_decided_seconds_count 7
    metric inventory.prom inventory_worker_in_flight 0
    metric inventory.prom inventory_worker_outbox_events 0
    metric inventory.prom inventory_worker_ledger_orders 7
    [ "$(awk '/^inventory_worker_ledger_bytes/ { print $2 }' inventory.prom)" -ge 8192 ]
    # The text of the log says the same.
    [ "$(grep -c '^\[inventory\] reservation OK' <<<"$stderr")" = 5 ]

    # Told, told before, malformed, of another type.
    messages "$RESERVED_Q" | head -1 | jq -r .payload >event
    publish inventory-ex inventory.reserved "$(cat event)"
    publish inventory-ex inventory.reserved nonsense
    publish inventory-ex inventory.reserved '{"event_type":"Other"}'
    eventually holds "$RESERVED_Q" 8
    run -0 --separate-stderr notify-worker --metrics notify.prom --idle-timeout 1
    well_formed notify.prom
    metric notify.prom 'notify_worker_notifications_total{result="told"}' 5
    metric notify.prom 'notify_worker_notifications_total{result="repeat"}' 1
    metric notify.prom 'notify_worker_notifications_total{result="unexpected"}' 1
    metric notify.prom 'notify_worker_notifications_total{result="dead_letter"}' 1
    metric notify.prom 'notify_worker_dead_letters_total{reason="malformed"}' 1
    metric notify.prom notify_worker_tell_seconds_count 5
    metric notify.prom notify_worker_placed_to_told_seconds_count 5
    [ "$(awk '/^notify_worker_ledger_bytes/ { print $2 }' notify.prom)" -ge 8192 ]

    # The event that notify-worker was sent by hand has come here as well, and what is none.
    eventually stored 5 RESERVED
    eventually holds order.outcome.q 0
    ends -0 "$track" TERM
    well_formed track.prom
    metric track.prom 'order_track_outcomes_total{result="reserved"}' 5
    metric track.prom 'order_track_outcomes_total{result="failed"}' 2
    metric track.prom 'order_track_outcomes_total{result="known"}' 1
    metric track.prom 'order_track_outcomes_total{result="ignored"}' 1
    metric track.prom 'order_track_dead_letters_total{reason="malformed"}' 1
    metric track.prom order_track_reached_to_recorded_seconds_count 7
    [ "$(awk '/^order_track_store_bytes/ { print $2 }' track.prom)" -ge 8192 ]
}

@test "a histogram adds up: as many in all as in the last bucket, and each bucket has those below" {
    orders 300 | order-place --metrics f.prom >/dev/null
    metric f.prom order_place_confirm_seconds_count 300
    awk -F'[ "]' '/^order_place_confirm_seconds_bucket/ { if ($NF < last) exit 1; last = $NF }
        /^order_place_confirm_seconds_count/ { exit $NF != last }' f.prom
    awk '/^order_place_confirm_seconds_sum/ { exit !($2 > 0 && $2 < 300 * 60) }' f.prom
}

@test "commands that fail: attempts, and the dead letter that comes of them" {
    topology
    publish_reserved o-1
    run -0 --separate-stderr notify-worker --metrics n.prom --count 1 --max-attempts 2 --retry-delay 0 --exec false
    metric n.prom notify_worker_command_failures_total 2
    metric n.prom 'notify_worker_dead_letters_total{reason="command"}' 1
    metric n.prom 'notify_worker_notifications_total{result="told"}' 0
    metric n.prom notify_worker_tell_seconds_count 0
}

@test "cancellations: released, in vain, and before the order has come" {
    inventory-stock <<<'{"sku":"s","on_hand":5}' >/dev/null
    orders 1 | order-place >receipt
    run -0 --separate-stderr inventory-worker --idle-timeout 0
    order-cancel <receipt >/dev/null
    publish orders-ex order.cancelled "{\"event_type\":\"OrderCancelled\",\"order_id\":\"$(ids <receipt)\",\"ts\":\"2026-01-02T03:04:05.000Z\"}"
    publish orders-ex order.cancelled '{"event_type":"OrderCancelled","order_id":"later","ts":"2026-01-02T03:04:05.000Z"}'
    eventually holds order.cancelled.q 3
    run -0 --separate-stderr inventory-worker --cancelled --metrics c.prom --idle-timeout 1
    metric c.prom 'inventory_worker_orders_total{outcome="released"}' 1
    metric c.prom 'inventory_worker_orders_total{outcome="cancelled"}' 1
    metric c.prom inventory_worker_duplicates_total 1
    publish_placed later
    order 1 | order-place >/dev/null
    eventually holds "$PLACED_Q" 2
    run -0 --separate-stderr inventory-worker --strict-stock --metrics i.prom --idle-timeout 0
    metric i.prom 'inventory_worker_failures_total{reason="cancelled"}' 1
    metric i.prom 'inventory_worker_failures_total{reason="level"}' 1
}

@test "idle, without a broker, and with one that is short of memory: the file tells (own broker)" {
    own_broker
    start worker inventory-worker --metrics w.prom
    eventually is_consumed "$PLACED_Q"
    eventually metric w.prom 'inventory_worker_broker_connection_up{purpose="consuming"}' 1
    metric w.prom inventory_worker_running 1
    metric w.prom 'inventory_worker_broker_reconnects_total{purpose="consuming"}' 0

    broker stop
    eventually metric w.prom 'inventory_worker_broker_connection_up{purpose="consuming"}' 0
    well_formed w.prom
    broker start
    eventually metric w.prom 'inventory_worker_broker_connection_up{purpose="consuming"}' 1
    metric w.prom 'inventory_worker_broker_reconnects_total{purpose="consuming"}' 1

    kill -STOP "$PID"
    publish_placed 1
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0).'
    kill -CONT "$PID"
    eventually metric w.prom 'inventory_worker_broker_connection_blocked{purpose="publishing"}' 1
    metric w.prom inventory_worker_in_flight 1
    eventually metric w.prom inventory_worker_outbox_events 1
    evaluate 'vm_memory_monitor:set_vm_memory_high_watermark(0.6).'
    eventually metric w.prom 'inventory_worker_broker_connection_blocked{purpose="publishing"}' 0
    eventually metric w.prom inventory_worker_outbox_events 0
    awk -F'[ }]' '/blocked_seconds_total.*publishing/ { exit !($NF > 0) }' w.prom
    ends -0 "$PID" TERM
    metric w.prom inventory_worker_running 0
}

@test "a reader finds a whole file at any time, that others may read, and beside it nothing" {
    (umask 077 && order-place --metrics f.prom </dev/null)
    [ "$(stat -c %a f.prom)" = 644 ]
    (
        until [ -e go ]; do
            cp f.prom seen
            [ "$(tail -c 1 seen | od -An -c | tr -d ' ')" = '\n' ] && tail -n 1 seen | grep -q 'order_place_broker_blocked_seconds_total' || : >torn
        done
    ) &
    for _ in {1..40}; do
        order-place --metrics f.prom </dev/null
    done
    : >go
    wait $!
    [ ! -e torn ]
    [ "$(echo f.prom*)" = f.prom ]
}

@test "killed before the new file has its name: the one before stays as it was, and the next run replaces it" {
    order-place --metrics f.prom </dev/null
    cp f.prom before
    run -137 dying rename:2:before order-place --metrics f.prom </dev/null
    metric f.prom order_place_running 1
    well_formed f.prom
    run -137 dying rename:1:before order-place --metrics f.prom </dev/null
    well_formed f.prom
    order-place --metrics f.prom </dev/null
    metric f.prom order_place_running 0
}

@test "a disk that is full: said once, orders go on, and the file is whole" {
    small_disk 64k
    start worker inventory-worker --metrics small/w.prom
    eventually is_consumed "$PLACED_Q"
    dd if=/dev/zero of=small/full bs=1k count=200 2>/dev/null || true
    eventually grep -qx "inventory-worker: cannot write 'small/w.prom': No space left on device" worker.err
    publish_placed 1
    eventually holds "$RESERVED_Q" 1
    # At the next attempt it fails again, and nothing more is said.
    well_formed small/w.prom
    metric small/w.prom 'inventory_worker_orders_total{outcome="reserved"}' 0
    rm small/full
    eventually grep -qx "inventory-worker: 'small/w.prom' is written again" worker.err
    eventually metric small/w.prom 'inventory_worker_orders_total{outcome="reserved"}' 1
    [ "$(grep -c 'cannot write' worker.err)" = 1 ]
    ends -0 "$PID" TERM
    umount small
}

@test "a disk that hangs: the work goes on, it is said once, and the end does not wait for it for ever" {
    DIE_WAIT=$PWD/answers start worker dying rename:2:wait inventory-worker --metrics w.prom
    eventually is_consumed "$PLACED_Q"
    eventually grep -qx "inventory-worker: cannot write 'w.prom': its disk does not answer" worker.err
    publish_placed 1
    eventually holds "$RESERVED_Q" 1
    metric w.prom 'inventory_worker_orders_total{outcome="reserved"}' 0
    touch answers
    eventually metric w.prom 'inventory_worker_orders_total{outcome="reserved"}' 1
    eventually grep -qx "inventory-worker: 'w.prom' is written again" worker.err
    [ "$(grep -c 'cannot write' worker.err)" = 1 ]
    ends -0 "$PID" TERM
    rm answers
    DIE_WAIT=$PWD/answers run -0 --separate-stderr dying rename:2:wait order-place --metrics f.prom </dev/null
    [ "$stderr" = "order-place: cannot write 'f.prom': its disk does not answer" ]
    well_formed f.prom
    metric f.prom order_place_running 1
}

@test "a file that cannot be written is refused before anything is done; a device is not replaced" {
    for program in order-place inventory-worker notify-worker order-track; do
        run -74 --separate-stderr timeout "$HANGING" "$program" --metrics none/f.prom <<<"$(order)"
        [ "$stderr" = "$program: cannot write 'none/f.prom': No such file or directory" ]
        mknod device c 1 3 2>/dev/null || skip "no right to make a device"
        run -74 --separate-stderr timeout "$HANGING" "$program" --metrics device <<<"$(order)"
        [ "$stderr" = "$program: cannot write 'device': not a regular file" ]
        [ -c device ]
        rm device
    done
    run -74 timeout "$HANGING" order-place --metrics '' <<<"$(order)"
}

@test "the label that tells files apart: the name of the file, with nothing in it that is to be escaped" {
    order-place --metrics './a "b\c.prom' </dev/null
    well_formed './a "b\c.prom'
    grep -qF 'order_place_running{worker="a _b_c"} 0' './a "b\c.prom'
    # Two files with the same sample would be refused by node_exporter.
    order-place --metrics one.prom </dev/null
    order-place --metrics two.prom </dev/null
    [ -z "$(cat one.prom two.prom | grep -v '^#' | sed 's/ [^ ]*$//' | sort | uniq -d)" ]
}

@test "queue-inspect --metrics: queues, checks and limits; exits as --health" {
    topology
    orders 3 | order-place >/dev/null
    run -1 --separate-stderr queue-inspect --metrics --max-age 1h --max-ready 2,10
    printf '%s\n' "$output" >q.prom
    well_formed q.prom
    [ -z "$stderr" ]
    metric q.prom queue_inspect_healthy 0
    metric q.prom 'queue_inspect_queue_messages_ready{queue="order.placed.q"}' 3
    metric q.prom 'queue_inspect_queue_consumers{queue="order.placed.q"}' 0
    metric q.prom 'queue_inspect_check_level{check="consumers"}' 3
    metric q.prom 'queue_inspect_check_level{check="backlog"}' 2
    metric q.prom 'queue_inspect_check_level{check="dead_letters"}' 0
    metric q.prom 'queue_inspect_limit{check="backlog",level="warning"}' 2
    metric q.prom 'queue_inspect_limit{check="backlog",level="critical"}' 10
    metric q.prom 'queue_inspect_limit{check="dead_letters",level="warning"}' 0
    grep -q '^queue_inspect_queue_age_seconds{queue="order.placed.q"} [0-9]*$' q.prom

    start_workers
    eventually queue-inspect --metrics
    queue-inspect --metrics --api "${SUITE_API}" >q.prom
    well_formed q.prom
    metric q.prom queue_inspect_healthy 1
    metric q.prom queue_inspect_outbox_events 0
    metric q.prom 'queue_inspect_queue_consumers{queue="order.placed.q"}' 1
    run -1 --separate-stderr queue-inspect --metrics -u amqp://127.0.0.1:1
    printf '%s\n' "$output" >q.prom
    metric q.prom 'queue_inspect_check_level{check="broker"}' 3
    run ! grep '^queue_inspect_queue' q.prom
    run -3 --separate-stderr queue-inspect --metrics --nagios
    [[ $stderr == *'--nagios goes with --health'* ]]
    refuses_usage queue-inspect <<'END'
--metrics --health
--metrics order.placed.q
END
}

# names FILE...: of the metrics in these files.
names()
{
    sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$@" | sort -u
}

# all_names: of every program, as it prints them. Fills real.
all_names()
{
    topology
    orders 1 | order-place --metrics place.prom >/dev/null
    inventory-worker --metrics inventory.prom --idle-timeout 0
    notify-worker --metrics notify.prom --idle-timeout 0
    order-track --metrics track.prom --idle-timeout 0
    queue-inspect --metrics --max-age 1h --api "$SUITE_API" >queues.prom || true
    start http order-http --listen unix:socket
    eventually curl -sf --unix-socket socket http://x/metrics -o http.prom
    ends -0 "$PID" TERM
    well_formed http.prom
    names ./*.prom >real
}

# used FILE...: names of metrics that are in these texts, without what Prometheus adds to those of a histogram.
used()
{
    grep -ohE '\b(order_place|inventory_worker|notify_worker|order_track|order_http|queue_inspect)_[a-z_]+' "$@" |
        sed -E 's/_(bucket|sum|count)$//' | sort -u
}

@test "order-tools(7) names every metric, and no other; rules and dashboard use none that there is not" {
    all_names
    used "$REPO/man/order-tools.7" >documented
    diff real documented
    # And the values of those labels that have few.
    sed -nE 's/^([a-z_]+)\{.*(outcome|reason|result)="([a-z_]+)".*/\1 \2 \3/p' ./*.prom |
        awk '!($1 in all) { all[$1] = $1 " by " $2 ": " $3; next } { all[$1] = all[$1] ", " $3 } END { for (name in all) print all[name] }' |
        sort >real-values
    awk '/^\.It Li / { name = $3 } /^Counter, by (outcome|reason|result): / { sub(/^Counter,/, ""); sub(/\.$/, ""); print name $0 }' \
        "$REPO/man/order-tools.7" | sort >documented-values
    diff real-values documented-values
    [ "$(wc -l <real-values)" -ge 10 ]
    used "$PROM/rules.yml" "$DASHBOARD" >used
    [ "$(wc -l <used)" -ge 20 ]
    [ -z "$(comm -13 real used)" ]
}

@test "the alert rules: each fires when it should, and not before" {
    command -v promtool >/dev/null || skip "promtool is not installed"
    promtool check rules "$PROM/rules.yml"
    cd "$PROM" || return
    promtool test rules rules-test.yml
    # Each of them is tested.
    diff <(sed -n 's/^ *- alert: //p' rules.yml | sort) <(sed -n 's/^ *alertname: //p' rules-test.yml | sort -u)
}

@test "the dashboard: what Grafana needs to import it, and queries that Prometheus can read" {
    jq -e '(.uid | length > 0) and (.title | length > 0) and (.schemaVersion >= 30) and (.panels | length >= 8)
        and ([.panels[].id] | length == (unique | length))
        and (.panels | all((.gridPos | has("x") and has("y") and has("w") and has("h") and .x + .w <= 24) and (.title | length > 0)
            and (.type == "row" or (.datasource.uid == "${datasource}" and (.targets | length > 0 and all(.expr | length > 0))))))
        and (.templating.list | any(.name == "datasource" and .type == "datasource" and .query == "prometheus"))' "$DASHBOARD"
    command -v promtool >/dev/null || skip "promtool is not installed"
    jq '{groups: [{name: "panels", rules: [.panels[].targets[]?.expr | gsub("\\$__rate_interval"; "5m")] | to_entries
        | map({record: "panel:\(.key)", expr: .value})}]}' "$DASHBOARD" >panels.yml
    promtool check rules panels.yml
}
