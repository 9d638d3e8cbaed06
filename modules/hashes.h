/* What the files of the hashes module share: one hash as its commands see it, whatever its form.
 *
 *   hashes.c         the type, and the rows of its commands
 *   hashes_form.c    one hash: its two forms, and when it changes from one to the other
 *   hashes_packed.c  the small form
 *   hashes_type.c    hashes as a whole: copied, freed, saved, loaded
 *   hashes_field.c   commands on named fields
 *   hashes_all.c     commands on all fields, or any
 *   hashes_expire.c  commands about when fields expire, and their rows
 *   hashes_ex.c      commands that read or set fields and their expiry at once, and their rows
 *
 * The form is ours: packed while it is small, a dict (modules/dict.h) when it is big. The name is
 * Redis's: "listpack" up to hash-max-listpack-entries and -value, then and for ever "hashtable".
 *
 * A field with an expiry is absent to every command once expire_ms <= now_ms. It is removed by the
 * next command that changes the hash, or in the background (of a big hash some at a time).
 */
#pragma once

#include "core/bytes.h"
#include "modules/dict.h"
#include "modules/hashes_packed.h"
#include "modules/keyspace.h"
#include "modules/module.h"

/* Bits of a hash's encoding. Four bits is what there is; GF_ENCODING_GOES is the fourth. */
enum gf_hash_encoding {
    GF_HASH_TABLE = 1u << 0, /* its name is "hashtable" */
    GF_HASH_DICT = 1u << 1,  /* a dict behind a pointer, not bytes */
};

/* A hash on its way through a command. */
struct gf_hash {
    struct gf_exec *x;
    struct gf_bytes key;
    struct gf_object *object; /* NULL: there is no such key */
};

/* gf_hash_find - the hash of the command's first key, to be read.
 *
 * Returns    false when the key holds another type: the error is answered then
 */
bool gf_hash_find(struct gf_exec *x, struct gf_bytes key, struct gf_hash *ret_hash);

/* gf_hash_purge - a hash that is about to be changed: fields whose time has come go first. */
void gf_hash_purge(struct gf_hash *hash);

/* gf_hash_find_to_change - both. */
bool gf_hash_find_to_change(struct gf_exec *x, struct gf_bytes key, struct gf_hash *ret_hash);

/* gf_hash_get - a live field. Its views are good until the hash is changed. */
bool gf_hash_get(const struct gf_hash *hash, struct gf_bytes field,
                 struct gf_dict_entry *ret_entry);

/* gf_hash_count - live fields. */
uint64_t gf_hash_count(const struct gf_hash *hash);

/* gf_hash_put - set a field; the key is made when there is none. */
enum gf_dict_put_result gf_hash_put(struct gf_hash *hash, struct gf_bytes field,
                                    const struct gf_dict_draft *draft);

/* gf_hash_set_expire - of a live field; 0 = never. False when there is no memory. */
bool gf_hash_set_expire(struct gf_hash *hash, struct gf_bytes field, uint64_t expire_ms);

/* gf_hash_remove - false when there is no such live field. The key stays, see gf_hash_done. */
bool gf_hash_remove(struct gf_hash *hash, struct gf_bytes field);

/* gf_hash_changed - tells of a change, after it. A hash without live fields is no more: its key
 * goes, which is told as well. */
void gf_hash_changed(struct gf_hash *hash, const char *event);

/* A walk over the live fields; the hash must not change. */
struct gf_hash_walk {
    struct gf_hash_packed packed;
    size_t offset;
    struct gf_dict_walk dict;
    uint64_t now_ms;
    bool is_dict;
};

void gf_hash_walk_init(struct gf_hash_walk *walk, const struct gf_hash *hash);
/* gf_hash_walk_next - false at the end. */
bool gf_hash_walk_next(struct gf_hash_walk *walk, struct gf_dict_entry *ret_entry);

/* gf_hash_dict - the dict of an object with GF_HASH_DICT. */
static inline struct gf_dict *gf_hash_dict(const struct gf_object *object)
{
    return gf_object_pointer(object);
}

/* gf_hash_packed_of - the bytes of one without, to be read. */
struct gf_hash_packed gf_hash_packed_of(const struct gf_object *object);

/* The type's (hashes_type.c); see struct gf_type. */
extern const struct gf_type gf_hash_type;
/* gf_hash_gone - has every field expired? */
bool gf_hash_gone(const struct gf_object *object, uint64_t now_ms);
/* gf_hash_purge_fields - fields whose time has come go, of a big hash some. */
void gf_hash_purge_fields(struct gf_purge *purge);

/* Words of commands about expiry (hashes_expire.c). They return false when what they found is a
 * mistake, and have answered it then. */

/* gf_hash_read_when - a word that is a time: base_ms and so many times unit_ms. */
bool gf_hash_read_when(struct gf_exec *x, struct gf_bytes word, int64_t unit_ms, uint64_t base_ms,
                       uint64_t *ret_when_ms);
/* gf_hash_read_fields - FIELDS, how many, and that many words behind it: the cursor is at the first
 * then. number_error: when that is no number, or too small. */
bool gf_hash_read_fields(struct gf_exec *x, enum gf_message_id number_error);

/* The commands; their rows in hashes.c say what they do. */
void gf_hash_hset_run(struct gf_exec *x);
void gf_hash_hmset_run(struct gf_exec *x);
void gf_hash_hsetnx_run(struct gf_exec *x);
void gf_hash_hget_run(struct gf_exec *x);
void gf_hash_hmget_run(struct gf_exec *x);
void gf_hash_hdel_run(struct gf_exec *x);
void gf_hash_hlen_run(struct gf_exec *x);
void gf_hash_hexists_run(struct gf_exec *x);
void gf_hash_hstrlen_run(struct gf_exec *x);
void gf_hash_hincrby_run(struct gf_exec *x);
void gf_hash_hincrbyfloat_run(struct gf_exec *x);
void gf_hash_hgetall_run(struct gf_exec *x);
void gf_hash_hkeys_run(struct gf_exec *x);
void gf_hash_hvals_run(struct gf_exec *x);
void gf_hash_hscan_run(struct gf_exec *x);
void gf_hash_hrandfield_run(struct gf_exec *x);
