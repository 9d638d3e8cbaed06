/* Fibers on ucontext: a switch costs about half a microsecond, most of it the signal mask, which is
 * little for who switches every 200. */
#include "core/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>

#include "core/alloc.h"
#include "core/assert.h"

#define STACK_SIZE (256u * 1024u)
#define GUARD_SIZE 4096u
#define FREE_MAX 4u /* stacks kept */

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

struct gf_fiber {
    struct gf_link link;
    void (*main)(void *context);
    void *main_context;
    bool ended;
    char *stack; /* STACK_SIZE bytes, the lowest page is the guard; owned */
    ucontext_t here;
    ucontext_t back;
    /* What the sanitizers want to know of both sides of a switch. */
    void *fake;
    const void *back_stack;
    size_t back_stack_size;
    void *tsan;
    void *back_tsan;
};

/* Switches are told to the sanitizers in two halves: before, on the old stack, and after, on the
 * new one. `fake` NULL: the old stack is never used again. */

static void switch_begin(void **fake, const void *stack, size_t size, void *tsan)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, stack, size);
#endif
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(tsan, 0);
#endif
    (void)fake;
    (void)stack;
    (void)size;
    (void)tsan;
}

static void switch_end(void *fake, const void **ret_stack, size_t *ret_size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, ret_stack, ret_size);
#endif
    (void)fake;
    (void)ret_stack;
    (void)ret_size;
}

static void fiber_register(struct gf_fiber *fiber)
{
#ifdef __SANITIZE_THREAD__
    fiber->tsan = __tsan_create_fiber(0);
#endif
    (void)fiber;
}

static void fiber_unregister(struct gf_fiber *fiber)
{
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(fiber->tsan);
#endif
    (void)fiber;
}

static void note_back(struct gf_fiber *fiber)
{
#ifdef __SANITIZE_THREAD__
    fiber->back_tsan = __tsan_get_current_fiber();
#endif
    (void)fiber;
}

void gf_fibers_init(struct gf_fibers *fibers)
{
    *fibers = (struct gf_fibers){0};
    gf_list_init(&fibers->free);
}

static void fiber_destroy(struct gf_fiber *fiber)
{
    fiber_unregister(fiber);
    munmap(fiber->stack, STACK_SIZE);
    gf_free(GF_MEMORY_OTHER, fiber);
}

void gf_fibers_deinit(struct gf_fibers *fibers)
{
    struct gf_link *link;

    GF_ASSERT(fibers->busy_count == 0);
    while ((link = gf_list_pop_front(&fibers->free)))
        fiber_destroy(gf_container(link, struct gf_fiber, link));
    *fibers = (struct gf_fibers){0};
}

/* From the system: it ends with a guard page. */
static char *stack_create(void)
{
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return NULL;
    if (mprotect(stack, GUARD_SIZE, PROT_NONE) != 0) {
        munmap(stack, STACK_SIZE);
        return NULL;
    }
    return stack;
}

static struct gf_fiber *fiber_acquire(struct gf_fibers *fibers)
{
    struct gf_link *link = gf_list_pop_front(&fibers->free);
    struct gf_fiber *fiber;
    char *stack;

    if (link) {
        fibers->free_count--;
        return gf_container(link, struct gf_fiber, link);
    }
    stack = stack_create();
    if (!stack)
        return NULL;
    fiber = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*fiber));
    fiber->stack = stack;
    fiber_register(fiber);
    return fiber;
}

static void fiber_release(struct gf_fibers *fibers, struct gf_fiber *fiber)
{
    fibers->busy_count--;
    if (fibers->free_count >= FREE_MAX) {
        fiber_destroy(fiber);
        return;
    }
    gf_list_push_front(&fibers->free, &fiber->link);
    fibers->free_count++;
}

/* makecontext passes ints only. */
static void fiber_begin(unsigned high, unsigned low)
{
    struct gf_fiber *fiber = (struct gf_fiber *)(((uintptr_t)high << 32) | low);

    switch_end(NULL, &fiber->back_stack, &fiber->back_stack_size);
    fiber->main(fiber->main_context);
    fiber->ended = true;
    switch_begin(NULL, fiber->back_stack, fiber->back_stack_size, fiber->back_tsan);
    setcontext(&fiber->back);
    GF_ASSERT(false);
}

/* Not inlined: getcontext returns twice as far as the compiler knows. */
__attribute__((noinline)) static void fiber_prepare(struct gf_fiber *fiber)
{
    uintptr_t address = (uintptr_t)fiber;
    int error = getcontext(&fiber->here);

    GF_ASSERT(error == 0);
    fiber->here.uc_stack.ss_sp = fiber->stack;
    fiber->here.uc_stack.ss_size = STACK_SIZE;
    fiber->here.uc_link = NULL;
    makecontext(&fiber->here, (void (*)(void))fiber_begin, 2, (unsigned)(address >> 32),
                (unsigned)address);
}

bool gf_fiber_enter(struct gf_fibers *fibers, struct gf_fiber *fiber)
{
    void *fake = NULL;

    GF_ASSERT(!fiber->ended);
    note_back(fiber);
    switch_begin(&fake, fiber->stack, STACK_SIZE, fiber->tsan);
    swapcontext(&fiber->back, &fiber->here);
    switch_end(fake, NULL, NULL);
    if (!fiber->ended)
        return false;
    fiber_release(fibers, fiber);
    return true;
}

bool gf_fiber_start(struct gf_fibers *fibers, void (*main)(void *context), void *context,
                    struct gf_fiber **ret_fiber)
{
    struct gf_fiber *fiber = fiber_acquire(fibers);

    if (!fiber)
        return false;
    fibers->busy_count++;
    fiber->main = main;
    fiber->main_context = context;
    fiber->ended = false;
    fiber_prepare(fiber);
    *ret_fiber = fiber;
    if (gf_fiber_enter(fibers, fiber))
        *ret_fiber = NULL;
    return true;
}

void gf_fiber_leave(struct gf_fiber *fiber)
{
    switch_begin(&fiber->fake, fiber->back_stack, fiber->back_stack_size, fiber->back_tsan);
    swapcontext(&fiber->here, &fiber->back);
    switch_end(fiber->fake, &fiber->back_stack, &fiber->back_stack_size);
}
