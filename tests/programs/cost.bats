# What orders cost, in counts that do not depend on the speed of the machine: see tests/bench/cost.

load ../support/helper

KNOWN=$REPO/tests/bench/cost.txt

setup()
{
    isolate
    [ -z "${SANITIZE:-}" ] || skip 'valgrind cannot run what watches itself'
}

# outside LEAST MOST COUNT: prints what of such counts is less than so many times of what it was, or more.
outside()
{
    awk -v least="$1" -v most="$2" -v count="$3" '
        FNR == NR { was[$1 " " $2] = $3; next }
        $2 ~ count && ($3 < least * was[$1 " " $2] || $3 > most * was[$1 " " $2]) { print $0 ", not " was[$1 " " $2] }
    ' "$KNOWN" cost
}

@test "an order costs what it did" {
    "$REPO/tests/bench/cost" >cost
    cat cost
    diff <(grep -v '^#' "$KNOWN" | cut -d' ' -f 1-2) <(grep -v '^#' cost | cut -d' ' -f 1-2)
    [ "$(outside 1 1 '^round-trips$')" = "" ]
    # A batch is what has arrived, so that there are more or fewer.
    [ "$(outside 0 2 '^(calls|syncs|bytes)$')" = "" ]
    [ "$(head -n 1 cost)" = "$(head -n 1 "$KNOWN")" ] || skip "instructions are known for $(head -n 1 "$KNOWN")"
    [ "$(outside 0.98 1.02 '^instructions$')" = "" ]
}
