/* MONITOR. */
#include "shards/monitor.h"

#include "shards/conn.h"
#include "shards/worker.h"

void gf_monitor_add(struct gf_conn *conn)
{
    conn->session.monitor = true;
}

void gf_monitor_remove(struct gf_conn *conn)
{
    conn->session.monitor = false;
}

void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count)
{
    (void)conn;
    (void)words;
    (void)words_count;
}
