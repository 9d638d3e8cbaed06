/* Bitmap commands. */
#include "support/exec_steps.h"

/* A bit far behind the end makes the string longer; the bits between are zero. */
Test(bitmaps, setbit_grows_the_value)
{
    EXEC_STEPS({"SETBIT b 7 1", ":0"}, {"GET b", "$1\r\n\x01"}, {"SETBIT b 7 0", ":1"},
               {"SETBIT b 100 1", ":0"}, {"STRLEN b", ":13"}, {"GETBIT b 100", ":1"},
               {"GETBIT b 99", ":0"}, {"GETBIT b 4000000", ":0"}, {"GETBIT missing 0", ":0"},
               {"OBJECT ENCODING b", "$3\r\nraw"}, {"SETBIT zero 9 0", ":0"},
               {"STRLEN zero", ":2"});
}

/* A number is its digits. */
Test(bitmaps, numbers_have_the_bits_of_their_text)
{
    EXEC_STEPS({"SET n 1", "+OK"}, {"GETBIT n 2", ":1"}, {"BITCOUNT n", ":3"}, {"BITPOS n 1", ":2"},
               {"SETBIT n 6 1", ":0"}, {"GET n", "$1\r\n3"}, {"OBJECT ENCODING n", "$3\r\nraw"});
}

/* What is no offset and what is no bit has its own text. */
Test(bitmaps, setbit_mistakes)
{
    EXEC_STEPS({"SETBIT b -1 1", "-ERR bit offset is not an integer or out of range"},
               {"SETBIT b 4294967296 1", "-ERR bit offset is not an integer or out of range"},
               {"SETBIT b x 2", "-ERR bit offset is not an integer or out of range"},
               {"SETBIT b 1 2", "-ERR bit is not an integer or out of range"},
               {"SETBIT b 1 x", "-ERR bit is not an integer or out of range"},
               {"GETBIT b #1", "-ERR bit offset is not an integer or out of range"},
               {"EXISTS b", ":0"});
}

/* Ranges in bytes and in bits, from the front and from the end. */
Test(bitmaps, bitcount_counts_ranges)
{
    EXEC_STEPS({"SET s foobar", "+OK"}, {"BITCOUNT s", ":26"}, {"BITCOUNT s 0 0", ":4"},
               {"BITCOUNT s 1 1", ":6"}, {"BITCOUNT s 5 30 BIT", ":17"}, {"BITCOUNT s -2 -1", ":7"},
               {"BITCOUNT s -1 -2", ":0"}, {"BITCOUNT s 3 1", ":0"},
               {"BITCOUNT s 0 100 byte", ":26"}, {"BITCOUNT missing 0 1", ":0"},
               {"BITCOUNT s 0", "-ERR syntax error"}, {"BITCOUNT s 0 1 BITS", "-ERR syntax error"},
               {"BITCOUNT s a 1", "-ERR value is not an integer or out of range"},
               {"BITCOUNT missing a 1", "-ERR value is not an integer or out of range"});
}

/* Behind the end there are zeroes, unless the client named an end. */
Test(bitmaps, bitpos_finds_the_first)
{
    EXEC_STEPS({"SET s \"\\xff\\xf0\\x00\"", "+OK"}, {"BITPOS s 0", ":12"}, {"BITPOS s 1", ":0"},
               {"BITPOS s 1 2", ":-1"}, {"BITPOS s 0 2", ":16"}, {"BITPOS s 1 1 2", ":8"},
               {"BITPOS s 0 4 11 BIT", ":-1"}, {"BITPOS s 0 4 12 BIT", ":12"},
               {"SET f \"\\xff\\xff\"", "+OK"}, {"BITPOS f 0", ":16"}, {"BITPOS f 0 0", ":16"},
               {"BITPOS f 0 0 -1", ":-1"}, {"BITPOS f 0 5", ":-1"}, {"BITPOS missing 0", ":0"},
               {"BITPOS missing 1", ":-1"}, {"SET e \"\"", "+OK"}, {"BITPOS e 0", ":-1"},
               {"BITPOS f 2", "-ERR The bit argument must be 1 or 0."},
               {"BITPOS f 0 0 1 BITS", "-ERR syntax error"});
}

/* Keys of several partitions; a short value has zeroes behind it. */
Test(bitmaps, bitop_combines_values)
{
    EXEC_STEPS({"SET a abc", "+OK"}, {"SET b a", "+OK"}, {"BITOP AND and a b", ":3"},
               {"BITOP or or a b missing", ":3"}, {"GET or", "$3\r\nabc"},
               {"BITOP XOR xor a a", ":3"}, {"BITCOUNT xor", ":0"}, {"BITOP NOT not b", ":1"},
               {"GET not", "$1\r\n\x9e"}, {"BITOP NOT a a", ":3"}, {"BITOP NOT a a", ":3"},
               {"GET a", "$3\r\nabc"}, {"SET t 1 EX 100", "+OK"}, {"BITOP OR t a", ":3"},
               {"TTL t", ":-1"}, {"BITOP AND t missing gone", ":0"}, {"EXISTS t", ":0"},
               {"BITOP NOT t a b", "-ERR BITOP NOT must be called with a single source key."},
               {"BITOP NAND t a", "-ERR syntax error"});
}

/* Signed and unsigned integers, the three ways to overflow. */
Test(bitmaps, bitfield_reads_and_writes_integers)
{
    EXEC_STEPS(
        {"BITFIELD f SET u8 0 255 GET i8 0 GET u4 4", "*3\r\n:0\r\n:-1\r\n:15"},
        {"BITFIELD f INCRBY u8 0 1", "*1\r\n:0"},
        {"BITFIELD f OVERFLOW SAT INCRBY i8 #1 1000 INCRBY i8 #1 -1000", "*2\r\n:127\r\n:-128"},
        {"BITFIELD f OVERFLOW FAIL INCRBY i8 8 -1 OVERFLOW WRAP INCRBY i8 8 -1",
         "*2\r\n$-1\r\n:127"},
        {"BITFIELD f SET u8 0 -1 GET u8 0", "*2\r\n:0\r\n:255"},
        {"BITFIELD f OVERFLOW SAT SET u8 0 -1", "*1\r\n:255"},
        {"BITFIELD f SET i64 0 -9223372036854775808 INCRBY i64 0 -1",
         "*2\r\n:-36310271995674624\r\n:9223372036854775807"},
        {"BITFIELD f", "*0"}, {"BITFIELD missing GET u8 0", "*1\r\n:0"}, {"EXISTS missing", ":0"},
        {"BITFIELD_RO f GET u1 1", "*1\r\n:1"});
}

/* Nothing is written when anything is wrong. */
Test(bitmaps, bitfield_mistakes)
{
    EXEC_STEPS({"BITFIELD f SET u8 0 1 GET u64 0",
                "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                "supported but i64 is."},
               {"BITFIELD f SET u8 0 1 OVERFLOW NONE", "-ERR Invalid OVERFLOW type specified"},
               {"BITFIELD f SET u8 0", "-ERR syntax error"},
               {"BITFIELD f SET u8 0 x", "-ERR value is not an integer or out of range"},
               {"BITFIELD f SET u8 #9223372036854775807 1",
                "-ERR bit offset is not an integer or out of range"},
               {"BITFIELD_RO f SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"},
               {"EXISTS f", ":0"});
}
