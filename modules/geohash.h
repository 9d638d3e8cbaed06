/* Positions as numbers: a 52-bit geohash is the score of a place.
 *
 *   The globe is a grid of 2^26 columns (longitude) and as many rows (latitude, up to 85.05 degrees
 *   as in Web Mercator). The bits of column and row take turns, the column's first:
 *
 *      51 50 49 48 …  1  0
 *      c  r  c  r  …  c  r
 *
 *   so that all cells inside a bigger cell (fewer bits of each) are one range of numbers.
 *
 * Distances are along the great circle of a sphere (the haversine formula).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GF_GEO_STEPS 26u /* bits of a column or row */
#define GF_GEO_LON_MAX 180.0
#define GF_GEO_LAT_MAX 85.05112878

/* Degrees. */
struct gf_geo_point {
    double lon;
    double lat;
};

/* A cell of the grid with 2^steps columns and rows. */
struct gf_geo_cell {
    uint32_t column; /* from the west */
    uint32_t row;    /* from the south */
    uint32_t steps;  /* 0: no cell */
};

/* Edges of a cell or of an area, degrees. */
struct gf_geo_box {
    double west, south, east, north;
};

/* gf_geo_is_valid - on the grid. */
static inline bool gf_geo_is_valid(struct gf_geo_point point)
{
    return point.lon >= -GF_GEO_LON_MAX && point.lon <= GF_GEO_LON_MAX &&
           point.lat >= -GF_GEO_LAT_MAX && point.lat <= GF_GEO_LAT_MAX;
}

struct gf_geo_cell gf_geo_cell_of(struct gf_geo_point point, uint32_t steps);
struct gf_geo_box gf_geo_cell_box(struct gf_geo_cell cell);

/* gf_geo_cell_number - its geohash: of 2 * steps bits. */
uint64_t gf_geo_cell_number(struct gf_geo_cell cell);

/* gf_geo_score, gf_geo_point_of - a place as a score; the middle of a score's cell. */
double gf_geo_score(struct gf_geo_point point);
struct gf_geo_point gf_geo_point_of(double score);

/* gf_geo_text - the geohash that other programs know (their rows go up to 90 degrees), 11
 * characters; the last one has no bits left and is '0'. */
#define GF_GEO_TEXT_SIZE 11u
void gf_geo_text(struct gf_geo_point point, char *text);

/* gf_geo_distance - metres. */
double gf_geo_distance(struct gf_geo_point a, struct gf_geo_point b);

/* An area around a position. */
struct gf_geo_area {
    struct gf_geo_point center;
    bool is_box;
    double radius; /* of a circle; metres, as are … */
    double width;  /* … the sides of a box */
    double height;
};

/* gf_geo_area_has - is a point inside? ret_distance: from the center, metres. */
bool gf_geo_area_has(const struct gf_geo_area *area, struct gf_geo_point point,
                     double *ret_distance);

#define GF_GEO_CELLS 9u

/* gf_geo_area_cells - the cell of the center and its neighbours, as many of them as the area can
 * reach into; in the order in which places are found: center, north, south, east, west, north-east,
 * north-west, south-east, south-west. Those that are of no use have steps 0. */
void gf_geo_area_cells(const struct gf_geo_area *area, struct gf_geo_cell cells[GF_GEO_CELLS]);
