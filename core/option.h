/* Option rows: parse, bounds, format, describe. One row is one option, for the command line
 * (--max-clients 5), the config file, GOFISH_* variables, CONFIG GET/SET and the reference page.
 *
 * Each folder lists its own rows in <folder>/options.def as an X-macro over
 *
 *     X(name, TYPE, default, min, max, WHEN, "what it does")
 *
 * name       a C identifier; its public name has '-' for '_'
 * TYPE       BOOL  (bool: yes/no)
 *            UINT  (uint64_t, min .. max)
 *            INT   (int64_t, min .. max)
 *            SIZE  (uint64_t bytes: "100mb", "1gb"; min .. max)
 *            ENUM  (int; min is the list of values, a `const struct gf_option_value *` that ends
 *                   in a NULL name, default one of these values, max 0; a second name of a value
 *                   stands behind its first, which is the one that is shown)
 *            TEXT  (char *, owned, never NULL; default a string literal; min/max unused = 0)
 * WHEN       LIVE     CONFIG SET works
 *            RESTART  only at start
 *            NOTED    CONFIG SET works, and nothing follows from the value
 *            SAME     only the default is taken, by CONFIG SET, too
 *            FIXED    only the default is taken, and only at start
 *
 * shards/settings.c composes the lists into `struct gf_settings` and a table of gf_option rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

typedef bool gf_option_ctype_BOOL;
typedef uint64_t gf_option_ctype_UINT;
typedef int64_t gf_option_ctype_INT;
typedef uint64_t gf_option_ctype_SIZE;
typedef int gf_option_ctype_ENUM;
typedef char *gf_option_ctype_TEXT;

enum gf_option_type {
    GF_OPTION_BOOL,
    GF_OPTION_UINT,
    GF_OPTION_INT,
    GF_OPTION_SIZE,
    GF_OPTION_ENUM,
    GF_OPTION_TEXT,
};

enum gf_option_when {
    GF_OPTION_LIVE,
    GF_OPTION_RESTART,
    GF_OPTION_NOTED,
    GF_OPTION_SAME,
    GF_OPTION_FIXED,
};

struct gf_option_value {
    const char *name; /* NULL ends the list */
    int value;
};

struct gf_option {
    const char *name; /* as in C: "tcp_keepalive" */
    enum gf_option_type type;
    enum gf_option_when when;
    size_t offset; /* of the field in the options struct */
    union gf_option_scalar {
        bool boolean;
        uint64_t number; /* UINT, SIZE */
        int64_t integer; /* INT */
        int choice;
        const char *text;
    } initial;
    int64_t min; /* UINT, INT, SIZE */
    uint64_t max;
    const struct gf_option_value *values; /* ENUM */
    const char *doc;
};

/* gf_options_init - every field gets its default; TEXT fields get an owned copy. */
void gf_options_init(const struct gf_option *rows, size_t count, void *options);
void gf_options_deinit(const struct gf_option *rows, size_t count, void *options);

/* gf_option_find - by public or C name, ignoring case ('-' and '_' are the same); NULL if
 * unknown. */
const struct gf_option *gf_option_find(const struct gf_option *rows, size_t count,
                                       struct gf_bytes name);

/* gf_option_is_constant - whether it has its default whatever anybody says. */
static inline bool gf_option_is_constant(const struct gf_option *row)
{
    return row->when == GF_OPTION_SAME || row->when == GF_OPTION_FIXED;
}

/* gf_option_has_effect - whether anything depends on its value. */
static inline bool gf_option_has_effect(const struct gf_option *row)
{
    return row->when == GF_OPTION_LIVE || row->when == GF_OPTION_RESTART;
}

/* gf_option_is_settable - whether CONFIG SET may name it. */
static inline bool gf_option_is_settable(const struct gf_option *row)
{
    return row->when != GF_OPTION_RESTART && row->when != GF_OPTION_FIXED;
}

/* gf_option_parse - set one field from text.
 *
 * ret_why    on failure: what is wrong, a sentence for people ("must be between 1 and 65535");
 *            at least 160 bytes
 * Returns    GF_OK, or GF_EINVAL with the field untouched
 */
int gf_option_parse(const struct gf_option *row, void *options, struct gf_bytes text, char *ret_why,
                    size_t why_size);

/* gf_option_format - the field's value as CONFIG GET shows it (SIZE in plain bytes).
 * Returns the size written to text (at most `capacity`). */
size_t gf_option_format(const struct gf_option *row, const void *options, char *text,
                        size_t capacity);

/* gf_option_public_name - "tcp-keepalive"; name must hold 64 bytes. Returns name. */
const char *gf_option_public_name(const struct gf_option *row, char *name);
