/* What happens to keys, told to who listens; and long commands put off: the halves of it that are
 * rarely needed. */
#include "modules/exec.h"

#include "modules/place.h"

/* A change that made its key: say so before the change itself. */
static void emit_made(struct gf_exec *x, uint32_t db, struct gf_bytes key)
{
    struct gf_place place = gf_place_of(x, db, key);
    enum gf_made made = gf_keyspace_made(place.keyspace, place.hash, x->now_ms);

    if (made == GF_MADE_OVER_EXPIRED && (x->events->wanted & GF_EVENT_EXPIRED) != 0)
        x->events->emit(x->events, x, GF_EVENT_EXPIRED, "expired", db, key);
    if (made != GF_MADE_NOT && (x->events->wanted & GF_EVENT_NEW) != 0)
        x->events->emit(x->events, x, GF_EVENT_NEW, "new", db, key);
}

void gf_exec_emit(struct gf_exec *x, uint32_t classes, const char *name, uint32_t db,
                  struct gf_bytes key)
{
    if ((classes & GF_EVENT_CHANGED) != 0 &&
        (x->events->wanted & (GF_EVENT_NEW | GF_EVENT_EXPIRED)) != 0)
        emit_made(x, db, key);
    if ((x->events->wanted & classes) != 0)
        x->events->emit(x->events, x, classes, name, db, key);
}

bool gf_exec_postpone(struct gf_exec *x)
{
    x->postponed = x->may_postpone;
    return x->postponed;
}
