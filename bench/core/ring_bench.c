/* What a message costs in a ring, pushed and popped by one thread in batches of a turn's size: the
 * instructions, without the other core's cache.
 *
 *   ring_bench [--short]
 */
#include <stdio.h>
#include <string.h>

#include "core/driver.h"
#include "core/error.h"
#include "core/ring.h"

#define CAPACITY 8192
#define BATCH 64

int main(int argc, char **argv)
{
    struct gf_driver_options options = {
        .recv_buffer_size = 4096, .recv_buffer_count = 8, .queue_size = 8, .backlog = 1};
    uint64_t rounds = argc > 1 && strcmp(argv[1], "--short") == 0 ? 1000 : 5000000;
    struct gf_driver *driver;
    struct gf_ring ring;
    void *messages[BATCH];
    uint64_t popped = 0;
    uint64_t begin_ns;
    uint64_t end_ns;

    if (gf_driver_epoll_create(&options, &driver) != GF_OK)
        return 1;
    gf_ring_init(&ring, CAPACITY);
    begin_ns = driver->ops->now_ns(driver);
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < BATCH; i++)
            gf_ring_push(&ring, &messages[i]);
        gf_ring_publish(&ring);
        popped += gf_ring_pop(&ring, messages, BATCH);
        gf_ring_release(&ring);
    }
    end_ns = driver->ops->now_ns(driver);
    printf("ring: %.2f ns per message, batches of %d\n",
           (double)(end_ns - begin_ns) / (double)popped, BATCH);
    gf_ring_deinit(&ring);
    driver->ops->destroy(driver);
    return popped == rounds * BATCH ? 0 : 1;
}
