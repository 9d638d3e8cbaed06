/* Time and memory of the dict: a hash with fields of 12 bytes and values of 10, put, found and
 * removed in random order; and what the longest single call took, because growth must not pause.
 *
 * Times are CPU time of the thread. Bytes per entry are those of the process's resident memory.
 *
 * Usage: dict_bench [--short]
 */
#include "modules/dict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/random.h"

#define SEED UINT64_C(42)
#define TEXT_SIZE 12

struct bench {
    struct gf_dict dict;
    uint32_t count;
    char *texts;         /* count texts of TEXT_SIZE bytes, in random order */
    uint64_t longest_ns; /* of one call */
};

typedef void bench_op(struct bench *b, struct gf_bytes key);

static uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t resident_size(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void texts_make(struct bench *b)
{
    uint64_t seed = 1;

    for (uint32_t i = 0; i < b->count; i++) {
        char text[TEXT_SIZE + 1];
        char *place = b->texts + (size_t)i * TEXT_SIZE;
        char *other = b->texts + gf_random_next(&seed) % (i + 1) * TEXT_SIZE;

        snprintf(text, sizeof(text), "f:%010u", i);
        memcpy(place, other, TEXT_SIZE);
        memcpy(other, text, TEXT_SIZE);
    }
}

static void op_put(struct bench *b, struct gf_bytes key)
{
    struct gf_dict_draft draft = {.value = GF_BYTES("v:01234567")};

    if (gf_dict_put(&b->dict, key, &draft, NULL) == GF_DICT_NO_MEMORY)
        abort();
}

static void op_find(struct bench *b, struct gf_bytes key)
{
    struct gf_dict_entry entry;

    if (!gf_dict_find(&b->dict, key, &entry))
        abort();
}

static void op_remove(struct bench *b, struct gf_bytes key)
{
    if (!gf_dict_remove(&b->dict, key))
        abort();
}

static void run(struct bench *b, const char *name, bench_op *op)
{
    uint64_t start = clock_ns();
    uint64_t last = start;
    uint64_t longest_ns = 0;

    for (uint32_t i = 0; i < b->count; i++) {
        op(b, (struct gf_bytes){.data = b->texts + (size_t)i * TEXT_SIZE, .size = TEXT_SIZE});
        if (i % 64 == 63) {
            uint64_t now = clock_ns();

            if (now - last > longest_ns)
                longest_ns = now - last;
            last = now;
        }
    }
    printf("  %-12s %8.1f ns, the slowest 64 in a row %8.1f us\n", name,
           (double)(clock_ns() - start) / b->count, (double)longest_ns / 1000);
}

static void walk(struct bench *b)
{
    uint64_t start = clock_ns();
    struct gf_dict_walk walk;
    struct gf_dict_entry entry;
    uint64_t size = 0;

    gf_dict_walk_init(&walk, &b->dict);
    while (gf_dict_walk_next(&walk, &entry))
        size += entry.value.size;
    if (size == 0)
        abort();
    printf("  %-12s %8.1f ns\n", "walk", (double)(clock_ns() - start) / b->count);
}

static void random_entries(struct bench *b)
{
    uint64_t start = clock_ns();
    uint64_t seed = 7;

    for (uint32_t i = 0; i < b->count; i++) {
        struct gf_dict_entry entry;

        gf_dict_random(&b->dict, &seed, &entry);
    }
    printf("  %-12s %8.1f ns\n", "random", (double)(clock_ns() - start) / b->count);
}

static void bench(uint32_t count)
{
    struct bench b = {.count = count, .texts = malloc((size_t)count * TEXT_SIZE)};
    size_t before;

    texts_make(&b);
    gf_dict_init(&b.dict, GF_DICT_BYTES, SEED);
    before = resident_size();
    printf("%u entries\n", count);
    run(&b, "put", op_put);
    printf("  %-12s %8.1f bytes per entry (%.1f by its own account)\n", "memory",
           (double)(resident_size() - before) / count, (double)gf_dict_memory(&b.dict, 0) / count);
    run(&b, "find", op_find);
    run(&b, "put again", op_put);
    walk(&b);
    random_entries(&b);
    run(&b, "remove", op_remove);
    gf_dict_deinit(&b.dict);
    free(b.texts);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--short") == 0) {
        bench(2000);
        return 0;
    }
    bench(100);
    bench(10000);
    bench(1000000);
    return 0;
}
