/* The loop: make what is due, send it, wait for answers or the next due time.
 *
 * One thread and one epoll instance. The last 50 µs before a due time are spent asking instead of
 * sleeping, because a sleep ends late; how late requests really left is reported beside their
 * latencies. Give the generator a CPU of its own.
 */
#include "bench/load/load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/conn.h"
#include "bench/load/key.h"
#include "bench/load/schedule.h"
#include "core/assert.h"

#define SPIN_NS 50000          /* a sleep may end that late */
#define RECV_SIZE (256 * 1024) /* bytes read from a socket at once */
#define EVENTS_MAX 256         /* connections looked at per turn */
#define MADE_PER_TURN_MAX 1024 /* requests, so that answers are read in time even when behind */
#define IN_FLIGHT_MAX 4000000  /* requests: 128 MB of pending ones */
#define FILL_PIPELINE 500      /* SETs sent before their answers are read */

struct load {
    const struct gf_load_options *options;
    struct gf_load_result *result;
    struct gf_conn *conns;  /* options->connections, owned */
    struct gf_conn **dirty; /* those with something to send; room for all, owned */
    uint32_t dirty_count;
    uint32_t next_conn; /* the next burst's */
    uint32_t open_count;
    int epoll;    /* -1 = none */
    char *buffer; /* RECV_SIZE bytes, owned */
    char *value;  /* options->size_max bytes, owned */
    struct gf_dice dice;
    struct gf_key_source keys;
    struct gf_schedule schedule;
    uint64_t start_ns;  /* monotonic; all other times count from here */
    uint64_t warm_ns;   /* the measured time begins */
    uint64_t end_ns;    /* nothing is due from here on */
    uint64_t in_flight; /* requests not answered yet */
};

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t load_now(const struct load *load)
{
    return clock_ns() - load->start_ns;
}

static void load_abort(struct load *load, const char *why)
{
    if (load->result->aborted == NULL)
        load->result->aborted = why;
}

/* -- what is owed ------------------------------------------------------------------------------ */

/* Nobody will answer this any more. */
static void load_count_unanswered(struct load *load, const struct gf_pending *pending, uint64_t now)
{
    load->in_flight--;
    if (!pending->is_counted)
        return;
    load->result->unanswered++;
    gf_histogram_add(&load->result->all, now - pending->due_ns);
}

static void load_give_up(struct load *load, struct gf_conn *conn)
{
    struct gf_pending pending;
    uint64_t now = load_now(load);

    if (conn->fd >= 0)
        load->open_count--;
    gf_conn_close(conn);
    while (gf_conn_pop(conn, &pending))
        load_count_unanswered(load, &pending, now);
}

static void load_lose(struct load *load, struct gf_conn *conn)
{
    if (conn->fd < 0)
        return;
    load->result->connections_lost++;
    load_give_up(load, conn);
    if (load->open_count == 0)
        load_abort(load, "every connection was closed by the server");
}

static void load_mark_dirty(struct load *load, struct gf_conn *conn)
{
    if (conn->is_dirty)
        return;
    GF_ASSERT(load->dirty_count < load->options->connections);
    conn->is_dirty = true;
    load->dirty[load->dirty_count++] = conn;
}

/* -- requests ---------------------------------------------------------------------------------- */

static struct gf_value load_pick_value(struct load *load)
{
    uint32_t spread = load->options->size_max - load->options->size_min;
    uint32_t more = (uint32_t)(gf_dice_unit(&load->dice) * (spread + 1.0));

    return (struct gf_value){.data = load->value, .size = load->options->size_min + more};
}

static void load_make_one(struct load *load, struct gf_conn *conn, uint64_t due_ns)
{
    struct gf_pending pending = {
        .due_ns = due_ns,
        .key = gf_key_source_next(&load->keys, &load->dice),
        .is_read = gf_dice_unit(&load->dice) * 100 >= load->options->writes_percent,
        .is_counted = due_ns >= load->warm_ns,
    };

    if (pending.is_read)
        gf_conn_get(conn, &pending);
    else
        gf_conn_set(conn, &pending, load_pick_value(load));
    load->in_flight++;
    if (pending.is_counted)
        load->result->made++;
}

/* The next active connection that is open; NULL when none is. */
static struct gf_conn *load_pick_conn(struct load *load)
{
    for (uint32_t tried = 0; tried < load->options->active; tried++) {
        struct gf_conn *conn = &load->conns[load->next_conn];

        load->next_conn = (load->next_conn + 1) % load->options->active;
        if (conn->fd >= 0)
            return conn;
    }
    return NULL;
}

/* Makes what is due until `now`, in bounded pieces. */
static void load_make_due(struct load *load, uint64_t now)
{
    uint32_t made = 0;

    while (load->schedule.due_ns <= (double)now && load->schedule.due_ns < (double)load->end_ns &&
           made < MADE_PER_TURN_MAX) {
        uint64_t due_ns = (uint64_t)load->schedule.due_ns;
        struct gf_conn *conn = load_pick_conn(load);

        if (conn == NULL) {
            load_abort(load, "every active connection was closed by the server");
            return;
        }
        for (uint32_t i = 0; i < load->options->burst; i++) {
            load_make_one(load, conn, due_ns);
            if (due_ns >= load->warm_ns)
                gf_histogram_add(&load->result->late, now - due_ns);
        }
        made += load->options->burst;
        load_mark_dirty(load, conn);
        gf_schedule_advance(&load->schedule, &load->dice);
    }
    if (load->in_flight > IN_FLIGHT_MAX)
        load_abort(load, "the server cannot take this rate: four million requests wait");
}

static void load_flush(struct load *load)
{
    for (uint32_t i = 0; i < load->dirty_count; i++) {
        struct gf_conn *conn = load->dirty[i];

        conn->is_dirty = false;
        if (conn->fd >= 0 && !gf_conn_flush(conn))
            load_lose(load, conn);
    }
    load->dirty_count = 0;
}

/* -- answers ----------------------------------------------------------------------------------- */

static void load_count_answer(struct load *load, const struct gf_pending *pending,
                              enum gf_scan scan, uint64_t now)
{
    struct gf_load_result *result = load->result;
    uint64_t waited = now - pending->due_ns;

    if (!pending->is_counted)
        return;
    result->answered++;
    result->answering_s = (double)(now - load->warm_ns) / 1e9;
    if (scan == GF_SCAN_ERROR) {
        result->errors++;
        return;
    }
    if (pending->is_read)
        *(scan == GF_SCAN_NULL ? &result->misses : &result->hits) += 1;
    gf_histogram_add(&result->all, waited);
    gf_histogram_add(pending->is_read ? &result->reads : &result->writes, waited);
}

/* Takes the replies in [at, end). Returns false when they are not what was asked for. */
static bool load_take_replies(struct load *load, struct gf_conn *conn, const char *at,
                              const char *end)
{
    uint64_t now = load_now(load);

    for (;;) {
        enum gf_scan scan = gf_scanner_next(&conn->scanner, &at, end);
        struct gf_pending pending;

        if (scan == GF_SCAN_MORE)
            return true;
        if (scan == GF_SCAN_BROKEN || !gf_conn_pop(conn, &pending))
            return false;
        load->in_flight--;
        load_count_answer(load, &pending, scan, now);
        if (scan == GF_SCAN_NULL && pending.is_read && load->options->is_cache) {
            struct gf_pending refill = {.due_ns = now, .key = pending.key};

            gf_conn_set(conn, &refill, load_pick_value(load));
            load->in_flight++;
            load_mark_dirty(load, conn);
        }
    }
}

static void load_receive(struct load *load, struct gf_conn *conn)
{
    for (;;) {
        ssize_t size;

        if (conn->fd < 0)
            return;
        size = recv(conn->fd, load->buffer, RECV_SIZE, 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0 || !load_take_replies(load, conn, load->buffer, load->buffer + size)) {
            load_lose(load, conn);
            return;
        }
    }
}

static void load_wait(struct load *load, uint64_t until)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now = load_now(load);
    uint64_t sleep_ns = until > now + SPIN_NS ? until - now - SPIN_NS : 0;
    struct timespec timeout = {
        .tv_sec = (time_t)(sleep_ns / 1000000000),
        .tv_nsec = (long)(sleep_ns % 1000000000),
    };
    int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);

    for (int i = 0; i < count; i++) {
        struct gf_conn *conn = events[i].data.ptr;

        if (conn->out_sent < conn->out_size)
            load_mark_dirty(load, conn); /* it may take more now */
        load_receive(load, conn);
    }
}

/* -- a run ------------------------------------------------------------------------------------- */

/* More than a thousand connections need more than the usual limit. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* opening says what is missing */
    }
}

static int load_open(struct load *load)
{
    raise_file_limit();
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        return errno;
    for (uint32_t i = 0; i < load->options->connections; i++) {
        struct gf_conn *conn = &load->conns[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};
        int error = gf_conn_open(conn, load->options->host, load->options->port);

        if (error != 0)
            return error;
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
            return errno;
        load->open_count++;
    }
    return 0;
}

/* SETs every key once, over the first connection, a pipeline at a time. */
static int load_fill(struct load *load)
{
    struct gf_conn *conn = &load->conns[0];

    load->warm_ns = UINT64_MAX; /* none of this counts */
    for (uint64_t key = 0; key < load->options->keys && conn->fd >= 0;) {
        for (uint32_t i = 0; i < FILL_PIPELINE && key < load->options->keys; i++, key++) {
            struct gf_pending pending = {.key = key};

            gf_conn_set(conn, &pending, load_pick_value(load));
            load->in_flight++;
        }
        while (load->in_flight > 0 && conn->fd >= 0) {
            load_mark_dirty(load, conn);
            load_flush(load);
            load_wait(load, load_now(load) + 1000000000);
        }
    }
    return conn->fd >= 0 ? 0 : ECONNRESET;
}

static void load_start_clock(struct load *load)
{
    const struct gf_load_options *options = load->options;

    load->start_ns = clock_ns();
    load->warm_ns = (uint64_t)(options->warmup_s * 1e9);
    load->end_ns = (uint64_t)((options->warmup_s + options->duration_s) * 1e9);
    gf_schedule_init(&load->schedule, options->rate, options->burst, options->is_poisson);
}

static void load_loop(struct load *load)
{
    uint64_t drain_ns = load->end_ns + (uint64_t)(load->options->drain_s * 1e9);

    for (;;) {
        uint64_t now = load_now(load);
        bool is_over = load->schedule.due_ns >= (double)load->end_ns;

        if (load->result->aborted || (is_over && (load->in_flight == 0 || now >= drain_ns)))
            break;
        load_make_due(load, now);
        load_flush(load);
        load_wait(load, is_over ? drain_ns : (uint64_t)load->schedule.due_ns);
    }
    for (uint32_t i = 0; i < load->options->connections; i++)
        load_give_up(load, &load->conns[i]);
}

static void load_deinit(struct load *load)
{
    for (uint32_t i = 0; i < load->options->connections; i++)
        gf_conn_deinit(&load->conns[i]);
    if (load->epoll >= 0)
        close(load->epoll);
    free(load->conns);
    free(load->dirty);
    free(load->buffer);
    free(load->value);
}

int gf_load_run(const struct gf_load_options *options, struct gf_load_result *ret_result)
{
    struct load load = {
        .options = options,
        .result = ret_result,
        .conns = calloc(options->connections, sizeof *load.conns),
        .dirty = calloc(options->connections, sizeof *load.dirty),
        .epoll = -1,
        .buffer = malloc(RECV_SIZE),
        .value = malloc(options->size_max + 1),
        .dice = {.state = options->seed},
    };
    int error;

    GF_ASSERT(load.conns != NULL);
    GF_ASSERT(load.dirty != NULL);
    GF_ASSERT(load.buffer != NULL);
    GF_ASSERT(load.value != NULL);
    *ret_result = (struct gf_load_result){0};
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* else a sleep ends 50 µs late; only a wish */
    for (uint32_t i = 0; i < options->size_max; i++)
        load.value[i] = (char)('a' + gf_dice_next(&load.dice) % 26);
    gf_key_source_init(&load.keys, options->keys, options->zipf);

    load.start_ns = clock_ns();
    error = load_open(&load);
    if (error == 0 && options->is_filled)
        error = load_fill(&load);
    if (error == 0) {
        load_start_clock(&load);
        load_loop(&load);
    }
    load_deinit(&load);
    return error;
}
