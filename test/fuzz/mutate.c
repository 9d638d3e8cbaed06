/* libFuzzer's changes to an input, and the target's good inputs among them: without these a search
 * that begins with nothing would have to find the grammar first.
 */
#include <string.h>

#include "fuzz/fuzz.h"

#define SEED_ONE_IN 20

/* libFuzzer's. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int random);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int random)
{
    struct gf_bytes seed;
    size_t count = 0;

    if (random % SEED_ONE_IN != 0)
        return LLVMFuzzerMutate(data, size, size_max);
    while (fuzz_seeds[count].size > 0)
        count++;
    random /= SEED_ONE_IN;
    seed = fuzz_seeds[random % count];
    /* In place of the input, or behind it. */
    if (random / count % 2 == 0)
        size = 0;
    if (size > size_max || seed.size > size_max - size) /* it minimizes: nothing may be added */
        return LLVMFuzzerMutate(data, size, size_max);
    memcpy(data + size, seed.data, seed.size);
    return size + seed.size;
}
