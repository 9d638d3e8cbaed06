/* Time and memory of the keyspace: keys of 16 bytes, values of 32, in random order, spread over 256
 * keyspaces as one core's partitions are.
 *
 * Times are CPU time of the thread: steady where the machine has other work.
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
#include "core/random.h"
#include "modules/heap.h"

#define KEYSPACES 256u
#define BATCH 16u
#define SEED UINT64_C(42)

struct bench {
    struct gf_keyspace_context context;
    struct gf_keyspace *keyspaces[KEYSPACES];
    uint32_t keys; /* how many */
    char *texts; /* 2 * keys texts of 16 bytes, each half in random order; in the second: misses */
};

/* One operation on one key, its hash known. */
typedef void bench_op(struct bench *b, struct gf_keyspace *keyspace, uint64_t hash,
                      struct gf_bytes key);

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
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

static struct gf_bytes bench_key(const struct bench *b, uint32_t index)
{
    return (struct gf_bytes){.data = b->texts + (size_t)index * 16, .size = 16};
}

/* As partitions are chosen: by something else than the hash of the keyspace. */
static struct gf_keyspace *bench_keyspace(const struct bench *b, struct gf_bytes key)
{
    return b->keyspaces[gf_hash64(key.data, key.size, 1) % KEYSPACES];
}

static void bench_make_texts(struct bench *b, uint32_t first)
{
    char text[17];
    char other_text[16];
    uint64_t seed = 1;

    for (uint32_t i = 0; i < b->keys; i++) {
        char *place = b->texts + (size_t)(first + i) * 16;
        char *other = b->texts + (first + gf_random_next(&seed) % (i + 1)) * 16;

        snprintf(text, sizeof(text), "key:%012u", first + i);
        memcpy(place, text, 16);
        memcpy(other_text, other, 16);
        memcpy(other, text, 16);
        memcpy(place, other_text, 16);
    }
}

static void bench_open(struct bench *b, uint32_t keys)
{
    b->keys = keys;
    b->texts = malloc((size_t)keys * 2 * 16);
    bench_make_texts(b, 0);
    bench_make_texts(b, keys);
    b->context = (struct gf_keyspace_context){.hash_seed = SEED, .heap = gf_heap_create(NULL)};
    for (uint32_t i = 0; i < KEYSPACES; i++)
        b->keyspaces[i] = gf_keyspace_create(&b->context);
}

static void bench_close(struct bench *b)
{
    for (uint32_t i = 0; i < KEYSPACES; i++)
        gf_keyspace_destroy(b->keyspaces[i]);
    gf_heap_destroy(b->context.heap);
    free(b->texts);
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

/* Make `op` for each key in random order; ns per key. */
static double bench_run(struct bench *b, bench_op *op, bool prefetch, uint32_t first)
{
    struct gf_keyspace *keyspaces[BATCH];
    uint64_t hashes[BATCH];
    uint64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

    for (uint32_t i = first; i < first + b->keys; i += BATCH) {
        for (uint32_t j = 0; j < BATCH; j++) {
            struct gf_bytes key = bench_key(b, i + j);

            hashes[j] = gf_keyspace_hash(SEED, key);
            keyspaces[j] = bench_keyspace(b, key);
        }
        for (uint32_t j = 0; prefetch && j < BATCH; j++)
            gf_keyspace_prefetch_bucket(keyspaces[j], hashes[j]);
        for (uint32_t j = 0; prefetch && j < BATCH; j++)
            gf_keyspace_prefetch_object(keyspaces[j], hashes[j]);
        for (uint32_t j = 0; j < BATCH; j++)
            op(b, keyspaces[j], hashes[j], bench_key(b, i + j));
    }
    return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns) / b->keys;
}

/* Insert every key, timing each on its own. */
static void bench_longest_put(struct bench *b)
{
    uint64_t longest_ns = 0;
    uint32_t long_count = 0;

    for (uint32_t i = 0; i < b->keys; i++) {
        struct gf_bytes key = bench_key(b, i);
        uint64_t hash = gf_keyspace_hash(SEED, key);
        uint64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        uint64_t spent_ns;

        op_put(b, bench_keyspace(b, key), hash, key);
        spent_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
        if (spent_ns > longest_ns)
            longest_ns = spent_ns;
        long_count += spent_ns > 100000;
    }
    printf("longest put   %6.1f us, %u of %u over 100 us\n", (double)longest_ns / 1000, long_count,
           b->keys);
}

static void bench_memory(struct bench *b, size_t resident_before, int64_t booked)
{
    size_t table = 0;
    size_t slab = gf_slab_pages_size(&b->context.heap->slab);

    for (uint32_t i = 0; i < KEYSPACES; i++)
        table += gf_table_memory((const struct gf_table *)(const void *)b->keyspaces[i]);
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
    bench_longest_put(&b);
    bench_close(&b);
    return 0;
}
