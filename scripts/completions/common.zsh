# _order_tools_value WORD: sets REPLY to what the shell will make of a word. Fails if it would have
# to run a command for that.
_order_tools_value() {
	local match mbegin mend MATCH
	REPLY=$1
	[[ $REPLY != \~/* ]] || REPLY=$HOME/${REPLY#\~/}
	if [[ $REPLY =~ '^"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?"?$' ]]; then
		REPLY=${(P)match[1]}
	elif [[ $REPLY != \'*\' && $REPLY == *[\`\$]* ]]; then
		return 1
	else
		REPLY=${(Q)REPLY}
	fi
}

# Completes the queues that exist on the broker of the command line, or of AMQP_URL: within half a
# second, or none. In a session of its own, nothing can ask the terminal for a password.
_order_tools_queues() {
	local inspect=queue-inspect word option REPLY
	local -a connection queues
	if [[ $words[1] == */* ]] && _order_tools_value ${words[1]%/*}; then
		inspect=$REPLY/$inspect
	fi
	for word in $words[2,CURRENT-1]; do
		if [[ -n $option ]]; then
			_order_tools_value $word && connection+=($option $REPLY)
			option=
		elif [[ $word == (-u|--(url|authfile|cacert|cert|key)) ]]; then
			option=$word
		elif [[ $word == --(url|authfile|cacert|cert|key)=* ]]; then
			_order_tools_value ${word#*=} && connection+=(${word%%=*} $REPLY)
		elif [[ $word == -u* ]]; then
			_order_tools_value ${word#-u} && connection+=(-u $REPLY)
		fi
	done
	queues=(${(f)"$(timeout -s KILL 0.4 setsid env MANAGEMENT_URL= $inspect $connection --retries 1 \
		--format json </dev/null 2>/dev/null |
		sed -n 's/^{"queue":"\([A-Za-z0-9._:-]*\)","exists":true.*/\1/p')"})
	compadd "$@" -a queues
}
