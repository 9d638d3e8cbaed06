/* PUBSUB: what somebody is subscribed to on any core. */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/core.h"
#include "modules/command.h"
#include "shards/ask.h"
#include "shards/pubsub.h"
#include "shards/session.h"
#include "shards/worker.h"

/* ---- which channels there are -------------------------------------------------------------- */

/* The names of one core's channels, as sizes and bytes. */
struct names_slot {
    struct gf_buf text;
    uint64_t count;
};

struct names_ask {
    struct gf_ask ask; /* first */
    enum gf_subscription_kind kind;
    bool any;                /* every name; else those that match */
    struct gf_bytes pattern; /* owned */
    bool count_only;         /* NUMPAT: how many different ones */
};

static void names_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct names_ask *names = gf_container(ask, struct names_ask, ask);
    struct names_slot *slot = gf_ask_slot(ask, worker->core->id);
    const struct gf_list *list = &worker->pubsub.channels[names->kind];

    for (struct gf_link *link = gf_list_peek_front(list); link; link = gf_list_next(list, link)) {
        struct gf_bytes name = gf_container(link, struct gf_channel, link)->name;

        if (!names->any && !gf_bytes_match(names->pattern, name, false))
            continue;
        gf_buf_add(&slot->text,
                   (struct gf_bytes){.data = (const char *)&name.size, .size = sizeof(name.size)});
        gf_buf_add(&slot->text, name);
        slot->count++;
    }
}

static int name_compare(const void *a, const void *b)
{
    const struct gf_bytes *left = a;
    const struct gf_bytes *right = b;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = size > 0 ? memcmp(left->data, right->data, size) : 0;

    if (order != 0)
        return order;
    return (left->size > right->size) - (left->size < right->size);
}

/* The names of all cores in order, each once. gf_alloc'd. */
static struct gf_bytes *names_merge(const struct gf_ask *ask, uint64_t *ret_count)
{
    struct gf_bytes *names;
    uint64_t count = 0;
    uint64_t kept = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        count += ((const struct names_slot *)gf_ask_slot(ask, core))->count;
    names = gf_alloc(GF_MEMORY_OTHER, (count + 1) * sizeof(*names));
    count = 0;
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        const struct names_slot *slot = gf_ask_slot(ask, core);
        const char *at = slot->text.data;

        for (uint64_t i = 0; i < slot->count; i++) {
            struct gf_bytes *name = &names[count++];

            memcpy(&name->size, at, sizeof(name->size));
            name->data = at + sizeof(name->size);
            at = name->data + name->size;
        }
    }
    qsort(names, count, sizeof(*names), name_compare);
    for (uint64_t i = 0; i < count; i++) {
        if (kept == 0 || !gf_bytes_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    }
    *ret_count = kept;
    return names;
}

static void names_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct names_ask *asked = gf_container(ask, struct names_ask, ask);
    uint64_t count;
    struct gf_bytes *names = names_merge(ask, &count);

    if (asked->count_only) {
        gf_reply_int(reply, (int64_t)count);
    } else {
        gf_reply_array(reply, count);
        for (uint64_t i = 0; i < count; i++)
            gf_reply_bulk(reply, names[i]);
    }
    gf_free(GF_MEMORY_OTHER, names);
}

static void names_deinit(struct gf_ask *ask)
{
    struct names_ask *names = gf_container(ask, struct names_ask, ask);

    for (uint32_t core = 0; core < ask->cores_count; core++)
        gf_buf_deinit(&((struct names_slot *)gf_ask_slot(ask, core))->text);
    gf_free(GF_MEMORY_OTHER, (void *)(uintptr_t)names->pattern.data);
}

static const struct gf_ask_kind names_kind = {
    .size = sizeof(struct names_ask),
    .slot_size = sizeof(struct names_slot),
    .on_core = names_on_core,
    .answer = names_answer,
    .deinit = names_deinit,
};

static struct gf_bytes bytes_copy(struct gf_bytes bytes)
{
    char *copy = gf_alloc(GF_MEMORY_OTHER, bytes.size + 1);

    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct gf_bytes){.data = copy, .size = bytes.size};
}

static void ask_names(struct gf_exec *x, enum gf_subscription_kind kind, bool count_only)
{
    struct names_ask *names;

    if (x->args->count > 3) {
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, x->args->words[1],
                              GF_BYTES("PUBSUB"));
        return;
    }
    names = gf_container(gf_ask_create(x, &names_kind), struct names_ask, ask);
    names->kind = kind;
    names->count_only = count_only;
    names->any = x->args->count < 3;
    if (!names->any)
        names->pattern = bytes_copy(x->args->words[2]);
    gf_ask_start(&names->ask);
}

static void pubsub_channels(struct gf_exec *x)
{
    ask_names(x, GF_SUBSCRIPTION_CHANNEL, false);
}

static void pubsub_shardchannels(struct gf_exec *x)
{
    ask_names(x, GF_SUBSCRIPTION_SHARD, false);
}

static void pubsub_numpat(struct gf_exec *x)
{
    ask_names(x, GF_SUBSCRIPTION_PATTERN, true);
}

/* ---- how many listen ----------------------------------------------------------------------- */

/* How many subscribers each of some channels has. */
struct counts_ask {
    struct gf_ask ask; /* first */
    enum gf_subscription_kind kind;
    struct gf_bytes *names; /* owned, with their bytes */
    uint32_t names_count;
    uint64_t **counts; /* by core, then name; owned; each written by its core */
};

static void counts_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct counts_ask *asked = gf_container(ask, struct counts_ask, ask);
    uint64_t *counts = asked->counts[worker->core->id];

    for (uint32_t i = 0; i < asked->names_count; i++) {
        const struct gf_channel *channel = gf_pubsub_find(worker, asked->kind, asked->names[i]);

        counts[i] = channel ? channel->count : 0;
    }
}

static void counts_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct counts_ask *asked = gf_container(ask, struct counts_ask, ask);

    gf_reply_array(reply, 2 * (uint64_t)asked->names_count);
    for (uint32_t i = 0; i < asked->names_count; i++) {
        uint64_t count = 0;

        for (uint32_t core = 0; core < ask->cores_count; core++)
            count += asked->counts[core][i];
        gf_reply_bulk(reply, asked->names[i]);
        gf_reply_int(reply, (int64_t)count);
    }
}

static void counts_deinit(struct gf_ask *ask)
{
    struct counts_ask *asked = gf_container(ask, struct counts_ask, ask);

    for (uint32_t core = 0; core < ask->cores_count; core++)
        gf_free(GF_MEMORY_OTHER, asked->counts[core]);
    for (uint32_t i = 0; i < asked->names_count; i++)
        gf_free(GF_MEMORY_OTHER, (void *)(uintptr_t)asked->names[i].data);
    gf_free(GF_MEMORY_OTHER, asked->counts);
    gf_free(GF_MEMORY_OTHER, asked->names);
}

static const struct gf_ask_kind counts_kind = {
    .size = sizeof(struct counts_ask),
    .on_core = counts_on_core,
    .answer = counts_answer,
    .deinit = counts_deinit,
};

static void ask_counts(struct gf_exec *x, enum gf_subscription_kind kind)
{
    struct counts_ask *asked = gf_container(gf_ask_create(x, &counts_kind), struct counts_ask, ask);
    uint32_t count = x->args->count - 2;

    asked->kind = kind;
    asked->names_count = count;
    asked->names = gf_alloc(GF_MEMORY_OTHER, (count + 1) * sizeof(*asked->names));
    for (uint32_t i = 0; i < count; i++)
        asked->names[i] = bytes_copy(x->args->words[i + 2]);
    asked->counts = gf_alloc(GF_MEMORY_OTHER, asked->ask.cores_count * sizeof(*asked->counts));
    for (uint32_t core = 0; core < asked->ask.cores_count; core++)
        asked->counts[core] = gf_alloc_zero(GF_MEMORY_OTHER, (count + 1) * sizeof(uint64_t));
    gf_ask_start(&asked->ask);
}

static void pubsub_numsub(struct gf_exec *x)
{
    ask_counts(x, GF_SUBSCRIPTION_CHANNEL);
}

static void pubsub_shardnumsub(struct gf_exec *x)
{
    ask_counts(x, GF_SUBSCRIPTION_SHARD);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* clang-format off */
#define PUBSUB_FLAGS (GF_HOME | GF_PUBSUB | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_command pubsub_subcommands[] = {
    {
        .name = "CHANNELS", .run = pubsub_channels, .flags = PUBSUB_FLAGS, .arity = -2,
        .since = "2.8.0", .group = "pubsub", .complexity = "O(N) in the channels of all cores",
        .summary = "The channels that somebody is subscribed to.",
        GF_ARGS({.name = "pattern", .type = GF_ARG_PATTERN, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "NUMPAT", .run = pubsub_numpat, .flags = PUBSUB_FLAGS, .arity = 2,
        .since = "2.8.0", .group = "pubsub", .complexity = "O(N) in the patterns of all cores",
        .summary = "How many different patterns somebody is subscribed to.",
    },
    {
        .name = "NUMSUB", .run = pubsub_numsub, .flags = PUBSUB_FLAGS, .arity = -2,
        .since = "2.8.0", .group = "pubsub", .complexity = "O(N) in the channels asked about",
        .summary = "How many clients are subscribed to each of some channels.",
        GF_ARGS({.name = "channel", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "SHARDCHANNELS", .run = pubsub_shardchannels, .flags = PUBSUB_FLAGS, .arity = -2,
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N) in the channels of all cores",
        .summary = "The shard channels that somebody is subscribed to.",
        GF_ARGS({.name = "pattern", .type = GF_ARG_PATTERN, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "SHARDNUMSUB", .run = pubsub_shardnumsub, .flags = PUBSUB_FLAGS, .arity = -2,
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N) in the channels asked about",
        .summary = "How many clients are subscribed to each of some shard channels.",
        GF_ARGS({.name = "shardchannel", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    GF_HELP_ROW("6.2.0", "pubsub"),
};

static const struct gf_command commands[] = {
    {
        .name = "PUBSUB", .arity = -2, .since = "2.8.0", .group = "pubsub",
        .complexity = "As the subcommand's.",
        .summary = "Who is subscribed to what.", .subcommands = pubsub_subcommands,
        .subcommands_count = GF_COUNT(pubsub_subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_pubsub_info_module = {
    .abi = GF_MODULE_ABI,
    .name = "pubsub_info",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
