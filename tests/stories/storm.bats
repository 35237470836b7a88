# A short storm: kills at random moments, and the books afterwards. The long one is make storm ROUNDS=200.

@test "a storm of kills: every receipt has one outcome, the stock balances, every customer is told" {
    PATH=$REPO/bin:$PATH run "$REPO/tests/stories/storm" --seconds 30
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok  ' <<<"$output")" -eq 15 ]
}
