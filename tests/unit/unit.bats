# The unit tests: a program for each file of tests/unit/FOLDER, which prints a line of TAP for each group of checks.

bats_require_minimum_version 1.5.0

# No broker is needed: setup_suite sets REPO only where other files are run, too.
REPO=${REPO:-$BATS_TEST_DIRNAME/../..}

# unit FOLDER/FILE: on a failure, prints the groups that failed and their checks.
unit()
{
    run "$REPO/.build/tests/unit/$1"
    [ "$status" -eq 0 ] || { grep -v '^ok' <<<"$output"; false; }
}

@test "unit: every file of tests/unit/FOLDER is run below" {
    local file name
    for file in "$REPO"/tests/unit/*/*.c; do
        name=${file#"$REPO"/tests/unit/}
        grep -qF "{ unit ${name%.c}; }" "$BATS_TEST_FILENAME" || { echo "$name is not run"; false; }
    done
}

@test "unit: amqp/broker_options" { unit amqp/broker_options; }
@test "unit: amqp/bytes" { unit amqp/bytes; }
@test "unit: amqp/connect_error" { unit amqp/connect_error; }
@test "unit: amqp/connection_publish" { unit amqp/connection_publish; }
@test "unit: amqp/consumer_settled" { unit amqp/consumer_settled; }
@test "unit: amqp/consumer_silence" { unit amqp/consumer_silence; }
@test "unit: amqp/delivery" { unit amqp/delivery; }
@test "unit: amqp/frames" { unit amqp/frames; }
@test "unit: amqp/properties" { unit amqp/properties; }
@test "unit: amqp/publisher_nacks" { unit amqp/publisher_nacks; }
@test "unit: amqp/publisher_returned" { unit amqp/publisher_returned; }
@test "unit: amqp/publisher_window" { unit amqp/publisher_window; }
@test "unit: amqp/queue_traits" { unit amqp/queue_traits; }
@test "unit: base/background" { unit base/background; }
@test "unit: base/clock" { unit base/clock; }
@test "unit: base/log_format" { unit base/log_format; }
@test "unit: base/memory" { unit base/memory; }
@test "unit: base/moment" { unit base/moment; }
@test "unit: base/options" { unit base/options; }
@test "unit: base/outlet" { unit base/outlet; }
@test "unit: base/output" { unit base/output; }
@test "unit: base/private_file" { unit base/private_file; }
@test "unit: base/report" { unit base/report; }
@test "unit: base/stop" { unit base/stop; }
@test "unit: base/text" { unit base/text; }
@test "unit: base/uuid" { unit base/uuid; }
@test "unit: dlq-replay/fate" { unit dlq-replay/fate; }
@test "unit: dlq-replay/fingerprint" { unit dlq-replay/fingerprint; }
@test "unit: dlq-replay/recall" { unit dlq-replay/recall; }
@test "unit: dlq-replay/selection" { unit dlq-replay/selection; }
@test "unit: dlq-replay/summary" { unit dlq-replay/summary; }
@test "unit: inventory-worker/outbox" { unit inventory-worker/outbox; }
@test "unit: inventory-worker/reservation" { unit inventory-worker/reservation; }
@test "unit: json/canonical" { unit json/canonical; }
@test "unit: json/decimal" { unit json/decimal; }
@test "unit: json/foreign" { unit json/foreign; }
@test "unit: json/json" { unit json/json; }
@test "unit: json/odd" { unit json/odd; }
@test "unit: json/scan" { unit json/scan; }
@test "unit: json/stream" { unit json/stream; }
@test "unit: json/walk" { unit json/walk; }
@test "unit: json/writer" { unit json/writer; }
@test "unit: message/base64" { unit message/base64; }
@test "unit: message/death" { unit message/death; }
@test "unit: message/envelope" { unit message/envelope; }
@test "unit: message/field" { unit message/field; }
@test "unit: message/integer" { unit message/integer; }
@test "unit: order-http/access_log" { unit order-http/access_log; }
@test "unit: order-http/answer" { unit order-http/answer; }
@test "unit: order-http/clients" { unit order-http/clients; }
@test "unit: order-http/etag" { unit order-http/etag; }
@test "unit: order-http/lingering" { unit order-http/lingering; }
@test "unit: order-http/list_query" { unit order-http/list_query; }
@test "unit: order-http/listen" { unit order-http/listen; }
@test "unit: order-http/listing" { unit order-http/listing; }
@test "unit: order-http/media" { unit order-http/media; }
@test "unit: order-http/metrics" { unit order-http/metrics; }
@test "unit: order-http/routes" { unit order-http/routes; }
@test "unit: order-http/target" { unit order-http/target; }
@test "unit: order-http/token" { unit order-http/token; }
@test "unit: metrics/histogram" { unit metrics/histogram; }
@test "unit: metrics/text" { unit metrics/text; }
@test "unit: order/event" { unit order/event; }
@test "unit: order/id_stream" { unit order/id_stream; }
@test "unit: order/order" { unit order/order; }
@test "unit: order/people" { unit order/people; }
@test "unit: place/adrift" { unit place/adrift; }
@test "unit: place/placement" { unit place/placement; }
@test "unit: place/receipts" { unit place/receipts; }
@test "unit: postgres/ledger_keys" { unit postgres/ledger_keys; }
@test "unit: process/spawn" { unit process/spawn; }
@test "unit: queue-inspect/limit" { unit queue-inspect/limit; }
@test "unit: queue-inspect/managed_traits" { unit queue-inspect/managed_traits; }
@test "unit: queue-inspect/tap_keys" { unit queue-inspect/tap_keys; }
@test "unit: queue-inspect/trend" { unit queue-inspect/trend; }
@test "unit: stock/holding" { unit stock/holding; }
@test "unit: store/mover" { unit store/mover; }
@test "unit: store/order_line" { unit store/order_line; }
@test "unit: terminal/columns" { unit terminal/columns; }
@test "unit: terminal/table" { unit terminal/table; }
@test "unit: trace/context" { unit trace/context; }
@test "unit: trace/span" { unit trace/span; }
