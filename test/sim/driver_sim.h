/* The third implementation of core/driver.h: one core's door to a simulated world.
 *
 * It keeps the contract in every way that the contract allows, chosen by the seed: results come
 * late and in any order, receives bring pieces of any size, sends go piece by piece, a stopped
 * receive may bring what had arrived or not, `done` of small sends waits for something else to
 * happen. And it checks the other side of the contract: nothing started twice, every part of a send
 * unchanged until its done, nothing touched on a foreign core, received bytes not used after done
 * (they are freed).
 */
#pragma once

#include "core/driver.h"
#include "sim/network.h"
#include "sim/world.h"

/* sim_driver_create - for a core whose turns `task` makes; NULL: a driver that never runs (the main
 * thread's, for clocks and files). */
struct gf_driver *sim_driver_create(struct sim_machine *machine, struct sim_task *task);
