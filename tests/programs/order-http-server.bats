# order-http: where it listens, whom it lets in, how many, and how it ends.

load ../support/http

setup()
{
    isolate
    CLIENT=$REPO/tests/support/client.py
    SOCKET=$BATS_TEST_TMPDIR/socket
}

# listens NAME: prints the address that the program of "start NAME" says first.
listens()
{
    eventually grep -q '^order-http: listening on ' "$1.err"
    sed -n 's/^order-http: listening on //p' "$1.err" | head -1
}

# code_of URL [CURL-OPTIONS]: prints the status of the answer.
code_of()
{
    curl -sS -o body -D head -w '%{http_code}' "$@"
}

@test "help, and what is no usage" {
    helps order-http --listen --token-file --insecure --tls-cert --tls-key --allow-origin --confirm-wait --log-format \
        --max-connections --max-per-address --header-timeout --body-timeout --answer-timeout --idle-timeout --url \
        --shuffle --confirm-timeout --queue-type
    refuses_usage order-http <<'END_OF_LINES'
order.json
--listen 127.0.0.1
--listen localhost:8001
--listen ::1:8001
--listen unix:
--listen 0.0.0.0:0
--listen [::]:0
--tls-cert cert.pem
--tls-key key.pem
--log-format xml
--max-connections 0
--header-timeout 0
--confirm-wait 60
END_OF_LINES
    [[ $stderr != *--insecure* ]]
    run -64 --separate-stderr timeout "$HANGING" order-http --listen 0.0.0.0:0
    [ "$stderr" = "order-http: '0.0.0.0:0' can be reached from other machines: that takes --token-file, or --insecure" ]
}

@test "listens on addresses, and for other machines only if told" {
    start four order-http --listen 127.0.0.1:0
    [ "$(code_of "http://$(listens four)/health")" = 200 ]
    start all order-http --listen 0.0.0.0:0 --insecure
    where=$(listens all)
    [ "$(code_of "http://127.0.0.1:${where##*:}/health")" = 200 ]
    run -69 --separate-stderr timeout "$HANGING" order-http --listen "$(listens four)"
    [[ $stderr == "order-http: cannot listen on '127.0.0.1:"*"': Address already in use" ]]
    [ -e /proc/net/if_inet6 ] || skip "no IPv6"
    start six order-http --listen '[::1]:0'
    [ "$(code_of "http://$(listens six)/health")" = 200 ]
}

@test "a Unix socket: its owner's alone, replaced if nobody listens there, removed at the end" {
    start_http
    [ "$(stat -c %a socket)" = 600 ]
    run -69 --separate-stderr timeout "$HANGING" order-http --listen unix:socket
    [ "$stderr" = "order-http: cannot listen on 'unix:socket': Address already in use" ]
    ask /health
    [ "$code" = 200 ]
    finish "$HTTP" KILL
    [ -S socket ]
    start_http
    ask /health
    [ "$code" = 200 ]
    ends -0 "$HTTP" TERM 15
    [ ! -e socket ]
    touch socket
    run -69 timeout "$HANGING" order-http --listen unix:socket
    [ -f socket ]
}

@test "sockets that systemd hands over" {
    start http /usr/bin/python3 "$CLIENT" activate 127.0.0.1:0 "$SOCKET" -- order-http
    HTTP=$PID
    where=$(listens http)
    [ "$(code_of "http://$where/health")" = 200 ]
    ask /health
    [ "$code" = 200 ]
    ends -0 "$HTTP" TERM 15
    [ -S socket ]
    run -64 timeout "$HANGING" /usr/bin/python3 "$CLIENT" activate 0.0.0.0:0 -- order-http
    [[ $output == *"--token-file, or --insecure"* ]]
}

@test "TLS" {
    authority ca
    certificate server DNS:localhost,IP:127.0.0.1 2
    start tls order-http --listen 127.0.0.1:0 --tls-cert server.pem --tls-key server.key --header-timeout 1
    tls=$PID
    where=$(listens tls)
    [ "$(code_of --cacert ca.pem "https://$where/health")" = 200 ]
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    [ "$(code_of --cacert ca.pem "https://$where/orders")" = 200 ]
    [ "$(jq .count body)" = 30 ]
    head -c 900000 /dev/zero | tr '\0' ' ' >large
    [ "$(code_of --cacert ca.pem -H 'Content-Type: application/json' --data-binary @large "https://$where/order")" = 400 ]
    cat large large >larger
    [ "$(code_of --cacert ca.pem -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' -H 'Expect:' \
        --data-binary @larger "https://$where/order")" = 413 ]
    run -60 curl -sS "https://$where/health"
    # Who does not begin to speak TLS is cut off.
    /usr/bin/python3 "$CLIENT" send "$where" --wait 30 </dev/null >answers
    [ ! -s answers ]
    ends -0 "$tls" TERM 15
    run -77 --separate-stderr timeout "$HANGING" order-http --listen 127.0.0.1:0 --tls-cert server.pem --tls-key ca.key
    [[ ${stderr##*$'\n'} == "order-http: cannot use the certificate 'server.pem' with the key 'ca.key'" ]]
    run -77 timeout "$HANGING" order-http --listen 127.0.0.1:0 --tls-cert nowhere.pem --tls-key ca.key
}

@test "SIGHUP: tokens are read anew, or stay if they cannot be; without tokens it ends" {
    has_code()
    {
        ask /orders -H "Authorization: Bearer $2"
        [ "$code" = "$1" ]
    }
    (umask 077 && echo the-first-token-of-all >tokens)
    start_http --token-file tokens --idle-timeout 600
    has_code 200 the-first-token-of-all
    printf 'GET /orders?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer the-first-token-of-all\r\n\r\n' >whole
    start crowd /usr/bin/python3 "$CLIENT" crowd "$SOCKET" 3 <whole
    crowd=$PID
    eventually grep -q there crowd.out
    echo the-second-token-of-all >tokens
    kill -HUP "$HTTP"
    eventually has_code 200 the-second-token-of-all
    has_code 401 the-first-token-of-all
    says http.err "order-http: tokens and certificates were read anew"
    for bad in 'echo short >tokens' ': >tokens' 'chmod 644 tokens' 'rm tokens'; do
        echo the-second-token-of-all >tokens
        eval "$bad"
        kept=$(grep -c 'what cannot be read anew stays as it was' http.err || true)
        kill -HUP "$HTTP"
        eventually says http.err 'order-http: what cannot be read anew stays as it was' $((kept + 1))
        has_code 200 the-second-token-of-all
        has_code 401 short
    done
    (umask 077 && echo the-third-token-of-all >tokens)
    kill -HUP "$HTTP"
    eventually has_code 200 the-third-token-of-all
    # Nobody was cut off.
    finish -0 "$crowd" TERM
    [ "$(tail -n 1 crowd.out)" = 3 ]
    ends -0 "$HTTP" TERM 15
    rm http.err
    # Under nohup the suite itself was told to ignore SIGHUP, and what it starts would too.
    start http env --default-signal=HUP order-http --listen "unix:$SOCKET"
    eventually http_listens
    ends -0 "$PID" HUP 15
}

@test "SIGHUP: a new certificate is for those who connect from now on; one that cannot be used is not taken" {
    authority ca
    certificate first DNS:localhost,IP:127.0.0.1 2
    certificate second DNS:localhost,IP:127.0.0.1 2
    cp first.pem server.pem
    cp first.key server.key
    start tls order-http --listen 127.0.0.1:0 --tls-cert server.pem --tls-key server.key --idle-timeout 600
    tls=$PID
    where=$(listens tls)
    # serves NAME: is that the certificate?
    serves()
    {
        openssl s_client -connect "$where" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint >served
        openssl x509 -in "$1.pem" -noout -fingerprint | cmp - served
    }
    serves first
    # A connection that stays, over which one request comes before and another one after.
    start_fed kept openssl s_client -quiet -no_ign_eof -connect "$where"
    kept=$PID
    printf 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n' >&7
    eventually says kept.out '{"status": "ok"}'
    cp second.pem server.pem
    cp second.key server.key
    kill -HUP "$tls"
    eventually serves second
    [ "$(code_of --cacert ca.pem "https://$where/health")" = 200 ]
    printf 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n' >&7
    eventually says kept.out '{"status": "ok"}' 2
    exec 7>&-
    finish "$kept"
    for bad in 'cp ca.key server.key' 'echo none >server.pem' 'rm server.pem'; do
        cp second.pem server.pem
        cp second.key server.key
        eval "$bad"
        kept=$(grep -c 'what cannot be read anew stays as it was' tls.err || true)
        kill -HUP "$tls"
        eventually says tls.err 'order-http: what cannot be read anew stays as it was' $((kept + 1))
        serves second
    done
    # None of the older ones is left behind: they would keep descriptors.
    cp first.pem server.pem
    cp first.key server.key
    before=$(find "/proc/$tls/fd" -type l | wc -l)
    for _ in {1..20}; do
        again=$(grep -c 'were read anew' tls.err)
        kill -HUP "$tls"
        eventually says tls.err 'order-http: tokens and certificates were read anew' $((again + 1))
    done
    serves first
    few()
    {
        [ "$(find "/proc/$tls/fd" -type l | wc -l)" -le "$before" ]
    }
    eventually few
    ends -0 "$tls" TERM 15
}

@test "a token is asked of everybody, but not for /health" {
    (umask 077 && printf '%s\n' first-token-of-two second-token-of-two >tokens)
    start_http --token-file tokens
    for token in '' first-token-of-tw first-token-of-two0 FIRST-TOKEN-OF-TWO; do
        ask /orders ${token:+-H "Authorization: Bearer $token"}
        [ "$code" = 401 ]
        [[ $(field WWW-Authenticate) == 'Bearer realm="order-http"'* ]]
    done
    ask /orders -u first-token-of-two:
    [ "$code" = 401 ]
    for token in first-token-of-two second-token-of-two; do
        ask /orders -H "Authorization: Bearer $token"
        [ "$code" = 200 ]
    done
    ask /health
    [ "$code" = 200 ]
    ask /nothing
    [ "$code" = 401 ]
    # The body is not even asked for.
    head -c 900000 /dev/zero >large
    ask /order -H 'Content-Type: application/json' -H 'Expect: 100-continue' --data-binary @large
    is_problem 401 Authorization 'a bearer token is needed'
    grep -q '^\[http\] POST /order 401 ' http.err
    ! grep -e token-of-two http.err || false
    chmod 640 tokens
    run -77 timeout "$HANGING" order-http --listen unix:other --token-file tokens
    [ "$output" = "order-http: 'tokens' holds tokens and must be its owner's alone: chmod 600 it" ]
}

@test "pages of a browser: those that are allowed, after asking" {
    start_http --allow-origin https://shop.example
    ask /order -X OPTIONS -H 'Origin: https://shop.example' -H 'Access-Control-Request-Method: POST'
    [ "$code" = 204 ]
    [ "$(field Access-Control-Allow-Origin)" = https://shop.example ]
    [ "$(field Access-Control-Allow-Methods)" = 'POST, OPTIONS' ]
    [[ $(field Access-Control-Allow-Headers) == *Content-Type*Idempotency-Key* ]]
    [ "$(field Vary)" = Origin ]
    ask /health -H 'Origin: https://shop.example'
    [ "$(field Access-Control-Allow-Origin)" = https://shop.example ]
    [[ $(field Access-Control-Expose-Headers) == *Location* ]]
    ask /order -X OPTIONS -H 'Origin: https://other.example' -H 'Access-Control-Request-Method: POST'
    [ -z "$(field Access-Control-Allow-Origin)$(field Access-Control-Allow-Methods)" ]
    # What a page may send without asking first is refused.
    ask /order -H 'Origin: https://other.example' -H 'Content-Type: text/plain' -d @"$DATA/order.json"
    [ "$code" = 415 ]
    ask /order -H 'Origin: https://other.example' -H 'Content-Type:' -d @"$DATA/order.json"
    [ "$code" = 415 ]
    stored 0
}

@test "paths, methods and types that there are not" {
    start_http
    ask /nothing
    is_problem 404 '' "there is no '/nothing'"
    ask /health -X DELETE
    is_problem 405 '' "'/health' does not answer to DELETE"
    [ "$(field Allow)" = 'GET, HEAD, OPTIONS' ]
    ask /order
    is_problem 405 '' "'/order' does not answer to GET"
    [ "$(field Allow)" = 'POST, OPTIONS' ]
    ask /order -X OPTIONS
    [ "$code" = 204 ]
    [ "$(field Allow)" = 'POST, OPTIONS' ]
    ask /health -I
    [ "$code" = 200 ]
    [ "$(field Content-Length)" = 17 ]
    ask /health -H 'Accept: text/html'
    is_problem 406 Accept "'/health' gives application/json"
    ask /health -H 'Accept: text/html, */*;q=0.1'
    [ "$code" = 200 ]
    ask /order -d @"$DATA/order.json"
    is_problem 415 Content-Type 'an order comes as application/json, in UTF-8'
    ask /order -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' -d @"$DATA/order.json"
    [ "$code" = 415 ]
    ask /health -H 'Expect: something-else'
    [ "$code" = 417 ]
    ask /%zz
    is_problem 400 '' "cannot read '/%zz': a '%' is not followed by two hexadecimal digits"
    ask '/orders?status=%00'
    is_problem 400 '' "cannot read '/orders?status=%00': it is not UTF-8 without NUL"
    printf 'POST /order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n' |
        /usr/bin/python3 "$CLIENT" send "$SOCKET" >answers
    grep -q '^HTTP/1.1 411 ' answers
}

@test "a socket of both IPv4 and IPv6: each address of IPv4 is one of its own" {
    [ -e /proc/net/if_inet6 ] || skip "no IPv6"
    start both order-http --listen '[::]:0' --insecure --max-per-address 1
    where=$(listens both)
    start crowd /usr/bin/python3 "$CLIENT" crowd "127.0.0.1:${where##*:}" 1 </dev/null
    eventually grep -q there crowd.out
    [ "$(code_of "http://127.0.0.1:${where##*:}/health")" = 429 ]
    [ "$(code_of --interface 127.0.0.2 "http://127.0.0.1:${where##*:}/health")" = 200 ]
    [ "$(code_of "http://[::1]:${where##*:}/health")" = 200 ]
    grep -q '^\[http\] GET /health 200 .* 127\.0\.0\.2:[0-9]*$' both.err
}

@test "so many connections, in all and of an address" {
    start one order-http --listen 127.0.0.1:0 --max-per-address 3
    one=$PID
    where=$(listens one)
    start crowd /usr/bin/python3 "$CLIENT" crowd "$where" 3 </dev/null
    crowd=$PID
    eventually grep -q there crowd.out
    [ "$(code_of "http://$where/health")" = 429 ]
    [ "$(jq -r .detail body)" = 'there are 3 connections of this address already' ]
    [ "$(field Retry-After)" = 1 ]
    kill "$crowd" && wait "$crowd"
    left()
    {
        [ "$(code_of "http://$where/health")" = 200 ]
    }
    eventually left
    ends -0 "$one" TERM 15
    start_http --max-connections 3 --header-timeout 60
    printf 'GET /hea' >text
    start crowd /usr/bin/python3 "$CLIENT" crowd "$SOCKET" 3 <text
    eventually grep -q there crowd.out
    # They are new for a second; then the first of them has to go.
    made_room()
    {
        ask /health
        [ "$code" = 200 ]
    }
    eventually made_room
}

@test "few open files: fewer connections, and a lack of them is not reported all the time" {
    few()
    {
        ulimit -n 100 && exec order-http --listen "unix:$SOCKET"
    }
    start http few
    HTTP=$PID
    eventually http_listens
    grep -qx 'order-http: 50 connections at most: 100 files may be open' http.err
    printf 'GET /hea' >text
    start crowd /usr/bin/python3 "$CLIENT" crowd "$SOCKET" 200 <text
    eventually grep -q there crowd.out
    served()
    {
        ask /health && [ "$code" = 200 ]
    }
    eventually served
    eventually served
    [ "$(grep -c 'cannot accept a client' http.err)" -le 1 ]
}

@test "asked to stop: nobody new, whoever has begun is answered, and it exits with 0" {
    start_http
    begun >answers &
    slow=$!
    eventually grep -q '^HTTP/1.1 100 ' answers
    printf 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n' >whole
    start idle /usr/bin/python3 "$CLIENT" crowd "$SOCKET" 20 <whole
    eventually grep -q there idle.out
    eventually grep -q 'GET /health 200' http.err
    kill -TERM "$HTTP"
    wait "$slow"
    grep -q '^HTTP/1.1 200 ' answers
    grep -qi '^Connection: close' answers
    ends -0 "$HTTP" '' 15
}

# begun: begins a request, prints what comes, and sends the rest when nobody new is let in any more.
begun()
{
    /usr/bin/python3 -c 'import os, socket, time
connection = socket.socket(socket.AF_UNIX)
connection.connect("socket")
connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
os.write(1, connection.recv(4096))
until = time.monotonic() + 30
while os.path.exists("socket") and time.monotonic() < until:
    time.sleep(0.05)
connection.sendall(b"aaa")
while data := connection.recv(4096):
    os.write(1, data)'
}

@test "asked to stop: a client that does not read its answer does not keep it for ever" {
    seq 20000 | sed 's/.*/{"user_id":"u&","restaurant_id":"r","items":[{"sku":"s","qty":1}]}/' | order-place >/dev/null
    start_http --answer-timeout 3
    printf 'GET /orders HTTP/1.1\r\nHost: x\r\n\r\n' >text
    start crowd /usr/bin/python3 "$CLIENT" crowd "$SOCKET" 1 --small <text
    eventually grep -q there crowd.out
    ends -0 "$HTTP" TERM 15
}

@test "the access log: a line for each request, as text or JSON, without secrets" {
    start_http --log-format json
    ask '/orders?limit=1&password=secret' -H 'Authorization: Bearer secret' -H 'X-Key: secret'
    [ "$code" = 400 ]
    ask /health
    ends -0 "$HTTP" TERM 15
    jq -c 'select(.method)' http.err >lines
    has_lines lines 2
    jq -se '.[0] | .method == "GET" and .path == "/orders" and .status == 400 and .bytes > 0 and .ms >= 0 and .peer == "unix"
        and (.time | test("^[0-9-]+T[0-9:.]+Z$")) and (has("order_id") | not)' lines
    ! grep secret http.err || false
}

@test "a store that is removed or replaced: 503, and it exits with 73, to be started again" {
    about_files
    start_http
    ask /order -H 'Content-Type: application/json' -d @"$DATA/order.json"
    [ "$code" = 202 ]
    id=$(jq -r .order_id body)
    mv state/order-tools/orders.db kept
    ask "/order/$id"
    [ "$code" = 503 ]
    [ "$(field Retry-After)" = 1 ]
    ends -73 "$HTTP" '' 15
    [ ! -e socket ]
    mv kept state/order-tools/orders.db
    start_http
    ask "/order/$id"
    [ "$code" = 200 ]
    # To the one that is open, the store is not the one in place.
    cp state/order-tools/orders.db other && mv other state/order-tools/orders.db
    ask /order -H 'Content-Type: application/json' -d @"$DATA/order.json"
    [ "$code" = 503 ]
    ends -73 "$HTTP" '' 15
}
