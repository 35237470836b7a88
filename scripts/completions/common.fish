# Prints what the shell will make of a word. Fails if it would have to run a command for that.
function __order_tools_value
    set -l name (string match -rg '^\$(\w+)$' -- $argv[1])
    if test -n "$name"
        printf '%s\n' $$name
    else if string match -q '~/*' -- $argv[1]
        printf '%s\n' $HOME/(string sub -s 3 -- $argv[1])
    else if string match -qr '[$()]' -- $argv[1]
        return 1
    else
        printf '%s\n' $argv[1]
    end
end

# Prints the queues that exist on the broker of the command line, or of AMQP_URL: within half a
# second, or none. In a session of its own, nothing can ask the terminal for a password.
function __order_tools_queues
    # An operand might begin so, too, but is an option that is being typed.
    string match -qr '^-[^=]*$' -- (commandline -ct); and return
    set -l words (commandline -opc)
    set -l inspect queue-inspect
    set -l connection
    set -l option
    if string match -q '*/*' -- $words[1]
        set inspect (__order_tools_value (string replace -r '[^/]*$' '' -- $words[1]))queue-inspect
    end
    for word in $words[2..]
        if test -n "$option"
            set -a connection $option (__order_tools_value $word)
            set option
        else if string match -qr '^(-u|--(url|authfile|cacert|cert|key))$' -- $word
            set option $word
        else if string match -qr '^--(url|authfile|cacert|cert|key)=' -- $word
            set -l parts (string split -m 1 = -- $word)
            set -a connection $parts[1] (__order_tools_value $parts[2])
        else if string match -q -- '-u*' $word
            set -a connection -u (__order_tools_value (string sub -s 3 -- $word))
        end
    end
    # Whatever functions the user has, such as those that alias makes.
    command timeout -s KILL 0.4 setsid env MANAGEMENT_URL= $inspect $connection --retries 1 \
        --format json </dev/null 2>/dev/null |
        command sed -n 's/^{"queue":"\([A-Za-z0-9._:-]*\)","exists":true.*/\1/p'
end

# __order_tools_in_command OPTION...: succeeds after one of these options, which take a command.
function __order_tools_in_command
    for word in (commandline -opc)
        contains -- $word $argv; and return
    end
    return 1
end

# __order_tools_command OPTION...: completes that command.
function __order_tools_command
    set -l words (commandline -opc)
    while not contains -- $words[1] $argv
        set -e words[1]
    end
    set -l current (commandline -ct | string collect -a)
    complete -C (string join ' ' -- (string escape -- $words[2..]) $current)
end

# __order_tools_operands N OPTION...: succeeds after N operands. The options are those with an
# argument.
function __order_tools_operands
    set -l count 0
    set -l argument no
    for word in (commandline -opc)[2..]
        if test $argument = yes
            set argument no
        else if not string match -q -- '-*' $word
            set count (math $count + 1)
        else if contains -- $word $argv[2..]
            set argument yes
        end
    end
    test $count -eq $argv[1]
end
