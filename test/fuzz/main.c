/* Runs a fuzz target without libFuzzer: its good inputs, then a random one for each seed.
 *
 *   parser_fuzz [--seeds A..B,C]
 *
 * The same seed gives the same input. An abort prints the seed it happened with.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "support/seeds.h"

#define INPUT_MAX 1500
#define SEEDS "1..20000"

/* Written for the signal handler: the seed being played. */
static volatile uint64_t round_seed;

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void on_signal(int number)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "fuzz: failed, repeat with --seeds %llu\n",
                        (unsigned long long)round_seed);

    (void)!write(STDERR_FILENO, text, (size_t)size); /* nothing to be done if it fails */
    signal(number, SIG_DFL);
    raise(number);
}

static struct gf_bytes seed_choose(uint64_t *seed)
{
    size_t count = 0;

    while (fuzz_seeds[count].size > 0)
        count++;
    return fuzz_seeds[random_next(seed) % count];
}

/* input_change - one random change: a byte set, copied from a seed, removed, or a piece doubled. */
static size_t input_change(uint8_t *input, size_t size, uint64_t *seed)
{
    size_t at = random_next(seed) % size;
    struct gf_bytes other = seed_choose(seed);
    size_t piece = 1 + random_next(seed) % 16;

    if (piece > size - at)
        piece = size - at;
    switch (random_next(seed) % 5) {
    case 0:
        input[at] = (uint8_t)random_next(seed);
        break;
    case 1:
        input[at] = (uint8_t)other.data[random_next(seed) % other.size];
        break;
    case 2:
        input[at] ^= (uint8_t)(1u << random_next(seed) % 8);
        break;
    case 3:
        memmove(input + at, input + at + piece, size - at - piece);
        size -= piece;
        break;
    default:
        if (size + piece <= INPUT_MAX) {
            memmove(input + at + piece, input + at, size - at);
            size += piece;
        }
        break;
    }
    return size;
}

static void round_run(uint64_t seed)
{
    uint8_t input[INPUT_MAX];
    size_t size = 0;

    round_seed = seed;
    do {
        struct gf_bytes part = seed_choose(&seed);

        if (part.size > sizeof(input) - size)
            break;
        memcpy(input + size, part.data, part.size);
        size += part.size;
    } while (random_next(&seed) % 4 != 0);
    for (uint64_t changes = random_next(&seed) % 8; changes > 0 && size > 0; changes--)
        size = input_change(input, size, &seed);
    (void)LLVMFuzzerTestOneInput(input, size);
}

/* The good inputs as they are, and what once made a target fail. */
static void good_inputs_run(void)
{
    for (const struct gf_bytes *seed = fuzz_seeds; seed->size > 0; seed++) {
        uint8_t *input = malloc(seed->size); /* of that size, so that a sanitizer sees its end */

        memcpy(input, seed->data, seed->size);
        (void)LLVMFuzzerTestOneInput(input, seed->size);
        free(input);
    }
}

int main(int argc, char **argv)
{
    const char *seeds = argc == 1 ? SEEDS : argv[argc - 1];
    uint64_t count = 0;
    uint64_t first;
    uint64_t last;

    if (argc > 1 && (argc != 3 || strcmp(argv[1], "--seeds") != 0 || !seeds_are_good(seeds))) {
        fprintf(stderr, "usage: %s [--seeds A..B,C]\n", argv[0]);
        return 2;
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    good_inputs_run();
    while (seeds_next(&seeds, &first, &last)) {
        for (uint64_t seed = first; seed <= last; seed++, count++)
            round_run(seed);
    }
    printf("%llu rounds\n", (unsigned long long)count);
    return EXIT_SUCCESS;
}
