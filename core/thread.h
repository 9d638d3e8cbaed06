/* Threads of the cores, and what the machine gives to this process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_core;

/* gf_machine_cores - CPUs this process may use: the affinity mask, and the cgroup quota (v2 or v1)
 * rounded up. At least 1. */
uint16_t gf_machine_cores(void);

/* gf_machine_memory_limit - the cgroup's memory limit in bytes, or the machine's memory. */
uint64_t gf_machine_memory_limit(void);

/* One core's thread. */
struct gf_thread {
    struct gf_core *core;
    int (*start)(struct gf_core *core, void *context); /* first on the thread: makes the driver */
    void (*stopped)(struct gf_core *core, void *context); /* last thing on the thread */
    void *context;
    bool pin;          /* to the id-th CPU of the affinity mask */
    int start_error;   /* what `start` returned */
    uint64_t handle;   /* pthread_t */
};

/* gf_threads_start - start `count` threads and wait until every `start` has returned. When one
 * fails, the others are stopped again and joined.
 * Returns    GF_OK or the first start_error. */
int gf_threads_start(struct gf_thread *threads, uint16_t count);

/* gf_threads_join - wait until every core has left gf_core_run. */
void gf_threads_join(struct gf_thread *threads, uint16_t count);

/* gf_signals_block - SIGTERM, SIGINT, SIGHUP, SIGPIPE are blocked in this and later threads;
 * gf_signals_wait gives the next of TERM, INT, HUP. On the main thread. */
void gf_signals_block(void);
int gf_signals_wait(void);

/* gf_signals_let_interrupt - from now on SIGINT ends the process at once. */
void gf_signals_let_interrupt(void);

/* gf_signals_raise - make gf_signals_wait return, from any thread. */
void gf_signals_raise(void);
