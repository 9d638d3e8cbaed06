/* A planted fault: CLIENT LIST and KILL do not wait for connections that are between two cores. In
 * the place of shards/ask.c, and of shards/handover.c: connections move sooner, so that many do. */
#include "shards/handover.h"
#undef GF_HANDOVER_AFTER
#define GF_HANDOVER_AFTER 1
#include "shards/handover.c"

#define gf_ask_create ask_create_honest
#include "shards/ask.c"
#undef gf_ask_create

struct gf_ask *gf_ask_create(struct gf_exec *x, const struct gf_ask_kind *kind);

struct gf_ask *gf_ask_create(struct gf_exec *x, const struct gf_ask_kind *kind)
{
    static struct gf_ask_kind hasty[2]; /* of LIST, which has much to say, and of KILL */
    struct gf_ask_kind *own;

    if (!kind->whole)
        return ask_create_honest(x, kind);
    own = kind->slot_size > 2 * sizeof(uint64_t) ? &hasty[0] : &hasty[1];
    *own = *kind;
    own->whole = false;
    return ask_create_honest(x, own);
}
