/* What the files of the lists module share: a list in either of its forms, and the commands.
 *
 *   lists.c           the rows
 *   lists_form.c      a list: found, read, pushed to, popped from, stored
 *   lists_save.c      the type: saved, loaded, measured
 *   lists_ends.c      LPUSH, LPOP and their relatives
 *   lists_range.c     LRANGE, LTRIM, LINDEX, LPOS: by place
 *   lists_middle.c    LSET, LINSERT, LREM
 *   lists_move.c      from one list to another
 *   lists_wait.c      the first of several lists that has something: LMPOP, BLPOP …
 *
 * A small list is a run (modules/run.h) in the bytes of its object:
 *
 *   OFFSET  SIZE  MEANING
 *        0     2  elements
 *        2     2  weight: bytes they would have in a listpack
 *        4     3  shape: prefix size, fixed size, alphabet
 *        7        the run's data: prefix, entries
 *
 * A big one is a deque (modules/deque.h). Which of the two it is has nothing to do with what OBJECT
 * ENCODING says: that is decided by list-max-listpack-size, as Redis decides it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/deque.h"
#include "modules/place.h"

#define GF_LIST_SMALL_MAX 1000u        /* bytes of a small list */
#define GF_LIST_SMALL_WEIGHT_MAX 4000u /* its weight; bounds what is moved about and walked over */

enum gf_list_encoding {
    GF_LIST_LISTPACK, /* what OBJECT ENCODING says; of a big list gf_deque.mark is true instead */
    GF_LIST_QUICKLIST,
};

/* A list that a command works on. Small ones are changed in `scratch` and stored at the end. */
struct gf_list {
    struct gf_place place;
    struct gf_object *object; /* NULL: there is none (yet) */
    struct gf_deque *deque;   /* NULL: the list is small */
    struct gf_run run;        /* of a small one: in the object, or in `scratch` */
    bool quick;               /* a quicklist for OBJECT ENCODING */
    uint8_t scratch_at;       /* which half of `scratch` the run is in, once it is changed */
    char scratch[2][GF_LIST_SMALL_MAX];
};

/* gf_list_find - the live list at a place, ready to be read, pushed to or popped from.
 *
 * ret_list   object NULL and empty when there is none
 * Returns    false when the key holds another type: the error is answered then
 */
bool gf_list_find(struct gf_exec *x, struct gf_place place, struct gf_list *ret_list);

/* gf_list_open - the same of an object that is known to be a list, or NULL. */
void gf_list_open(struct gf_place place, struct gf_object *object, struct gf_list *ret_list);

static inline uint64_t gf_list_count(const struct gf_list *list)
{
    return list->deque != NULL ? list->deque->count : list->run.count;
}

/* gf_list_runs, gf_list_run - a list as a row of runs, for reading. */
static inline uint32_t gf_list_runs(const struct gf_list *list)
{
    return list->deque != NULL ? list->deque->used : 1;
}
static inline const struct gf_run *gf_list_run(const struct gf_list *list, uint32_t number)
{
    return list->deque != NULL ? gf_deque_run(list->deque, number) : &list->run;
}

/* gf_list_run_steps - reading all of a run is so much for gf_exec_pause. */
static inline uint32_t gf_list_run_steps(const struct gf_run *run)
{
    return run->count + (run->end - run->begin) / 512;
}

/* gf_list_grows - elements are about to be added: is it still a listpack for OBJECT ENCODING?
 *
 * size       bytes of them, as the client sent them
 */
void gf_list_grows(struct gf_exec *x, struct gf_list *list, size_t size, uint64_t count);

/* gf_list_push - false when there is no memory. */
bool gf_list_push(struct gf_list *list, struct gf_bytes text, bool front);
/* gf_list_peek - the first or last element of a list that is not empty. */
void gf_list_peek(struct gf_list *list, bool front, struct gf_element *ret_element);
/* gf_list_pop - remove the element that gf_list_peek just gave. The element's views may be of no
 * use any more. */
void gf_list_pop(struct gf_list *list, bool front, struct gf_element *element);
/* gf_list_drop - remove the first (or last) `count`. May pause, but not when nothing is left. */
void gf_list_drop(struct gf_list *list, uint64_t count, bool front, struct gf_pace *pace);
#define GF_LIST_DROPPED_AT_ONCE 16u /* elements, about, that go as fast as one is read */
/* gf_list_remove - all of it: the key goes. */
void gf_list_remove(struct gf_list *list);
/* gf_list_insert, gf_list_replace - put an element in front of, or in the place of, number `index`.
 * False when there is no memory; nothing has changed then. */
bool gf_list_insert(struct gf_list *list, uint64_t index, struct gf_bytes text);
bool gf_list_replace(struct gf_list *list, uint64_t index, struct gf_bytes text);
/* gf_list_remove_marked, gf_list_settle - see gf_deque_remove_marked, gf_deque_settle. */
void gf_list_remove_marked(struct gf_list *list, uint32_t number, const uint64_t *marks);
void gf_list_settle(struct gf_list *list, struct gf_pace *pace);

/* gf_list_store - what was changed is stored under the key; an empty list leaves none.
 *
 * shrinks    elements were removed: it may be a listpack again
 * Returns    false when there is no memory: a list that was not there is forgotten then, others
 *            keep what they had
 */
bool gf_list_store(struct gf_exec *x, struct gf_list *list, bool shrinks);
/* gf_list_forget - nothing is stored: frees what a list that was not stored holds. */
void gf_list_forget(struct gf_list *list);

/* gf_list_reply - one element as a bulk string. */
static inline void gf_list_reply(struct gf_reply *reply, const struct gf_element *element)
{
    if (element->is_number)
        gf_reply_bulk_int(reply, element->number);
    else if (element->prefix.size == 0)
        gf_reply_bulk(reply, element->rest);
    else
        gf_reply_bulk_joined(reply, element->prefix, element->rest);
}

/* gf_list_element_is - has an element this text? */
static inline bool gf_list_element_is(const struct gf_element *element, const struct gf_item *item)
{
    const char *text = item->text.data;

    if (element->is_number)
        return item->is_number && item->number == element->number;
    return element->prefix.size + element->rest.size == item->text.size &&
           memcmp(element->prefix.data, text, element->prefix.size) == 0 &&
           memcmp(element->rest.data, text + element->prefix.size, element->rest.size) == 0;
}

/* gf_list_pop_reply - answer so many elements from one end, one by one, and remove them. */
void gf_list_pop_reply(struct gf_exec *x, struct gf_list *list, uint64_t count, bool front);
/* gf_list_popped - store a list that elements were popped from, and tell of it. */
void gf_list_popped(struct gf_exec *x, struct gf_list *list, bool front);

/* gf_list_next_end - the next word as LEFT or RIGHT. */
bool gf_list_next_end(struct gf_args *args, bool *ret_front);

/* The type's, by lists_save.c. */
extern const struct gf_type gf_list_type;
/* gf_list_open_bytes - the run of a small list's bytes. */
struct gf_run gf_list_open_bytes(struct gf_bytes bytes);
/* gf_list_write_header - the bytes in front of a small list's data. */
#define GF_LIST_HEADER_SIZE 7u
void gf_list_write_header(const struct gf_run *run, char *place);

/* The commands; their rows in lists.c say what they do. */
void gf_list_lpush_run(struct gf_exec *x);
void gf_list_rpush_run(struct gf_exec *x);
void gf_list_lpushx_run(struct gf_exec *x);
void gf_list_rpushx_run(struct gf_exec *x);
void gf_list_lpop_run(struct gf_exec *x);
void gf_list_rpop_run(struct gf_exec *x);
void gf_list_llen_run(struct gf_exec *x);
void gf_list_lrange_run(struct gf_exec *x);
void gf_list_lindex_run(struct gf_exec *x);
void gf_list_ltrim_run(struct gf_exec *x);
void gf_list_lpos_run(struct gf_exec *x);
void gf_list_lset_run(struct gf_exec *x);
void gf_list_linsert_run(struct gf_exec *x);
void gf_list_lrem_run(struct gf_exec *x);
void gf_list_lmove_run(struct gf_exec *x);
void gf_list_rpoplpush_run(struct gf_exec *x);
void gf_list_blmove_run(struct gf_exec *x);
void gf_list_brpoplpush_run(struct gf_exec *x);
void gf_list_lmpop_run(struct gf_exec *x);
void gf_list_blmpop_run(struct gf_exec *x);
void gf_list_blpop_run(struct gf_exec *x);
void gf_list_brpop_run(struct gf_exec *x);

/* Where the keys of LMPOP and BLMPOP are. */
uint32_t gf_list_lmpop_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                            uint32_t max);
uint32_t gf_list_blmpop_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                             uint32_t max);
