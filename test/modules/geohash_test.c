/* Geohashes, and the cells that an area reaches into. */
#include "modules/geohash.h"

#include <criterion/criterion.h>
#include <math.h>

#include "support/random.h"

static double random_between(struct test_random *random, double low, double high)
{
    return low + (high - low) * ((double)(test_random_next(random) >> 11) / 9007199254740992.0);
}

static struct gf_geo_point random_point(struct test_random *random)
{
    return (struct gf_geo_point){.lon = random_between(random, -180, 180),
                                 .lat = random_between(random, -85, 85)};
}

Test(geohash, a_score_is_a_cell_of_less_than_a_metre)
{
    struct test_random random = {.state = 1};

    for (int i = 0; i < 10000; i++) {
        struct gf_geo_point point = random_point(&random);
        struct gf_geo_point back = gf_geo_point_of(gf_geo_score(point));

        cr_assert_lt(gf_geo_distance(point, back), 0.7);
        cr_assert(gf_geo_score(back) == gf_geo_score(point));
    }
}

static bool in_cells(const struct gf_geo_cell *cells, struct gf_geo_point point)
{
    for (uint32_t i = 0; i < GF_GEO_CELLS; i++) {
        struct gf_geo_cell cell;

        if (cells[i].steps == 0)
            continue;
        cell = gf_geo_cell_of(point, cells[i].steps);
        if (cell.column == cells[i].column && cell.row == cells[i].row)
            return true;
    }
    return false;
}

/* Away from the poles, where Redis's own bounds are too narrow. */
Test(geohash, the_cells_of_an_area_cover_it)
{
    struct test_random random = {.state = 2};
    int inside = 0;

    for (int i = 0; i < 200000; i++) {
        struct gf_geo_area area = {
            .center = {random_between(&random, -170, 170), random_between(&random, -60, 60)},
            .radius = exp(random_between(&random, 0, 13))};
        struct gf_geo_cell cells[GF_GEO_CELLS];
        double reach = area.radius / 111000;
        struct gf_geo_point point = {area.center.lon +
                                         random_between(&random, -2 * reach, 2 * reach),
                                     area.center.lat + random_between(&random, -reach, reach)};
        double distance;

        area.is_box = i % 2;
        area.width = area.height = area.radius;
        if (!gf_geo_is_valid(point) || !gf_geo_area_has(&area, point, &distance))
            continue;
        gf_geo_area_cells(&area, cells);
        cr_assert(in_cells(cells, point), "%f %f around %f %f, %f m", point.lon, point.lat,
                  area.center.lon, area.center.lat, area.radius);
        inside++;
    }
    cr_assert_gt(inside, 20000);
}
