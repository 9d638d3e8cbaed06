/* From one list to another: LMOVE, RPOPLPUSH, and the two that wait for something to move. */
#include "core/alloc.h"
#include "core/assert.h"
#include "modules/lists.h"
#include "modules/timeout.h"

/* A move as the command line says it. */
struct move {
    struct gf_place from;
    struct gf_place to;
    bool from_front;
    bool to_front;
};

bool gf_list_next_end(struct gf_args *args, bool *ret_front)
{
    *ret_front = gf_args_skip_if(args, "LEFT");
    if (*ret_front || gf_args_skip_if(args, "RIGHT"))
        return true;
    gf_args_fail(args, GF_MSG_SYNTAX);
    return false;
}

static struct move move_read(struct gf_exec *x)
{
    struct move move = {.from = gf_place_next(x), .to_front = true};

    move.to = gf_place_of(x, x->db, gf_args_next(x->args));
    return move;
}

static struct move move_read_ends(struct gf_exec *x)
{
    struct move move = move_read(x);

    if (gf_list_next_end(x->args, &move.from_front))
        (void)gf_list_next_end(x->args, &move.to_front);
    return move;
}

/* move_tell_pushed - the first event of a move; those of popping follow it, as in Redis. */
static void move_tell_pushed(struct gf_exec *x, const struct move *move)
{
    gf_exec_changed(x, x->db, move->to.key, GF_EVENT_LIST, move->to_front ? "lpush" : "rpush");
}

/* rotate - the element at one end of the list goes to the other. False when there is no memory;
 * nothing has changed then. */
static bool rotate(const struct move *move, struct gf_list *list, struct gf_bytes text)
{
    struct gf_element element;

    if (!gf_list_push(list, text, move->to_front))
        return false;
    gf_list_peek(list, move->from_front, &element);
    gf_list_pop(list, move->from_front, &element);
    return true;
}

/* move_within - from one end of a list to the other end, or the same, of that list. */
static void move_within(struct gf_exec *x, const struct move *move, struct gf_list *list)
{
    char inside[GF_RUN_SHORT_MAX];
    struct gf_element element;
    struct gf_bytes text;
    char *copy = inside;
    bool moved = true;

    gf_list_peek(list, move->from_front, &element);
    text = gf_element_text(&element);
    if (text.size > sizeof(inside))
        copy = gf_alloc_try(GF_MEMORY_DATA, text.size);
    if (copy != NULL) {
        memcpy(copy, text.data, text.size);
        text.data = copy;
        if (move->from_front != move->to_front) {
            gf_list_grows(x, list, 0, 0);
            moved = rotate(move, list, text) && gf_list_store(x, list, true);
        }
    }
    if (copy != NULL && moved) {
        gf_reply_bulk(x->reply, text);
        move_tell_pushed(x, move);
        gf_exec_event(x, x->db, move->from.key, GF_EVENT_LIST, move->from_front ? "lpop" : "rpop");
    } else {
        gf_list_forget(list);
        gf_reply_error(x->reply, GF_MSG_OOM);
    }
    if (copy != inside)
        gf_free(GF_MEMORY_DATA, copy);
}

/* move_between - push, store, and only then pop: nothing is lost when there is no memory. Storing
 * may move objects, so what is popped is looked for again. */
static void move_between(struct gf_exec *x, const struct move *move, struct gf_list *from)
{
    struct gf_element element;
    struct gf_bytes text;
    struct gf_list to;
    bool found;

    if (!gf_list_find(x, move->to, &to))
        return;
    gf_list_peek(from, move->from_front, &element);
    text = gf_element_text(&element);
    gf_list_grows(x, &to, text.size, 1);
    if (!gf_list_push(&to, text, move->to_front) || !gf_list_store(x, &to, false)) {
        gf_list_forget(&to);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    move_tell_pushed(x, move);
    found = gf_list_find(x, move->from, from);
    GF_ASSERT(found);
    gf_list_pop_reply(x, from, 1, move->from_front);
    gf_list_popped(x, from, move->from_front);
}

/* move_do - move from a list that is not empty. */
static void move_do(struct gf_exec *x, const struct move *move, struct gf_list *from)
{
    if (gf_bytes_equal(move->from.key, move->to.key))
        move_within(x, move, from);
    else
        move_between(x, move, from);
}

static void move_run(struct gf_exec *x, const struct move *move)
{
    struct gf_list from;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, move->from, &from))
        return;
    if (from.object == NULL)
        gf_reply_null(x->reply);
    else
        move_do(x, move, &from);
}

void gf_list_lmove_run(struct gf_exec *x)
{
    struct move move = move_read_ends(x);

    move_run(x, &move);
}

void gf_list_rpoplpush_run(struct gf_exec *x)
{
    struct move move = move_read(x);

    move_run(x, &move);
}

/* move_or_wait - a move of BLMOVE. In a transaction, where nobody waits, the answer is another than
 * after a wait in vain. */
static void move_or_wait(struct gf_exec *x, const struct move *move)
{
    struct gf_list from;
    uint64_t timeout_ms;

    if (!gf_timeout_next(x, &timeout_ms) || !gf_list_find(x, move->from, &from))
        return;
    if (from.object != NULL)
        move_do(x, move, &from);
    else if (!gf_exec_wait(x, timeout_ms)) {
        if (x->wait != NULL)
            gf_reply_null_array(x->reply);
        else
            gf_reply_null(x->reply);
    }
}

void gf_list_blmove_run(struct gf_exec *x)
{
    struct move move = move_read_ends(x);

    move_or_wait(x, &move);
}

void gf_list_brpoplpush_run(struct gf_exec *x)
{
    struct move move = move_read(x);

    move_or_wait(x, &move);
}
