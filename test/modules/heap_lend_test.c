/* A heap while partitions of it are lent: keyspaces come and go on two threads. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "modules/heap.h"
#include "modules/keyspace.h"

#define KEYSPACES 2000

static struct gf_keyspace_context context;
static pthread_barrier_t start;

static void *come_and_go(void *unused)
{
    static _Thread_local struct gf_keyspace *made[KEYSPACES];

    pthread_barrier_wait(&start);
    for (uint32_t i = 0; i < KEYSPACES; i++)
        made[i] = gf_keyspace_create(&context);
    for (uint32_t i = 0; i < KEYSPACES; i += 2)
        gf_keyspace_destroy(made[i]);
    for (uint32_t i = 1; i < KEYSPACES; i += 2)
        gf_keyspace_destroy(made[i]);
    return unused;
}

Test(heap_lend, keeps_its_list_of_keyspaces, .timeout = 60)
{
    pthread_t borrower;

    context.heap = gf_heap_create(NULL);
    gf_heap_lend(context.heap);
    cr_assert_eq(pthread_barrier_init(&start, NULL, 2), 0);
    cr_assert_eq(pthread_create(&borrower, NULL, come_and_go, NULL), 0);
    (void)come_and_go(NULL);
    cr_assert_eq(pthread_join(borrower, NULL), 0);
    pthread_barrier_destroy(&start);
    gf_heap_return(context.heap);
    cr_assert(gf_list_empty(&context.heap->keyspaces));
    gf_heap_destroy(context.heap);
}
