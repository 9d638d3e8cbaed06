/* Ledgers, and the checks of what is read of them. */
#include "sim/workload_ledgers.h"

#include "core/alloc.h"
#include "core/bytes.h"

#define LEDGERS 4
#define COPIES 3
#define PAIRS 14 /* of a ledger */
#define HALVES 14

_Static_assert(2 * PAIRS + 2 * HALVES <= SIM_REPLY_ELEMENTS_MAX, "an answer is seen whole");

/* One request; what it answers may be members, in which nothing must be torn. */
struct look {
    struct sim_request request; /* first */
    struct sim_world *world;
    struct sim_client *client;
};

/* Members are "<number><a to d>": a and b are a pair, c and d are halves. */
static void look_count(const struct look *look, const struct sim_reply *reply, uint32_t seen[4])
{
    for (uint32_t i = 0; i < reply->elements_count; i++) {
        struct gf_bytes text = reply->elements[i].text;
        uint64_t number;
        uint32_t side;

        if (text.size < 2)
            sim_fail(look->world, "client %d: an odd member of a ledger", look->client->id);
        side = (uint32_t)(text.data[text.size - 1] - 'a');
        text.size--;
        if (side > 3 || !gf_bytes_parse_u64(text, &number) || number > 31)
            sim_fail(look->world, "client %d: an odd member of a ledger", look->client->id);
        seen[side] |= UINT32_C(1) << number;
    }
}

/* Side `first` has the same numbers as the one behind it. */
static void sides_check(struct look *look, const struct sim_reply *reply, uint32_t first,
                        const char *what)
{
    uint32_t seen[4] = {0};

    if (!reply || reply->kind != SIM_REPLY_ARRAY)
        return;
    look_count(look, reply, seen);
    if (seen[first] != seen[first + 1])
        sim_fail(look->world, "client %d: %s", look->client->id, what);
}

static void look_answered(struct sim_request *request, const struct sim_reply *reply)
{
    sides_check((struct look *)request, reply, 0, "a pair is torn");
    gf_free(GF_MEMORY_OTHER, request);
}

/* What is no members: the answer to EXEC. */
static void word_answered(struct sim_request *request, const struct sim_reply *reply)
{
    (void)reply;
    gf_free(GF_MEMORY_OTHER, request);
}

/* ... of both of the first ledgers. */
static void both_answered(struct sim_request *request, const struct sim_reply *reply)
{
    sides_check((struct look *)request, reply, 2, "halves are torn");
    look_answered(request, reply);
}

static void send(struct sim_world *world, struct sim_client *client, struct sim_command *command,
                 void (*answered)(struct sim_request *, const struct sim_reply *))
{
    struct look *look = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*look));

    look->world = world;
    look->client = client;
    look->request.answered = answered;
    sim_client_send(client, command, &look->request);
    sim_command_deinit(command);
}

static uint32_t ledger(struct sim_world *world)
{
    return (uint32_t)sim_below(world, LEDGERS);
}

static uint32_t copy(struct sim_world *world)
{
    return (uint32_t)sim_below(world, COPIES);
}

static void send_word(struct sim_world *world, struct sim_client *client, const char *word)
{
    struct sim_command command = {0};

    sim_command_print(&command, "%s", word);
    send(world, client, &command, word_answered);
}

/* A pair, or more: of a hash table it is seldom the same bucket. */
static void play_pairs(struct sim_world *world, struct sim_client *client)
{
    const char *name = sim_one_in(world, 3) ? "SREM" : "SADD";
    uint32_t count = 1 + (uint32_t)sim_below(world, 3);
    struct sim_command command = {0};

    sim_command_print(&command, "%s", name);
    sim_command_print(&command, "ledger:%u", ledger(world));
    while (count-- > 0) {
        unsigned number = (unsigned)sim_below(world, PAIRS);

        sim_command_print(&command, "%ua", number);
        sim_command_print(&command, "%ub", number);
    }
    send(world, client, &command, look_answered);
}

static void send_half(struct sim_world *world, struct sim_client *client, const char *name,
                      unsigned number, unsigned side)
{
    struct sim_command command = {0};

    sim_command_print(&command, "%s", name);
    sim_command_print(&command, "ledger:%u", side);
    sim_command_print(&command, "%u%c", number, 'c' + (char)side);
    send(world, client, &command, look_answered);
}

static void play_halves(struct sim_world *world, struct sim_client *client)
{
    const char *name = sim_one_in(world, 3) ? "SREM" : "SADD";
    unsigned number = (unsigned)sim_below(world, HALVES);

    send_word(world, client, "MULTI");
    send_half(world, client, name, number, 0);
    send_half(world, client, name, number, 1);
    send_word(world, client, "EXEC");
}

/* What stores: a ledger, or two, as a copy. */
static void play_store(struct sim_world *world, struct sim_client *client)
{
    struct sim_command command = {0};

    switch (sim_below(world, 3)) {
    case 0:
        sim_command_print(&command, "COPY");
        sim_command_print(&command, "ledger:%u", ledger(world));
        sim_command_print(&command, "copy:%u", copy(world));
        sim_command_print(&command, "REPLACE");
        break;
    case 1:
        sim_command_print(&command, "SUNIONSTORE");
        sim_command_print(&command, "copy:%u", copy(world));
        sim_command_print(&command, "ledger:%u", ledger(world));
        sim_command_print(&command, "ledger:%u", ledger(world));
        break;
    default:
        sim_command_print(&command, "SDIFFSTORE");
        sim_command_print(&command, "copy:%u", copy(world));
        sim_command_print(&command, "ledger:%u", ledger(world));
        break;
    }
    send(world, client, &command, look_answered);
}

static void play_read(struct sim_world *world, struct sim_client *client)
{
    struct sim_command command = {0};

    switch (sim_below(world, 4)) {
    case 0:
        sim_command_print(&command, "SORT");
        sim_command_print(&command, "ledger:%u", ledger(world));
        sim_command_print(&command, "ALPHA");
        break;
    case 1:
        sim_command_print(&command, "ZUNION");
        sim_command_print(&command, "2");
        sim_command_print(&command, "ledger:%u", ledger(world));
        sim_command_print(&command, "ledger:%u", ledger(world));
        break;
    default:
        sim_command_print(&command, "SMEMBERS");
        sim_command_print(&command, "copy:%u", copy(world));
        break;
    }
    send(world, client, &command, look_answered);
}

/* What sees halves. */
static void play_read_both(struct sim_world *world, struct sim_client *client)
{
    struct sim_command command = {0};
    unsigned first = (unsigned)sim_below(world, 2);

    sim_command_print(&command, "SUNION");
    sim_command_print(&command, "ledger:%u", first);
    sim_command_print(&command, "ledger:%u", 1 - first);
    send(world, client, &command, both_answered);
}

void sim_ledgers_play(struct sim_world *world, struct sim_client *client)
{
    switch (sim_below(world, 8)) {
    case 0:
    case 1:
    case 2:
        play_pairs(world, client);
        break;
    case 3:
        if (!world->kind.monitors) /* they do not see what is not run, and somebody counts */
            play_halves(world, client);
        break;
    case 4:
        play_read_both(world, client);
        break;
    case 5:
        play_read(world, client);
        break;
    default:
        play_store(world, client);
        break;
    }
}
