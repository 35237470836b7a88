# Bodies on order.placed.q that claim to be an order and are not: each lands in the dead letter queue with a reason that a
# person understands, nothing of it is recorded, and the sound orders between them are handled.

load ../support/helper

setup()
{
    isolate
    SOUND='{"event_type":"OrderPlaced","order_id":"bad","user_id":"u","restaurant_id":"r","items":[{"sku":"s","qty":1}],"ts":"2024-01-01T00:00:00.000Z"}'
    ENCODING=
    BODIES=0
}

# wired: the bodies for wire, with the content_encoding that stands in encodings, each with an order behind it if there are names.
wired()
{
    perl -e 'open(my $encodings, "<", "encodings");
        for my $n (1 .. $ARGV[0]) {
            chomp(my $encoding = <$encodings>);
            my $properties = $encoding eq "" ? "\0\0" : pack("nC/a", 0x4000, $encoding);
            local $/;
            open(my $body, "<", "body-$n");
            print unpack("H*", $properties), " ", unpack("H*", <$body>) || "-", "\n";
            (my $event = $ARGV[1]) =~ s/bad/after-$n/;
            print "0000 ", unpack("H*", $event), "\n" if -e "names";
        }' "$(wc -l <encodings)" "$SOUND"
}

# shape NAME REASON COMMAND...: the output of the command is a body that is refused as an order, for that reason.
shape()
{
    local name=$1 reason=$2
    shift 2
    printf '%s\n' "$reason" >>reasons
    printf '%s\n' "$name" >>names
    body "$@"
}

# body COMMAND...: what the command writes is a body; its content_encoding is $ENCODING.
body()
{
    printf '%s\n' "$ENCODING" >>encodings
    BODIES=$((BODIES + 1))
    "$@" >"body-$BODIES"
}

# change PROGRAM: the sound order, changed by jq. text FORMAT: what printf writes.
change()
{
    jq -c "$1" <<<"$SOUND"
}

text()
{
    printf -- "$1"
}

sound()
{
    printf '%s' "$SOUND"
}

# edited SED-PROGRAM: the sound order as a text, changed.
edited()
{
    sound | sed "$1"
}

# through COMMAND...: the sound order, as that command passes it on.
through()
{
    sound | "$@"
}

packed()
{
    text "$1"
    sound
}

# Each member, of each type that it is not.
wrong_types()
{
    local member value
    for member in event_type order_id user_id restaurant_id; do
        for value in null true 1 -1.5 '[]' '{}' '["u"]' '{"id":"u"}'; do
            shape "$member is $value" "$member is not a string" change ".$member = $value"
        done
        shape "no $member" "$member is missing" change "del(.$member)"
        shape "$member is empty" "$member is empty" change ".$member = \"\""
        shape "$member twice" "$member is there twice" edited "s/\"$member\":/\"$member\":\"OrderPlaced\",&/"
        shape "$member in capitals" "$member is missing: '${member^^}' is not its name" edited "s/$member/${member^^}/"
        shape "$member with a NUL" "$member has a control character" edited "s/\"$member\":\"/&\\\\u0000/"
        shape "$member with half a pair" "$member has a control character, or half of a surrogate pair" edited "s/\"$member\":\"/&\\\\ud800/"
        shape "$member with an escape for terminals" "$member has a control character" \
            edited "s/\"$member\":\"/&\\\\u001b[31m/"
    done
    for value in null true 1 '"s"' '"[]"' '{}' '{"sku":"s","qty":1}' '{"0":{"sku":"s","qty":1}}'; do
        shape "items is $value" 'items is not an array' change ".items = $value"
    done
    for value in null true 1 '"s"' '[]' '["s",1]'; do
        shape "an item is $value" 'items[1] is not an object' change ".items[1] = $value"
    done
    for value in null true 1 '[]' '{}'; do
        shape "a sku is $value" 'items[0].sku is not a string' change ".items[0].sku = $value"
    done
    for value in null true '"1"' '"2"' '""' '[]' '[1]' '{}'; do
        shape "a qty is $value" 'items[0].qty is not a number' change ".items[0].qty = $value"
    done
    for value in 0 -1 1.5 0.99999999999999999999 1000001 1e99 -1e99 1e-1 1e400 "$(repeat 200 9)" -0; do
        shape "a qty is $value" 'items[0].qty is not an integer from 1 to 1000000' edited "s/\"qty\":1/\"qty\":$value/"
    done
    shape 'no items' 'items is missing' change 'del(.items)'
    shape 'items is empty' 'items is empty' change '.items = []'
    shape 'items twice' 'items is there twice' edited 's/"items":/"items":[],&/'
    shape 'a sku twice' 'items[0].sku is there twice' edited 's/"sku"/"sku":"t","sku"/'
    shape 'a qty twice' 'items[0].qty is there twice' edited 's/"qty"/"qty":5,"qty"/'
    shape 'no sku' 'items[0].sku is missing' change 'del(.items[0].sku)'
    shape 'no qty' 'items[0].qty is missing' change 'del(.items[0].qty)'
    shape 'quantity' 'items[0].qty is missing' change '.items[0] = {sku: "s", quantity: 1}'
}

encodings()
{
    local utf32='not JSON: it looks like text in UTF-32' utf16='not JSON: it looks like text in UTF-16'
    shape 'UTF-16 with a mark' "$utf16" through iconv -f UTF-8 -t UTF-16
    shape 'UTF-16LE' "$utf16" through iconv -f UTF-8 -t UTF-16LE
    shape 'UTF-16BE' "$utf16" through iconv -f UTF-8 -t UTF-16BE
    shape 'UTF-32' "$utf32" through iconv -f UTF-8 -t UTF-32
    shape 'Latin-1' 'not JSON: a string is not UTF-8 (byte 59)' edited 's/"user_id":"u/&\xe9/'
    shape 'UTF-8 twice marked' 'not JSON: a byte order mark, or other text, where a value should start (byte 1)' packed '\xef\xbb\xbf\xef\xbb\xbf'
    ENCODING=gzip shape 'gzip, and it says so' 'not JSON: it looks like gzip data' through gzip -c
    shape gzip 'not JSON: it looks like gzip data' through gzip -c
    ENCODING=deflate shape 'zlib, and it says deflate' 'not JSON: it looks like zlib data (deflate)' text '\x78\x9c\xab\x56\x4a\x2d\x4b\xcd\x2b\x89\x2f\xa9\x2c\x48\x55'
    ENCODING=deflate shape 'deflate' 'not JSON: it looks like binary data' text '\xab\x56\x4a\x2d\x4b\xcd\x2b\x89\x2f\xa9\x2c\x48\x55\x00'
    shape zstd 'not JSON: it looks like zstd data' text '\x28\xb5\x2f\xfd\x04\x58\x41\x00'
    shape base64 'not JSON: it looks like JSON in base64' through base64 -w 0
    shape 'JSON in a string' 'not a JSON object, but a string with JSON in it' change tojson
    shape 'JSON in a string in a string' 'not a JSON object' change 'tojson | tojson'
    shape 'URL-encoded JSON' 'not JSON: it looks like URL-encoded JSON' through jq -jR @uri
    shape 'a form' 'not JSON: it looks like the data of a form' text 'event_type=OrderPlaced&order_id=bad&user_id=u'
    shape XML 'not JSON: it looks like XML or HTML' text '<?xml version="1.0"?><OrderPlaced><order_id>bad</order_id></OrderPlaced>'
    shape HTML 'not JSON: it looks like XML or HTML' text '\n<html><body>502 Bad Gateway</body></html>\n'
    shape YAML 'not JSON: it looks like YAML' text 'event_type: OrderPlaced\norder_id: bad\n'
    shape 'YAML with its mark' 'not JSON: it looks like YAML' text '---\nevent_type: OrderPlaced\n'
    shape CSV 'not JSON: it looks like CSV' text 'OrderPlaced,bad,u,r,s,1\n'
    shape words 'not JSON: no JSON value starts like this (byte 1)' text 'please send a burger'
    shape protobuf 'not JSON: it looks like binary data' text '\x0a\x0bOrderPlaced\x12\x03bad\x1a\x01u\x22\x01r\x2a\x05\x0a\x01s\x10\x01'
    shape Avro 'not JSON: it looks like an Avro file' text 'Obj\x01\x04\x14avro.codec\x08null'
    shape 'Avro without a file' 'not JSON: it looks like binary data' text '\x00\x00\x00\x00\x01\x16OrderPlaced\x06bad'
    shape MessagePack 'not JSON: it looks like MessagePack' text '\x86\xaaevent_type\xabOrderPlaced\xa8order_id\xa3bad'
    shape CBOR 'not JSON: it looks like CBOR' text '\xa6\x6aevent_type\x6bOrderPlaced\x68order_id\x63bad'
    shape pickle 'not JSON: it looks like a pickle of Python' text '\x80\x04\x95\x2a\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c'
    shape 'random bytes' 'not JSON: it looks like binary data' text '\x93\x01\xfe\x00\x1f\x7b'
}

nesting()
{
    local wrapped='event_type is missing: it stands within'
    shape 'an array of one' 'not a JSON object, but an array' change '[.]'
    shape 'an empty array' 'not a JSON object, but an array' text '[]'
    shape 'an empty object' 'event_type is missing' text '{}'
    shape null 'not a JSON object' text null
    shape true 'not a JSON object' text true
    shape 'a number' 'not a JSON object' text 17
    shape 'a string' 'not a JSON object' text '"order"'
    shape 'an envelope' "$wrapped 'data'" change '{data: .}'
    shape 'CloudEvents' "$wrapped 'data'" change '{specversion: "1.0", type: "OrderPlaced", source: "shop", id: "1", data: .}'
    shape 'CloudEvents with a string' 'event_type is missing' change '{specversion: "1.0", type: "OrderPlaced", data: tojson}'
    shape 'what dlq-replay writes' "$wrapped 'body'" change '{queue: "order.placed.q", properties: {}, body: .}'
    shape 'type and payload' "$wrapped 'payload'" change '{type: "OrderPlaced", payload: .}'
    shape 'the order apart' "user_id is missing: it stands within 'order'" change '{event_type, order_id, order: {user_id, restaurant_id, items}}'
    shape 'two events' 'not JSON: something follows the value (byte 142)' text "$SOUND$SOUND"
    shape 'two lines' 'not JSON: something follows the value (byte 143)' text "$SOUND\n$SOUND\n"
    shape 'too deep' 'not JSON: nested too deeply (byte 69)' text "{\"x\":$(repeat 64 '[')$(repeat 64 ']')}"
    shape 'much too deep' 'not JSON: nested too deeply (byte 65)' text "$(repeat 100000 '[')"
}

sizes()
{
    shape empty 'not JSON: it is empty' text ''
    shape 'white space' 'not JSON: it is empty' text ' \r\n\t\n'
    shape 'a byte' 'not JSON: the input ends within a value (byte 2)' text '{'
    shape 'cut in the middle' 'not JSON: the input ends within a value (byte 71)' through head -c 70
    shape 'cut before the end' 'not JSON: the input ends within a value (byte 141)' edited 's/}$//'
    shape 'the end alone' 'not JSON: something follows the value (byte 6)' text '"qty":1}]}'
    shape 'a NUL behind it' 'not JSON: something follows the value (byte 142)' text "$SOUND\\0"
    shape 'NUL bytes' 'not JSON: it looks like binary data' text '\0\0\0\0\0\0'
    shape 'NUL in a string' 'not JSON: a string has a raw control character (byte 44)' edited 's/bad/&\x00/'
    shape 'too large' 'too large: over 1052672 bytes' padded 1052673
    shape 'much too large' 'too large: over 1052672 bytes' padded 3000000
    shape 'too many items' 'items has more than 1000 entries' change '.items = [range(1001) | {sku: "s", qty: 1}]'
    shape 'a long order_id' 'order_id is longer than 128 bytes' change '.order_id = "b" * 129'
    shape 'a long user_id' 'user_id is longer than 256 bytes' change '.user_id = "u" * 257'
    shape 'a long sku' 'items[0].sku is longer than 256 bytes' change '.items[0].sku = "s" * 257'
}

padded()
{
    sound
    head -c $(($1 - ${#SOUND})) /dev/zero | tr '\0' ' '
}

dialects()
{
    shape 'another event' "event_type is 'InventoryReserved', not 'OrderPlaced'" change '.event_type = "InventoryReserved"'
    shape 'in lower case' "event_type is 'orderplaced', not 'OrderPlaced'" change '.event_type = "orderplaced"'
    shape 'a space too many' "event_type is 'OrderPlaced ', not 'OrderPlaced'" change '.event_type += " "'
    shape eventType "event_type is missing: 'eventType' is not its name" edited 's/event_type/eventType/'
    shape EventType "event_type is missing: 'EventType' is not its name" edited 's/event_type/EventType/'
    shape orderId "order_id is missing: 'orderId' is not its name" edited 's/order_id/orderId/'
    shape 'order-id' "order_id is missing: 'order-id' is not its name" edited 's/order_id/order-id/'
    shape 'another name' 'user_id is missing' edited 's/user_id/customer/'
    shape NaN 'not JSON: no JSON value starts like this: JSON has neither NaN nor Infinity nor None (byte 106)' edited 's/"qty":1/"qty":NaN/'
    shape Infinity 'not JSON: no JSON value starts like this: JSON has neither NaN nor Infinity nor None (byte 106)' edited 's/"qty":1/"qty":Infinity/'
    shape "as Python prints it" "not JSON: an object's key must be a string, in double quotes (byte 2)" through tr '"' "'"
    shape 'single quotes' 'not JSON: no JSON value starts like this: strings stand in double quotes (byte 56)' edited "s/\"u\"/'u'/"
    shape 'bare keys' "not JSON: an object's key must be a string, in double quotes (byte 2)" edited 's/"\([a-z_]*\)":/\1:/g'
    shape 'a comma too many' "not JSON: a trailing comma: no member comes after it (byte 142)" edited 's/}$/,}/'
    shape 'a comma too many in an array' 'not JSON: a trailing comma: no value comes after it (byte 109)' edited 's/}\],/},],/'
    shape 'no comma' 'not JSON: a comma or a closing bracket is missing (byte 29)' edited 's/,"order_id/ "order_id/'
    shape 'a comment' 'not JSON: no JSON value starts like this: JSON has no comments (byte 1)' packed '// an order\n'
    shape 'a comment within' "not JSON: an object's key must be a string, in double quotes (byte 2)" edited 's/^{/&\/* an order *\//'
    shape 'a number with a zero' 'not JSON: a number has a leading zero (byte 107)' edited 's/"qty":1/"qty":01/'
    shape 'a raw tab' 'not JSON: a string has a raw control character (byte 57)' edited 's/"u"/"\tu"/'
    shape 'a bad escape' 'not JSON: a string has an unknown escape (byte 58)' edited 's/"u"/"\\xu"/'
    shape 'True' 'not JSON: no JSON value starts like this (byte 106)' edited 's/"qty":1/"qty":True/'
    shape 'a separator before it' 'not JSON: it looks like binary data' packed '\x1e'
    shape 'a script' 'not JSON: it looks like a script' text '#!/bin/sh\necho {}\n'
}

@test "shapes: bodies that only look like an order become dead letters with a helpful reason, and the orders between them are handled" {
    local count
    topology
    wrong_types
    encodings
    nesting
    sizes
    dialects
    count=$(wc -l <names)
    [ "$count" -gt 150 ]
    wired >sent
    wire put "$PLACED_Q" <sent

    run -0 --separate-stderr inventory-worker --idle-timeout 1
    # The sound ones, each of them and nothing else, have their events.
    printf '%s\n' "${lines[@]}" | jq -r .order_id | diff <(seq -f 'after-%g' "$count") -
    # What was rejected is said in the log,
    sed -n 's/^\[inventory\] rejected a message: //p' <<<"$stderr" >said
    paste -d'|' names reasons | diff - <(paste -d'|' names said)
    # and of the dead letters, which are as they came.
    eventually holds "$DEAD_Q" "$count"
    dlq-replay --list >listed
    jq -r .error listed | diff said -
    jq -es 'all(.death.queue == "order.placed.q" and .death.reason == "rejected" and .deaths == 1)' listed
    eventually holds "$DEAD_Q" "$count"
    wire get "$DEAD_Q" | cut -d' ' -f2 | diff <(sed -n 'p;n' sent | cut -d' ' -f2) -

    # Nothing is known of them: an order of their id is an order.
    post orders-ex order.placed "$SOUND"
    run -0 --separate-stderr inventory-worker --count 1
    says <(printf '%s\n' "$stderr") '[inventory] reservation OK for bad'
}

@test "shapes: an order that every parser reads the same is accepted, however it is written" {
    local number=0 count
    # variant SED-PROGRAM: an order of its own, changed.
    variant()
    {
        number=$((number + 1))
        body edited "s/\"bad\"/\"good-$number\"/; $1"
    }
    topology
    variant ''
    variant '1s/^/\xef\xbb\xbf/'
    variant 's/^/ \r\n\t/; s/$/\n\n/'
    variant 's/"[a-z]/\n&/g'
    variant 's/"qty":1/"qty":1.0/'
    variant 's/"qty":1/"qty":10e-1/'
    variant "s/\"qty\":1/\"qty\":1.$(repeat 200 0)/"
    variant 's/OrderPlaced/\\u004frderPlaced/; s/user_id/\\u0075ser_id/'
    variant 's/"ts":"[^"]*"/"ts":null/'
    variant 's/,"ts":"[^"]*"//'
    variant 's/"ts"/"ts":1,"ts"/'
    variant 's/^{/&"x":{"a":1,"a":2},/'
    variant 's/^{/&"x":"\\u0000","y":"\\ud800",/'
    variant "s/^{/&\"x\":$(repeat 300 9),/"
    variant 's/"sku"/"x":"\\udfff","sku"/'
    variant 's/"u"/"größe 日本 😀"/'
    variant 's/^{/&"Event_Type":"x","EVENT_TYPE":1,"reason":[],/'
    count=$number
    wired | wire put "$PLACED_Q"
    run -0 --separate-stderr inventory-worker --idle-timeout 1
    printf '%s\n' "${lines[@]}" | jq -r .order_id | diff <(seq -f 'good-%g' "$count") -
    [[ $stderr != *rejected* ]]
    holds "$DEAD_Q" 0
}
