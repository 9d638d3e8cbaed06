/* The geo commands. Every answer was also asked of Redis 7.0. */
#include "support/exec_steps.h"

#define SICILY "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"

Test(geo, places_are_members_with_a_position_for_a_score)
{
    EXEC_STEPS({SICILY, ":2"}, {"ZSCORE g Palermo", "$16\r\n3479099956230698"},
               {"GEODIST g Palermo Catania", "$11\r\n166274.1516"},
               {"GEODIST g Palermo Catania KM", "$8\r\n166.2742"},
               {"GEODIST g Palermo none", "$-1"},
               {"GEOHASH g Palermo none", "*2\r\n$11\r\nsqc8b49rny0\r\n$-1"},
               {"GEOPOS g Catania none",
                "*2\r\n*2\r\n$20\r\n15.08726745843887329\r\n$20\r\n37.50266842333162032\r\n*-1"},
               {"GEOADD g XX CH 13 38 Palermo 1 1 new", ":1"}, {"ZCARD g", ":2"});
}

Test(geo, mistakes_change_nothing)
{
    EXEC_STEPS(
        {"GEOADD g 1 1", "-ERR wrong number of arguments for 'geoadd' command"},
        {"GEOADD g NX XX 1 1 a", "-ERR syntax error"},
        {"GEOADD g 1 1 a 2 x b", "-ERR value is not a valid float"},
        {"GEOADD g 1 1 a 181 2 b", "-ERR invalid longitude,latitude pair 181.000000,2.000000"},
        {"EXISTS g", ":0"}, {SICILY, ":2"},
        {"GEODIST g Palermo Catania cm",
         "-ERR unsupported unit provided. please use M, KM, FT, MI"});
}

Test(geo, searches_in_circles_and_boxes)
{
    EXEC_STEPS({SICILY, ":2"},
               {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC",
                "*2\r\n$7\r\nCatania\r\n$7\r\nPalermo"},
               {"GEOSEARCH g FROMMEMBER Palermo BYBOX 10 10 km WITHDIST WITHHASH",
                "*1\r\n*3\r\n$7\r\nPalermo\r\n$6\r\n0.0000\r\n:3479099956230698"},
               {"GEORADIUS g 15 37 200 km COUNT 1", "*1\r\n$7\r\nCatania"},
               {"GEORADIUSBYMEMBER g Palermo 200 km DESC", "*2\r\n$7\r\nCatania\r\n$7\r\nPalermo"},
               {"GEOSEARCHSTORE t g FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST", ":1"},
               {"ZRANGE t 0 -1", "*1\r\n$7\r\nCatania"}, {"GEORADIUS g 0 0 1 km STORE t", ":0"},
               {"EXISTS t", ":0"}, {"GEOSEARCH none FROMMEMBER x BYRADIUS 1 m", "*0"});
}

/* In the order in which Redis finds them; the command is named as the client spelled it. */
Test(geo, refuses_bad_searches)
{
    EXEC_STEPS(
        {SICILY, ":2"},
        {"geoSearch g BYRADIUS 1 m ASC DESC",
         "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geoSearch"},
        {"GEOSEARCH g FROMLONLAT 1 1 ASC DESC ASC",
         "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH"},
        {"GEOSEARCH g FROMMEMBER x BYRADIUS 1 m", "-ERR could not decode requested zset member"},
        {"GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 m", "-ERR radius cannot be negative"},
        {"GEOSEARCH g FROMLONLAT 1 1 BYRADIUS x m", "-ERR need numeric radius"},
        {"GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 m", "-ERR height or width cannot be negative"},
        {"GEORADIUS g 1 1 1 m ANY", "-ERR the ANY argument requires COUNT argument"},
        {"GEORADIUS g 1 1 1 m COUNT 0", "-ERR COUNT must be > 0"},
        {"GEORADIUS g 1 1 1 m STORE t WITHDIST",
         "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD "
         "options"},
        {"GEORADIUS_RO g 1 1 1 m STORE t", "-ERR syntax error"});
}
