# Sourced by cluster: hosts, each a network namespace, and the network that connects them.
# shellcheck shell=bash disable=SC2154 # cluster sets home, timeout and others
#
# A switch, which is a bridge in a namespace of its own, has a port for each host, and one for this
# machine. The ports are named after the hosts. No firewall's rules apply between the hosts, and all
# of it ends with the namespaces.
#
# A cut is silent, as on a real network: what is sent disappears, and nobody is told.

readonly BROKERS=(b1 b2 b3) DATABASES=(d1 d2) CLIENTS=(h1 h2)
readonly SERVERS=("${BROKERS[@]}" "${DATABASES[@]}")
readonly HOSTS=("${SERVERS[@]}" "${CLIENTS[@]}")
declare -rA NUMBER=([b1]=11 [b2]=12 [b3]=13 [d1]=21 [d2]=22 [h1]=31 [h2]=32)
# Nobody has it: frames to this address reach no host.
readonly NOWHERE=02:00:00:00:00:01

namespace() { printf '%s-%s' "$name" "$1"; }

address() { printf '%s.%s' "$subnet" "${NUMBER[$1]}"; }

# on HOST ARGUMENTS...: runs ip on the host.
on() { ip -n "$(namespace "$1")" "${@:2}"; }

# inside HOST COMMAND...: runs the command on the host.
inside() { (become "$@"); }

# become HOST COMMAND...: replaces the shell by the command, on the host.
become() { exec nsenter --net="/run/netns/$(namespace "$1")" -- "${@:2}"; }

# The range is reserved for tests of networks, so that nothing real has addresses in it.
choose_subnet() {
	local tries used
	used=$(ip -4 -o address && ip -4 route show table all)
	for ((tries = 0; tries < 100; tries++)); do
		subnet=198.$((18 + SRANDOM % 2)).$((SRANDOM % 256))
		[[ $used == *"$subnet."* ]] || return 0
	done
	die 69 "no free range of addresses in 198.18.0.0/15"
}

make_namespace() {
	local said
	said=$(ip netns add "$(namespace "$1")" 2>&1) ||
		die 69 "cannot make a network namespace: $said"
	on "$1" link set lo up
}

make_network() {
	local host
	choose_subnet
	printf '%s\n' "$subnet" >"$home/subnet"
	make_namespace switch
	on switch link add bridge type bridge
	on switch link set bridge up
	for host in "${HOSTS[@]}"; do
		make_namespace "$host"
		on "$host" link add eth0 type veth peer name "$host" netns "$(namespace switch)"
		on "$host" address add "$(address "$host")/24" dev eth0
		on "$host" link set eth0 up
		on switch link set "$host" master bridge up
	done
	ip link add "$name" type veth peer name machine netns "$(namespace switch)"
	ip address add "$subnet.1/24" dev "$name"
	ip link set "$name" up
	on switch link set machine master bridge up
}

exists() { [[ -e /run/netns/$(namespace "$1") ]]; }

# pids HOST: prints the processes of the host, zombies excepted.
pids() { ip netns pids "$(namespace "$1")"; }

is_quiet() { [[ -z $(pids "$1") ]]; }

# signal HOST SIGNAL: sends it to all processes of the host.
signal() {
	local pid
	for pid in $(pids "$1"); do
		kill "-$2" "$pid" 2>/dev/null || true
	done
}

# A process may be started while the others are killed.
kill_again() {
	signal "$1" KILL
	is_quiet "$1"
}

# end_processes HOST: kills all processes of the host, as a crash of the host would.
end_processes() {
	until_true "$timeout" kill_again "$1" || die 69 "processes on $1 do not end: $(pids "$1")"
}

remove_network() {
	local host
	for host in "${HOSTS[@]}"; do
		! exists "$host" || end_processes "$host"
	done
	for host in "${HOSTS[@]}" switch; do
		! exists "$host" || ip netns delete "$(namespace "$host")"
	done
	# Otherwise it disappears some moments later.
	ip link delete "$name" 2>/dev/null || true
}

# --- cuts

# unplug HOST: the host reaches nobody, and nobody reaches it.
unplug() { on switch link set "$1" nomaster; }

is_unplugged() { [[ $(on switch -o link show "$1") != *' master '* ]]; }

# lose FROM TO: what FROM sends to TO is lost.
lose() {
	on "$1" neighbour replace "$(address "$2")" lladdr "$NOWHERE" dev eth0 nud permanent
}

# lost_to FROM: prints the hosts to which what FROM sends is lost.
lost_to() {
	local host lost
	lost=$(on "$1" neighbour show nud permanent dev eth0)
	for host in "${HOSTS[@]}"; do
		[[ $'\n'$lost != *$'\n'"$(address "$host") "* ]] || printf '%s\n' "$host"
	done
}

heal() {
	local host
	for host in "${HOSTS[@]}"; do
		on switch link set "$host" master bridge
		on "$host" neighbour flush nud permanent dev eth0
		# The addresses that hosts failed to find while the network was cut.
		on "$host" neighbour flush dev eth0
	done
	ip neighbour flush dev "$name"
}
