/* The slow log's entries: made, kept, copied, read. */
#include "shards/slowlog.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define NOTE_SIZE 48 /* "... (18446744073709551615 more arguments)" and its zero */

/* One argument as it is kept: some bytes, and a note about the rest. */
struct cut {
    struct gf_bytes bytes;
    char note[NOTE_SIZE];
    size_t note_size;
};

/* What is kept of the index-th word. */
static struct cut cut_word(const struct gf_slowlog_event *event, uint32_t index)
{
    struct cut cut = {.bytes = event->words[index]};

    if (event->words_count > GF_SLOWLOG_ARGS_MAX && index == GF_SLOWLOG_ARGS_MAX - 1) {
        cut.bytes = (struct gf_bytes){0};
        cut.note_size = (size_t)snprintf(cut.note, NOTE_SIZE, "... (%u more arguments)",
                                         event->words_count - GF_SLOWLOG_ARGS_MAX + 1);
    } else if (cut.bytes.size > GF_SLOWLOG_ARG_SIZE) {
        cut.note_size = (size_t)snprintf(cut.note, NOTE_SIZE, "... (%zu more bytes)",
                                         cut.bytes.size - GF_SLOWLOG_ARG_SIZE);
        cut.bytes.size = GF_SLOWLOG_ARG_SIZE;
    }
    return cut;
}

static uint32_t kept_count(const struct gf_slowlog_event *event)
{
    return event->words_count < GF_SLOWLOG_ARGS_MAX ? event->words_count : GF_SLOWLOG_ARGS_MAX;
}

static char *bytes_put(char *p, const void *bytes, size_t size)
{
    return size > 0 ? (char *)memcpy(p, bytes, size) + size : p;
}

static struct gf_slowlog_entry *entry_create(const struct gf_slowlog_event *event)
{
    uint32_t args_count = kept_count(event);
    size_t size = offsetof(struct gf_slowlog_entry, bytes) + event->name.size;
    struct gf_slowlog_entry *entry;
    char *p;

    for (uint32_t i = 0; i < args_count; i++) {
        struct cut cut = cut_word(event, i);

        size += sizeof(uint32_t) + cut.bytes.size + cut.note_size;
    }
    entry = gf_alloc_zero(GF_MEMORY_OTHER, size);
    entry->id = event->id;
    entry->time_s = event->time_s;
    entry->duration_us = event->duration_us;
    entry->size = (uint32_t)size;
    entry->name_size = (uint32_t)event->name.size;
    entry->args_count = args_count;
    entry->peer = event->peer;
    p = bytes_put(entry->bytes, event->name.data, event->name.size);
    for (uint32_t i = 0; i < args_count; i++) {
        struct cut cut = cut_word(event, i);
        uint32_t arg_size = (uint32_t)(cut.bytes.size + cut.note_size);

        p = bytes_put(p, &arg_size, sizeof(arg_size));
        p = bytes_put(p, cut.bytes.data, cut.bytes.size);
        p = bytes_put(p, cut.note, cut.note_size);
    }
    GF_ASSERT(p == (char *)entry + size);
    return entry;
}

void gf_slowlog_init(struct gf_slowlog *log)
{
    gf_list_init(&log->entries);
    log->count = 0;
}

static void slowlog_trim(struct gf_slowlog *log, uint64_t max)
{
    while (log->count > max) {
        struct gf_link *link = log->entries.head.prev; /* the oldest */

        gf_list_remove(link);
        gf_free(GF_MEMORY_OTHER, gf_container(link, struct gf_slowlog_entry, link));
        log->count--;
    }
}

void gf_slowlog_add(struct gf_slowlog *log, const struct gf_slowlog_event *event, uint64_t max)
{
    GF_ASSERT(event->words_count > 0);
    gf_list_push_front(&log->entries, &entry_create(event)->link);
    log->count++;
    slowlog_trim(log, max);
}

void gf_slowlog_clear(struct gf_slowlog *log)
{
    slowlog_trim(log, 0);
}

struct gf_slowlog_entry *gf_slowlog_copy(const struct gf_slowlog_entry *entry)
{
    struct gf_slowlog_entry *copy = gf_alloc(GF_MEMORY_OTHER, entry->size);

    memcpy(copy, entry, entry->size);
    copy->link = (struct gf_link){0};
    return copy;
}

struct gf_bytes gf_slowlog_arg(const struct gf_slowlog_entry *entry, uint32_t *offset)
{
    uint32_t size;

    memcpy(&size, entry->bytes + *offset, sizeof(size));
    *offset += (uint32_t)sizeof(size) + size;
    GF_ASSERT(offsetof(struct gf_slowlog_entry, bytes) + *offset <= entry->size);
    return (struct gf_bytes){.data = entry->bytes + *offset - size, .size = size};
}
