/* Lines of waiters, and running those whose turn it is. See waiters.h. */
#include "shards/waiters.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "modules/registry.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/multi.h"
#include "shards/plan.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/timing.h"
#include "shards/wait_line.h"
#include "shards/worker.h"

#define TIMEOUT_MS_MAX UINT64_C(3153600000000) /* a hundred years: as good as for ever */

/* ---- waiters ------------------------------------------------------------------------------- */

/* Whether the command waits for that key. A destination (BLMOVE) is written only. */
static bool waits_for(const struct gf_command *command, uint32_t index)
{
    uint32_t flags = command->key_flags;

    if (index < command->key_specs_count)
        flags = command->key_specs[index].flags;
    return !(flags & GF_KEY_INSERT);
}

/* The type of values that its module has; GF_TYPES_MAX: there is no telling. */
static uint8_t waits_for_type(const struct gf_command *command)
{
    static const struct {
        const char *group;
        uint8_t type;
    } types[] = {{"list", GF_TYPE_LIST}, {"sorted-set", GF_TYPE_ZSET}, {"stream", GF_TYPE_STREAM}};

    for (size_t i = 0; i < GF_COUNT(types); i++) {
        if (strcmp(command->group, types[i].group) == 0)
            return types[i].type;
    }
    return GF_TYPES_MAX;
}

static void waiter_line_up(struct gf_worker *worker, struct gf_waiter *waiter, struct gf_bytes key)
{
    uint32_t db = waiter->request->db;
    struct gf_wait_line *line = gf_wait_line_find(worker, db, key);
    struct gf_wait_entry *entry = &waiter->entries[waiter->entries_count];

    if (!line)
        line = gf_wait_line_add(worker, db, key);
    for (uint32_t i = 0; i < waiter->entries_count; i++) {
        if (waiter->entries[i].line == line)
            return; /* named twice */
    }
    *entry = (struct gf_wait_entry){.line = line, .waiter = waiter, .round = line->round};
    gf_list_push_back(&line->entries, &entry->link);
    waiter->entries_count++;
    line->needs += waiter->needs;
    gf_wait_lines_count(worker, worker->partitions[line->partition]);
}

static void waiter_timer_fired(struct gf_timer *timer)
{
    struct gf_waiter *waiter = gf_container(timer, struct gf_waiter, timer);

    gf_waiter_end(gf_worker_of(gf_core_here()), waiter, GF_WAIT_OVER);
}

/* The command has run for the first time and waits. */
static void waiter_create(struct gf_worker *worker, struct gf_request *request,
                          const struct gf_wait *wait)
{
    const struct gf_command *command = request->command;
    uint32_t max = request->words_count;
    uint32_t *indexes = gf_alloc(GF_MEMORY_OTHER, max * sizeof(*indexes));
    uint32_t count = gf_command_keys(command, request->words, request->words_count, indexes, max);
    struct gf_waiter *waiter =
        gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*waiter) + count * sizeof(waiter->entries[0]));

    waiter->request = request;
    waiter->spread = request->spread;
    waiter->trying = request->spread; /* until its partitions are given back */
    waiter->needs = strcmp(command->name, "XREADGROUP") == 0;
    waiter->type = waits_for_type(command);
    request->waiter = waiter;
    if (wait->words) {
        waiter->words = gf_words_copy(wait->words, wait->words_count);
        waiter->words_count = wait->words_count;
        gf_free(GF_MEMORY_OTHER, (struct gf_bytes *)wait->words);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (waits_for(command, i))
            waiter_line_up(worker, waiter, request->words[indexes[i]]);
    }
    gf_free(GF_MEMORY_OTHER, indexes);
    waiter->timer.fired = waiter_timer_fired;
    if (wait->timeout_ms > 0 && wait->timeout_ms < TIMEOUT_MS_MAX)
        gf_timer_start(worker->core, &waiter->timer, wait->timeout_ms * 1000000u);
}

/* Lines that stood still for it go on. */
static void waiter_unstall(struct gf_worker *worker, struct gf_waiter *waiter)
{
    for (uint32_t i = 0; i < waiter->entries_count; i++) {
        struct gf_wait_line *line = waiter->entries[i].line;

        if (line->stalled != waiter)
            continue;
        line->stalled = NULL;
        gf_wait_line_make_ready(worker, line);
        if (gf_wait_is_ours(worker, line->partition))
            worker->waiting.stalled--;
        else
            worker->partitions[line->partition]->waited_unstalled++;
    }
}

static void waiter_free(struct gf_waiter *waiter)
{
    gf_free(GF_MEMORY_BUFFERS, waiter->words);
    gf_free(GF_MEMORY_OTHER, waiter);
}

/* It waits no more: out of all lines, which are here. Wakes of a spread one may be under way. */
static void waiter_leave(struct gf_worker *worker, struct gf_waiter *waiter)
{
    uint64_t wakes = 0;

    gf_timer_stop(worker->core, &waiter->timer);
    waiter_unstall(worker, waiter);
    for (uint32_t i = 0; i < waiter->entries_count; i++) {
        struct gf_wait_entry *entry = &waiter->entries[i];

        wakes += entry->wakes;
        gf_list_remove(&entry->link);
        entry->line->needs -= waiter->needs;
        gf_wait_line_free_if_empty(worker, entry->line);
    }
    waiter->entries_count = 0;
    waiter->request->waiter = NULL;
    waiter->request = NULL;
    GF_ASSERT(wakes >= waiter->wakes);
    waiter->wakes = wakes - waiter->wakes; /* still to come */
    if (waiter->wakes == 0)
        waiter_free(waiter);
}

static void answer_unblocked(struct gf_request *request)
{
    struct gf_reply reply;

    gf_reply_init(&reply, &request->reply, request->resp);
    gf_reply_error(&reply, GF_MSG_UNBLOCKED);
    gf_reply_end(&reply);
}

/* Runs the command. Returns whether it has answered. */
static bool waiter_run_command(struct gf_worker *worker, struct gf_request *request,
                               struct gf_wait *wait)
{
    const struct gf_waiter *waiter = request->waiter;
    const struct gf_bytes *words = waiter && waiter->words ? waiter->words : request->words;
    uint32_t count = waiter && waiter->words ? waiter->words_count : request->words_count;
    struct gf_reply reply;
    struct gf_run run = {
        .command = request->command,
        .words = words,
        .words_count = count,
        .db = request->db,
        .partition = request->partition,
        .key_hash = request->key_hash,
        .space = &worker->space.space,
        .reply = &reply,
        .client = request->client,
        .no_touch = request->no_touch,
        .tracker = request->tracks ? request->message.home + 1u : 0,
        .one_core = request->one_core,
        .wait = wait,
    };

    gf_reply_init(&reply, &request->reply, request->resp);
    gf_run_command(worker, &run);
    request->duration_ns += run.duration_ns;
    if (wait->waits)
        return false;
    gf_timing_book(worker, request->command, request->duration_ns);
    return true;
}

/* It must not pass those who wait at a line that stands still: its turn comes later. */
static bool must_stand_behind(const struct gf_worker *worker, const struct gf_request *request)
{
    if (GF_LIKELY(worker->waiting.stalled == 0) || request->waiter || request->spread)
        return false;
    for (uint32_t i = 1; i < request->words_count; i++) {
        struct gf_bytes word = request->words[i];
        const struct gf_wait_line *line = gf_wait_line_find(worker, request->db, word);

        if (line && line->stalled)
            return true;
    }
    return false;
}

bool gf_waiters_run(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_waiter *waiter = request->waiter;
    struct gf_wait wait = {.over = waiter && waiter->end == GF_WAIT_OVER};
    bool answered = true;

    if (must_stand_behind(worker, request)) {
        request->state = GF_REQUEST_WAITING;
        gf_list_push_back(&worker->waiting.postponed, &request->claim.link);
        return false;
    }
    if (waiter && waiter->end == GF_WAIT_UNBLOCKED)
        answer_unblocked(request);
    else if (!waiter || waiter->end != GF_WAIT_GONE)
        answered = waiter_run_command(worker, request, &wait);
    if (answered) {
        if (waiter)
            waiter_leave(worker, waiter);
        request->state = GF_REQUEST_DONE;
        return true;
    }
    GF_ASSERT(!wait.over);
    if (waiter)
        waiter_unstall(worker, waiter);
    else
        waiter_create(worker, request, &wait);
    request->state = GF_REQUEST_PARKED;
    return false;
}

/* ---- turns --------------------------------------------------------------------------------- */

enum turn {
    TURN_ANSWERED, /* it is gone                        */
    TURN_WAITS,    /* nothing for it                    */
    TURN_LATER,    /* the line stands still until then  */
};

/* Its partitions are here and free. */
static enum turn waiter_go(struct gf_worker *worker, struct gf_waiter *waiter)
{
    struct gf_request *request = waiter->request;

    waiter->trying = false;
    if (!gf_request_run(worker, request))
        return TURN_WAITS;
    gf_wake_answered(worker, request);
    return TURN_ANSWERED;
}

static void waiter_granted(struct gf_claim *claim)
{
    struct gf_request *request = gf_container(claim, struct gf_request, claim);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    (void)waiter_go(worker, request->waiter);
    gf_waiters_after(worker);
}

static enum turn waiter_try(struct gf_worker *worker, struct gf_waiter *waiter)
{
    struct gf_request *request = waiter->request;

    GF_ASSERT(!waiter->trying);
    waiter->trying = true;
    request->claim = (struct gf_claim){
        .partitions = request->partitions,
        .hashes = request->hashes,
        .count = request->partitions_count,
        .granted = waiter_granted,
    };
    if (!gf_locks_claim(&worker->locks, &request->claim))
        return TURN_LATER;
    return waiter_go(worker, waiter);
}

/* Of a spread one, at home: over all its partitions, as the first time. */
static void waiter_rerun(struct gf_worker *worker, struct gf_waiter *waiter)
{
    struct gf_request *request = waiter->request;
    struct gf_plan plan;

    waiter->trying = true;
    waiter->again = false;
    gf_plan_init(&plan, worker, request->command);
    (void)gf_plan_keys(&plan, request->words, request->words_count);
    gf_multi_start(worker, request, &plan);
    gf_plan_deinit(&plan);
}

void gf_waiters_settled(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_waiter *waiter = request->waiter;

    GF_ASSERT(waiter->trying);
    if (!request->parked)
        gf_waiters_parked(worker, request);
    waiter->trying = false;
    if (waiter->again || waiter->end != GF_WAIT_GOES_ON)
        waiter_rerun(worker, waiter);
}

void gf_waiter_woken(struct gf_worker *worker, struct gf_waiter *waiter)
{
    if (!waiter->request) {
        GF_ASSERT(waiter->wakes > 0);
        if (--waiter->wakes == 0)
            waiter_free(waiter);
        return;
    }
    waiter->wakes++;
    if (waiter->trying)
        waiter->again = true;
    else
        waiter_rerun(worker, waiter);
}

void gf_waiter_end(struct gf_worker *worker, struct gf_waiter *waiter, enum gf_wait_end end)
{
    if (waiter->end < end)
        waiter->end = end;
    if (waiter->trying)
        return; /* that run, or the one after it, sees it */
    if (waiter->spread) {
        waiter_rerun(worker, waiter);
        return;
    }
    (void)waiter_try(worker, waiter);
    gf_waiters_after(worker);
}

/* A turn for the one at `entry`. */
static enum turn entry_turn(struct gf_worker *worker, struct gf_wait_entry *entry)
{
    struct gf_wait_line *line = entry->line;
    struct gf_waiter *waiter = entry->waiter;
    enum turn turn = TURN_LATER;

    entry->round = line->round;
    line->stalled = waiter;
    worker->waiting.stalled++;
    if (waiter->spread)
        gf_wake_changed(worker, entry);
    else if (!waiter->trying)
        turn = waiter_try(worker, waiter);
    return turn;
}

/* What is there now; or NULL. */
static const struct gf_object *line_object(struct gf_worker *worker,
                                           const struct gf_wait_line *line)
{
    const struct gf_partition *partition = worker->partitions[line->partition];
    const struct gf_keyspace *keyspace = partition->databases[line->keyed.db];

    return keyspace ? gf_keyspace_peek(keyspace, line->keyed.hash, line->keyed.key,
                                       gf_core_now_ms(worker->core))
                    : NULL;
}

/* Whether it may end the wait: something of the kind it waits for. */
static bool is_for(const struct gf_waiter *waiter, const struct gf_object *object)
{
    if (waiter->needs)
        return true;
    return object && (waiter->type == GF_TYPES_MAX || waiter->type == gf_object_type(object));
}

/* Turns for all in line who have not had one since the last change. What they take themselves is a
 * change, too: those behind them see it in the same round. */
static void line_serve(struct gf_worker *worker, struct gf_wait_line *line)
{
    struct gf_link *link = gf_list_peek_front(&line->entries);

    line->used = true;
    while (link && !line->stalled) {
        struct gf_wait_entry *entry = gf_container(link, struct gf_wait_entry, link);
        const struct gf_object *object;

        link = gf_list_next(&line->entries, link);
        object = line_object(worker, line);
        if (!object && line->needs == 0)
            break;
        if (entry->round != line->round && is_for(entry->waiter, object))
            (void)entry_turn(worker, entry);
    }
    line->used = false;
    gf_wait_line_free_if_empty(worker, line);
}

/* Requests that did not pass a stalled line. */
static void postponed_go(struct gf_worker *worker)
{
    struct gf_list postponed;
    struct gf_link *link;

    gf_list_init(&postponed);
    while ((link = gf_list_pop_front(&worker->waiting.postponed)))
        gf_list_push_back(&postponed, link);
    while ((link = gf_list_pop_front(&postponed))) {
        struct gf_claim *claim = gf_container(link, struct gf_claim, link);
        struct gf_request *request = gf_container(claim, struct gf_request, claim);

        request->state = GF_REQUEST_QUEUED;
        gf_request_arrive(worker, request);
    }
}

void gf_waiters_serve(struct gf_worker *worker)
{
    struct gf_waiting *waiting = &worker->waiting;
    struct gf_link *link;

    if (waiting->serving)
        return; /* whoever is serving comes to it */
    waiting->serving = true;
    while ((link = gf_list_pop_front(&waiting->ready))) {
        struct gf_wait_line *line = gf_container(link, struct gf_wait_line, ready_link);
        struct gf_partition *partition = worker->partitions[line->partition];

        if (partition->owner != worker->core->id)
            gf_list_push_back(&partition->waited_ready, link); /* it comes back */
        else
            line_serve(worker, line);
    }
    waiting->serving = false;
    waiting->due = false;
    if (waiting->stalled == 0 && !gf_list_empty(&waiting->postponed))
        postponed_go(worker);
}

void gf_waiters_returned(struct gf_worker *worker, struct gf_partition *partition)
{
    struct gf_link *link;

    GF_ASSERT(worker->waiting.stalled >= partition->waited_unstalled);
    worker->waiting.stalled -= partition->waited_unstalled;
    worker->waiting.due |= partition->waited_unstalled > 0;
    partition->waited_unstalled = 0;
    gf_wait_lines_count(worker, partition);
    while ((link = gf_list_pop_front(&partition->waited_ready)))
        gf_waiting_add_ready(&worker->waiting, link);
}

void gf_waiters_init(struct gf_worker *worker)
{
    struct gf_waiting *waiting = &worker->waiting;

    *waiting = (struct gf_waiting){0};
    gf_list_init(&waiting->ready);
    gf_list_init(&waiting->postponed);
    gf_wait_lines_init(worker);
}

void gf_waiters_deinit(struct gf_worker *worker)
{
    GF_ASSERT(worker->waiting.lines == 0);
    GF_ASSERT(worker->waiting.clients == 0);
    GF_ASSERT(worker->waiting.messages == 0);
    gf_events_remove(&worker->events, &worker->waiting.sink);
}

void gf_waiters_check(const struct gf_worker *worker)
{
    uint32_t lines = 0;

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        lines += partition->waited_known;
        if (partition->owner != worker->core->id)
            continue;
        gf_keyed_check(&partition->waited);
        GF_ASSERT(partition->waited_known == partition->waited.count);
    }
    GF_ASSERT(lines == worker->waiting.lines);
}
