/* Drawing the kind of a run. */
#include "sim/kind.h"

#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "sim/node.h"

bool sim_kind_add(struct sim_kind *kind, const char *name)
{
    struct {
        const char *name;
        bool *field;
    } parts[] = {{"sets-clock", &kind->sets_clock}, {"evicts", &kind->evicts},
                 {"monitors", &kind->monitors},     {"speaks3", &kind->speaks3},
                 {"operates", &kind->operates},     {"stops", &kind->stops},
                 {"listens", &kind->listens},       {"slices", &kind->slices},
                 {"waits", &kind->waits}};

    for (size_t i = 0; i < GF_COUNT(parts); i++) {
        if (strcmp(parts[i].name, name) != 0)
            continue;
        *parts[i].field = true;
        return true;
    }
    return false;
}

void sim_kind_draw(struct sim_world *world, struct gf_settings *settings)
{
    static const uint64_t times[] = {1, 1, 2, 8};
    struct sim_kind *kind = &world->kind;

    gf_settings_init(settings);
    settings->cores = 1 + sim_below(world, sim_one_in(world, 6) ? SIM_NODE_CORES_MAX : 4);
    settings->partitions = 1;
    while (settings->partitions < settings->cores)
        settings->partitions *= 2;
    settings->partitions *= times[sim_below(world, GF_COUNT(times))];
    settings->pin_cores = false;
    kind->sets_clock = sim_one_in(world, 3);
    if (kind->sets_clock && sim_one_in(world, 2))
        settings->timeout = 100 * 86400; /* virtual days that no run takes */
    kind->evicts = sim_one_in(world, 4);
    kind->evicts_all = kind->evicts && sim_one_in(world, 2);
    kind->monitors = sim_one_in(world, 4);
    kind->speaks3 = sim_one_in(world, 3);
    kind->operates = sim_one_in(world, 3);
    kind->stops = sim_one_in(world, 4);
    kind->listens = sim_one_in(world, 3);
    kind->slices = sim_one_in(world, 3);
}

void sim_kind_settle(struct sim_world *world, struct gf_settings *settings)
{
    static const uint64_t elements[] = {1, 2, 5, 30};

    if (!world->kind.slices)
        return;
    settings->command_slice_elements = elements[sim_below(world, GF_COUNT(elements))];
    settings->set_max_listpack_entries = 4; /* sets of a few members are tables */
}

const char *sim_kind_policy(struct sim_world *world)
{
    static const char *const all[] = {"allkeys-lru", "allkeys-lfu", "allkeys-random"};
    static const char *const some[] = {"volatile-lru", "volatile-lfu", "volatile-random",
                                       "volatile-ttl"};

    return world->kind.evicts_all ? all[sim_below(world, GF_COUNT(all))]
                                  : some[sim_below(world, GF_COUNT(some))];
}

void sim_kind_format(const struct sim_world *world, char *text, size_t size)
{
    const struct sim_kind *kind = &world->kind;

    snprintf(text, size, "%s%s%s%s%s%s%s%s%s", kind->sets_clock ? " sets-clock" : "",
             kind->evicts_all ? " evicts-all"
             : kind->evicts   ? " evicts"
                              : "",
             kind->monitors ? " monitors" : "", kind->speaks3 ? " speaks3" : "",
             kind->operates ? " operates" : "", kind->stops ? " stops" : "",
             kind->listens ? " listens" : "", kind->slices ? " slices" : "",
             kind->waits ? " waits" : "");
}
