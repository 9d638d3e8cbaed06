/* CLIENT PAUSE. */
#include "shards/pause.h"

#include <string.h>

#include "core/assert.h"
#include "core/core.h"
#include "modules/module.h"
#include "shards/conn.h"
#include "shards/worker.h"

static void pause_fired(struct gf_timer *timer)
{
    struct gf_pause *pause = gf_container(timer, struct gf_pause, timer);

    gf_pause_end(pause->worker);
}

void gf_pause_start(struct gf_worker *worker, uint64_t until_ms, bool writes_only)
{
    struct gf_pause *pause = &worker->pause;
    uint64_t now_ms = gf_core_now_ms(worker->core);

    if (pause->until_ms > now_ms) {
        pause->writes_only = pause->writes_only && writes_only;
        until_ms = until_ms > pause->until_ms ? until_ms : pause->until_ms;
    } else {
        pause->writes_only = writes_only;
    }
    if (until_ms <= now_ms)
        return;
    pause->worker = worker;
    pause->until_ms = until_ms;
    pause->timer.fired = pause_fired;
    worker->attention |= GF_ATTENTION_PAUSE;
    gf_timer_start(worker->core, &pause->timer, (until_ms - now_ms) * 1000000u);
}

void gf_pause_end(struct gf_worker *worker)
{
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    worker->pause.until_ms = 0;
    worker->attention &= ~(uint32_t)GF_ATTENTION_PAUSE;
    gf_timer_stop(worker->core, &worker->pause.timer);
    for (; link; link = gf_list_next(&worker->conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        if (conn->paused) {
            conn->paused = false;
            gf_conn_release(conn);
        }
    }
}

bool gf_pause_applies(const struct gf_worker *worker, const struct gf_command *command,
                      uint32_t flags)
{
    if (worker->pause.until_ms == 0)
        return false;
    if (worker->pause.writes_only)
        return (flags & (GF_WRITE | GF_MAY_REPLICATE)) != 0;
    return strcmp(command->name, "UNPAUSE") != 0;
}

void gf_pause_hold(struct gf_conn *conn)
{
    GF_ASSERT(!conn->paused);
    conn->paused = true;
    gf_conn_hold(conn);
}
