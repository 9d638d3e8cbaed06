/* Which seeds a program plays: "1..20,77", as support/seeds.py has them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* seeds_next - takes the first range off the list. False when that is the end of the list (*list is
 * empty then) or no range. */
static inline bool seeds_next(const char **list, uint64_t *ret_first, uint64_t *ret_last)
{
    const char *last = *list;
    char *end;

    *ret_first = strtoull(*list, &end, 10);
    if (end != *list && strncmp(end, "..", 2) == 0)
        last = end + 2;
    *ret_last = strtoull(last, &end, 10);
    if (end == last || (*end != ',' && *end != '\0') || *ret_first > *ret_last)
        return false;
    *list = end + (*end == ',');
    return true;
}

/* seeds_are_good - the whole list is made of ranges. */
static inline bool seeds_are_good(const char *list)
{
    uint64_t first;
    uint64_t last;

    while (seeds_next(&list, &first, &last)) {
        if (*list == '\0')
            return true;
    }
    return false;
}
