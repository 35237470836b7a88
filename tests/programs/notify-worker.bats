# notify-worker: each customer told once, by a line or by a command; what cannot be told is put where it can be found.

load ../support/helper

WORKER='notify-worker'

teardown()
{
    # Commands that wait for a sign would outlive the test.
    touch go
    tidy
}

# --- commands

# waiting_command: ./cmd marks that it has started, waits for the file go, and then tells: the event goes to told.
waiting_command()
{
    make_script cmd <<END
cat >event.\$\$
: >started
$UNTIL_GO
cat event.\$\$ >>told
END
}

# later_command: ./cmd tells as soon as the file go is there; before that it says 75, which means later.
later_command()
{
    make_script cmd <<'END'
cat >event
[ -e go ] || exit 75
cat event >>told
END
}

# --- messages

# reserved ORDER_ID [EVENT_TYPE]: an event, as inventory-worker writes it.
reserved()
{
    jq -cn --arg id "$1" --arg type "${2:-InventoryReserved}" '{event_type: $type, order_id: $id, user_id: "u", restaurant_id: "r",
        items: [{sku: "s", qty: 1}], ts: "2026-01-02T03:04:05.678Z"}'
}

# announce ORDER_ID: as another producer does, without properties.
announce()
{
    announce_text "$(reserved "$1")"
}

# announce_text BODY [amqp-publish options]
announce_text()
{
    publish inventory-ex inventory.reserved "$@"
}

# announce_file FILE: any bytes.
announce_file()
{
    amqp-publish -u "$AMQP_URL" -e inventory-ex -r inventory.reserved <"$1"
}

# --- telling

@test "the event itself is the line that is printed, also when another program wrote it on many" {
    topology
    announce plain
    announce_text '
{
    "order_id": "pretty \u007b\n\t\u007d",
    "items": []
}'
    reserved 'Zürich "1"' | jq --tab . >foreign
    printf '\r\n\r\n' >>foreign
    announce_file foreign
    announce_text "$(reserved more | jq -c '. + {extra: {"a\nb": [1, null]}} | del(.ts)')" -C text/plain -H 'k: v'
    run -0 --separate-stderr worker --count 4
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[0]}" = "$(reserved plain)" ]
    [ "$(jq -cS . <<<"${lines[1]}")" = "$(jq -cS . foreign)" ]
    [ "$(jq -cS . <<<"${lines[2]}")" = "$(reserved more | jq -cS '. + {extra: {"a\nb": [1, null]}} | del(.ts)')" ]
    printf '%s\n' "$stderr" >err
    says err '[notify] Order confirmed: plain'
    says err '[notify] Order confirmed: Zürich "1"'
    says err '[notify] Order confirmed: more'
    has_lines err 4
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 1
}

@test "what inventory-worker published is told to the letter, over its own ids and those of others" {
    order | order-place >receipt
    publish orders-ex order.placed "$(reserved 'back\slash "q" %s' OrderPlaced)"
    timeout "$HANGING" inventory-worker --count 2 >published
    run -0 --separate-stderr worker --count 2
    [ "$output" = "$(cat published)" ]
    [ "$stderr" = "[notify] Order confirmed: $(ids <receipt)
[notify] Order confirmed: back\\slash \"q\" %s" ]
    holds "$RESERVED_Q" 0
}

@test "a repeat is told nobody: in one batch, and after a restart" {
    topology
    publish_reserved a a b a
    run -0 --separate-stderr worker --count 4
    [ "$(ids <<<"$output" | paste -sd' ')" = 'a b' ]
    printf '%s\n' "$stderr" >err
    says err '[notify] Order confirmed: a'
    says err '[notify] Order confirmed: b'
    says err '[notify] repeat ignored: a' 2
    holds "$RESERVED_Q" 0

    publish_reserved b c a
    run -0 --separate-stderr worker --count 3
    [ "$(ids <<<"$output")" = c ]
    [ "$stderr" = '[notify] repeat ignored: b
[notify] Order confirmed: c
[notify] repeat ignored: a' ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0
}

@test "an event of another type is logged and acknowledged" {
    topology
    announce_text "$(reserved x InventoryFailed)"
    announce_text "$(event x)"
    announce_text '{"event_type":"Reminder\\x1b"}'
    announce_text '{"event_type":"inventoryreserved","order_id":"x"}'
    run -0 --separate-stderr worker --count 4
    [ -z "$output" ]
    [ "$(grep -c '^\[notify\] unexpected event ignored: .' <<<"$stderr")" -eq 4 ]
    [[ $stderr == *InventoryFailed*OrderPlaced*Reminder*inventoryreserved* ]]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0

    # None of it counts as told.
    announce x
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[notify] Order confirmed: x' ]
}

@test "a backlog is told in order, whatever the size of a batch; --count leaves the rest" {
    topology
    mapfile -t all < <(seq -f 'o%g' 500)
    publish_reserved "${all[@]}"
    run -0 --separate-stderr worker --count 400
    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${all[@]:0:400}")" ]
    holds "$RESERVED_Q" 100
    run -0 --separate-stderr worker --count 99 --prefetch 1
    [ "$(ids <<<"$output")" = "$(printf '%s\n' "${all[@]:400:99}")" ]
    holds "$RESERVED_Q" 1
    before=$(now_ms)
    run -0 --separate-stderr worker --prefetch 65535 --idle-timeout 1
    took=$(($(now_ms) - before))
    [ "$(ids <<<"$output")" = o500 ]
    [ "$took" -ge 1000 ]
    [ "$took" -lt $((PATIENCE * 1000)) ]
    holds "$RESERVED_Q" 0
}

# --- what they are told about

# announce_outcome KEY EVENT_TYPE ORDER_IDS...
announce_outcome()
{
    local key=$1 type=$2 id
    for id in "${@:3}"; do
        publish inventory-ex "inventory.$key" "$(reserved "$id" "$type")"
    done
}

@test "--failed and --released: the same job with queues of their own, each customer told once of each" {
    topology
    [ -z "$(queues_now inventory.released.q)" ]
    start released notify-worker --released
    eventually queue_consumers inventory.released.q 1
    announce a
    announce_outcome failed InventoryFailed a b
    announce_outcome released InventoryReleased a
    eventually says released.err '[notify] Order released: a'
    ends -0 "$PID" TERM
    [ "$(cat released.out)" = "$(reserved a InventoryReleased)" ]

    publish inventory-ex inventory.failed 'not json'
    announce_outcome failed InventoryReserved c
    announce_outcome failed InventoryFailed a
    run -0 --separate-stderr worker --failed --count 5
    [ "$output" = "$(reserved a InventoryFailed)"$'\n'"$(reserved b InventoryFailed)" ]
    printf '%s\n' "$stderr" >err
    says err '[notify] Order failed: a'
    says err '[notify] Order failed: b'
    says err '[notify] repeat ignored: a'
    [ "$(grep -c '^\[notify\] unexpected event ignored: .*InventoryReserved.*InventoryFailed' err)" -eq 1 ]
    [ "$(drain "$DEAD_Q" | jq -r '.properties.headers | ."order-tools-queue" + " " + ."order-tools-routing-key"')" = \
        'inventory.failed.q inventory.failed' ]

    # That it has failed or was released is not that it is confirmed.
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[notify] Order confirmed: a' ]
    announce a
    announce_outcome failed InventoryFailed b
    announce_outcome released InventoryReleased a
    for subject in '' --failed --released; do
        run -0 --separate-stderr worker $subject --idle-timeout 0
        [ -z "$output" ]
        [[ $stderr == '[notify] repeat ignored: '[ab] ]]
    done
}

@test "--failed: what a command gave up goes to order.placed.dlq, and dlq-replay brings it back" {
    topology
    announce_outcome failed InventoryFailed late
    run -0 --separate-stderr worker --failed --count 1 --retry-delay 0 --max-attempts 2 --exec false
    [ -z "$output" ]
    holds inventory.failed.q 0
    [ "$(dlq-replay | jq -r '[.fate, .exchange, .routing_key] | join(" ")')" = 'replayed inventory-ex inventory.failed' ]
    run -0 --separate-stderr worker --failed --count 1 --exec true
    [ "$stderr" = '[notify] Order failed: late' ]
}

@test "the contact of an order comes to whoever tells its customer, what is no contact does not" {
    topology
    order | jq -c '.contact = "ann@example.com"' | order-place >receipt
    order 6 | sed 's/}$/, "contact": {"mail": "bob@example.com",\n"tel": ["1", 2.50]}}/' | order-place >/dev/null
    publish orders-ex order.placed "$(event c | jq -c '.contact = {mail: "c@example.com"}')"
    publish orders-ex order.placed "$(event d | jq -c '.contact = 7')"
    timeout "$HANGING" inventory-worker --count 4 >published
    run -0 --separate-stderr worker --count 3
    [ "$(jq -c .contact <<<"$output" | paste -sd' ')" = '"ann@example.com" {"mail":"c@example.com"} null' ]
    run -0 --separate-stderr worker --failed --count 1
    [ "$output" = "$(grep InventoryFailed published)" ]
    [[ $output == *',"contact":{"mail":"bob@example.com","tel":["1",2.50]},'* ]]
    start released notify-worker --released --count 1
    eventually queue_consumers inventory.released.q 1
    order-cancel <receipt >/dev/null
    timeout "$HANGING" inventory-worker --cancelled --count 1 >/dev/null
    ends -0 "$PID"
    [ "$(jq -r '.order_id + " " + .contact + " " + .reason' released.out)" = "$(ids <receipt) ann@example.com cancelled" ]

    run -65 --separate-stderr order-place < <(order | jq -c '.contact = ["a"]' && order | jq -c '.contact = "a\nb"')
    [ -z "$output" ]
    [[ $stderr == *'contact is not a string or an object'*'contact has a control character'* ]]
}

@test "the example of README mails the customer of an order that failed; it tries again later, but not an address that is wrong" {
    mkdir -p bin
    make_script bin/sendmail <<'END'
[ "$3" != nobody@example.com ] || exit 67
[ -e "$PWD/mail.up" ] || exit 75
printf '<%s>' "$@" >>mail
cat >>mail
END
    # The block with the script, up to the command.
    awk '/^```sh$/ { block = ""; inside = 1; next } /^```/ { if (block ~ /sendmail/) printf "%s", block; inside = 0 }
        inside { block = block $0 "\n" }' "$REPO/README.md" >example
    grep -q '^notify-worker --failed --idle-timeout 1 --exec ./mail-failed$' example
    topology
    order 6 | jq -c '.contact = "ann@example.com"' | order-place >receipt
    order 7 | order-place >>receipt
    order 8 | jq -c '.contact = "nobody@example.com"' | order-place >>receipt
    timeout "$HANGING" inventory-worker --count 3 >/dev/null
    sed 's/ --idle-timeout 1 / --retry-delay 0 /' example >waiting
    PATH=$PWD/bin:$PATH start example bash -eo pipefail waiting
    eventually grep -q '^\[notify\] later: .*exited with 75' example.err
    eventually holds order.placed.dlq 1
    touch mail.up
    eventually grep -qF "$(head -n 1 receipt | ids)" example.out
    eventually holds inventory.failed.q 0
    ends "$PID" TERM
    [ "$(grep -c '^\[notify\] Order failed: ' example.err)" -eq 2 ]
    cat mail
    [ "$(grep -o '^<.*>' mail)" = '<-i><--><ann@example.com>' ]
    grep -qF "$(head -n 1 receipt | ids)" mail
    grep -qi 'too many\|at most\|over' mail
}

# --- what cannot be told

# moved FILE REASON: the headers of the dead letter, which drain has written to the file, say where it came from, why and when.
moved()
{
    local now
    now=$(date +%s)
    jq -e --arg reason "$2" --argjson now "$now" '.properties.headers | ."order-tools-queue" == "inventory.reserved.q" and
        ."order-tools-exchange" == "inventory-ex" and ."order-tools-routing-key" == "inventory.reserved" and
        (."order-tools-reason" | startswith($reason)) and
        (."order-tools-time" | . == floor and . >= $now - 60 and . <= $now)' "$1"
}

@test "messages that are not events are moved to order.placed.dlq, with headers that say where from, and delay no other" {
    edits=('del(.order_id)' '.order_id = ""' '.order_id += "\u001b"' '.order_id = 5' '.order_id = null'
        '.order_id = ["p"]' '.order_id = "p" * 129' '.Order_Id = .order_id | del(.order_id)' '{data: .}' 'del(.event_type)' '.event_type = 1' '[.]' 'tojson' 'null')
    texts=('not json' '' "$(reserved p)}" "$(reserved p)$(reserved p)" '{"event_type":"InventoryReserved"' "$(reserved p | jq -c 'del(.order_id)' | sed 's/}$/,"order_id":"p","order_id":"q"}/')")
    topology
    for edit in "${edits[@]}"; do
        texts+=("$(reserved p | jq -c "$edit")")
    done
    count=0
    for text in "${texts[@]}"; do
        announce_text "$text"
        announce "good$((count += 1))"
    done
    run -0 --separate-stderr worker --count $((2 * count))
    [ "$(ids <<<"$output")" = "$(seq -f 'good%g' $count)" ]
    [ "$(grep -c '^\[notify\] moved to order.placed.dlq: .' <<<"$stderr")" -eq $count ]
    run -1 env LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f]' <<<"$stderr"
    holds "$RESERVED_Q" 0
    drain "$DEAD_Q" >dead
    has_lines dead $count
    moved dead ''
    [ "$(jq -r .payload dead)" = "$(printf '%s\n' "${texts[@]}")" ]
    [ "$(jq -r '.properties.headers["order-tools-reason"]' dead | grep -c .)" -eq $count ]

    # Put right, it is an event like any other.
    announce p
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[notify] Order confirmed: p' ]
}

@test "a dead letter keeps its properties, its headers and its body byte for byte" {
    topology
    api POST "exchanges/$VHOST/inventory-ex/publish" '{"routing_key": "inventory.reserved", "payload": "eA==", "payload_encoding": "base64",
        "properties": {"content_type": "text/plain", "content_encoding": "utf-8", "delivery_mode": 2, "priority": 3, "correlation_id": "c",
        "reply_to": "r", "message_id": "m", "timestamp": 1234567890, "type": "t", "app_id": "a", "user_id": "guest",
        "headers": {"text": "v", "number": 7, "yes": true, "half": 1.5, "list": [1, "two"], "table": {"in": "it"},
        "order-tools-reason": "an older one"}}}' >/dev/null
    run -0 --separate-stderr worker --count 1
    drain "$DEAD_Q" >dead
    has_lines dead 1
    [ "$(jq -r .payload dead)" = x ]
    [ "$(jq -r '.exchange + " " + .routing_key' dead)" = 'orders-dlx order.placed.dlq' ]
    moved dead 'not JSON'
    # The broker takes a user_id only from that user.
    [ "$(jq -cS '.properties | del(.headers)' dead)" = "$(jq -cS . <<<'{"content_type": "text/plain", "content_encoding": "utf-8",
        "delivery_mode": 2, "priority": 3, "correlation_id": "c", "reply_to": "r", "message_id": "m", "timestamp": 1234567890, "type": "t", "app_id": "a"}')" ]
    [ "$(jq -cS '.properties.headers | with_entries(select(.key | startswith("order-tools") | not))' dead)" = "$(jq -cS . <<<'{"text": "v", "number": 7,
        "yes": true, "half": 1.5, "list": [1, "two"], "table": {"in": "it"}}')" ]

    # Bytes of all kinds, more than fit in a frame, and more than an event may have.
    printf '\x00\xff\x01\r\n\x80binary\x00' >small
    head -c 2000000 /dev/urandom >large
    for file in small large; do
        announce_file $file
        run -0 --separate-stderr worker --count 1
        drain "$DEAD_Q" >dead
        has_lines dead 1
        moved dead ''
        [ "$(jq -r .payload_encoding dead)" = base64 ]
        jq -r .payload dead | base64 -d | cmp - $file
        # amqp-publish sets nothing but this, unasked.
        [ "$(jq -c '.properties | del(.headers)' dead)" = '{"delivery_mode":1}' ]
        [ "$(jq -c '.properties.headers | keys' dead)" = '["order-tools-exchange","order-tools-queue","order-tools-reason","order-tools-routing-key","order-tools-time"]' ]
        holds "$RESERVED_Q" 0
    done

    # Straight into the queue: the default exchange has an empty name.
    publish '' inventory.reserved.q nonsense
    run -0 --separate-stderr worker --count 1
    [ "$(drain "$DEAD_Q" | jq -c '.properties.headers | [."order-tools-exchange", ."order-tools-routing-key", ."order-tools-queue"]')" = \
        '["","inventory.reserved.q","inventory.reserved.q"]' ]
}

@test "a dead letter does not expire where it is kept" {
    start worker notify-worker
    eventually queue_consumers "$RESERVED_Q" 1
    api POST "exchanges/$VHOST/inventory-ex/publish" '{"routing_key": "inventory.reserved", "payload": "nonsense", "payload_encoding": "string",
        "properties": {"expiration": "3600000", "message_id": "m"}}' >/dev/null
    eventually holds "$DEAD_Q" 1
    # The broker takes this property off what it dead-letters itself, since the message would be dropped, and lost.
    [ "$(messages "$DEAD_Q" | jq -c '[.properties.message_id, .properties.expiration]')" = '["m",null]' ]
    ends -0 "$PID" TERM
}

@test "a dead letter that no queue takes is not acknowledged: exit 76" {
    local guest=$AMQP_URL
    topology
    # A user who may not put the binding back.
    reduced_user '' '^[a-z]+-(ex|dlx)$' '^(order|inventory)\\.[a-z]+\\.q$'
    start worker notify-worker
    eventually queue_consumers "$RESERVED_Q" 1
    announce_text first
    eventually holds "$DEAD_Q" 1
    api DELETE "bindings/$VHOST/e/orders-dlx/q/$DEAD_Q/order.placed.dlq" >/dev/null
    announce_text second
    ends -76 "$PID"
    grep "^notify-worker: cannot move a message to 'order.placed.dlq': " worker.err
    eventually holds "$RESERVED_Q" 1
    AMQP_URL=$guest
    run -0 --separate-stderr worker --count 1
    [ "$(drain "$DEAD_Q" | jq -r .payload | paste -sd ' ')" = 'first second' ]
}

# --- by a command

@test "--exec: the event and a newline on standard input, the arguments as they are, the output not among our data" {
    make_script cmd <<'END'
cat >input
echo "$EVENT_TYPE $ORDER_ID $NOTIFY_ATTEMPT" >environment
for argument; do printf '<%s>\n' "$argument"; done >arguments
echo "on standard output"
echo "on standard error" >&2
END
    topology
    announce_text "$(reserved one | jq .)"
    run -0 --separate-stderr worker --count 1 --exec ./cmd 'two words' '$HOME' '`date`' '*' '' ';' '--count' 5 -- -V
    [ "$(cat arguments)" = "$(printf '<%s>\n' 'two words' '$HOME' '`date`' '*' '' ';' '--count' 5 -- -V)" ]
    [ "$(tail -c 1 input | od -An -tx1)" = ' 0a' ]
    has_lines input 1
    [ "$(cat environment)" = 'InventoryReserved one 1' ]
    [ "$(jq -cS . input)" = "$(reserved one | jq -cS .)" ]
    [ "$output" = "$(cat input)" ]
    printf '%s\n' "$stderr" >err
    says err 'on standard output'
    says err 'on standard error'
    says err '[notify] Order confirmed: one'
    has_lines err 3
    holds "$RESERVED_Q" 0

    # To the byte, and found in PATH; what was told is known without the command, too.
    announce two
    run -0 --separate-stderr worker --count 1 --exec tee input
    reserved two | cmp - input
    publish_reserved two three
    run -0 --separate-stderr worker --count 2
    [ "$(ids <<<"$output")" = three ]
    publish_reserved three two
    run -0 --separate-stderr worker --count 2 --exec touch told
    [ -z "$output" ]
    [ "$stderr" = '[notify] repeat ignored: three
[notify] repeat ignored: two' ]
    [ ! -e told ]
}

@test "--exec: no shell comes between, unless the user names one" {
    topology
    announce one
    run -0 --separate-stderr worker --count 1 --exec sh -c 'echo "$0 $1 $(jq -r .order_id)" >told' a 'b c'
    [ "$(cat told)" = 'a b c one' ]
    run -64 --separate-stderr worker --count 1 --exec 'true two'
    [[ $stderr == *"cannot run 'true two'"* ]]
    [ -z "$output" ]
}

@test "--exec: the command inherits no descriptor of the worker's but standard input, output and error" {
    printf '%s\n' 'for fd in /proc/$$/fd/*; do readlink "$fd"; done >descriptors' 'exit 0' | make_script cmd
    for fd in "/proc/$BASHPID/fd"/*; do readlink "$fd"; done | sort >before || true
    topology
    announce_text poison
    announce one
    run -0 --separate-stderr worker --count 2 --exec ./cmd
    [ "$(ids <<<"$output")" = one ]
    sort descriptors | comm -23 - before >new
    cat new
    run -1 grep 'socket:\|\.db' new
    # The event.
    [ "$(grep -c '^pipe:' new)" -eq 1 ]
}

@test "--exec: an event that no pipe would hold at once arrives whole, and has no name on disk" {
    printf '%s\n' 'readlink /proc/$$/fd/0 >input; wc -c >size' | make_script cmd
    large=$(reserved one | jq -c '.items = [range(900) | {sku: "a sku of some length", qty: 1}]')
    topology
    announce_text "$large"
    run -0 --separate-stderr worker --count 1 --exec ./cmd
    [ "$(cat size)" -eq $((${#large} + 1)) ]
    grep -q '(deleted)$' input
}

@test "--exec: events are taken in the order in which they came" {
    topology
    publish_reserved {1..40}
    # More than it has in hand at once: those that came first must not be overtaken.
    run -0 --separate-stderr worker --count 40 --exec true
    [ "$(ids <<<"$output" | paste -sd' ')" = "$(seq -s' ' 40)" ]
    holds "$RESERVED_Q" 0
}

@test "--exec: exit 75 is tried again after the delay until it works, and others go on meanwhile" {
    make_script cmd <<'END'
id=$(jq -r .order_id)
echo "$id $(date +%s%3N)" >>tries
[ "$id" != later ] || [ "$(grep -c '^later ' tries)" -gt 4 ] || exit 75
END
    topology
    publish_reserved later b c
    run -0 --separate-stderr worker --count 3 --retry-delay 1 --exec ./cmd
    [ "$(ids <<<"$output" | sort | paste -sd' ')" = 'b c later' ]
    [ "$(ids <<<"$output" | tail -n 1)" = later ]
    printf '%s\n' "$stderr" >err
    [ "$(grep -c '^\[notify\] later: later: ' err)" -eq 4 ]
    says err '[notify] Order confirmed: later'
    grep '^later ' tries | cut -d' ' -f2 >moments
    has_lines moments 5
    before=0
    while read -r now; do
        [ $((now - before)) -ge 990 ]
        before=$now
    done <moments
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 0

    announce later
    run -0 --separate-stderr worker --count 1 --exec ./cmd
    [ "$stderr" = '[notify] repeat ignored: later' ]
}

@test "--exec: any other failure is tried three times, then it is a dead letter" {
    make_script cmd <<'END'
id=$(jq -r .order_id)
echo "$id" >>tries
[ "$id" != one ] || exit 1
[ "$id" != killed ] || kill -KILL $$
# Tries that said 75 do not count: it works at the fifth.
[ "$id" != mixed ] || case $(grep -c mixed tries) in 1 | 3) exit 2 ;; 2 | 4) exit 75 ;; esac
END
    topology
    publish_reserved one killed mixed good
    run -0 --separate-stderr worker --count 4 --retry-delay 0 --exec ./cmd
    [ "$(ids <<<"$output" | sort | paste -sd' ')" = 'good mixed' ]
    [ "$(sort tries | uniq -c | awk '{print $2, $1}' | paste -sd' ')" = 'good 1 killed 3 mixed 5 one 3' ]
    holds "$RESERVED_Q" 0
    drain "$DEAD_Q" >dead
    moved dead ''
    [ "$(jq -r '.payload | fromjson | .order_id' dead | sort | paste -sd' ')" = 'killed one' ]
    jq -r 'select(.payload | fromjson | .order_id == "one").properties.headers["order-tools-reason"]' dead | grep "'./cmd' exited with 1\b"
    jq -r 'select(.payload | fromjson | .order_id == "killed").properties.headers["order-tools-reason"]' dead | grep "'./cmd' .*137"
    [ "$(grep -c '^\[notify\] moved to order.placed.dlq: ' <<<"$stderr")" -eq 2 ]

    # Nobody was told, so it may come again.
    announce one
    run -0 --separate-stderr worker --count 1 --exec true
    [ "$stderr" = '[notify] Order confirmed: one' ]
}

@test "--exec: a command that cannot be run is found at the start, before anything is touched: exit 64" {
    touch no-program
    printf '#!/bin/no-shell -e\n' >no-shell
    printf '#!/bin/sh\r\n' >from-elsewhere
    chmod +x no-shell from-elsewhere
    for command in ./not-there not-there-either ./no-program / '' ./no-shell ./from-elsewhere; do
        run -64 --separate-stderr worker -u amqp://127.0.0.1:1 --exec "$command"
        [[ $stderr == "notify-worker: cannot run '$command': "* ]]
        [ -z "$output" ]
    done
    [[ $stderr == *"its first line names '/bin/sh\\x0d': No such file or directory" ]]
    run -64 --separate-stderr worker --exec $'./\x1b[31m'
    [[ $stderr == *'\x1b[31m'* && $stderr != *$'\x1b'* ]]
    [ ! -e "$XDG_STATE_HOME" ]
    # An empty entry of PATH is this folder.
    make_script mine <<<:
    run -69 --separate-stderr env "PATH=/no-folder::$PATH" "$REPO/bin/notify-worker" -u amqp://127.0.0.1:1 --retries 1 --exec mine
}

@test "--exec: a command that disappears: exit 64, and nothing is lost" {
    make_script cmd <<<'rm cmd'
    topology
    publish_reserved 0 1 2
    run -64 --separate-stderr worker --exec ./cmd
    [[ $stderr == *"cannot run './cmd': No such file or directory" ]]
    [ "$(ids <<<"$output")" = 0 ]
    eventually holds "$RESERVED_Q" 2
    holds "$DEAD_Q" 0
    run -0 --separate-stderr worker --count 2
    [ "$(ids <<<"$output" | paste -sd' ')" = '1 2' ]
}

@test "--exec: a repeat while the first is still being tried is ignored, and the first is told" {
    later_command
    topology
    announce twice
    start worker notify-worker --retry-delay 1 --exec ./cmd
    eventually grep '^\[notify\] later: twice: ' worker.err
    announce twice
    eventually says worker.err '[notify] repeat ignored: twice'
    [ ! -e told ]
    touch go
    eventually says worker.err '[notify] Order confirmed: twice'
    ends -0 "$PID" TERM
    [ "$(ids <told)" = twice ]
    [ "$(ids <worker.out)" = twice ]
    holds "$RESERVED_Q" 0
}

@test "--exec: --count waits until what was taken is settled, --idle-timeout counts from the last delivery" {
    topology
    publish_reserved 1 2 3
    run -0 --separate-stderr worker --count 2 --exec true
    [ "$(ids <<<"$output" | sort | paste -sd' ')" = '1 2' ]
    holds "$RESERVED_Q" 1
    before=$(now_ms)
    run -0 --separate-stderr worker --count 100 --idle-timeout 1 --exec true
    took=$(($(now_ms) - before))
    [ "$(ids <<<"$output")" = 3 ]
    [ "$took" -ge 1000 ]
    [ "$took" -lt $((PATIENCE * 1000)) ]
    holds "$RESERVED_Q" 0

    # What needs no command is a delivery as well, not the end.
    announce_text "$(reserved x InventoryFailed)"
    announce 1
    announce_text poison
    announce 4
    run -0 --separate-stderr worker --prefetch 1 --idle-timeout 1 --exec true
    [ "$(ids <<<"$output")" = 4 ]
    holds "$RESERVED_Q" 0
    holds "$DEAD_Q" 1
}

@test "--exec: --prefetch is how many events a worker has in hand at most, 16 without it" {
    waiting_command
    topology
    publish_reserved {1..20}
    start worker notify-worker --prefetch 3 --exec ./cmd
    eventually [ -e started ]
    eventually holds "$RESERVED_Q" 17
    ends "$PID" KILL
    eventually holds "$RESERVED_Q" 20
    rm started
    start worker notify-worker --exec ./cmd
    eventually [ -e started ]
    eventually holds "$RESERVED_Q" 4
    touch go
    eventually holds "$RESERVED_Q" 0
    eventually has_lines worker.out 20
    ends -0 "$PID" TERM
}

# The broker hangs up after 8 s without a sign of life.
@test "--exec: a slow command does not cost the connections" {
    waiting_command
    topology
    # So that there is a connection for publishing, too.
    announce_text poison
    announce slow
    start worker notify-worker --exec ./cmd
    eventually [ -e started ]
    holds "$DEAD_Q" 1
    eventually older_than 10 started
    queue_consumers "$RESERVED_Q" 1
    announce_text 'more poison'
    touch go
    eventually says worker.err '[notify] Order confirmed: slow'
    eventually holds "$DEAD_Q" 2
    ends -0 "$PID" TERM
    [ "$(ids <told)" = slow ]
    [ "$(ids <worker.out)" = slow ]
    run -1 grep -F 'lost the broker' worker.err
    holds "$RESERVED_Q" 0
}

older_than()
{
    [ $(($(date +%s) - $(stat -c %Y "$2"))) -ge "$1" ]
}

# --- stopped, killed, cut off

@test "SIGTERM or SIGHUP ends an idle worker at once, and one that waits to try again: its event stays in the queue" {
    topology
    start worker notify-worker
    eventually queue_consumers "$RESERVED_Q" 1
    announce a
    eventually grep -q . worker.out
    ends -0 "$PID" TERM 2
    holds "$RESERVED_Q" 0

    # Under nohup the suite itself was told to ignore SIGHUP, and what it starts would too.
    start worker env --default-signal=HUP notify-worker --exec true
    eventually queue_consumers "$RESERVED_Q" 1
    ends -0 "$PID" HUP 2

    announce b
    start worker notify-worker --retry-delay 3600 --exec sh -c 'exit 75'
    eventually grep '^\[notify\] later: b: ' worker.err
    ends -0 "$PID" TERM 2
    [ ! -s worker.out ]
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr worker --count 1
    [ "$(ids <<<"$output")" = b ]
}

@test "SIGTERM during work: each event is told by this run or the next, by one of them" {
    topology
    publish_reserved {1..20000}
    start worker notify-worker --prefetch 16
    eventually grep -q . worker.out
    ends -0 "$PID" TERM 2
    told=$(wc -l <worker.out)
    [ "$told" -lt 20000 ]
    holds "$RESERVED_Q" $((20000 - told))
    start rest notify-worker --count $((20000 - told))
    ends -0 "$PID" '' 20
    cat worker.out rest.out >out
    [ "$(ids <out)" = "$(seq 20000)" ]
}

@test "SIGTERM while a command runs: it ends first, its order is recorded, the next one stays in the queue" {
    waiting_command
    topology
    publish_reserved a b
    start worker notify-worker --exec ./cmd
    eventually [ -e started ]
    kill -TERM "$PID"
    # It waits for the command.
    eventually waits "$PID"
    run -1 ended "$PID"
    touch go
    ends -0 "$PID"
    [ "$(ids <told)" = a ]
    [ "$(ids <worker.out)" = a ]
    says worker.err '[notify] Order confirmed: a'
    eventually holds "$RESERVED_Q" 1

    announce a
    run -0 --separate-stderr worker --count 2 --exec ./cmd
    [ "$(ids <<<"$output")" = b ]
    [ "$(ids <told | paste -sd' ')" = 'a b' ]
}

@test "N0: killed with a delivery in hand, it is handled afresh" {
    start worker notify-worker
    eventually queue_consumers "$RESERVED_Q" 1
    kill -STOP "$PID"
    announce n0
    eventually holds "$RESERVED_Q" 0
    ends "$PID" KILL
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[notify] Order confirmed: n0' ]
}

@test "N1: killed while the command runs, the customer is told again; once recorded, no more" {
    waiting_command
    topology
    announce n1
    start worker notify-worker --exec ./cmd
    eventually [ -e started ]
    ends "$PID" KILL
    eventually holds "$RESERVED_Q" 1
    # The command is not our prisoner: it ends, and has told.
    touch go
    eventually has_lines told 1
    run -0 --separate-stderr worker --count 1 --exec ./cmd
    [ "$(ids <<<"$output")" = n1 ]
    [ "$(ids <told | paste -sd' ')" = 'n1 n1' ]
    holds "$RESERVED_Q" 0

    announce n1
    run -0 --separate-stderr worker --count 1 --exec ./cmd
    [ "$stderr" = '[notify] repeat ignored: n1' ]
    has_lines told 2
}

@test "N1: killed before a line was written, it is written by the next run" {
    topology
    announce stuck
    start_stuck worker notify-worker
    eventually holds "$RESERVED_Q" 0
    ends "$PID" KILL
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr worker --count 1
    [ "$(ids <<<"$output")" = stuck ]
}

@test "N3: the connection lost while the command runs: it is told once, and its second coming is a repeat" {
    waiting_command
    topology
    announce_text poison
    announce n3
    start worker notify-worker --exec ./cmd
    eventually [ -e started ]
    cut_connections
    eventually grep "^notify-worker: lost the broker .*(consuming)" worker.err
    touch go
    eventually says worker.err '[notify] repeat ignored: n3'
    announce_text 'more poison'
    eventually holds "$DEAD_Q" 2
    ends -0 "$PID" TERM
    says worker.err '[notify] Order confirmed: n3'
    [ "$(ids <told)" = n3 ]
    [ "$(ids <worker.out)" = n3 ]
    holds "$RESERVED_Q" 0
}

@test "the connection lost while an order waits to be tried again: it is told all the same" {
    later_command
    topology
    announce patient
    start worker notify-worker --retry-delay 2 --exec ./cmd
    eventually grep '^\[notify\] later: patient: ' worker.err
    touch go
    cut_connections
    eventually grep -F patient told
    eventually says worker.err '[notify] Order confirmed: patient'
    eventually holds "$RESERVED_Q" 0
    ends -0 "$PID" TERM
    [ "$(ids <told)" = patient ]
    [ "$(ids <worker.out)" = patient ]
}

@test "its queue deleted: it makes it anew and goes on" {
    start printer notify-worker
    printer=$PID
    eventually queue_consumers "$RESERVED_Q" 1
    start commander notify-worker --exec true
    commander=$PID
    eventually queue_consumers "$RESERVED_Q" 2
    api DELETE "queues/$VHOST/inventory.reserved.q" >/dev/null
    eventually queue_consumers "$RESERVED_Q" 2
    grep '^notify-worker: lost the broker .*cancelled' printer.err
    grep '^notify-worker: lost the broker .*cancelled' commander.err
    publish_reserved 1 2 3 4
    eventually holds "$RESERVED_Q" 0
    ends -0 "$printer" TERM
    ends -0 "$commander" TERM
    [ "$(cat printer.out commander.out | ids | sort | paste -sd' ')" = '1 2 3 4' ]
}

# --- output and memory

@test "an output that cannot be written: exit 74, nothing acknowledged, nothing recorded" {
    topology
    announce kept
    run -74 --separate-stderr to_full worker --count 1
    grep '^notify-worker: cannot write standard output: ' <<<"$stderr"
    [[ $stderr != *'Order confirmed'* ]]
    eventually holds "$RESERVED_Q" 1
    run -0 --separate-stderr worker --count 1
    [ "$(ids <<<"$output")" = kept ]
    [ "$stderr" = '[notify] Order confirmed: kept' ]
    holds "$RESERVED_Q" 0
}

@test "--exec: an output that cannot be written: exit 74, and who was told by the command is not told again" {
    topology
    publish_reserved kept next
    run -74 --separate-stderr to_full worker --count 2 --exec tee -a told
    printf '%s\n' "$stderr" >err
    says err "notify-worker: the customer of order 'kept' was told by the command; its line is missing"
    says err '[notify] Order confirmed: kept'
    eventually holds "$RESERVED_Q" 1
    announce kept
    run -0 --separate-stderr worker --count 2 --exec tee -a told
    [ "$(ids <<<"$output")" = next ]
    [ "$(ids <told | paste -sd' ')" = 'kept next' ]
    holds "$RESERVED_Q" 0
}

@test "the database of notified customers: its path, its private files, and files that are refused because they are not one" {
    about_files
    topology
    rm -rf "$XDG_STATE_HOME"
    announce mine
    (umask 000 && notify-worker --count 1 >/dev/null 2>&1)
    [ "$(stat -c %a "$XDG_STATE_HOME" "$XDG_STATE_HOME/order-tools" | sort -u)" = 700 ]
    [ "$(stat -c %a "$XDG_STATE_HOME"/order-tools/* | sort -u)" = 600 ]
    [ -s "$XDG_STATE_HOME/order-tools/notices.db" ]
    # Another memory knows nothing of it.
    announce mine
    NOTIFY_LEDGER=$PWD/a/b/notices run -0 --separate-stderr worker --count 1
    [ "$stderr" = '[notify] Order confirmed: mine' ]
    [ "$(stat -c %a a/b/* | sort -u)" = 600 ]

    echo 'these are no data, and not few of them: a database starts otherwise, so that this is told from one at once' >text
    inventory-worker --idle-timeout 0 >/dev/null 2>&1
    announce kept
    for ledger in text /dev/null/notices "$PWD" "$XDG_STATE_HOME/order-tools/ledger.db"; do
        echo "ledger: $ledger"
        [ -e "$ledger" ] || [ "$ledger" = /dev/null/notices ]
        NOTIFY_LEDGER=$ledger run -73 --separate-stderr worker --count 1
        [[ $stderr == notify-worker:*"$ledger"* || $stderr == *"'/dev/null'"* ]]
        [ -z "$output" ]
    done
    holds "$RESERVED_Q" 1
}

# --- options and exit codes

@test "wrong usage: exit 64, and nothing is touched" {
    refuses_usage notify-worker < <(printf '%s\n' --prefetch=0 --prefetch=65536 --prefetch=x --count=0 --count=1.5 --max-attempts=0 \
        --max-attempts=x --idle-timeout=-1 --retries=0 --retry-delay=-1 --count --unknown -x operand '--exec' '--count 1 --exec' \
        '-u nonsense' '--key x' '--failed --released' '--failed --failed' '--failed=x')
    [ ! -e "$XDG_STATE_HOME" ]
}

@test "--help and --version" {
    helps notify-worker --failed --released --exec --max-attempts --prefetch --count --idle-timeout --url --authfile --cacert --cert --key --retries \
        --retry-delay --shuffle --confirm-timeout --queue-type --help --version
}

@test "no broker: exit 69 after the attempts; login refused: exit 77" {
    for exec in '' '--exec true'; do
        run -69 --separate-stderr worker -u amqp://127.0.0.1:1 --retries 2 --retry-delay 0 $exec
        [[ $stderr == *"notify-worker: broker '127.0.0.1:1' "*'attempt 1 of 2'*'giving up after 2 attempts'* ]]
        run -77 --separate-stderr worker -u "${AMQP_URL/guest:guest/guest:wrong}" $exec
        [[ $stderr == *'login failed'* && $stderr != *wrong* ]]
    done
    start worker notify-worker -u amqp://127.0.0.1:1 --retry-delay 60
    eventually grep 'attempt 1 of 60, the next in 60 s' worker.err
    ends -0 "$PID" TERM 2
}
