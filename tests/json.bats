# Strict JSON: what RFC 8259 allows is taken and kept to the letter, what it forbids, or our limits do, is refused.
#
# All through order-place, with orders that carry the value in question in a member that it does not know. In the tables a
# byte that cannot stand here is written %HH, its number.

# shellcheck disable=SC2154 # status, output, lines and stderr: set by run
# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and what it exports is meant for it alone

setup()
{
    load helper
    isolate
    # Nothing listens there: what is refused needs no broker.
    NOWHERE=amqp://127.0.0.1:1
}

teardown()
{
    tidy
}

# bytes TEXT: the text with each %HH replaced by that byte.
bytes()
{
    local text=${1//\\/\\\\}

    printf '%b' "${text//%/\\x}"
}

# carry VALUE: an order that has it, a value out of a table.
carry()
{
    bytes "{\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":1}],\"x\":$1}"
}

# data: what was placed, of each order in the store, to the letter.
data()
{
    order-show --all | sed -E 's/^\{"order_id": "[^"]*", "status": "PLACED", "data": (.*), "placed_at": "[^"]*"\}$/\1/'
}

# Values that are allowed: one a line.
allowed()
{
    cat <<'END'
null
true
false
0
-0
-0.0
7
-12
3.14
0.5
10e0
0e0
1E5
1e+5
1e-5
-1.5E-0010
1e400
-1e400
1e-400
9007199254740993
123456789012345678901234567890.123456789
""
"plain"
" "
"\"\\\/\b\f\n\r\t"
"\u0001\u001f\u007f\u0080\u009f"
"\u0041\u00e9\u20AC\uFFFE\uffff"
"\ud83d\ude00\uD83D\uDE00\udbff\udfff\uD800\uDC00"
"é € 😀 日本語"
"%7F"
"%C2%80 %C3%BF %DF%BF %E0%A0%80 %ED%9F%BF %EE%80%80 %EF%BB%BF %EF%BF%BF %F0%90%80%80 %F4%8F%BF%BF"
"%E2%80%A8%E2%80%A9%E2%80%AE"
"// no comment /* nor this */ #"
"{\"user_id\": [}"
[]
{}
[[],{}]
[null,true,false,0,"",[],{}]
{"":""}
{"a":1,"A":2," ":3,"\u0062":4,"c\n":5}
{"a":{"a":{"a":[{"a":1},{"a":2}]}}}
{"user_id":"u","__proto__":{},"order_id":1}
{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0}
{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0}
{"9":0,"8":0,"7":0,"6":0,"5":0,"4":0,"3":0,"2":0,"1":0,"0":0,"00":0}
END
    # Right up to the limits: 64 levels, the order itself being one; 63 characters of a number.
    printf '%s%s\n' "$(repeat 63 '[')" "$(repeat 63 ']')"
    printf '%s1%s\n' "$(repeat 63 '{"a":')" "$(repeat 63 '}')"
    printf '%s\n' "$(repeat 63 9)" "-$(repeat 62 9)" "0.$(repeat 61 3)" "1e$(repeat 60 0)7"
    printf '"%s"\n' "$(repeat 20000 'long ')"
}

@test "json: every form that RFC 8259 allows is taken, kept to the letter, and not published" {
    local value
    while IFS= read -r value; do
        carry "$value"
        echo
    done < <(allowed) >orders
    [ "$(wc -l <orders)" -eq 52 ]

    run -0 --separate-stderr order-place <orders
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 52 ]
    # What a terminal would take for more than text is shown as an escape, and otherwise all is as it was.
    bytes 's/%7F/\\u007f/; s/%C2%80/\\u0080/; s/%E2%80%A8/\\u2028/; s/%E2%80%A9/\\u2029/; s/%E2%80%AE/\\u202e/' >escape
    LC_ALL=C sed -f escape orders >shown
    data | diff -a shown -
    # So another parser reads the same.
    jq -c .x orders >before
    order-show --all | jq -c .data.x | diff -a before -
    drain "$PLACED_Q" | jq -c '.payload | fromjson | keys' | sort -u >keys
    [ "$(cat keys)" = '["event_type","items","order_id","restaurant_id","ts","user_id"]' ]

    # The same when the bytes arrive one by one, so that every token is cut everywhere.
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/slow
    head -c 6000 orders | sed '$d' >some
    dd if=some bs=1 status=none | order-place >receipts
    [ "$(wc -l <receipts)" -eq "$(wc -l <some)" ]
    data | diff -a <(LC_ALL=C sed -f escape some) -
}

@test "json: white space of the four kinds may stand between all tokens, and is not kept" {
    local space=$' \t\r\n \n\t'
    # shellcheck disable=SC2054 # these commas are JSON's
    local tokens=('{' '"user_id"' : '"u u"' , '"restaurant_id"' : '"r"' , '"items"' : '[' '{' '"sku"' : '"s"' , '"qty"' : 1 '}' ']'
        , '"x"' : '[' true , null , -1.5e3 , '" \" "' , '{' '}' , '[' ']' ']' '}')
    printf '%s' "${tokens[@]}" >dense
    {
        printf '%s' "$space"
        printf "%s$space" "${tokens[@]}"
    } >airy

    # Two orders with nothing between them, and one with much: at the very end of the input there is no newline.
    cat dense dense airy dense >stream
    run -0 --separate-stderr order-place <stream
    [ "${#lines[@]}" -eq 4 ]
    data >kept
    [ "$(wc -l <kept)" -eq 4 ]
    [ "$(sort -u kept)" = "$(cat dense)" ]

    # Lines that end as in DOS.
    printf '%s\r\n' "$(cat dense)" "$(cat dense)" >dos
    run -0 --separate-stderr order-place <dos
    [ "${#lines[@]}" -eq 2 ]
}

# Values that are not: NAME, a part of the reason, and the value, with tabs between.
forbidden()
{
    sed 's/  *| */\t/g' <<'END'
leading zero               | leading zero           | 01
leading zero, negative     | leading zero           | -012
leading zeros              | leading zero           | 00
no digit after the point   | number is not complete | 1.
no digit before the point  | no JSON value          | .5
plus                       | no JSON value          | +1
no exponent                | number is not complete | 1e
no exponent after the sign | number is not complete | 1e+
no exponent digits         | number is not complete | 1e-,
point in the exponent      | comma                  | 1e1.5
two points                 | comma                  | 1.2.3
minus alone                | number is not complete | -
two minuses                | number is not complete | --1
point after minus          | number is not complete | -.5
hexadecimal                | comma                  | 0x10
digits with a letter       | comma                  | 12a
NaN                        | no JSON value          | NaN
Infinity                   | no JSON value          | Infinity
minus Infinity             | number is not complete | -Infinity
undefined                  | no JSON value          | undefined
True                       | no JSON value          | True
literal cut short          | no JSON value          | tru
literal misspelt           | no JSON value          | nul1
literal too long           | comma                  | truee
single quotes              | no JSON value          | 'a'
key in single quotes       | key must be a string   | {'a':1}
bare key                   | key must be a string   | {a:1}
key that is a number       | key must be a string   | {1:1}
key that is null           | key must be a string   | {null:1}
key alone                  | colon                  | {"a"}
equals sign                | colon                  | {"a"=1}
two colons                 | no JSON value          | {"a"::1}
no value                   | no JSON value          | {"a":}
comma after the last entry | no JSON value          | [1,]
comma after the last member | key must be a string  | {"a":1,}
comma first                | no JSON value          | [,1]
comma first in an object   | key must be a string   | {,"a":1}
two commas                 | no JSON value          | [1,,2]
no comma                   | comma                  | [1 2]
no comma between strings   | comma                  | ["a" "b"]
no comma between members   | comma                  | {"a":1 "b":2}
semicolon                  | comma                  | [1;2]
wrong bracket              | unexpected '}'         | [1}
wrong brace                | unexpected ']'         | {"a":1]
bracket too many           | unexpected ']'         | []]
no value at all            | no JSON value          | ,
line comment               | no JSON value          | //c
block comment              | no JSON value          | /**/1
comment after the value    | comma                  | 1/**/
comment with a hash        | no JSON value          | #
backtick                   | no JSON value          | `a`
raw tab in a string        | control character      | "a%09b"
raw US in a string         | control character      | "%1F"
raw NUL in a string        | control character      | "a%00b"
raw ESC in a key           | control character      | {"%1B":1}
NUL between tokens         | no JSON value          | %00
NUL after a value          | comma                  | 1%00
vertical tab               | no JSON value          | %0B1
form feed                  | comma                  | 1%0C
DEL between tokens         | no JSON value          | %7F1
no-break space             | comma                  | 1%C2%A0
line separator             | comma                  | 1%E2%80%A8
byte order mark            | byte order mark        | %EF%BB%BF1
unknown escape             | unknown escape         | "\a"
escaped single quote       | unknown escape         | "\'"
escaped NUL digit          | unknown escape         | "\0"
escape by x                | unknown escape         | "\x41"
escape by capital U        | unknown escape         | "\U0041"
escape of a raw NUL        | unknown escape         | "\%00"
three digits               | four hexadecimal       | "\u004"
digit that is none         | four hexadecimal       | "\u00g0"
escape of braces           | four hexadecimal       | "\u{41}"
NUL escape                 | NUL escape             | "a\u0000b"
NUL escape in a key        | NUL escape             | {"\u0000":1}
high surrogate alone       | surrogate              | "\ud800"
high, then a character     | surrogate              | "\udbffx"
high, then another escape  | surrogate              | "\ud800\n"
two high surrogates        | surrogate              | "\ud800\ud800"
high, then no surrogate    | surrogate              | "\ud83d\u0041"
low surrogate alone        | surrogate              | "\udc00"
low surrogate first        | surrogate              | "\udfff\ud800"
surrogate in a key         | surrogate              | {"\udead":1}
byte that starts nothing   | UTF-8                  | "%80"
continuation alone         | UTF-8                  | "a%BFb"
Latin-1                    | UTF-8                  | "%E9t%E9"
byte FF                    | UTF-8                  | "%FF"
byte FE                    | UTF-8                  | "%FE"
overlong, 2 bytes          | UTF-8                  | "%C0%AF"
overlong NUL               | UTF-8                  | "%C0%80"
overlong, most of 2 bytes  | UTF-8                  | "%C1%BF"
overlong, 3 bytes          | UTF-8                  | "%E0%9F%BF"
overlong, 4 bytes          | UTF-8                  | "%F0%8F%BF%BF"
high surrogate encoded     | UTF-8                  | "%ED%A0%80"
surrogate pair encoded     | UTF-8                  | "%ED%A0%BD%ED%B8%80"
low surrogate encoded      | UTF-8                  | "%ED%BF%BF"
over U+10FFFF              | UTF-8                  | "%F4%90%80%80"
far over U+10FFFF          | UTF-8                  | "%F5%80%80%80"
five bytes                 | UTF-8                  | "%F8%88%80%80%80"
cut after 1 of 2           | UTF-8                  | "%C3"
cut after 1 of 3           | UTF-8                  | "%E2"
cut after 2 of 3           | UTF-8                  | "%E2%82"
cut after 3 of 4           | UTF-8                  | "%F0%9F%98"
cut by an ASCII character  | UTF-8                  | "%E2%82x"
bad UTF-8 in a key         | UTF-8                  | {"%C3%28":1}
same key                   | same key twice         | {"a":1,"a":1}
same key, not adjacent     | same key twice         | {"a":1,"b":2,"a":3}
same key by an escape      | same key twice         | {"a":1,"\u0061":2}
same key by two escapes    | same key twice         | {"\u00e9":1,"é":2}
same key by a pair         | same key twice         | {"😀":1,"\ud83d\ude00":2}
same empty key             | same key twice         | {"":1,"":2}
same key, deep             | same key twice         | [[{"k":[{"a":1,"a":2}]}]]
same key, 8 members        | same key twice         | {"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"1":0}
same key, 9 members        | same key twice         | {"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"1":0}
same key, last two of 9    | same key twice         | {"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"8":0}
same key, 12 members       | same key twice         | {"k":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"\u006b":0}
key of the order again     | same key twice         | 1,"user_id":"u"
key of an item again       | same key twice         | 1,"y":{"sku":"s","qty":1,"qty":2}
END
    # Just beyond the limits: see the end of allowed.
    printf '%s\t%s\t%s\n' \
        '65 levels of arrays' 'nested too deeply' "$(repeat 64 '[')$(repeat 64 ']')" \
        '65 levels of objects' 'nested too deeply' "$(repeat 64 '{"a":')1$(repeat 64 '}')" \
        'thousands of levels' 'nested too deeply' "$(repeat 5000 '[')" \
        '64 characters of a number' 'number is too long' "$(repeat 64 9)" \
        '64 with a minus' 'number is too long' "-$(repeat 63 9)" \
        '64 with a fraction' 'number is too long' "0.$(repeat 62 3)" \
        '64 with an exponent' 'number is too long' "1e$(repeat 61 0)7"
}

@test "json: whatever RFC 8259 forbids, or our limits do, is refused with its place and the reason, each by itself" {
    local name reason value bad=0 count=0 status
    export AMQP_URL=$NOWHERE
    forbidden >table
    while IFS=$'\t' read -r name reason value; do
        carry "$value" >input
        status=0
        order-place --retries 1 <input >out 2>log || status=$?
        if [ "$status" -ne 65 ] || [ -s out ] || [[ $(<log) != 'order-place: input 1 (line 1): '*"$reason"* ]] ||
            [[ $(<log) == *$'\n'* ]]; then
            echo "$name: exit $status, $(wc -l <out) receipts, and instead of '$reason': $(<log)" >&2
            bad=1
        fi
        count=$((count + 1))
    done <table
    [ "$bad" -eq 0 ]
    [ "$count" -gt 100 ]
    [ "$(order-show --count)" -eq 0 ]
}

@test "json: what is forbidden spoils nothing around it, and is kept verbatim by --rejects" {
    local name reason value messages bad=0 number=0 count
    forbidden >table
    count=$(wc -l <table)
    while IFS=$'\t' read -r name reason value; do
        number=$((number + 2))
        printf '{"user_id":"before %d","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "$number"
        carry "$value"
        echo
    done <table >stream
    order >>stream

    run -65 --separate-stderr order-place --rejects rejects <stream
    [ "${#lines[@]}" -eq "$((count + 1))" ]
    [[ $output != *PENDING* ]]
    mapfile -t messages <<<"$stderr"
    [ "${#messages[@]}" -eq "$count" ]
    number=0
    while IFS=$'\t' read -r name reason value; do
        if [[ ${messages[number]} != "order-place: input $((number * 2 + 2)) (line $((number * 2 + 2))): "*"$reason"* ]]; then
            echo "$name: instead of '$reason': ${messages[number]}" >&2
            bad=1
        fi
        number=$((number + 1))
    done <table
    [ "$bad" -eq 0 ]
    sed -n 'n;p' stream | cmp - <(grep -av '^$' rejects)
    holds "$PLACED_Q" "$((count + 1))"
    drain "$PLACED_Q" | jq -r '.payload | fromjson | .user_id' >users
    diff users <(seq -f 'before %g' 2 2 $((2 * count)); echo u-1)
}

@test "json: input that is cut short anywhere is refused, and nothing of it is placed" {
    local text length status bad=0
    local LC_ALL=C
    export AMQP_URL=$NOWHERE
    text='{"user_id":"\u00e9é","restaurant_id":"r","items":[{"sku":"s","qty":10}],"x":-1.5e3,"y":[true]}'
    for ((length = 1; length < ${#text}; length++)); do
        status=0
        printf '%s' "${text:0:length}" | order-place --retries 1 --rejects rejects >out 2>log || status=$?
        if [ "$status" -ne 65 ] || [ -s out ] || [ "$(<rejects)" != "${text:0:length}" ] ||
            [ "$(<log)" != 'order-place: input 1 (line 1): the input ends within a value' ]; then
            echo "after $length bytes: exit $status, $(wc -l <out) receipts, and says: $(<log)" >&2
            bad=1
        fi
        rm rejects
    done
    [ "$bad" -eq 0 ]
    [ "$(order-show --count)" -eq 0 ]
}

@test "json: a value at top level may be of any kind, and a number there ends where the input does" {
    export AMQP_URL=$NOWHERE
    printf '1 "two" [3] null\ntrue{}-5' >input
    run -65 --separate-stderr order-place --retries 1 --rejects rejects <input
    [ -z "$output" ]
    diff <(printf '%s\n' "$stderr") - <<'END'
order-place: input 1 (line 1): not a JSON object
order-place: input 2 (line 1): not a JSON object
order-place: input 3 (line 1): not a JSON object
order-place: input 4 (line 1): not a JSON object
order-place: input 5 (line 2): not a JSON object
order-place: input 6 (line 2): user_id is missing
order-place: input 7 (line 2): not a JSON object
END
    diff rejects <(printf '%s\n' 1 '"two"' '[3]' null true '{}' -5)
}

@test "json: a byte order mark, NUL bytes or plain text before the first order cost that line only" {
    local bad=0 name start
    for start in '%EF%BB%BF' '%00%00' 'order: ' '%FE%FF' ']' '}' ','; do
        export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state$start
        {
            bytes "$start"
            order 1 first
            order 2 second
        } >input
        run -65 --separate-stderr order-place <input
        [ "$(jq -r .status <<<"$output")" = PLACED ] || bad=1
        [[ $stderr == 'order-place: input 1 (line 1): '* ]] || bad=1
        [ "$(data | jq -r .user_id)" = second ] || bad=1
        [ "$bad" -eq 0 ] || echo "'$start': $output $stderr" >&2
    done
    [ "$bad" -eq 0 ]
}
