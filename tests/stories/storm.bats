# A short storm: kills at random moments, and the books afterwards. The long one is make storm ROUNDS=200.

bats_require_minimum_version 1.5.0

@test "storm: the seed decides who is killed, and after which pause" {
    run -0 "$REPO/tests/stories/storm" --plan --seed 7 --rounds 200
    plan=$output
    [ "${#lines[@]}" -eq 200 ]
    [ "$(cut -d' ' -f3 <<<"$plan" | sort -u | paste -sd' ')" = 'broker inventory-cancelled inventory-stock inventory-worker notify-worker order-cancel order-place order-track' ]
    run -0 "$REPO/tests/stories/storm" --plan --seed 7 --rounds 200
    [ "$output" = "$plan" ]
    run -0 "$REPO/tests/stories/storm" --plan --seed 8 --rounds 200
    [ "$output" != "$plan" ]
}

@test "a storm of kills: every receipt has one outcome, the stock balances, every customer is told, what is cancelled is given back" {
    PATH=$REPO/bin:$PATH run "$REPO/tests/stories/storm" --seconds 30
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok  ' <<<"$output")" -eq 27 ]
}
