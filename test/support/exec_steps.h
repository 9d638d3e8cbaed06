/* Tests of commands as lists of steps: a line, and the answer it must get.
 *
 *   {"SET a 1", "+OK"}     a command; its raw answer without the last CR LF
 *   {"@5000", NULL}        five seconds later
 *   {"#3", NULL}           database 3 from now on
 *
 * Every list starts with empty databases. All steps but the clock's can be given to a Redis, too.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "support/exec_fixture.h"

struct exec_step {
    const char *line;
    const char *answer; /* NULL for "@…" and "#…" */
};

static inline void exec_step(struct exec_fixture *fixture, const struct exec_step *step)
{
    if (step->line[0] == '@') {
        fixture->now_ms += strtoull(step->line + 1, NULL, 10);
        return;
    }
    if (step->line[0] == '#') {
        fixture->db = (uint32_t)strtoul(step->line + 1, NULL, 10);
        return;
    }

    const char *answer = exec_run(fixture, step->line);
    size_t size = strlen(answer);
    bool equal = size == strlen(step->answer) + 2 && memcmp(answer, step->answer, size - 2) == 0 &&
                 strcmp(answer + size - 2, "\r\n") == 0;

    cr_assert(equal, "%s\nanswers  %s\ninstead of %s", step->line, answer, step->answer);
}

static inline void exec_steps_run(struct exec_fixture *fixture, const struct exec_step *steps,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        exec_step(fixture, &steps[i]);
}

/* exec_steps - the steps in a fixture of their own. */
static inline void exec_steps(const struct exec_step *steps, size_t count)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    exec_steps_run(&fixture, steps, count);
    exec_fixture_deinit(&fixture);
}

#define EXEC_STEPS(...)                                                                            \
    exec_steps((const struct exec_step[]){__VA_ARGS__},                                            \
               GF_COUNT(((const struct exec_step[]){__VA_ARGS__})))

/* EXEC_STEPS_IN - the steps in a fixture that the test goes on with. */
#define EXEC_STEPS_IN(fixture, ...)                                                                \
    exec_steps_run((fixture), (const struct exec_step[]){__VA_ARGS__},                             \
                   GF_COUNT(((const struct exec_step[]){__VA_ARGS__})))
