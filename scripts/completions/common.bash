# shellcheck shell=bash disable=SC2154 # the function of each program sets kinds and operands

# _order_tools_value WORD: prints what the shell will make of a word. Fails if it would have to run
# a command for that.
_order_tools_value() {
	local word=$1
	case $word in
	\'*\')
		printf '%s' "${word:1:-1}"
		return
		;;
	\"*\") word=${word:1:-1} ;;
	\~/*) word=$HOME/${word:2} ;;
	esac
	if [[ $word =~ ^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$ ]]; then
		word=${BASH_REMATCH[1]}
		word=${!word-}
	elif [[ $word == *[\'\"\\\`\$]* ]]; then
		return 1
	fi
	printf '%s' "$word"
}

# Prints the queues that exist on the broker of the command line, or of AMQP_URL: within half a
# second, or none. In a session of its own, nothing can ask the terminal for a password.
_order_tools_queues() {
	local inspect=queue-inspect
	[[ ${words[0]} != */* ]] || inspect=$(_order_tools_value "${words[0]%/*}")/$inspect
	# Whatever aliases the user has.
	command timeout -s KILL 0.4 setsid env MANAGEMENT_URL= "$inspect" "${connection[@]}" \
		--retries 1 --format json </dev/null 2>/dev/null |
		command sed -n 's/^{"queue":"\([A-Za-z0-9._:-]*\)","exists":true.*/\1/p'
}

# Sets words to the words up to the cursor. Joins those that readline splits at = and :.
_order_tools_split() {
	local rest=${COMP_LINE:0:COMP_POINT} blanks word i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blanks=${rest%%[![:space:]]*}
		rest=${rest#"$blanks"}
		word=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || word=$rest
		rest=${rest#"$word"}
		if ((i == 0)) || [[ -n $blanks || $word${words[-1]} == *[\<\>]* ]]; then
			words+=("$word")
		else
			words[-1]+=$word
		fi
	done
}

# _order_tools_note OPTION ARGUMENT: keeps what queue-inspect needs in order to connect.
_order_tools_note() {
	case $1 in
	-u | --url | --authfile | --cacert | --cert | --key)
		connection+=("$1" "$(_order_tools_value "$2")")
		;;
	esac
}

# Reads the words before the cursor. Sets kind to that of the argument that is due there, or to
# nothing; count to the number of operands so far; ended after "--"; and connection.
_order_tools_read() {
	local word option='' i
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ $kind == command ]]; then
			kind='file'
			return
		elif [[ -n $kind ]]; then
			_order_tools_note "$option" "$word"
			kind=
		elif [[ $word == *[\<\>]* ]]; then
			kind='file' option=''
		elif [[ -n $ended || $word != -?* ]]; then
			((++count))
		elif [[ $word == -- ]]; then
			ended=yes
		elif [[ $word == --*=* ]]; then
			_order_tools_note "${word%%=*}" "${word#*=}"
		elif [[ $word != --* && ${#word} -gt 2 ]]; then
			_order_tools_note "${word:0:2}" "${word:2}"
		else
			option=$word
			kind=${kinds[$word]-}
			[[ $kind != optional ]] || kind=
		fi
	done
}

# _order_tools_reply TEXT CANDIDATE...: those that start with TEXT, the end of the current word.
# What precedes the last = or : of it stays as it is.
_order_tools_reply() {
	local text=$1 current=${words[-1]} replaced candidate
	shift
	replaced=$current
	[[ $COMP_WORDBREAKS != *=* ]] || replaced=${replaced##*=}
	[[ $COMP_WORDBREAKS != *:* ]] || replaced=${replaced##*:}
	for candidate in "$@"; do
		[[ $candidate == "$text"* ]] || continue
		candidate=${current%"$text"}$candidate
		COMPREPLY+=("${candidate#"${current%"$replaced"}"}")
	done
}

# _order_tools_offer KIND TEXT: completes TEXT, the end of the current word.
_order_tools_offer() {
	local candidates=()
	case $1 in
	file) compopt -o default ;; # by readline, which knows how to quote
	command)
		mapfile -t COMPREPLY < <(compgen -c -- "$2")
		[[ $2 != */* ]] || compopt -o default
		;;
	queue)
		mapfile -t candidates < <(_order_tools_queues)
		_order_tools_reply "$2" "${candidates[@]}"
		;;
	*\|*)
		IFS='|' read -ra candidates <<<"$1"
		_order_tools_reply "$2" "${candidates[@]}"
		;;
	esac
}

# Completes a command line. kinds has for each option the kind of its argument, nothing if it has
# none; operands the kinds of the operands, of which the last may be repeated: see generate.
_order_tools_complete() {
	local words connection=() kind='' count=0 ended='' current
	COMPREPLY=()
	_order_tools_split
	_order_tools_read
	current=${words[-1]}
	if [[ -n $kind ]]; then
		_order_tools_offer "$kind" "$current"
	elif [[ -z $ended && $current == --*=* ]]; then
		_order_tools_offer "${kinds[${current%%=*}]-}" "${current#*=}"
	elif [[ -z $ended && $current == -* ]]; then
		_order_tools_reply "$current" "${!kinds[@]}"
	else
		((count < ${#operands[@]} || !repeated)) || count=$((${#operands[@]} - 1))
		_order_tools_offer "${operands[count]-}" "$current"
	fi
}
