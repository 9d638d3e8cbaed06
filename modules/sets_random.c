/* Members that chance chooses: SPOP and SRANDMEMBER. All chance comes from the command's seed. */
#include "core/alloc.h"
#include "core/random.h"
#include "modules/sets.h"

/* Bytes that the answer with a member takes at least; an answer is no longer than a string. */
#define ANSWER_SIZE_MIN 7
#define POP_MOST 5 /* that many times more go than stay: Redis makes a new set then, too */

static void member_reply(struct gf_exec *x, const struct gf_packed_view *member)
{
    gf_packed_reply(x->reply, member);
    gf_exec_pause(x, gf_packed_steps(member));
}

static void set_reply(struct gf_exec *x, const struct gf_object *object)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;

    gf_set_walk_init(&walk, object);
    while (gf_set_walk_next(&walk, &member))
        member_reply(x, &member);
}

/* ---- SPOP ----------------------------------------------------------------------------------- */

/* A member is answered, then removed. */
static void pop_one(struct gf_exec *x, struct gf_set *set, uint64_t *seed)
{
    char text[GF_DICT_NEAR_MAX > GF_I64_TEXT_MAX ? GF_DICT_NEAR_MAX : GF_I64_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_bytes bytes;
    bool removed;

    gf_set_random(set->object, seed, &member);
    gf_packed_reply(x->reply, &member);
    bytes = gf_packed_text(&member, text);
    /* What is in the set's own memory moves while it is removed. */
    if (gf_packed_view_is_near(&member) && bytes.size <= sizeof(text)) {
        memcpy(text, bytes.data, bytes.size);
        bytes.data = text;
    }
    removed = gf_set_remove(set, bytes);
    GF_ASSERT(removed);
}

/* What SPOP says of the set afterwards. */
static void tell_popped(struct gf_exec *x, struct gf_set *set)
{
    bool gone = gf_set_remove_empty(set);

    gf_exec_changed(x, x->db, set->place.key, GF_EVENT_SET, "spop");
    if (gone)
        gf_exec_event(x, x->db, set->place.key, GF_EVENT_GENERIC, "del");
}

/* Every member goes: nothing is chosen. */
static void pop_all(struct gf_exec *x, struct gf_set *set)
{
    gf_reply_set(x->reply, gf_set_count(set->object));
    set_reply(x, set->object);
    gf_keyspace_remove(set->place.keyspace, set->place.hash, set->object);
    gf_exec_changed(x, x->db, set->place.key, GF_EVENT_SET, "spop");
    gf_exec_event(x, x->db, set->place.key, GF_EVENT_GENERIC, "del");
}

/* `left` members of a much larger set, chosen by chance. False: no memory. */
static bool choose(struct gf_exec *x, const struct gf_object *object, uint64_t left,
                   struct gf_dict *chosen)
{
    uint64_t seed = x->seed;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;

    while (gf_dict_count(chosen) < left) {
        gf_set_random(object, &seed, &member);
        if (gf_dict_put(chosen, gf_packed_text(&member, text), NULL, NULL) == GF_DICT_NO_MEMORY)
            return false;
        gf_exec_pause(x, 1);
    }
    return true;
}

/* Answers what was under the key but for those that stay there. */
static void answer_gone(struct gf_exec *x, const struct gf_dict *dict,
                        const struct gf_object *staying)
{
    struct gf_dict_walk walk;
    struct gf_dict_entry entry;

    gf_reply_set(x->reply, gf_dict_count(dict) - gf_set_count(staying));
    gf_dict_walk_init(&walk, dict);
    while (gf_dict_walk_next(&walk, &entry)) {
        if (!gf_set_has_view(staying, &entry.key))
            gf_packed_reply(x->reply, &entry.key);
        gf_exec_pause(x, gf_packed_steps(&entry.key));
    }
}

/* The set holds those chosen, what it held is given in *ret_old. False: no memory, it is as it
 * was. */
static bool keep_chosen(struct gf_exec *x, struct gf_set *set, struct gf_dict *chosen,
                        struct gf_value *ret_old)
{
    struct gf_place *place = &set->place;
    uint64_t expire_ms;
    bool kept;

    gf_keyspace_take(place->keyspace, place->hash, set->object, ret_old, &expire_ms);
    set->object = NULL;
    kept = gf_set_put_table(x, set, chosen, GF_SET_PACKED);
    if (!kept)
        set->object = gf_keyspace_put(place->keyspace, place->hash, place->key, ret_old, expire_ms,
                                      x->now_ms);
    else if (expire_ms != 0)
        set->object = gf_keyspace_set_expire(place->keyspace, place->hash, set->object, expire_ms);
    return kept;
}

/* Nearly all members of a large set go: those few that stay are chosen, and become a set that may
 * be a small one again. */
static void pop_most(struct gf_exec *x, struct gf_set *set, uint64_t left)
{
    struct gf_keyspace *keyspace = set->place.keyspace;
    struct gf_value old;
    struct gf_dict chosen;

    gf_dict_init(&chosen, GF_DICT_KEYS, gf_keyspace_context_of(keyspace)->hash_seed);
    if (!choose(x, set->object, left, &chosen)) {
        gf_dict_deinit(&chosen);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (!keep_chosen(x, set, &chosen, &old)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, set->place.key, GF_EVENT_SET, "spop");
    answer_gone(x, old.pointer, set->object);
    gf_keyspace_retire(keyspace, old.type, old.pointer);
}

static void pop_count(struct gf_exec *x, struct gf_set *set, uint64_t count)
{
    uint64_t seed = x->seed, left;

    if (count == 0 || set->object == NULL) {
        gf_reply_set(x->reply, 0);
        return;
    }
    left = gf_set_count(set->object) > count ? gf_set_count(set->object) - count : 0;
    if (gf_exec_is_long(x, gf_set_count(set->object) - left))
        return;
    if (left == 0) {
        pop_all(x, set);
        return;
    }
    if (left * POP_MOST <= count && gf_object_encoding(set->object) == GF_SET_TABLE) {
        pop_most(x, set, left);
        return;
    }
    gf_reply_set(x->reply, count);
    while (count-- > 0) {
        pop_one(x, set, &seed);
        gf_exec_pause(x, 2);
    }
    tell_popped(x, set);
}

void gf_set_spop_run(struct gf_exec *x)
{
    bool counted = x->args->count > 2;
    uint64_t seed = x->seed;
    int64_t count = 0;
    struct gf_set set;

    if (x->args->count > 3) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return;
    }
    if (counted && (!gf_bytes_parse_i64(x->args->words[2], &count) || count < 0)) {
        gf_reply_error(x->reply, GF_MSG_MUST_BE_POSITIVE);
        return;
    }
    if (!gf_set_find(x, &set))
        return;
    if (counted) {
        pop_count(x, &set, (uint64_t)count);
    } else if (set.object == NULL) {
        gf_reply_null(x->reply);
    } else {
        pop_one(x, &set, &seed);
        tell_popped(x, &set);
    }
}

/* ---- SRANDMEMBER ---------------------------------------------------------------------------- */

/* Any member each time, the same ones again perhaps. */
static void answer_repeated(struct gf_exec *x, const struct gf_object *object, uint64_t count)
{
    struct gf_packed_view member;
    uint64_t seed = x->seed;

    gf_reply_array(x->reply, count);
    while (count-- > 0) {
        gf_set_random(object, &seed, &member);
        member_reply(x, &member);
    }
}

/* `count` different ones of a set that is not much larger: each member that comes by is taken with
 * the probability that makes all choices equally likely (D. Knuth, TAOCP vol. 2, algorithm S). */
static void answer_many(struct gf_exec *x, const struct gf_object *object, uint64_t count)
{
    uint64_t left = gf_set_count(object);
    uint64_t seed = x->seed;
    struct gf_packed_view member;
    struct gf_set_walk walk;

    gf_reply_array(x->reply, count);
    gf_set_walk_init(&walk, object);
    while (count > 0 && gf_set_walk_next(&walk, &member)) {
        if (gf_random_next(&seed) % left < count) {
            gf_packed_reply(x->reply, &member);
            count--;
        }
        left--;
        gf_exec_pause(x, gf_packed_steps(&member));
    }
}

/* `count` different ones of a much larger set: one that was chosen before is chosen again. False
 * when there is no memory to remember them: nothing is answered then. */
static bool answer_few(struct gf_exec *x, const struct gf_object *object, uint64_t count)
{
    uint64_t seed = x->seed;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_dict_walk walk;
    struct gf_dict_entry entry;
    struct gf_dict chosen;
    bool good = true;

    gf_dict_init(&chosen, GF_DICT_KEYS, seed);
    while (good && gf_dict_count(&chosen) < count) {
        gf_set_random(object, &seed, &member);
        good = gf_dict_put(&chosen, gf_packed_text(&member, text), NULL, NULL) != GF_DICT_NO_MEMORY;
        gf_exec_pause(x, 1);
    }
    if (good) {
        gf_reply_array(x->reply, count);
        gf_dict_walk_init(&walk, &chosen);
        while (gf_dict_walk_next(&walk, &entry))
            member_reply(x, &entry.key);
    }
    gf_dict_free_paced(&chosen, &x->pace);
    return good;
}

static void answer_different(struct gf_exec *x, const struct gf_object *object, uint64_t wanted)
{
    uint64_t count = gf_set_count(object);

    if (gf_exec_is_long(x, wanted > count / 4 ? count : wanted))
        return;
    if (wanted >= count) {
        gf_reply_array(x->reply, count);
        set_reply(x, object);
    } else if (wanted > count / 4 || gf_object_encoding(object) != GF_SET_TABLE) {
        answer_many(x, object, wanted);
    } else if (!answer_few(x, object, wanted)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
    }
}

/* SRANDMEMBER key count: negative = members may repeat. */
static void srandmember_count(struct gf_exec *x)
{
    struct gf_bytes word = x->args->words[2];
    struct gf_set set;
    int64_t count;

    if (!gf_bytes_parse_i64(word, &count)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return;
    }
    if (count == INT64_MIN) {
        gf_reply_error_explain(x->reply, GF_MSG_BETWEEN, "-9223372036854775807",
                               "9223372036854775807");
        return;
    }
    if (!gf_set_find(x, &set))
        return;
    if (count == 0 || set.object == NULL)
        gf_reply_array(x->reply, 0);
    else if (count > 0)
        answer_different(x, set.object, (uint64_t)count);
    else if ((uint64_t)-count > x->limits->bulk_size_max / ANSWER_SIZE_MIN)
        gf_reply_error(x->reply, GF_MSG_OUT_OF_RANGE);
    else if (!gf_exec_is_long(x, (uint64_t)-count))
        answer_repeated(x, set.object, (uint64_t)-count);
}

void gf_set_srandmember_run(struct gf_exec *x)
{
    struct gf_packed_view member;
    uint64_t seed = x->seed;
    struct gf_set set;

    if (x->args->count > 3) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
    } else if (x->args->count == 3) {
        srandmember_count(x);
    } else if (gf_set_find(x, &set)) {
        if (set.object == NULL) {
            gf_reply_null(x->reply);
            return;
        }
        gf_set_random(set.object, &seed, &member);
        gf_packed_reply(x->reply, &member);
    }
}
