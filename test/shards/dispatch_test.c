/* What is parsed ahead is parsed under the limits of its own turn in the pipeline. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "support/node_fixture.h"

static struct node node;

static void with_password(struct gf_settings *settings)
{
    gf_free(GF_MEMORY_OTHER, settings->requirepass);
    settings->requirepass = gf_alloc(GF_MEMORY_OTHER, sizeof("sesame"));
    strcpy(settings->requirepass, "sesame");
}

static void setup(void)
{
    node_start(&node, 2, with_password);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(dispatch, .init = setup, .fini = teardown, .timeout = 60);

#define ELEVEN "*11\r\n$4\r\nMGET\r\n" \
               "$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n" \
               "$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"
#define NILS "*10\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"

Test(dispatch, behind_a_reset_the_limits_are_a_strangers)
{
    static const char *const texts[] = {
        "RESET\r\n" ELEVEN,                         /* a whole request */
        "RESET\r\n*11\r\n$4\r\nMGET\r\n",           /* the beginning of one */
        "GET a\r\nRESET\r\n" ELEVEN "GET a\r\n",    /* amidst others */
        "*1\r\n$5\r\nreset\r\n" ELEVEN,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct node_client client;

        node_client_open(&client, &node, 0);
        node_client_send(&client, texts[i]); /* a client of a test was let in */
        if (i == 2)
            node_client_expect(&client, "$-1\r\n");
        node_client_expect(&client,
                           "+RESET\r\n-ERR Protocol error: unauthenticated multibulk length\r\n");
        node_client_expect_end(&client);
        node_client_close(&client);
    }
}

Test(dispatch, behind_the_password_they_are_a_friends)
{
    static const char *const texts[] = {"AUTH sesame\r\n" ELEVEN,
                                        "GET a\r\nPING\r\nAUTH sesame\r\n" ELEVEN};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct node_client client;

        node_client_open(&client, &node, 0);
        node_client_send(&client, "RESET\r\n");
        node_client_expect(&client, "+RESET\r\n");
        node_client_send(&client, texts[i]);
        if (i == 1)
            node_client_expect(&client, "-NOAUTH Authentication required.\r\n"
                                        "-NOAUTH Authentication required.\r\n");
        node_client_expect(&client, "+OK\r\n" NILS);
        node_client_close(&client);
    }
}

Test(dispatch, a_setting_is_in_force_for_what_follows_it)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_send(&client, "AUTH sesame\r\nCONFIG SET proto-max-bulk-len 1mb\r\n"
                              "*2\r\n$4\r\nECHO\r\n$1048577\r\nx");
    node_client_expect(&client, "+OK\r\n+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
    node_client_expect_end(&client);
    node_client_close(&client);
}
