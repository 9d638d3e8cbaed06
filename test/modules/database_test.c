/* FLUSHDB FLUSHALL SWAPDB. */
#include "support/exec_steps.h"

Test(database, flushdb_empties_one)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"SET b 1", "+OK"}, {"SET c 1", "+OK"}, {"SET d 1", "+OK"},
               {"#1", NULL}, {"SET a 1", "+OK"}, {"#0", NULL}, {"FLUSHDB", "+OK"}, {"DBSIZE", ":0"},
               {"EXISTS a b c d", ":0"}, {"#1", NULL}, {"DBSIZE", ":1"});
}

Test(database, flushall_empties_all)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"#15", NULL}, {"SET a 1", "+OK"}, {"#7", NULL},
               {"FLUSHALL", "+OK"}, {"#0", NULL}, {"DBSIZE", ":0"}, {"#15", NULL}, {"DBSIZE", ":0"},
               {"SET a 2", "+OK"}, {"GET a", "$1\r\n2"});
}

Test(database, flush_modes)
{
    EXEC_STEPS({"FLUSHDB ASYNC", "+OK"}, {"FLUSHDB sync", "+OK"}, {"FLUSHALL async", "+OK"},
               {"FLUSHALL SYNC", "+OK"}, {"SET a 1", "+OK"}, {"FLUSHDB foo", "-ERR syntax error"},
               {"FLUSHDB ASYNC SYNC", "-ERR syntax error"}, {"FLUSHALL foo", "-ERR syntax error"},
               {"FLUSHALL ASYNC x", "-ERR syntax error"}, {"DBSIZE", ":1"});
}

Test(database, swapdb_exchanges)
{
    EXEC_STEPS({"SET a zero", "+OK"}, {"PEXPIREAT a 9000000000000", ":1"}, {"#1", NULL},
               {"SET a one", "+OK"}, {"SET b one", "+OK"}, {"SWAPDB 0 1", "+OK"},
               {"GET a", "$4\r\nzero"}, {"PEXPIRETIME a", ":9000000000000"}, {"DBSIZE", ":1"},
               {"#0", NULL}, {"DBSIZE", ":2"}, {"GET a", "$3\r\none"}, {"SWAPDB 0 0", "+OK"},
               {"DBSIZE", ":2"}, {"SWAPDB 1 0", "+OK"}, {"DBSIZE", ":1"});
}

Test(database, swapdb_errors)
{
    EXEC_STEPS({"SWAPDB 0 16", "-ERR DB index is out of range"},
               {"SWAPDB 16 0", "-ERR DB index is out of range"},
               {"SWAPDB -1 0", "-ERR DB index is out of range"},
               {"SWAPDB a 0", "-ERR invalid first DB index"},
               {"SWAPDB 0 a", "-ERR invalid second DB index"},
               {"SWAPDB a b", "-ERR invalid first DB index"},
               {"SWAPDB 16 a", "-ERR invalid second DB index"},
               {"SWAPDB 99999999999 0", "-ERR invalid first DB index"},
               {"SWAPDB 0 99999999999", "-ERR invalid second DB index"},
               {"SWAPDB 0", "-ERR wrong number of arguments for 'swapdb' command"});
}
