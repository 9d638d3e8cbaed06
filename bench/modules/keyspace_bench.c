/* Time and memory of the keyspace: keys of 16 bytes, values of 32, in random order, spread over 256
 * keyspaces as one core's partitions are.
 *
 * Bytes per key are the growth of the process's resident memory. The longest single put shows what
 * growth costs (and whatever else the machine did meanwhile).
 *
 * Usage: keyspace_bench [--short]
 */
#include "modules/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "modules/heap.h"

#define KEYSPACES 256u
#define BATCH 16u
#define SEED UINT64_C(42)

struct bench {
    struct gf_keyspace_context contexts[KEYSPACES];
    struct gf_keyspace *keyspaces[KEYSPACES];
    struct gf_pages *pages;
    uint32_t keys;   /* how many */
    uint32_t *order; /* a permutation of their numbers */
};

/* One operation on one key, its hash known. */
typedef void bench_op(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                      struct gf_bytes key);

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
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

static struct gf_bytes bench_key(uint32_t number, char *text)
{
    snprintf(text, 17, "key:%012u", number);
    return (struct gf_bytes){.data = text, .size = 16};
}

static struct gf_keyspace *bench_keyspace(struct bench *b, uint32_t number)
{
    return b->keyspaces[(number * 2654435761u) >> 24];
}

static void bench_open(struct bench *b, uint32_t keys)
{
    uint64_t seed = 1;

    b->keys = keys;
    b->order = malloc(keys * sizeof(*b->order));
    for (uint32_t i = 0; i < keys; i++) {
        uint32_t other = (uint32_t)(gf_random_next(&seed) % (i + 1));

        b->order[i] = b->order[other];
        b->order[other] = i;
    }
    b->pages = gf_pages_create();
    for (uint32_t i = 0; i < KEYSPACES; i++) {
        b->contexts[i] = (struct gf_keyspace_context){.hash_seed = SEED};
        b->contexts[i].heap = gf_heap_create(b->pages);
        b->keyspaces[i] = gf_keyspace_create(&b->contexts[i]);
    }
}

static void bench_close(struct bench *b)
{
    for (uint32_t i = 0; i < KEYSPACES; i++) {
        gf_keyspace_destroy(b->keyspaces[i]);
        gf_heap_destroy(b->contexts[i].heap);
    }
    gf_pages_destroy(b->pages);
    free(b->order);
}

static void op_put(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                   struct gf_bytes key)
{
    static const char bytes[] = "0123456789abcdef0123456789abcdef";
    struct gf_value value = {.encoding = GF_STRING_EMBSTR, .bytes = {.data = bytes, .size = 32}};

    (void)b;
    if (!gf_keyspace_put(keyspace, hash, key, &value, 0, 1000000))
        abort();
}

static void op_find(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                    struct gf_bytes key)
{
    (void)b;
    if (!gf_keyspace_find(keyspace, hash, key, 1000000))
        abort();
}

static void op_miss(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                    struct gf_bytes key)
{
    (void)b;
    if (gf_keyspace_find(keyspace, hash, key, 1000000))
        abort();
}

static void op_remove(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                      struct gf_bytes key)
{
    struct gf_object *object = gf_keyspace_find(keyspace, hash, key, 1000000);

    (void)b;
    if (!object)
        abort();
    gf_keyspace_remove(keyspace, hash, object);
}

struct bench_batch {
    char text[BATCH][20];
    struct gf_keyspace *keyspaces[BATCH];
    struct gf_bytes keys[BATCH];
    uint64_t hashes[BATCH];
};

/* Make `op` for each key in random order; ns per key. The making of keys is not counted. */
static double bench_run(struct bench *b, bench_op *op, bool prefetch, uint32_t first)
{
    struct bench_batch batch;
    uint64_t spent_ns = 0;

    for (uint32_t i = 0; i + BATCH <= b->keys; i += BATCH) {
        uint64_t start_ns;

        for (uint32_t j = 0; j < BATCH; j++) {
            uint32_t number = first + b->order[i + j];

            batch.keys[j] = bench_key(number, batch.text[j]);
            batch.keyspaces[j] = bench_keyspace(b, number);
        }
        start_ns = now_ns();
        for (uint32_t j = 0; j < BATCH; j++)
            batch.hashes[j] = gf_keyspace_hash(SEED, batch.keys[j]);
        for (uint32_t j = 0; prefetch && j < BATCH; j++)
            gf_keyspace_prefetch_bucket(batch.keyspaces[j], batch.hashes[j]);
        for (uint32_t j = 0; prefetch && j < BATCH; j++)
            gf_keyspace_prefetch_object(batch.keyspaces[j], batch.hashes[j]);
        for (uint32_t j = 0; j < BATCH; j++)
            op(b, batch.keyspaces[j], batch.hashes[j], batch.keys[j]);
        spent_ns += now_ns() - start_ns;
    }
    return (double)spent_ns / b->keys;
}

/* Insert every key, timing each on its own; the longest in us. */
static double bench_longest_put(struct bench *b)
{
    uint64_t longest_ns = 0;
    char text[20];

    for (uint32_t i = 0; i < b->keys; i++) {
        struct gf_bytes key = bench_key(b->order[i], text);
        uint64_t hash = gf_keyspace_hash(SEED, key);
        uint64_t start_ns = now_ns();

        op_put(b, bench_keyspace(b, b->order[i]), hash, key);
        start_ns = now_ns() - start_ns;
        if (start_ns > longest_ns)
            longest_ns = start_ns;
    }
    return (double)longest_ns / 1000;
}

static void bench_memory(struct bench *b, size_t resident_before, int64_t booked)
{
    size_t table = 0;
    size_t slab = 0;

    for (uint32_t i = 0; i < KEYSPACES; i++) {
        table += gf_table_memory((const struct gf_table *)(const void *)b->keyspaces[i]);
        slab += gf_slab_pages_size(&b->contexts[i].heap->slab);
    }
    printf("bytes per key: %.1f resident, %.1f booked (tables %.1f, slabs %.1f)\n",
           (double)(resident_size() - resident_before) / b->keys, (double)booked / b->keys,
           (double)table / b->keys, (double)slab / b->keys);
}

int main(int argc, char **argv)
{
    bool is_short = argc > 1 && strcmp(argv[1], "--short") == 0;
    uint32_t keys = is_short ? 16384 : 1000000;
    struct gf_memory_account account = {0};
    struct bench b;
    size_t resident;

    if (argc > 2 && strcmp(argv[1], "--keys") == 0)
        keys = (uint32_t)strtoul(argv[2], NULL, 10) / BATCH * BATCH;
    (void)gf_memory_account_use(&account);
    bench_open(&b, keys);
    resident = resident_size();
    printf("insert        %6.1f ns\n", bench_run(&b, op_put, false, 0));
    bench_memory(&b, resident, account.bytes[GF_MEMORY_DATA]);
    printf("find          %6.1f ns\n", bench_run(&b, op_find, false, 0));
    printf("find, batch   %6.1f ns\n", bench_run(&b, op_find, true, 0));
    printf("miss          %6.1f ns\n", bench_run(&b, op_miss, false, keys));
    printf("miss, batch   %6.1f ns\n", bench_run(&b, op_miss, true, keys));
    printf("put           %6.1f ns\n", bench_run(&b, op_put, false, 0));
    printf("put, batch    %6.1f ns\n", bench_run(&b, op_put, true, 0));
    printf("remove        %6.1f ns\n", bench_run(&b, op_remove, false, 0));
    printf("insert, batch %6.1f ns\n", bench_run(&b, op_put, true, 0));
    printf("remove, batch %6.1f ns\n", bench_run(&b, op_remove, true, 0));
    bench_close(&b);
    bench_open(&b, keys);
    printf("longest put   %6.1f us\n", bench_longest_put(&b));
    bench_close(&b);
    return 0;
}
