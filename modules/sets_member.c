/* Members that are named: SADD SREM SISMEMBER SMISMEMBER SCARD SMEMBERS SMOVE, and SSCAN. */
#include "modules/scan.h"
#include "modules/sets.h"

#define SCAN_COUNT_DEFAULT 10

static void tell_changed(struct gf_exec *x, const struct gf_set *set, const char *name)
{
    gf_exec_changed(x, x->db, set->place.key, GF_EVENT_SET, name);
}

/* The set is gone when nothing is in it. */
static void tell_removed(struct gf_exec *x, struct gf_set *set, const char *name)
{
    bool gone = gf_set_remove_empty(set);

    tell_changed(x, set, name);
    if (gone)
        gf_exec_event(x, x->db, set->place.key, GF_EVENT_GENERIC, "del");
}

void gf_set_sadd_run(struct gf_exec *x)
{
    uint64_t expected, added = 0;
    struct gf_set set;
    bool fits;

    if (!gf_set_find(x, &set))
        return;
    expected = gf_args_left(x->args);
    fits = gf_set_expect(x, &set, expected);
    while (fits && gf_args_left(x->args) > 0) {
        enum gf_set_added result = gf_set_add(x, &set, gf_args_next(x->args), expected);

        added += result == GF_SET_ADDED;
        fits = result != GF_SET_NO_MEMORY;
    }
    if (added > 0)
        tell_changed(x, &set, "sadd");
    if (fits)
        gf_reply_int(x->reply, (int64_t)added);
    else
        gf_reply_error(x->reply, GF_MSG_OOM);
}

void gf_set_srem_run(struct gf_exec *x)
{
    struct gf_set set;
    int64_t removed = 0;

    if (!gf_set_find(x, &set))
        return;
    while (gf_args_left(x->args) > 0)
        removed += gf_set_remove(&set, gf_args_next(x->args));
    if (removed > 0)
        tell_removed(x, &set, "srem");
    gf_reply_int(x->reply, removed);
}

void gf_set_sismember_run(struct gf_exec *x)
{
    struct gf_set set;

    if (gf_set_find(x, &set))
        gf_reply_int(x->reply, gf_set_has(set.object, gf_args_next(x->args)));
}

void gf_set_smismember_run(struct gf_exec *x)
{
    struct gf_set set;

    if (!gf_set_find(x, &set))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0)
        gf_reply_int(x->reply, gf_set_has(set.object, gf_args_next(x->args)));
}

void gf_set_scard_run(struct gf_exec *x)
{
    struct gf_set set;

    if (gf_set_find(x, &set))
        gf_reply_int(x->reply, (int64_t)gf_set_count(set.object));
}

void gf_set_smembers_run(struct gf_exec *x)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;
    struct gf_set set;

    if (!gf_set_find(x, &set) || gf_exec_is_long(x, gf_set_count(set.object)))
        return;
    gf_reply_set(x->reply, gf_set_count(set.object));
    gf_set_walk_init(&walk, set.object);
    while (gf_set_walk_next(&walk, &member)) {
        gf_packed_reply(x->reply, &member);
        gf_exec_pause(x, gf_packed_steps(&member));
    }
}

/* Moves a member that is there, to another set. It is added first: when there is no memory for it,
 * nothing has changed. */
static void move_member(struct gf_exec *x, struct gf_set *from, struct gf_set *to,
                        struct gf_bytes member)
{
    enum gf_set_added added = gf_set_add(x, to, member, 1);

    if (added == GF_SET_NO_MEMORY) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    /* The objects of one keyspace move when others change. */
    from->object = gf_keyspace_peek(from->place.keyspace, from->place.hash, from->place.key,
                                    x->now_ms);
    (void)gf_set_remove(from, member);
    tell_removed(x, from, "srem");
    if (added == GF_SET_ADDED)
        tell_changed(x, to, "sadd");
    gf_reply_int(x->reply, 1);
}

void gf_set_smove_run(struct gf_exec *x)
{
    struct gf_set from, to = {0};
    struct gf_bytes member = x->args->words[3];
    bool good = gf_set_find(x, &from);

    if (!good)
        return;
    if (from.object == NULL) { /* what the other key holds does not matter then */
        gf_reply_int(x->reply, 0);
        return;
    }
    if (!gf_set_find(x, &to))
        return;
    if (from.object == to.object || !gf_set_has(from.object, member))
        gf_reply_int(x->reply, gf_set_has(from.object, member));
    else
        move_member(x, &from, &to, member);
}

/* ---- SSCAN ---------------------------------------------------------------------------------- */

/* One call of SSCAN. It goes over its members twice, because the cursor and how many members there
 * are come first in the answer. */
struct scan {
    struct gf_bytes pattern; /* borrowed from the words */
    bool any;                /* the pattern matches everything */
    uint64_t wanted;         /* COUNT */
    uint64_t found;
    struct gf_reply *reply; /* NULL: only count */
};

static void scan_member(struct scan *scan, const struct gf_packed_view *member)
{
    char text[GF_PACKED_TEXT_MAX];

    if (!scan->any && !gf_bytes_match(scan->pattern, gf_packed_text(member, text), false))
        return;
    scan->found++;
    if (scan->reply)
        gf_packed_reply(scan->reply, member);
}

static void scan_visit(void *context, const struct gf_dict_entry *entry)
{
    scan_member(context, &entry->key);
}

/* Small sets are visited as a whole, whatever COUNT says. Returns the next cursor. */
static uint64_t scan_part(struct scan *scan, const struct gf_object *object, uint64_t cursor)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;

    if (gf_object_encoding(object) == GF_SET_TABLE)
        return gf_dict_scan(gf_object_pointer(object), cursor, scan->wanted, scan_visit, scan);
    gf_set_walk_init(&walk, object);
    while (gf_set_walk_next(&walk, &member))
        scan_member(scan, &member);
    return 0;
}

static bool scan_read(struct gf_exec *x, struct scan *scan)
{
    struct gf_args *args = x->args;

    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "COUNT"))
            scan->wanted = (uint64_t)gf_args_next_range(args, 1, INT64_MAX, GF_MSG_SYNTAX);
        else if (gf_args_skip_if(args, "MATCH"))
            scan->pattern = gf_args_next(args);
        else
            break; /* left over: a syntax error */
    }
    scan->any = gf_bytes_equal(scan->pattern, GF_BYTES("*"));
    return gf_args_finish(args, x->reply);
}

static void scan_answer(struct gf_exec *x, struct scan *scan, const struct gf_object *object,
                        uint64_t cursor)
{
    char text[GF_I64_TEXT_MAX];
    uint64_t next = scan_part(scan, object, cursor);

    gf_reply_array(x->reply, 2);
    gf_reply_bulk(x->reply,
                  (struct gf_bytes){.data = text, .size = gf_u64_format(text, next)});
    gf_reply_array(x->reply, scan->found);
    scan->reply = x->reply;
    (void)scan_part(scan, object, cursor);
}

void gf_set_sscan_run(struct gf_exec *x)
{
    struct scan scan = {.pattern = GF_BYTES("*"), .wanted = SCAN_COUNT_DEFAULT};
    struct gf_set set;
    uint64_t cursor;

    if (!gf_scan_cursor_parse(x->args->words[2], &cursor)) {
        gf_reply_error(x->reply, GF_MSG_INVALID_CURSOR);
        return;
    }
    if (!gf_set_find(x, &set))
        return;
    if (set.object == NULL) { /* the options are not even looked at */
        gf_reply_array(x->reply, 2);
        gf_reply_bulk_text(x->reply, "0");
        gf_reply_array(x->reply, 0);
        return;
    }
    (void)gf_args_next(x->args);
    if (scan_read(x, &scan))
        scan_answer(x, &scan, set.object, cursor);
}
