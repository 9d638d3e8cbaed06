/* The one list of built-in modules, and the perfect hash over the names of their commands.
 *
 * The registry copies every row into one array, subcommands behind all top-level rows, so that a
 * row's number is its place in the array and needs no lookup.
 *
 * A name becomes two words of eight folded bytes (longer names are mixed into the second). Words
 * and size together are multiplied by a seed and the top bits are the slot. The seed is searched
 * for at start until no two names share a slot, so a lookup is one multiplication, one slot, one
 * compare.
 */
#include "modules/registry.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/random.h"
#include "modules/object.h"
#include "modules/registry_check.h"
#include "modules/registry_parts.h"

extern const struct gf_module gf_command_module;
extern const struct gf_module gf_strings_module;
extern const struct gf_module gf_sets_module;
extern const struct gf_module gf_hashes_module;
extern const struct gf_module gf_hash_expire_module;
extern const struct gf_module gf_hash_ex_module;
extern const struct gf_module gf_lists_module;
extern const struct gf_module gf_streams_module;
extern const struct gf_module gf_streams_group_module;
extern const struct gf_module gf_streams_info_module;
extern const struct gf_module gf_sort_module;
extern const struct gf_module gf_generic_module;
extern const struct gf_module gf_bitmaps_module;
extern const struct gf_module gf_dump_module;
extern const struct gf_module gf_hyperloglog_module;
extern const struct gf_module gf_rename_module;
extern const struct gf_module gf_expire_module;
extern const struct gf_module gf_scan_module;
extern const struct gf_module gf_database_module;
extern const struct gf_module gf_object_module;
extern const struct gf_module gf_memory_module;
extern const struct gf_module gf_debug_keys_module;
extern const struct gf_module gf_zsets_module;
extern const struct gf_module gf_zset_range_module;
extern const struct gf_module gf_zset_rank_module;
extern const struct gf_module gf_zset_pop_module;
extern const struct gf_module gf_zset_combine_module;
extern const struct gf_module gf_zset_random_module;
extern const struct gf_module gf_geo_module;
extern const struct gf_module gf_geo_query_module;

/* clang-format off */
static const struct gf_module *const built_in[] = {
    &gf_strings_module,
    &gf_lists_module,
    &gf_sets_module,
    &gf_command_module,
    &gf_generic_module,
    &gf_sort_module,
    &gf_hashes_module,
    &gf_hash_expire_module,
    &gf_hash_ex_module,
    &gf_streams_module,
    &gf_streams_group_module,
    &gf_streams_info_module,
    &gf_rename_module,
    &gf_expire_module,
    &gf_scan_module,
    &gf_database_module,
    &gf_object_module,
    &gf_memory_module,
    &gf_debug_keys_module,
    &gf_dump_module,
    &gf_zsets_module,
    &gf_zset_range_module,
    &gf_zset_rank_module,
    &gf_zset_pop_module,
    &gf_zset_combine_module,
    &gf_zset_random_module,
    &gf_bitmaps_module,
    &gf_geo_module,
    &gf_geo_query_module,
    &gf_hyperloglog_module,
};
/* clang-format on */

_Static_assert(GF_COUNT(built_in) + GF_MODULES_EXTRA_MAX <= GF_REGISTRY_MODULES_MAX,
               "a registry has room for all modules");

#define SLOT_BITS_MIN 6
#define SLOTS_PER_NAME 16    /* sparse enough that a few thousand seeds suffice for 250 names */
#define SEEDS_PER_SIZE 20000 /* then the table doubles; some 10 ms */
#define ROWS_SPARE 512       /* rows of modules that are loaded while the server runs */

/* fold8 - upper case for the ASCII letters among eight bytes. Each byte is compared in its low
 * seven bits, where the additions cannot carry into its neighbour. */
static inline uint64_t fold8(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = bytes & (0x7f * ones);
    uint64_t from_a = low + (0x80 - 'a') * ones;
    uint64_t after_z = low + (0x7f - 'z') * ones;
    uint64_t lower = (from_a ^ after_z) & ~bytes & (0x80 * ones);

    return bytes ^ (lower >> 2); /* 0x80 >> 2 is the bit between 'a' and 'A' */
}

static inline uint64_t load8(const char *data)
{
    uint64_t value;

    memcpy(&value, data, sizeof(value));
    return value;
}

static inline uint64_t load4(const char *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof(value));
    return value;
}

static uint64_t mix_middle(struct gf_bytes name, uint64_t last)
{
    for (size_t i = 8; i + 8 < name.size; i += 8)
        last = (last ^ fold8(load8(name.data + i))) * 0x9e3779b97f4a7c15u;
    return last;
}

/* name_fold - reads no byte outside of the name: loads overlap instead. */
static inline struct gf_name_key name_fold(struct gf_bytes name)
{
    const char *data = name.data;
    size_t size = name.size;

    if (GF_LIKELY(size - 1 < 3)) {
        uint64_t value = (uint8_t)data[0] | (uint64_t)(uint8_t)data[size / 2] << 8 |
                         (uint64_t)(uint8_t)data[size - 1] << 16;
        return (struct gf_name_key){.first = fold8(value)};
    }
    if (size - 4 <= 4) {
        uint64_t value = load4(data) | load4(data + size - 4) << 32;
        return (struct gf_name_key){.first = fold8(value)};
    }
    if (size == 0)
        return (struct gf_name_key){0};

    struct gf_name_key key = {.first = fold8(load8(data)), .last = fold8(load8(data + size - 8))};
    if (size > 16)
        key.last = mix_middle(name, key.last);
    return key;
}

static inline uint64_t name_slot_index(struct gf_name_key key, uint64_t size, uint64_t seed,
                                       uint32_t slot_bits)
{
    uint64_t mixed = key.first ^ (key.last << 31 | key.last >> 33) ^ size;

    /* The high half of a product depends on all bits below; folding it once spreads the rest. */
    mixed ^= mixed >> 32;
    return (mixed * seed) >> (64 - slot_bits);
}

const struct gf_command *gf_registry_find(const struct gf_registry *registry, struct gf_bytes name)
{
    struct gf_name_key key = name_fold(name);
    uint64_t index = name_slot_index(key, name.size, registry->seed, registry->slot_bits);
    const struct gf_name_slot *slot = &registry->slots[index];

    if (slot->size != name.size || slot->key.first != key.first || slot->key.last != key.last)
        return NULL;
    if (GF_UNLIKELY(name.size > 16 && slot->row != NULL && !gf_bytes_is(name, slot->row->name)))
        return NULL;
    return slot->row;
}

/* seed_separates - no two names meet. Visited slots are marked with the attempt's number. */
static bool seed_separates(struct gf_registry *registry, uint64_t seed, uint64_t attempt)
{
    for (uint32_t i = 0; i < registry->count; i++) {
        struct gf_bytes name = gf_bytes_of(registry->rows[registry->tops[i]].name);
        uint64_t index = name_slot_index(name_fold(name), name.size, seed, registry->slot_bits);

        if (registry->slots[index].size == attempt)
            return false;
        registry->slots[index].size = attempt;
    }
    return true;
}

static void seed_place(struct gf_registry *registry, uint64_t seed)
{
    memset(registry->slots, 0, sizeof(struct gf_name_slot) << registry->slot_bits);
    for (uint32_t i = 0; i < registry->count; i++) {
        const struct gf_command *row = &registry->rows[registry->tops[i]];
        struct gf_bytes name = gf_bytes_of(row->name);
        struct gf_name_key key = name_fold(name);
        uint64_t index = name_slot_index(key, name.size, seed, registry->slot_bits);

        GF_ASSERT(registry->slots[index].row == NULL);
        registry->slots[index] = (struct gf_name_slot){.key = key, .row = row, .size = name.size};
    }
    registry->seed = seed;
}

/* Names are unique and their keys differ (the check says so), so some seed separates them. */
static void registry_place_names(struct gf_registry *registry)
{
    uint64_t state = registry->count;

    registry->slot_bits = SLOT_BITS_MIN;
    while ((1u << registry->slot_bits) < registry->count * SLOTS_PER_NAME)
        registry->slot_bits++;
    for (;; registry->slot_bits++) {
        GF_ASSERT(registry->slot_bits < 24);
        registry->slots = gf_alloc_aligned(
            GF_MEMORY_OTHER, sizeof(struct gf_name_slot) << registry->slot_bits, GF_CACHE_LINE);
        memset(registry->slots, 0, sizeof(struct gf_name_slot) << registry->slot_bits);
        for (uint64_t attempt = 1; attempt <= SEEDS_PER_SIZE; attempt++) {
            uint64_t seed = gf_random_next(&state) | 1;

            if (!seed_separates(registry, seed, attempt))
                continue;
            seed_place(registry, seed);
            return;
        }
        gf_free(GF_MEMORY_OTHER, registry->slots);
    }
}

/* The subcommands of one container, from every module that adds some. */
void gf_registry_copy_subcommands(struct gf_registry *registry, uint32_t container)
{
    struct gf_registry_rows *shared = registry->shared;
    struct gf_command *row = &shared->rows[container];
    uint32_t first = shared->count;

    for (uint32_t i = 0; i < registry->modules_count; i++) {
        for (uint32_t j = 0; j < registry->modules[i]->commands_count; j++) {
            const struct gf_command *part = &registry->modules[i]->commands[j];

            if (strcmp(part->name, row->name) != 0)
                continue;
            for (uint32_t k = 0; k < part->subcommands_count; k++) {
                shared->containers[shared->count] = container;
                shared->rows[shared->count++] = part->subcommands[k];
            }
        }
    }
    row->subcommands_count = shared->count - first;
    row->subcommands = row->subcommands_count > 0 ? &shared->rows[first] : NULL;
}

/* A container is spread over several modules: the first one's row stands for it. */
bool gf_registry_has_row(const struct gf_registry *registry, const char *name)
{
    for (uint32_t i = 0; i < registry->count; i++) {
        if (strcmp(registry->rows[registry->tops[i]].name, name) == 0)
            return true;
    }
    return false;
}

uint32_t gf_module_rows(const struct gf_module *module)
{
    uint32_t rows = module->commands_count;

    for (uint32_t i = 0; i < module->commands_count; i++)
        rows += module->commands[i].subcommands_count;
    return rows;
}

/* The top-level rows of a module that is in the list, behind those that are there. */
void gf_registry_copy_rows(struct gf_registry *registry, const struct gf_module *module)
{
    struct gf_registry_rows *shared = registry->shared;

    if (module->type != NULL)
        __atomic_store_n(&shared->types[module->type->id], module->type, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < module->commands_count; i++) {
        if (gf_registry_has_row(registry, module->commands[i].name))
            continue;
        registry->tops[registry->count++] = shared->count;
        shared->containers[shared->count] = GF_ROW_NONE;
        shared->rows[shared->count++] = module->commands[i];
    }
}

static struct gf_registry_rows *rows_create(const struct gf_module_list *list)
{
    struct gf_registry_rows *shared = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*shared));

    shared->capacity = ROWS_SPARE;
    for (uint32_t i = 0; i < list->count; i++)
        shared->capacity += gf_module_rows(list->modules[i]);
    shared->rows =
        gf_alloc_aligned(GF_MEMORY_OTHER, shared->capacity * sizeof(*shared->rows), GF_CACHE_LINE);
    shared->containers = gf_alloc(GF_MEMORY_OTHER, shared->capacity * sizeof(*shared->containers));
    return shared;
}

/* An empty one of these modules. */
struct gf_registry *gf_registry_begin(struct gf_registry_rows *shared,
                                      const struct gf_module_list *list)
{
    struct gf_registry *registry = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*registry));

    GF_ASSERT(list->count <= GF_REGISTRY_MODULES_MAX);
    shared->users++;
    registry->shared = shared;
    registry->rows = shared->rows;
    registry->tops = gf_alloc(GF_MEMORY_OTHER, shared->capacity * sizeof(*registry->tops));
    registry->modules_count = list->count;
    memcpy(registry->modules, list->modules, list->count * sizeof(*list->modules));
    return registry;
}

struct gf_registry *gf_registry_finish(struct gf_registry *registry)
{
    registry->rows_count = registry->shared->count;
    registry_place_names(registry);
    return registry;
}

int gf_registry_create(const struct gf_module *const *extra, uint32_t extra_count,
                       struct gf_registry **ret_registry, char *ret_why, size_t why_size)
{
    const struct gf_module *modules[GF_REGISTRY_MODULES_MAX];
    struct gf_module_list list = {.modules = modules, .count = GF_COUNT(built_in)};
    struct gf_registry *registry;
    int error;

    GF_ASSERT(extra_count <= GF_MODULES_EXTRA_MAX);
    memcpy(modules, built_in, sizeof(built_in));
    for (uint32_t i = 0; i < extra_count; i++)
        modules[list.count++] = extra[i];
    error = gf_registry_check_modules(&list, ret_why, why_size);
    if (error != GF_OK)
        return error;

    registry = gf_registry_begin(rows_create(&list), &list);
    for (uint32_t i = 0; i < list.count; i++)
        gf_registry_copy_rows(registry, modules[i]);
    for (uint32_t i = 0; i < registry->count; i++)
        gf_registry_copy_subcommands(registry, registry->tops[i]);
    GF_ASSERT(registry->shared->count <= registry->shared->capacity);
    *ret_registry = gf_registry_finish(registry);
    return GF_OK;
}

void gf_registry_destroy(struct gf_registry *registry)
{
    struct gf_registry_rows *shared;

    if (registry == NULL)
        return;
    shared = registry->shared;
    if (--shared->users == 0) {
        gf_free(GF_MEMORY_OTHER, shared->rows);
        gf_free(GF_MEMORY_OTHER, shared->containers);
        gf_free(GF_MEMORY_OTHER, shared);
    }
    gf_free(GF_MEMORY_OTHER, registry->slots);
    gf_free(GF_MEMORY_OTHER, registry->tops);
    gf_free(GF_MEMORY_OTHER, registry);
}

const struct gf_command *gf_registry_find_words(const struct gf_registry *registry,
                                                const struct gf_bytes *words, uint32_t count,
                                                const struct gf_command **ret_container)
{
    const struct gf_command *row = gf_registry_find(registry, words[0]);

    *ret_container = NULL;
    if (row == NULL || GF_LIKELY(row->subcommands_count == 0) || count < 2)
        return row;
    for (uint32_t i = 0; i < row->subcommands_count; i++) {
        if (gf_bytes_is(words[1], row->subcommands[i].name))
            return &row->subcommands[i];
    }
    *ret_container = row;
    return NULL;
}

uint32_t gf_registry_count(const struct gf_registry *registry)
{
    return registry->count;
}

const struct gf_command *gf_registry_at(const struct gf_registry *registry, uint32_t index)
{
    GF_ASSERT(index < registry->count);
    return &registry->rows[registry->tops[index]];
}

uint32_t gf_registry_rows(const struct gf_registry *registry)
{
    return registry->rows_count;
}

uint32_t gf_registry_rows_max(const struct gf_registry *registry)
{
    return registry->shared->capacity;
}

uint32_t gf_registry_row_id(const struct gf_registry *registry, const struct gf_command *row)
{
    uint32_t id = (uint32_t)(row - registry->rows);

    GF_ASSERT(id < registry->shared->capacity);
    return id;
}

const struct gf_command *gf_registry_row(const struct gf_registry *registry, uint32_t row_id)
{
    GF_ASSERT(row_id < registry->shared->capacity);
    return &registry->rows[row_id];
}

static size_t name_lower(const char *name, char *text)
{
    size_t size = 0;

    for (; name[size] != '\0'; size++)
        text[size] =
            name[size] >= 'A' && name[size] <= 'Z' ? (char)(name[size] | 0x20) : name[size];
    return size;
}

size_t gf_registry_row_name(const struct gf_registry *registry, uint32_t row_id, char *text)
{
    uint32_t container;
    size_t size = 0;

    GF_ASSERT(row_id < registry->shared->capacity);
    container = registry->shared->containers[row_id];
    if (container != GF_ROW_NONE) {
        size = name_lower(registry->rows[container].name, text);
        text[size++] = '|';
    }
    size += name_lower(registry->rows[row_id].name, text + size);
    text[size] = '\0';
    return size;
}

const struct gf_type *const *gf_registry_types(const struct gf_registry *registry)
{
    return registry->shared->types;
}

uint32_t gf_command_keys(const struct gf_command *row, const struct gf_bytes *words, uint32_t count,
                         uint32_t *ret_indexes, uint32_t max)
{
    uint32_t found = 0;
    int64_t last;

    if (row->find_keys != NULL)
        return row->find_keys(words, count, ret_indexes, max);
    if (row->key_first == 0)
        return 0;

    last = row->key_last >= 0 ? row->key_last : (int64_t)count + row->key_last;
    if (last >= (int64_t)count || (last - row->key_first + 1) % row->key_step != 0)
        return 0; /* too few words, or the last key lacks what belongs to it */
    for (int64_t index = row->key_first; index <= last; index += row->key_step) {
        if (found < max)
            ret_indexes[found] = (uint32_t)index;
        found++;
    }
    return found;
}

uint32_t gf_command_counted_keys(const struct gf_bytes *words, uint32_t count, uint32_t at,
                                 uint32_t *ret_indexes, uint32_t max)
{
    int64_t keys;

    if (at >= count || !gf_bytes_parse_i64(words[at], &keys) || keys < 1 ||
        keys > (int64_t)(count - at - 1))
        return 0;
    for (uint32_t i = 0; i < keys && i < max; i++)
        ret_indexes[i] = at + 1 + i;
    return (uint32_t)keys;
}
