# A short storm on a cluster: whatever fails, and the books afterwards. The long one is make storm CLUSTER=1 ROUNDS=100.

load ../support/cluster

# The storm has a cluster of its own.
setup_file() { :; }
teardown_file() { :; }
setup() { :; }
teardown() { :; }

@test "storm on a cluster: the seed decides what fails, and for how long" {
    run -0 "$REPO/tests/stories/storm" --cluster --plan --seed 7 --rounds 300
    plan=$output
    [ "${#lines[@]}" -eq 300 ]
    for strike in 'kill-program order-place.h.' 'pause-program notify-worker.h.' 'kill b.' 'pause b.' 'cut b. b.' \
        'cut --one-way b. b.' 'cut h. d.' 'cut --one-way d. h.' 'cut [bdh].' promote 'kill primary' 'pause standby' \
        part 'part and restart'; do
        grep -qE "[:,] $strike(,|$)" <<<"$plan"
    done
    [ "$(grep -c ', .*, ' <<<"$plan")" -gt 30 ]
    run -0 "$REPO/tests/stories/storm" --cluster --plan --seed 7 --rounds 300
    [ "$output" = "$plan" ]
}

@test "a storm on a cluster: nothing that was acknowledged is lost, the stock balances, every customer is told" {
    why=$(why_no_cluster)
    [ -z "$why" ] || skip "$why"
    PATH=$REPO/bin:$PATH run "$REPO/tests/stories/storm" --cluster --rounds 2
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok  ' <<<"$output")" -ge 20 ]
    [[ $output =~ "lost 0, duplicated 0, unexpected 0" ]]
}
