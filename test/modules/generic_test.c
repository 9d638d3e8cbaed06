/* DEL UNLINK EXISTS TOUCH TYPE. */
#include "support/exec_steps.h"

Test(generic, del_counts_what_was_there)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"SET b 2", "+OK"}, {"SET c 3", "+OK"},
               {"DEL a b nothing", ":2"}, {"DEL a", ":0"}, {"EXISTS a b c", ":1"},
               {"UNLINK c c c", ":1"}, {"DBSIZE", ":0"},
               {"DEL", "-ERR wrong number of arguments for 'del' command"},
               {"UNLINK", "-ERR wrong number of arguments for 'unlink' command"});
}

Test(generic, del_does_not_count_expired)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIRE a 10", ":1"}, {"SET b 1", "+OK"}, {"@10", NULL},
               {"DEL a b", ":1"}, {"EXISTS a b", ":0"});
}

Test(generic, del_works_in_the_selected_database)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"#1", NULL}, {"DEL a", ":0"}, {"SET a 1", "+OK"},
               {"DEL a", ":1"}, {"#0", NULL}, {"EXISTS a", ":1"});
}

Test(generic, exists_counts_twice)
{
    EXEC_STEPS({"EXISTS a", ":0"}, {"SET a 1", "+OK"}, {"EXISTS a a b a", ":3"},
               {"EXISTS", "-ERR wrong number of arguments for 'exists' command"});
}

Test(generic, keys_are_any_bytes)
{
    EXEC_STEPS({"SET \"a\\x00b\" 1", "+OK"}, {"EXISTS \"a\\x00b\" a", ":1"},
               {"SET \"\" empty", "+OK"}, {"EXISTS \"\"", ":1"}, {"DEL \"\"", ":1"});
}

Test(generic, touch_counts_what_is_there)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"TOUCH a b a", ":2"},
               {"TOUCH", "-ERR wrong number of arguments for 'touch' command"});
}

Test(generic, touch_is_an_access_and_looking_is_none)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"@60500", NULL}, {"EXISTS a", ":1"}, {"TYPE a", "+string"},
               {"TTL a", ":-1"}, {"KEYS *", "*1\r\n$1\r\na"}, {"RANDOMKEY", "$1\r\na"},
               {"OBJECT IDLETIME a", ":60"}, {"TOUCH a", ":1"}, {"OBJECT IDLETIME a", ":0"});
}

Test(generic, type_names_the_type)
{
    EXEC_STEPS({"TYPE a", "+none"}, {"SET a 1", "+OK"}, {"TYPE a", "+string"},
               {"PEXPIRE a 5", ":1"}, {"@5", NULL}, {"TYPE a", "+none"},
               {"TYPE", "-ERR wrong number of arguments for 'type' command"},
               {"TYPE a b", "-ERR wrong number of arguments for 'type' command"});
}
