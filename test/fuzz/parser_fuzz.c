/* Any bytes, cut anywhere: the parser reads nothing it was not given, and what it makes of them
 * does not depend on how they arrived.
 *
 * The first four bytes of the input choose the cuts and whether the client is authenticated.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "protocol/feed.h"

#define CUTS 6
#define INPUT_MAX 1800 /* so that what comes out fits feed.text, at most two bytes for one */

const struct gf_bytes fuzz_seeds[] = {
    GF_BYTES("0000*1\r\n$4\r\nPING\r\n"),
    GF_BYTES("1234*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nabc\r\n"),
    GF_BYTES("*2\r\n$3\r\nGET\r\n$0\r\n\r\n"),
    GF_BYTES("*12\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n"
             "$1\r\nh\r\n$1\r\ni\r\n$1\r\nj\r\n$1\r\nk\r\n$1\r\nl\r\n"),
    GF_BYTES(
        "*1\r\n$102\r\n012345678901234567890123456789012345678901234567890123456789012345678901"
        "234567890123456789012345678901\r\n"),
    GF_BYTES("*0\r\n*-1\r\n\r\n"),
    GF_BYTES("*1048576\r\n$536870912\r\n"),
    GF_BYTES("PING\r\n"),
    GF_BYTES("SET key \"a b\\x41\\n\\\"\" 'c\\'d' e\"f g\"\n"),
    GF_BYTES("* $ - 0 \0 \r \n \" ' \\ \t"),
    {0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gf_bytes input;
    struct feed whole;
    struct feed pieces;
    size_t cuts[CUTS];
    uint32_t choice;
    uint64_t seed;

    if (size < sizeof(choice) || size > INPUT_MAX)
        return 0;
    memcpy(&choice, data, sizeof(choice));
    seed = choice;
    input.data = (const char *)data + sizeof(choice);
    input.size = size - sizeof(choice);
    feed_cuts(&seed, input.size, cuts, CUTS);
    feed_init(&whole, choice % 4 > 0);
    feed_init(&pieces, choice % 4 > 0);
    feed_pieces(&whole, input, NULL, 0);
    feed_pieces(&pieces, input, cuts, CUTS);
    GF_ASSERT(strcmp(whole.text, pieces.text) == 0);
    feed_deinit(&whole);
    feed_deinit(&pieces);
    return 0;
}
