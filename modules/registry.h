/* The list of modules, and the way from a command's name to its row.
 *
 * A registry checks itself when it is built and is read-only afterwards: cores use the same one. A
 * module that is loaded later makes another. Names are found by a perfect hash, whose seed is
 * searched for when it is built.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/module.h"

struct gf_registry;

/* gf_registry_create - the built-in modules and `extra` ones (the server's own commands).
 *
 * ret_why    on failure: which row is wrong and how, for people; at least 200 bytes
 * Returns    GF_OK, or GF_EINVAL when the self-check fails: names unique, keys within arity, flags
 *            not contradictory, docs complete, type ids unique, ABI equal.
 */
int gf_registry_create(const struct gf_module *const *extra, uint32_t extra_count,
                       struct gf_registry **ret_registry, char *ret_why, size_t why_size);
void gf_registry_destroy(struct gf_registry *registry);

/* gf_registry_add, gf_registry_remove - another registry with one module more, or less. Both stay
 * good: rows have the same addresses and numbers in all of them, those of a removed module too.
 *
 * Called by  one thread at a time; others may use the registries they have.
 * Returns    gf_registry_add: GF_OK, or GF_EINVAL and why
 * Owner      each is destroyed on its own
 */
int gf_registry_add(const struct gf_registry *registry, const struct gf_module *module,
                    struct gf_registry **ret_registry, char *ret_why, size_t why_size);
struct gf_registry *gf_registry_remove(const struct gf_registry *registry,
                                       const struct gf_module *module);

/* gf_registry_find - the row of a command by its name, ignoring case; NULL if unknown. Container
 * commands (CLIENT, OBJECT …) give their own row. Hot: called once per request. */
const struct gf_command *gf_registry_find(const struct gf_registry *registry, struct gf_bytes name);

/* gf_registry_find_words - the row that will run: the subcommand's where there is one.
 *
 * Returns    NULL for an unknown command or subcommand; *ret_container is then the container of an
 *            unknown subcommand, or NULL.
 */
const struct gf_command *gf_registry_find_words(const struct gf_registry *registry,
                                                const struct gf_bytes *words, uint32_t count,
                                                const struct gf_command **ret_container);

/* Top-level rows in the order of registration: 0 .. count - 1. Subcommand rows hang off theirs. */
uint32_t gf_registry_count(const struct gf_registry *registry);
const struct gf_command *gf_registry_at(const struct gf_registry *registry, uint32_t index);

/* Every row, subcommands included, has a small number of its own: per-command statistics are arrays
 * of gf_registry_rows_max() elements. */
uint32_t gf_registry_rows(const struct gf_registry *registry);
/* gf_registry_rows_max - so many they can become: the size of such an array. */
uint32_t gf_registry_rows_max(const struct gf_registry *registry);
uint32_t gf_registry_row_id(const struct gf_registry *registry, const struct gf_command *row);
const struct gf_command *gf_registry_row(const struct gf_registry *registry, uint32_t row_id);
/* "get", "client|list": lower case, as INFO commandstats and COMMAND LIST say it; text holds 64
 * bytes. Returns its size, without the zero it ends with. */
size_t gf_registry_row_name(const struct gf_registry *registry, uint32_t row_id, char *text);

/* gf_registry_types - GF_TYPES_MAX types by id, for struct gf_keyspace_context. */
const struct gf_type *const *gf_registry_types(const struct gf_registry *registry);

/* gf_command_keys - word indexes of the keys of a request.
 *
 * Returns    how many there are (at most `max` are written); 0 when it has none or is broken.
 */
uint32_t gf_command_keys(const struct gf_command *row, const struct gf_bytes *words, uint32_t count,
                         uint32_t *ret_indexes, uint32_t max);

/* gf_command_counted_keys - for find_keys of commands in which words[at] says how many keys follow
 * it (SINTERCARD, ZUNION, LMPOP). Returns 0 when it is no number or there are not so many words. */
uint32_t gf_command_counted_keys(const struct gf_bytes *words, uint32_t count, uint32_t at,
                                 uint32_t *ret_indexes, uint32_t max);

/* gf_command_arity_ok - `count` words are enough and not too many. */
static inline bool gf_command_arity_ok(const struct gf_command *row, uint32_t count)
{
    return row->arity >= 0 ? count == (uint32_t)row->arity : count >= (uint32_t)-row->arity;
}
