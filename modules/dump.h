/* Values as bytes, and bytes as values again: what a type's `save` writes and its `load` reads.
 *
 * DUMP and RESTORE, snapshots and the tests that compare keyspaces all go through here. Numbers are
 * LEB128 (seven bits a byte, low ones first), so the bytes are the same on every machine.
 *
 * A saver cannot fail. A loader reads bytes that anybody may have sent: after the first thing that
 * cannot be, it only gives zeroes and empty bytes, and gf_loader_ok is false.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"

struct gf_saver {
    struct gf_chain *chain; /* borrowed; where the bytes go */
};

void gf_save_u64(struct gf_saver *saver, uint64_t value);
void gf_save_i64(struct gf_saver *saver, int64_t value);  /* small ones of either sign are short */
void gf_save_double(struct gf_saver *saver, double value); /* its 8 bytes */
void gf_save_bytes(struct gf_saver *saver, struct gf_bytes bytes);

struct gf_loader {
    const char *at;
    const char *end;
    bool failed;
    uint64_t hash_seed; /* of the keyspace the value is for (gf_keyspace_context.hash_seed) */
};

uint64_t gf_load_u64(struct gf_loader *loader);
int64_t gf_load_i64(struct gf_loader *loader);
double gf_load_double(struct gf_loader *loader);
/* gf_load_bytes - a view into what is read; empty when it failed. */
struct gf_bytes gf_load_bytes(struct gf_loader *loader);
/* gf_load_count - the number of things that follow, each at least `size_min` bytes long: no more
 * than there is room for, so that memory may be made for them. */
uint64_t gf_load_count(struct gf_loader *loader, uint64_t size_min);
/* gf_loader_fail - what was read makes no sense. */
void gf_loader_fail(struct gf_loader *loader);

static inline bool gf_loader_ok(const struct gf_loader *loader)
{
    return !loader->failed;
}

/* gf_loader_left - bytes not yet read. */
static inline uint64_t gf_loader_left(const struct gf_loader *loader)
{
    return loader->failed ? 0 : (uint64_t)(loader->end - loader->at);
}
