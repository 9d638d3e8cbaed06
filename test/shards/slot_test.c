/* Hash slots are Redis Cluster's. */
#include <criterion/criterion.h>
#include <string.h>

#include "shards/slot.h"
#include "support/random.h"

/* CRC16/XMODEM, bit by bit. */
static uint16_t crc_bitwise(const char *data, size_t size)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)data[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

static uint16_t slot(const char *key)
{
    return gf_slot_of(gf_bytes_of(key));
}

Test(slot, crc_of_known_texts)
{
    cr_assert_eq(gf_crc16("", 0), 0);
    cr_assert_eq(gf_crc16("123456789", 9), 0x31c3); /* the check value of XMODEM */
    cr_assert_eq(gf_crc16("A", 1), 0x58e5);
}

/* As `CLUSTER KEYSLOT` of redis-server 7.0 says. */
Test(slot, of_known_keys)
{
    cr_assert_eq(slot("foo"), 12182);
    cr_assert_eq(slot("bar"), 5061);
    cr_assert_eq(slot("hello"), 866);
    cr_assert_eq(slot("somekey"), 11058);
    cr_assert_eq(slot(""), 0);
}

Test(slot, crc_equals_the_bitwise_one)
{
    struct test_random random = {.state = 7};
    char key[300];

    for (int i = 0; i < 10000; i++) {
        size_t offset = test_random_below(&random, 8); /* any alignment */
        size_t size = test_random_below(&random, i % 100 == 0 ? 290 : 40);

        for (size_t k = 0; k < size; k++)
            key[offset + k] = (char)test_random_next(&random);
        cr_assert_eq(gf_crc16(key + offset, size), crc_bitwise(key + offset, size));
    }
}

Test(slot, of_a_tag)
{
    static const struct {
        const char *key;
        const char *tag;
    } cases[] = {
        {"{user1000}.following", "user1000"},
        {"a{b}c", "b"},
        {"foo{}{bar}",
         "foo{}{bar}"}, /* an empty first tag is none, and there is no second chance */
        {"foo{{bar}}zap", "{bar"},
        {"foo{bar}{zap}", "bar"},
        {"{}", "{}"},
        {"{", "{"},
        {"}", "}"},
        {"}{", "}{"},
        {"}{a}", "a"},
        {"a{b", "a{b"},
        {"a}b", "a}b"},
        {"{a}", "a"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gf_bytes tag = gf_slot_tag(gf_bytes_of(cases[i].key));

        cr_assert_eq(tag.size, strlen(cases[i].tag), "%s", cases[i].key);
        cr_assert_eq(memcmp(tag.data, cases[i].tag, tag.size), 0, "%s", cases[i].key);
    }
}

Test(slot, of_a_key_with_zero_bytes)
{
    struct gf_bytes key = {.data = "a\0{b\0c}d", .size = 8};
    struct gf_bytes tag = gf_slot_tag(key);

    cr_assert_eq(tag.size, 3);
    cr_assert_eq(memcmp(tag.data, "b\0c", 3), 0);
}
