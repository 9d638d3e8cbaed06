/* core/list: order, and the discipline of links. */
#include "core/list.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

struct item {
    int value;
    struct gf_link link;
};

static struct gf_list list;
static struct item items[4];

static void setup(void)
{
    gf_list_init(&list);
    for (int i = 0; i < 4; i++)
        items[i] = (struct item){.value = i};
}

TestSuite(list, .init = setup, .timeout = 5);

static int pop(struct gf_list *from)
{
    struct gf_link *link = gf_list_pop_front(from);

    return link ? gf_container(link, struct item, link)->value : -1;
}

/* Requests are answered in the order in which they were queued. */
Test(list, pushed_at_the_back_comes_last)
{
    gf_list_push_back(&list, &items[1].link);
    gf_list_push_back(&list, &items[2].link);
    gf_list_push_front(&list, &items[0].link);

    cr_expect(eq(int, pop(&list), 0));
    cr_expect(eq(int, pop(&list), 1));
    cr_expect(eq(int, pop(&list), 2));
    cr_expect(eq(int, pop(&list), -1));
    cr_expect(gf_list_empty(&list));
}

/* A closed connection leaves the middle of a queue. */
Test(list, removed_from_the_middle_is_free_again)
{
    for (int i = 0; i < 3; i++)
        gf_list_push_back(&list, &items[i].link);
    gf_list_remove(&items[1].link);

    cr_expect(gf_link_is_free(&items[1].link));
    cr_expect(gf_list_next(&list, &items[0].link) == &items[2].link);
    cr_expect(gf_list_next(&list, &items[2].link) == NULL);
    gf_list_push_back(&list, &items[1].link);
    cr_expect(eq(int, pop(&list), 0));
    cr_expect(eq(int, pop(&list), 2));
    cr_expect(eq(int, pop(&list), 1));
}

/* A whole queue changes hands in one step and in order. */
Test(list, splice_moves_everything_to_the_end)
{
    struct gf_list from;

    gf_list_init(&from);
    gf_list_splice_back(&list, &from);
    cr_expect(gf_list_empty(&list));

    gf_list_push_back(&list, &items[0].link);
    gf_list_push_back(&from, &items[1].link);
    gf_list_push_back(&from, &items[2].link);
    gf_list_splice_back(&list, &from);
    cr_expect(gf_list_empty(&from));
    gf_list_push_back(&list, &items[3].link);
    for (int i = 0; i < 4; i++)
        cr_expect(eq(int, pop(&list), i));
}

/* An element on two lists would corrupt both. */
Test(list, a_link_is_on_one_list_at_most, .signal = SIGABRT)
{
    gf_list_push_back(&list, &items[0].link);
    gf_list_push_back(&list, &items[0].link);
}

/* Removing twice would unlink a stranger. */
Test(list, a_free_link_cannot_be_removed, .signal = SIGABRT)
{
    gf_list_remove(&items[0].link);
}
