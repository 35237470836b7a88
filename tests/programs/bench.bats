# The bench: its smallest runs, with a broker of their own. The figures must add up; how good they are does not matter.

load ../support/helper

# On a disk, where the bench has to be.
setup()
{
    command -v gnuplot >/dev/null || skip "make bench installs what it needs"
    OUT=$(mktemp -d "$REPO/.build/bench.XXXXXX")
    # PostgreSQL runs as another user.
    chmod 711 "$OUT"
}

teardown()
{
    [ -z "${OUT:-}" ] || rm -rf "$OUT"
}

# The broker starts once for all lines of a run, which takes longer than most of them.
@test "bench: a table, a result that adds up, and a plot; what this machine lacks is skipped, with the reason" {
    POSTGRES_BIN=/lacking run -0 --separate-stderr "$REPO/tests/bench/bench" --quick --orders 200 --rounds 3 \
        --only replay,one,postgresql,quorum --out "$OUT"

    # A heading, and a row for each line of the result.
    [ "${#lines[@]}" -eq 5 ]
    [[ ${lines[1]} == dlq-replay*orders/s*limit*reached* ]]
    [[ ${lines[4]} == "one order"*amqp-publish*reached* ]]
    jq -e '
        def near(a; b): (a - b | fabs) < 1e-6 * (1 + b);
        def median: sort | .[1];
        (.lines | map(.figure) == ["throughput", "cpu", "rss", "milliseconds"])
        and (.lines | map(.peer) == ["limit", "limit", "limit", "amqp-publish"])
        and (.machine.cores >= 1) and (.options.rounds == 3)
        and all(.lines[] | .ours, .theirs;
            (.all | length == 3 and min > 0) and .min == (.all | min) and .max == (.all | max) and .median == (.all | median))
        and all(.lines[] | select(.bound != "at most more"); near(.ratio; [.ours.all, .theirs.all] | transpose | map(.[0] / .[1]) | median))
        and all(.lines[] | select(.bound == "at most more"); near(.ratio; [.ours.all, .theirs.all] | transpose | map(.[0] - .[1]) | median))
        and all(.lines[]; .reached == if .bound == "at least" then .ratio >= .reach else .ratio <= .reach end)
    ' "$OUT/result.json"
    grep -q 'dlq-replay' "$OUT/throughput.svg"
    [[ $stderr == *"bench: postgresql is skipped: postgres: PostgreSQL is not installed (no /lacking/postgres)"* ]]
    [[ $stderr == *"bench: quorum is skipped: cluster: "* ]]
    jq -e '.skipped | keys == ["postgresql", "quorum"]' "$OUT/result.json"
    # The broker and its data are gone.
    [ "$(ls "$OUT")" = $'result.json\nthroughput.svg' ]
}

@test "bench: the programs on PostgreSQL, beside themselves on files; orders by HTTP, beside others" {
    only=postgresql
    files=result.json
    if command -v wrk && /usr/bin/python3 -c 'import fastapi, uvicorn'; then
        files+=$'\nthroughput.svg'
        only+=,http,turns,get
    fi
    run -0 --separate-stderr "$REPO/tests/bench/bench" --quick --orders 1000 --rounds 1 --only "$only" --out "$OUT"

    [ "$(grep -c ' on PostgreSQL' <<<"$output")" = 3 ]
    [[ $output == *"inventory-worker on PostgreSQL"*orders/s*sqlite*reached* ]]
    jq -e '.skipped == {} and ([.lines[] | select(.peer == "sqlite")] | length == 3) and all(.lines[]; .ours.min > 0 and .theirs.min > 0)' \
        "$OUT/result.json"
    [ "$(ls "$OUT")" = "$files" ]
    [[ $only == *http* ]] || skip "make bench installs what it needs"
    jq -e '
        (.lines | map(select(.peer != "sqlite").peer) ==
            ["order-place", "limit", "python", "python", "python", "python", "pipe", "pipe", "limit", "limit"])
        and all(.lines[] | select(.bound == "itself at least"); .reached == (.ours.median >= .reach))
    ' "$OUT/result.json"
}

@test "bench: refuses a folder in memory, where a commit costs nothing" {
    rm -rf "$OUT"
    OUT=$(mktemp -d /dev/shm/bench.XXXXXX)
    run -1 --separate-stderr "$REPO/tests/bench/bench" --quick --only one --out "$OUT"
    [[ $stderr == *"is in memory, where a commit costs nothing"* ]]
    [ -z "$(ls "$OUT")" ]
}

@test "bench: an unknown line is refused" {
    run -64 --separate-stderr "$REPO/tests/bench/bench" --only speed
    [[ $stderr == "bench: there is no line speed: see bench --help" ]]
}
