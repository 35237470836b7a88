# Sourced by cluster: the brokers, which are one RabbitMQ cluster.
# shellcheck shell=bash disable=SC2154 # cluster sets home, timeout and others
#
# The data of a broker lie in the folder $home/NAME.

readonly DISTRIBUTION_PORT=25672
# A broker that is silent counts as gone after 3/4 to 5/4 of it. The default is 60.
readonly TICK_SECONDS=6

# The address is part of it, so that no host needs to know the names of others.
node_name() { printf '%s@%s' "$1" "$(address "$1")"; }

# pause_minority is what RabbitMQ recommends for an odd number of nodes. A quorum queue is safe with
# any strategy, but with "ignore" a node that is cut off keeps its clients, and none of their
# confirms ever comes; here it ends their connections, and they move on to another node.
#
# The first start of b1 makes a cluster, and the others join it once it serves: while one of them
# waits for b1, it holds a lock that b1 would wait for.
write_broker_config() {
	local broker=$1 folder=$home/$1
	mkdir -p "$folder/log" "$folder/mnesia"
	write_file "$folder/rabbitmq.conf" <<-END
		listeners.tcp.default = 5672
		management.tcp.port = 15672
		loopback_users = none
		cluster_formation.peer_discovery_backend = classic_config
		cluster_formation.classic_config.nodes.1 = $(node_name b1)
		cluster_partition_handling = pause_minority
		heartbeat = 5
		raft.wal_max_size_bytes = 64000000
		vm_memory_high_watermark.absolute = 400MB
		disk_free_limit.absolute = 50MB
		collect_statistics_interval = 1000
		log.file.level = info
	END
	echo '[rabbitmq_management].' | write_file "$folder/enabled_plugins"
	write_preload "$folder/preload.erl"
	printf '%s' "$cookie" | write_file "$folder/.erlang.cookie"
	chmod 0400 "$folder/.erlang.cookie"
}

make_brokers() {
	local broker cookie
	cookie=$(random_hex 24)
	for broker in "${BROKERS[@]}"; do
		write_broker_config "$broker"
	done
}

# Every node listens on the same port, so that none needs epmd, Erlang's port mapper, to find the
# others.
set_broker_environment() {
	local folder=$home/$1
	erlang_flags="-start_epmd false -erl_epmd_port $DISTRIBUTION_PORT"
	environment=(
		"HOME=$folder" "PATH=$PATH" LANG=C.UTF-8
		"ERL_FLAGS=$erlang_flags" ERL_CRASH_DUMP_SECONDS=0
		RABBITMQ_USE_LONGNAME=true "RABBITMQ_NODENAME=$(node_name "$1")"
		"RABBITMQ_DIST_PORT=$DISTRIBUTION_PORT"
		"RABBITMQ_CONF_ENV_FILE=$folder/rabbitmq-env.conf" "RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf"
		"RABBITMQ_CONFIG_FILES=$folder/conf.d/*.conf"
		"RABBITMQ_ADVANCED_CONFIG_FILE=$folder/advanced.config"
		"RABBITMQ_ENABLED_PLUGINS_FILE=$folder/enabled_plugins" "RABBITMQ_MOTD_FILE=$folder/motd"
		"RABBITMQ_MNESIA_BASE=$folder/mnesia"
		"RABBITMQ_LOG_BASE=$folder/log" "RABBITMQ_LOGS=$folder/log/broker.log"
		"RABBITMQ_PID_FILE=$folder/rabbitmq.pid"
	)
}

# "-name" starts Erlang's distribution at once, instead of in RabbitMQ's own slower way, which needs
# epmd, and is what would read net_ticktime from rabbitmq.conf.
launch_broker() {
	local broker=$1 erlang_arguments
	erlang_arguments="-name $(node_name "$broker") +S 1:1 -kernel net_ticktime $TICK_SECONDS"
	set_broker_environment "$broker"
	(
		cd "$home/$broker" || exit
		close_inherited_descriptors
		limit_descriptors
		become "$broker" setsid env -i "${environment[@]}" detached=true \
			RABBITMQ_SCHEDULER_BIND_TYPE=u \
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$erlang_arguments" \
			"ERL_AFLAGS=-eval file:eval(\\\"preload.erl\\\")" \
			"$rabbitmq/rabbitmq-server"
	) </dev/null >>"$home/$broker/log/console.log" 2>&1 &
}

# evaluate BROKER ERLANG: evaluates an expression on the broker, and prints the result.
evaluate() {
	local said
	said=$(HOME=$home/$1 inside "$1" timeout 5 erl_call -R \
		-address "127.0.0.1:$DISTRIBUTION_PORT" -timeout 3 -e <<<"$2" 2>/dev/null) || return 1
	[[ $said == '{ok, '*'}' ]] || return 1
	said=${said#'{ok, '}
	printf '%s\n' "${said%'}'}"
}

serves() {
	[[ $(evaluate "$1" 'rabbit:is_running() andalso rabbit_boot_state:get() =:= ready.') == true ]]
}

# sees_all BROKER: is the whole cluster up, as the broker sees it?
sees_all() { [[ $(evaluate "$1" 'rabbit_nodes:running_count().') == "${#BROKERS[@]}" ]]; }

await_broker() {
	until_true "$timeout" serves "$1" ||
		die 69 "$1 does not answer within $timeout s: see '$home/$1/log/broker.log'"
}

# describe_broker BROKER: prints what it knows of itself and the others. Fails if it does not serve,
# or does not see all of them.
describe_broker() {
	local queues leads sees
	# Fails on one that does not serve.
	IFS=, read -r queues leads sees < <(evaluate "$1" '
		true = rabbit:is_running() andalso rabbit_boot_state:get() =:= ready,
		Member = fun(Queue) -> amqqueue:get_type(Queue) =:= rabbit_quorum_queue andalso
			lists:member(node(), maps:get(nodes, amqqueue:get_type_state(Queue))) end,
		Leaders = [amqqueue:get_pid(Queue) || Queue <- rabbit_amqqueue:list(), Member(Queue)],
		Leads = [yes || {_, Leader} <- Leaders, Leader =:= node()],
		{length(Leaders), length(Leads), rabbit_nodes:running_count()}.' | tr -d '{} ') || {
		echo 'does not serve: it is starting, or without a majority of the brokers'
		return 1
	}
	printf '%s quorum queues, leads %s; sees %s of %d brokers\n' "$queues" "$leads" "$sees" \
		"${#BROKERS[@]}"
	[[ $sees == "${#BROKERS[@]}" ]]
}
