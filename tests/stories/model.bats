# The crash tables as models: see orders.pml and life.pml in tests/model.
bats_require_minimum_version 1.5.0

@test "the protocol holds at every kill, lost connection and commit in doubt, and each of its mechanisms is needed" {
    run -0 "$REPO/tests/model/check"
    [ "$(grep -c ': all holds: ' <<<"$output")" -eq 3 ]
    [ "$(grep -c ' is found, at depth ' <<<"$output")" -eq 10 ]
}

@test "one of the models is searched alone, with the faults that are asked for" {
    run -0 "$REPO/tests/model/check" --faults 1 life
    [ "$(grep -c ': all holds: .*, 1 faults, ' <<<"$output")" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    run -64 "$REPO/tests/model/check" --faults 1 lives
}
