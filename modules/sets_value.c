/* The three forms of a set: reading, changing, and the ways from one to the next. */
#include "core/alloc.h"
#include "core/random.h"
#include "modules/block.h"
#include "modules/dump.h"
#include "modules/sets.h"

#define MEMBER_INT_SIZE_MAX 20 /* bytes of the text of any integer */

/* ---- reading -------------------------------------------------------------------------------- */

static enum gf_set_encoding encoding_of(const struct gf_object *object)
{
    return (enum gf_set_encoding)gf_object_encoding(object);
}

static struct gf_ints ints_of(const struct gf_object *object)
{
    return gf_ints_of(gf_object_bytes(object));
}

static struct gf_dict *dict_of(const struct gf_object *object)
{
    return gf_object_pointer(object);
}

static uint32_t packed_count(const char *data)
{
    return (uint32_t)(uint8_t)data[0] | (uint32_t)(uint8_t)data[1] << 8;
}

static void packed_set_count(char *data, uint32_t count)
{
    GF_ASSERT(count <= UINT16_MAX);
    data[0] = (char)(count & 0xff);
    data[1] = (char)(count >> 8);
}

static struct gf_bytes packed_run(const struct gf_object *object)
{
    struct gf_bytes bytes = gf_object_bytes(object);

    return (struct gf_bytes){.data = bytes.data + GF_SET_PACKED_HEAD,
                             .size = bytes.size - GF_SET_PACKED_HEAD};
}

bool gf_set_find(struct gf_exec *x, struct gf_set *ret_set)
{
    ret_set->place = gf_place_next(x);
    ret_set->object = gf_place_find(x, &ret_set->place);
    if (GF_LIKELY(ret_set->object == NULL || gf_object_type(ret_set->object) == GF_TYPE_SET))
        return true;
    gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
    return false;
}

uint64_t gf_set_count(const struct gf_object *object)
{
    if (object == NULL)
        return 0;
    switch (encoding_of(object)) {
    case GF_SET_INTS:
        return ints_of(object).count;
    case GF_SET_PACKED:
        return packed_count(gf_object_bytes(object).data);
    case GF_SET_TABLE:
        return gf_dict_count(dict_of(object));
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

static bool ints_have(const struct gf_object *object, int64_t number)
{
    struct gf_ints ints = ints_of(object);
    uint32_t index;

    return gf_ints_find(&ints, number, &index);
}

bool gf_set_has(const struct gf_object *object, struct gf_bytes member)
{
    struct gf_packed_draft draft;
    int64_t number;

    if (object == NULL)
        return false;
    switch (encoding_of(object)) {
    case GF_SET_INTS:
        return gf_bytes_parse_i64(member, &number) && ints_have(object, number);
    case GF_SET_PACKED:
        draft = gf_packed_draft(member);
        return gf_packed_find(packed_run(object), &draft, 1) != NULL;
    case GF_SET_TABLE:
        return gf_dict_find(dict_of(object), member, NULL);
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

bool gf_set_has_view(const struct gf_object *object, const struct gf_packed_view *member)
{
    struct gf_packed_draft draft;
    char text[GF_PACKED_TEXT_MAX];

    if (object == NULL)
        return false;
    switch (encoding_of(object)) {
    case GF_SET_INTS: /* the text of an integer is always kept as one */
        return gf_packed_view_is_int(member) && ints_have(object, member->number);
    case GF_SET_PACKED:
        draft = gf_packed_draft_of(member);
        return gf_packed_find(packed_run(object), &draft, 1) != NULL;
    case GF_SET_TABLE:
        return gf_dict_find(dict_of(object), gf_packed_text(member, text), NULL);
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

void gf_set_walk_init(struct gf_set_walk *walk, const struct gf_object *object)
{
    walk->encoding = object ? encoding_of(object) : GF_SET_PACKED;
    walk->at = NULL;
    walk->end = NULL;
    if (object == NULL)
        return;
    switch (walk->encoding) {
    case GF_SET_INTS:
        walk->ints = ints_of(object);
        walk->index = 0;
        break;
    case GF_SET_PACKED:
        walk->at = packed_run(object).data;
        walk->end = walk->at + packed_run(object).size;
        break;
    case GF_SET_TABLE:
        gf_dict_walk_init(&walk->dict, dict_of(object));
        break;
    }
}

bool gf_set_walk_next(struct gf_set_walk *walk, struct gf_packed_view *ret_member)
{
    struct gf_dict_entry entry;

    switch (walk->encoding) {
    case GF_SET_INTS:
        if (walk->index == walk->ints.count)
            return false;
        *ret_member =
            (struct gf_packed_view){.number = gf_ints_at(&walk->ints, walk->index++)};
        return true;
    case GF_SET_PACKED:
        if (walk->at == walk->end)
            return false;
        walk->at = gf_packed_read(walk->at, ret_member);
        return true;
    case GF_SET_TABLE:
        if (!gf_dict_walk_next(&walk->dict, &entry))
            return false;
        *ret_member = entry.key;
        return true;
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

void gf_set_random(const struct gf_object *object, uint64_t *seed,
                   struct gf_packed_view *ret_member)
{
    uint64_t count = gf_set_count(object);
    struct gf_dict_entry entry;
    struct gf_ints ints;

    GF_ASSERT(count > 0);
    switch (encoding_of(object)) {
    case GF_SET_INTS:
        ints = ints_of(object);
        *ret_member = (struct gf_packed_view){
            .number = gf_ints_at(&ints, (uint32_t)(gf_random_next(seed) % count))};
        return;
    case GF_SET_PACKED:
        (void)gf_packed_read(gf_packed_skip(packed_run(object).data,
                                            (uint32_t)(gf_random_next(seed) % count)),
                             ret_member);
        return;
    case GF_SET_TABLE:
        gf_dict_random(dict_of(object), seed, &entry);
        *ret_member = entry.key;
        return;
    }
}

/* ---- from one form to the next -------------------------------------------------------------- */

static struct gf_dict *dict_create(const struct gf_place *place)
{
    struct gf_dict *dict = gf_alloc(GF_MEMORY_DATA, sizeof(*dict));

    gf_dict_init(dict, GF_DICT_KEYS, gf_keyspace_context_of(place->keyspace)->hash_seed);
    return dict;
}

static void dict_destroy(struct gf_dict *dict)
{
    gf_dict_deinit(dict);
    gf_free(GF_MEMORY_DATA, dict);
}

/* The value under the key becomes another; a live set keeps its expiry. */
static bool set_put(struct gf_exec *x, struct gf_set *set, const struct gf_value *value)
{
    struct gf_object *object =
        gf_keyspace_put(set->place.keyspace, set->place.hash, set->place.key, value,
                        set->object ? GF_KEEP_EXPIRE : 0, x->now_ms);

    if (object == NULL)
        return false;
    set->object = object;
    return true;
}

static bool set_put_bytes(struct gf_exec *x, struct gf_set *set, enum gf_set_encoding encoding,
                          struct gf_bytes bytes)
{
    struct gf_value value = {.type = GF_TYPE_SET, .encoding = (uint8_t)encoding, .bytes = bytes};

    return set_put(x, set, &value);
}

/* Puts `dict` under the key, or destroys it. */
static bool set_put_dict(struct gf_exec *x, struct gf_set *set, struct gf_dict *dict)
{
    struct gf_value value = {.type = GF_TYPE_SET, .encoding = GF_SET_TABLE, .pointer = dict};

    if (set_put(x, set, &value))
        return true;
    dict_destroy(dict);
    return false;
}

static bool set_become_table(struct gf_exec *x, struct gf_set *set)
{
    struct gf_dict *dict = dict_create(&set->place);
    struct gf_packed_view member;
    struct gf_set_walk walk;
    char text[GF_PACKED_TEXT_MAX];

    gf_set_walk_init(&walk, set->object);
    while (gf_set_walk_next(&walk, &member)) {
        if (gf_dict_put(dict, gf_packed_text(&member, text), NULL, NULL) == GF_DICT_NO_MEMORY) {
            dict_destroy(dict);
            return false;
        }
    }
    return set_put_dict(x, set, dict);
}

static bool set_become_packed(struct gf_exec *x, struct gf_set *set)
{
    struct gf_ints ints = ints_of(set->object);
    size_t size = GF_SET_PACKED_HEAD;
    char *data = gf_alloc_try(GF_MEMORY_OTHER, size + ints.count * sizeof(struct gf_packed_draft));
    char *at;
    bool done;

    if (data == NULL)
        return false;
    packed_set_count(data, ints.count);
    at = data + size;
    for (uint32_t i = 0; i < ints.count; i++) {
        struct gf_packed_draft draft = gf_packed_draft_int(gf_ints_at(&ints, i));

        at = gf_packed_write(at, &draft);
    }
    size = (size_t)(at - data);
    done = set_put_bytes(x, set, GF_SET_PACKED, (struct gf_bytes){.data = data, .size = size});
    gf_free(GF_MEMORY_OTHER, data);
    return done;
}

static uint64_t packed_entries_max(const struct gf_limits *limits)
{
    uint64_t wanted = limits->set_max_listpack_entries;

    return wanted < UINT16_MAX ? wanted : UINT16_MAX;
}

/* ---- adding --------------------------------------------------------------------------------- */

bool gf_set_expect(struct gf_exec *x, struct gf_set *set, uint64_t count)
{
    const struct gf_limits *limits = x->limits;

    if (set->object == NULL)
        return true;
    switch (encoding_of(set->object)) {
    case GF_SET_INTS:
        return count <= limits->set_max_intset_entries || set_become_table(x, set);
    case GF_SET_PACKED:
        return count <= packed_entries_max(limits) || set_become_table(x, set);
    case GF_SET_TABLE:
        return true;
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

static enum gf_set_added added_if(bool done)
{
    return done ? GF_SET_ADDED : GF_SET_NO_MEMORY;
}

static enum gf_set_added add_to_table(struct gf_set *set, struct gf_bytes member)
{
    switch (gf_dict_put(dict_of(set->object), member, NULL, NULL)) {
    case GF_DICT_ADDED:
        return GF_SET_ADDED;
    case GF_DICT_CHANGED:
        return GF_SET_PRESENT;
    case GF_DICT_NO_MEMORY:
        return GF_SET_NO_MEMORY;
    }
    gf_panic(__FILE__, __LINE__, "a put has one of its results");
}

/* The first member of a set that is not there yet. */
static enum gf_set_added add_first(struct gf_exec *x, struct gf_set *set, struct gf_bytes member,
                                   uint64_t expected)
{
    const struct gf_limits *limits = x->limits;
    char room[GF_INTS_ONE_SIZE];
    struct gf_dict *dict;
    int64_t number;

    if (expected <= limits->set_max_intset_entries && gf_bytes_parse_i64(member, &number))
        return added_if(set_put_bytes(x, set, GF_SET_INTS, gf_ints_one(room, number)));
    if (expected <= packed_entries_max(limits) && member.size <= limits->set_max_listpack_value) {
        struct gf_packed_draft draft = gf_packed_draft(member);
        char head[GF_SET_PACKED_HEAD] = {0};
        struct gf_block block;

        if (!set_put_bytes(x, set, GF_SET_PACKED, (struct gf_bytes){head, sizeof(head)}))
            return GF_SET_NO_MEMORY;
        block = gf_block_of(set->place.keyspace, set->place.hash, set->object);
        if (!gf_packed_append(&block, &draft)) {
            (void)gf_set_remove_empty(set);
            return GF_SET_NO_MEMORY;
        }
        packed_set_count(block.data, 1);
        set->object = block.object;
        return GF_SET_ADDED;
    }
    dict = dict_create(&set->place);
    if (gf_dict_put(dict, member, NULL, NULL) == GF_DICT_NO_MEMORY) {
        dict_destroy(dict);
        return GF_SET_NO_MEMORY;
    }
    return added_if(set_put_dict(x, set, dict));
}

static enum gf_set_added add_to_packed(struct gf_exec *x, struct gf_set *set,
                                       struct gf_bytes member)
{
    struct gf_packed_draft draft = gf_packed_draft(member);
    struct gf_block block;
    uint32_t count;

    if (gf_packed_find(packed_run(set->object), &draft, 1) != NULL)
        return GF_SET_PRESENT;
    count = packed_count(gf_object_bytes(set->object).data);
    if (count >= packed_entries_max(x->limits) || member.size > x->limits->set_max_listpack_value)
        return set_become_table(x, set) ? add_to_table(set, member) : GF_SET_NO_MEMORY;
    block = gf_block_of(set->place.keyspace, set->place.hash, set->object);
    if (!gf_packed_append(&block, &draft))
        return GF_SET_NO_MEMORY;
    packed_set_count(block.data, count + 1);
    set->object = block.object;
    return GF_SET_ADDED;
}

/* A set of integers gets a member that is none. */
static enum gf_set_added add_text_to_ints(struct gf_exec *x, struct gf_set *set,
                                          struct gf_bytes member)
{
    const struct gf_limits *limits = x->limits;
    struct gf_ints ints = ints_of(set->object);
    char text[GF_PACKED_TEXT_MAX];
    size_t size_max = gf_i64_format(text, gf_ints_at(&ints, 0));
    size_t last_size = gf_i64_format(text, gf_ints_at(&ints, ints.count - 1));

    if (last_size > size_max)
        size_max = last_size;
    if (member.size > size_max)
        size_max = member.size;
    if (ints.count < packed_entries_max(limits) && size_max <= limits->set_max_listpack_value)
        return set_become_packed(x, set) ? add_to_packed(x, set, member) : GF_SET_NO_MEMORY;
    return set_become_table(x, set) ? add_to_table(set, member) : GF_SET_NO_MEMORY;
}

static enum gf_set_added add_to_ints(struct gf_exec *x, struct gf_set *set, struct gf_bytes member)
{
    struct gf_block block;
    int64_t number;

    if (!gf_bytes_parse_i64(member, &number))
        return add_text_to_ints(x, set, member);
    if (ints_of(set->object).count >= x->limits->set_max_intset_entries) {
        if (ints_have(set->object, number))
            return GF_SET_PRESENT;
        return set_become_table(x, set) ? add_to_table(set, member) : GF_SET_NO_MEMORY;
    }
    block = gf_block_of(set->place.keyspace, set->place.hash, set->object);
    switch (gf_ints_add(&block, number)) {
    case GF_INTS_ADDED:
        set->object = block.object;
        return GF_SET_ADDED;
    case GF_INTS_PRESENT:
        return GF_SET_PRESENT;
    case GF_INTS_NO_MEMORY:
        return GF_SET_NO_MEMORY;
    }
    gf_panic(__FILE__, __LINE__, "an addition has one of its results");
}

enum gf_set_added gf_set_add(struct gf_exec *x, struct gf_set *set, struct gf_bytes member,
                             uint64_t expected)
{
    GF_ASSERT(expected > 0);
    if (set->object == NULL)
        return add_first(x, set, member, expected);
    switch (encoding_of(set->object)) {
    case GF_SET_INTS:
        return add_to_ints(x, set, member);
    case GF_SET_PACKED:
        return add_to_packed(x, set, member);
    case GF_SET_TABLE:
        return add_to_table(set, member);
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

/* ---- removing ------------------------------------------------------------------------------- */

static bool remove_from_ints(struct gf_set *set, struct gf_bytes member)
{
    struct gf_ints ints = ints_of(set->object);
    struct gf_block block;
    int64_t number;
    uint32_t index;

    if (!gf_bytes_parse_i64(member, &number) || !gf_ints_find(&ints, number, &index))
        return false;
    block = gf_block_of(set->place.keyspace, set->place.hash, set->object);
    gf_ints_remove(&block, index);
    set->object = block.object;
    return true;
}

static bool remove_from_packed(struct gf_set *set, struct gf_bytes member)
{
    struct gf_packed_draft draft = gf_packed_draft(member);
    const char *at = gf_packed_find(packed_run(set->object), &draft, 1);
    struct gf_block block;

    if (at == NULL)
        return false;
    block = gf_block_of(set->place.keyspace, set->place.hash, set->object);
    packed_set_count(block.data, packed_count(block.data) - 1);
    gf_packed_remove(&block, (size_t)(at - block.data), 1);
    set->object = block.object;
    return true;
}

bool gf_set_remove(struct gf_set *set, struct gf_bytes member)
{
    if (set->object == NULL)
        return false;
    switch (encoding_of(set->object)) {
    case GF_SET_INTS:
        return remove_from_ints(set, member);
    case GF_SET_PACKED:
        return remove_from_packed(set, member);
    case GF_SET_TABLE:
        return gf_dict_remove(dict_of(set->object), member);
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

bool gf_set_remove_empty(struct gf_set *set)
{
    if (set->object == NULL || gf_set_count(set->object) > 0)
        return false;
    gf_keyspace_remove(set->place.keyspace, set->place.hash, set->object);
    set->object = NULL;
    return true;
}
