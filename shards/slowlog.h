/* The commands of one core's clients that took long: the newest slowlog-max-len of them.
 *
 * An entry is one block, so that another core can be given a copy with one memcpy:
 *
 *   OFFSET          SIZE    MEANING
 *   0               header  struct gf_slowlog_entry
 *   header          n       the client's name, CLIENT SETNAME
 *   then, args_count times:
 *                   4       size of the argument, as this machine has it
 *                   size    the argument
 */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "core/driver.h"
#include "core/list.h"

#define GF_SLOWLOG_ARGS_MAX 32  /* words kept; the last one then says how many more there were */
#define GF_SLOWLOG_ARG_SIZE 128 /* bytes kept of a word; how many more there were is said behind */

struct gf_slowlog_entry {
    struct gf_link link;
    uint64_t id;          /* unique on the node, rising */
    uint64_t time_s;      /* Unix time */
    uint64_t duration_us;
    uint32_t size;        /* of the block */
    uint32_t name_size;
    uint32_t args_count;
    struct gf_address peer;
    char bytes[];
};

struct gf_slowlog {
    struct gf_list entries; /* gf_slowlog_entry.link, newest first; owned */
    uint32_t count;
};

/* What an entry is made from. */
struct gf_slowlog_event {
    uint64_t id;
    uint64_t time_s;
    uint64_t duration_us;
    struct gf_bytes name;
    struct gf_address peer;
    const struct gf_bytes *words;
    uint32_t words_count;
};

void gf_slowlog_init(struct gf_slowlog *log);

/* gf_slowlog_add - remember it, forget what is beyond the newest `max`. */
void gf_slowlog_add(struct gf_slowlog *log, const struct gf_slowlog_event *event, uint64_t max);

/* gf_slowlog_clear - forget everything. */
void gf_slowlog_clear(struct gf_slowlog *log);

/* gf_slowlog_copy - a copy for another core; gf_alloc'd (OTHER), linked nowhere. */
struct gf_slowlog_entry *gf_slowlog_copy(const struct gf_slowlog_entry *entry);

static inline struct gf_bytes gf_slowlog_name(const struct gf_slowlog_entry *entry)
{
    return (struct gf_bytes){.data = entry->bytes, .size = entry->name_size};
}

/* gf_slowlog_arg - the argument at `*offset` of entry->bytes, which then points at the next; begin
 * with name_size. */
struct gf_bytes gf_slowlog_arg(const struct gf_slowlog_entry *entry, uint32_t *offset);
