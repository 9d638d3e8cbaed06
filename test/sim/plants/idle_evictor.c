/* A planted fault: nothing is evicted. In the place of modules/evict.c. */
#define gf_evictor_run evictor_run_honest
#include "modules/evict.c"
#undef gf_evictor_run

size_t gf_evictor_run(struct gf_evictor *evictor, const struct gf_evict_source *source,
                      const struct gf_evict_goal *goal);

size_t gf_evictor_run(struct gf_evictor *evictor, const struct gf_evict_source *source,
                      const struct gf_evict_goal *goal)
{
    (void)evictor_run_honest;
    (void)evictor;
    (void)source;
    (void)goal;
    return 0;
}
