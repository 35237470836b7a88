# Sourced by the other tests of the packages, which are run in the top folder of the tree, as root,
# in a system of their own with systemd: the system's RabbitMQ, and chapters of the guide.
# shellcheck shell=bash

tree=$PWD
readonly TIME_LIMIT=900 # seconds for a chapter
# The page as it is installed: what is tried is what the reader reads.
# shellcheck disable=SC2034 # the tests use it
readonly PAGE=/usr/share/man/man7/order-tools-guide.7.gz

# shellcheck source=scripts/basics.bash
. "$tree/scripts/basics.bash"

# make_certificates FOLDER: an authority, ca.pem, and a server that is broker.example.com.
make_certificates() {
	local folder=$1 key=(-newkey rsa:2048 -nodes -days 2)
	mkdir -p "$folder"
	openssl req -x509 "${key[@]}" -keyout "$folder/ca.key" -out "$folder/ca.pem" -subj /CN=ca
	openssl req "${key[@]}" -keyout "$folder/server.key" -out "$folder/server.csr" -subj /CN=server
	openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
		-CAcreateserial -days 2 -out "$folder/server.pem" \
		-extfile <(printf 'subjectAltName=DNS:broker.example.com\n')
	chmod 644 "$folder"/*.key
} 2>/dev/null

# start_broker: RabbitMQ of the system, which speaks TLS, too, as broker.example.com.
start_broker() {
	local folder=/etc/rabbitmq/tls
	[[ -e $folder/server.pem ]] || {
		make_certificates "$folder"
		printf '127.0.0.1\tbroker.example.com\n' >>/etc/hosts
		printf '%s\n' 'listeners.ssl.default = 5671' "ssl_options.cacertfile = $folder/ca.pem" \
			"ssl_options.certfile = $folder/server.pem" \
			"ssl_options.keyfile = $folder/server.key" >>/etc/rabbitmq/rabbitmq.conf
		systemctl restart rabbitmq-server
	}
	systemctl start rabbitmq-server
	rabbitmqctl -q await_startup
}

# make_host NAME: an empty virtual host, with all rights for the user guest.
make_host() {
	! rabbitmqctl -q list_vhosts | grep -qxF "$1" || rabbitmqctl -q delete_vhost "$1"
	rabbitmqctl -q add_vhost "$1"
	rabbitmqctl -q set_permissions -p "$1" guest '.*' '.*' '.*'
}

# make_managed_host: the virtual host campus, its users admin and orders, whose password is secret.
make_managed_host() {
	make_host campus
	for user in admin orders; do
		rabbitmqctl -q add_user "$user" secret 2>/dev/null || true
	done
	rabbitmqctl -q set_permissions -p campus admin '.*' '.*' '.*'
	rabbitmqctl -q set_permissions -p campus orders '^$' '^(orders-ex|inventory-ex|orders-dlx)$' \
		'\.q$'
}

# extract BARE: reads the guide; writes its chapters to chapter.NN.sh and others: with "yes", the one
# for bare systems, with "no" the other ones.
extract() {
	zcat | awk -v base=chapter -v guide=yes -v bare="$1" -f "$tree/tests/support/examples.awk"
}

# prints_all CHAPTER: is each line of the output that the page shows in what was printed?
prints_all() {
	local line pattern printed found
	[[ -e $1.shown ]] || return 0
	while IFS= read -r line; do
		pattern=$(sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g' <<<"$line")
		found=no
		while IFS= read -r printed; do
			# shellcheck disable=SC2053 # it is a pattern
			[[ $printed != $pattern ]] || found=yes
		done <"$1.printed"
		[[ $found == yes ]] || {
			say "not printed: $line"
			return 1
		}
	done <"$1.shown"
}

# check_chapter CHAPTER COMMAND...: the command runs the chapter, and prints what the page shows.
check_chapter() {
	local chapter=$1 status=0
	shift
	timeout -k 5 "$TIME_LIMIT" "$@" </dev/null >"$chapter.printed" 2>&1 || status=$?
	if ((status != 0)) || ! prints_all "$chapter"; then
		cat "$chapter.sh" "$chapter.printed" >&2
		journalctl -q --no-pager -n 50 >&2
		die 1 "$chapter exited with $status"
	fi
	say "$chapter: as the page says"
}
