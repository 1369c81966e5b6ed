#include "sim_memory.h"

#include "alloc.h"

enum { MOST = 60 }; /* allocations of a batch: more seldom are */

void sim_memory_may_fail(struct sim *sim)
{
    sim->memory_failed = false;
    if (sim_fault(sim, sim->shape.memory_ends))
        heap_fail_at((uint64_t)sim_between(&sim->random, 1, MOST));
}

bool sim_memory_is_back(struct sim *sim)
{
    sim_memory_pause(sim);
    return sim->memory_failed;
}

uint64_t sim_memory_pause(struct sim *sim)
{
    if (heap_has_failed())
        sim->memory_failed = true;
    return heap_fail_at(0);
}

void sim_memory_resume(uint64_t left)
{
    if (left)
        heap_fail_at(left);
}
