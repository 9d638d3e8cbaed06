/* Sinks of key events. */
#include "shards/events.h"

#include "core/assert.h"

static struct gf_event_sink *sink_of(struct gf_link *link)
{
    return gf_container(link, struct gf_event_sink, link);
}

/* What somebody wants to hear of now. */
static uint32_t wanted_now(const struct gf_event_bus *bus)
{
    uint32_t wanted = 0;

    for (struct gf_link *link = gf_list_peek_front(&bus->sinks); link;
         link = gf_list_next(&bus->sinks, link)) {
        const struct gf_event_sink *sink = sink_of(link);

        wanted |= sink->wanted | (bus->lent > 0 ? sink->wanted_lent : 0);
    }
    return wanted;
}

static void events_tell(const struct gf_event_bus *bus, const struct gf_event *event)
{
    struct gf_link *link = gf_list_peek_front(&bus->sinks);

    while (link) {
        struct gf_event_sink *sink = sink_of(link);
        uint32_t wanted = sink->wanted | (bus->lent > 0 ? sink->wanted_lent : 0);

        link = gf_list_next(&bus->sinks, link);
        if (wanted & event->classes)
            sink->take(sink, event);
    }
}

static void events_emit(struct gf_events *events, struct gf_exec *x, uint32_t classes,
                        const char *name, uint32_t db, struct gf_bytes key)
{
    const struct gf_event_bus *bus = gf_container(events, struct gf_event_bus, events);
    struct gf_event event = {
        .x = x, .classes = classes, .name = name, .db = db, .key = key, .client = bus->client};

    events_tell(bus, &event);
}

void gf_events_init(struct gf_event_bus *bus)
{
    *bus = (struct gf_event_bus){.events.emit = events_emit};
    gf_list_init(&bus->sinks);
}

void gf_events_add(struct gf_event_bus *bus, struct gf_event_sink *sink)
{
    GF_ASSERT(sink->take != NULL);
    gf_list_push_back(&bus->sinks, &sink->link);
    bus->events.wanted = wanted_now(bus);
}

void gf_events_remove(struct gf_event_bus *bus, struct gf_event_sink *sink)
{
    gf_list_remove(&sink->link);
    bus->events.wanted = wanted_now(bus);
}

void gf_events_want(struct gf_event_bus *bus, struct gf_event_sink *sink, uint32_t wanted)
{
    GF_ASSERT(!gf_link_is_free(&sink->link));
    if (sink->wanted == wanted)
        return;
    sink->wanted = wanted;
    bus->events.wanted = wanted_now(bus);
}

void gf_events_lend(struct gf_event_bus *bus)
{
    bus->lent++;
    bus->events.wanted = wanted_now(bus);
}

void gf_events_return(struct gf_event_bus *bus)
{
    GF_ASSERT(bus->lent > 0);
    bus->lent--;
    bus->events.wanted = wanted_now(bus);
}

void gf_events_gone(struct gf_event_bus *bus, uint32_t db, struct gf_bytes key, uint32_t class,
                    const char *name)
{
    struct gf_event event = {
        .classes = class | GF_EVENT_CHANGED, .name = name, .db = db, .key = key};

    if (bus->events.wanted & event.classes)
        events_tell(bus, &event);
}

void gf_events_cleared(struct gf_event_bus *bus, struct gf_partition *partition, uint32_t db)
{
    for (struct gf_link *link = gf_list_peek_front(&bus->sinks); link;
         link = gf_list_next(&bus->sinks, link)) {
        struct gf_event_sink *sink = sink_of(link);

        if (sink->cleared)
            sink->cleared(sink, partition, db);
    }
}

void gf_events_swapped(struct gf_event_bus *bus, struct gf_partition *partition, uint32_t a,
                       uint32_t b)
{
    for (struct gf_link *link = gf_list_peek_front(&bus->sinks); link;
         link = gf_list_next(&bus->sinks, link)) {
        struct gf_event_sink *sink = sink_of(link);

        if (sink->swapped)
            sink->swapped(sink, partition, a, b);
    }
}

void gf_events_check(const struct gf_event_bus *bus)
{
    GF_ASSERT(bus->events.wanted == wanted_now(bus));
    GF_ASSERT(bus->events.emit == events_emit);
}
