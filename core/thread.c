/* Threads of the cores, the signals they do not see, and what the machine gives to this process. */
#include "core/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/error.h"

#define PATH_SIZE 1024

/* ---- What the machine gives ---- */

/* Reads a file of up to three words, like "max 100000" or "42"; returns how many numbers there
 * were; a word that is no number ends it. */
static int numbers_read(const char *path, int64_t numbers[2])
{
    FILE *file = fopen(path, "re");
    int count;

    if (!file)
        return 0;
    count = fscanf(file, "%ld %ld", &numbers[0], &numbers[1]);
    fclose(file);
    return count > 0 ? count : 0;
}

/* The path of this process in a cgroup hierarchy: v2 for controller "", else the v1 hierarchy that
 * has the controller. False when there is none. */
static bool cgroup_path(const char *controller, char path[PATH_SIZE])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_SIZE];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        char *names = strchr(line, ':'); /* "4:cpu,cpuacct:/path" */
        char *place = names ? strchr(names + 1, ':') : NULL;
        char *word;

        if (!place)
            continue;
        *names++ = '\0';
        *place++ = '\0';
        place[strcspn(place, "\n")] = '\0';
        found = *controller == '\0' && *names == '\0';
        for (word = strsep(&names, ","); word; word = strsep(&names, ","))
            found = found || strcmp(word, controller) == 0;
        if (found)
            snprintf(path, PATH_SIZE, "%s", place);
    }
    fclose(file);
    return found;
}

/* Calls `look` with the directory of every level from this process's cgroup up to the root: a limit
 * of a parent holds for its children, and inside a container only the root may be visible. */
static void cgroup_walk(const char *root, const char *controller,
                        void (*look)(const char *directory, void *context), void *context)
{
    char place[PATH_SIZE];
    char directory[2 * PATH_SIZE];
    char *slash;

    if (!cgroup_path(controller, place))
        return;
    for (;;) {
        snprintf(directory, sizeof(directory), "%s%s", root, strcmp(place, "/") == 0 ? "" : place);
        look(directory, context);
        slash = strrchr(place, '/');
        if (!slash || place[1] == '\0')
            return;
        slash[slash == place ? 1 : 0] = '\0';
    }
}

/* Lowers *context, a number of CPUs, to the quota in `directory`, rounded up. */
static void cpu_quota_look(const char *directory, void *context)
{
    int64_t *ret_cpus = context;
    int64_t quota[2] = {0, 0};  /* microseconds per period; the period */
    int64_t period[2] = {0, 0}; /* where it has a file of its own */
    char path[3 * PATH_SIZE];

    snprintf(path, sizeof(path), "%s/cpu.max", directory);
    if (numbers_read(path, quota) < 2) {
        snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
        if (numbers_read(path, quota) < 1)
            return;
        snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
        if (numbers_read(path, period) < 1)
            return;
        quota[1] = period[0];
    }
    if (quota[0] > 0 && quota[1] > 0 && (quota[0] + quota[1] - 1) / quota[1] < *ret_cpus)
        *ret_cpus = (quota[0] + quota[1] - 1) / quota[1];
}

uint16_t gf_machine_cores(void)
{
    cpu_set_t cpus;
    int64_t count = 1;

    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        count = CPU_COUNT(&cpus);
    cgroup_walk("/sys/fs/cgroup", "", cpu_quota_look, &count);
    cgroup_walk("/sys/fs/cgroup/cpu", "cpu", cpu_quota_look, &count);
    if (count > GF_CORES_MAX)
        count = GF_CORES_MAX;
    return count < 1 ? 1 : (uint16_t)count;
}

/* Lowers *context, bytes, to the memory limit in `directory`. */
static void memory_limit_look(const char *directory, void *context)
{
    uint64_t *ret_bytes = context;
    int64_t limit[2];
    char path[3 * PATH_SIZE];

    snprintf(path, sizeof(path), "%s/memory.max", directory);
    if (numbers_read(path, limit) < 1) {
        snprintf(path, sizeof(path), "%s/memory.limit_in_bytes", directory);
        if (numbers_read(path, limit) < 1)
            return;
    }
    if (limit[0] > 0 && (uint64_t)limit[0] < *ret_bytes)
        *ret_bytes = (uint64_t)limit[0];
}

uint64_t gf_machine_memory_limit(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    cgroup_walk("/sys/fs/cgroup", "", memory_limit_look, &bytes);
    cgroup_walk("/sys/fs/cgroup/memory", "memory", memory_limit_look, &bytes);
    return bytes;
}

/* ---- Threads ---- */

/* Where the threads of one gf_threads_start meet: each reports how its start went, all wait for the
 * decision, and the starter leaves last, because the gate is on its stack. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint32_t inside;  /* threads that have not left the gate */
    uint32_t pending; /* threads that have not reported */
    int error;        /* the first start_error, GF_OK so far */
    bool open;        /* everyone may go: to run, or to stop when there is an error */
};

struct thread_entry {
    struct gf_thread *thread;
    struct gate *gate;
};

/* Reports how this thread's start went; returns what all of them agreed on. */
static int gate_pass(struct gate *gate, int error)
{
    int verdict;

    pthread_mutex_lock(&gate->mutex);
    GF_ASSERT(gate->pending > 0);
    gate->pending--;
    if (gate->error == GF_OK)
        gate->error = error;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    verdict = gate->error;
    gate->inside--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    return verdict;
}

/* Not being pinned costs speed, nothing else: no error. */
static void thread_pin(uint16_t index)
{
    cpu_set_t all;
    cpu_set_t one;
    int seen = 0;

    if (sched_getaffinity(0, sizeof(all), &all) != 0)
        return;
    index = (uint16_t)(index % CPU_COUNT(&all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all) || seen++ != index)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
        return;
    }
}

static void *thread_main(void *context)
{
    struct thread_entry entry = *(struct thread_entry *)context;
    struct gf_thread *thread = entry.thread;
    char name[16];

    snprintf(name, sizeof(name), "core-%u", thread->core->id);
    (void)pthread_setname_np(pthread_self(), name); /* for people looking at top */
    if (thread->pin)
        thread_pin(thread->core->id);

    gf_core_enter(thread->core);
    thread->start_error = thread->start(thread->core, thread->context);
    if (gate_pass(entry.gate, thread->start_error) == GF_OK)
        gf_core_run(thread->core);
    if (thread->start_error == GF_OK && thread->stopped)
        thread->stopped(thread->core, thread->context);
    gf_core_enter(NULL);
    return NULL;
}

/* Starts what can be started; a thread the system refuses reports GF_ENOMEM. Returns how many. */
static uint16_t threads_create(struct gf_thread *threads, uint16_t count, struct gate *gate,
                               struct thread_entry *entries)
{
    for (uint16_t i = 0; i < count; i++) {
        pthread_t handle;

        entries[i] = (struct thread_entry){.thread = &threads[i], .gate = gate};
        pthread_mutex_lock(&gate->mutex);
        gate->pending++;
        gate->inside++;
        pthread_mutex_unlock(&gate->mutex);
        if (pthread_create(&handle, NULL, thread_main, &entries[i]) != 0) {
            pthread_mutex_lock(&gate->mutex);
            gate->pending--;
            gate->inside--;
            gate->error = GF_ENOMEM;
            pthread_mutex_unlock(&gate->mutex);
            threads[i].start_error = GF_ENOMEM;
            return i;
        }
        threads[i].handle = (uint64_t)handle;
    }
    return count;
}

int gf_threads_start(struct gf_thread *threads, uint16_t count)
{
    struct thread_entry entries[GF_CORES_MAX];
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    uint16_t created;
    int error;

    GF_ASSERT(count > 0);
    GF_ASSERT(count <= GF_CORES_MAX);
    created = threads_create(threads, count, &gate, entries);

    pthread_mutex_lock(&gate.mutex);
    while (gate.pending > 0)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.open = true;
    error = gate.error;
    pthread_cond_broadcast(&gate.changed);
    while (gate.inside > 0)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    pthread_cond_destroy(&gate.changed);
    pthread_mutex_destroy(&gate.mutex);

    if (error != GF_OK)
        gf_threads_join(threads, created);
    return error;
}

void gf_threads_join(struct gf_thread *threads, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        int error = pthread_join((pthread_t)threads[i].handle, NULL);

        GF_ASSERT(error == 0);
    }
}

/* ---- Signals ---- */

static void signals_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void gf_signals_block(void)
{
    sigset_t set;

    signals_set(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int gf_signals_wait(void)
{
    sigset_t set;
    int signal_number;

    signals_set(&set);
    for (;;)
        if (sigwait(&set, &signal_number) == 0)
            return signal_number;
}

void gf_signals_let_interrupt(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void gf_signals_raise(void)
{
    kill(getpid(), SIGTERM);
}
