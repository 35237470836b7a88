# Sourced by storm: how orders end. Some are cancelled, some handed over, some both at once, again and again.
# shellcheck shell=bash disable=SC2034,SC2154 # shared with storm

# How the ids of these orders end: four in sixteen are cancelled, three handed over, two of them both.
readonly CANCELLED=048c HANDED_OVER=082

# end_some NAME DIGITS COMMAND...: runs the command over and over on the last receipts whose ids end in one of the digits;
# most of these orders still wait, or have just been reserved. And once more when all have been placed.
end_some() {
	local name=$1 digits=$2 run=0 status placed=no
	shift 2
	until [[ $placed == yes ]]; do
		[[ ! -e $work/fed ]] || placed=yes
		run=$((run + 1))
		last_receipts | sed -n 's/^{"order_id": "\([0-9a-f-]*['"$digits"']\)", .*}$/\1/p' |
			tee -a "$work/$name.asked" >"$work/$name.in"
		"$@" <"$work/$name.in" >"$work/$name.$run.out" 2>>"$work/$name.log" &
		echo "$!" >"$work/$name.pid"
		status=0
		wait "$!" || status=$?
		echo "$name $status" >>"$work/statuses"
		sleep 0.1
	done
}

last_receipts() {
	# shellcheck disable=SC2012 # our own names
	ls -t "$work"/order-place.*.out 2>/dev/null | head -n 3 | xargs -r tail -qn 400 || true
}

# ---- the books

# events TYPE: the orders in such events, one for each event that differs. Sent more than once or not, an event is the same.
events() {
	cat inventory-*.out | jq -cR --arg type "$1" 'fromjson? | select(.event_type == $type)' | sort -u | jq -r .order_id | sort
}

# answers PROGRAM STATUS: the orders of which the program has said that, once each.
answers() { values "select(.status == \"$2\") | .order_id" "$1".*.out | sort -u; }

asked() { sort -u "$1"*.asked; }

# What became of each order, as the workers have published it: "ID STATUS", sorted.
write_ends() {
	awk '{ status[$1] = $2 } END { for (id in status) print id, status[id] }' <(sed 's/$/ RESERVED/' reserved) \
		<(sed 's/$/ FAILED/' failed) <(sed 's/$/ CANCELLED/' released) <(sed 's/$/ HANDED_OVER/' handed) | sort >ends
	jq -r '.order_id + " " + .status' stored.json | sort >ends.store
	# enum ledger_outcome.
	ask ledger.db "SELECT order_id || ' ' || CASE ending WHEN 3 THEN 'CANCELLED' WHEN 4 THEN 'HANDED_OVER'
			ELSE CASE outcome WHEN 1 THEN 'RESERVED' ELSE 'FAILED' END END FROM handled" \
		"${INVENTORY_LEDGER:-}" "SELECT order_id || ' ' || CASE ending WHEN 'RELEASED' THEN 'CANCELLED'
			WHEN 'HANDED_OVER' THEN ending ELSE outcome END FROM order_tools.reservations" | sort >ends.ledger
}

pending_cancellations() {
	ask orders.db 'SELECT count(*) FROM cancellations WHERE run IS NOT NULL' \
		"${ORDER_STORE:-}" 'SELECT count(*) FROM order_tools.cancellations WHERE run IS NOT NULL'
}

# Was true what order-cancel and inventory-stock have answered at any time?
answers_were_true() {
	contains handed <(answers order-cancel HANDED_OVER) &&
		contains released <(answers order-cancel CANCELLED) &&
		contains failed <(answers order-cancel FAILED) &&
		contains handed <(answers inventory-stock HANDED_OVER) &&
		contains <(sort -m released failed) <(answers inventory-stock CANCELLED) &&
		contains failed <(answers inventory-stock FAILED) &&
		same "$(answers order-cancel UNKNOWN)" ""
}

# After balance.
balance_ends() {
	values 'select(.status == "CANCELLING" or .status == "PENDING") | .order_id' order-cancel.*.out | sort -u >cancelled
	events InventoryFailed >failed
	write_ends
	check "orders were cancelled, and many of them" test "$(wc -l <cancelled)" -ge 50
	check "orders were given back and handed over" test -s released -a -s handed
	check "every cancellation was published" same "$(pending_cancellations)" 0
	check "every cancelled order was given back, handed over, or has failed" contains <(sort -m released handed failed) cancelled
	# One that was killed has printed no receipt of what it had published.
	check "nothing else was given back" contains <(asked order-cancel) released
	check "nothing else has failed as cancelled" contains <(asked order-cancel) \
		<(values 'select(.event_type == "InventoryFailed" and .reason == "cancelled") | .order_id' inventory-*.out | sort -u)
	check "nothing else was handed over" contains <(asked inventory-stock) handed
	check "only what was reserved was given back or handed over" contains reserved <(sort -m released handed)
	check "no order has ended twice, or failed with two events" same "$(sort -m released handed failed | uniq -d)" ""
	check "what order-cancel and inventory-stock have answered is true" answers_were_true
	check "the ledger has the ends that were published" same "$(comm -3 ends ends.ledger | head -n 5)" ""
	check "the store knows how every order has ended" same "$(comm -3 ends.store ends.ledger | head -n 5)" ""
	printf '%d cancelled, %d given back, %d handed over\n' "$(wc -l <cancelled)" "$(wc -l <released)" "$(wc -l <handed)"
}
