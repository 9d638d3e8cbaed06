/* The commands on streams. Every answer but XREAD's + was also asked of Redis 7. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "core/alloc.h"
#include "modules/place.h"
#include "support/exec_steps.h"

#define BAD_ID "-ERR Invalid stream ID specified as stream command argument"
#define SYNTAX "-ERR syntax error"
#define WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"

/* An entry with one field, as it is answered. */
#define ENTRY(size, id, field, value)                                                              \
    "*2\r\n$" size "\r\n" id "\r\n*2\r\n$1\r\n" field "\r\n$1\r\n" value

Test(streams, ids_are_made_of_the_clock_and_grow)
{
    EXEC_STEPS(
        {"XADD x * a 1", "$15\r\n1700000000000-0"}, {"XADD x * a 1", "$15\r\n1700000000000-1"},
        {"@5", NULL}, {"XADD x * a 1", "$15\r\n1700000000005-0"},
        {"XADD x 1700000000009-* a 1", "$15\r\n1700000000009-0"},
        {"XADD x * a 1", "$15\r\n1700000000009-1"},
        {"XADD x 1700000000009 a 1",
         "-ERR The ID specified in XADD is equal or smaller than the target stream top item"},
        {"XADD y 0-* a 1", "$3\r\n0-1"},
        {"XADD z 0 a 1", "-ERR The ID specified in XADD must be greater than 0-0"},
        {"EXISTS z", ":0"}, {"XADD z NOMKSTREAM * a 1", "$-1"}, {"EXISTS z", ":0"},
        {"XLEN x", ":5"}, {"OBJECT ENCODING x", "$6\r\nstream"});
}

Test(streams, the_last_id_there_can_be)
{
    EXEC_STEPS({"XADD x 18446744073709551615-18446744073709551614 a 1",
                "$41\r\n18446744073709551615-18446744073709551614"},
               {"XADD x * a 1", "$41\r\n18446744073709551615-18446744073709551615"},
               {"XADD x * a 1", "-ERR The stream has exhausted the last possible ID, unable to add "
                                "more items"});
}

Test(streams, words_that_are_no_ids)
{
    EXEC_STEPS({"XADD x - a 1", BAD_ID}, {"XADD x 1-1-1 a 1", BAD_ID}, {"XADD x 1- a 1", BAD_ID},
               {"XADD x -1 a 1", BAD_ID}, {"XADD x 18446744073709551616 a 1", BAD_ID},
               {"XADD x 1-1 a", "-ERR wrong number of arguments for 'xadd' command"},
               {"XADD x 1-1 a b c", "-ERR wrong number of arguments for 'xadd' command"},
               {"XRANGE x (- +", BAD_ID},
               {"XRANGE x (18446744073709551615-18446744073709551615 +",
                "-ERR invalid start ID for the interval"},
               {"XRANGE x - (0-0", "-ERR invalid end ID for the interval"}, {"EXISTS x", ":0"});
}

Test(streams, ranges)
{
    EXEC_STEPS(
        {"XADD x 1-1 a 1", "$3\r\n1-1"}, {"XADD x 1-2 a 2", "$3\r\n1-2"},
        {"XADD x 3 a 3", "$3\r\n3-0"},
        {"XRANGE x 1 1", "*2\r\n" ENTRY("3", "1-1", "a", "1") "\r\n" ENTRY("3", "1-2", "a", "2")},
        {"XRANGE x (1-1 (3-0", "*1\r\n" ENTRY("3", "1-2", "a", "2")},
        {"XREVRANGE x + - COUNT 1", "*1\r\n" ENTRY("3", "3-0", "a", "3")},
        {"XREVRANGE x 2 -",
         "*2\r\n" ENTRY("3", "1-2", "a", "2") "\r\n" ENTRY("3", "1-1", "a", "1")},
        {"XRANGE x - + COUNT 0", "*-1"}, {"XRANGE x + -", "*0"}, {"XRANGE y - +", "*0"},
        {"XRANGE x - + COUNT", SYNTAX}, {"SET s 1", "+OK"}, {"XRANGE s - +", WRONG_TYPE},
        {"XADD s * a 1", WRONG_TYPE}, {"XLEN s", WRONG_TYPE});
}

/* A trim with ~ takes whole blocks, whose size stream-node-max-entries says. */
Test(streams, trimming)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.stream_node_max_entries = 3;
    for (int i = 1; i <= 10; i++) {
        char line[40];

        snprintf(line, sizeof(line), "XADD x %d a b", i);
        exec_run(&fixture, line);
    }
    EXEC_STEPS_IN(&fixture, {"XTRIM x MAXLEN ~ 5", ":3"}, {"XTRIM x MAXLEN ~ 5", ":0"},
                  {"XTRIM x MAXLEN 5", ":2"}, {"XTRIM x MINID ~ 9", ":1"},
                  {"XTRIM x MINID = 9", ":2"}, {"XLEN x", ":2"},
                  {"XADD x MAXLEN = 1 11 a b", "$4\r\n11-0"}, {"XLEN x", ":1"},
                  {"XTRIM x MAXLEN 0", ":1"}, {"EXISTS x", ":1"});
    exec_fixture_deinit(&fixture);
}

Test(streams, trimming_options)
{
    EXEC_STEPS(
        {"XTRIM x MAXLEN -1", "-ERR The MAXLEN argument must be >= 0."},
        {"XTRIM x MAXLEN 1 LIMIT 1",
         "-ERR syntax error, LIMIT cannot be used without the special ~ option"},
        {"XTRIM x LIMIT 1 NOTHING", SYNTAX},
        {"XTRIM x LIMIT 0", "-ERR syntax error, XTRIM must be called with a trimming strategy"},
        {"XTRIM x LIMIT 1",
         "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"},
        {"XTRIM x MAXLEN 1 MINID 1", "-ERR syntax error, MAXLEN and MINID options at the "
                                     "same time are not compatible"},
        {"XTRIM x MAXLEN 1 2", SYNTAX});
}

Test(streams, removing)
{
    EXEC_STEPS({"XADD x 1 a 1", "$3\r\n1-0"}, {"XADD x 2 a 2", "$3\r\n2-0"}, {"XDEL x 2 2 7", ":1"},
               {"XDEL x 1 nonsense", BAD_ID}, {"XLEN x", ":1"}, {"XDEL nokey nonsense", ":0"},
               {"XDEL x 1", ":1"}, {"EXISTS x", ":1"},
               {"XSETID x 1-9",
                "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"},
               {"XSETID x 9 ENTRIESADDED 7 MAXDELETEDID 3", "+OK"}, {"XSETID x 4", "+OK"},
               {"XADD x 4-1 a 1", "$3\r\n4-1"}, {"XSETID nokey 1", "-ERR no such key"});
}

/* XSETID can make the id of an entry possible that was removed from the end of a block. */
Test(streams, an_id_that_was_removed_comes_again)
{
    EXEC_STEPS({"XADD x 1 a 1", "$3\r\n1-0"}, {"XADD x 5 a 2", "$3\r\n5-0"}, {"XDEL x 5", ":1"},
               {"XSETID x 9 MAXDELETEDID 1", "+OK"}, {"XSETID x 2", "+OK"},
               {"XADD x 5 a 3", "$3\r\n5-0"},
               {"XRANGE x 5 5", "*1\r\n" ENTRY("3", "5-0", "a", "3")}, {"XLEN x", ":2"});
}

Test(streams, reading_several)
{
    EXEC_STEPS({"XADD x 1 a 1", "$3\r\n1-0"}, {"XADD y 2 a 2", "$3\r\n2-0"},
               {"XREAD COUNT 1 STREAMS x y nokey 0 0 0",
                "*2\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a",
                                                      "1") "\r\n*2\r\n$1\r\ny\r\n"
                                                           "*1\r\n" ENTRY("3", "2-0", "a", "2")},
               {"XREAD STREAMS x 1", "*-1"}, {"XREAD BLOCK 10 STREAMS x $", "*-1"},
               {"XREAD STREAMS x +", "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a", "1")},
               {"XREAD STREAMS x y 0", "-ERR Unbalanced 'xread' list of streams: for each stream "
                                       "key an ID or '$' must be specified."},
               {"XREAD BLOCK -1 STREAMS x 0", "-ERR timeout is negative"},
               {"XREAD NOACK STREAMS x 0", "-ERR The NOACK option is only supported by XREADGROUP. "
                                           "You called XREAD instead."},
               {"XREAD COUNT 1 x 0", SYNTAX});
}

/* RESP3 answers a map of keys. */
Test(streams, reading_with_resp3)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.resp = 3;
    EXEC_STEPS_IN(&fixture, {"XADD x 1 a 1", "$3\r\n1-0"},
                  {"XREAD STREAMS x 0", "%1\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a", "1")},
                  {"XREAD STREAMS x 1", "_"}, {"XRANGE x 2 +", "*0"});
    exec_fixture_deinit(&fixture);
}

Test(streams, a_group_delivers_once_and_remembers)
{
    EXEC_STEPS(
        {"XGROUP CREATE x g $ MKSTREAM", "+OK"},
        {"XGROUP CREATE x g $", "-BUSYGROUP Consumer Group name already exists"},
        {"XADD x 1 a 1", "$3\r\n1-0"}, {"XADD x 2 a 2", "$3\r\n2-0"},
        {"XREADGROUP GROUP g alice COUNT 1 STREAMS x >",
         "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a", "1")},
        {"XREADGROUP GROUP g bob STREAMS x >",
         "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "2-0", "a", "2")},
        {"XREADGROUP GROUP g bob STREAMS x >", "*-1"}, {"XDEL x 1", ":1"},
        {"XREADGROUP GROUP g alice STREAMS x 0",
         "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*-1"},
        {"XPENDING x g", "*4\r\n:2\r\n$3\r\n1-0\r\n$3\r\n2-0\r\n*2\r\n*2\r\n$5\r\nalice\r\n"
                         "$1\r\n1\r\n*2\r\n$3\r\nbob\r\n$1\r\n1"},
        {"@100", NULL},
        {"XPENDING x g IDLE 50 - + 10 bob", "*1\r\n*4\r\n$3\r\n2-0\r\n$3\r\nbob\r\n:100\r\n:1"},
        {"XACK x g 1 2 3", ":2"}, {"XPENDING x g", "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1"},
        {"XREADGROUP GROUP h bob STREAMS x >",
         "-NOGROUP No such key 'x' or consumer group 'h' in XREADGROUP with GROUP option"});
}

/* The work of a consumer that is gone is taken over by another. */
Test(streams, claiming)
{
    EXEC_STEPS({"XGROUP CREATE x g $ MKSTREAM", "+OK"}, {"XADD x 1 a 1", "$3\r\n1-0"},
               {"XADD x 2 a 2", "$3\r\n2-0"}, {"XADD x 3 a 3", "$3\r\n3-0"},
               {"XREADGROUP GROUP g alice NOACK COUNT 1 STREAMS x >",
                "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a", "1")},
               {"XREADGROUP GROUP g alice STREAMS x >",
                "*1\r\n*2\r\n$1\r\nx\r\n*2\r\n" ENTRY("3", "2-0", "a", "2") "\r\n" ENTRY("3", "3-0",
                                                                                         "a", "3")},
               {"@1000", NULL}, {"XCLAIM x g bob 2000 2", "*0"},
               {"XCLAIM x g bob 1000 2 JUSTID", "*1\r\n$3\r\n2-0"}, {"XDEL x 3", ":1"},
               {"XAUTOCLAIM x g bob 500 0 COUNT 5", "*3\r\n$3\r\n0-0\r\n*0\r\n*1\r\n$3\r\n3-0"},
               {"XCLAIM x g carol 0 1 FORCE RETRYCOUNT 7 IDLE 30 JUSTID", "*1\r\n$3\r\n1-0"},
               {"XPENDING x g - + 9", "*2\r\n*4\r\n$3\r\n1-0\r\n$5\r\ncarol\r\n:30\r\n:7\r\n"
                                      "*4\r\n$3\r\n2-0\r\n$3\r\nbob\r\n:0\r\n:1"},
               {"XGROUP DELCONSUMER x g bob", ":1"}, {"XGROUP DELCONSUMER x g bob", ":0"},
               {"XGROUP DESTROY x g", ":1"}, {"XGROUP DESTROY x g", ":0"},
               {"XCLAIM x g bob 0 1", "-NOGROUP No such key 'x' or consumer group 'g'"});
}

/* A group may have millions of pending entries: they are freed in the background. */
Test(streams, a_big_group_is_freed_in_slices)
{
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);
    struct exec_fixture fixture;
    struct gf_keyspace *keyspace;
    int64_t held;

    exec_fixture_init(&fixture);
    exec_run(&fixture, "XGROUP CREATE x g $ MKSTREAM");
    for (int i = 0; i < 2000; i++)
        exec_run(&fixture, "XADD x * a b");
    exec_run(&fixture, "XREADGROUP GROUP g alice STREAMS x >");
    held = account.bytes[GF_MEMORY_DATA];
    EXEC_EXPECT(&fixture, "XGROUP DESTROY x g", ":1\r\n");
    cr_expect(gt(i64, account.bytes[GF_MEMORY_DATA], held - 10000));
    keyspace = fixture.space.find(&fixture.space, 0, GF_BYTES("x"));
    for (int i = 0; i < 1000 && gf_keyspace_work_slice(keyspace, 16); i++)
        continue;
    cr_expect(lt(i64, account.bytes[GF_MEMORY_DATA], held - 2000 * 50));
    exec_fixture_deinit(&fixture);
    gf_memory_account_use(before);
}

/* How far a group is behind is known until entries go from the middle of what it has not read. */
Test(streams, lag)
{
#define GROUPS(read, lag)                                                                          \
    "*1\r\n*12\r\n$4\r\nname\r\n$1\r\ng\r\n$9\r\nconsumers\r\n:0\r\n$7\r\npending\r\n:0\r\n"       \
    "$17\r\nlast-delivered-id\r\n$3\r\n0-0\r\n$12\r\nentries-read\r\n" read                        \
    "\r\n$3\r\nlag\r\n" lag
    EXEC_STEPS({"XADD x 1 a 1", "$3\r\n1-0"}, {"XADD x 2 a 2", "$3\r\n2-0"},
               {"XADD x 3 a 3", "$3\r\n3-0"}, {"XGROUP CREATE x g 0", "+OK"},
               {"XINFO GROUPS x", GROUPS("$-1", ":3")}, {"XDEL x 2", ":1"},
               {"XINFO GROUPS x", GROUPS("$-1", "$-1")}, {"XDEL x 1", ":1"},
               {"XINFO GROUPS x", GROUPS("$-1", ":1")}, {"XGROUP SETID x g 0 ENTRIESREAD 2", "+OK"},
               {"XINFO GROUPS x", GROUPS(":2", ":1")}, {"XINFO GROUPS y", "-ERR no such key"},
               {"XGROUP SETID x h 0", "-NOGROUP No such consumer group 'h' for key name 'x'"});
}

Test(streams, copies_are_of_their_own)
{
    EXEC_STEPS({"XGROUP CREATE x g $ MKSTREAM", "+OK"}, {"XADD x 1 a 1", "$3\r\n1-0"},
               {"XREADGROUP GROUP g alice STREAMS x >",
                "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n" ENTRY("3", "1-0", "a", "1")},
               {"COPY x y", ":1"}, {"XACK x g 1", ":1"}, {"DEL x", ":1"}, {"XACK y g 1", ":1"},
               {"XLEN y", ":1"});
}

/* One XREAD with $, run as a server runs a command that may wait. */
static void read_waiting(struct exec_fixture *fixture, struct gf_wait *wait,
                         const struct gf_bytes *words, uint32_t count)
{
    struct gf_chain chain = {0};
    struct gf_reply reply;
    struct gf_args args;
    struct gf_exec x = {
        .args = &args,
        .reply = &reply,
        .now_ms = fixture->now_ms,
        .space = &fixture->space,
        .command = gf_registry_find(fixture->registry, words[0]),
        .limits = &fixture->limits,
        .registry = fixture->registry,
        .events = &fixture->events,
        .wait = wait,
    };
    struct gf_place place = gf_place_of(&x, 0, words[count - 2]);

    x.keyspace = place.keyspace;
    x.key_hash = place.hash;
    gf_reply_init(&reply, &chain, 2);
    gf_args_init(&args, words, count);
    x.command->run(&x);
    cr_expect(wait->waits == gf_chain_empty(&chain));
    gf_chain_clear(&chain);
}

/* What came before the command was run is not news, however often it is run again. */
Test(streams, dollar_is_an_id_from_the_first_run_on)
{
    const struct gf_bytes words[] = {GF_BYTES("XREAD"),   GF_BYTES("BLOCK"), GF_BYTES("9"),
                                     GF_BYTES("STREAMS"), GF_BYTES("x"),     GF_BYTES("$")};
    struct exec_fixture fixture;
    struct gf_wait wait = {0};

    exec_fixture_init(&fixture);
    exec_run(&fixture, "XADD x 5-5 a 1");
    read_waiting(&fixture, &wait, words, GF_COUNT(words));
    cr_assert(wait.waits);
    cr_expect(eq(u64, wait.timeout_ms, 9));
    cr_assert(eq(u32, wait.words_count, GF_COUNT(words)));
    cr_expect(gf_bytes_equal(wait.words[5], GF_BYTES("5-5")));

    struct gf_wait later = {0};

    exec_run(&fixture, "XADD x 6-6 a 1");
    read_waiting(&fixture, &later, wait.words, wait.words_count);
    cr_expect(not(later.waits));
    gf_free(GF_MEMORY_OTHER, (void *)wait.words);
    exec_fixture_deinit(&fixture);
}

/* A consumer that waits has left no trace; it is there when its time is over. */
Test(streams, waiting_changes_nothing)
{
    const struct gf_bytes words[] = {GF_BYTES("XREADGROUP"), GF_BYTES("GROUP"), GF_BYTES("g"),
                                     GF_BYTES("alice"),      GF_BYTES("BLOCK"), GF_BYTES("9"),
                                     GF_BYTES("STREAMS"),    GF_BYTES("x"),     GF_BYTES(">")};
    struct exec_fixture fixture;
    struct gf_wait wait = {0};

    exec_fixture_init(&fixture);
    exec_run(&fixture, "XGROUP CREATE x g $ MKSTREAM");
    read_waiting(&fixture, &wait, words, GF_COUNT(words));
    cr_assert(wait.waits);
    cr_expect(wait.words == NULL);
    EXEC_EXPECT(&fixture, "XINFO CONSUMERS x g", "*0\r\n");
    wait = (struct gf_wait){.over = true};
    read_waiting(&fixture, &wait, words, GF_COUNT(words));
    EXEC_EXPECT(&fixture, "XGROUP CREATECONSUMER x g alice", ":0\r\n");
    exec_fixture_deinit(&fixture);
}
