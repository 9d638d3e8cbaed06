/* What the files of the sets module share: how a set is stored, found and changed.
 *
 *   sets.c          the type and the rows
 *   sets_value.c    the three forms of a set, and the ways from one to the next
 *   sets_member.c   members that are named: SADD, SREM, SISMEMBER, SMOVE … SSCAN
 *   sets_random.c   members that are not: SPOP, SRANDMEMBER
 *   sets_combine.c  several sets: SINTER, SUNION, SDIFF and what stores them
 *
 *   GF_SET_INTS    modules/ints.h                          few members, all integers
 *   GF_SET_PACKED  count (2 bytes, low first), then a run  few members, all short
 *                  of modules/packed.h
 *   GF_SET_TABLE   pointer to a struct gf_dict of keys     all others
 *
 * A set that has come further down this list never goes back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/dict.h"
#include "modules/ints.h"
#include "modules/module.h"
#include "modules/object.h"
#include "modules/packed.h"
#include "modules/place.h"

enum gf_set_encoding { GF_SET_INTS, GF_SET_PACKED, GF_SET_TABLE };

#define GF_SET_PACKED_HEAD 2 /* bytes in front of the run */

/* A set under its key. */
struct gf_set {
    struct gf_place place;
    struct gf_object *object; /* NULL: there is none. Moves when the set changes. */
};

/* gf_set_find - the live set of the next word; false: another type is there, and answered. */
bool gf_set_find(struct gf_exec *x, struct gf_set *ret_set);

/* Reading: */

/* gf_set_count - members; 0 of NULL. */
uint64_t gf_set_count(const struct gf_object *object);

/* gf_set_has - false of NULL. */
bool gf_set_has(const struct gf_object *object, struct gf_bytes member);
/* gf_set_has_view - the same for a member as it was read from another set. */
bool gf_set_has_view(const struct gf_object *object, const struct gf_packed_view *member);

/* All members, in an order that depends on history only. The keyspace must not change. */
struct gf_set_walk {
    enum gf_set_encoding encoding;
    struct gf_ints ints;
    uint32_t index; /* of the next integer */
    const char *at; /* the next packed member */
    const char *end;
    struct gf_dict_walk dict;
};

/* gf_set_walk_init - of NULL, too: nothing. */
void gf_set_walk_init(struct gf_set_walk *walk, const struct gf_object *object);
/* gf_set_walk_next - false at the end. */
bool gf_set_walk_next(struct gf_set_walk *walk, struct gf_packed_view *ret_member);

/* gf_set_random - a member, each with the same probability. seed moves on. Not of NULL. */
void gf_set_random(const struct gf_object *object, uint64_t *seed,
                   struct gf_packed_view *ret_member);

/* Changing. Nothing here tells of the change (gf_exec_changed). */

enum gf_set_added {
    GF_SET_ADDED,
    GF_SET_PRESENT,
    GF_SET_NO_MEMORY, /* nothing has changed; not answered yet */
};

/* gf_set_expect - `count` members are about to come: a small set that cannot hold as many takes its
 * large form at once. False when there is no memory (nothing has changed, nothing is answered). */
bool gf_set_expect(struct gf_exec *x, struct gf_set *set, uint64_t count);

/* gf_set_add - makes the set when there is none.
 *
 * expected   members about to come, 1 or more: what form a new set gets
 */
enum gf_set_added gf_set_add(struct gf_exec *x, struct gf_set *set, struct gf_bytes member,
                             uint64_t expected);

/* gf_set_remove - false when it is not there. The last one leaves an empty set: call
 * gf_set_remove_empty before the command ends. */
bool gf_set_remove(struct gf_set *set, struct gf_bytes member);

/* gf_set_remove_empty - a set without members has no key; true when that was so. */
bool gf_set_remove_empty(struct gf_set *set);

/* gf_set_put_table - a set of all keys of `dict`, in the smallest of the forms from `first` on,
 * takes the place of what is under the key. A live set keeps its expiry, anything else does not
 * (set->object is NULL then, even though there may be something). The dict is used up. False when
 * there is no memory: nothing has changed. */
bool gf_set_put_table(struct gf_exec *x, struct gf_set *set, struct gf_dict *dict,
                      enum gf_set_encoding first);

/* What the type needs: */

/* gf_set_save, gf_set_load - see struct gf_type. */
void gf_set_save(const struct gf_object *object, struct gf_saver *saver);
bool gf_set_load(struct gf_loader *loader, struct gf_value *ret_value);

/* gf_set_check - asserts every invariant; O(n). */
void gf_set_check(const struct gf_object *object);


/* The commands; their rows in sets.c say what they do. */
void gf_set_sadd_run(struct gf_exec *x);
void gf_set_srem_run(struct gf_exec *x);
void gf_set_sismember_run(struct gf_exec *x);
void gf_set_smismember_run(struct gf_exec *x);
void gf_set_scard_run(struct gf_exec *x);
void gf_set_smembers_run(struct gf_exec *x);
void gf_set_smove_run(struct gf_exec *x);
void gf_set_sscan_run(struct gf_exec *x);
void gf_set_spop_run(struct gf_exec *x);
void gf_set_srandmember_run(struct gf_exec *x);
void gf_set_sinter_run(struct gf_exec *x);
void gf_set_sintercard_run(struct gf_exec *x);
void gf_set_sinterstore_run(struct gf_exec *x);
void gf_set_sunion_run(struct gf_exec *x);
void gf_set_sunionstore_run(struct gf_exec *x);
void gf_set_sdiff_run(struct gf_exec *x);
void gf_set_sdiffstore_run(struct gf_exec *x);
