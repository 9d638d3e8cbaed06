/* Writing down what was slow. */
#include "shards/notice.h"

#include "core/assert.h"
#include "core/core.h"
#include "modules/module.h"
#include "shards/auth.h"
#include "shards/config.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define US_PER_S 1000000u

/* In nanoseconds; what is too long to be one is never reached. */
static uint64_t to_ns(uint64_t time, uint64_t ns_each)
{
    uint64_t ns;

    return __builtin_mul_overflow(time, ns_each, &ns) ? UINT64_MAX : ns;
}

void gf_notice_settings(struct gf_worker *worker)
{
    const struct gf_settings *settings = &worker->settings;
    int64_t slow_us = settings->slowlog_log_slower_than;
    uint64_t latency_ms = settings->latency_monitor_threshold;
    uint64_t notable_ns = UINT64_MAX;

    /* With a threshold of 0 every command that was timed is slow; 0 ns means "was not timed". */
    if (slow_us >= 0)
        notable_ns = slow_us > 0 ? to_ns((uint64_t)slow_us, NS_PER_US) : 1;
    if (latency_ms > 0 && to_ns(latency_ms, NS_PER_MS) < notable_ns)
        notable_ns = to_ns(latency_ms, NS_PER_MS);
    worker->notable_ns = notable_ns;
}

/* A slow log must not tell passwords. Words beyond those it keeps are not looked at. */
static void redact(const struct gf_command *command, const struct gf_slowlog_event *event,
                   struct gf_bytes *ret_words)
{
    for (uint32_t i = 0; i < event->words_count && i < GF_SLOWLOG_ARGS_MAX; i++) {
        ret_words[i] = event->words[i];
        if (gf_config_is_secret(command, event->words, i) ||
            gf_auth_secret(event->words, event->words_count, i))
            ret_words[i] = GF_BYTES("(redacted)");
    }
}

static void slowlog_notice(struct gf_conn *conn, const struct gf_command *command,
                           struct gf_slowlog_event *event)
{
    struct gf_worker *worker = conn->worker;
    struct gf_driver *driver = worker->core->driver;
    struct gf_bytes shown[GF_SLOWLOG_ARGS_MAX];
    struct gf_address local;

    redact(command, event, shown);
    event->words = shown;
    event->id = atomic_fetch_add_explicit(&worker->server->next_slow, 1, memory_order_relaxed);
    event->time_s = worker->core->wall_us / US_PER_S;
    if (conn->session.name)
        event->name = gf_bytes_of(conn->session.name);
    if (gf_conn_is_open(conn) || conn->state == GF_CONN_DRAINING)
        driver->ops->addresses(driver, conn->handle, &local, &event->peer);
    gf_slowlog_add(&worker->slowlog, event, worker->settings.slowlog_max_len);
}

void gf_notice_slow(struct gf_conn *conn, const struct gf_command *command,
                    const struct gf_bytes *words, uint32_t words_count, uint64_t duration_ns)
{
    struct gf_worker *worker = conn->worker;
    const struct gf_settings *settings = &worker->settings;
    uint64_t duration_ms = duration_ns / NS_PER_MS;
    struct gf_slowlog_event event = {
        .duration_us = duration_ns / NS_PER_US,
        .words = words,
        .words_count = words_count,
    };

    if (settings->slowlog_log_slower_than >= 0 &&
        duration_ns >= to_ns((uint64_t)settings->slowlog_log_slower_than, NS_PER_US) &&
        settings->slowlog_max_len > 0 && !(command->flags & GF_NO_SLOWLOG))
        slowlog_notice(conn, command, &event);
    if (settings->latency_monitor_threshold > 0 &&
        duration_ms >= settings->latency_monitor_threshold)
        gf_latency_add(&worker->latency,
                       command->flags & GF_FAST ? GF_LATENCY_FAST_COMMAND : GF_LATENCY_COMMAND,
                       worker->core->wall_us / US_PER_S, duration_ms);
}
