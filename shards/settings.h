/* All options of the server as one struct, and where they come from.
 *
 * In rising order of authority: the default, the config file, a GOFISH_NAME variable, the command
 * line, CONFIG SET. Each folder lists its own options; they are put together here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/log.h"
#include "core/option.h"
#include "core/options.def"
#include "modules/keyspace.h"
#include "modules/options.def"
#include "protocol/options.def"
#include "shards/options.def"
#include "shards/redis_options.def"

struct gf_driver;

enum gf_durability { GF_DURABILITY_NONE, GF_DURABILITY_ASYNC, GF_DURABILITY_SYNC };
enum gf_io_driver { GF_IO_AUTO, GF_IO_URING, GF_IO_EPOLL };
enum gf_debug_access { GF_DEBUG_NO, GF_DEBUG_YES, GF_DEBUG_LOCAL };

struct gf_settings {
#define GF_FIELD(name, type, def, min, max, when, doc) gf_option_ctype_##type name;
    GF_CORE_OPTIONS(GF_FIELD)
    GF_PROTOCOL_OPTIONS(GF_FIELD)
    GF_MODULES_OPTIONS(GF_FIELD)
    GF_SHARDS_OPTIONS(GF_FIELD)
    GF_REDIS_OPTIONS(GF_FIELD)
#undef GF_FIELD
};

/* gf_settings_rows - the table behind flags, file, CONFIG and the reference page. */
const struct gf_option *gf_settings_rows(size_t *ret_count);

static inline size_t gf_settings_count(void)
{
    size_t count;

    (void)gf_settings_rows(&count);
    return count;
}

void gf_settings_init(struct gf_settings *settings);
void gf_settings_deinit(struct gf_settings *settings);
/* gf_settings_copy - a copy with texts of its own; `to` is uninitialised. */
void gf_settings_copy(struct gf_settings *to, const struct gf_settings *from);

enum gf_settings_action {
    GF_SETTINGS_RUN,     /* start the server             */
    GF_SETTINGS_HELP,    /* --help: print it, exit 0     */
    GF_SETTINGS_VERSION, /* --version: print it, exit 0  */
};

struct gf_settings_source {
    int argc;
    char **argv;
    char **environment;       /* NAME=value, ends with NULL */
    struct gf_driver *driver; /* reads the config file */
};

/* gf_settings_load - defaults, file, environment, command line, and the checks across options.
 *
 * ret_config_path   --config's argument, or NULL; borrowed from argv
 * ret_why           on failure: one line for people, what is wrong where; at least 512 bytes
 * Returns           GF_OK, or GF_EINVAL
 */
int gf_settings_load(struct gf_settings *settings, const struct gf_settings_source *source,
                     enum gf_settings_action *ret_action, const char **ret_config_path,
                     char *ret_why, size_t why_size);

/* gf_settings_check - what no single row can say. Returns GF_OK, or GF_EINVAL and ret_why: at least
 * 160 bytes. */
int gf_settings_check(const struct gf_settings *settings, char *ret_why, size_t why_size);

/* gf_settings_value - an option's value as CONFIG GET shows it; in `number` (GF_SETTINGS_VALUE_SIZE
 * bytes) unless it is a text, which is borrowed. */
#define GF_SETTINGS_VALUE_SIZE 64
struct gf_bytes gf_settings_value(const struct gf_settings *settings, const struct gf_option *row,
                                  char *number);

/* gf_settings_help - the text of --help. gf_alloc'd (OTHER), terminated. */
char *gf_settings_help(void);

/* gf_settings_rewrite - the content of the config file with the current values: known lines are
 * replaced where they stand, comments kept, options that differ from their default appended.
 * `old` may be empty. gf_alloc'd (OTHER); its size in ret_size. */
char *gf_settings_rewrite(const struct gf_settings *settings, struct gf_bytes old,
                          size_t *ret_size);
