/* Bytes under saved values: what was written is read back, and nothing else is believed. */
#include "modules/dump.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct gf_chain chain;
static struct gf_saver saver = {.chain = &chain};

static struct gf_loader loader_of(struct gf_chain *saved)
{
    gf_chain_seal(saved);
    cr_assert(saved->first == saved->last);
    return (struct gf_loader){.at = saved->first->data,
                              .end = saved->first->data + saved->first->used};
}

static void fini(void)
{
    gf_chain_clear(&chain);
}

TestSuite(dump, .fini = fini);

/* A snapshot of one machine is read on another: every number comes back as it was. */
Test(dump, numbers_come_back)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, INT64_MAX, UINT64_MAX};
    struct gf_loader loader;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        gf_save_u64(&saver, numbers[i]);
        gf_save_i64(&saver, (int64_t)numbers[i]);
        gf_save_i64(&saver, -(int64_t)(numbers[i] / 2));
        gf_save_double(&saver, (double)numbers[i] / 3);
    }
    loader = loader_of(&chain);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        cr_expect(eq(u64, gf_load_u64(&loader), numbers[i]));
        cr_expect(eq(i64, gf_load_i64(&loader), (int64_t)numbers[i]));
        cr_expect(eq(i64, gf_load_i64(&loader), -(int64_t)(numbers[i] / 2)));
        cr_expect(gf_load_double(&loader) == (double)numbers[i] / 3);
    }
    cr_expect(gf_loader_ok(&loader));
    cr_expect(eq(u64, gf_loader_left(&loader), 0));
}

/* Payloads come from clients: a size that cannot be must not be believed. */
Test(dump, sizes_beyond_the_end_fail)
{
    static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                               "abc";
    struct gf_loader loader = {.at = huge, .end = huge + sizeof(huge) - 1};
    struct gf_loader again = loader;

    cr_expect(eq(sz, gf_load_bytes(&loader).size, 0));
    cr_expect(not(gf_loader_ok(&loader)));
    cr_expect(eq(u64, gf_load_u64(&loader), 0), "a failed loader gives zeroes");
    cr_expect(eq(u64, gf_load_count(&again, 1), 0));
    cr_expect(not(gf_loader_ok(&again)));
}

/* A number of more than 64 bits is no number, nor is one that ends in the middle. */
Test(dump, broken_numbers_fail)
{
    static const char *const broken[] = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x80", ""};

    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        struct gf_loader loader = {.at = broken[i], .end = broken[i] + strlen(broken[i])};

        cr_expect(eq(u64, gf_load_u64(&loader), 0));
        cr_expect(not(gf_loader_ok(&loader)));
    }
}
