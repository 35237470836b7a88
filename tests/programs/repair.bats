# dlq-replay --filter, its audit, and what becomes of letters when it, or the broker, goes away in the middle.

load ../support/letters

# ---- the filter ----

@test "--filter: each letter is mended, left or dropped, as it says" {
    letters 'letter(order("a") | .user = .user_id | del(.user_id)), letter({n: 1}), letter({n: 2}), letter(order("b"))'
    run -0 --separate-stderr dlq-replay --filter jq -c --unbuffered '
        if .body.n == 1 then null elif .body.n == 2 then "drop"
        elif .error == "user_id is missing" then .body.user_id = .body.user | del(.body.user) else . end'
    [ -z "$stderr" ]
    [ "$(jq -c '[.fate, .order_id, .error, .reason]' <<<"$output" | paste -sd' ')" = \
        '["replayed","a",null,null] ["left",null,"event_type is missing","the filter leaves it"] ["dropped",null,"event_type is missing","the filter drops it"] ["replayed","b",null,null]' ]
    eventually holds "$DEAD_Q" 1
    [ "$(numbers "$DEAD_Q")" = 1 ]
    run -0 --separate-stderr inventory-worker --count 2
    [ "$(jq -r '.event_type + " " + .order_id' <<<"$output" | paste -sd,)" = 'InventoryReserved a,InventoryReserved b' ]
    [[ $stderr != *duplicate* ]]
}

@test "--filter: a program for jq, as the page has it, answers what it fails at, too" {
    letters 'letter([]), letter({n: 1}), letter("x")'
    run -0 --separate-stderr timeout -s KILL "$HANGING" dlq-replay --filter \
        jq -c --unbuffered '[(if .body.n == 1 then .body.n = 2 else empty end)?][0]'
    [ "$(jq -r .fate <<<"$output" | paste -sd ' ')" = 'left replayed left' ]
    [ -z "$stderr" ]
}

@test "--filter: what it passes on unchanged goes back as it was, properties, headers and bytes" {
    jq -nc '{queue: "order.placed.dlq", properties: {priority: 7, message_id: {amqp: "string", base64: "/w=="}, timestamp: 5},
        headers: {"order-tools-exchange": "orders-ex", "order-tools-routing-key": "order.placed", one: {amqp: "int8", value: 1}},
        body_base64: "AP8="}' | dlq-replay --from - >/dev/null
    run -0 --separate-stderr dlq-replay --filter cat
    [ "$(fates)" = '1 replayed' ]
    run -0 --separate-stderr dlq-replay --queue "$PLACED_Q" --list
    jq -e '.properties == {priority: 7, message_id: {amqp: "string", base64: "/w=="}, timestamp: 5}
        and .headers.one == {amqp: "int8", value: 1} and .headers["order-tools-replays"] == 1 and .body_base64 == "AP8="
        and (.headers | has("order-tools-exchange") | not)' <<<"$output"
}

@test "--filter: it may send a letter elsewhere, and is asked only about those that are meant" {
    numbered 3
    run -0 --separate-stderr dlq-replay -n 2 --filter sh -c 'tee asked | jq -c --unbuffered \
        ".death = {exchange: \"inventory-ex\", routing_key: \"inventory.failed\"}"'
    [ "$(jq .body.n asked | paste -sd,)" = 1,2 ]
    [ "$(jq -r .exchange <<<"$output" | sort -u)" = inventory-ex ]
    [ "$(numbers "$FAILED_Q" | paste -sd,)" = 1,2 ]
    # One that takes away where it came from leaves it nowhere to go.
    eventually holds "$DEAD_Q" 1
    run -76 --separate-stderr dlq-replay --filter jq -c --unbuffered '.death = null'
    [ "$(fates)" = '1 left' ]
    eventually holds "$DEAD_Q" 1
    run -0 --separate-stderr dlq-replay --to "$FAILED_Q" --filter jq -c --unbuffered '.death = null'
    holds "$DEAD_Q" 0
}

@test "--filter: an invalid answer stops the run, and every letter is kept" {
    local answer
    numbered 5
    while IFS= read -r answer; do
        echo "$answer"
        run -65 --separate-stderr dlq-replay --filter sh -c 'while read -r line; do printf "$0\n"; done' "$answer"
        [ -z "$output" ]
        [[ $stderr == "dlq-replay: the filter"* ]]
        eventually holds "$DEAD_Q" 5
        holds "$PLACED_Q" 0
    done <<'END'

nonsense
{}
[]
7
true
drop
"dropped"
{"body": 1, "no": 1}
{"body": 1} {"body": 2}
null null
null\n
null\nnull
{"body":1}\n{"body":1}
{"body": "\\377"}
END
    is_exactly 5 "$DEAD_Q"
}

@test "--filter: one that dies before its first answer is whole stops the run, and every letter is kept" {
    local command
    numbered 5
    while IFS= read -r command; do
        echo "$command"
        run -65 --separate-stderr dlq-replay --filter sh -c "$command"
        [ -z "$output" ]
        [[ $stderr == *"dlq-replay: the filter 'sh' has ended before its time" ]]
        eventually holds "$DEAD_Q" 5
        holds "$PLACED_Q" 0
    done <<'END'
:
exec >&-; cat >/dev/null
read -r line; exit 1
read -r line; printf %s "$line"
kill -9 $$
END
}

@test "--filter: 1000 letters; what was done before it died is done, and the rest is kept" {
    numbered 1000
    run -65 --separate-stderr dlq-replay --filter sed -u 700q
    # In batches of 256 or fewer, whatever had arrived.
    done=$(jq -r 'select(.fate == "replayed") | 1' <<<"$output" | wc -l)
    [ "$done" -ge 400 ]
    [ "$done" -le 700 ]
    is_exactly 1000 "$DEAD_Q" "$PLACED_Q"
    eventually holds "$DEAD_Q" $((1000 - done))
    run -0 --separate-stderr dlq-replay --filter cat
    [ "$(fates)" = "$((1000 - done)) replayed" ]
    is_exactly 1000 "$PLACED_Q"
}

@test "--filter: letters larger than a pipe, and answers, too" {
    letters 'letter({n: 1, pad: ("x" * 3000000)}), letter({n: 2, pad: ("y" * 3000000)})'
    run -0 --separate-stderr dlq-replay --filter jq -c --unbuffered '.body.pad += .body.pad'
    [ "$(fates)" = '2 replayed' ]
    dlq-replay --queue "$PLACED_Q" --list | jq -es 'map([.body.n, (.body.pad | length)]) == [[1, 6000000], [2, 6000000]]'
}

@test "--filter: one that does not answer is waited for, over a silence that would cost the connection; a stop is heeded" {
    numbered 2
    start silent dlq-replay --filter sh -c 'echo $$ >sleeper && exec sleep 600'
    eventually test -s sleeper
    STARTED+=("$(cat sleeper)")
    eventually grep -q 'no answer from the filter .sh. for 10 s: it must answer each line, even one that it fails at, and at once, as jq --unbuffered does' silent.err
    # After 8 s without a sign of life the broker would have hung up.
    kill -0 "$PID"
    queue-inspect "$DEAD_Q" | jq -e '.consumers == 1'
    [ "$(grep -c 'no answer' silent.err)" = 1 ]
    [ "$(grep -c 'lost the broker' silent.err)" = 0 ]
    finish -143 "$PID" TERM
    run -1 kill -0 "$(cat sleeper)"
    eventually holds "$DEAD_Q" 2
    [ "$(jq -c '[.fate, .reason]' silent.out | sort -u)" = '["left","asked to stop"]' ]
}

@test "--filter: one that does not read is stopped in the end" {
    letters 'range(4) | letter({n: ., pad: ("x" * 100000)})'
    start deaf dlq-replay --filter sleep 600
    eventually is_held
    finish -143 "$PID" TERM
    eventually holds "$DEAD_Q" 4
    holds "$PLACED_Q" 0
}

# Does somebody have a dead letter of the four in hand? Not more, since nobody knows how fast the filter will be.
is_held()
{
    queue-inspect "$DEAD_Q" | jq -e '.ready == 3 and .consumers == 1'
}

@test "--filter: a command that is not there, or cannot be run" {
    numbered 1
    run -64 --separate-stderr dlq-replay --filter no-such-command
    [ "$stderr" = "dlq-replay: cannot run 'no-such-command': No such file or directory" ]
    run -64 --separate-stderr dlq-replay --filter /
    run -64 --separate-stderr dlq-replay --filter
    eventually holds "$DEAD_Q" 1
}

# ---- the audit ----

sha()
{
    printf '%s' "$1" | sha256sum | cut -d' ' -f1
}

@test "--audit: what was done, when, by whom, and to what" {
    letters '(letter({n: 1}), letter({n: 2}), letter({n: 3}), (letter({n: 4}) | .headers["order-tools-replays"] = 3))'
    run -0 --separate-stderr dlq-replay --audit log --filter jq -c --unbuffered \
        'if .body.n == 1 then .body.n = 10 elif .body.n == 2 then "drop" else null end'
    [ "$(stat -c %a log)" = 600 ]
    jq -c 'del(.error_before, .time, .run, .broker, .user, .sudo_user, .filter, .sha256_before, .sha256_after)' log | diff - <(printf '%s\n' "$output")
    [ "$(jq -c '[.fate, .sha256_before, .sha256_after]' log)" = "[\"replayed\",\"$(sha '{"n":1}')\",\"$(sha '{"n":10}')\"]
[\"dropped\",\"$(sha '{"n":2}')\",null]
[\"left\",\"$(sha '{"n":3}')\",null]
[\"parked\",\"$(sha '{"n":4}')\",\"$(sha '{"n":4}')\"]" ]
    [ "$(jq -r .user log | sort -u)" = "$(id -un)" ]
    # Which run it was, which the headers of what was sent name, on which broker, and what the mending was.
    jq -es --arg run "$(messages "$PLACED_Q" | jq -r '.properties.headers["order-tools-run"]')" --arg broker "${AMQP_URL#*@}" \
        'all(.run == $run and .broker == $broker and .filter[:3] == ["jq", "-c", "--unbuffered"] and (.filter | length == 4))' log
    jq -es 'all(.time | test("^20..-..-..T..:..:..[.]...Z$"))' log
    # By sudo, it is somebody else who did it. What a letter was, and what was made of it, can be had in full.
    letters 'letter({n: 5}), {queue: $dead, body_base64: "/w=="}'
    SUDO_USER=anna dlq-replay --audit full --audit-bodies --to "$FAILED_Q" --filter jq -c --unbuffered \
        'if .body.n == 5 then .body = (.body + {event_type: 7}) else . end' >/dev/null
    jq -es 'sort_by(.body_before) | map([.error_before, .error, .body_before, .body_before_base64, .body_after, .body_after_base64]) ==
        [["not JSON: it looks like binary data", "not JSON: it looks like binary data", null, "/w==", null, "/w=="],
         ["event_type is missing", "event_type is missing", "{\"n\":3}", null, "{\"n\":3}", null],
         ["event_type is missing", "event_type is not a string", "{\"n\":5}", null, "{\"n\":5,\"event_type\":7}", null]]
        and all(.sudo_user == "anna")' full
    letters 'letter({n: 3})'
    # It is added to, and taking and restoring are in it, too.
    eventually holds "$DEAD_Q" 1
    dlq-replay --audit log --take >taken
    dlq-replay --audit log --from taken >/dev/null
    [ "$(jq -r .fate log | paste -sd,)" = replayed,dropped,left,parked,taken,restored ]
    [ "$(jq -r 'select(.fate == "taken") | .sha256_after' log)" = null ]
    [ "$(jq -r 'select(.fate == "restored") | .sha256_after' log)" = "$(sha '{"n":3}')" ]
}

@test "--audit: what cannot be written down is not removed" {
    numbered 2
    run -74 --separate-stderr dlq-replay --audit /dev/full
    [ "$stderr" = "dlq-replay: cannot write '/dev/full': No space left on device" ]
    eventually holds "$DEAD_Q" 2
    run -74 --separate-stderr dlq-replay --audit /dev/full --take
    eventually holds "$DEAD_Q" 2
    run -74 --separate-stderr dlq-replay --audit no/such/folder
    [ "$stderr" = "dlq-replay: cannot write 'no/such/folder': No such file or directory" ]
    run -74 --separate-stderr dlq-replay --audit .
    # Sent once, before it was found out.
    eventually holds "$DEAD_Q" 2
    holds "$PLACED_Q" 2
    is_at_least 2 "$DEAD_Q" "$PLACED_Q"
}

# ---- in the middle ----

@test "stopped in the middle of taking: what was printed is gone, and nothing else" {
    numbered 3000
    stalled take dlq-replay --take
    eventually stands_still "$PID"
    kill -TERM "$PID"
    cat <&5 >taken
    finish -143 "$PID"
    eventually nobody_holds "$DEAD_Q"
    [ "$(wc -l <taken)" -gt 0 ]
    [ "$(wc -l <taken)" -lt 3000 ]
    { jq .body.n taken && numbers "$DEAD_Q"; } | sort -n | cmp - <(seq 3000)
}

@test "stopped in the middle of restoring: what it says is restored is, and nothing else" {
    jq -nc 'range(1; 20001) | {queue: "inventory.failed.q", body: {n: .}}' >given
    start restore dlq-replay --from given
    eventually test -s restore.out
    finish -143 "$PID" TERM
    [ "$(wc -l <restore.out)" -lt 20000 ]
    jq -r 'select(.fate == "restored").number' restore.out | cmp - <(numbers "$FAILED_Q")
    [ "$(jq -r .fate restore.out | sort -u | paste -sd,)" = restored ] ||
        [ "$(jq -r 'select(.fate != "restored") | .fate + ": " + .reason' restore.out | sort -u)" = 'left: asked to stop' ]
}

@test "stopped in the middle of a list: nothing has changed" {
    numbered 3000
    stalled list dlq-replay --list
    eventually stands_still "$PID"
    kill -TERM "$PID"
    cat <&5 >/dev/null
    finish -143 "$PID"
    is_exactly 3000 "$DEAD_Q"
}

@test "connections cut while letters are taken: each is in the file, or in the queue, or in both" {
    numbered 3000
    stalled take dlq-replay --take --retry-delay 0
    eventually stands_still "$PID"
    cut_connections
    cat <&5 >taken
    finish -0 "$PID"
    holds "$DEAD_Q" 0
    [ "$(jq .body.n taken | sort -nu | cksum)" = "$(seq 3000 | cksum)" ]
}

@test "connections cut while letters are restored: all of them are, some perhaps twice" {
    start_fed fed dlq-replay --from - --retry-delay 0
    jq -nc 'range(1; 1001) | {queue: "inventory.failed.q", body: {n: .}}' >&7
    eventually holds "$FAILED_Q" 1000
    cut_connections
    jq -nc 'range(1001; 1501) | {queue: "inventory.failed.q", body: {n: .}}' >&7
    eventually is_at_least 1500 "$FAILED_Q"
    finish "$PID" TERM
    grep -q 'lost the broker' fed.err
}

@test "two at once take each letter once" {
    numbered 3000
    start first dlq-replay --take
    first=$PID
    start second dlq-replay --take
    finish -0 "$PID"
    finish -0 "$first"
    holds "$DEAD_Q" 0
    [ "$(jq .body.n first.out second.out | sort -n | cksum)" = "$(seq 3000 | cksum)" ]
}

# within_100_mib COMMAND...: runs it with no more memory than that, libraries and all.
within_100_mib()
{
    (ulimit -v 102400 && exec "$@")
}

@test "40000 letters of 2500 bytes in 100 MiB: listed, counted, taken, restored and sent back" {
    if ldd "$REPO/bin/dlq-replay" | grep -q asan; then
        skip "the sanitizers take more than that for themselves"
    fi
    jq -nc '("x" * 2500) as $pad | range(1; 40001) | {queue: "order.placed.dlq", body: {n: ., pad: $pad},
        headers: {"order-tools-exchange": "orders-ex", "order-tools-routing-key": "order.placed"}}' >given
    within_100_mib dlq-replay --from given >restored
    [ "$(wc -l <restored)" = 40000 ]
    within_100_mib dlq-replay --list >listed
    [ "$(jq .body.n listed | cksum)" = "$(seq 40000 | cksum)" ]
    PATIENCE=60
    eventually holds "$DEAD_Q" 40000
    within_100_mib dlq-replay --summary >summary
    [ "$(jq .count summary)" = 40000 ]
    eventually holds "$DEAD_Q" 40000
    within_100_mib dlq-replay --take -n 20000 >taken
    [ "$(jq .body.n taken | cksum)" = "$(seq 20000 | cksum)" ]
    within_100_mib dlq-replay --filter cat >sent
    [ "$(wc -l <sent)" = 20000 ]
    holds "$PLACED_Q" 20000
    holds "$DEAD_Q" 0
}

@test "letters of many MiB in 120 MiB: they are not all held at once" {
    if ldd "$REPO/bin/dlq-replay" | grep -q asan; then
        skip "the sanitizers take more than that for themselves"
    fi
    # shellcheck disable=SC2016 # expanded by jq
    letters '("x" * 4000000) as $pad | range(40) | letter({n: ., pad: $pad})'
    (ulimit -v 122880 && dlq-replay --list | jq .body.n) | cmp - <(seq 0 39)
}
