/* Where a core listens, what it says when it cannot, and how many clients it takes. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"
#include "shards/listener.h"
#include "support/node_fixture.h"

static struct node node;

static void setup(void)
{
    node_start(&node, 2, NULL);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(listener, .init = setup, .fini = teardown, .timeout = 60);

/* gf_listeners_start on core 0 with these addresses. */
static int start(char *bind, uint16_t port, char *ret_why)
{
    struct gf_worker *worker = node_enter(&node, 0);
    char *old = worker->settings.bind;
    int error;

    ret_why[0] = '\0';
    worker->settings.bind = bind;
    worker->settings.port = port;
    error = gf_listeners_start(worker, ret_why, 256);
    worker->settings.bind = old;
    return error;
}

/* A listening socket of the test's own; its port in ret_port. */
static int occupy(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* A client of that port, connected or about to be. */
static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

Test(listener, refuses_what_is_no_address)
{
    char why[256];

    cr_assert_neq(start("300.1.2.3", 1, why), GF_OK);
    cr_assert(strstr(why, "300.1.2.3"), "%s", why);
}

Test(listener, refuses_an_address_that_is_too_long)
{
    char why[256];
    char bind[128];

    memset(bind, '1', sizeof(bind) - 1);
    bind[sizeof(bind) - 1] = '\0';
    cr_assert_eq(start(bind, 1, why), GF_EINVAL);
    cr_assert_neq(why[0], '\0');
}

Test(listener, refuses_to_listen_nowhere)
{
    char why[256];

    cr_assert_eq(start("", 1, why), GF_EINVAL);
    cr_assert_neq(why[0], '\0');
}

Test(listener, refuses_to_listen_on_optional_addresses_that_are_all_missing)
{
    char why[256];

    cr_assert_eq(start("-300.1.2.3 -400.1.2.3", 1, why), GF_EINVAL);
    cr_assert_neq(why[0], '\0');
}

Test(listener, says_that_a_port_is_taken)
{
    uint16_t port;
    int fd = occupy(&port);
    char why[256];
    char number[16];

    cr_assert_eq(start("127.0.0.1", port, why), GF_EADDRINUSE);
    snprintf(number, sizeof(number), "%u", port);
    cr_assert(strstr(why, number), "%s", why);
    close(fd);
}

Test(listener, says_that_the_port_of_a_core_is_taken)
{
    uint16_t port;
    uint16_t free_port;
    int fd = occupy(&port);
    int free_fd = occupy(&free_port);
    char why[256];

    close(free_fd);
    node.server.core_ports_first = port;
    cr_assert_eq(start("127.0.0.1", free_port, why), GF_EADDRINUSE);
    cr_assert(strstr(why, "core-port-base"), "%s", why);
    cr_assert_eq(node_worker(&node, 0)->listeners_count, 1);
    close(fd);
}

Test(listener, tells_one_client_too_many)
{
    static const char refusal[] = "-ERR max number of clients reached\r\n";
    uint16_t port;
    int fds[3];
    char why[256];
    char answer[64] = "";

    close(occupy(&port));
    node.server.core_ports_first = 0;
    node_worker(&node, 0)->settings.maxclients = 2;
    cr_assert_eq(start("127.0.0.1", port, why), GF_OK, "%s", why);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(port);
        node_turn_all(&node, 5);
    }
    node_turn_all(&node, 5);
    cr_assert_eq(recv(fds[2], answer, sizeof(answer) - 1, MSG_WAITALL), (ssize_t)strlen(refusal));
    cr_assert_str_eq(answer, refusal);
    cr_assert_eq(node_worker(&node, 0)->counters.connections_rejected, 1);

    /* One leaves: there is room again. */
    close(fds[0]);
    node_turn_all(&node, 10);
    close(fds[2]);
    fds[2] = dial(port);
    node_turn_all(&node, 5);
    cr_assert_eq(send(fds[2], "PING\r\n", 6, 0), 6);
    node_turn_all(&node, 10);
    cr_assert_eq(recv(fds[2], answer, 7, 0), 7);
    cr_assert_eq(memcmp(answer, "+PONG\r\n", 7), 0);
    close(fds[1]);
    close(fds[2]);
}
