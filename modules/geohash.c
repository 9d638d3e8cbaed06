/* Cells, distances, and the cells that an area reaches into. */
#include "modules/geohash.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"

#define EARTH_RADIUS 6372797.560856 /* metres; Redis's, as all numbers here */
#define MERCATOR_MAX 20037726.37    /* metres: half the way round the equator */

static double radians(double degrees)
{
    return degrees * (M_PI / 180);
}

static double degrees(double radian)
{
    return radian / (M_PI / 180);
}

/* The bits of a number with a zero in front of each. */
static uint64_t spread(uint32_t bits)
{
    static const struct {
        uint32_t shift;
        uint64_t mask;
    } steps[] = {
        {16, 0x0000ffff0000ffff}, {8, 0x00ff00ff00ff00ff}, {4, 0x0f0f0f0f0f0f0f0f},
        {2, 0x3333333333333333},  {1, 0x5555555555555555},
    };
    uint64_t spread = bits;

    for (uint32_t i = 0; i < GF_COUNT(steps); i++)
        spread = (spread | spread << steps[i].shift) & steps[i].mask;
    return spread;
}

/* Every other bit, from bit 0 on. */
static uint32_t gather(uint64_t bits)
{
    uint32_t gathered = 0;

    for (uint32_t i = 0; i < 32; i++)
        gathered |= (uint32_t)(bits >> (2 * i) & 1) << i;
    return gathered;
}

static uint32_t line_of(double value, double max, uint32_t steps)
{
    double share = (value + max) / (2 * max);

    return (uint32_t)(share * (double)(UINT64_C(1) << steps));
}

struct gf_geo_cell gf_geo_cell_of(struct gf_geo_point point, uint32_t steps)
{
    GF_ASSERT(steps > 0);
    GF_ASSERT(steps <= GF_GEO_STEPS);
    return (struct gf_geo_cell){.column = line_of(point.lon, GF_GEO_LON_MAX, steps),
                                .row = line_of(point.lat, GF_GEO_LAT_MAX, steps),
                                .steps = steps};
}

static double edge_of(uint64_t line, double max, uint32_t steps)
{
    return -max + ((double)line / (double)(UINT64_C(1) << steps)) * (2 * max);
}

struct gf_geo_box gf_geo_cell_box(struct gf_geo_cell cell)
{
    return (struct gf_geo_box){
        .west = edge_of(cell.column, GF_GEO_LON_MAX, cell.steps),
        .south = edge_of(cell.row, GF_GEO_LAT_MAX, cell.steps),
        .east = edge_of(UINT64_C(1) + cell.column, GF_GEO_LON_MAX, cell.steps),
        .north = edge_of(UINT64_C(1) + cell.row, GF_GEO_LAT_MAX, cell.steps),
    };
}

uint64_t gf_geo_cell_number(struct gf_geo_cell cell)
{
    return spread(cell.column) << 1 | spread(cell.row);
}

double gf_geo_score(struct gf_geo_point point)
{
    return (double)gf_geo_cell_number(gf_geo_cell_of(point, GF_GEO_STEPS));
}

static double clip(double value, double max)
{
    if (value > max)
        return max;
    return value < -max ? -max : value;
}

/* Scores can be any number: ZADD makes them, too. */
static uint64_t score_bits(double score)
{
    if (!(score > -9.2e18 && score < 1.8e19))
        return 0;
    return score < 0 ? (uint64_t)(int64_t)score : (uint64_t)score;
}

struct gf_geo_point gf_geo_point_of(double score)
{
    uint64_t bits = score_bits(score);
    struct gf_geo_cell cell = {
        .column = gather(bits >> 1), .row = gather(bits), .steps = GF_GEO_STEPS};
    struct gf_geo_box box = gf_geo_cell_box(cell);

    return (struct gf_geo_point){.lon = clip((box.west + box.east) / 2, GF_GEO_LON_MAX),
                                 .lat = clip((box.south + box.north) / 2, GF_GEO_LAT_MAX)};
}

void gf_geo_text(struct gf_geo_point point, char *text)
{
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    struct gf_geo_cell cell = {.column = line_of(point.lon, GF_GEO_LON_MAX, GF_GEO_STEPS),
                               .row = line_of(point.lat, 90, GF_GEO_STEPS),
                               .steps = GF_GEO_STEPS};
    uint64_t bits = gf_geo_cell_number(cell);

    for (uint32_t i = 0; i + 1 < GF_GEO_TEXT_SIZE; i++)
        text[i] = alphabet[bits >> (2 * GF_GEO_STEPS - 5 * (i + 1)) & 31];
    text[GF_GEO_TEXT_SIZE - 1] = alphabet[0];
}

/* Along a meridian. */
static double distance_lat(double a, double b)
{
    return EARTH_RADIUS * fabs(radians(b) - radians(a));
}

double gf_geo_distance(struct gf_geo_point a, struct gf_geo_point b)
{
    double v = sin((radians(b.lon) - radians(a.lon)) / 2);
    double u = sin((radians(b.lat) - radians(a.lat)) / 2);
    double h = u * u + cos(radians(a.lat)) * cos(radians(b.lat)) * v * v;

    return 2.0 * EARTH_RADIUS * asin(sqrt(h));
}

bool gf_geo_area_has(const struct gf_geo_area *area, struct gf_geo_point point,
                     double *ret_distance)
{
    struct gf_geo_point side = {.lon = area->center.lon, .lat = point.lat};

    if (area->is_box && (distance_lat(point.lat, area->center.lat) > area->height / 2 ||
                         gf_geo_distance(point, side) > area->width / 2))
        return false;
    *ret_distance = gf_geo_distance(area->center, point);
    return area->is_box || *ret_distance <= area->radius;
}

/* The edges of the smallest box around an area; its north and south are as wide as what is nearer
 * to the pole of the center's hemisphere. */
static struct gf_geo_box area_box(const struct gf_geo_area *area)
{
    double height = area->is_box ? area->height / 2 : area->radius;
    double width = area->is_box ? area->width / 2 : area->radius;
    double lat_delta = degrees(height / EARTH_RADIUS);
    double lat = area->center.lat < 0 ? area->center.lat - lat_delta : area->center.lat + lat_delta;
    double lon_delta = degrees(width / EARTH_RADIUS / cos(radians(lat)));

    return (struct gf_geo_box){
        .west = area->center.lon - lon_delta,
        .south = area->center.lat - lat_delta,
        .east = area->center.lon + lon_delta,
        .north = area->center.lat + lat_delta,
    };
}

/* The grid whose cells are about as big as the area; bigger ones towards the poles. */
static uint32_t area_steps(const struct gf_geo_area *area)
{
    double half_width = area->width / 2;
    double half_height = area->height / 2;
    double radius =
        area->is_box ? sqrt(half_width * half_width + half_height * half_height) : area->radius;
    double lat = fabs(area->center.lat);
    int32_t steps = 1;

    if (radius == 0)
        return GF_GEO_STEPS;
    for (; radius < MERCATOR_MAX; radius *= 2)
        steps++;
    steps -= 2 + (lat > 66) + (lat > 80);
    if (steps < 1)
        return 1;
    return steps > (int32_t)GF_GEO_STEPS ? GF_GEO_STEPS : (uint32_t)steps;
}

/* Over the edge of the grid one comes in on the other side. A center on the very edge is in a line
 * of its own outside of the grid, which its neighbours in the same line keep, as in Redis. */
static struct gf_geo_cell neighbour(struct gf_geo_cell cell, int32_t east, int32_t north)
{
    uint32_t mask = (UINT32_C(1) << cell.steps) - 1;

    if (east != 0)
        cell.column = (cell.column + (uint32_t)east) & mask;
    if (north != 0)
        cell.row = (cell.row + (uint32_t)north) & mask;
    return cell;
}

/* Where the cells lie, in their order. */
static const struct {
    int8_t east, north;
} directions[GF_GEO_CELLS] = {
    {0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
};

static void cells_around(struct gf_geo_cell center, struct gf_geo_cell cells[GF_GEO_CELLS])
{
    for (uint32_t i = 0; i < GF_GEO_CELLS; i++)
        cells[i] = neighbour(center, directions[i].east, directions[i].north);
}

/* Do the cells cover the box? */
static bool cells_cover(const struct gf_geo_cell cells[GF_GEO_CELLS], const struct gf_geo_box *box)
{
    return gf_geo_cell_box(cells[1]).north >= box->north &&
           gf_geo_cell_box(cells[2]).south <= box->south &&
           gf_geo_cell_box(cells[3]).east >= box->east &&
           gf_geo_cell_box(cells[4]).west <= box->west;
}

void gf_geo_area_cells(const struct gf_geo_area *area, struct gf_geo_cell cells[GF_GEO_CELLS])
{
    struct gf_geo_box box = area_box(area);
    uint32_t steps = area_steps(area);
    struct gf_geo_box middle;

    cells_around(gf_geo_cell_of(area->center, steps), cells);
    if (steps > 1 && !cells_cover(cells, &box)) {
        steps--;
        cells_around(gf_geo_cell_of(area->center, steps), cells);
    }
    if (steps < 2)
        return;
    middle = gf_geo_cell_box(cells[0]);
    for (uint32_t i = 1; i < GF_GEO_CELLS; i++) {
        if ((directions[i].north < 0 && middle.south < box.south) ||
            (directions[i].north > 0 && middle.north > box.north) ||
            (directions[i].east < 0 && middle.west < box.west) ||
            (directions[i].east > 0 && middle.east > box.east))
            cells[i].steps = 0;
    }
}
