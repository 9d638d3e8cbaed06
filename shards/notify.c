/* Keyspace notifications: a sink of key events that publishes them. */
#include "shards/notify.h"

#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "shards/pubsub.h"
#include "shards/worker.h"

/* In the order in which they are shown. */
static const struct {
    char letter;
    uint32_t flag;
} letters[] = {
    {'g', GF_EVENT_GENERIC},   {'$', GF_EVENT_STRING},   {'l', GF_EVENT_LIST},
    {'s', GF_EVENT_SET},       {'h', GF_EVENT_HASH},     {'z', GF_EVENT_ZSET},
    {'x', GF_EVENT_EXPIRED},   {'e', GF_EVENT_EVICTED},  {'t', GF_EVENT_STREAM},
    {'d', GF_EVENT_MODULE},    {'n', GF_EVENT_NEW},      {'K', GF_NOTIFY_KEYSPACE},
    {'E', GF_NOTIFY_KEYEVENT}, {'m', GF_EVENT_KEY_MISS},
};

#define ALL_CLASSES                                                                                \
    (GF_EVENT_GENERIC | GF_EVENT_STRING | GF_EVENT_LIST | GF_EVENT_SET | GF_EVENT_HASH |           \
     GF_EVENT_ZSET | GF_EVENT_EXPIRED | GF_EVENT_EVICTED | GF_EVENT_STREAM | GF_EVENT_MODULE)

bool gf_notify_parse(const char *text, uint32_t *ret_flags)
{
    uint32_t flags = 0;

    for (; *text; text++) {
        size_t i = 0;

        if (*text == 'A') {
            flags |= ALL_CLASSES;
            continue;
        }
        while (i < GF_COUNT(letters) && letters[i].letter != *text)
            i++;
        if (i == GF_COUNT(letters))
            return false;
        flags |= letters[i].flag;
    }
    *ret_flags = flags;
    return true;
}

void gf_notify_format(uint32_t flags, char *text)
{
    bool all = (flags & ALL_CLASSES) == ALL_CLASSES;

    /* A stands for n as well here, as in Redis, though it does not mean it. */
    if (all) {
        *text++ = 'A';
        flags &= ~(uint32_t)(ALL_CLASSES | GF_EVENT_NEW);
    }
    for (size_t i = 0; i < GF_COUNT(letters); i++) {
        if (flags & letters[i].flag)
            *text++ = letters[i].letter;
    }
    *text = '\0';
}

static void publish(struct gf_notify *notify, const char *kind, uint32_t db, struct gf_bytes what,
                    struct gf_bytes message)
{
    char start[40];

    snprintf(start, sizeof(start), "__%s@%u__:", kind, db);
    notify->channel.size = 0;
    gf_buf_add_text(&notify->channel, start);
    gf_buf_add(&notify->channel, what);
    gf_publish(notify->worker, GF_SUBSCRIPTION_CHANNEL,
               (struct gf_bytes){.data = notify->channel.data, .size = notify->channel.size},
               message);
}

static void notify_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    struct gf_notify *notify = gf_container(sink, struct gf_notify, sink);

    if (!event->name || !gf_publish_is_wanted(notify->worker, GF_SUBSCRIPTION_CHANNEL))
        return;
    if (notify->flags & GF_NOTIFY_KEYSPACE)
        publish(notify, "keyspace", event->db, event->key, gf_bytes_of(event->name));
    if (notify->flags & GF_NOTIFY_KEYEVENT)
        publish(notify, "keyevent", event->db, gf_bytes_of(event->name), event->key);
}

void gf_notify_init(struct gf_worker *worker)
{
    worker->notify = (struct gf_notify){.worker = worker, .sink.take = notify_take};
    gf_events_add(&worker->events, &worker->notify.sink);
}

void gf_notify_deinit(struct gf_worker *worker)
{
    gf_events_remove(&worker->events, &worker->notify.sink);
    gf_buf_deinit(&worker->notify.channel);
}

void gf_notify_apply(struct gf_worker *worker)
{
    struct gf_notify *notify = &worker->notify;
    const uint32_t both = GF_NOTIFY_KEYSPACE | GF_NOTIFY_KEYEVENT;
    bool good = gf_notify_parse(worker->settings.notify_keyspace_events, &notify->flags);

    GF_ASSERT(good); /* gf_settings_check has looked */
    gf_events_want(&worker->events, &notify->sink,
                   (notify->flags & both) != 0 ? notify->flags & ~both : 0);
}
