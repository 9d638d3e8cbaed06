/* Deals and jobs, and the checks of their answers. */
#include "sim/workload_deals.h"

#include <inttypes.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define REQUESTS_MAX 6
#define AMOUNT_MAX 1000
#define QUEUES 3
#define WAIT_MAX_MS 200
#define PATIENT_MAX_MS 5000 /* long enough to see that nobody looks after who waits */

struct deal;

/* One request of a deal, and what must come of it. */
struct deal_step {
    struct sim_request request; /* first */
    struct deal *deal;
    void (*check)(struct deal *deal, const struct sim_reply *reply);
};

/* Several requests in a row. */
struct deal {
    struct sim_deals *deals;
    struct sim_client *client;
    struct deal_step steps[REQUESTS_MAX];
    uint32_t steps_count;
    uint32_t answered;
    int64_t amount;
    bool watched; /* `before` is what the accounts held when they were watched */
    int64_t before[2];
};

_Noreturn static void deal_fail(const struct deal *deal, const struct sim_reply *reply,
                                const char *what)
{
    char text[128];

    sim_reply_format(reply, text, sizeof(text));
    sim_fail(deal->deals->world, "client %d: %s: %s", deal->client->id, what, text);
}

static void step_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct deal_step *step = (struct deal_step *)request;
    struct deal *deal = step->deal;

    if (reply && !sim_reply_is_oom(reply))
        step->check(deal, reply);
    if (++deal->answered == deal->steps_count)
        gf_free(GF_MEMORY_OTHER, deal);
}

static struct deal *deal_create(struct sim_deals *deals, struct sim_client *client, uint32_t steps)
{
    struct deal *deal = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*deal));

    GF_ASSERT(steps <= REQUESTS_MAX);
    deal->deals = deals;
    deal->client = client;
    deal->steps_count = steps;
    return deal;
}

/* Sends the next of them. */
static struct deal_step *deal_send(struct deal *deal, uint32_t index, struct sim_command *command,
                                   void (*check)(struct deal *, const struct sim_reply *))
{
    struct deal_step *step = &deal->steps[index];

    step->deal = deal;
    step->check = check;
    step->request.answered = step_answered;
    sim_client_send(deal->client, command, &step->request);
    sim_command_deinit(command);
    return step;
}

/* ---- Deals --------------------------------------------------------------------------------- */

static void check_simple(struct deal *deal, const struct sim_reply *reply)
{
    if (reply->kind != SIM_REPLY_STATUS)
        deal_fail(deal, reply, "an odd answer in a deal");
}

static int64_t number_of(const struct sim_reply *reply)
{
    int64_t value = 0;

    if (reply->kind == SIM_REPLY_BULK)
        (void)gf_bytes_parse_i64(reply->text, &value);
    return value;
}

static void check_before(struct deal *deal, const struct sim_reply *reply)
{
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != 2)
        deal_fail(deal, reply, "an odd answer to who reads accounts");
    deal->watched = true;
    deal->before[0] = number_of(&reply->elements[0]);
    deal->before[1] = number_of(&reply->elements[1]);
}

static void check_exec(struct deal *deal, const struct sim_reply *reply)
{
    bool aborted = reply->kind == SIM_REPLY_ERROR && reply->text.size > 9 &&
                   memcmp(reply->text.data, "EXECABORT", 9) == 0;

    if (aborted || (reply->kind == SIM_REPLY_NULL && deal->watched))
        return;
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != 2)
        deal_fail(deal, reply, "an odd answer to EXEC");
    if (deal->watched && (reply->elements[0].integer != deal->before[0] - deal->amount ||
                          reply->elements[1].integer != deal->before[1] + deal->amount))
        deal_fail(deal, reply, "EXEC did not see that a watched key had changed");
}

static void check_sum(struct deal *deal, const struct sim_reply *reply)
{
    int64_t sum = 0;

    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != SIM_ACCOUNTS)
        deal_fail(deal, reply, "an odd answer to who adds up the accounts");
    for (uint32_t i = 0; i < SIM_ACCOUNTS; i++)
        sum += number_of(&reply->elements[i]);
    if (sum != 0)
        deal_fail(deal, reply, "half a deal is seen");
}

static void send_words(struct deal *deal, uint32_t index, const char *name,
                       void (*check)(struct deal *, const struct sim_reply *))
{
    struct sim_command command = {0};

    sim_command_print(&command, "%s", name);
    deal_send(deal, index, &command, check);
}

static void send_accounts(struct deal *deal, uint32_t index, const char *name,
                          const uint32_t accounts[2],
                          void (*check)(struct deal *, const struct sim_reply *))
{
    struct sim_command command = {0};

    sim_command_print(&command, "%s", name);
    sim_command_print(&command, "account:%u", accounts[0]);
    sim_command_print(&command, "account:%u", accounts[1]);
    deal_send(deal, index, &command, check);
}

static void send_change(struct deal *deal, uint32_t index, const char *name, uint32_t account)
{
    struct sim_command command = {0};

    sim_command_print(&command, "%s", name);
    sim_command_print(&command, "account:%u", account);
    sim_command_print(&command, "%" PRId64, deal->amount);
    deal_send(deal, index, &command, check_simple);
}

static void play_deal(struct sim_deals *deals, struct sim_client *client)
{
    bool watches = sim_one_in(deals->world, 2);
    uint32_t at = watches ? 2 : 0;
    struct deal *deal = deal_create(deals, client, 4 + at);
    uint32_t accounts[2];

    deal->amount = 1 + (int64_t)sim_below(deals->world, AMOUNT_MAX);
    accounts[0] = (uint32_t)sim_below(deals->world, SIM_ACCOUNTS);
    accounts[1] =
        (accounts[0] + 1 + (uint32_t)sim_below(deals->world, SIM_ACCOUNTS - 1)) % SIM_ACCOUNTS;
    if (watches) {
        send_accounts(deal, 0, "WATCH", accounts, check_simple);
        send_accounts(deal, 1, "MGET", accounts, check_before);
    }
    send_words(deal, at, "MULTI", check_simple);
    send_change(deal, at + 1, "DECRBY", accounts[0]);
    send_change(deal, at + 2, "INCRBY", accounts[1]);
    send_words(deal, at + 3, "EXEC", check_exec);
}

static void play_sum(struct sim_deals *deals, struct sim_client *client)
{
    struct deal *deal = deal_create(deals, client, 1);
    struct sim_command command = {0};

    sim_command_print(&command, "MGET");
    for (uint32_t i = 0; i < SIM_ACCOUNTS; i++)
        sim_command_print(&command, "account:%u", i);
    deal_send(deal, 0, &command, check_sum);
}

/* ---- Jobs ---------------------------------------------------------------------------------- */

static void check_given(struct deal *deal, const struct sim_reply *reply)
{
    if (reply->kind != SIM_REPLY_INTEGER || reply->integer != 1)
        deal_fail(deal, reply, "an odd answer to who gives a job");
}

/* Operators may do that. */
static bool is_unblocked(const struct sim_reply *reply)
{
    return sim_reply_is(reply, SIM_REPLY_ERROR, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
}

static void check_taken(struct deal *deal, const struct sim_reply *reply)
{
    struct sim_deals *deals = deal->deals;
    int64_t job = 0;

    if (reply->kind == SIM_REPLY_NULL || is_unblocked(reply))
        return;
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != 3)
        deal_fail(deal, reply, "an odd answer to who waits for a job");
    if (!gf_bytes_parse_i64(reply->elements[1].text, &job) || job >= deals->jobs_given)
        deal_fail(deal, reply, "a job that nobody gave");
    if (deals->jobs_taken[job]++)
        deal_fail(deal, reply, "a job is taken twice");
}

static void play_give(struct sim_deals *deals, struct sim_client *client)
{
    struct deal *deal = deal_create(deals, client, 1);
    struct sim_command command = {0};

    sim_command_print(&command, "ZADD");
    sim_command_print(&command, "jobs:%u", (unsigned)sim_below(deals->world, QUEUES));
    sim_command_print(&command, "1");
    sim_command_print(&command, "%u", deals->jobs_given++);
    deal_send(deal, 0, &command, check_given);
}

static void play_take(struct sim_deals *deals, struct sim_client *client)
{
    bool patient = deals->world->kind.waits && sim_one_in(deals->world, 2);
    uint64_t wait_ms = 1 + sim_below(deals->world, patient ? PATIENT_MAX_MS : WAIT_MAX_MS);
    uint32_t first = (uint32_t)sim_below(deals->world, QUEUES);
    uint32_t count = 1 + (uint32_t)sim_below(deals->world, QUEUES);
    struct deal *deal = deal_create(deals, client, 1);
    struct sim_command command = {0};

    sim_command_print(&command, "BZPOPMIN");
    for (uint32_t i = 0; i < count; i++)
        sim_command_print(&command, "jobs:%u", (first + i) % QUEUES);
    sim_command_print(&command, "%" PRIu64 ".%03" PRIu64, wait_ms / 1000, wait_ms % 1000);
    deal->steps[0].request.waits_ns = wait_ms * SIM_MS;
    deal_send(deal, 0, &command, check_taken);
}

void sim_deals_play(struct sim_deals *deals, struct sim_client *client)
{
    /* Monitors do not see what is not run, and somebody counts what they see. */
    uint64_t first = deals->world->kind.monitors ? 4 : 0;
    uint64_t lot = first + sim_below(deals->world, 8 - first);

    if (deals->world->kind.waits && !sim_one_in(deals->world, 4))
        lot = sim_one_in(deals->world, 3) ? 6 : 5; /* mostly takers, so that they wait */
    if (lot < 3)
        play_deal(deals, client);
    else if (lot < 5)
        play_sum(deals, client);
    else if (lot < 6 || deals->jobs_given + 1 >= SIM_JOBS_MAX)
        play_take(deals, client);
    else
        play_give(deals, client);
}

void sim_deals_init(struct sim_deals *deals, struct sim_world *world)
{
    *deals = (struct sim_deals){.world = world};
    deals->jobs_taken = gf_alloc_zero(GF_MEMORY_OTHER, SIM_JOBS_MAX);
}

void sim_deals_deinit(struct sim_deals *deals)
{
    gf_free(GF_MEMORY_OTHER, deals->jobs_taken);
}
