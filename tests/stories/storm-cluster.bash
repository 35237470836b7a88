# Sourced by storm: the same on a cluster, of which brokers, databases, programs and the network between them fail.
# shellcheck shell=bash disable=SC2034,SC2154 # shared with storm

readonly BROKERS=(b1 b2 b3) DATABASES=(d1 d2) CLIENTS=(h1 h2)
readonly SERVERS=("${BROKERS[@]}" "${DATABASES[@]}")
readonly PROGRAMS=(order-place.h1 order-place.h2 order-http.h1 inventory-worker.h1 inventory-worker.h2
	notify-worker.h1 notify-worker.h2 order-cancel.h2 inventory-stock.h1 inventory-cancelled.h1 inventory-cancelled.h2
	order-track.h1 order-track.h2)
# Seconds until orders must flow again: a confirm that never comes is given up after 30, a lease after 30, too.
readonly FLOW_SECONDS=90
# A worker that is cut off from the database for less keeps its lease.
readonly LEASE_SECONDS=20

struck=0
# Has anything happened after which a customer may be told again?
excuse=no

# ---- what the seed has in store

pick() {
	shift $((RANDOM % $#))
	picked=$1
}

pick_two() {
	pick "$@"
	first=$picked
	until [[ $picked != "$first" ]]; do
		pick "$@"
	done
}

# Sets strike. "primary" and "standby" are known only when it happens.
next_strike() {
	case $((RANDOM % 15)) in
	0 | 1 | 2) pick "${PROGRAMS[@]}" && strike="kill-program $picked" ;;
	3) pick "${PROGRAMS[@]}" && strike="pause-program $picked" ;;
	4) pick "${BROKERS[@]}" && strike="kill $picked" ;;
	5) pick "${BROKERS[@]}" && strike="pause $picked" ;;
	6) pick_two "${BROKERS[@]}" && strike="cut $first $picked" ;;
	7) pick_two "${BROKERS[@]}" && strike="cut --one-way $first $picked" ;;
	8 | 9) next_cut_of_client ;;
	10) pick "${SERVERS[@]}" "${CLIENTS[@]}" && strike="cut $picked" ;;
	11) strike=promote ;;
	12) pick 'kill primary' 'kill standby' 'pause primary' 'pause standby' && strike=$picked ;;
	13) strike=part ;;
	14) strike='part and restart' ;;
	esac
}

next_cut_of_client() {
	pick "${CLIENTS[@]}"
	first=$picked
	pick "${SERVERS[@]}"
	case $((RANDOM % 3)) in
	0) strike="cut $first $picked" ;;
	1) strike="cut --one-way $first $picked" ;;
	2) strike="cut --one-way $picked $first" ;;
	esac
}

# Sets pause, hold (the seconds until all is mended) and strikes.
next_round() {
	printf -v pause '0.%03d' $((RANDOM % 1000))
	hold=$((1 + RANDOM % 7))
	# Long enough for confirms and leases to expire.
	((RANDOM % 12 != 0)) || hold=35
	next_strike
	strikes=("$strike")
	((RANDOM % 3 != 0)) || {
		next_strike
		strikes+=("$strike")
	}
}

show_plan_of_cluster() {
	RANDOM=$seed
	for ((round = 1; round <= rounds; round++)); do
		next_round
		print_round
	done
}

print_round() {
	printf '%d after %s s, for %d s: %s' "$round" "$pause" "$hold" "${strikes[0]}"
	printf '%s\n' "${strikes[1]:+, ${strikes[1]}}"
}

# ---- the workflow

# supervise_on HOST PROGRAM ARGUMENTS...
supervise_on() { supervise_as "$2" "$@"; }

# supervise_as NAME HOST PROGRAM ARGUMENTS...
supervise_as() {
	supervise "$1.$2" cluster run "${@:2}" 2>/dev/null &
	workers+=("$!")
}

# Prints orders for half a minute, each of a customer of its own, by whom it is known in the books.
print_orders() {
	local burst i n=0 fd
	exec {fd}>>"$work/attempted"
	for ((burst = 0; burst < 300; burst++)); do
		[[ ! -e $work/fed ]] || return 0
		for ((i = 0; i < 1 + burst % 8; i++)); do
			n=$((n + 1))
			printf '%s-%d-%d\n' "$1" "$2" "$n" >&"$fd"
			order_of "$1-$2-$n" "$n"
		done
		sleep 0.1
	done
}

# order_of CUSTOMER NUMBER: prints an order.
order_of() {
	printf '{"user_id":"%s","restaurant_id":"r-%d","items":[{"sku":"%s","qty":%d},{"sku":"%s","qty":%d}]}\n' \
		"$1" $(($2 % 3)) "${SKUS[$2 % 6]}" $((1 + $2 % 5)) "${SKUS[($2 + 1) % 6]}" $((1 + $2 % 6))
}

feed_from() {
	local host=$1 run=0 status
	while [[ ! -e $work/fed ]]; do
		run=$((run + 1))
		print_orders "$host" "$run" | cluster run "$host" order-place >"$work/order-place.$host.$run.out" \
			2>>"$work/order-place.$host.log" &
		echo "$!" >"$work/order-place.$host.pid"
		status=0
		wait "$!" || status=$?
		echo "order-place.$host $status" >>"$work/statuses"
	done
}

# Sends orders to order-http, each with the same key until it is answered.
feed_http() {
	local n=0 code
	while [[ ! -e $work/fed ]]; do
		n=$((n + 1))
		echo "http-$n" >>"$work/attempted"
		until [[ -e $work/fed ]]; do
			code=$(order_of "http-$n" "$n" | curl -s -m 20 --unix-socket "$work/http" -H "Idempotency-Key: http-$n" \
				-H 'Content-Type: application/json' -d @- -o "$work/answer" -w '%{http_code}' http://localhost/order) || true
			echo "$code" >>"$work/http-codes"
			[[ $code != 202 ]] || break
			sleep 0.2
		done
		[[ $code != 202 ]] || printf '%s\n' "$(<"$work/answer")" >>"$work/order-place.http.1.out"
		sleep 0.1
	done
}

start_workflow() {
	local host
	# Before a worker can publish anything: an outcome that no queue takes is not known to order-track.
	queue-inspect --declare order.cancelled.q order.outcome.q >/dev/null
	for host in "${CLIENTS[@]}"; do
		supervise_on "$host" inventory-worker
		supervise_as inventory-cancelled "$host" inventory-worker --cancelled
		supervise_on "$host" order-track
		supervise_on "$host" notify-worker --max-attempts 1000
		feed_from "$host" 2>/dev/null &
		feeders+=("$!")
	done
	supervise_on h1 order-http --listen "unix:$work/http"
	feed_http 2>/dev/null &
	feeders+=("$!")
	end_some order-cancel.h2 "$CANCELLED" cluster run h2 order-cancel 2>/dev/null &
	feeders+=("$!")
	end_some inventory-stock.h1 "$HANDED_OVER" cluster run h1 inventory-stock --hand-over 2>/dev/null &
	feeders+=("$!")
}

count_receipts() { find "$work" -name "$1.*.out" -exec cat {} + | wc -l; }

has_more() { (($(count_receipts "$1") > $2)); }

both_consume() {
	queue-inspect --retries 1 "${QUEUES[@]}" 2>/dev/null | jq -es 'map(.consumers) == [2, 2, 2, 2]' >/dev/null
}

# Do all programs do their work?
check_flow() {
	local name count
	for name in order-place.h1 order-place.h2 order-place.http inventory-cancelled order-track; do
		count=$(count_receipts "$name")
		until_true "$FLOW_SECONDS" has_more "$name" "$count" || give_up "no line of $name"
	done
	until_true "$FLOW_SECONDS" both_consume || give_up "not two consumers: $(queue-inspect --retries 1 \
		"${QUEUES[@]}" 2>&1)"
}

give_up() {
	keep_all
	die 1 "$1 for $FLOW_SECONDS s after round $round, though all is well with the cluster: $(where_kept)"
}

# ---- the strikes

database_with_role() { cluster status 2>/dev/null | awk -v role="$1" '$2 == role { print $1 }'; }

signal_program() {
	local pid
	read -r pid <"$work/$2.pid" && kill "-$1" "$pid" 2>/dev/null
}

# A strike may fail: the other one may have hit first.
strike_cluster() {
	local words
	read -ra words <<<"$1"
	case $1 in
	*' notify-worker.'*) excuse=yes ;;
	'cut h1' | 'cut h2' | cut*' d'*) ((hold < LEASE_SECONDS)) || excuse=yes ;;
	esac
	case $1 in
	kill-program*) signal_program KILL "${words[1]}" ;;
	pause-program*) signal_program STOP "${words[1]}" ;;
	*\ primary | *\ standby) cluster "${words[0]}" "$(database_with_role "${words[1]}")" ;;
	part*) part "$1" ;;
	*) cluster "${words[@]}" ;;
	esac
}

# part STRIKE: the primary goes on without its standby, to which it fails over in the end. With a restart it shows what
# the standby does not have.
part() {
	cluster cut d1 d2
	[[ $1 == 'part and restart' ]] || return 0
	sleep 1
	cluster kill "$(database_with_role primary)"
	cluster start "$(database_with_role primary)"
}

is_well() { cluster status >"$work/status" 2>&1; }

mend() {
	local name
	for name in "${PROGRAMS[@]}"; do
		signal_program CONT "$name" || true
	done
	cluster heal
	cluster resume "${SERVERS[@]}"
	cluster start "${SERVERS[@]}"
	until_true 30 is_well
}

# A cut that heals at the very moment when brokers have noticed it leaves them apart, and RabbitMQ asks somebody to
# restart the smaller part.
restart_brokers() {
	local unwell
	mapfile -t unwell < <(sed -n 's/^\(b.\) .*; sees \(.\) of 3.*/\2 \1/p; /^b.*does not serve/s/ .*//p' "$work/status" |
		sed 's/^b/0 b/' | sort | awk 'NR == 1 { least = $1 } $1 == least && $1 < 3 { print $2 }')
	# Restarted together, none of them would have another to join.
	((${#unwell[@]} < 3)) || unset 'unwell[0]'
	((${#unwell[@]} > 0)) || return 0
	echo "restarted after round $round: ${unwell[*]}" | tee -a "$work/restarts"
	cluster kill "${unwell[@]}"
	cluster start "${unwell[@]}"
}

strike_round() {
	local strike
	for strike in "${strikes[@]}"; do
		printf '%(%T)T '
		echo "# round $round: $strike"
		strike_cluster "$strike" || echo "# it failed"
	done
	sleep "$hold"
	[[ " ${strikes[*]} " != *' part '* ]] || cluster promote || true
	mend || { restart_brokers && mend; }
} >>"$work/cluster.log" 2>&1

storm_of_cluster() {
	local end=$((SECONDS + seconds)) began
	RANDOM=$seed
	round=0
	while ((rounds > 0 ? round < rounds : SECONDS < end)); do
		next_round
		round=$((round + 1))
		print_round
		# The storm's own pace: nothing is waited for.
		sleep "$pause"
		strike_round || {
			keep_all
			die 69 "the cluster is not whole again after round $round: $(where_kept)"
		}
		began=$SECONDS
		check_flow
		((SECONDS - began < 10)) || printf '  orders flowed again after %d s\n' $((SECONDS - began))
		struck=$((struck + ${#strikes[@]}))
	done
	printf '%d rounds, %d strikes\n' "$round" "$struck"
}

# ---- the calm after it

is_over() {
	local pid
	for pid in "$@"; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}

end_workers() {
	local name
	local -A by_feeder=([order-place]=1 [order-cancel]=1 [inventory-stock]=1)
	for name in "${PROGRAMS[@]}"; do
		[[ -z ${by_feeder[${name%.*}]:-} ]] || continue
		signal_program TERM "$name" || true
	done
	is_over "${workers[@]}"
}

# What a killed program has left is taken over once its lease has passed.
nothing_is_pending() {
	order-place --flush >>"$work/order-place.flush.out" 2>>"$work/order-place.log"
	order-cancel --flush >>"$work/order-cancel.flush.out" 2>>"$work/order-cancel.log"
	[[ $(order-show --count --status PENDING) == 0 && $(pending_cancellations) == 0 ]]
}

nothing_is_owed() {
	inventory-worker --flush >>"$work/inventory-worker.last.out" 2>>"$work/inventory-worker.log"
	[[ $(psql "$INVENTORY_LEDGER" -AtXqc 'SELECT count(*) FROM order_tools.outbox') == 0 ]]
}

drain_cluster() {
	touch "$work/fed"
	until_true "$PATIENCE" is_over "${feeders[@]}" || die 1 "order-place does not end: $(keep_all && where_kept)"
	touch "$work/calm"
	until_true 30 is_below_in_all 1 || true
	until_true 60 end_workers || die 1 "a program does not end: $(keep_all && where_kept)"
	until_true 60 nothing_is_pending || true
	# What was in hand of a worker that was killed last comes again.
	inventory-worker --idle-timeout 3 >"$work/inventory-worker.last.out" 2>>"$work/inventory-worker.log"
	inventory-worker --cancelled --idle-timeout 3 >"$work/inventory-cancelled.last.out" 2>>"$work/inventory-cancelled.log"
	until_true 60 nothing_is_owed || true
	order-track --idle-timeout 3 >"$work/order-track.last.out" 2>>"$work/order-track.log"
	notify-worker --idle-timeout 3 --max-attempts 1000 >"$work/notify-worker.last.out" 2>>"$work/notify-worker.log"
}

is_below_in_all() {
	queue-inspect "${QUEUES[@]}" | jq -es --argjson n "$1" 'all(.ready < $n)' >/dev/null
}

# Prints the lines that only the first of two sorted files has.
only_in() { comm -23 "$1" "$2"; }

# What passes is never a reason to give up for good. Some of those that are to end have ended, or wait to be reserved.
gave_up() {
	grep -vE '^(order-cancel|inventory-stock)[^ ]* 65$| (0|69|73|75|137|143)$' "$work/statuses" | sort | uniq -c
}

told_twice() { uniq -d "$work/told.all" | wc -l; }

# The books as Jepsen keeps those of a queue. An attempt is known by its customer.
balance_cluster() {
	balance
	balance_ends
	jq -r .data.user_id stored.json | sort >customers
	sort attempted >attempts
	jq -r '.order_id + " " + .data.user_id' stored.json | sort | join - receipts | cut -d' ' -f2 | sort >acknowledged
	# Handled to the end: failed, or reserved and told.
	sort outcomes | awk '{ print $1, $2 }' | grep -v ' InventoryReserved$' | cut -d' ' -f1 | sort -u - told >handled
	only_in receipts handled >lost
	uniq -d customers >duplicated
	only_in customers attempts >unexpected
	only_in customers acknowledged >recovered
	check "nothing that was acknowledged is lost" same "$(<lost)" ""
	check "nothing is duplicated" same "$(<duplicated)" ""
	check "nothing is unexpected" same "$(<unexpected)" ""
	check "no program gave up for good" same "$(gave_up)" ""
	check "order-http said nothing but 202 and 503" same "$(grep -vxE '202|503|000' http-codes)" ""
	[[ $excuse == yes ]] || check "nobody was told twice" same "$(told_twice)" 0
	printf 'attempted %d, acknowledged %d, lost %d, duplicated %d, unexpected %d, recovered %d\n' \
		"$(wc -l <attempts)" "$(wc -l <acknowledged)" "$(wc -l <lost)" "$(wc -l <duplicated)" \
		"$(wc -l <unexpected)" "$(wc -l <recovered)"
}

# Uses the cluster in CLUSTER_HOME, or else makes one until the script ends.
provide_cluster() {
	[[ -z ${CLUSTER_HOME:-} ]] || return 0
	export CLUSTER_HOME=$work/cluster own_cluster=yes
	cluster up
}

run_on_cluster() {
	local workers=() feeders=()
	provide_cluster
	eval "$(cluster env)"
	set_stock
	start_workflow
	round=0
	check_flow
	storm_of_cluster
	drain_cluster
	balance_cluster
}
