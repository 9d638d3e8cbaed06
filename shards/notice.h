/* Commands that took long enough for somebody to want to know: slow log and latency monitor.
 *
 * The cost of a command that did not is one comparison with worker->notable_ns, the lower of the
 * two thresholds.
 */
#pragma once

#include <stdint.h>

struct gf_bytes;
struct gf_command;
struct gf_conn;
struct gf_worker;

/* gf_notice_slow - on the client's core: the command took `duration_ns`, at least notable_ns. */
void gf_notice_slow(struct gf_conn *conn, const struct gf_command *command,
                    const struct gf_bytes *words, uint32_t words_count, uint64_t duration_ns);

/* gf_notice_settings - the thresholds may have changed. */
void gf_notice_settings(struct gf_worker *worker);
