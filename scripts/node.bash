# Sourced by the scripts that run servers: what each of their nodes needs.
# shellcheck shell=bash

# Writes standard input to a file in one step.
write_file() {
	cat >"$1.new"
	mv -f "$1.new" "$1"
}

random_hex() { od -An -v -N "$1" -t x1 /dev/urandom | tr -d ' \n'; }

close_inherited_descriptors() {
	local fd
	for fd in "/proc/$BASHPID/fd"/*; do
		fd=${fd##*/}
		((fd <= 2)) || exec {fd}>&-
	done
}

# Erlang reserves memory for every descriptor that it may open, and some systems allow a billion.
limit_descriptors() {
	ulimit -n 65536 2>/dev/null || ulimit -S -n "$(ulimit -H -n)"
}

# write_preload FILE: writes Erlang code for a RabbitMQ node to evaluate at its start. By default
# the node loads a thousand modules one by one, searching ninety directories for each, which takes
# 4 of the 6 s of a start. Loading a directory at a time takes less than 1 s. An application that is
# missing from this list only costs time.
write_preload() {
	write_file "$1" <<-'END'
		Apps = [kernel, stdlib, compiler, syntax_tools, xmerl, tools, sasl, crypto, asn1, public_key,
		        ssl, inets, mnesia, os_mon, rabbitmq_prelaunch, rabbit_common, rabbit,
		        rabbitmq_management, rabbitmq_management_agent, rabbitmq_web_dispatch, amqp_client,
		        amqp10_common, aten, ra, osiris, seshat, gen_batch_server, cowboy, cowlib, ranch,
		        cuttlefish, jsx, credentials_obfuscation, syslog, systemd, sysmon_handler, recon,
		        observer_cli, stdout_formatter, enough],
		[code:ensure_modules_loaded([list_to_atom(filename:basename(File, ".beam"))
		                             || File <- filelib:wildcard("ebin/*.beam", Dir)])
		 || App <- Apps, Dir <- [code:lib_dir(App)], is_list(Dir)].
	END
}
