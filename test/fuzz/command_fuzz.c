/* Every command, with arguments that are nearly good: it answers one reply of its protocol, and
 * every structure is as it should be.
 *
 * Input: one byte that chooses the stream of command lines and the protocol, one that chooses where
 * small collections end, then triples (line, how, what), in the order of the lines, that change one
 * of their words; what follows the last triple's line runs unchanged.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "core/assert.h"
#include "sim/reply.h"
#include "support/exec_fixture.h"
#include "support/exec_words.h"

#define INPUT_MAX 1500
#define LINES 160
#define MOMENT_MS 5000 /* between two commands at most: some keys and fields expire */

const struct gf_bytes fuzz_seeds[] = {
    GF_BYTES("a\x02"),
    GF_BYTES("b\x01\x05\x01\x02\x06\x02\x07"),
    GF_BYTES("c\x30\x20\x03\x01\x04\x04\x02\x05\x05\x01"),
    GF_BYTES("d\x04\x01\x06\xff\x01\x07\x80\x02\x00\x00"),
    GF_BYTES("\x81\x08\x03\x01\x01\x03\x02\x02\x03\x03\x03\x03\x04\x04"),
    {0},
};

static struct exec_fixture fixture;
static struct exec_words words;
static struct sim_reply elements[SIM_REPLY_ELEMENTS_MAX];

static void limits_choose(uint8_t choice)
{
    fixture.limits.bulk_size_max = 1u << 20; /* SETRANGE may not fill the machine */
    fixture.limits.hash_max_listpack_entries = choice % 16;
    fixture.limits.hash_max_listpack_value = 8 + choice % 64;
    fixture.limits.set_max_listpack_entries = choice % 16;
    fixture.limits.set_max_intset_entries = choice % 16;
    fixture.limits.zset_max_listpack_entries = choice % 16;
    fixture.limits.list_max_listpack_size = 1 + choice % 16;
    fixture.limits.hll_sparse_max_bytes = choice;
    fixture.limits.stream_node_max_entries = 1 + choice % 8;
}

/* What no argument should be. */
static struct gf_bytes odd_word(uint8_t which)
{
    static const struct gf_bytes odd[] = {
        GF_BYTES(""),
        GF_BYTES("\0"),
        GF_BYTES("9223372036854775807"),
        GF_BYTES("-9223372036854775808"),
        GF_BYTES("18446744073709551615"),
        GF_BYTES("4294967296"),
        GF_BYTES("nan"),
        GF_BYTES("-inf"),
        GF_BYTES("1e308"),
        GF_BYTES("-1"),
        GF_BYTES("0"),
        GF_BYTES("("),
        GF_BYTES("["),
        GF_BYTES("18446744073709551615-18446744073709551615"),
        GF_BYTES("-"),
        GF_BYTES("STREAMS"),
        GF_BYTES("FIELDS"),
        GF_BYTES("COUNT"),
        GF_BYTES("LIMIT"),
        GF_BYTES("WITHSCORES"),
        GF_BYTES("\xff\xfe\r\n*3\r\n"),
    };

    return odd[which % GF_COUNT(odd)];
}

/* One change of the words behind the command's name. */
static void line_change(uint8_t how, uint8_t what)
{
    uint32_t at;

    if (words.count < 2)
        return;
    at = 1 + what % (words.count - 1);
    switch (how % 5) {
    case 0:
        words.words[at] = odd_word(how / 5);
        break;
    case 1:
        memmove(&words.words[at], &words.words[at + 1],
                (words.count - at - 1) * sizeof(words.words[0]));
        words.count--;
        break;
    case 2:
        if (words.count < EXEC_WORDS_MAX)
            words.words[words.count++] = words.words[at];
        break;
    case 3:
        words.words[at] = words.words[1 + how / 5 % (words.count - 1)];
        break;
    default:
        if (words.words[at].size > 1)
            words.words[at].size = 1 + how / 5 % words.words[at].size;
        break;
    }
}

static void answer_check(const char *answer, size_t size)
{
    struct gf_bytes bytes = {.data = answer, .size = size};
    struct sim_reply reply;

    GF_ASSERT(sim_reply_parse(bytes, fixture.resp, &reply, elements) == (int64_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t seed;
    size_t next = 2;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    seed = data[0];
    exec_fixture_init(&fixture);
    fixture.resp = data[0] % 2 ? 3 : 2;
    limits_choose(data[1]);
    for (uint32_t line = 0; line < LINES; line++) {
        const char *answer;
        size_t answer_size;

        exec_words_draw(&words, fixture.registry, &seed);
        while (next + 3 <= size && data[next] % LINES == line) {
            line_change(data[next + 1], data[next + 2]);
            next += 3;
        }
        answer = exec_run_words(&fixture, words.words, words.count, &answer_size);
        answer_check(answer, answer_size);
        fixture.now_ms += gf_random_next(&seed) % MOMENT_MS;
    }
    exec_fixture_deinit(&fixture);
    return 0;
}
