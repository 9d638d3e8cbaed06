/* Bytes that grow and shrink in the middle: those of an object in a keyspace, or a block of their
 * own. The packed forms of collections are edited through it, wherever they live.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gf_keyspace;
struct gf_object;

struct gf_block {
    char *data;
    size_t size; /* bytes in use */

    /* Of an object: where it is; `object` follows it when it moves. Otherwise keyspace is NULL and
     * data is a block of gf_alloc(GF_MEMORY_DATA), or NULL when there is none yet. */
    struct gf_keyspace *keyspace; /* borrowed */
    uint64_t hash;                /* of the object's key */
    struct gf_object *object;     /* borrowed */
};

/* gf_block_of - the bytes of an object (neither a structure nor a number), to be changed. */
struct gf_block gf_block_of(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object);

/* gf_block_splice - make the `old_size` bytes at `at` `new_size` bytes long: what is behind them
 * moves. What the bytes hold then is whatever was there; the caller writes all of them.
 *
 * Returns    where they are now; NULL when there is no memory to grow (nothing has changed then).
 *            Never NULL when new_size <= old_size. `data`, `size` and `object` are up to date.
 */
char *gf_block_splice(struct gf_block *block, size_t at, size_t old_size, size_t new_size);
