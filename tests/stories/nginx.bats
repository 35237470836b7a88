# scripts/nginx.conf: nginx in front of order-http, with TLS, by Unix sockets.

load ../support/http

setup()
{
    isolate
    PATH=$PATH:/usr/sbin
}

# start_nginx: with the example as it stands, but for its paths and its user, and a socket instead of port 443.
start_nginx()
{
    local user='' temporary='' kind
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout key.pem -out cert.pem 2>/dev/null
    for kind in client_body proxy fastcgi uwsgi scgi; do
        temporary+=" ${kind}_temp_path $PWD/$kind;"
    done
    sed -e "s|/run/order-http.sock|$PWD/socket|" -e "s|/run/nginx.pid|$PWD/nginx.pid|" -e "s|/var/log/nginx|$PWD|" \
        -e "s|listen 443|listen unix:$PWD/tls|" -e "s|/etc/ssl/certs/orders.example.com.pem|$PWD/cert.pem|" \
        -e "s|/etc/ssl/private/orders.example.com.key|$PWD/key.pem|" -e "s|^http {|http {$temporary|" \
        -e '/^user /d' "$REPO/scripts/nginx.conf" >nginx.conf
    ((EUID != 0)) || user='user root;'
    start nginx nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf" -g "daemon off; master_process off; $user"
    NGINX=$PID
    eventually test -S tls
}

# ask_nginx TARGET [CURL-OPTIONS]: as ask does, through nginx.
ask_nginx()
{
    local target=$1
    shift
    rm -f body
    code=$(curl -sS -o body -D head -w '%{http_code}' --cacert cert.pem --unix-socket tls "$@" "https://localhost$target")
}

# place_by DATA [CURL-OPTIONS]: posts it through nginx.
place_by()
{
    local data=$1
    shift
    ask_nginx /order -H 'Content-Type: application/json' --data-binary "$data" "$@"
}

@test "nginx: orders are placed and shown through it, and the fields of the header are passed on" {
    (umask 077; echo sesame-sesame-sesame >tokens)
    start_http --token-file "$PWD/tokens"
    start_nginx
    ask_nginx /health
    [ "$code" = 200 ]
    place_by "$(order)"
    is_problem 401 Authorization 'a bearer token is needed'
    [[ $(field WWW-Authenticate) == Bearer* ]]

    bearer='Authorization: Bearer sesame-sesame-sesame'
    place_by "$(order)" -H "$bearer" -H 'Idempotency-Key: once'
    [ "$code" = 202 ]
    id=$(jq -r .order_id body)
    [ "$(field Location)" = "/order/$id" ]
    place_by "$(order)" -H "$bearer" -H 'Idempotency-Key: once' -H 'Transfer-Encoding: chunked'
    [ "$code" = 202 ]
    [ "$(jq -r .order_id body)" = "$id" ]
    place_by "$(order 2)" -H "$bearer" -H 'Idempotency-Key: once'
    [ "$code" = 422 ]
    stored 1

    ask_nginx "/order/$id" -H "$bearer"
    cmp body <(order-show "$id")
    etag=$(field ETag)
    ask_nginx "/order/$id" -H "$bearer" -H "If-None-Match: $etag"
    [ "$code" = 304 ]
    order-place <"$DATA/orders-30.jsonl" >/dev/null
    ask_nginx '/orders?limit=1' -H "$bearer"
    [ "$(field Link)" = "</orders?after=$id&limit=1>; rel=\"next\"" ]
    ask_nginx /orders -H "$bearer"
    [ "$(jq .count body)" = 31 ]
}

@test "nginx: what is too large, not for everybody, or not there" {
    start_http
    start_nginx
    head -c 1048577 /dev/zero | tr '\0' x >large
    place_by @large
    is_problem 413 '' 'a body has at most 1048576 bytes'
    for path in /metrics /ready; do
        ask_nginx "$path"
        [ "$code" = 403 ]
    done
    stored 0
    finish -0 "$HTTP" TERM
    place_by "$(order)"
    is_problem 503 '' 'order-http does not answer'
    [ "$(field Retry-After)" = 1 ]
    start_http
    place_by "$(order)"
    [ "$code" = 202 ]
}

@test "nginx: 200 orders, one after the other and at once, over connections that it keeps" {
    start_http --idle-timeout 15
    start_nginx
    for ((i = 0; i < 200; i++)); do
        printf 'next\nurl = "https://localhost/order"\ncacert = "cert.pem"\nunix-socket = "tls"\nsilent\noutput = "/dev/null"\n'
        printf 'write-out = "%%{http_code}\\n"\nheader = "Content-Type: application/json"\ndata = "@%s"\n' "$DATA/order.json"
    done >requests
    [ "$(curl -Z -K requests | grep -c '^202$')" = 200 ]
    stored 200
    [ "$(grep -c '^\[http\] POST /order 202 ' http.err)" = 200 ]
}
