/* Any bytes as a dumped value: RESTORE refuses them or makes a value that every command can use.
 *
 * Input: one byte that chooses a stream of commands; they make some values of every type there is.
 * Then triples (where, how, what) that change the payload of one of them, chosen by the second
 * byte; or, when that byte is 255, the payload itself. The checksum is always made good.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "core/assert.h"
#include "core/error.h"
#include "modules/payload.h"
#include "support/exec_fixture.h"
#include "support/exec_reload.h"
#include "support/exec_words.h"

#define INPUT_MAX 1500
#define COMMANDS 60
#define ITSELF 255

const struct gf_bytes fuzz_seeds[] = {
    GF_BYTES("a\xff\x00\x02\x05hello"),
    GF_BYTES("b\xff\x00\x00\x05"),
    GF_BYTES("c\xff\x04\x00\x02\x01"
             "f\x01v"),
    GF_BYTES("d\x01\x10\x00\xff\x20\x01\x01"),
    GF_BYTES("e\x02\x01\x02\x01"),
    GF_BYTES("f\x03\x40\x00\x80\x41\x03\x08"),
    GF_BYTES("g\x04\x02\x00\x7f"),
    GF_BYTES("h\x05\x03\x01\x08\x05\x02\x02\x09\x03\x04"),
    {0},
};

static struct exec_fixture fixture;
static struct exec_words words;

/* Collections of both forms, whatever types there are. */
static void values_make(uint8_t choice)
{
    uint64_t seed = choice;

    fixture.limits.hash_max_listpack_entries = 1 + choice % 8;
    fixture.limits.set_max_listpack_entries = 1 + choice % 8;
    fixture.limits.set_max_intset_entries = 1 + choice % 8;
    fixture.limits.zset_max_listpack_entries = 1 + choice % 8;
    fixture.limits.list_max_listpack_size = 1 + choice % 8;
    fixture.limits.hll_sparse_max_bytes = 20;
    fixture.limits.stream_node_max_entries = 2;
    for (uint32_t i = 0; i < COMMANDS; i++) {
        exec_words_draw(&words, fixture.registry, &seed);
        (void)exec_run_words(&fixture, words.words, words.count, NULL);
    }
}

/* One change of a payload without its footer. */
static void payload_change(struct gf_buf *payload, const uint8_t *triple)
{
    size_t at = payload->size > 0 ? triple[0] % payload->size : 0;

    switch (triple[1] % 3) {
    case 0:
        if (payload->size > 0)
            payload->data[at] = (char)triple[2];
        break;
    case 1:
        if (payload->size > at + triple[2] % 8u) {
            size_t piece = triple[2] % 8u;

            memmove(payload->data + at, payload->data + at + piece, payload->size - at - piece);
            payload->size -= piece;
        }
        break;
    default:
        GF_ASSERT(gf_buf_reserve(payload, 1) == GF_OK);
        memmove(payload->data + at + 1, payload->data + at, payload->size - at);
        payload->data[at] = (char)triple[2];
        payload->size++;
        break;
    }
}

/* A key that the stream may have made: the one it named last in command number `which`. */
static struct gf_bytes key_choose(uint8_t which, uint8_t choice)
{
    uint64_t seed = choice;
    uint32_t index;

    for (uint32_t i = 0; i <= which % COMMANDS; i++)
        exec_words_draw(&words, fixture.registry, &seed);

    const struct gf_command *container;
    const struct gf_command *row =
        gf_registry_find_words(fixture.registry, words.words, words.count, &container);

    if (gf_command_keys(row, words.words, words.count, &index, 1) > 0)
        return words.words[index];
    return GF_BYTES("string:0");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gf_buf payload = {0};
    char key_text[64];
    struct gf_bytes key;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    exec_fixture_init(&fixture);
    values_make(data[0]);
    key = key_choose(data[1], data[0]);
    GF_ASSERT(key.size < sizeof(key_text));
    memcpy(key_text, key.data, key.size);
    key.data = key_text;
    if (data[1] != ITSELF && exec_payload(&fixture, key, &payload)) {
        payload.size -= GF_PAYLOAD_FOOTER_SIZE;
        for (size_t i = 2; i + 3 <= size; i += 3)
            payload_change(&payload, data + i);
    } else {
        gf_buf_add(&payload, (struct gf_bytes){.data = (const char *)data + 2, .size = size - 2});
    }
    exec_payload_seal(&payload);
    (void)exec_load_and_use(&fixture, key,
                            (struct gf_bytes){.data = payload.data, .size = payload.size});
    gf_buf_deinit(&payload);
    exec_fixture_deinit(&fixture);
    return 0;
}
