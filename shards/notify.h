/* Keyspace notifications: what happens to keys, published to whoever is subscribed.
 *
 *   SET k v in database 0, with notify-keyspace-events KE$:
 *       __keyspace@0__:k    "set"
 *       __keyevent@0__:set  "k"
 *
 * Published by the core where the change was made, behind the answer to the command, in the order
 * of the changes. Nothing is made up when nobody is subscribed to anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "shards/events.h"

struct gf_worker;

#define GF_NOTIFY_KEYSPACE (1u << 30) /* K; the other bits are enum gf_event_class */
#define GF_NOTIFY_KEYEVENT (1u << 31) /* E */
#define GF_NOTIFY_TEXT_MAX 32

struct gf_notify {
    struct gf_event_sink sink;
    struct gf_worker *worker;
    uint32_t flags;
    struct gf_buf channel; /* scratch: a channel's name */
};

/* gf_notify_parse - Redis's letters; false when one is none of them.
 * gf_notify_format - in Redis's order; at most GF_NOTIFY_TEXT_MAX bytes, terminated. */
bool gf_notify_parse(const char *text, uint32_t *ret_flags);
void gf_notify_format(uint32_t flags, char *text);

void gf_notify_init(struct gf_worker *worker);
void gf_notify_deinit(struct gf_worker *worker);

/* gf_notify_apply - the setting may have changed. */
void gf_notify_apply(struct gf_worker *worker);
