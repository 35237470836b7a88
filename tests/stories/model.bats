# The crash tables as a model: see tests/model/orders.pml.
bats_require_minimum_version 1.5.0

@test "the protocol holds at every kill, lost connection and commit in doubt, and each of its mechanisms is needed" {
    run -0 "$REPO/tests/model/check"
    [ "$(grep -c ': all holds: ' <<<"$output")" -eq 2 ]
    [ "$(grep -c ' is found, at depth ' <<<"$output")" -eq 5 ]
}
