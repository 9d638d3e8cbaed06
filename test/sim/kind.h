/* What kind of run a seed is: the server's settings, and what happens that does not always. */
#pragma once

#include "shards/settings.h"
#include "sim/world.h"

/* sim_kind_add - one thing more, by its name in sim_kind_format. Returns false if unknown. */
bool sim_kind_add(struct sim_kind *kind, const char *name);

/* sim_kind_draw - sets world->kind and what the server starts with. */
void sim_kind_draw(struct sim_world *world, struct gf_settings *settings);

/* sim_kind_settle - what the server starts with because of the kind that it is in the end. */
void sim_kind_settle(struct sim_world *world, struct gf_settings *settings);

/* sim_kind_policy - a policy that evicts as world->kind says. */
const char *sim_kind_policy(struct sim_world *world);

/* sim_kind_format - for people: " evicts stops". */
void sim_kind_format(const struct sim_world *world, char *text, size_t size);
