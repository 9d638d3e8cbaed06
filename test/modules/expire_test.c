/* EXPIRE PEXPIRE EXPIREAT PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST. */
#include "support/exec_steps.h"

#define NO_INTEGER "-ERR value is not an integer or out of range"
#define NX_CONFLICT "-ERR NX and XX, GT or LT options at the same time are not compatible"
#define GT_LT_CONFLICT "-ERR GT and LT options at the same time are not compatible"
#define INVALID(command) "-ERR invalid expire time in '" command "' command"
#define I64_MAX "9223372036854775807"
#define I64_MIN "-9223372036854775808"

Test(expire, counts_from_now)
{
    EXEC_STEPS({"EXPIRE a 10", ":0"}, {"SET a 1", "+OK"}, {"EXPIRE a 10", ":1"}, {"TTL a", ":10"},
               {"PEXPIRE a 10001", ":1"}, {"@1", NULL}, {"PTTL a", ":10000"}, {"@9999", NULL},
               {"PTTL a", ":1"}, {"EXISTS a", ":1"}, {"@1", NULL}, {"EXISTS a", ":0"},
               {"TTL a", ":-2"}, {"PTTL a", ":-2"}, {"EXPIRE a 10", ":0"});
}

Test(expire, at_a_time)
{
    EXEC_STEPS({"EXPIREAT a 9000000000", ":0"}, {"SET a 1", "+OK"}, {"EXPIREAT a 9000000000", ":1"},
               {"EXPIRETIME a", ":9000000000"}, {"PEXPIRETIME a", ":9000000000000"},
               {"PEXPIREAT a 9000000000499", ":1"}, {"EXPIRETIME a", ":9000000000"},
               {"PEXPIREAT a 9000000000500", ":1"}, {"EXPIRETIME a", ":9000000001"});
}

/* The clock of the fixture starts at 1700000000000. */
Test(expire, times_that_are_over_remove_the_key)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"EXPIRE a 0", ":1"}, {"DBSIZE", ":0"}, {"SET a 1", "+OK"},
               {"EXPIRE a -1", ":1"}, {"DBSIZE", ":0"}, {"SET a 1", "+OK"}, {"PEXPIRE a 0", ":1"},
               {"DBSIZE", ":0"}, {"SET a 1", "+OK"}, {"EXPIREAT a 0", ":1"}, {"DBSIZE", ":0"},
               {"SET a 1", "+OK"}, {"PEXPIREAT a -5", ":1"}, {"DBSIZE", ":0"}, {"SET a 1", "+OK"},
               {"EXPIREAT a 1600000000", ":1"}, {"DBSIZE", ":0"});
}

Test(expire, now_is_over)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIREAT a 1700000000001", ":1"}, {"PTTL a", ":1"},
               {"PEXPIREAT a 1700000000000", ":1"}, {"DBSIZE", ":0"}, {"EXISTS a", ":0"});
}

Test(expire, nx_and_xx)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"EXPIRE a 10 XX", ":0"}, {"EXPIRE a 10 nx nx", ":1"},
               {"EXPIRE a 5 NX", ":0"}, {"EXPIRE a -1 NX", ":0"}, {"EXPIRE a 20 xx", ":1"},
               {"TTL a", ":20"}, {"EXPIRE a -1 XX", ":1"}, {"EXISTS a", ":0"}, {"SET a 1", "+OK"},
               {"EXPIRE a -1 XX", ":0"}, {"EXPIRE a -1 NX", ":1"}, {"EXISTS a", ":0"});
}

Test(expire, gt_and_lt)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"EXPIRE a 10 GT", ":0"}, {"EXPIREAT a 9000000000 LT", ":1"},
               {"EXPIREAT a 9000000000 GT", ":0"}, {"EXPIREAT a 9000000000 LT", ":0"},
               {"EXPIREAT a 9000000001 LT", ":0"}, {"EXPIREAT a 8000000000 GT", ":0"},
               {"EXPIREAT a 9000000001 gt", ":1"}, {"EXPIREAT a 8000000000 lt", ":1"},
               {"EXPIRETIME a", ":8000000000"}, {"EXPIRE a -1 GT", ":0"}, {"EXPIRE a -1 LT", ":1"},
               {"EXISTS a", ":0"});
}

Test(expire, xx_goes_with_gt_and_lt)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"EXPIRE a 10 XX LT", ":0"}, {"EXPIRE a 10 XX GT", ":0"},
               {"EXPIREAT a 9000000000", ":1"}, {"EXPIREAT a 9000000001 GT XX", ":1"},
               {"EXPIREAT a 9000000000 LT XX", ":1"}, {"EXPIREAT a 9000000000 XX GT", ":0"},
               {"SET a 1", "+OK"}, {"EXPIRE a -1 LT XX", ":0"}, {"EXPIRE a -1 LT", ":1"},
               {"EXISTS a", ":0"});
}

Test(expire, errors_come_in_this_order)
{
    EXEC_STEPS({"EXPIRE a", "-ERR wrong number of arguments for 'expire' command"},
               {"EXPIRE a abc foo", "-ERR Unsupported option foo"},
               {"EXPIRE a 10 NX foo", "-ERR Unsupported option foo"},
               {"EXPIRE a 10 \"NX \"", "-ERR Unsupported option NX "},
               {"EXPIRE a abc NX XX", NX_CONFLICT}, {"EXPIRE a 10 NX GT", NX_CONFLICT},
               {"EXPIRE a 10 LT NX", NX_CONFLICT}, {"EXPIRE a 10 NX GT LT", NX_CONFLICT},
               {"EXPIRE a 10 GT LT", GT_LT_CONFLICT}, {"EXPIRE a 10 XX GT LT", GT_LT_CONFLICT},
               {"EXPIRE a abc", NO_INTEGER}, {"EXPIRE a 1.5", NO_INTEGER},
               {"EXPIRE a \" 1\"", NO_INTEGER}, {"EXPIRE a 9223372036854775808", NO_INTEGER},
               {"EXPIRE a " I64_MAX, INVALID("expire")});
}

Test(expire, times_that_do_not_fit)
{
    EXEC_STEPS(
        {"SET a 1", "+OK"}, {"EXPIRE a " I64_MAX, INVALID("expire")},
        {"EXPIRE a " I64_MIN, INVALID("expire")}, {"expire a 9223372036854775", INVALID("expire")},
        {"EXPIRE a 9223372036854776", INVALID("expire")},
        {"EXPIRE a -9223372036854776", INVALID("expire")},
        {"PEXPIRE a " I64_MAX, INVALID("pexpire")}, {"EXPIREAT a " I64_MAX, INVALID("expireat")},
        {"EXPIREAT a 9223372036854776", INVALID("expireat")},
        {"EXPIREAT a " I64_MIN, INVALID("expireat")}, {"TTL a", ":-1"});
}

Test(expire, times_that_just_fit)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIREAT a " I64_MAX, ":1"}, {"PEXPIRETIME a", ":" I64_MAX},
               {"EXPIRETIME a", ":9223372036854776"}, {"PEXPIREAT a " I64_MAX " GT", ":0"},
               {"EXPIREAT a 9223372036854775", ":1"}, {"EXPIRETIME a", ":9223372036854775"},
               {"EXPIRE a -9223372036854775", ":1"}, {"EXISTS a", ":0"}, {"SET a 1", "+OK"},
               {"PEXPIREAT a " I64_MIN, ":1"}, {"EXISTS a", ":0"}, {"SET a 1", "+OK"},
               {"PEXPIRE a " I64_MIN, ":1"}, {"EXISTS a", ":0"});
}

Test(ttl, missing_and_without_expiry)
{
    EXEC_STEPS({"TTL a", ":-2"}, {"PTTL a", ":-2"}, {"EXPIRETIME a", ":-2"},
               {"PEXPIRETIME a", ":-2"}, {"SET a 1", "+OK"}, {"TTL a", ":-1"}, {"PTTL a", ":-1"},
               {"EXPIRETIME a", ":-1"}, {"PEXPIRETIME a", ":-1"},
               {"TTL", "-ERR wrong number of arguments for 'ttl' command"},
               {"PTTL a b", "-ERR wrong number of arguments for 'pttl' command"});
}

Test(ttl, rounds_to_the_nearest_second)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIRE a 1500", ":1"}, {"TTL a", ":2"}, {"@1", NULL},
               {"TTL a", ":1"}, {"@1000", NULL}, {"PTTL a", ":499"}, {"TTL a", ":0"});
}

Test(ttl, is_gone_after_set)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"EXPIRE a 100", ":1"}, {"SET a 2", "+OK"}, {"TTL a", ":-1"});
}

Test(persist, takes_the_expiry_away)
{
    EXEC_STEPS({"PERSIST a", ":0"}, {"SET a 1", "+OK"}, {"PERSIST a", ":0"},
               {"PEXPIRE a 500", ":1"}, {"PERSIST a", ":1"}, {"PERSIST a", ":0"}, {"@500", NULL},
               {"GET a", "$1\r\n1"}, {"PEXPIRE a 500", ":1"}, {"@500", NULL}, {"PERSIST a", ":0"},
               {"PERSIST", "-ERR wrong number of arguments for 'persist' command"});
}

Test(expire, keeps_the_value_of_every_encoding)
{
    EXEC_STEPS({"SET a 1234567890", "+OK"}, {"SET b text", "+OK"},
               {"SET c 0123456789012345678901234567890123456789012345678", "+OK"},
               {"EXPIRE a 100", ":1"}, {"EXPIRE b 100", ":1"}, {"EXPIRE c 100", ":1"},
               {"GET a", "$10\r\n1234567890"}, {"GET b", "$4\r\ntext"},
               {"GET c", "$49\r\n0123456789012345678901234567890123456789012345678"},
               {"PERSIST a", ":1"}, {"PERSIST b", ":1"}, {"PERSIST c", ":1"},
               {"GET a", "$10\r\n1234567890"}, {"GET b", "$4\r\ntext"},
               {"GET c", "$49\r\n0123456789012345678901234567890123456789012345678"});
}
