/* Lists of all sizes against arrays of strings, through commands; one of two keyspaces is saved and
 * loaded at random moments. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "support/exec_fixture.h"
#include "support/exec_reload.h"
#include "support/random.h"

#define MODEL_MAX 2000
#define TEXT_MAX 80

/* One list, twice in keyspaces and once as it should be. */
struct trial {
    struct exec_fixture plain;
    struct exec_fixture reloaded;
    struct test_random random;
    uint32_t kind;
    uint32_t count;
    char texts[MODEL_MAX + 8][TEXT_MAX];
};

static void text_make(struct trial *trial, char *text)
{
    static const char *const formats[] = {"job:%08llu",     "%llu",  "%016llx",
                                          "user:%llu/name", "-%llu", "Key %llx"};
    uint64_t number = test_random_next(&trial->random);
    uint32_t kind = test_random_below(&trial->random, 100) == 0 ? (uint32_t)number : trial->kind;

    if (kind % 7 == 6)
        snprintf(text, TEXT_MAX, "%s", "always the same");
    else
        snprintf(text, TEXT_MAX, formats[kind % 7],
                 (unsigned long long)(number >> (kind % 7 == 2 ? 0 : 40 + number % 24)));
}

/* trial_run - a command in both keyspaces; both must answer the same. */
static const char *trial_run(struct trial *trial, const char *name, const char *a, const char *b)
{
    struct gf_bytes words[4] = {gf_bytes_of(name), GF_BYTES("l")};
    uint32_t count = 2;
    const char *answer;

    if (a != NULL)
        words[count++] = gf_bytes_of(a);
    if (b != NULL)
        words[count++] = gf_bytes_of(b);
    answer = exec_run_words(&trial->plain, words, count, NULL);
    cr_assert_str_eq(exec_run_words(&trial->reloaded, words, count, NULL), answer);
    return answer;
}

static void model_open(struct trial *trial, uint32_t index)
{
    memmove(trial->texts[index + 1], trial->texts[index], (trial->count - index) * TEXT_MAX);
    trial->count++;
}

static void model_close(struct trial *trial, uint32_t index)
{
    trial->count--;
    memmove(trial->texts[index], trial->texts[index + 1], (trial->count - index) * TEXT_MAX);
}

static void trial_push(struct trial *trial, bool front)
{
    uint32_t index = front ? 0 : trial->count;

    if (trial->count == MODEL_MAX)
        return;
    model_open(trial, index);
    text_make(trial, trial->texts[index]);
    trial_run(trial, front ? "LPUSH" : "RPUSH", trial->texts[index], NULL);
}

static void trial_pop(struct trial *trial, bool front)
{
    uint32_t index = front ? 0 : trial->count - 1;
    char expected[TEXT_MAX + 32];

    if (trial->count == 0)
        return;
    snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n", strlen(trial->texts[index]),
             trial->texts[index]);
    cr_assert_str_eq(trial_run(trial, front ? "LPOP" : "RPOP", NULL, NULL), expected);
    model_close(trial, index);
}

static void trial_set(struct trial *trial)
{
    uint32_t index;
    char place[16];

    if (trial->count == 0)
        return;
    index = (uint32_t)test_random_below(&trial->random, trial->count);
    snprintf(place, sizeof(place), "%u", index);
    text_make(trial, trial->texts[index]);
    trial_run(trial, "LSET", place, trial->texts[index]);
}

static void trial_insert(struct trial *trial)
{
    struct gf_bytes words[5] = {GF_BYTES("LINSERT"), GF_BYTES("l"), GF_BYTES("BEFORE")};
    uint32_t index = 0;
    char pivot[TEXT_MAX];

    if (trial->count == 0 || trial->count == MODEL_MAX)
        return;
    strcpy(pivot, trial->texts[test_random_below(&trial->random, trial->count)]);
    while (strcmp(trial->texts[index], pivot) != 0)
        index++;
    model_open(trial, index);
    text_make(trial, trial->texts[index]);
    words[3] = gf_bytes_of(pivot);
    words[4] = gf_bytes_of(trial->texts[index]);
    exec_run_words(&trial->plain, words, 5, NULL);
    exec_run_words(&trial->reloaded, words, 5, NULL);
}

static void trial_remove(struct trial *trial)
{
    char text[TEXT_MAX];

    if (trial->count == 0)
        return;
    strcpy(text, trial->texts[test_random_below(&trial->random, trial->count)]);
    trial_run(trial, "LREM", "-2", text);
    for (uint32_t i = trial->count, left = 2; i-- > 0 && left > 0;) {
        if (strcmp(trial->texts[i], text) == 0) {
            model_close(trial, i);
            left--;
        }
    }
}

static void trial_trim(struct trial *trial)
{
    uint32_t front = (uint32_t)test_random_below(&trial->random, trial->count / 8 + 1);
    uint32_t back = (uint32_t)test_random_below(&trial->random, trial->count / 8 + 1);
    char start[16];
    char stop[16];

    if (front + back >= trial->count)
        return;
    snprintf(start, sizeof(start), "%u", front);
    snprintf(stop, sizeof(stop), "-%u", back + 1);
    trial_run(trial, "LTRIM", start, stop);
    for (; front > 0; front--)
        model_close(trial, 0);
    trial->count -= back;
}

static void trial_compare(struct trial *trial)
{
    const char *answer = trial_run(trial, "LRANGE", "0", "-1");
    int size;

    cr_assert_eq(strtoul(answer + 1, NULL, 10), trial->count);
    answer = strchr(answer, '\n') + 1;
    for (uint32_t i = 0; i < trial->count; i++) {
        char expected[TEXT_MAX + 32];

        size = snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n", strlen(trial->texts[i]),
                        trial->texts[i]);
        cr_assert_eq(strncmp(answer, expected, (size_t)size), 0, "element %u is %.40s, not %s", i,
                     answer, expected);
        answer += size;
    }
    trial_run(trial, "LLEN", NULL, NULL);
}

static void trial_step(struct trial *trial, bool grows)
{
    uint64_t roll = test_random_below(&trial->random, 100);

    if (roll < (grows ? 60 : 25))
        trial_push(trial, roll % 2 == 0);
    else if (roll < 80)
        trial_pop(trial, roll % 2 == 0);
    else if (roll < 88)
        trial_set(trial);
    else if (roll < 93)
        trial_insert(trial);
    else if (roll < 98)
        trial_remove(trial);
    else if (roll < 99)
        trial_trim(trial);
    else
        exec_reload(&trial->reloaded);
}

static void trial_all(uint64_t seed)
{
    struct trial *trial = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*trial));

    exec_fixture_init(&trial->plain);
    exec_fixture_init(&trial->reloaded);
    trial->random.state = seed;
    trial->kind = (uint32_t)seed;
    for (uint32_t i = 0; i < 4000; i++) {
        trial_step(trial, i / 1000 % 2 == 0);
        if (i % 50 == 0)
            trial_compare(trial);
        if (i % 500 == 0)
            exec_expect_same(&trial->plain, &trial->reloaded);
    }
    trial_compare(trial);
    exec_expect_same(&trial->plain, &trial->reloaded);
    exec_fixture_deinit(&trial->plain);
    exec_fixture_deinit(&trial->reloaded);
    gf_free(GF_MEMORY_OTHER, trial);
}

Test(lists_model, is_what_an_array_would_be, .timeout = 300)
{
    for (uint64_t seed = 1; seed <= 14; seed++)
        trial_all(seed);
}

/* Payloads come from anybody: small and big lists, of all layouts, damaged. */
Test(lists_model, damaged_lists_are_refused_or_used, .timeout = 300)
{
    struct exec_fixture fixture;
    char line[200];

    exec_fixture_init(&fixture);
    for (uint32_t i = 0; i < 1500; i++) {
        snprintf(line, sizeof(line), "RPUSH big:%u element:%u %u", i % 2, i * 7919, i);
        exec_run(&fixture, line);
        if (i < 40) {
            snprintf(line, sizeof(line), "RPUSH small:%u %u text:%u", i % 4, i * i, i);
            exec_run(&fixture, line);
        }
    }
    exec_reload_mutated(&fixture, 200, 11);
    exec_fixture_deinit(&fixture);
}
