/* A planted fault: one command of a hundred is shown twice. In the place of shards/monitor.c. */
#define gf_monitor_feed monitor_feed_honest
#include "shards/monitor.c"
#undef gf_monitor_feed

void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count);

void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count)
{
    static uint32_t fed;

    monitor_feed_honest(conn, words, words_count);
    if (++fed % 100 == 0)
        monitor_feed_honest(conn, words, words_count);
}
