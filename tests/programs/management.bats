# queue-inspect with the management API: details, the topology's check, health; and an API that is hostile.

load ../support/helper

setup()
{
    isolate
    # As an environment variable, since a password has no place among arguments.
    export MANAGEMENT_URL=http://guest:guest@${SUITE_API#http://}
}

# declare_queue NAME JSON: makes a queue as the JSON says.
declare_queue()
{
    api PUT "queues/$VHOST/$1" "$2" >/dev/null
}

bind()
{
    api POST "bindings/$VHOST/e/$1/q/$2" "{\"routing_key\": \"$3\"}" >/dev/null
}

unbind()
{
    api DELETE "bindings/$VHOST/e/$1/q/$2/$3" >/dev/null
}

# remake QUEUE JSON: with these arguments instead, and its binding as before.
remake()
{
    local exchange key
    read -r exchange key < <(api GET "queues/$VHOST/$1/bindings" | jq -r '.[] | select(.source != "") | .source + " " + .routing_key')
    api DELETE "queues/$VHOST/$1" >/dev/null
    declare_queue "$1" "$2"
    bind "$exchange" "$1" "$key"
}

# has QUEUE FILTER: what jq finds true of its line.
has()
{
    queue-inspect "$1" | jq -e "$2"
}

# finds FILTER: the check of the topology prints exactly what jq makes of this.
finds()
{
    run -1 --separate-stderr queue-inspect --check-topology
    diff <(jq -cS . <<<"$output") <(jq -ncS "$1")
    [ -z "$stderr" ]
}

fits()
{
    run -0 --separate-stderr queue-inspect --check-topology
    [ -z "$output$stderr" ]
}

# serve ANSWER...: a server on a port of its own that gives each connection the next answer; its URL is $SERVER.
serve()
{
    rm -f server.out
    start server perl -MIO::Socket::INET -e '
        $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1", LocalPort => 0) or die $!;
        $| = 1; print $s->sockport, "\n";
        for $answer (@ARGV) {
            $c = $s->accept; $c->autoflush(1);
            do { $line = <$c>; print $line } until $line =~ /^\r?$/;
            if ($answer =~ /^@(.*)/) { open F, $1; print $c $_ while <F>; } else { print $c $answer; }
            sleep 60 if $answer eq ""; close $c;
        }' "$@"
    eventually test -s server.out
    SERVER=http://127.0.0.1:$(head -n 1 server.out)
}

http()
{
    printf 'HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n%s' "$1" "$2"
}

# ---- details

@test "management: a line has the members that AMQP cannot give" {
    topology
    event a | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed
    start_holder reader "$PLACED_Q"
    eventually has "$PLACED_Q" '.ready == 0 and .unacknowledged == 1 and .consumers == 1'
    eventually has "$PLACED_Q" '.memory > 1000 and .type == "classic" and .policy == null'
    run -0 --separate-stderr queue-inspect
    [ "$(jq -sc 'map(keys_unsorted) | unique' <<<"$output")" = \
        '[["queue","exists","ready","consumers","unacknowledged","rate_in","rate_out","memory","type","policy","leader","members","online"]]' ]
    [ "${#lines[@]}" = 4 ]
}

@test "management: the rates in and out are those of the broker" {
    topology
    # The broker reckons each second, from what happened since.
    one_more_placed()
    {
        order-place <"$DATA/order.json" && has "$PLACED_Q" '.rate_in > 0 and .rate_out == 0'
    }
    eventually one_more_placed
    one_more_taken()
    {
        order-place <"$DATA/order.json" && inventory-worker --count 1 && has "$PLACED_Q" '.rate_in > 0 and .rate_out > 0'
    }
    eventually one_more_taken
}

@test "management: the type and the policy of a queue, and odd names" {
    queue 'odd%20%2F..%3F' '{"x-queue-type": "quorum"}'
    queue a%2Bb%25
    policy 'p%22q' '.*' '{"max-length": 7}'
    eventually has 'odd /..?' '.type == "quorum" and .policy == "p\"q"'
    eventually has a+b% '.type == "classic" and .policy == "p\"q"'
}

# Whether the API knows memory and policy of all queues.
all_bounded() { queue-inspect | jq -se 'all(.memory != null and .policy == "bounds")' >/dev/null; }

@test "management: a table of 80 columns at most" {
    topology
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    policy bounds '.*' '{"max-length": 1000}'
    eventually all_bounded
    run -0 --separate-stderr queue-inspect --format table
    [[ ${lines[0]} =~ ^QUEUE\ +READY\ +CONSUMERS\ +UNACKED\ +IN/S\ +OUT/S\ +MEMORY\ +TYPE\ +POLICY$ ]]
    [[ ${lines[1]} =~ ^order\.placed\.q\ +30\ +0\ +0\ +[0-9.]+\ +0\.0\ +[0-9]+K?\ +classic\ bounds$ ]]
    for line in "${lines[@]}"; do
        [ "${#line}" -eq "${#lines[0]}" ]
        [ "${#line}" -le 80 ]
    done
}

@test "management: a queue that is missing" {
    topology
    run -1 --separate-stderr queue-inspect missing
    [ "$output" = '{"queue":"missing","exists":false}' ]
    [ "$stderr" = "queue-inspect: no queue 'missing'" ]
    run -1 --separate-stderr queue-inspect --format table missing
    [[ ${lines[1]} =~ ^missing\ +missing(\ +-){7}$ ]]
}

# ---- login and URL

@test "management: without a login in its URL, it uses that of AMQP: from the URL, and from --authfile" {
    topology
    export MANAGEMENT_URL=$SUITE_API
    run -0 --separate-stderr queue-inspect "$PLACED_Q"
    jq -e '.type == "classic"' <<<"$output"
    (umask 077 && printf 'username:guest\npassword:guest\n' >auth)
    AMQP_URL=${AMQP_URL/guest:guest/nobody:none} run -0 --separate-stderr queue-inspect --authfile auth "$PLACED_Q"
    jq -e '.type == "classic"' <<<"$output"
}

@test "management: --api takes the place of MANAGEMENT_URL; with an empty one there is no API" {
    topology
    MANAGEMENT_URL=http://127.0.0.1:1 run -0 --separate-stderr queue-inspect --api "$SUITE_API" "$PLACED_Q"
    jq -e '.type == "classic"' <<<"$output"
    MANAGEMENT_URL='' run -0 --separate-stderr queue-inspect "$PLACED_Q"
    jq -e 'has("type") | not' <<<"$output"
}

@test "management: a login is never shown, neither of the API nor of AMQP" {
    topology
    local url
    for url in "http://guest:sesame@${SUITE_API#http://}" http://guest:sesame@127.0.0.1:1 ftp://guest:sesame@127.0.0.1 \
        http://guest:sesame@ 'http://guest:sesame@127.0.0.1:1/?a=sesame' 'http://guest:sesame@127.0.0.1:99999'; do
        MANAGEMENT_URL=$url run --separate-stderr queue-inspect
        [ "$status" -ge 64 ]
        [ -n "$stderr" ]
        [[ $output$stderr != *sesame* ]]
        MANAGEMENT_URL=$url run --separate-stderr queue-inspect --health
        [ "$status" -ge 1 ]
        [[ $output$stderr != *sesame* ]]
    done
}

@test "management: a password of odd characters, and a path before the API's own" {
    api PUT users/odd '{"password": "p@ss:w/rd%?", "tags": "monitoring"}' >/dev/null
    api PUT "permissions/$VHOST/odd" '{"configure": "", "write": "", "read": ""}' >/dev/null
    topology
    MANAGEMENT_URL="http://odd:p%40ss%3Aw%2Frd%25%3F@${SUITE_API#http://}" run -0 --separate-stderr queue-inspect "$PLACED_Q"
    api DELETE users/odd >/dev/null
    jq -e '.type == "classic"' <<<"$output"
    serve "$(http '200 OK' '{"type":"classic"}')"
    MANAGEMENT_URL=$SERVER/rabbit/ run -0 --separate-stderr queue-inspect "$PLACED_Q"
    grep -q "^GET /rabbit/api/queues/$VHOST/order.placed.q?" server.out
}

@test "management: invalid URLs are wrong usage" {
    local url
    for url in localhost 127.0.0.1:15672 ftp://127.0.0.1 file:///etc/passwd http:// http://a:b:c:d/ 'http://127.0.0.1/?x=y' \
        'http://127.0.0.1/#x' 'http://127.0.0.1:port'; do
        run -64 --separate-stderr queue-inspect --api "$url"
        [[ $stderr == 'queue-inspect: the URL of the management API is not of the form '* ]]
        [ -z "$output" ]
    done
}

@test "management: a wrong login, and an API that is away: what AMQP says is printed, and the exit code says the rest" {
    topology
    MANAGEMENT_URL=http://guest:wrong@${SUITE_API#http://} run -77 --separate-stderr queue-inspect "$PLACED_Q"
    [[ $stderr == "queue-inspect: management API '${SUITE_API%/}': it refused the login, or a right to what is there (401)" ]]
    [ "$output" = '{"queue":"order.placed.q","exists":true,"ready":0,"consumers":0,"unacknowledged":null,"rate_in":null,"rate_out":null,"memory":null,"type":null,"policy":null,"leader":null,"members":null,"online":null}' ]
    MANAGEMENT_URL=http://127.0.0.1:1 run -69 --separate-stderr queue-inspect "$PLACED_Q"
    [ "$stderr" = "queue-inspect: management API 'http://127.0.0.1:1': cannot connect: Connection refused" ]
    jq -e '.ready == 0' <<<"$output"
    MANAGEMENT_URL=http://127.0.0.1:1 run -69 --separate-stderr queue-inspect --check-topology
    [ -z "$output" ]
}

@test "management: waiting and peeking need no API" {
    topology
    event a | amqp-publish -u "$AMQP_URL" -e orders-ex -r order.placed
    export MANAGEMENT_URL=http://127.0.0.1:1
    run -0 --separate-stderr queue-inspect --until 1 --timeout 5 "$PLACED_Q"
    run -0 --separate-stderr queue-inspect --peek 1 "$PLACED_Q"
    [ -z "$stderr" ]
}

# ---- a hostile API

@test "management: a redirect is not followed" {
    topology
    serve "$(printf 'HTTP/1.1 302 Found\r\nlocation: %sapi/queues\r\nconnection: close\r\n\r\n' "$SUITE_API")"
    MANAGEMENT_URL=$SERVER run -78 --separate-stderr queue-inspect "$PLACED_Q"
    [[ $stderr == *"'$SERVER': it answered with HTTP status 302" ]]
}

@test "management: an answer without end is cut off" {
    topology
    http '200 OK' '"' >endless
    head -c 20000000 /dev/zero | tr '\0' x >>endless
    serve @endless
    MANAGEMENT_URL=$SERVER run -78 --separate-stderr queue-inspect "$PLACED_Q"
    [[ $stderr == *"'$SERVER': the answer has more than 8388608 bytes" ]]
}

@test "management: answers that are not valid" {
    local answer
    topology
    while IFS='|' read -r code answer reason; do
        serve "$(printf "$answer")"
        MANAGEMENT_URL=$SERVER run "-$code" --separate-stderr queue-inspect "$PLACED_Q"
        echo "$stderr"
        [[ $stderr == *"'$SERVER': $reason"* ]]
    done <<'END'
78|HTTP/1.1 200 OK\r\n\r\n<html>|the answer is not JSON
78|HTTP/1.1 200 OK\r\n\r\n|the answer is not JSON: it is empty
78|HTTP/1.1 200 OK\r\n\r\n{"type":"a","type":"b"}|the answer is not JSON: an object has the same key twice
78|HTTP/1.1 404 Not Found\r\n\r\n<html>|it answered with HTTP status 404
69|HTTP/1.1 500 Oops\r\n\r\n{}|it answered with HTTP status 500
77|HTTP/1.1 403 No\r\n\r\n{}|it refused the login
69|SSH-2.0-OpenSSH\r\n|
END
}

@test "management: members of the wrong type, or missing, are not known; control characters are escaped" {
    local answer
    topology
    for answer in '[]' 7 null '{}' '{"memory":"x","type":7,"policy":{},"message_stats":[],"messages_unacknowledged":true,"leader":[],"members":{},"online":3}'; do
        serve "$(http '200 OK' "$answer")"
        MANAGEMENT_URL=$SERVER run -0 --separate-stderr queue-inspect "$PLACED_Q"
        jq -e '.ready == 0 and .unacknowledged == null and .memory == null and .type == null and .policy == null
            and .leader == null and .members == null and .online == null' <<<"$output"
    done
    serve "$(http '200 OK' '{"type":"\u001b[31m","policy":"a\nb"}')"
    MANAGEMENT_URL=$SERVER run -0 --separate-stderr queue-inspect --format table "$PLACED_Q"
    [[ ${lines[1]} == *'\x1b[31m a\x0ab' ]]
}

@test "management: it gives up a server that never answers, and a signal ends the wait" {
    topology
    serve '' ''
    MANAGEMENT_URL=$SERVER run -69 --separate-stderr queue-inspect "$PLACED_Q"
    [[ $stderr == *"'$SERVER': Timeout was reached" ]]
    serve ''
    MANAGEMENT_URL=$SERVER start asking queue-inspect "$PLACED_Q"
    eventually grep -q GET server.out
    finish -143 "$PID" TERM
}

@test "management: a watch outlives an API that goes away, and says so once" {
    topology
    serve "$(http '200 OK' '{"type":"first"}')" "$(http '200 OK' '{"type":"second"}')"
    MANAGEMENT_URL=$SERVER run -0 --separate-stderr queue-inspect --watch 1 --timeout 4 "$PLACED_Q"
    [ "$(jq -rs 'map(.queues[0] | "\(.ready) \(.type)") | .[0:3] | join(", ")' <<<"$output")" = '0 first, 0 second, 0 null' ]
    [ "${#lines[@]}" -ge 4 ]
    [ "$stderr" = "queue-inspect: management API '$SERVER': cannot connect: Connection refused" ]
    # Whatever is wrong from the start ends it.
    MANAGEMENT_URL=$SERVER run -69 --separate-stderr queue-inspect --watch 1
    [ -z "$output" ]
}

# ---- TLS

# serve_tls [OPTIONS]: a server whose files are answers; its port is $TLS_PORT.
serve_tls()
{
    authority ca
    certificate server DNS:localhost 2
    mkdir -p "api/queues/$VHOST"
    http '200 OK' '{"type":"by TLS"}' >"api/queues/$VHOST/order.placed.q?columns=messages_unacknowledged,memory,type,policy,message_stats,leader,node,members,online"
    start tls openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -HTTP "$@"
    eventually grep -q '^ACCEPT 127' tls.out
    TLS_PORT=$(sed -n 's/^ACCEPT .*://p' tls.out)
}

@test "management: over TLS the certificate and the host name must be right" {
    topology
    serve_tls
    run -0 --separate-stderr queue-inspect --cacert ca.pem --api "https://localhost:$TLS_PORT" "$PLACED_Q"
    jq -e '.type == "by TLS"' <<<"$output"
    run -77 --separate-stderr queue-inspect --api "https://localhost:$TLS_PORT" "$PLACED_Q"
    [[ $stderr == *"'https://localhost:$TLS_PORT': SSL peer certificate or SSH remote key was not OK" ]]
    run -77 --separate-stderr queue-inspect --cacert ca.pem --api "https://127.0.0.1:$TLS_PORT" "$PLACED_Q"
    [[ $stderr == *"SSL peer certificate or SSH remote key was not OK" ]]
    run -77 --separate-stderr queue-inspect --cacert missing.pem --api "https://localhost:$TLS_PORT" "$PLACED_Q"
}

@test "management: the client certificate of AMQP is shown" {
    topology
    serve_tls -Verify 1 -verify_return_error -CAfile ca.pem
    run -0 --separate-stderr queue-inspect --cacert ca.pem --cert server.pem --key server.key \
        --api "https://localhost:$TLS_PORT" "$PLACED_Q"
    jq -e '.type == "by TLS"' <<<"$output"
    run -69 --separate-stderr queue-inspect --cacert ca.pem --api "https://localhost:$TLS_PORT" "$PLACED_Q"
}

# ---- the topology

@test "check-topology: the topology that the programs declare is right" {
    topology
    fits
    MANAGEMENT_URL='' fits
}

@test "check-topology: all is missing on an empty virtual host, and nothing is made" {
    run -1 --separate-stderr queue-inspect --check-topology
    [ "$(jq -r '[.kind, .name, .problem, .exchange, .routing_key] | join(" ")' <<<"$output")" = 'exchange orders-ex missing  
exchange orders-dlx missing  
exchange inventory-ex missing  
queue order.placed.q missing  
queue order.placed.dlq missing  
queue inventory.reserved.q missing  
queue inventory.failed.q missing  
binding order.placed.q missing orders-ex order.placed
binding order.placed.dlq missing orders-dlx order.placed.dlq
binding inventory.reserved.q missing inventory-ex inventory.reserved
binding inventory.failed.q missing inventory-ex inventory.failed' ]
    MANAGEMENT_URL='' run -1 --separate-stderr queue-inspect --check-topology
    [ "$(jq -r .name <<<"$output" | paste -sd,)" = \
        orders-ex,orders-dlx,inventory-ex,order.placed.q,order.placed.dlq,inventory.reserved.q,inventory.failed.q ]
    api GET "queues/$VHOST" | jq -e '. == []'
    api GET "exchanges/$VHOST" | jq -e 'map(.name) | contains(["orders-ex"]) | not'
}

@test "check-topology: by AMQP alone, a queue and an exchange that are missing" {
    export MANAGEMENT_URL=
    topology
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    finds '{kind: "queue", name: "inventory.failed.q", problem: "missing"}'
    topology
    api DELETE "exchanges/$VHOST/orders-dlx" >/dev/null
    finds '{kind: "exchange", name: "orders-dlx", problem: "missing"}'
}

@test "check-topology: a binding that is missing, and one too many" {
    topology
    unbind inventory-ex "$RESERVED_Q" inventory.reserved
    finds '{kind: "binding", name: "inventory.reserved.q", problem: "missing", exchange: "inventory-ex", routing_key: "inventory.reserved"}'
    bind inventory-ex "$RESERVED_Q" inventory.reserved
    bind inventory-ex "$RESERVED_Q" inventory.failed
    finds '{kind: "binding", name: "inventory.reserved.q", problem: "unexpected", exchange: "inventory-ex", routing_key: "inventory.failed"}'
}

@test "check-topology: bindings and queues of others are not reported" {
    topology
    queue others
    bind orders-ex others order.placed
    bind orders-dlx "$DEAD_Q" others
    bind amq.topic "$PLACED_Q" 'orders.#'
    fits
}

@test "check-topology: exchanges of another type, or transient, auto-delete or internal ones" {
    topology
    api DELETE "exchanges/$VHOST/orders-ex" >/dev/null
    api PUT "exchanges/$VHOST/orders-ex" '{"type": "fanout", "durable": true}' >/dev/null
    bind orders-ex "$PLACED_Q" order.placed
    finds '{kind: "exchange", name: "orders-ex", problem: "type", expected: "direct", found: "fanout"}'
    api DELETE "exchanges/$VHOST/orders-ex" >/dev/null
    api PUT "exchanges/$VHOST/orders-ex" '{"type": "direct", "durable": false, "auto_delete": true, "internal": true}' >/dev/null
    bind orders-ex "$PLACED_Q" order.placed
    finds '("not durable", "auto_delete", "internal") | {kind: "exchange", name: "orders-ex", problem: .}'
}

@test "check-topology: queues that are not durable, and a stream" {
    topology
    remake "$FAILED_Q" '{"durable": false, "auto_delete": true}'
    finds '("not durable", "auto_delete") | {kind: "queue", name: "inventory.failed.q", problem: .}'
    api DELETE "queues/$VHOST/$FAILED_Q" >/dev/null
    start owner amqp-consume -u "$AMQP_URL" -q "$FAILED_Q" -e inventory-ex -r inventory.failed -x cat
    owned()
    {
        api GET "queues/$VHOST/$FAILED_Q" | jq -e .exclusive
    }
    eventually owned
    finds '("not durable", "exclusive", "auto_delete") | {kind: "queue", name: "inventory.failed.q", problem: .}'
    finish "$PID" KILL
    eventually topology
    remake "$FAILED_Q" '{"durable": true, "arguments": {"x-queue-type": "stream"}}'
    finds '{kind: "queue", name: "inventory.failed.q", problem: "type", expected: "classic or quorum", found: "stream"}'
}

@test "check-topology: dead letters that go nowhere, or elsewhere" {
    topology
    remake "$PLACED_Q" '{"durable": true}'
    finds '{kind: "queue", name: "order.placed.q", problem: "dead letters",
            expected: {exchange: "orders-dlx", routing_key: "order.placed.dlq"}, found: {exchange: null, routing_key: null}}'
    remake "$PLACED_Q" '{"durable": true, "arguments": {"x-dead-letter-exchange": "orders-dlx"}}'
    finds '{kind: "queue", name: "order.placed.q", problem: "dead letters",
            expected: {exchange: "orders-dlx", routing_key: "order.placed.dlq"}, found: {exchange: "orders-dlx", routing_key: null}}'
}

@test "check-topology: dead letters that take another route to their queue are not reported" {
    topology
    # By a policy; with the key that they have; by the default exchange.
    remake "$PLACED_Q" '{"durable": true}'
    policy dead order.placed.q '{"dead-letter-exchange": "orders-dlx", "dead-letter-routing-key": "order.placed.dlq"}' "$PLACED_Q"
    fits
    policy dead order.placed.q '{"dead-letter-exchange": "orders-dlx"}' "$PLACED_Q"
    bind orders-dlx "$DEAD_Q" order.placed
    fits
    policy dead order.placed.q '{"dead-letter-exchange": "", "dead-letter-routing-key": "order.placed.dlq"}' "$PLACED_Q"
    fits
}

# quorum QUEUE ARGUMENTS: makes it anew as a quorum queue; dead letters of $PLACED_Q go where they belong.
quorum()
{
    local dead='{}'
    [ "$1" != "$PLACED_Q" ] || dead='{"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}'
    remake "$1" "$(jq -nc --argjson dead "$dead" --argjson arguments "$2" \
        '{durable: true, arguments: ({"x-queue-type": "quorum"} + $dead + $arguments)}')"
}

# Keeps its dead letters until they have arrived, and delivers as often as it takes: from RabbitMQ 4 on that is to be said.
safe()
{
    jq -nc --argjson major "$(broker_major)" '{"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
        + if $major >= 4 then {"x-delivery-limit": -1} else {} end'
}

@test "check-topology: quorum queues that lose no message are not reported" {
    local queue
    topology
    for queue in "$PLACED_Q" "$DEAD_Q" "$RESERVED_Q" "$FAILED_Q"; do
        quorum "$queue" "$(safe)"
    done
    fits
}

@test "check-topology: a delivery limit, which lets orders die that are in order, or drops what has no dead letter exchange" {
    topology
    quorum "$PLACED_Q" "$(safe | jq -c '."x-delivery-limit" = 5')"
    finds '{kind: "queue", name: "order.placed.q", problem: "delivery limit", found: "x-delivery-limit", limit: 5}'
    quorum "$PLACED_Q" "$(safe)"
    quorum "$DEAD_Q" "$(safe)"
    policy limit order.placed.dlq '{"delivery-limit": 7}' "$DEAD_Q"
    finds '{kind: "queue", name: "order.placed.dlq", problem: "loses messages", found: "x-delivery-limit", limit: 7}'
    quorum "$DEAD_Q" "$(safe)"
    api DELETE "policies/$VHOST/limit" >/dev/null
    eventually applies '{}' "$DEAD_Q"
    quorum "$RESERVED_Q" '{"x-delivery-limit": 3}'
    finds '{kind: "queue", name: "inventory.reserved.q", problem: "loses messages", found: "x-delivery-limit", limit: 3}'
}

@test "check-topology: a quorum queue for which nobody has set a limit has 20 from RabbitMQ 4 on" {
    topology
    quorum "$RESERVED_Q" '{}'
    if [ "$(broker_major)" -lt 4 ]; then
        fits
    else
        finds '{kind: "queue", name: "inventory.reserved.q", problem: "loses messages", found: "x-delivery-limit", limit: 20}'
    fi
}

@test "check-topology: dead letters of a quorum queue that are sent on without waiting for a confirm" {
    topology
    quorum "$PLACED_Q" "$(safe | jq -c 'del(."x-dead-letter-strategy")')"
    finds '{kind: "queue", name: "order.placed.q", problem: "may lose dead letters",
            expected: {"x-dead-letter-strategy": "at-least-once"}, found: {"x-dead-letter-strategy": null}}'
    quorum "$PLACED_Q" "$(safe | jq -c 'del(."x-overflow")')"
    finds '{kind: "queue", name: "order.placed.q", problem: "may lose dead letters",
            expected: {"x-overflow": "reject-publish"}, found: {"x-overflow": null}}'
}

@test "check-topology: a quorum queue without a leader" {
    # There the API names the leader of before as long as nobody else leads, and here there is nobody else.
    [ "$(broker_major)" -lt 4 ] || skip 'RabbitMQ 4 does not tell with a single node'
    topology
    quorum "$FAILED_Q" "$(safe)"
    evaluate "ra:stop_server(quorum_queues, {'${VHOST}_$FAILED_Q', node()})."
    is_away()
    {
        run -1 --separate-stderr queue-inspect --check-topology
        jq -e '. == {kind: "queue", name: "inventory.failed.q", problem: "away", found: "no leader"}' <<<"$output" >/dev/null
    }
    eventually is_away
    evaluate "ra:restart_server(quorum_queues, {'${VHOST}_$FAILED_Q', node()})."
    eventually fits
}

@test "check-topology: limits by which a queue of the workers loses messages" {
    local limit
    topology
    for limit in message-ttl max-length max-length-bytes expires; do
        policy limit 'inventory.*' "{\"$limit\": 100000}" "$RESERVED_Q"
        finds "{kind: \"queue\", name: \"inventory.reserved.q\", problem: \"loses messages\", found: \"x-$limit\"}"
    done
    # Publishers are told; dead letters are kept; what nobody works on is its owner's.
    policy limit 'inventory.*' '{"max-length": 100000, "overflow": "reject-publish"}' "$RESERVED_Q"
    fits
    policy limit 'inventory.failed.*' '{"max-length": 100000}' "$FAILED_Q"
    eventually applies '{}' "$RESERVED_Q"
    fits
    policy limit order.placed.q '{"message-ttl": 100000}' "$PLACED_Q"
    fits
}

# ---- health

@test "management: --health looks at the bindings, too, and says that the API is away" {
    start_workers
    run -0 --separate-stderr queue-inspect --health
    jq -e '.healthy and (.checks | keys == ["broker", "consumers", "dead_letters", "management", "nodes", "outbox", "quorum", "topology"]) and (.checks | all(.ok))' <<<"$output"
    MANAGEMENT_URL=http://127.0.0.1:1 run -1 --separate-stderr queue-inspect --health
    jq -e '.healthy == false and .checks.management.detail == "management API '"'http://127.0.0.1:1'"': cannot connect: Connection refused"
        and (.checks | del(.management) | all(.ok)) and (.checks | has("quorum") or has("nodes") | not)' <<<"$output"
    [ -z "$stderr" ]
    unbind inventory-ex "$RESERVED_Q" inventory.reserved
    unbind inventory-ex "$FAILED_Q" inventory.failed
    run -1 --separate-stderr queue-inspect --health
    jq -e '.checks.topology == {ok: false, level: "critical", detail: "binding '"'inventory.reserved.q' by 'inventory.reserved'"': missing, and 1 more"}
        and .checks.management.ok' <<<"$output"
    MANAGEMENT_URL='' run -0 --separate-stderr queue-inspect --health
}
