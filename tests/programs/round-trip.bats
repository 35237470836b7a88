# The envelope of a message, compared bit by bit: what --list or --take printed, --from publishes as it was. Messages are
# put and taken as bytes, by wire.c, which has no code in common with the programs.

load ../support/helper

setup()
{
    isolate
    queue box
}

# ---- messages as bytes, in hexadecimal ----

to_hex()
{
    od -An -v -tx1 | tr -d ' \n'
}

hex()
{
    printf '%s' "$1" | to_hex
}

# sized N HEX: with its length before it, in N bytes.
sized()
{
    printf "%0$((2 * $1))x%s" $((${#2} / 2)) "$2"
}

# field NAME KIND HEX: an entry of a table; named HEXNAME KIND HEX: the same.
field()
{
    named "$(hex "$1")" "$2" "$3"
}

named()
{
    printf '%s%s%s' "$(sized 1 "$1")" "$(hex "$2")" "$3"
}

# long HEX: a long string, a table or an array, of that content.
long()
{
    sized 4 "$1"
}

# headers ENTRIES: a message that has them and nothing else.
headers()
{
    printf '2000%s -\n' "$(long "$1")"
}

# body FORMAT: a message that has that body, as printf writes it, and nothing else.
body()
{
    printf '0000 %s\n' "$(printf "$1" | to_hex)"
}

# nested KIND N: N tables or arrays within each other.
nested()
{
    local value i
    value=$(long '')
    for ((i = 1; i < $2; i++)); do
        if [ "$1" = F ]; then
            value=$(long "$(field n F "$value")")
        else
            value=$(long "$(hex A)$value")
        fi
    done
    printf '%s' "$value"
}

a255=$(printf '%0510d' 0 | sed 's/00/61/g')

# Every kind of field that RabbitMQ takes, and the extremes of each.
numbers()
{
    headers "$(field t t 01)$(field f t 00)$(field b- b 80)$(field b+ b 7f)$(field B B ff)$(field s- s 8000)$(field s+ s 7fff)"
    headers "$(field u u ffff)$(field I- I 80000000)$(field I+ I 7fffffff)$(field i i ffffffff)$(field L L ffffffffffffffff)"
    headers "$(field min l 8000000000000000)$(field max l 7fffffffffffffff)$(field safe l 001fffffffffffff)$(
        field exact l 0020000000000000)$(field inexact l 0020000000000001)$(field minus l ffffffffffffffff)$(field zero l 0000000000000000)"
    headers "$(field tenth f 3dcccccd)$(field minus-zero f 80000000)$(field max f 7f7fffff)$(field min f 00000001)"
    headers "$(field tenth d 3fb999999999999a)$(field minus-zero d 8000000000000000)$(field max d 7fefffffffffffff)$(
        field min d 0000000000000001)$(field third d 3fd5555555555555)$(field even d 4340000000000001)"
    headers "$(field D D 02ffffffff)$(field D0 D ff00000000)$(field T T 0000000065000000)$(field T0 T 0000000000000000)$(
        field Tmax T ffffffffffffffff)$(field V V '')"
}

texts()
{
    headers "$(field empty S "$(long '')")$(field text S "$(long "$(hex größe)")")$(field latin S "$(long e4f6)")$(
        field nul S "$(long 610062)")$(field controls S "$(long 1b5b306d0a0de280ae7f)")"
    headers "$(field bytes x "$(long 00ff)")$(field none x "$(long '')")$(field text x "$(long "$(hex text)")")"
    headers "$(named "$a255" V '')$(named '' V '')"
    headers "$(named ff00 t 01)$(named e4 V '')"
    headers "$(field twice t 01)$(field twice t 00)$(field alike t 01)$(field alike t 01)"
    headers "$(field in F "$(long "$(field twice t 01)$(field twice V '')")")"
}

tables()
{
    local kind depth deepest
    headers "$(field amqp S "$(long "$(hex table)")")$(field value F "$(long '')")"
    headers "$(field in F "$(long "$(field amqp S "$(long "$(hex int8)")")$(field value l 0000000000000001)")")"
    headers "$(field amqp t 01)$(field amqp t 00)"
    headers "$(field list A "$(long "$(hex A)$(long '')$(hex F)$(long '')$(hex V)$(hex t)01$(hex S)$(long 61)$(hex d)bff0000000000000")")"
    for kind in F A; do
        for depth in 1 2 14 15 16 17 18 40; do
            headers "$(field n "$kind" "$(nested "$kind" "$depth")")"
        done
    done
    # As many as a frame has room for, or as librabbitmq reads: 100 levels from 0.14 on.
    deepest=25999
    ! pkg-config --atleast-version=0.14 librabbitmq || deepest=98
    perl -e 'my $inside = join "", map { "A" . pack "N", 5 * $_ } reverse 0 .. shift;
        my $table = "\1n$inside"; print "2000", unpack("H*", pack("N", length $table) . $table), " -\n"' "$deepest"
    echo "2000$(long '') -"
    echo "0000 -"
}

properties()
{
    local each
    each=$(sized 1 "$a255")
    # All of them, as large as they may be; expiration has to be a number.
    echo "fffc$each$each$(long '')02ff$each$each$(sized 1 "$(hex 4294967295)")${each}ffffffffffffffff$each$(sized 1 "$(hex guest)")$each$each 00"
    # All that may be empty.
    echo "feec0000$(long '')01000000000000000000000000000000 -"
    echo "8000$(sized 1 e4ff00) -"
    echo "100002 -"
}

bodies()
{
    local depth
    for depth in 1 47 48 49 50 63 64 65 200; do
        body "$(printf "%${depth}s" | tr ' ' '[')$(printf "%${depth}s" | tr ' ' ']')"
    done
    body '\0'
    body '\xff\xfe\0\x01'
    body ' '
    body '\n'
    body ' {"a" : 1}\n'
    body '{"a":1}'
    body '[1,2 ,\t3]'
    body '"\xe2\x80\xae"'
    body '"\x7f\\u0041"'
    body '{"a":1,"a":2}'
    body '"\\u0000"'
    body '"\\ud800"'
    body '{"a":["\\u0000",{"b":"\\ud83d\\u0041"}],"\\udc00":1}'
    body '{"a":{"c":1,"c":2},"b":"\\u0001","\\u0062":3}'
    body '{"n":1,"n":1.0}'
    body "\xef\xbb\xbf$(event a)"
    body '\xef\xbb\xbf{}'
    body '{"body":1,"body_text":"x","amqp":"table"}'
    body '\xe2\x80\xa8\n\r\t\x1b'
    body null
    body 0
    echo "0000 $(head -c 131064 /dev/urandom | to_hex)"
    echo "0000 $(head -c 131065 /dev/zero | tr '\0' x | to_hex)"
    echo "0000 $(head -c 5000000 /dev/urandom | to_hex)"
    echo "0000 $({ printf '[' && head -c 3000000 /dev/zero | tr '\0' ' ' && printf ']'; } | to_hex)"
}

# Bodies that jq writes in another way.
rewritten()
{
    body '{"a":1e2,"b":1.0,"c":-0,"d":12345678901234567890,"e":1E400}'
    body '"\\u202e\\u001b\\/"'
    body "[$(repeat 64 9),-0.$(repeat 400 1),1e$(repeat 70 0)5]"
    body "{\"a\" : $(repeat 5000 7)}"
}

# survives MESSAGES: are they the same after --list and --from, --take and --from, and with jq in between?
survives()
{
    local count
    "$@" >put
    count=$(wc -l <put)
    [ "$count" -gt 0 ]

    # RabbitMQ 4 sorts headers by their names, and takes one name for one header; before it, what was put is what is there.
    wire put box <put
    wire get box >given
    [ "$(broker_major)" -ge 4 ] || cmp put given

    wire put box <given
    run -0 --separate-stderr dlq-replay --queue box --list
    eventually holds box "$count"
    printf '%s\n' "$output" >listed
    wire get box | cmp given -
    run -0 --separate-stderr dlq-replay --from listed
    wire get box | cmp given -

    wire put box <given
    dlq-replay --queue box --take >taken
    holds box 0
    cmp listed taken
    run -0 --separate-stderr dlq-replay --from - <taken
    [ "$(jq -r .fate <<<"$output" | sort | uniq -c | tr -s ' ')" = " $count restored" ]
    wire get box | cmp given -
}

survives_jq()
{
    jq -c . taken >rewritten
    run -0 --separate-stderr dlq-replay --from rewritten
    wire get box | cmp given -
}

@test "round trip: numbers of every kind" { survives numbers; survives_jq; }
@test "round trip: texts and names of headers" { survives texts; survives_jq; }
@test "round trip: tables and arrays, as deep as there is room" { survives tables; survives_jq; }
@test "round trip: every property" { survives properties; survives_jq; }
@test "round trip: bodies" { survives bodies; survives_jq; }

@test "round trip: a body that jq rewrites is as it was without jq" {
    survives rewritten
    jq -c . taken | dlq-replay --from - >/dev/null
    wire get box >got
    [ "$(wc -l <got)" = 4 ]
    run -1 cmp -s given got
}

# Beside each other stand a body and its text: the text is sent if nobody changed the body, were it from 1.0 to 1.
@test "round trip: a number that is written in another way is a change" {
    body '{"qty" : 1.0}' | wire put box
    dlq-replay --queue box --take >taken
    [ "$(jq -c '[.body_text, has("body")]' taken)" = '["{\"qty\" : 1.0}",true]' ]
    sed 's/"body":{"qty":1.0}/"body":{"qty":1}/' taken | dlq-replay --from - >/dev/null
    [ "$(wire get box)" = "$(body '{"qty":1}')" ]
    dlq-replay --from taken >/dev/null
    [ "$(wire get box)" = "$(body '{"qty" : 1.0}')" ]
}

# Bodies that parsers read differently are shown as text, not as JSON. In headers, which are parsed, they are refused.
@test "round trip: a body with a key twice, NUL or half a pair is shown as its text; a header that has one is refused" {
    local value
    for value in '{"a":1,"a":2}' '{"a":"\\u0000"}' '{"a":"\\ud800"}'; do
        body "$value"
    done | wire put box
    dlq-replay --queue box --list | jq -c '[has("body"), .body_text]' >shown
    diff shown - <<'END'
[false,"{\"a\":1,\"a\":2}"]
[false,"{\"a\":\"\\u0000\"}"]
[false,"{\"a\":\"\\ud800\"}"]
END
    wire get box >/dev/null
    for value in '"h":1,"h":2' '"h":"\u0000"' '"h":"\ud800"'; do
        printf '{"queue":"box","properties":{},"headers":{%s},"body":1}\n' "$value"
    done >letters
    run -65 --separate-stderr dlq-replay --from letters
    [ "$(jq -r .reason <<<"$output" | sort | uniq -c | tr -s ' ')" = ' 2 a string has the escape of NUL, or half of a surrogate pair
 1 an object has the same key twice' ]
    holds box 0
}

# A float is read by its value, however long it is written.
@test "round trip: a float of hundreds of digits in a header" {
    printf '{"queue":"box","headers":{"d":{"amqp":"float64","value":0.1%s}},"body":1}\n' "$(repeat 300 0)" | dlq-replay --from - >/dev/null
    [ "$(wire get box)" = "2000$(long "$(field d d 3fb999999999999a)") 31" ]
}

# The one thing that differs: a truth that is neither 0 nor 1 is 1, as the broker has it when it moves a message.
@test "round trip: a boolean is 0 or 1" {
    headers "$(field t t 02)" | wire put box
    dlq-replay --queue box --take | dlq-replay --from - >/dev/null
    [ "$(wire get box)" = "$(headers "$(field t t 01)")" ]
}

@test "round trip: x-death and all, through the dead letter queue" {
    api DELETE "queues/$VHOST/box" >/dev/null
    queue dead
    api PUT "queues/$VHOST/box" '{"durable": true, "arguments": {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}}' >/dev/null
    { numbers && texts && properties; } | sed 's/^fffc.*//; /^$/d' >given
    wire put box <given
    eventually holds dead "$(wc -l <given)"
    dlq-replay --queue dead --list >listed
    jq -es 'all(.death.queue == "box" and .death.reason == "expired" and .deaths == 1)' listed
    eventually holds dead "$(wc -l <given)"
    wire get dead >moved
    dlq-replay --from listed >/dev/null
    wire get dead | cmp moved -
}

# What the broker itself would not take as it was: the user_id of another, and copies for other queues.
@test "round trip: without CC and BCC, which would send copies, and the user_id of another" {
    queue other
    jq -nc '{queue: "box", properties: {user_id: "somebody", type: "t"}, headers: {CC: ["other"], BCC: ["other"], kept: 1}, body: 1}' |
        dlq-replay --from - >/dev/null
    holds other 0
    [ "$(wire get box)" = "2020$(long "$(field kept l 0000000000000001)")$(sized 1 "$(hex t)") 31" ]
}
