/* One sorted set as a value: the small form, and what is the same for both forms.
 *
 * A small one is walked from the start: its few dozen records lie in a few cache lines behind one
 * another, and no other order of them would save more than the walk costs.
 */
#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/zsets.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53: every integer up to here is a double */

/* A record of the small form. */
struct record {
    size_t at;       /* offset of its member in the block */
    size_t score_at; /* of its score */
    size_t end;
    double score;
};

/* A score as it is written: keeps what the draft points at. */
struct score_draft {
    char raw[8];
    struct gf_packed_draft draft;
};

static uint32_t head_read(const char *data)
{
    return (uint32_t)(uint8_t)data[0] | (uint32_t)(uint8_t)data[1] << 8;
}

static void head_write(char *data, uint64_t count)
{
    GF_ASSERT(count <= GF_ZSET_SMALL_MAX);
    data[0] = (char)count;
    data[1] = (char)(count >> 8);
}

static bool is_integer(double score)
{
    return score > -INTEGER_MAX && score < INTEGER_MAX && score == (double)(int64_t)score;
}

/* Integers as integers (-0 becomes 0, as in Redis's small sorted sets); the 8 bytes of all others
 * are never taken for the text of one. */
static void score_make(const struct gf_zset *zset, double score, struct score_draft *ret_draft)
{
    if (is_integer(score) && (!zset->keeps_sign || score != 0 || !signbit(score))) {
        ret_draft->draft = gf_packed_draft_int((int64_t)score);
        return;
    }
    memcpy(ret_draft->raw, &score, sizeof(score));
    ret_draft->draft = (struct gf_packed_draft){
        .head = {sizeof(score)},
        .head_size = 1,
        .tail = {.data = ret_draft->raw, .size = sizeof(score)},
    };
}

const char *gf_zset_read_score(const char *at, double *ret_score)
{
    struct gf_packed_view view;
    const char *next;

    if (*at == sizeof(*ret_score)) {
        memcpy(ret_score, at + 1, sizeof(*ret_score));
        return at + 1 + sizeof(*ret_score);
    }
    next = gf_packed_read_long(at, &view);
    GF_ASSERT(gf_packed_view_is_int(&view));
    *ret_score = (double)view.number;
    return next;
}

static struct gf_bytes small_run(const struct gf_zset *zset)
{
    if (zset->block.data == NULL)
        return GF_BYTES("");
    return (struct gf_bytes){.data = zset->block.data + GF_ZSET_HEAD,
                             .size = zset->block.size - GF_ZSET_HEAD};
}

static bool small_find(const struct gf_zset *zset, const struct gf_packed_draft *member,
                       struct record *ret_record)
{
    struct gf_bytes run = small_run(zset);
    const char *at = gf_packed_find(run, member, 2);
    const char *score_at;

    if (at == NULL)
        return false;
    score_at = gf_packed_next(at);
    ret_record->at = (size_t)(at - zset->block.data);
    ret_record->score_at = (size_t)(score_at - zset->block.data);
    ret_record->end = (size_t)(gf_zset_read_score(score_at, &ret_record->score) - zset->block.data);
    return true;
}

/* The rank of the first pair that is not below the bound, and the offset of its record. */
static uint64_t small_below(const struct gf_zset *zset, const struct gf_order_bound *bound,
                            size_t *ret_at)
{
    struct gf_bytes run = small_run(zset);
    const char *at = run.data;
    const char *end = run.data + run.size;
    char text[GF_PACKED_TEXT_MAX];
    uint64_t rank = 0;

    while (at < end) {
        const char *score_at = gf_packed_next(at);
        double score;
        const char *next = gf_zset_read_score(score_at, &score);
        bool below = score < bound->score;

        if (!bound->by_score || score == bound->score) {
            struct gf_packed_view view = {.data = ""};

            if (bound->by_member)
                (void)gf_packed_read(at, &view);
            below = gf_order_bound_compare(score, gf_packed_text(&view, text), bound) < 0;
        }
        if (!below)
            break;
        at = next;
        rank++;
    }
    *ret_at = GF_ZSET_HEAD + (size_t)(at - run.data);
    return rank;
}

/* A record at an offset; false when there is no memory. */
static bool small_insert(struct gf_zset *zset, size_t at, const struct gf_packed_draft *member,
                         double score)
{
    struct score_draft draft;
    size_t size;
    char *place;

    score_make(zset, score, &draft);
    size = gf_packed_draft_size(member) + gf_packed_draft_size(&draft.draft);
    if (zset->block.data == NULL) {
        GF_ASSERT(at == GF_ZSET_HEAD);
        if (gf_block_splice(&zset->block, 0, 0, GF_ZSET_HEAD + size) == NULL)
            return false;
        place = zset->block.data + GF_ZSET_HEAD;
    } else {
        place = gf_block_splice(&zset->block, at, 0, size);
        if (place == NULL)
            return false;
    }
    gf_packed_write(gf_packed_write(place, member), &draft.draft);
    zset->count++;
    head_write(zset->block.data, zset->count);
    return true;
}

/* The `count` records from one offset to another are gone. */
static void small_cut(struct gf_zset *zset, size_t at, size_t end, uint64_t count)
{
    zset->count -= count;
    (void)gf_block_splice(&zset->block, at, end - at, 0); /* less never needs memory */
    head_write(zset->block.data, zset->count);
}

/* Another score for a record: where it is, or on its new place. */
static bool small_rescore(struct gf_zset *zset, struct record *record,
                          const struct gf_packed_draft *member, double score)
{
    struct gf_packed_view view;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_order_bound bound;
    struct score_draft draft;
    size_t at;

    (void)gf_packed_read(zset->block.data + record->at, &view);
    bound = gf_order_bound_pair(score, gf_packed_text(&view, text));
    (void)small_below(zset, &bound, &at);
    if (at == record->at || at == record->end) {
        size_t old_size = record->end - record->score_at;
        char *place;

        score_make(zset, score, &draft);
        place = gf_block_splice(&zset->block, record->score_at, old_size,
                                gf_packed_draft_size(&draft.draft));
        if (place == NULL)
            return false;
        gf_packed_write(place, &draft.draft);
        return true;
    }
    size_t size_before = zset->block.size;
    bool inserted;

    zset->count--; /* or it might be one too many for the head meanwhile */
    inserted = small_insert(zset, at, member, score);
    zset->count++;
    if (!inserted)
        return false;
    if (at < record->at) {
        record->at += zset->block.size - size_before;
        record->end += zset->block.size - size_before;
    }
    small_cut(zset, record->at, record->end, 1);
    return true;
}

/* The block may have moved with its object. */
static void small_follow(struct gf_zset *zset)
{
    if (zset->block.keyspace != NULL)
        zset->object = zset->block.object;
}

static bool zset_fits_small(const struct gf_zset *zset, size_t member_size)
{
    return zset->count < GF_ZSET_SMALL_MAX &&
           zset->count < zset->limits->zset_max_listpack_entries &&
           member_size <= zset->limits->zset_max_listpack_value;
}

/* Small becomes big; false when there is no memory (nothing has changed then). */
static bool zset_convert(struct gf_zset *zset)
{
    struct gf_zset_tree *tree = gf_zset_tree_create(zset->hash_seed);
    struct gf_value value = {.type = GF_TYPE_ZSET, .encoding = GF_ZSET_TREE, .pointer = tree};
    struct gf_zset_walk walk;
    struct gf_order_pair pair;

    gf_zset_walk_init(&walk, zset, 0, UINT64_MAX, false);
    while (gf_zset_walk_next(&walk, &pair)) {
        if (!gf_zset_tree_add(tree, pair.member, pair.score)) {
            gf_zset_tree_destroy(tree);
            return false;
        }
    }
    if (zset->object == NULL) {
        gf_free(GF_MEMORY_DATA, zset->block.data);
    } else {
        struct gf_object *object =
            gf_keyspace_put(zset->place.keyspace, zset->place.hash, zset->place.key, &value,
                            GF_KEEP_EXPIRE, zset->now_ms);

        if (object == NULL) {
            gf_zset_tree_destroy(tree);
            return false;
        }
        zset->object = object;
    }
    zset->block = (struct gf_block){0};
    zset->tree = tree;
    return true;
}

/* What a member that is there gets instead of its score. */
static enum gf_zset_added score_change(double old_score, uint32_t flags, double *score)
{
    double wanted = flags & GF_ZSET_INCR ? old_score + *score : *score;

    if (flags & GF_ZSET_NX)
        return GF_ZSET_REFUSED;
    if (wanted != wanted)
        return GF_ZSET_NAN;
    if (((flags & GF_ZSET_GT) && wanted <= old_score) ||
        ((flags & GF_ZSET_LT) && wanted >= old_score))
        return GF_ZSET_REFUSED;
    *score = wanted;
    return wanted == old_score ? GF_ZSET_SAME : GF_ZSET_CHANGED;
}

static enum gf_zset_added tree_add(struct gf_zset *zset, struct gf_bytes member, uint32_t flags,
                                   double *score)
{
    struct gf_dict_entry entry;
    enum gf_zset_added result = GF_ZSET_ADDED;

    if (gf_dict_find(&zset->tree->scores, member, &entry)) {
        result = score_change(entry.score, flags, score);
        if (result == GF_ZSET_CHANGED)
            gf_zset_tree_rescore(zset->tree, member, entry.score, *score);
        return result;
    }
    if (flags & GF_ZSET_XX)
        return GF_ZSET_REFUSED;
    if (!gf_zset_tree_add(zset->tree, member, *score))
        return GF_ZSET_NO_MEMORY;
    zset->count++;
    return result;
}

static enum gf_zset_added small_add(struct gf_zset *zset, struct gf_bytes member, uint32_t flags,
                                    double *score)
{
    struct gf_packed_draft draft = gf_packed_draft(member);
    struct gf_order_bound bound;
    struct record record;
    size_t at;

    if (small_find(zset, &draft, &record)) {
        enum gf_zset_added result = score_change(record.score, flags, score);

        if (result == GF_ZSET_CHANGED && !small_rescore(zset, &record, &draft, *score))
            return GF_ZSET_NO_MEMORY;
        return result;
    }
    if (flags & GF_ZSET_XX)
        return GF_ZSET_REFUSED;
    if (!zset_fits_small(zset, member.size))
        return zset_convert(zset) ? tree_add(zset, member, flags, score) : GF_ZSET_NO_MEMORY;
    bound = gf_order_bound_pair(*score, member);
    (void)small_below(zset, &bound, &at);
    return small_insert(zset, at, &draft, *score) ? GF_ZSET_ADDED : GF_ZSET_NO_MEMORY;
}

enum gf_zset_added gf_zset_add(struct gf_zset *zset, struct gf_bytes member, uint32_t flags,
                               double *score)
{
    enum gf_zset_added result;

    if (zset->tree != NULL)
        return tree_add(zset, member, flags, score);
    if (member.size > GF_PACKED_SIZE_MAX)
        return GF_ZSET_NO_MEMORY;
    result = small_add(zset, member, flags, score);
    small_follow(zset);
    return result;
}

bool gf_zset_append(struct gf_zset *zset, struct gf_bytes member, double score)
{
    struct gf_packed_draft draft = gf_packed_draft(member);
    size_t at = zset->count == 0 ? GF_ZSET_HEAD : zset->block.size;

    GF_ASSERT(zset->tree == NULL);
    return small_insert(zset, at, &draft, score);
}

bool gf_zset_remove(struct gf_zset *zset, struct gf_bytes member)
{
    struct record record;

    if (zset->tree != NULL) {
        struct gf_dict_entry entry;

        if (!gf_dict_find(&zset->tree->scores, member, &entry))
            return false;
        gf_zset_tree_remove(zset->tree, member, entry.score);
        zset->count--;
        return true;
    }

    struct gf_packed_draft draft = gf_packed_draft(member);

    if (!small_find(zset, &draft, &record))
        return false;
    small_cut(zset, record.at, record.end, 1);
    small_follow(zset);
    return true;
}

void gf_zset_remove_range(struct gf_zset *zset, uint64_t first, uint64_t count,
                          struct gf_pace *pace)
{
    GF_ASSERT(count <= zset->count);
    GF_ASSERT(first <= zset->count - count);
    if (count == 0)
        return;
    if (zset->tree != NULL) {
        gf_zset_tree_remove_range(zset->tree, first, count, pace);
        zset->count -= count;
        return;
    }

    const char *run = zset->block.data + GF_ZSET_HEAD;
    const char *at = gf_packed_skip(run, (uint32_t)first * 2);
    const char *end = gf_packed_skip(at, (uint32_t)count * 2);

    small_cut(zset, (size_t)(at - zset->block.data), (size_t)(end - zset->block.data), count);
    small_follow(zset);
}

bool gf_zset_score(const struct gf_zset *zset, struct gf_bytes member, double *ret_score)
{
    struct record record;

    if (zset->tree != NULL) {
        struct gf_dict_entry entry;

        if (!gf_dict_find(&zset->tree->scores, member, &entry))
            return false;
        *ret_score = entry.score;
        return true;
    }

    struct gf_packed_draft draft = gf_packed_draft(member);

    if (!small_find(zset, &draft, &record))
        return false;
    *ret_score = record.score;
    return true;
}

uint64_t gf_zset_below(const struct gf_zset *zset, const struct gf_order_bound *bound)
{
    size_t at;

    if (zset->tree != NULL)
        return gf_order_below(&zset->tree->order, bound);
    return small_below(zset, bound, &at);
}

struct gf_zset gf_zset_of(const struct gf_object *object)
{
    struct gf_zset zset = {.object = (struct gf_object *)object};

    if (object == NULL)
        return zset;
    if (gf_object_encoding(object) == GF_ZSET_TREE) {
        zset.tree = gf_object_pointer(object);
        zset.count = zset.tree->order.count;
    } else {
        struct gf_bytes bytes = gf_object_bytes(object);

        zset.block = (struct gf_block){.data = (char *)bytes.data, .size = bytes.size};
        zset.count = head_read(bytes.data);
    }
    return zset;
}

uint64_t gf_zset_count_of(const struct gf_object *object)
{
    return gf_zset_of(object).count;
}

bool gf_zset_open(struct gf_exec *x, const struct gf_place *place, struct gf_zset *ret_zset)
{
    struct gf_object *object = gf_place_find(x, place);

    if (GF_UNLIKELY(object != NULL && gf_object_type(object) != GF_TYPE_ZSET)) {
        gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
        return false;
    }
    *ret_zset = gf_zset_of(object);
    ret_zset->place = *place;
    ret_zset->limits = x->limits;
    ret_zset->now_ms = x->now_ms;
    ret_zset->hash_seed = gf_keyspace_context_of(place->keyspace)->hash_seed;
    if (object != NULL && ret_zset->tree == NULL)
        ret_zset->block = gf_block_of(place->keyspace, place->hash, object);
    return true;
}

void gf_zset_init(const struct gf_exec *x, struct gf_zset *zset)
{
    /* All keyspaces of a node have one seed. */
    uint64_t hash_seed = gf_keyspace_context_of(x->keyspace)->hash_seed;

    *zset = (struct gf_zset){.limits = x->limits, .hash_seed = hash_seed};
}

void gf_zset_deinit(struct gf_zset *zset)
{
    if (zset->object != NULL)
        return;
    gf_zset_tree_destroy(zset->tree);
    gf_free(GF_MEMORY_DATA, zset->block.data);
    zset->tree = NULL;
    zset->block = (struct gf_block){0};
    zset->count = 0;
}

/* Is every key short enough for the small form? */
static bool dict_is_short(const struct gf_dict *scores, uint64_t size_max)
{
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;

    gf_dict_walk_init(&walk, scores);
    while (gf_dict_walk_next(&walk, &entry)) {
        if (gf_packed_text_size(&entry.key) > size_max)
            return false;
    }
    return true;
}

static bool fill_small(struct gf_zset *zset, const struct gf_dict *scores)
{
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;
    char text[GF_PACKED_TEXT_MAX];

    gf_dict_walk_init(&walk, scores);
    while (gf_dict_walk_next(&walk, &entry)) {
        enum gf_zset_added added =
            gf_zset_add(zset, gf_packed_text(&entry.key, text), 0, &entry.score);

        if (added == GF_ZSET_NO_MEMORY)
            return false;
    }
    return true;
}

bool gf_zset_fill(struct gf_zset *zset, struct gf_dict *scores, struct gf_pace *pace)
{
    bool filled = true;

    GF_ASSERT(zset->count == 0);
    if (gf_dict_count(scores) <= zset->limits->zset_max_listpack_entries &&
        gf_dict_count(scores) <= GF_ZSET_SMALL_MAX &&
        dict_is_short(scores, zset->limits->zset_max_listpack_value)) {
        filled = fill_small(zset, scores);
        gf_dict_deinit(scores);
        if (!filled)
            gf_zset_deinit(zset);
        return filled;
    }
    zset->tree = gf_zset_tree_create(zset->hash_seed);
    zset->tree->scores = *scores;
    gf_dict_init(scores, GF_DICT_SCORES, zset->hash_seed);
    gf_zset_tree_sort(zset->tree, pace);
    zset->count = zset->tree->order.count;
    return true;
}

bool gf_zset_store(struct gf_exec *x, const struct gf_place *place, struct gf_zset *zset)
{
    struct gf_value value = {
        .type = GF_TYPE_ZSET,
        .encoding = zset->tree ? GF_ZSET_TREE : GF_ZSET_PACKED,
        .bytes = {.data = zset->block.data, .size = zset->block.size},
        .pointer = zset->tree,
    };

    GF_ASSERT(zset->object == NULL);
    if (zset->count == 0) {
        struct gf_object *object =
            gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms);

        if (object != NULL)
            gf_keyspace_remove(place->keyspace, place->hash, object);
    } else if (gf_keyspace_put(place->keyspace, place->hash, place->key, &value, 0, x->now_ms) ==
               NULL) {
        gf_zset_deinit(zset);
        return false;
    } else {
        zset->tree = NULL; /* the object's from now on */
    }
    gf_zset_deinit(zset);
    return true;
}

void gf_zset_store_result(struct gf_exec *x, const struct gf_place *place, struct gf_zset *zset,
                          const char *event)
{
    uint64_t count = zset->count;
    bool existed = gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms) != NULL;

    if (!gf_zset_store(x, place, zset)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_reply_int(x->reply, (int64_t)count);
    if (count > 0)
        gf_exec_changed(x, x->db, place->key, GF_EVENT_ZSET, event);
    else if (existed)
        gf_exec_changed(x, x->db, place->key, GF_EVENT_GENERIC, "del");
}

bool gf_zset_finish(struct gf_exec *x, struct gf_zset *zset)
{
    struct gf_place place = zset->place;

    if (zset->object != NULL || zset->count == 0) {
        gf_zset_deinit(zset);
        return true;
    }
    if (gf_zset_store(x, &place, zset))
        return true;
    gf_reply_error(x->reply, GF_MSG_OOM);
    return false;
}

void gf_zset_removed(struct gf_exec *x, struct gf_zset *zset, const char *event)
{
    struct gf_bytes key = zset->place.key;
    bool empty = zset->count == 0;

    if (empty)
        gf_keyspace_remove(zset->place.keyspace, zset->place.hash, zset->object);
    gf_exec_changed(x, x->db, key, GF_EVENT_ZSET, event);
    if (empty)
        gf_exec_event(x, x->db, key, GF_EVENT_GENERIC, "del");
}
