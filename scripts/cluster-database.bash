# Sourced by cluster: a PostgreSQL primary and its synchronous standby.
# shellcheck shell=bash disable=SC2154 # cluster sets home, timeout and others
#
# The folder $home/NAME appears to a database as /mnt: PostgreSQL refuses to run as root, and its
# user may not enter the folders above.

readonly DATABASE_USER=postgres

# as_database DATABASE COMMAND...: runs a command of PostgreSQL on the host, as its user.
as_database() { (become_database "$@"); }

# become_database DATABASE COMMAND...: replaces the shell by it. In a namespace of its own for
# shared memory it leaves none behind if it is killed.
become_database() {
	# shellcheck disable=SC2016 # the shell inside expands it
	become "$1" unshare --mount --ipc --propagation private env -i "PATH=$postgresql:$PATH" \
		LANG=C.UTF-8 PGCONNECT_TIMEOUT=3 bash -c '
			mount --bind "$1" /mnt && cd /mnt && user=$2 && shift 2 &&
				exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
		' - "$home/$1" "$DATABASE_USER" "${@:2}"
}

# query DATABASE SQL: prints the result.
query() {
	as_database "$1" timeout 5 psql -h /mnt -U postgres -d postgres -AtXqc "$2" 2>/dev/null
}

other_database() { [[ $1 == d1 ]] && echo d2 || echo d1; }

primary() { cat "$home/primary"; }

# wait_for DATABASE [STANDBY]: from now on commits wait until the standby has them, or for nobody.
wait_for() {
	printf "synchronous_standby_names = '%s'\n" "${2:-}" | write_file "$home/$1/synchronous.conf"
	chmod 0644 "$home/$1/synchronous.conf"
}

reload() { kill -HUP "$(head -n 1 "$home/$1/data/postmaster.pid")"; }

is_alone() { grep -qF "''" "$home/$1/synchronous.conf"; }

write_database_config() {
	local database=$1 other source
	other=$(other_database "$database")
	source="host=$(address "$other") user=replicator application_name=$database connect_timeout=3"
	cat >"$home/$database/postgresql.conf" <<-END
		data_directory = '/mnt/data'
		hba_file = '/mnt/pg_hba.conf'
		ident_file = '/mnt/pg_ident.conf'
		unix_socket_directories = '/mnt'
		listen_addresses = '*'
		max_connections = 100
		shared_buffers = 16MB
		dynamic_shared_memory_type = mmap
		max_wal_size = 256MB
		wal_keep_size = 64MB
		wal_sender_timeout = 5s
		wal_receiver_timeout = 5s
		wal_retrieve_retry_interval = 500ms
		tcp_user_timeout = 10s
		primary_conninfo = '$source'
		include = 'synchronous.conf'
	END
	cat >"$home/$database/pg_hba.conf" <<-END
		local all postgres peer
		host orders orders samenet trust
		host replication replicator $(address "$other")/32 trust
	END
	: >"$home/$database/pg_ident.conf"
}

make_databases() {
	local database
	for database in "${DATABASES[@]}"; do
		mkdir -p "$home/$database"
		write_database_config "$database"
		wait_for "$database"
		chown -R "$DATABASE_USER:" "$home/$database"
	done
	as_database d1 initdb -D /mnt/data --no-sync --no-instructions -U postgres -A peer \
		--locale=C.UTF-8 >"$home/d1/initdb.log" 2>&1 || die 69 "initdb failed: see '$home/d1/initdb.log'"
	echo d1 >"$home/primary"
	launch_database d1
	query d1 'CREATE ROLE replicator LOGIN REPLICATION'
	query d1 'CREATE ROLE orders LOGIN'
	query d1 'CREATE DATABASE orders OWNER orders'
	follow d2
}

launch_database() {
	local database=$1
	# The process that they name is dead; another may have its pid by now.
	rm -f "$home/$database/data/postmaster.pid" "$home/$database"/.s.PGSQL.*
	(
		close_inherited_descriptors
		become_database "$database" setsid postgres -c config_file=/mnt/postgresql.conf
	) </dev/null >>"$home/$database/log" 2>&1 &
	until_true "$timeout" answers "$database" ||
		die 69 "$database does not answer within $timeout s: see '$home/$database/log'"
}

answers() { [[ $(query "$1" 'SELECT 1') == 1 ]]; }

# copy_primary DATABASE: makes it a standby, with a fresh copy of what the primary has.
copy_primary() {
	local database=$1
	rm -rf "${home:?}/$database/data"
	as_database "$database" pg_basebackup -D /mnt/data --no-sync -c fast -X stream \
		-h "$(address "$(primary)")" -U replicator >>"$home/$database/log" 2>&1 ||
		die 69 "$(primary) cannot be copied to $database: see '$home/$database/log'"
	touch "$home/$database/data/standby.signal"
}

# replication PRIMARY: prints how its standby follows: streaming, catchup, ... and sync, async, ...
replication() {
	query "$1" "SELECT state, sync_state FROM pg_stat_replication
		WHERE application_name = '$(other_database "$1")'"
}

streams() { [[ $(replication "$(primary)") == streaming\|* ]]; }

# follow DATABASE: starts it as the standby. One that was the primary, and one for which the primary
# has not kept enough, gets a fresh copy. Afterwards commits wait for it.
follow() {
	local database=$1 primary
	primary=$(primary)
	answers "$primary" || die 69 "the primary is $primary, and is down: run cluster start $primary"
	[[ -e $home/$database/data/standby.signal ]] || copy_primary "$database"
	launch_database "$database"
	if ! until_true 10 streams; then
		end_processes "$database"
		copy_primary "$database"
		launch_database "$database"
		until_true 10 streams || die 69 "$database cannot follow $primary: see '$home/$database/log'"
	fi
	wait_for "$primary" "$database"
	reload "$primary"
	until_true 10 is_synchronous || die 69 "$primary does not wait for $database"
}

is_synchronous() { [[ $(replication "$(primary)") == 'streaming|sync' ]]; }

start_database() {
	if [[ $1 == "$(primary)" ]]; then
		launch_database "$1"
	else
		follow "$1"
	fi
}

# Ends the old primary first, which must not accept anything that the new one does not know.
promote() {
	local old new
	old=$(primary)
	new=$(other_database "$old")
	answers "$new" || die 69 "the standby $new does not answer"
	! is_alone "$old" || die 69 "$new may lack commits: $old did not wait for it"
	end_processes "$old"
	wait_for "$new"
	as_database "$new" pg_ctl promote -D /mnt/data -w -t "$timeout" >>"$home/$new/log" 2>&1 ||
		die 69 "$new cannot be promoted: see '$home/$new/log'"
	echo "$new" >"$home/primary"
	say "$new is the primary; commits wait for nobody until cluster start $old"
}

role_of_database() { [[ $1 == "$(primary)" ]] && echo primary || echo standby; }

# describe_database DATABASE: prints how it follows, or who does. Fails if it does not answer, or
# its commits hang.
describe_database() {
	local other said state waiting
	other=$(other_database "$1")
	said=$(query "$1" "SELECT (SELECT status FROM pg_stat_wal_receiver),
		(SELECT state || ' ' || sync_state FROM pg_stat_replication WHERE application_name = '$other'),
		(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep')") || {
		echo 'does not answer'
		return 1
	}
	if [[ $1 != "$(primary)" ]]; then
		state=${said%%|*}
		printf 'follows %s: %s\n' "$other" "${state:-not connected}"
		return
	fi
	if is_alone "$1"; then
		echo 'commits wait for nobody'
		return
	fi
	IFS='|' read -r _ state waiting <<<"$said"
	if [[ $state == 'streaming sync' ]]; then
		printf 'commits wait for %s, which follows; now waiting: %d\n' "$other" "$waiting"
	else
		printf 'commits hang: %s does not follow; now waiting: %d\n' "$other" "$waiting"
		return 1
	fi
}
