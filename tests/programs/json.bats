# JSON: what RFC 8259 allows is taken and kept to the letter, what it forbids, or our limits do, is refused.
#
# All through order-place, with orders that carry the value in question in a member that it does not know. In the tables a
# byte that cannot stand here is written %HH, its number.

load ../support/helper

setup()
{
    isolate
    # Nothing listens there: input is refused without a broker.
    NOWHERE=amqp://127.0.0.1:1
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
    # Right up to the limit: 64 levels, the order itself being one. And numbers around what a parser's buffer holds.
    printf '%s%s\n' "$(repeat 63 '[')" "$(repeat 63 ']')"
    printf '%s1%s\n' "$(repeat 63 '{"a":')" "$(repeat 63 '}')"
    printf '%s\n' "$(repeat 63 9)" "-$(repeat 62 9)" "0.$(repeat 61 3)" "1e$(repeat 60 0)7"
    printf '%s\n' "$(repeat 64 9)" "[-$(repeat 63 9),1]" "0.$(repeat 62 3)" "1e$(repeat 61 0)7" "{\"a\":$(repeat 10000 8)}" "1e-$(repeat 5000 0)"
    printf '"%s"\n' "$(repeat 20000 'long ')"
}

@test "json: every form that RFC 8259 allows is taken, kept to the letter, and not published" {
    local value
    while IFS= read -r value; do
        carry "$value"
        echo
    done < <(allowed) >orders
    [ "$(wc -l <orders)" -eq 58 ]

    run -0 --separate-stderr order-place <orders
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 58 ]
    # What a terminal would take for more than text is shown as an escape, and otherwise all is as it was.
    bytes 's/%7F/\\u007f/; s/%C2%80/\\u0080/; s/%E2%80%A8/\\u2028/; s/%E2%80%A9/\\u2029/; s/%E2%80%AE/\\u202e/' >escape
    LC_ALL=C sed -f escape orders >shown
    stored_data | diff -a shown -
    # So another parser reads the same.
    jq -c .x orders >before
    order-show --all | jq -c .data.x | diff -a before -
    drain "$PLACED_Q" | jq -c '.payload | fromjson | keys' | sort -u >keys
    [ "$(cat keys)" = '["event_type","items","order_id","restaurant_id","ts","user_id"]' ]

    # The same when the bytes arrive one by one, so that every token is cut everywhere.
    other_store
    head -c 6000 orders | sed '$d' >some
    dd if=some bs=1 status=none | order-place >receipts
    [ "$(wc -l <receipts)" -eq "$(wc -l <some)" ]
    stored_data | diff -a <(LC_ALL=C sed -f escape some) -
}

# What RFC 8259 allows, and parsers read differently or not at all: one a line.
odd()
{
    cat <<'END'
"\u0000"
"a\u0000b"
["\u0000","\\u0000","\\\u0000"]
{"\u0000":1}
"\ud800"
"\udbffx"
"\ud800\n"
"\ud800\""
"\ud800é"
"\ud800\ud800"
"\ud800\ud800\udc00"
"\ud83d\u0041"
"\uD83d\u0000"
"\udc00"
"\udfff\ud800"
{"\udead":1,"\uDEAD":2,"\u0001":3,"\u0000":4}
{"a":1,"a":1}
{"a":1,"b":2,"a":3}
{"a":1,"\u0061":2}
{"":1,"":2}
[[{"k":[{"a":1,"a":2}]}]]
{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"1":0}
{"sku":"s","qty":1,"qty":2}
{"user_id":1,"user_id":2,"order_id":3,"order_id":4}
1,"x":2
1,"ts":2,"ts":3
1,"event_type":2,"event_type":3
END
    printf '{"\\u0000":%s,"\\ud800":"\\ud800"}\n' "$(repeat 70 7)"
}

@test "json: members that are only kept may hold what parsers read differently (NUL, half a surrogate pair, a key twice), and are kept to the letter" {
    local value
    while IFS= read -r value; do
        carry "$value"
        echo
    done < <(odd) >orders

    run -0 --separate-stderr order-place <orders
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 28 ]
    stored_data | diff -a orders -
    drain "$PLACED_Q" | jq -c '.payload | fromjson | keys' | sort -u >keys
    [ "$(cat keys)" = '["event_type","items","order_id","restaurant_id","ts","user_id"]' ]
    # Every token cut everywhere.
    other_store
    dd if=orders bs=1 status=none | order-place >receipts
    stored_data | diff -a orders -
}

@test "json: an order with such members, placed again, is the same order only if they are the same" {
    local value id number=0
    while IFS= read -r value; do
        id=$(printf '00000000-0000-4000-8000-%012x' "$number")
        carry "$value,\"order_id\":\"$id\""
        echo
        number=$((number + 1))
    done < <(odd) >orders
    order-place <orders >receipts
    sed 's/,/ , /; s/"u"/"\\u0075"/' orders >again
    order-place <again >repeated
    diff receipts <(as_first <repeated)
    [ "$(grep -c repeated repeated)" -eq "$number" ]
    # Changed by one character each: \u0000 is not \u0001, and one half is not another, nor \ufffd.
    for value in 's/\\u0000/\\u0001/' 's/\\u0000/\\u00010000/' 's/\\ud800/\\ud801/' 's/\\ud800/\\ufffd/' 's/\\ud800/\\u0001d800/' \
        's/\\ud800/\\u0000/' 's/"a":1,"a":1/"a":1/' 's/{"a":1,"b":2,"a":3}/{"a":3,"b":2,"a":1}/' 's/"x":2/"x":1/'; do
        sed -n "${value}p" orders >changed
        [ -s changed ]
        run -65 --separate-stderr order-place <changed
        [ -z "$output" ]
        [ "$(grep -c 'is taken by an order of other content' <<<"$stderr")" -eq "$(wc -l <changed)" ]
    done
}

# Pairs of a number: written in two ways, and not equal.
@test "json: an order placed again is the same if its numbers are equal by their exact values" {
    local same other zeros=0
    zeros=$(repeat 400 0)
    id=01a20412-a707-7156-911b-31ac21cf1797
    while read -r same; do
        for other in $same; do
            printf '{"order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1.0}],"x":[%s]}\n' "$id" "$other"
        done >orders
        other_store
        run -0 --separate-stderr order-place <orders
        [ -z "$stderr" ]
        [ "${#lines[@]}" -eq "$(wc -w <<<"$same")" ]
    done <<END
1 1.0 10e-1 1E0 1e+0 0.1e1 1.${zeros} 1${zeros}e-400 100E-00002 0.${zeros}1e401
1.5 1.50 15e-1 0.15E+1
0 -0 0.0 -0.00 0e999999999 0e-99999999999999999999999 -0e1
-7 -7.0 -70e-1
1e400 10e399 0.1e401
12345678901234567890 1234567890123456789e1 12345678901234567890.0
1e1000000000000000000000 10e999999999999999999999 0.1e1000000000000000000001 1e+0001000000000000000000000
1e-1000000000000000000000 0.1e-999999999999999999999 10e-1000000000000000000001
1e1000000000000000000 10e999999999999999999
END
    while read -r same other; do
        printf '{"order_id":"%s","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"x":[%s]}\n' "$id" "$same" "$id" "$other" >orders
        other_store
        run -65 --separate-stderr order-place <orders
        [ "${#lines[@]}" -eq 1 ]
        [ "$stderr" = "order-place: input 2 (line 2): order_id $id is taken by an order of other content" ]
    done <<END
1 1.0000000000000000000000000000000000000000001
1 -1
1 "1"
1 true
1e400 1e401
1e400 -1e400
1e-400 0
12345678901234567890 12345678901234567891
9007199254740993 9007199254740992
1e1000000000000000000000 1e1000000000000000000001
1e999999999999999999999 1e-999999999999999999999
END
}

@test "json: a quantity counts by its value, however long it is written" {
    local zeros qty
    zeros=$(repeat 100 0)
    for qty in "3.$zeros" "3${zeros}e-100" "0.${zeros}3e101" 30e-1; do
        order "$qty"
    done >orders
    order-place <orders >receipts
    [ "$(drain "$PLACED_Q" | jq -c '.payload | fromjson | .items[0].qty' | sort -u)" = 3 ]
    for qty in "3.${zeros}1" "1$zeros" "0.${zeros}1" "1e$(repeat 100 9)" 1e400 "-1e$(repeat 100 9)"; do
        order "$qty"
    done >orders
    run -65 --separate-stderr order-place <orders
    [ -z "$output" ]
    [ "$(grep -c 'items\[0\].qty is not an integer from 1 to 1000000' <<<"$stderr")" -eq 6 ]
}

# table KIND FORMAT [COLUMN]: each text of that kind in json-cases.tsv, or with COLUMN "shown" as order-show shows it, as the
# member x of an order that FORMAT starts, and behind each a sound order.
table()
{
    local kind name text shown
    while IFS=$'\t' read -r kind name text shown; do
        [ "$kind" = "$1" ] || continue
        [ "${3:-}" != shown ] || text=${shown:-$text}
        printf '{"x":%s' "$2"
        bytes "$text"
        printf '%s,"user_id":"%s","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' "${2:+]}" "$name"
        printf '{"user_id":"behind it","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n'
    done <"$DATA/json-cases.tsv"
}

@test "json: the table: each valid text is accepted as an unknown member, and kept to the letter" {
    table take '' >stream
    run -0 --separate-stderr order-place <stream
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 270 ]
    stored_data >kept
    # But for the white space between tokens, and what a terminal would take for more than text.
    table take '' shown | diff -a - kept
    # So another parser reads the same.
    jq -c .x stream | diff - <(jq -c .x kept)
}

@test "json: the table: each invalid text is refused once, with its position; each optional one is accepted or refused; valid orders are placed" {
    local length
    table refuse '[0,' >stream
    {
        printf '{"x":'
        repeat 100000 '['
        echo
        order
        printf '{"x":'
        repeat 50000 '[{"":'
        echo
        order
    } >>stream
    run -65 --separate-stderr order-place --rejects rejects <stream
    [ "${#lines[@]}" -eq 260 ]
    # Every other input, and nothing is said but that.
    sed -E 's/^order-place: (input [0-9]+) \(line [0-9]+\): .+/\1/' <<<"$stderr" | diff - <(seq -f 'input %g' 1 2 519)
    [ "$(stored_data | grep -c 'behind it')" -eq 258 ]
    [ "$(order-show --count)" -eq 260 ]

    other_store
    table either '' >stream
    for length in 64 300 5000; do
        printf '{"x":%s%s,"user_id":"%s levels","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n' \
            "$(repeat "$length" '[')" "$(repeat "$length" ']')" "$length"
        printf '{"user_id":"behind it","restaurant_id":"r","items":[{"sku":"s","qty":1}]}\n'
    done >>stream
    run -65 --separate-stderr order-place <stream
    length=${#lines[@]}
    [ "$length" -eq $((70 - $(grep -c '^order-place: input [0-9]* (line [0-9]*): ' <<<"$stderr"))) ]
    [ "$(stored_data | grep -c 'behind it')" -eq 35 ]
    # All but the eight with a byte order mark and the three that are too deep.
    [ "$length" -eq 59 ]
    stored_data | diff -a - <(grep -avE '"user_id":"(mark|[0-9]+ levels)' stream)
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
    stored_data >kept
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
comma after the last entry | a trailing comma       | [1,]
comma after the last member | a trailing comma      | {"a":1,}
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
high, then a bad escape    | unknown escape         | "\ud800\x"
high, then a bad \u        | four hexadecimal       | "\ud800\u00"
high, then a raw NUL       | control character      | "\ud800%00"
high, then bad UTF-8       | UTF-8                  | "\ud800%80"
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
user_id twice              | user_id is there twice | 1,"user_id":"u"
user_id twice, by an escape | user_id is there twice | 1,"\u0075ser_id":"u"
restaurant_id twice        | restaurant_id is there twice | 1,"restaurant_id":null
items twice                | items is there twice   | 1,"items":[]
order_id twice             | order_id is there twice | 1,"order_id":1,"order_id":1
END
    # Just beyond the limit: see the end of allowed.
    printf '%s\t%s\t%s\n' \
        '65 levels of arrays' 'nested too deeply' "$(repeat 64 '[')$(repeat 64 ']')" \
        '65 levels of objects' 'nested too deeply' "$(repeat 64 '{"a":')1$(repeat 64 '}')" \
        'thousands of levels' 'nested too deeply' "$(repeat 5000 '[')"
}

@test "json: whatever RFC 8259 or our limits forbid is refused with its position and the reason, each by itself" {
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

@test "json: forbidden input affects nothing around it, and --rejects keeps it verbatim" {
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
order-place: input 3 (line 1): not a JSON object, but an array: --array takes the orders in it
order-place: input 4 (line 1): not a JSON object
order-place: input 5 (line 2): not a JSON object
order-place: input 6 (line 2): user_id is missing
order-place: input 7 (line 2): not a JSON object
END
    diff rejects <(printf '%s\n' 1 '"two"' '[3]' null true '{}' -5)
}

@test "json: NUL bytes, half a mark or plain text before the first order cost that line only" {
    local bad=0 name start
    for start in '%EF%BB' '%00%00' '%00' 'order: ' '%FE%FF' '%FF%FE' '%1Fx' 'PK' ']' '}' ','; do
        other_store
        {
            bytes "$start"
            order 1 first
            order 2 second
        } >input
        run -65 --separate-stderr order-place <input
        [ "$(jq -r .status <<<"$output")" = PLACED ] || bad=1
        [[ $stderr == 'order-place: input 1 (line 1): '* ]] || bad=1
        [ "$(stored_data | jq -r .user_id)" = second ] || bad=1
        [ "$bad" -eq 0 ] || echo "'$start': $output $stderr" >&2
    done
    [ "$bad" -eq 0 ]
}

# ---- streams that are written in other ways

@test "json: a byte order mark at the start is skipped, and nowhere else" {
    {
        bytes '%EF%BB%BF'
        order 1 first
        order 2 second
        bytes '%EF%BB%BF'
        order 3 third
        order 4 fourth
    } >input
    run -65 --separate-stderr order-place <input
    [ "${#lines[@]}" -eq 3 ]
    [ "$stderr" = 'order-place: input 3 (line 3): a byte order mark, or other text, where a value should start' ]
    stored_data | jq -r .user_id | diff - <(printf '%s\n' first second fourth)

    # In pieces, and all alone.
    other_store
    dd if=input bs=1 count=80 status=none | head -n 1 | order-place | grep PLACED
    bytes '%EF%BB%BF' >input
    run -0 --separate-stderr order-place <input
    [ -z "$output$stderr" ]
    # The other programs' streams are the same.
    { bytes '%EF%BB%BF' && echo '{"sku":"soda","on_hand":5}'; } | inventory-stock | grep -x '{"sku":"soda","on_hand":5,"reserved":0}'
}

@test "json: a JSON text sequence (RFC 7464) is read, and a truncated text in it costs only that text" {
    {
        printf '\x1e' && order 1 first
        printf '\x1e\x1e' && order 2 second
        printf '\x1e{"user_id":"cut off","rest'
        printf '\x1e' && order 3 third
        printf '\x1e{"user_id":"cut off","restaurant_id":'
        printf '\x1e' && order 4 fourth
        printf '\x1enonsense \x1e' && order 5 fifth
        printf '\x1e{\n"user_id":\n"u","restaurant_id":"r","items":[{"sku":"s","qty":1}]}'
        printf '\x1e\n'
    } >input
    run -65 --separate-stderr order-place --rejects rejects <input
    [ "${#lines[@]}" -eq 6 ]
    [ "$(stored_data | jq -r .user_id | paste -sd' ')" = 'first second third fourth fifth u' ]
    diff <(printf '%s\n' "$stderr") - <<'END'
order-place: input 3 (line 3): a string has a raw control character
order-place: input 5 (line 4): no JSON value starts like this
order-place: input 7 (line 5): no JSON value starts like this
END
    diff rejects - <<'END'
{"user_id":"cut off","rest
{"user_id":"cut off","restaurant_id":
nonsense 
END
    # Every token cut everywhere; and without such a separator it is what it was, a fault.
    other_store
    dd if=input bs=1 status=none | order-place 2>log | grep -c PLACED | grep -x 6
    diff log <(printf '%s\n' "$stderr")
    other_store
    { printf 'x ' && order && printf 'x \x1e' && order && order; } >input
    run -65 --separate-stderr order-place <input
    [ "${#lines[@]}" -eq 1 ]
}

# Formats: NAME, what the refusal says, and the command that makes it of orders.
foreign_formats()
{
    cat <<'END'
UTF-16 with a mark|text in UTF-16: iconv -f UTF-16 -t UTF-8 makes UTF-8 of it|iconv -f UTF-8 -t UTF-16
UTF-16LE|text in UTF-16: iconv -f UTF-16LE -t UTF-8 makes UTF-8 of it|iconv -f UTF-8 -t UTF-16LE
UTF-16BE|text in UTF-16: iconv -f UTF-16BE -t UTF-8 makes UTF-8 of it|iconv -f UTF-8 -t UTF-16BE
UTF-16BE with a mark|text in UTF-16: iconv -f UTF-16 -t UTF-8 makes UTF-8 of it|(printf '\376\377'; iconv -f UTF-8 -t UTF-16BE)
UTF-32|text in UTF-32: iconv -f UTF-32 -t UTF-8 makes UTF-8 of it|iconv -f UTF-8 -t UTF-32
UTF-32BE|text in UTF-32: iconv -f UTF-32 -t UTF-8 makes UTF-8 of it|iconv -f UTF-8 -t UTF-32BE
gzip|gzip data: gzip -dc unpacks it|gzip -c
bzip2|bzip2 data: bzip2 -dc unpacks it|(printf BZh91AY; cat)
xz|xz data: xz -dc unpacks it|(printf '\375''7zXZ\0'; cat)
zstd|zstd data: zstd -dc unpacks it|(printf '\050\265\057\375'; cat)
a script|a script: its output is wanted, not its text|(echo '#!/bin/sh'; echo 'order-place <<END'; cat)
END
}

@test "json: other encodings, compressed data and scripts are refused as a whole, once, with their kind and a remedy" {
    local name what make bad=0
    export AMQP_URL=$NOWHERE
    orders 3000 >orders
    while IFS='|' read -r name what make; do
        bash -c "$make" <orders >input
        rm -f rejects
        status=0
        order-place --retries 1 --rejects rejects <input >out 2>log || status=$?
        if [ "$status" -ne 65 ] || [ -s out ] || [ "$(<log)" != "order-place: input 1 (line 1): not JSON, but $what" ] ||
            ! cmp -s rejects <(cat input && echo); then
            echo "$name: exit $status, $(wc -l <out) receipts, and says: $(<log)" >&2
            bad=1
        fi
        # In pieces as small as they come.
        head -c 50 input | dd bs=1 status=none | order-place --retries 1 2>log && bad=1
        [ "$(<log)" = "order-place: input 1 (line 1): not JSON, but $what" ] || bad=1
    done < <(foreign_formats)
    [ "$bad" -eq 0 ]
    [ "$(order-show --count)" -eq 0 ]
    # And so it is for the others.
    gzip -c orders | (run -65 --separate-stderr inventory-stock && [ "$stderr" = 'inventory-stock: input 1 (line 1): not JSON, but gzip data: gzip -dc unpacks it' ])
}

@test "json: an array of orders is refused once, however long, and says how to take it apart" {
    local reason="order-place: input 1 (line 1): not a JSON object, but an array: --array takes the orders in it"
    export AMQP_URL=$NOWHERE
    jq -nc '[range(3) | {user_id: "u", restaurant_id: "r", items: [{sku: "s", qty: 1}]}]' >three
    jq -n '[range(20000) | {user_id: "u", restaurant_id: "r", items: [{sku: "s", qty: 1}]}]' >many
    [ "$(wc -c <many)" -gt 2000000 ]
    for input in three many; do
        other_store
        run -65 --separate-stderr order-place --retries 1 --rejects "$input.rejects" <"$input"
        [ -z "$output" ]
        [ "$stderr" = "$reason" ]
        # An order behind it is taken.
        { cat "$input" && order; } >more
        run -75 --separate-stderr order-place --retries 1 <more
        [[ $stderr == "$reason"* ]]
        [ "$(jq -r .status <<<"$output")" = PENDING ]
    done
    cmp three.rejects <(cat three)
}

@test "json: --array takes the orders of arrays, of any length in little memory, as those outside" {
    export AMQP_URL=$NOWHERE
    jq -n '[range(30000) | {order_id: "00000000-0000-4000-8000-\(1000000000000 + . | tostring[1:])", user_id: "u",
        restaurant_id: "r", items: [{sku: "s", qty: 1}]}]' >many
    [ "$(wc -c <many)" -gt 4000000 ]
    { cat many && order && jq -c . "$DATA/order.json" | jq -sc . ; } >input
    run -75 --separate-stderr with_memory 65536 order-place --array --retries 1 <input
    [ "${#lines[@]}" -eq 30002 ]
    [ "$(order-show --count)" -eq 30002 ]
    # What is wrong in one or between two is told as it is outside.
    other_store
    jq -nc '[{user_id: "u"}, 7, [], "s"]' >faults
    echo '[{"a":1},]' >>faults
    printf '[{"a":1}\n {"a":1}' >>faults
    run -65 --separate-stderr order-place --array --retries 1 <faults
    diff <(echo "$stderr") - <<'END'
order-place: input 1 (line 1): restaurant_id is missing
order-place: input 2 (line 1): not a JSON object
order-place: input 3 (line 1): not a JSON object, but an array within an array
order-place: input 4 (line 1): not a JSON object
order-place: input 5 (line 2): user_id is missing
order-place: input 6 (line 2): a trailing comma: no value comes after it
order-place: input 7 (line 3): user_id is missing
order-place: input 8 (line 4): a comma or a closing bracket is missing
order-place: input 9 (line 4): user_id is missing
order-place: input 10 (line 4): the input ends within an array: its last bracket is missing
END
}

@test "json: CSV is called by its name, and so are a trailing comma and what is missing" {
    local csv
    for csv in 'user_id,restaurant_id,sku,qty' 'user;sku' $'user\tsku'; do
        run -65 --separate-stderr order-place <<<"$csv"$'\nu-1,r-1,burger,2'
        [ "$stderr" = 'order-place: input 1 (line 1): not JSON: it looks like CSV' ]
    done
    run -65 --separate-stderr order-place <<<'"user_id","sku"'
    [ "${stderr_lines[1]}" = 'order-place: input 2 (line 1): no JSON value starts like this: there are no commas between values, as in CSV' ]
    run -65 --separate-stderr order-place <<<'{"user_id": "u",}'
    [ "$stderr" = 'order-place: input 1 (line 1): a trailing comma: no member comes after it' ]
}
