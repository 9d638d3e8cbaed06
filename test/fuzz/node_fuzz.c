/* Any bytes from a client of a whole server (test/sim): it answers nothing but replies, serves on,
 * and when the client has gone nothing of it is left.
 *
 * The first two bytes of the input choose the world: how many cores there are, and in which pieces
 * the rest arrives.
 */
#include "fuzz/fuzz.h"

#include <signal.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "sim/clock.h"
#include "sim/node.h"
#include "sim/reply.h"
#include "sim/world.h"

#define INPUT_MAX 4096
#define CORES_MAX 3
#define READ_SIZE 65536
#define STEPS_TALK 20000 /* then the client hangs up: somebody paused it, or it watches */
#define STEPS_MAX 2000000
#define BULK_MAX 65536 /* values are no larger: memory is not what this is about */

const struct gf_bytes fuzz_seeds[] = {
    GF_BYTES("00SET a 1\nGET a\nINCR a\nAPPEND a xyz\nSTRLEN a\nGETRANGE a 0 -1\nSETRANGE a 9 z\n"),
    GF_BYTES("01MSET a 1 b 2 c 3 d 4\nMGET a b c d e\nDEL a b\nEXISTS a b c d\nMSETNX x 1 y 2\n"
             "TOUCH a c\nUNLINK c d\n"),
    GF_BYTES("02SET k v EX 100\nTTL k\nPERSIST k\nPEXPIRE k 5 NX\nPTTL k\nEXPIREAT k 1 GT\nGETEX k "
             "PX 9\nGETDEL k\nSET k v KEEPTTL GET XX\n"),
    GF_BYTES("10SCAN 0 MATCH k* COUNT 100 TYPE string\nKEYS *[a-z]?\\*\nRANDOMKEY\nDBSIZE\n"
             "RENAME a b\nCOPY b c DB 3 REPLACE\nMOVE c 2\nSELECT 2\nSWAPDB 0 2\n"
             "FLUSHDB ASYNC\nFLUSHALL\n"),
    GF_BYTES("11HELLO 3 SETNAME me\nCLIENT LIST\nCLIENT INFO\nCLIENT ID\nCLIENT KILL ID 99\nCLIENT "
             "NO-TOUCH ON\nCLIENT REPLY SKIP\nPING\nCLIENT SETINFO LIB-NAME x\nRESET\nQUIT\n"),
    GF_BYTES("12CLIENT PAUSE 100 WRITE\nSET a 1\nCLIENT UNPAUSE\nMONITOR\nPING\n"),
    GF_BYTES("20INFO everything\nCOMMAND COUNT\nCOMMAND DOCS get set\nCOMMAND INFO get\n"
             "COMMAND GETKEYS mset a 1 b 2\nCOMMAND LIST FILTERBY PATTERN g*\nACL WHOAMI\n"
             "ACL CAT string\n"),
    GF_BYTES(
        "21CONFIG GET max* port\nCONFIG SET maxmemory 1mb maxmemory-policy allkeys-lru\nCONFIG "
        "RESETSTAT\nCONFIG REWRITE\nCONFIG SET requirepass x\nAUTH x\nAUTH default x\n"),
    GF_BYTES("22OBJECT ENCODING a\nOBJECT FREQ a\nMEMORY USAGE a SAMPLES 5\nMEMORY DOCTOR\nMEMORY "
             "STATS\nSLOWLOG GET 10\nLATENCY HISTOGRAM get\nLATENCY DOCTOR\nDEBUG SLEEP 0\n"),
    GF_BYTES("30CLUSTER SLOTS\nCLUSTER SHARDS\nCLUSTER KEYSLOT {a}b\nCLUSTER COUNTKEYSINSLOT 1\n"
             "CLUSTER GETKEYSINSLOT 1 9\nREADONLY\nASKING\nWAIT 0 0\nSHUTDOWN NOSAVE\n"),
    GF_BYTES("31LCS a b IDX MINMATCHLEN 2 WITHMATCHLEN\nINCRBYFLOAT a 1e300\nDECRBY a "
             "-9223372036854775808\nSUBSTR a 0 1\nPSETEX a 1 b\nTIME\nLOLWUT VERSION 5 9 9 9\n"),
    GF_BYTES("32*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\n\0\r\n\xff\"\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
             "*1\r\n$-1\r\n"),
    GF_BYTES("33COMMAND DOCS client\n"), /* nothing else answers in as many levels */
    {0},
};

/* The client's end. */
struct end {
    struct sim_world *world;
    struct sim_socket *socket; /* NULL once it hung up */
    struct gf_bytes out;       /* not yet written */
    struct gf_buf in;          /* not yet understood */
    bool ended;
};

static void end_write(struct end *end)
{
    int result;

    if (end->ended)
        return;
    if (end->out.size == 0) {
        sim_end(end->socket);
        end->ended = true;
        return;
    }
    result = sim_write(end->socket, end->out.data, sim_size(end->world, end->out.size));
    if (result > 0) {
        end->out.data += result;
        end->out.size -= (size_t)result;
    }
}

/* Of either protocol: the client may have changed it. */
static size_t reply_size(struct end *end)
{
    struct sim_reply elements[SIM_REPLY_ELEMENTS_MAX];
    struct gf_bytes rest = {.data = end->in.data, .size = end->in.size};
    struct sim_reply reply;
    int64_t size = sim_reply_parse(rest, 2, &reply, elements);

    if (size < 0)
        size = sim_reply_parse(rest, 3, &reply, elements);
    if (size < 0)
        sim_fail(end->world, "this is no reply: %.*s", rest.size < 60 ? (int)rest.size : 60,
                 rest.data);
    return (size_t)size;
}

/* false: there will be no more. */
static bool end_read(struct end *end)
{
    size_t size = 1;
    int result;

    GF_ASSERT(gf_buf_reserve(&end->in, READ_SIZE) == GF_OK);
    result = sim_read(end->socket, end->in.data + end->in.size, READ_SIZE);
    if (result < 0 || (result == 0 && sim_at_end(end->socket)))
        return false;
    end->in.size += (size_t)result;
    while (result > 0 && end->in.size > 0 && size > 0) {
        size = reply_size(end);
        if (size > 0)
            gf_buf_consume(&end->in, size);
    }
    return true;
}

static void talk(struct sim_node *node, struct gf_bytes input)
{
    struct end end = {.world = node->world, .out = input};
    uint16_t port = (uint16_t)node->server.settings.port;
    uint64_t limit = node->world->steps + STEPS_TALK;

    end.socket = sim_connect(end.world, NULL, &node->machine, port);
    end.socket->solid = true;
    do {
        end_write(&end);
        sim_world_step(end.world);
    } while (end_read(&end) && end.world->steps < limit);
    sim_close(end.socket, false);
    gf_buf_deinit(&end.in);
}

static void steps_until(struct sim_node *node, bool (*reached)(const struct sim_node *node))
{
    uint64_t limit = node->world->steps + STEPS_MAX;

    while (!reached(node)) {
        if (!sim_world_step(node->world) || node->world->steps > limit)
            sim_fail(node->world, "it does not come to an end");
    }
}

/* A client may have told it to shut down; then its cores may be gone already. */
static bool is_quiet(const struct sim_node *node)
{
    return (sim_node_has_stopped(node) || sim_node_is_quiet(node)) &&
           node->world->events_busy == 0;
}

static void node_start(struct sim_node *node, struct sim_world *world, uint32_t cores)
{
    struct gf_settings settings;

    gf_settings_init(&settings);
    settings.cores = cores;
    settings.partitions = 4;
    settings.pin_cores = false;
    settings.proto_max_bulk_len = BULK_MAX;
    sim_node_start(node, world, 1, &settings);
    gf_settings_deinit(&settings);
    steps_until(node, sim_node_is_serving);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sim_world world;
    static struct sim_clock clock;
    static struct sim_node node;
    struct gf_bytes input = {.data = (const char *)data + 2, .size = size - 2};

    if (size < 2 || size > INPUT_MAX)
        return 0;
    signal(SIGTERM, SIG_IGN); /* SHUTDOWN raises it at its own process */
    sim_world_init(&world, data[1]);
    sim_clock_init(&clock, &world);
    world.climate.stall_one_in = 0;
    world.climate.reset_one_in = 0;
    node_start(&node, &world, 1 + data[0] % CORES_MAX);
    talk(&node, input);
    steps_until(&node, is_quiet);
    if (!sim_node_is_stopping(&node))
        sim_node_check(&node);
    sim_node_stop(&node);
    steps_until(&node, sim_node_has_stopped);
    while (world.events_busy > 0)
        sim_world_step(&world);
    sim_clock_stop(&clock);
    sim_node_deinit(&node);
    sim_world_deinit(&world);
    return 0;
}
