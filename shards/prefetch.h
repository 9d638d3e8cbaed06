/* Hiding cache misses: many commands are known before the first of them runs, be it a pipeline or
 * what another core has sent. What they will touch is fetched in rounds over all of them: buckets
 * of keyspaces, objects, and of those that name an element of a big value, what leads to that. By
 * the time a command runs, its lines are on their way or here.
 *
 * Nothing is fetched of partitions that may be away: while anything is locked, nothing at all.
 */
#pragma once

#include <stdint.h>

struct gf_message;
struct gf_worker;

/* gf_prefetch_ahead - for the first `count` of worker->ahead, in database `db`. */
void gf_prefetch_ahead(struct gf_worker *worker, uint32_t db, uint32_t count);

/* gf_prefetch_requests - for what came by the rings, requests that are home again included. */
void gf_prefetch_requests(struct gf_worker *worker, struct gf_message **messages, uint32_t count);
