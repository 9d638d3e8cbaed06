/* Looking for places inside an area, and what the geo commands read and answer alike. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/geohash.h"
#include "modules/zsets.h"

/* Words. They return false when what they found is a mistake, and have answered it then. */

/* gf_geo_read_point - the next two words: longitude and latitude. */
bool gf_geo_read_point(struct gf_exec *x, struct gf_geo_point *ret_point);
/* gf_geo_parse_unit - "m", "km", "ft", "mi". */
bool gf_geo_parse_unit(struct gf_exec *x, struct gf_bytes word, double *ret_metres);

/* gf_geo_reply_distance - with four digits behind the point. */
void gf_geo_reply_distance(struct gf_reply *reply, double distance);
/* gf_geo_reply_point - longitude and latitude. */
void gf_geo_reply_point(struct gf_reply *reply, struct gf_geo_point point);

enum gf_geo_order { GF_GEO_UNSORTED, GF_GEO_NEAREST, GF_GEO_FARTHEST };

/* A search. */
struct gf_geo_search {
    struct gf_geo_area area;
    double unit; /* metres of what distances are told in */
    enum gf_geo_order order;
    uint64_t count; /* 0 = all */
    bool any;       /* any `count` of them, not the nearest */
};

/* A place that was found. */
struct gf_geo_found {
    struct gf_packed_view member; /* good as long as the sorted set */
    struct gf_geo_point point;
    double score;
    double distance; /* metres */
    uint64_t index;  /* in the order in which they were found */
};

struct gf_geo_result {
    struct gf_geo_found *found; /* owned */
    uint64_t count;
    uint64_t capacity;
};

/* gf_geo_search_run - the places, in order, no more than were asked for. False when there is no
 * memory: then there is nothing to free. */
bool gf_geo_search_run(const struct gf_geo_search *search, const struct gf_zset *zset,
                       struct gf_geo_result *ret_result);
void gf_geo_result_deinit(struct gf_geo_result *result);
