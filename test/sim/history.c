/* Zones of a register's history. */
#include "sim/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

struct operation {
    uint64_t value;
    uint64_t sent;
    uint64_t answered;
    bool write;
};

/* All operations of one value. */
struct zone {
    uint64_t value;
    uint64_t first_answer;
    uint64_t last_question;
    bool forward;
};

static void history_add(struct sim_history *history, const struct operation *operation)
{
    struct gf_bytes bytes = {.data = (const char *)operation, .size = sizeof(*operation)};

    GF_ASSERT(gf_buf_append(&history->operations, bytes) == GF_OK);
}

void sim_history_write(struct sim_history *history, uint64_t value, uint64_t sent_tick,
                       uint64_t answered_tick)
{
    GF_ASSERT(value > 0);
    history_add(history,
                &(struct operation){
                    .value = value, .sent = sent_tick, .answered = answered_tick, .write = true});
}

void sim_history_read(struct sim_history *history, uint64_t value, uint64_t sent_tick,
                      uint64_t answered_tick)
{
    history_add(history,
                &(struct operation){.value = value, .sent = sent_tick, .answered = answered_tick});
}

/* By value, the write first. */
static int operation_compare(const void *a, const void *b)
{
    const struct operation *one = a;
    const struct operation *other = b;

    if (one->value != other->value)
        return one->value < other->value ? -1 : 1;
    return (int)other->write - (int)one->write;
}

static int zone_compare(const void *a, const void *b)
{
    const struct zone *one = a;
    const struct zone *other = b;

    return one->first_answer < other->first_answer ? -1 : one->first_answer > other->first_answer;
}

/* The zone of the operations from `first` on that share its value; NULL in ret_why = sound. */
static size_t zone_make(const struct operation *first, size_t left, struct zone *zone,
                        const char **ret_why)
{
    struct operation initial = {.write = true};
    const struct operation *write = first->write ? first : &initial;
    size_t count = 0;

    *ret_why = NULL;
    if (!first->write && first->value != 0)
        *ret_why = "was read but never written";
    *zone = (struct zone){
        .value = first->value, .first_answer = write->answered, .last_question = write->sent};
    while (count < left && first[count].value == zone->value) {
        const struct operation *operation = &first[count++];

        if (operation->answered < write->sent)
            *ret_why = "was read before it was written";
        if (operation->answered < zone->first_answer)
            zone->first_answer = operation->answered;
        if (operation->sent > zone->last_question)
            zone->last_question = operation->sent;
    }
    zone->forward = zone->first_answer < zone->last_question;
    return count;
}

/* forward: sorted. */
static bool zones_fit(const struct zone *zones, size_t count, char *why, size_t why_size)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count && zones[i].forward; j++) {
            const struct zone *other = &zones[j];

            if (i == j)
                continue;
            if (other->first_answer >= zones[i].last_question)
                break; /* sorted: so are all that follow, unless backward ones end inside */
            if (other->forward && other->last_question > zones[i].first_answer) {
                snprintf(why, why_size,
                         "%" PRIu64 " was there from %" PRIu64 " to %" PRIu64 " and %" PRIu64
                         " from %" PRIu64 " to %" PRIu64,
                         zones[i].value, zones[i].first_answer, zones[i].last_question,
                         other->value, other->first_answer, other->last_question);
                return false;
            }
            if (!other->forward && other->last_question > zones[i].first_answer) {
                snprintf(why, why_size,
                         "%" PRIu64 " was there from %" PRIu64 " to %" PRIu64 " and %" PRIu64
                         " at a time from %" PRIu64 " to %" PRIu64,
                         zones[i].value, zones[i].first_answer, zones[i].last_question,
                         other->value, other->last_question, other->first_answer);
                return false;
            }
        }
    }
    return true;
}

bool sim_history_check(const struct sim_history *history, char *why, size_t why_size)
{
    size_t count = history->operations.size / sizeof(struct operation);
    struct operation *operations = gf_alloc(GF_MEMORY_OTHER, history->operations.size + 1);
    struct zone *zones = gf_alloc(GF_MEMORY_OTHER, (count + 1) * sizeof(*zones));
    size_t zones_count = 0;
    bool sound = true;

    if (count > 0)
        memcpy(operations, history->operations.data, history->operations.size);
    qsort(operations, count, sizeof(*operations), operation_compare);
    for (size_t i = 0; i < count && sound;) {
        const char *mistake;

        i += zone_make(&operations[i], count - i, &zones[zones_count], &mistake);
        if (mistake) {
            snprintf(why, why_size, "%" PRIu64 " %s", zones[zones_count].value, mistake);
            sound = false;
        }
        /* A write that was never answered nor seen may not have happened. */
        if (zones[zones_count].first_answer != SIM_NEVER_ANSWERED)
            zones_count++;
    }
    if (sound) {
        qsort(zones, zones_count, sizeof(*zones), zone_compare);
        sound = zones_fit(zones, zones_count, why, why_size);
    }
    gf_free(GF_MEMORY_OTHER, operations);
    gf_free(GF_MEMORY_OTHER, zones);
    return sound;
}

void sim_history_deinit(struct sim_history *history)
{
    gf_buf_deinit(&history->operations);
}
