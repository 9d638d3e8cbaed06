/* MULTI and EXEC: several commands as one.
 *
 *              MULTI                    EXEC: keys unchanged           all commands have run
 *   (none) ----------> QUEUEING ----------------------------> RUNNING ----------------> (none)
 *                       |     |                                 ^  |
 *                       |     +-- DISCARD, RESET, close --+     |  | a command of the connection
 *                       |         EXEC of a broken one    |     |  | asks other cores (ask.h)
 *                       +-> broken: a command was refused |     |  v
 *                                                         v   SUSPENDED
 *                                                       (none)
 *
 * Between MULTI and EXEC commands are admitted like any others, then kept; one that is refused
 * breaks the transaction. EXEC locks their keys and the watched ones; or partitions, if a command
 * is about more than keys that it names (FLUSHALL, SCAN, SORT with BY). They are
 *
 *   none, or all on one core   an ordinary request to that core, which runs everything in one go
 *   on several cores           locked and lent to this core, core by core, as for a command over
 *                              several cores (multi.h)
 *   a command that runs with its connection is among them (SELECT, CLIENT, CONFIG ...)
 *                              locked and lent to this core, wherever they are; if such a command
 *                              asks other cores, the partitions stay locked until they answered;
 *                              also while somebody monitors
 *
 * The answers are one array, in the request's reply. A command that waits for keys does not wait
 * here. Once it has begun, a transaction runs to its end, whether its client is there or not; only
 * commands of the connection are left out then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/driver.h"
#include "core/list.h"
#include "shards/request.h"

struct gf_ahead;
struct gf_command;
struct gf_conn;
struct gf_worker;

/* One command that waits for EXEC. */
struct gf_queued {
    const struct gf_command *command;
    struct gf_bytes *words; /* with their bytes in one block; owned */
    uint32_t words_count;
};

/* The connection's until EXEC, then its request's; made and freed on the home core, run where the
 * partitions are. */
struct gf_transaction {
    struct gf_errand errand;    /* first                                                  */
    struct gf_queued *commands; /* owned                                                  */
    uint32_t commands_count;
    uint32_t commands_capacity;
    size_t size;                /* bytes of their words                                   */
    uint32_t flags;             /* enum gf_command_flag of any of them                    */
    bool broken;                /* a command was refused                                  */
    /* From EXEC on: */
    struct gf_conn *conn;       /* pinned; used at home only                              */
    const struct gf_command *exec; /* its row                                             */
    struct gf_list watches;     /* gf_watch.link: were the connection's                   */
    uint32_t next;              /* command that runs next                                 */
    bool begun;
    uint32_t db;                /* as selected by the commands so far                     */
    uint8_t resp;
    uint16_t *all;              /* every partition, for commands over all; or NULL; owned */
    struct gf_op resume;        /* goes on after a command that asked other cores         */
};

/* gf_transaction_begin - MULTI. */
void gf_transaction_begin(struct gf_conn *conn);

/* gf_transaction_end - DISCARD, and wherever else it ends without EXEC; watches included. Fine when
 * there is none. */
void gf_transaction_end(struct gf_conn *conn);

/* gf_transaction_takes - an admitted command of a connection in MULTI is kept for EXEC (others, as
 * EXEC itself, run at once). */
bool gf_transaction_takes(const struct gf_conn *conn, const struct gf_command *command);

/* gf_transaction_add - keep it. The caller answers. */
void gf_transaction_add(struct gf_conn *conn, const struct gf_command *command,
                        const struct gf_bytes *words, uint32_t count);

/* gf_transaction_ends - with the command that comes next, or is run by it: however much is kept, it
 * may run. */
bool gf_transaction_ends(const struct gf_command *command);

/* gf_transaction_refused - an error was answered instead of running the command, or keeping it.
 * Fine outside of MULTI. */
void gf_transaction_refused(struct gf_conn *conn, const struct gf_command *command);

/* gf_transaction_is_exec - the command is EXEC. */
bool gf_transaction_is_exec(const struct gf_command *command);

/* gf_transaction_exec - EXEC of a connection in MULTI with nothing outstanding.
 *
 * Returns    false: not now; it must come again
 */
bool gf_transaction_exec(struct gf_conn *conn, const struct gf_command *exec);

/* gf_transaction_resume - the connection's command that asked other cores has been answered. */
void gf_transaction_resume(struct gf_conn *conn);
