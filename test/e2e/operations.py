#!/usr/bin/python3
"""Running the server: starting, stopping, doing nothing, and holding very many connections."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                                    # noqa: E402
from support.fixture import ServerCase, binary, eventually, run, shell, start_server   # noqa: E402
from support.server import PATIENCE, SANITIZED, Server, free_port           # noqa: E402

# Of one core. ThreadSanitizer has a thread of its own, which wakes ten times a second.
IDLE_CPU_SHARE = 0.06 if SANITIZED else 0.005


class Idle(ServerCase):
    def share(self, seconds=4.0):
        started, began = self.server.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return (self.server.cpu_seconds() - started) / (time.monotonic() - began)

    def test_an_idle_server_uses_no_cpu(self):
        self.assertLess(self.share(), IDLE_CPU_SHARE)

    def test_nor_one_with_data_expiries_and_idle_connections(self):
        for start in range(0, 20000, 1000):
            self.client.pipeline([("SET", f"k{i}", "v", "EX", "1000")
                                  for i in range(start, start + 1000)])
        for _ in range(200):
            self.connect()
        time.sleep(1)
        self.assertLess(self.share(), IDLE_CPU_SHARE)


class Connections(ServerCase):
    """10,000 connections open, 1,000 of them active."""

    open_count = 10000
    active_count = 1000

    def test_ten_thousand_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < self.open_count + 500:
            self.skipTest(f"only {hard} open files are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.check(resp.OK, "CONFIG", "SET", "maxclients", self.open_count + 100)
        before = self.server.rss_bytes()

        everyone = [self.connect(timeout=30) for _ in range(self.open_count)]
        for client in everyone:
            client.send("PING")
        for client in everyone:
            self.assertEqual(client.read(), resp.PONG)
        connected = int(self.info("clients")["connected_clients"])
        self.assertEqual(connected, self.open_count + 1)
        per_connection = (self.server.rss_bytes() - before) / self.open_count
        self.assertLess(per_connection, 20 * 1024)

        active = everyone[::self.open_count // self.active_count]
        for turn in range(20):
            for index, client in enumerate(active):
                client.send_raw(resp.encode(["INCR", f"active:{index}"]) + resp.encode(["PING"]))
            for client in active:
                self.assertEqual([client.read(), client.read()],
                                 [resp.number(turn + 1), resp.PONG])

        for client in everyone:
            client.close()
        self.assertTrue(eventually(
            lambda: int(self.info("clients")["connected_clients"]) == 1, 20))


class Ending(unittest.TestCase):
    def ends(self, act, expected_status=0, **settings):
        server = start_server(**settings)
        try:
            with server.client() as client:
                client.call("SET", "k", "v")
                act(server, client)
                self.assertEqual(server.wait_exit(), expected_status, server.stderr())
                self.assertTrue(client.is_closed(1))
            self.assertNotRegex(server.stderr(), "(?i)sanitizer|panic|assertion")
        finally:
            server.discard()

    def test_sigterm(self):
        self.ends(lambda server, client: server.process.send_signal(signal.SIGTERM))

    def test_sigint(self):
        self.ends(lambda server, client: server.process.send_signal(signal.SIGINT))

    def test_sigint_again_does_not_wait(self):
        server = start_server("--enable-debug-command", "yes")
        try:
            with server.client() as client:
                client.send("DEBUG", "SLEEP", "600")
                server.process.send_signal(signal.SIGINT)
                self.assertTrue(eventually(
                    lambda: re.search("stopping|SIGINT", server.stderr())), server.stderr())
                server.process.send_signal(signal.SIGINT)
                self.assertIn(server.wait_exit(), (-signal.SIGINT, 1), server.stderr())
        finally:
            server.discard()

    def test_sigterm_on_two_cores_under_load(self):
        def act(server, client):
            for _ in range(200):
                client.send_raw(b"".join(resp.encode(["INCR", f"n{i}"]) for i in range(100)))
            server.process.send_signal(signal.SIGTERM)
        server = start_server(cores=2)
        try:
            with server.client() as client:
                act(server, client)
                self.assertEqual(server.wait_exit(), 0, server.stderr())
        finally:
            server.discard()

    def test_shutdown(self):
        self.ends(lambda server, client: client.send("SHUTDOWN"))

    def test_shutdown_nosave(self):
        self.ends(lambda server, client: client.send("SHUTDOWN", "NOSAVE"))

    def test_shutdown_from_either_core(self):
        for _ in range(3):
            self.ends(lambda server, client: client.send("SHUTDOWN", "NOSAVE"), cores=2)

    def test_shutdown_now_force(self):
        self.ends(lambda server, client: client.send("SHUTDOWN", "NOW", "FORCE"))

    def test_the_port_is_free_again_at_once(self):
        with start_server() as first:
            port = first.port
            with first.client() as client:
                client.call("SET", "k", "v")
        with start_server(port=port) as second, second.client() as client:
            self.assertEqual(client.call("GET", "k"), resp.NULL_BULK)


class Starting(unittest.TestCase):
    """Mistakes on the command line: a clear line, an exit status above zero, no server left."""

    def refused(self, pattern, *options):
        try:
            exit_status, output, errors = shell([binary(), *options], timeout=5)
        except subprocess.TimeoutExpired:
            self.fail(f"it runs with {options}")
        self.assertGreater(exit_status, 0, (options, output, errors))
        self.assertRegex(output + errors, pattern)
        self.assertNotRegex(output + errors, "(?i)sanitizer|backtrace")

    def needs_gofish(self):
        if os.path.basename(binary()).startswith(("redis", "valkey")):
            self.skipTest("about go-fish's own flags")

    def test_unknown_flag(self):
        self.refused("no-such-flag", "--no-such-flag", "1")

    def test_flag_without_a_value(self):
        self.refused("port", "--port")

    def test_bad_values(self):
        self.needs_gofish()
        for options in (["--port", "abc"], ["--port", "70000"], ["--port", "-1"],
                        ["--cores", "-1"], ["--cores", "many"], ["--cores", "100000"],
                        ["--maxmemory", "lots"], ["--maxmemory-policy", "bogus"],
                        ["--durability", "bogus"], ["--io-driver", "bogus"],
                        ["--bind", "not-an-address"]):
            with self.subTest(options=options):
                pattern = f"{options[0].lstrip('-')}|{options[1]}"
                self.refused(pattern, "--dir", tempfile.gettempdir(), *options)

    def test_a_mistake_takes_one_line_that_names_it_and_the_way_out(self):
        """Nothing else is printed: no line per core, no line of the log."""
        self.needs_gofish()
        directory, port = tempfile.gettempdir(), str(free_port())
        for expected, *options in (
                ("port 'abc': ", "--port", "abc"),
                ("maxmemory 'lots': .* for example 512mb", "--maxmemory", "lots"),
                ("partitions: .*power of two, for example 256", "--partitions", "100"),
                ("1.2.3.4 port .*not an address of this machine; .*--bind",
                 "--bind", "1.2.3.4", "--cores", "2", "--port", port),
                ("bind: .*--bind 127.0.0.1", "--bind", " ", "--port", port),
                ("1.2.3.4 port .*not an address of this machine; .*--bind",
                 "--bind", "127.0.0.1 1.2.3.4", "--cores", "2", "--port", port),
                ("cannot listen on 127.0.0.1 .*an address before it",
                 "--bind", "127.0.0.1 127.0.0.1", "--cores", "2", "--port", port),
                ("bind: none of its addresses", "--bind", "-1.2.3.4 -1.2.3.5", "--port", port),
                ("bind: more than 16", "--bind", "127.0.0.1 " * 17, "--port", port),
                ("cannot read .*: it is not a file", "--config", directory),
                ("core-port-base: .*65535", "--core-port-base", "65535", "--cores", "2",
                 "--port", port),
                ("unknown option 'no-such'; --help", "--no-such", "1"),
                ("--config needs a file", "--config"),
                ("only 'none' works", "--durability", "sync")):
            with self.subTest(options=options):
                exit_status, output, errors = shell([binary(), *options], timeout=5)
                self.assertIn(exit_status, (1, 2))
                self.assertEqual(output, "")
                self.assertRegex(errors, f"^gofish: .*{expected}[^\n]*\n$")

    def test_more_cores_than_the_machine_has_are_said(self):
        self.needs_gofish()
        cores = len(os.sched_getaffinity(0)) + 1
        with start_server(cores=cores) as server:
            with open(server.stderr_path, encoding="utf-8") as log:
                self.assertRegex(log.read(), f"{cores} cores .* this machine gives [0-9]+")

    def test_core_ports_that_cannot_be_are_said(self):
        self.needs_gofish()
        port = free_port(first=56000, last=65000)  # 10000 more is no port
        with start_server("--core-port-base", "0", cores=2, port=port) as server:
            with open(server.stderr_path, encoding="utf-8") as log:
                self.assertRegex(log.read(), "no ports of their own.*--core-port-base")

    def test_no_log_yet_is_said(self):
        self.needs_gofish()
        for level in ("async", "sync"):
            self.refused("(?i)durability.*log|log.*durability", "--durability", level)

    def test_config_file_that_is_not_there(self):
        self.needs_gofish()
        self.refused("/no/such/file", "--config", "/no/such/file")

    def test_config_file(self):
        self.needs_gofish()
        port = free_port()
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            config.write(f"# a comment\n\nport {port}\nmaxmemory 100mb\nrequirepass sesame\n")
            config.flush()
            with Server(binary(), "--config", config.name, port=port) as server, \
                    server.client() as client:
                self.assertTrue(client.call("GET", "k").is_error())
                self.assertEqual(client.call("AUTH", "sesame"), resp.OK)
                self.assertEqual(client.call("CONFIG", "GET", "maxmemory"),
                                 resp.array(resp.bulk("maxmemory"), resp.bulk(100 << 20)))

    def test_mistake_in_a_config_file_names_the_line(self):
        self.needs_gofish()
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            config.write("port 1234\nbogus yes\n")
            config.flush()
            self.refused(r"bogus", "--config", config.name)
            self.refused(r"\b2\b", "--config", config.name)

    def test_version(self):
        exit_status, output, _ = shell([binary(), "--version"])
        self.assertEqual(exit_status, 0)
        self.assertRegex(output, r"\d+\.\d+\.\d+")

    def test_help_names_every_flag(self):
        self.needs_gofish()
        exit_status, output, _ = shell([binary(), "--help"])
        self.assertEqual(exit_status, 0)
        for flag in ("port", "bind", "dir", "cores", "core-port-base", "durability", "io-driver",
                     "maxmemory", "maxmemory-policy", "requirepass", "config", "help", "version"):
            self.assertIn("--" + flag, output)

    def test_second_server_on_the_same_port_says_so(self):
        with start_server() as server:
            with tempfile.TemporaryDirectory() as directory:
                self.refused(f"(?i){server.port}.*(in use|cannot|could not)|in use",
                             "--port", server.port, "--bind", "127.0.0.1", "--dir", directory)
            with server.client() as client:
                self.assertEqual(client.call("PING"), resp.PONG)


    def test_second_address_that_is_in_use_is_said_once(self):
        """Whether it may be missing or not: it is another server's."""
        self.needs_gofish()
        with socket.create_server(("127.0.0.2", free_port())) as other:
            port = other.getsockname()[1]
            for address in ("127.0.0.2", "-127.0.0.2"):
                exit_status, output, errors = shell(
                    [binary(), "--port", port, "--bind", f"127.0.0.1 {address}", "--cores", "2"],
                    timeout=5)
                self.assertEqual((exit_status, output), (1, ""))
                self.assertRegex(errors, f"^gofish: .*127.0.0.2 port {port}[^\n]*\n$")


class Drivers(unittest.TestCase):
    """Both ways to the kernel serve the same."""

    def test_each_driver(self):
        if os.path.basename(binary()).startswith(("redis", "valkey")):
            self.skipTest("about go-fish's drivers")
        for driver in ("io_uring", "epoll"):
            for cores in (1, 2):
                with self.subTest(driver=driver, cores=cores), \
                        start_server("--io-driver", driver, cores=cores) as server, \
                        server.client() as client:
                    replies = client.pipeline([("INCR", f"n{i}") for i in range(2000)])
                    self.assertEqual(set(replies), {resp.number(1)})
                    value = os.urandom(3 << 20)
                    self.assertEqual(client.call("SET", "large", value), resp.OK)
                    self.assertEqual(client.call("GET", "large"), resp.bulk(value))
                    info = client.call("INFO", "server").value.decode()
                    self.assertIn(driver, info)
                    time.sleep(0.2 * PATIENCE)
                    before = server.cpu_seconds()
                    time.sleep(2)
                    self.assertLess((server.cpu_seconds() - before) / 2, max(0.02, IDLE_CPU_SHARE))


if __name__ == "__main__":
    run()
