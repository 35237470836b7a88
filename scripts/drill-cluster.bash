# Sourced by drill: orders on a cluster, of which first a broker dies and then the database.
# shellcheck shell=bash disable=SC2034,SC2154 # shared with drill

readonly LEVEL=1000000 # of the one sku that is ordered
readonly SENDERS=(h1 h2)

show_cluster_logs() { tail -n 5 "$work"/*.log >&2; }

# start_on HOST PROGRAM: runs a worker on the host.
start_on() {
	cluster run "$1" "$2" </dev/null >"$work/$1-$2.out" 2>"$work/$1-$2.log" &
	workers+=("$!")
}

# Prints an order of the host every 50 ms, while the file $work/placing exists.
print_orders() {
	while [[ -e $work/placing ]]; do
		printf '{"user_id":"%s","restaurant_id":"r-1","items":[{"sku":"meal","qty":1}]}\n' "$1"
		sleep 0.05
	done
}

# Puts the time, in ms, before each line.
stamp() {
	local line
	while read -r line; do
		printf '%s %s\n' "$(now)" "$line"
	done
}

now() { printf '%s' "$((${EPOCHREALTIME/./} / 1000))"; }

# order_from HOST: places orders from there.
order_from() {
	: >"$work/$1.receipts"
	{
		print_orders "$1" | cluster run "$1" order-place 2>"$work/$1-order-place.log" |
			stamp >"$work/$1.receipts"
	} &
	placing+=("$!")
}

receipts() { wc -l <"$work/$1.receipts"; }

has_receipts() { (($(receipts "$1") >= $2)); }

# check_flow: fails unless from now on each host gets 40 more receipts.
check_flow() {
	local host
	for host in "${SENDERS[@]}"; do
		check "orders from $host are placed" within has_receipts "$host" $(($(receipts "$host") + 40))
	done
}

# longest_pause SINCE: prints the longest time without a receipt that a host has had since then.
longest_pause() {
	local host
	for host in "${SENDERS[@]}"; do
		awk -v since="$1" -v host="$host" '
			$1 > since && last && $1 - last > longest { longest = $1 - last }
			{ last = $1 }
			END { printf "%s %.1f s\n", host, longest / 1000 }' "$work/$host.receipts"
	done | paste -sd, | sed 's/,/, /'
}

leader() {
	local broker=${AMQP_URL%%,*}
	broker=${broker##*@}
	curl -sSf -u guest:guest "http://${broker%:*}:15672/api/queues/%2F/order.placed.q" |
		jq -r '.leader | split("@")[0]'
}

both_consume() { queue-inspect order.placed.q 2>/dev/null | jq -e '.consumers == 2'; }

# ids FILES...: prints the order_id of each line of JSON, sorted; a stamp may stand before it.
ids() { sed 's/^[^{]*//' "$@" | jq -r .order_id | sort; }

reserved() { inventory-stock </dev/null | jq 'select(.sku == "meal").reserved'; }

# all_reserved N: are N orders reserved now that were not before?
all_reserved() { (($(reserved) - reserved_before == $1)); }

# The ids in the first file are among those in the second.
are_among() { [[ -z $(sort -u "$2" | comm -23 "$1" -) ]]; }

all_told() {
	ids "$work"/*-notify-worker.out >"$work/told"
	are_among "$work/placed" "$work/told"
}

use_files() {
	export INVENTORY_LEDGER=$work/ledger NOTIFY_LEDGER=$work/notified
	unset ORDER_STORE
}

kill_broker() {
	local since victim
	victim=$(leader)
	since=$(now)
	step "$victim, which leads order.placed.q, is killed"
	cluster kill "$victim"
	check_flow
	step "the longest pause between two receipts: $(longest_pause "$since")"
	cluster start "$victim"
	step "$victim is back"
}

kill_primary() {
	local since victim
	victim=$(cluster status | awk '$2 == "primary" { print $1 }')
	since=$(now)
	step "$victim, the primary of the databases, is killed, and the standby promoted"
	cluster kill "$victim"
	cluster promote
	check_flow
	step "the longest pause between two receipts: $(longest_pause "$since")"
	cluster start "$victim"
	step "$victim is back, as the standby"
}

# end_well PIDS...: waits for them; fails if one does not exit with 0.
end_well() {
	local pid
	for pid in "$@"; do
		wait "$pid" || return 1
	done
}

# The end: what was placed, and what became of it.
check_books() {
	local count
	check "every order-place ends well" end_well "${placing[@]}"
	ids "$work"/*.receipts >"$work/placed"
	count=$(wc -l <"$work/placed")
	step "$count orders were placed"
	check "every receipt says PLACED" \
		[ "$(cat "$work"/*.receipts | grep -c '"status": "PLACED"')" = "$count" ]
	check "each has an id of its own" [ "$(uniq "$work/placed" | wc -l)" = "$count" ]
	check "each was reserved exactly once" within all_reserved "$count"
	check "each customer was told" within all_told
	step "told more than once: $(uniq -d "$work/told" | wc -l)"
}

# Uses the cluster in CLUSTER_HOME, or else makes one until the script ends.
provide_cluster() {
	if [[ -z ${CLUSTER_HOME:-} ]]; then
		export CLUSTER_HOME=$work/cluster
		own_cluster=yes # for clean_up
		cluster up
	fi
	cluster status >"$work/status" || die 69 "not all is well with the cluster: $(<"$work/status")"
	sed 's/^/    /' "$work/status"
	eval "$(cluster env)"
}

drill_cluster() {
	local host since reserved_before workers=() placing=()
	printf '%s\n' "== cluster"
	provide_cluster
	[[ $by_file == no ]] || use_files
	need_quiet_broker
	printf '{"sku":"meal","on_hand":%d}\n' "$LEVEL" | inventory-stock >/dev/null
	reserved_before=$(reserved)
	for host in "${SENDERS[@]}"; do
		start_on "$host" inventory-worker
		start_on "$host" notify-worker
	done
	check "workers on both hosts consume" within both_consume
	: >"$work/placing"
	since=$(now)
	for host in "${SENDERS[@]}"; do
		[[ $by_file == no ]] || export ORDER_STORE=$work/$host.orders
		order_from "$host"
	done
	check_flow
	step "the longest pause between two receipts: $(longest_pause "$since")"
	kill_broker
	[[ $by_file == yes ]] || kill_primary
	rm "$work/placing"
	check_books
	cluster status >"$work/status" || true
	step "at the end:"
	sed 's/^/    /' "$work/status"
	kill -TERM "${workers[@]}"
	check "the workers end well" end_well "${workers[@]}"
}
