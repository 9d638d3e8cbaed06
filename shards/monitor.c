/* MONITOR: lines written where the command runs, delivered where the monitor is. */
#include "shards/monitor.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/ask.h"
#include "shards/auth.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/worker.h"

/* ---- who monitors -------------------------------------------------------------------------- */

/* A monitor of core `core` came or went. */
static void monitors_count(struct gf_worker *worker, uint16_t core, int by)
{
    struct gf_monitors *monitors = &worker->monitors;

    GF_ASSERT(by > 0 || monitors->counts[core] > 0);
    monitors->counts[core] += (uint32_t)by;
    monitors->total += (uint32_t)by;
    if (monitors->counts[core] == 0) {
        /* Nobody waits for these any more; one who comes later must not get them. */
        gf_chain_clear(&monitors->batches[core].lines);
        monitors->batches[core].lost = false;
    }
    if (monitors->total > 0)
        worker->attention |= GF_ATTENTION_MONITOR;
    else
        worker->attention &= ~(uint32_t)GF_ATTENTION_MONITOR;
}

static void gone_on_core(struct gf_worker *worker, struct gf_call *call)
{
    monitors_count(worker, call->home->core->id, -1);
}

static void gone_done(struct gf_worker *worker, struct gf_call *call)
{
    worker->monitors.calls--;
    gf_free(GF_MEMORY_OTHER, call);
}

/* One monitor of this core less: tell everybody. */
static void monitors_announce_gone(struct gf_worker *worker)
{
    struct gf_call *call = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*call));

    call->on_core = gone_on_core;
    call->done = gone_done;
    worker->monitors.calls++;
    gf_call_start(worker, call);
}

void gf_monitor_remove(struct gf_conn *conn)
{
    if (!conn->session.monitor)
        return;
    conn->session.monitor = false;
    conn->attention &= ~(uint32_t)GF_ATTENTION_MONITORING;
    gf_list_remove(&conn->monitor_link);
    monitors_announce_gone(conn->worker);
}

static void monitor_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    monitors_count(worker, ask->worker->core->id, 1);
}

/* All cores write lines for it from now on; it is told so before the first. */
static void monitor_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    struct gf_conn *conn = ask->conn;

    gf_reply_ok(reply);
    if (!gf_conn_is_open(conn))
        return;
    conn->session.monitor = true;
    conn->attention |= GF_ATTENTION_MONITORING;
    gf_list_push_back(&ask->worker->monitors.conns, &conn->monitor_link);
}

static void monitor_deinit(struct gf_ask *ask)
{
    if (!ask->conn->session.monitor)
        monitors_announce_gone(ask->worker); /* hung up before it began */
}

static const struct gf_ask_kind monitor_kind = {
    .size = sizeof(struct gf_ask),
    .on_core = monitor_on_core,
    .answer = monitor_answer,
    .deinit = monitor_deinit,
};

static void monitor(struct gf_exec *x)
{
    if (gf_session_of(x)->conn->session.monitor)
        gf_reply_ok(x->reply);
    else
        gf_ask_start(gf_ask_create(x, &monitor_kind));
}

/* ---- delivery ------------------------------------------------------------------------------ */

/* Appends `lines`, sealed, to what every monitor of this core is sent. */
static void monitors_deliver(struct gf_worker *worker, const struct gf_chain *lines)
{
    const struct gf_list *conns = &worker->monitors.conns;
    struct gf_link *link = gf_list_peek_front(conns);

    for (; link; link = gf_list_next(conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, monitor_link);

        for (const struct gf_chunk *c = lines->first; c; c = c->next)
            gf_chain_append(&conn->out, (struct gf_bytes){.data = c->data, .size = c->used});
        gf_conn_flush_later(conn);
    }
}

static void batch_lend(struct gf_worker *worker, struct gf_monitor_batch *batch, uint16_t core)
{
    GF_ASSERT(!batch->away);
    batch->lent = batch->lines;
    gf_chain_seal(&batch->lent);
    batch->lines = (struct gf_chain){0};
    batch->lent_lost = batch->lost;
    batch->lost = false;
    batch->away = true;
    batch->parcel.message =
        (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_MONITOR};
    batch->parcel.to = core;
    worker->monitors.batches_away++;
    gf_parcel_post(worker, &batch->parcel);
}

static void monitors_flush_done(struct gf_op *op, int result)
{
    struct gf_monitors *monitors = gf_container(op, struct gf_monitors, flush);
    struct gf_worker *worker = gf_container(monitors, struct gf_worker, monitors);

    (void)result; /* always GF_OK */
    for (uint16_t core = 0; core < worker->core->count; core++) {
        struct gf_monitor_batch *batch = &monitors->batches[core];

        if (!batch->away && (batch->lost || !gf_chain_empty(&batch->lines)))
            batch_lend(worker, batch, core);
    }
}

static void monitors_flush_later(struct gf_worker *worker)
{
    if (!gf_op_is_deferred(&worker->monitors.flush))
        gf_core_defer(worker->core, GF_PHASE_WORK, &worker->monitors.flush);
}

void gf_monitor_batch_arrive(struct gf_worker *worker, struct gf_monitor_batch *batch)
{
    struct gf_link *link;

    monitors_deliver(worker, &batch->lent);
    while (batch->lent_lost && (link = gf_list_peek_front(&worker->monitors.conns))) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, monitor_link);

        worker->counters.output_limit_disconnects++;
        gf_monitor_remove(conn);
        gf_conn_close(conn, false);
    }
    gf_mesh_return(worker->core, &batch->parcel.message);
}

void gf_monitor_batch_home(struct gf_worker *worker, struct gf_monitor_batch *batch)
{
    GF_ASSERT(batch->away);
    batch->away = false;
    worker->monitors.batches_away--;
    gf_chain_clear(&batch->lent);
    if (batch->lost || !gf_chain_empty(&batch->lines))
        monitors_flush_later(worker);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* One byte as Redis quotes it: at most 4 characters. Returns how many. */
static size_t quote_byte(char *text, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char plain[] = "\n\r\t\a\b\\\"";
    static const char quoted[] = "nrtab\\\"";
    const char *found = byte ? strchr(plain, byte) : NULL;

    if (found) {
        text[0] = '\\';
        text[1] = quoted[found - plain];
        return 2;
    }
    if (byte >= ' ' && byte <= '~') {
        text[0] = (char)byte;
        return 1;
    }
    memcpy(text, "\\x", 2);
    text[2] = digits[byte >> 4];
    text[3] = digits[byte & 15];
    return 4;
}

/* Quotes in pieces: an argument may be as big as a value. */
static void line_add_word(struct gf_chain *line, struct gf_bytes word)
{
    gf_chain_append(line, GF_BYTES(" \""));
    for (size_t at = 0; at < word.size;) {
        size_t end = word.size - at < 1024 ? word.size : at + 1024;
        char *start = gf_chain_reserve(line, 4 * (end - at));
        char *p = start;

        for (; at < end; at++)
            p += quote_byte(p, (unsigned char)word.data[at]);
        gf_chain_commit(line, (size_t)(p - start));
    }
    gf_chain_append(line, GF_BYTES("\""));
}

static void line_write(struct gf_chain *line, struct gf_conn *conn, const struct gf_bytes *words,
                       uint32_t words_count)
{
    uint64_t wall_us = conn->worker->core->wall_us;
    char start[64 + GF_ADDRESS_TEXT_MAX];
    int size = snprintf(
        start, sizeof(start), "+%llu.%06llu [%u %s]", (unsigned long long)(wall_us / 1000000),
        (unsigned long long)(wall_us % 1000000), conn->session.db, gf_conn_peer(conn));

    gf_chain_append(line, (struct gf_bytes){.data = start, .size = (size_t)size});
    for (uint32_t i = 0; i < words_count; i++) {
        bool secret = gf_auth_secret(words, words_count, i);

        line_add_word(line, secret ? GF_BYTES("(redacted)") : words[i]);
    }
    gf_chain_append(line, GF_BYTES("\r\n"));
    gf_chain_seal(line);
}

static void batch_add(struct gf_monitor_batch *batch, const struct gf_chain *line)
{
    if (batch->lost || gf_chain_size(&batch->lines) + gf_chain_size(line) > GF_MONITOR_BATCH_MAX) {
        batch->lost = true;
        return;
    }
    for (const struct gf_chunk *c = line->first; c; c = c->next)
        gf_chain_append(&batch->lines, (struct gf_bytes){.data = c->data, .size = c->used});
}

void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count)
{
    struct gf_worker *worker = conn->worker;
    struct gf_monitors *monitors = &worker->monitors;

    line_write(&monitors->line, conn, words, words_count);
    monitors_deliver(worker, &monitors->line);
    for (uint16_t core = 0; core < worker->core->count; core++) {
        if (core == worker->core->id || monitors->counts[core] == 0)
            continue;
        batch_add(&monitors->batches[core], &monitors->line);
        monitors_flush_later(worker);
    }
    gf_chain_clear(&monitors->line);
}

/* ---- life ---------------------------------------------------------------------------------- */

void gf_monitors_init(struct gf_worker *worker)
{
    struct gf_monitors *monitors = &worker->monitors;
    uint16_t count = worker->core->count;

    gf_list_init(&monitors->conns);
    monitors->flush.done = monitors_flush_done;
    monitors->counts = gf_alloc_zero(GF_MEMORY_OTHER, count * sizeof(*monitors->counts));
    monitors->batches = gf_alloc_zero(GF_MEMORY_OTHER, count * sizeof(*monitors->batches));
}

bool gf_monitors_quiet(const struct gf_worker *worker)
{
    const struct gf_monitors *monitors = &worker->monitors;

    return monitors->calls == 0 && monitors->batches_away == 0 &&
           !gf_op_is_deferred(&monitors->flush);
}

void gf_monitors_deinit(struct gf_worker *worker)
{
    struct gf_monitors *monitors = &worker->monitors;

    gf_core_defer_cancel(worker->core, &monitors->flush);
    for (uint16_t core = 0; core < worker->core->count; core++)
        gf_chain_clear(&monitors->batches[core].lines);
    gf_free(GF_MEMORY_OTHER, monitors->batches);
    gf_free(GF_MEMORY_OTHER, monitors->counts);
}

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "MONITOR", .run = monitor, .arity = 1,
        .flags = GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Shows every command that the server runs from now on.",
    },
};
/* clang-format on */

const struct gf_module gf_monitor_module = {
    .abi = GF_MODULE_ABI,
    .name = "monitor",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
