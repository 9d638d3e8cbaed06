/* Who is told of what happens to keys. */
#include <criterion/criterion.h>

#include "shards/events.h"

#include "core/assert.h"
#include "modules/module.h"

struct ear {
    struct gf_event_sink sink;
    uint32_t heard;
    struct gf_event last;
};

static struct gf_event_bus bus;

static void ear_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    struct ear *ear = gf_container(sink, struct ear, sink);

    ear->heard++;
    ear->last = *event;
}

static void setup(void)
{
    gf_events_init(&bus);
}

TestSuite(events, .init = setup, .timeout = 5);

static void change(const char *key, uint32_t class, const char *name)
{
    struct gf_exec x = {.events = &bus.events};

    gf_exec_changed(&x, 3, gf_bytes_of(key), class, name);
    gf_events_check(&bus);
}

/* Nobody pays for what nobody wants, and everybody hears what he wants and nothing else. */
Test(events, reach_the_sinks_that_want_their_class)
{
    struct ear keys = {.sink.take = ear_take};
    struct ear lists = {.sink.take = ear_take};

    cr_assert_eq(bus.events.wanted, 0);
    gf_events_add(&bus, &keys.sink);
    gf_events_add(&bus, &lists.sink);
    gf_events_want(&bus, &keys.sink, GF_EVENT_CHANGED);
    gf_events_want(&bus, &lists.sink, GF_EVENT_LIST);
    bus.client = 7;
    change("a", GF_EVENT_STRING, "set");
    cr_assert_eq(keys.heard, 1);
    cr_assert_eq(lists.heard, 0);
    cr_assert(gf_bytes_is(keys.last.key, "a"));
    cr_assert_eq(keys.last.db, 3);
    cr_assert_eq(keys.last.client, 7);
    change("b", GF_EVENT_LIST, "lpush");
    cr_assert_eq(keys.heard, 2);
    cr_assert_eq(lists.heard, 1);
    cr_assert_str_eq(lists.last.name, "lpush");
    gf_events_remove(&bus, &keys.sink);
    change("c", GF_EVENT_STRING, "set");
    cr_assert_eq(keys.heard, 2);
    cr_assert_eq(bus.events.wanted, GF_EVENT_LIST);
}

/* A partition on loan may have watchers of whom the core that runs the command knows nothing. */
Test(events, of_partitions_on_loan_reach_who_wants_those)
{
    struct ear watch = {.sink = {.take = ear_take, .wanted_lent = GF_EVENT_CHANGED}};

    gf_events_add(&bus, &watch.sink);
    change("a", GF_EVENT_STRING, "set");
    cr_assert_eq(watch.heard, 0);
    gf_events_lend(&bus);
    change("a", GF_EVENT_STRING, "set");
    cr_assert_eq(watch.heard, 1);
    gf_events_return(&bus);
    change("a", GF_EVENT_STRING, "set");
    cr_assert_eq(watch.heard, 1);
}

/* What expires or is evicted is a change like any other, but nobody's. */
Test(events, tell_of_keys_that_go_by_themselves)
{
    struct ear ear = {.sink.take = ear_take};

    gf_events_add(&bus, &ear.sink);
    gf_events_gone(&bus, 0, GF_BYTES("k"), GF_EVENT_EXPIRED, "expired");
    cr_assert_eq(ear.heard, 0);
    gf_events_want(&bus, &ear.sink, GF_EVENT_CHANGED);
    gf_events_gone(&bus, 0, GF_BYTES("k"), GF_EVENT_EXPIRED, "expired");
    cr_assert_eq(ear.heard, 1);
    cr_assert_null(ear.last.x);
    cr_assert_eq(ear.last.client, 0);
    cr_assert_eq(ear.last.classes, GF_EVENT_EXPIRED | GF_EVENT_CHANGED);
}
