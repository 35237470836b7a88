#include "base/uuid.h"

#include "unit.h"

#include "base/clock.h"
#include "base/report.h"

#include <string.h>

#define IDS 10000

/* RFC 9562, section 5.7: 48 bits of milliseconds, version 7, variant 10. */
static void mints_ids_of_version_7(void)
{
    unsigned char id[UUID_BYTES];
    int64_t before = clock_utc_ms();
    int64_t ms = 0;

    order_id_mint(id);
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id[i];
    CHECK(ms >= before && ms <= clock_utc_ms());
    EQUAL(id[6] >> 4, 7);
    EQUAL(id[8] >> 6, 2);
}

/* More in a millisecond than the counter of 12 bits has room for, on any machine. */
static void mints_ids_that_ascend(void)
{
    static unsigned char ids[IDS][UUID_BYTES];
    int ascending = 0;
    int sound = 0;

    for (int i = 0; i < IDS; i++)
        order_id_mint(ids[i]);
    for (int i = 1; i < IDS; i++) {
        ascending += memcmp(ids[i - 1], ids[i], UUID_BYTES) < 0;
        sound += ids[i][6] >> 4 == 7 && ids[i][8] >> 6 == 2;
    }
    EQUAL(ascending, IDS - 1);
    EQUAL(sound, IDS - 1);
}

static void mints_ids_that_cannot_be_guessed(void)
{
    unsigned char ids[2][UUID_BYTES];

    order_id_mint(ids[0]);
    order_id_mint(ids[1]);
    CHECK(memcmp(ids[0] + 8, ids[1] + 8, UUID_BYTES - 8) != 0);
}

static void reads_and_writes_text(void)
{
    /* RFC 9562, appendix A.6. */
    static const unsigned char example[UUID_BYTES] = {0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0,
                                                      0x7C, 0xC3, 0x98, 0xC4, 0xDC, 0x0C,
                                                      0x0C, 0x07, 0x39, 0x8F};
    unsigned char id[UUID_BYTES];
    char text[UUID_TEXT_SIZE];

    uuid_to_text(example, text);
    SAME(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    CHECK(uuid_from_text("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", id));
    SAME_BYTES(id, UUID_BYTES, example, UUID_BYTES);
    CHECK(uuid_from_text("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id));
    SAME_BYTES(id, UUID_BYTES, example, UUID_BYTES);
}

static void refuses_text_that_is_no_uuid(void)
{
    static const char *const texts[] = {"",
                                        "017f22e2",
                                        "017f22e279b07cc398c4dc0c0c07398f",
                                        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
                                        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                                        "017f22e2x79b0-7cc3-98c4-dc0c0c07398f",
                                        " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                                        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}"};
    unsigned char id[UUID_BYTES];

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        CHECK(!uuid_from_text(texts[i], id));
    }
}

/* As uuid5() of Python has them, of NAMESPACE_URL. */
static void tells_when_an_id_was_made(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* negative: it does not tell */
    } rows[] = {{"01a2246a-f1e3-71ba-b1ca-ad3b9dd60651", INT64_C(0x01a2246af1e3)},
                {"01a2246a-f1e3-71ba-b1ca-ad3b9dd60652", INT64_C(0x01a2246af1e3)},
                {"01a2246a-f1e4-71ba-b1ca-ad3b9dd60651", INT64_C(0x01a2246af1e4)},
                {"01A2246A-F1E3-71BA-B1CA-AD3B9DD60651", INT64_C(0x01a2246af1e3)},
                {"01A2246A-F1E3-71BA-B1CA-AD3B9DD6065", -1},
                {"01a2246a+f1e3-71ba-b1ca-ad3b9dd60651", -1},
                {"01a2246a-f1e3-41ba-b1ca-ad3b9dd60651", -1},
                {"01a2246a-f1e3-71ba-b1ca-ad3b9dd6065", -1},
                {"01a2246a-f1e3-71ba-b1ca-ad3b9dd606510", -1},
                {"01a2246g-f1e3-71ba-b1ca-ad3b9dd60651", -1},
                {"order-7", -1},
                {"", -1}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;

        unit_row(rows[i].text);
        CHECK(uuid_text_time(rows[i].text, &ms) == (rows[i].ms >= 0));
        EQUAL(ms, rows[i].ms);
    }
}

static void names_messages_by_version_5(void)
{
    char text[UUID_TEXT_SIZE];

    message_id_of("OrderPlaced", "0190163d-8694-739b-aea5-966c26f8ad91", text);
    SAME(text, "e5cae0c3-581a-5878-9008-9d36e9747476");
    message_id_of("InventoryReserved", "0190163d-8694-739b-aea5-966c26f8ad91", text);
    SAME(text, "37e2fe6b-0ce1-5918-99be-80f7e1b2897e");
    message_id_of("InventoryReserved", "a: b", text);
    SAME(text, "01abdbd8-6773-5d8b-8eeb-6c2bb47fa640");
}

static void makes_ids_of_keys(void)
{
    unsigned char id[UUID_BYTES];
    char text[UUID_TEXT_SIZE];

    order_id_of_key("8e03978e-40d5-43dd-bc93-6894a57f9324", id);
    uuid_to_text(id, text);
    SAME(text, "1af0e8b9-d46b-5ea6-acf2-ae96b04daba8");
    order_id_of_key("a: b", id);
    uuid_to_text(id, text);
    SAME(text, "9bb43a2d-a815-52c8-be9a-6ed8b6f42810");
}

static void name_a_message_that_is_too_long(void)
{
    char order_id[600] = "";
    char text[UUID_TEXT_SIZE];

    memset(order_id, 'x', sizeof order_id - 1);
    message_id_of("OrderPlaced", order_id, text);
}

static void ends_on_an_order_id_that_is_too_long(void)
{
    unit_capture(2);
    EQUAL(unit_exit_code(name_a_message_that_is_too_long), EXIT_BUG);
    SAME(unit_captured(2), "order-tools: message id of an order id that is too long\n");
}

int main(void)
{
    RUN(mints_ids_of_version_7);
    RUN(mints_ids_that_ascend);
    RUN(mints_ids_that_cannot_be_guessed);
    RUN(reads_and_writes_text);
    RUN(refuses_text_that_is_no_uuid);
    RUN(tells_when_an_id_was_made);
    RUN(names_messages_by_version_5);
    RUN(makes_ids_of_keys);
    RUN(ends_on_an_order_id_that_is_too_long);
    return unit_end();
}
