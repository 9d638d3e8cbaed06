/* A planted fault: of the changes of keys that somebody waits for, every fourth wakes nobody. In
 * the place of shards/wait_line.c. */
#define gf_wait_lines_init wait_lines_init_honest
#include "shards/wait_line.c"
#undef gf_wait_lines_init

void gf_wait_lines_init(struct gf_worker *worker);

static void sleepy_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    static uint32_t told;

    if (++told % 4 != 0)
        waiting_take(sink, event);
}

void gf_wait_lines_init(struct gf_worker *worker)
{
    wait_lines_init_honest(worker);
    worker->waiting.sink.take = sleepy_take;
}
