/* CLIENT LIST and CLIENT INFO: one line per connection.
 *
 * Each core writes the lines of its connections; they are put in the order of the ids here. One
 * that moved between two cores' looks has two lines, of which one is left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "core/core.h"
#include "modules/registry.h"
#include "shards/ask.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/transaction.h"
#include "shards/worker.h"

#define LINE_PART_MAX 512 /* of a line's fields that have a bounded size */

static void add_text(struct gf_buf *out, const char *name, const char *text)
{
    gf_buf_add_text(out, name);
    if (text)
        gf_buf_add_text(out, text);
}

static void format_flags(const struct gf_conn *conn, char *text)
{
    char *p = text;

    if (conn->session.monitor)
        *p++ = 'O';
    if (conn->subscriber)
        *p++ = 'P';
    if (conn->tracking) {
        *p++ = 't';
        if (conn->tracking->broken)
            *p++ = 'R';
        if (conn->tracking->bcast)
            *p++ = 'B';
    }
    if (conn->state == GF_CONN_DRAINING)
        *p++ = 'c';
    if (conn->paused)
        *p++ = 'b';
    if (conn->session.no_evict)
        *p++ = 'e';
    if (conn->session.no_touch)
        *p++ = 'T';
    if (conn->blocked)
        *p++ = 'b';
    if (conn->transaction)
        *p++ = 'x';
    if (p == text)
        *p++ = 'N';
    *p = '\0';
}

/* Answers on their way: how many blocks, and how much memory they take. */
static size_t output_memory(const struct gf_conn *conn, size_t *ret_blocks)
{
    const struct gf_chunk *chunks[] = {conn->out.first, conn->leaving.first};
    size_t size = 0;
    size_t blocks = 0;

    for (size_t i = 0; i < GF_COUNT(chunks); i++) {
        for (const struct gf_chunk *c = chunks[i]; c; c = c->next) {
            size += sizeof(*c) + c->capacity;
            blocks++;
        }
    }
    *ret_blocks = blocks;
    return size;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static size_t total_memory(const struct gf_conn *conn, size_t output)
{
    const struct gf_session *session = &conn->session;

    return sizeof(*conn) + conn->in.capacity + output + text_size(session->name) +
           text_size(session->library_name) + text_size(session->library_version) +
           text_size(session->peer) + text_size(session->local) +
           conn->requests_count * sizeof(struct gf_request);
}

static void add_state(struct gf_buf *out, const struct gf_conn *conn)
{
    const struct gf_session *session = &conn->session;
    char part[LINE_PART_MAX];
    char flags[16];
    size_t blocks;
    size_t output = output_memory(conn, &blocks);

    format_flags(conn, flags);
    snprintf(part, sizeof(part),
             " age=%llu idle=%llu flags=%s db=%u sub=%u psub=%u ssub=%u multi=%d qbuf=%zu "
             "qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%zu omem=%zu "
             "tot-mem=%zu events=%s%s cmd=",
             (unsigned long long)gf_conn_age_ms(conn) / 1000,
             (unsigned long long)gf_conn_idle_ms(conn) / 1000, flags, session->db,
             gf_pubsub_count(conn, GF_SUBSCRIPTION_CHANNEL),
             gf_pubsub_count(conn, GF_SUBSCRIPTION_PATTERN),
             gf_pubsub_count(conn, GF_SUBSCRIPTION_SHARD),
             conn->transaction ? (int)conn->transaction->commands_count : -1, conn->in.size,
             conn->in.capacity - conn->in.size, conn->transaction ? conn->transaction->size : 0,
             blocks, output, total_memory(conn, output), conn->receiving ? "r" : "",
             conn->sending ? "w" : "");
    add_text(out, part, NULL);
}

static void add_line(struct gf_buf *out, struct gf_conn *conn)
{
    const struct gf_session *session = &conn->session;
    const struct gf_registry *registry = conn->worker->plugins->registry;
    char part[LINE_PART_MAX];
    char command[64] = "NULL";

    if (session->last_command)
        gf_registry_row_name(registry, gf_registry_row_id(registry, session->last_command),
                             command);
    snprintf(part, sizeof(part),
             "id=%llu addr=%s laddr=%s fd=%d name=", (unsigned long long)session->id,
             gf_conn_peer(conn), gf_conn_local(conn), conn->handle);
    add_text(out, part, session->name);
    add_state(out, conn);
    snprintf(part, sizeof(part), " user=default redir=%lld resp=%u lib-name=",
             conn->tracking ? (long long)conn->tracking->redirect : -1, session->resp);
    add_text(out, command, part);
    add_text(out, "", session->library_name);
    add_text(out, " lib-ver=", session->library_version);
    add_text(out, "\n", NULL);
}

static void client_info(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;
    struct gf_buf text = {0};

    conn->session.active_ms = gf_conn_turn_ms(conn->worker);
    add_line(&text, conn);
    gf_reply_verbatim(x->reply, "txt", (struct gf_bytes){.data = text.data, .size = text.size});
    gf_buf_deinit(&text);
}

/* One connection's line in a core's text. */
struct list_row {
    uint64_t id;
    struct gf_bytes line; /* while the text grows: data is unused, size is known */
};

/* What one core says. */
struct list_slot {
    struct gf_buf text;
    struct list_row *rows; /* owned */
    uint32_t rows_count;
};

struct list_ask {
    struct gf_ask ask; /* first */
    enum gf_client_type type;
    uint64_t *ids; /* owned; only these, when ids_count > 0; ascending */
    uint32_t ids_count;
};

static int id_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static bool list_wants(const struct list_ask *list, const struct gf_conn *conn)
{
    if (conn->state != GF_CONN_OPEN && conn->state != GF_CONN_DRAINING)
        return false;
    if (!gf_client_is(conn, list->type))
        return false;
    return list->ids_count == 0 || bsearch(&conn->session.id, list->ids, list->ids_count,
                                           sizeof(*list->ids), id_compare) != NULL;
}

static void list_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct list_ask *list = gf_container(ask, struct list_ask, ask);
    struct list_slot *slot = gf_ask_slot(ask, worker->core->id);
    struct gf_link *link = gf_list_peek_front(&worker->conns);
    uint32_t conns_count = atomic_load_explicit(&worker->conns_count, memory_order_relaxed);

    slot->rows = gf_alloc(GF_MEMORY_OTHER, conns_count * sizeof(*slot->rows));
    for (; link; link = gf_list_next(&worker->conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);
        size_t start = slot->text.size;

        if (!list_wants(list, conn))
            continue;
        GF_ASSERT(slot->rows_count < conns_count);
        add_line(&slot->text, conn);
        slot->rows[slot->rows_count++] =
            (struct list_row){.id = conn->session.id, .line.size = slot->text.size - start};
    }
}

static int row_compare(const void *a, const void *b)
{
    return id_compare(&((const struct list_row *)a)->id, &((const struct list_row *)b)->id);
}

static void list_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    struct gf_buf text = {0};
    struct list_row *rows;
    uint32_t count = 0;
    uint32_t row = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        count += ((struct list_slot *)gf_ask_slot(ask, core))->rows_count;
    rows = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*rows));
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        struct list_slot *slot = gf_ask_slot(ask, core);
        const char *line = slot->text.data;

        for (uint32_t i = 0; i < slot->rows_count; i++) {
            rows[row] = slot->rows[i];
            rows[row].line.data = line;
            line += rows[row++].line.size;
        }
    }
    qsort(rows, count, sizeof(*rows), row_compare);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].id != rows[i - 1].id)
            gf_buf_add(&text, rows[i].line);
    }
    gf_free(GF_MEMORY_OTHER, rows);
    gf_reply_verbatim(reply, "txt", (struct gf_bytes){.data = text.data, .size = text.size});
    gf_buf_deinit(&text);
}

static void list_deinit(struct gf_ask *ask)
{
    struct list_ask *list = gf_container(ask, struct list_ask, ask);

    for (uint32_t core = 0; core < ask->cores_count; core++) {
        struct list_slot *slot = gf_ask_slot(ask, core);

        gf_buf_deinit(&slot->text);
        gf_free(GF_MEMORY_OTHER, slot->rows);
    }
    gf_free(GF_MEMORY_OTHER, list->ids);
}

static const struct gf_ask_kind list_kind = {
    .size = sizeof(struct list_ask),
    .slot_size = sizeof(struct list_slot),
    .whole = true,
    .on_core = list_on_core,
    .answer = list_answer,
    .deinit = list_deinit,
};

/* The words behind ID; false and an error answered when one is no id. */
static bool list_parse_ids(struct gf_exec *x, uint64_t *ret_ids)
{
    for (uint32_t i = 3; i < x->args->count; i++) {
        int64_t id;

        if (!gf_bytes_parse_i64(x->args->words[i], &id)) {
            gf_reply_error(x->reply, GF_MSG_CLIENT_ID);
            return false;
        }
        ret_ids[i - 3] = id > 0 ? (uint64_t)id : 0; /* nobody has id 0 */
    }
    qsort(ret_ids, x->args->count - 3, sizeof(*ret_ids), id_compare);
    return true;
}

static void client_list(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    uint32_t count = x->args->count;
    bool by_type = count == 4 && gf_bytes_is(words[2], "TYPE");
    bool by_id = count > 3 && gf_bytes_is(words[2], "ID");
    enum gf_client_type type = GF_CLIENT_ANY;
    uint64_t *ids = NULL;
    struct list_ask *list;

    if (count > 2 && !by_type && !by_id) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return;
    }
    if (by_type && !gf_client_type_parse(words[3], &type)) {
        gf_reply_error_format(x->reply, GF_MSG_CLIENT_TYPE, words[3], GF_BYTES(""));
        return;
    }
    if (by_id) {
        ids = gf_alloc(GF_MEMORY_OTHER, (count - 3) * sizeof(*ids));
        if (!list_parse_ids(x, ids)) {
            gf_free(GF_MEMORY_OTHER, ids);
            return;
        }
    }
    list = gf_container(gf_ask_create(x, &list_kind), struct list_ask, ask);
    list->type = type;
    list->ids = ids;
    list->ids_count = by_id ? count - 3 : 0;
    gf_ask_start(&list->ask);
}

static const struct gf_history list_history[] = {
    {.since = "2.8.12", .what = "Says each client's id."},
    {.since = "5.0.0", .what = "Takes TYPE."},
    {.since = "6.0.0", .what = "Says the user."},
    {.since = "6.2.0", .what = "Says argv-mem, tot-mem, laddr and redir; takes ID."},
    {.since = "7.0.0", .what = "Says resp, multi-mem, rbs and rbp."},
    {.since = "7.0.3", .what = "Says ssub."},
};

/* clang-format off */
#define LIST_FLAGS (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_command client_list_subcommands[] = {
    {
        .name = "INFO", .run = client_info, .flags = LIST_FLAGS, .arity = 2,
        .since = "6.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "The line of CLIENT LIST for this connection.",
        .tips = "nondeterministic_output",
    },
    {
        .name = "LIST", .run = client_list, .flags = LIST_FLAGS | GF_ADMIN, .arity = -2,
        .since = "2.4.0", .group = "connection", .complexity = "O(N) in the number of clients",
        .summary = "The clients of all cores, one line each.",
        .tips = "nondeterministic_output",
        .history = list_history, .history_count = GF_COUNT(list_history),
        GF_ARGS({.name = "normal_master_replica_pubsub", .type = GF_ARG_ONEOF, .token = "TYPE",
                 .flags = GF_ARG_OPTIONAL, .since = "5.0.0",
                 GF_ARGS({.name = "normal", .type = GF_ARG_TOKEN, .token = "NORMAL"},
                         {.name = "master", .type = GF_ARG_TOKEN, .token = "MASTER"},
                         {.name = "replica", .type = GF_ARG_TOKEN, .token = "REPLICA"},
                         {.name = "pubsub", .type = GF_ARG_TOKEN, .token = "PUBSUB"})},
                {.name = "id", .type = GF_ARG_BLOCK, .token = "ID", .flags = GF_ARG_OPTIONAL,
                 .since = "6.2.0",
                 GF_ARGS({.name = "client-id", .type = GF_ARG_INTEGER,
                          .flags = GF_ARG_MULTIPLE})}),
    },
};

static const struct gf_command commands[] = {
    GF_CLIENT_ROW(client_list_subcommands),
};
/* clang-format on */

const struct gf_module gf_client_list_module = {
    .abi = GF_MODULE_ABI,
    .name = "client_list",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
