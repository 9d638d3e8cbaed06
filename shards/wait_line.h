/* What wait_line.c (lines at keys), waiters.c (runs) and wake.c (messages) share. */
#pragma once

#include "shards/waiters.h"

/* gf_wait_is_ours - the partition is this core's, be it on loan or not. */
bool gf_wait_is_ours(const struct gf_worker *worker, uint32_t partition);

/* gf_wait_line_find - the line at a key, if its partition is here; or NULL. gf_wait_line_add - a
 * new one, empty: count it when somebody is in it. */
struct gf_wait_line *gf_wait_line_find(const struct gf_worker *worker, uint32_t db,
                                       struct gf_bytes key);
struct gf_wait_line *gf_wait_line_add(struct gf_worker *worker, uint32_t db, struct gf_bytes key);
void gf_wait_line_free_if_empty(struct gf_worker *worker, struct gf_wait_line *line);

/* gf_wait_line_make_ready - it is looked at when the command that runs now is over; or, of a
 * partition on loan, when that is back. */
void gf_wait_line_make_ready(struct gf_worker *worker, struct gf_wait_line *line);

/* gf_waiting_add_ready - of this core. */
static inline void gf_waiting_add_ready(struct gf_waiting *waiting, struct gf_link *ready)
{
    gf_list_push_back(&waiting->ready, ready);
    waiting->due = true;
}

/* gf_wait_lines_count - lines came or went in a partition. */
void gf_wait_lines_count(struct gf_worker *worker, struct gf_partition *partition);
void gf_wait_lines_init(struct gf_worker *worker);

/* gf_waiter_end - on the core that runs it: it ends so, at once or when its partitions are free. */
void gf_waiter_end(struct gf_worker *worker, struct gf_waiter *waiter, enum gf_wait_end end);

/* gf_waiter_woken - at home of a spread one: a key of it changed. */
void gf_waiter_woken(struct gf_worker *worker, struct gf_waiter *waiter);

/* gf_wake_answered - the request of a waiter is answered: tell its home, which may be here. */
void gf_wake_answered(struct gf_worker *worker, struct gf_request *request);

/* gf_wake_changed - tell the home of a spread waiter. */
void gf_wake_changed(struct gf_worker *worker, struct gf_wait_entry *entry);
