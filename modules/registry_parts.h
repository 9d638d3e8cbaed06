/* What the files of the registry share: the struct, and the steps by which one is built. */
#pragma once

#include "core/assert.h"
#include "modules/object.h"
#include "modules/registry.h"
#include "modules/registry_check.h"

#define GF_REGISTRY_MODULES_MAX 128
#define GF_ROW_NONE UINT32_MAX

/* A name as the hash sees it. Equal for equal names of up to 16 bytes, and only for those. */
struct gf_name_key {
    uint64_t first; /* the first 8 bytes, folded to upper case */
    uint64_t last;  /* the last 8; 0 for names of up to 8; mixed with the middle from 17 on */
};

struct gf_name_slot {
    struct gf_name_key key;
    const struct gf_command *row; /* NULL = no such name */
    uint64_t size;                /* of the name */
};

_Static_assert(sizeof(struct gf_name_slot) == 32, "two slots to a cache line");

/* What a registry shares with those that come after it: rows never move and never go. */
struct gf_registry_rows {
    uint32_t users;    /* registries */
    uint32_t count;    /* in use, with subcommands and with what was removed */
    uint32_t capacity;
    struct gf_command *rows; /* owned */
    uint32_t *containers;    /* owned; by row: its container's, or GF_ROW_NONE */
    const struct gf_type *types[GF_TYPES_MAX]; /* a type stays, too: its values wait to be freed */
};

struct gf_registry {
    struct gf_name_slot *slots; /* owned; 1 << slot_bits of them, 64-byte aligned */
    uint64_t seed;           /* odd */
    uint32_t slot_bits;
    uint32_t count;          /* top-level rows */
    uint32_t *tops;          /* owned; their numbers, in the order of registration */
    uint32_t rows_count;     /* of `shared`, when this one was made */
    struct gf_command *rows; /* those of `shared` */
    struct gf_registry_rows *shared;
    uint32_t modules_count;
    const struct gf_module *modules[GF_REGISTRY_MODULES_MAX];
};

/* Building one, in this order: the rows of modules, their subcommands, and then the names. */

/* gf_registry_begin - an empty one of these modules. */
struct gf_registry *gf_registry_begin(struct gf_registry_rows *shared,
                                      const struct gf_module_list *list);
/* gf_registry_copy_rows - the top-level rows of a module, behind those that are there. */
void gf_registry_copy_rows(struct gf_registry *registry, const struct gf_module *module);
/* gf_registry_copy_subcommands - of one container, from every module that adds some. */
void gf_registry_copy_subcommands(struct gf_registry *registry, uint32_t container);
struct gf_registry *gf_registry_finish(struct gf_registry *registry);

bool gf_registry_has_row(const struct gf_registry *registry, const char *name);
/* gf_module_rows - rows of a module, subcommands included. */
uint32_t gf_module_rows(const struct gf_module *module);
