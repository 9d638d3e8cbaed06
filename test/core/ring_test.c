/* The ring between two cores: order, back-pressure, visibility, and two threads at once. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "core/ring.h"

#define CAPACITY 8

static struct gf_ring ring;

static void ring_start(void)
{
    gf_ring_init(&ring, CAPACITY);
}

static void ring_stop(void)
{
    gf_ring_check(&ring);
    gf_ring_deinit(&ring);
}

TestSuite(ring, .init = ring_start, .fini = ring_stop, .timeout = 60);

static void *number(uintptr_t value)
{
    return (void *)(value + 1); /* never NULL */
}

Test(ring, a_push_is_invisible_until_it_is_published)
{
    void *messages[CAPACITY];

    cr_assert(gf_ring_push(&ring, number(1)));
    cr_assert_eq(gf_ring_waiting(&ring), 0);
    cr_assert_eq(gf_ring_pop(&ring, messages, CAPACITY), 0);
    gf_ring_publish(&ring);
    cr_assert_eq(gf_ring_waiting(&ring), 1);
    cr_assert_eq(gf_ring_pop(&ring, messages, CAPACITY), 1);
    cr_assert_eq(messages[0], number(1));
}

Test(ring, is_full_until_slots_are_released)
{
    void *messages[CAPACITY];

    for (uintptr_t i = 0; i < CAPACITY; i++)
        cr_assert(gf_ring_push(&ring, number(i)));
    cr_assert_not(gf_ring_push(&ring, number(99)));
    gf_ring_publish(&ring);
    cr_assert_eq(gf_ring_pop(&ring, messages, 3), 3);
    cr_assert_not(gf_ring_push(&ring, number(99)), "popped, but not released");
    gf_ring_release(&ring);
    for (uintptr_t i = 0; i < 3; i++)
        cr_assert(gf_ring_push(&ring, number(CAPACITY + i)));
    cr_assert_not(gf_ring_push(&ring, number(99)));
}

Test(ring, keeps_the_order_over_many_wraps)
{
    void *messages[5];
    uintptr_t pushed = 0;
    uintptr_t popped = 0;

    while (popped < 1000) {
        while (gf_ring_push(&ring, number(pushed)))
            pushed++;
        gf_ring_publish(&ring);
        uint32_t count = gf_ring_pop(&ring, messages, 5);
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(messages[i], number(popped++));
        gf_ring_release(&ring);
        gf_ring_check(&ring);
    }
}

Test(ring, wraps_its_indexes_at_32_bits)
{
    void *messages[CAPACITY];
    uint32_t near_end = UINT32_MAX - 2;

    atomic_store(&ring.head, near_end);
    atomic_store(&ring.tail, near_end);
    ring.head_next = ring.tail_next = ring.tail_seen = near_end;
    for (uintptr_t i = 0; i < CAPACITY; i++)
        cr_assert(gf_ring_push(&ring, number(i)));
    cr_assert_not(gf_ring_push(&ring, number(99)));
    gf_ring_publish(&ring);
    cr_assert_eq(gf_ring_pop(&ring, messages, CAPACITY), CAPACITY);
    for (uintptr_t i = 0; i < CAPACITY; i++)
        cr_assert_eq(messages[i], number(i));
    gf_ring_release(&ring);
}

#define THREADS_MESSAGES 200000

static void *producer_main(void *context)
{
    static uintptr_t values[THREADS_MESSAGES];

    (void)context;
    for (uintptr_t i = 0; i < THREADS_MESSAGES; i++) {
        values[i] = i; /* written before the publish, read by the consumer after its pop */
        while (!gf_ring_push(&ring, &values[i])) {
            gf_ring_publish(&ring);
            sched_yield();
        }
        if (i % 3 == 0)
            gf_ring_publish(&ring);
    }
    gf_ring_publish(&ring);
    return NULL;
}

Test(ring, two_threads_see_every_message_once_and_in_order)
{
    pthread_t producer;
    uintptr_t expected = 0;

    cr_assert_eq(pthread_create(&producer, NULL, producer_main, NULL), 0);
    while (expected < THREADS_MESSAGES) {
        void *messages[CAPACITY];
        uint32_t count = gf_ring_pop(&ring, messages, CAPACITY);

        for (uint32_t i = 0; i < count; i++)
            if (*(uintptr_t *)messages[i] != expected++)
                cr_assert_fail("message %zu came out of order", (size_t)expected - 1);
        gf_ring_release(&ring);
        if (count == 0)
            sched_yield();
    }
    pthread_join(producer, NULL);
    cr_assert_eq(gf_ring_waiting(&ring), 0);
}
