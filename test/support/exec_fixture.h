/* Runs command lines against keyspaces, without a server: text in, RESP out.
 *
 * The keys are spread over several partitions, so that a command which looks into the wrong one
 * finds nothing. Admission is the server's in small: unknown commands and wrong arities are
 * refused, then the row runs. Every keyspace is checked after every command.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/registry.h"

#define EXEC_PARTITIONS 4
#define EXEC_DATABASES 16

struct exec_fixture {
    /* The test's to change at any time: */
    uint64_t now_ms;
    uint64_t seed; /* given to the next command; every command draws a new one */
    uint32_t db;   /* selected database */
    uint8_t resp;  /* 2 or 3 */
    struct gf_limits limits;
    struct gf_events events; /* nobody listens */
    struct gf_keyspace_context context; /* lfu settings; the rest is set by init */

    /* The fixture's own: */
    struct gf_registry *registry;
    struct gf_space space;
    struct gf_keyspace *keyspaces[EXEC_DATABASES][EXEC_PARTITIONS];
    struct gf_buf answer; /* of the last command, with a zero behind it */
    uint32_t commands;    /* run so far */
};

/* exec_fixture_init - empty databases, RESP2, database 0, the clock at 1700000000000. */
void exec_fixture_init(struct exec_fixture *fixture);
void exec_fixture_deinit(struct exec_fixture *fixture);

/* exec_run - one command line: words between spaces; "…" may contain spaces, \" \\ \r \n \t \xHH.
 *
 * Returns    its answer, raw RESP with a zero behind it, until the next command
 */
const char *exec_run(struct exec_fixture *fixture, const char *line);

/* exec_run_words - the same for words as they are. ret_size may be NULL. */
const char *exec_run_words(struct exec_fixture *fixture, const struct gf_bytes *words,
                           uint32_t count, size_t *ret_size);

/* exec_find - the object of a key in the selected database, not counted as an access; or NULL. */
struct gf_object *exec_find(struct exec_fixture *fixture, const char *key);

/* EXEC_EXPECT - `line` answers exactly `answer`; shows both when it does not. */
#define EXEC_EXPECT(fixture, line, expected)                                                       \
    cr_expect_str_eq(exec_run((fixture), (line)), (expected), "%s: %s", (line),                    \
                     (fixture)->answer.data)
