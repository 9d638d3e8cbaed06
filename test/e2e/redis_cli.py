#!/usr/bin/python3
"""redis-cli, unmodified, in all the ways people use it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                             # noqa: E402
from support.fixture import ClusterCase, ServerCase, run, shell      # noqa: E402
from support.server import PATIENCE                                  # noqa: E402

CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class CliCase(ServerCase):
    def cli(self, *words, stdin=b"", timeout=30):
        exit_status, output, errors = shell(["redis-cli", "-p", self.server.port, *words],
                                            timeout=timeout, stdin=stdin)
        self.assertEqual((exit_status, errors), (0, ""), (words, output))
        return output


class OneShot(CliCase):
    def test_set_get_and_types(self):
        self.assertEqual(self.cli("SET", "k", "a b"), "OK\n")
        self.assertEqual(self.cli("GET", "k"), "a b\n")
        self.assertEqual(self.cli("--no-raw", "GET", "k"), '"a b"\n')
        self.assertEqual(self.cli("--no-raw", "GET", "none"), "(nil)\n")
        self.assertEqual(self.cli("--no-raw", "INCR", "n"), "(integer) 1\n")
        self.assertEqual(self.cli("--no-raw", "MGET", "k", "none", "n"),
                         '1) "a b"\n2) (nil)\n3) "1"\n')

    def test_errors_are_shown(self):
        self.assertEqual(self.cli("INCR"), "ERR wrong number of arguments for 'incr' command\n\n")
        self.assertEqual(self.cli("--no-raw", "NOSUCH", "a"),
                         "(error) ERR unknown command 'NOSUCH', with args beginning with: 'a' \n\n"
                         .replace(" \n\n", " \n"))

    def test_error_sets_exit_status(self):
        exit_status, output, _ = shell(["redis-cli", "-e", "-p", self.server.port, "INCR"])
        self.assertEqual(exit_status, 1, output)

    def test_resp3(self):
        self.assertEqual(self.cli("-3", "SET", "k", "v"), "OK\n")
        self.assertEqual(self.cli("-3", "--no-raw", "GET", "none"), "(nil)\n")
        self.assertTrue(self.cli("-3", "--no-raw", "HELLO").startswith('1# "server" => '))
        self.assertIn('"maxmemory" => ', self.cli("-3", "--no-raw", "CONFIG", "GET", "maxmemory"))

    def test_database_and_name(self):
        self.cli("-n", "3", "SET", "k", "three")
        self.assertEqual(self.cli("GET", "k"), "\n")
        self.assertEqual(self.cli("-n", "3", "GET", "k"), "three\n")

    def test_repeat_and_interval(self):
        self.assertEqual(self.cli("-r", "3", "-i", "0.01", "INCR", "n"), "1\n2\n3\n")

    def test_last_argument_from_stdin(self):
        self.cli("-x", "SET", "k", stdin=b"from stdin")
        self.assertEqual(self.cli("GET", "k"), "from stdin\n")

    def test_commands_from_stdin(self):
        self.assertEqual(self.cli(stdin=b"SET k v\nGET k\nDEL k\n"), "OK\nv\n1\n")

    def test_csv_json_and_info(self):
        self.cli("MSET", "a", "1", "b", "2")
        self.assertEqual(self.cli("--csv", "MGET", "a", "b"), '"1","2"\n')
        self.assertEqual(self.cli("-3", "--json", "MGET", "a", "none"), '["1",null]\n')
        self.assertIn("redis_version:", self.cli("INFO"))

    def test_help_of_the_server(self):
        self.assertIn("CLIENT <subcommand>", self.cli("CLIENT", "HELP"))


class Modes(CliCase):
    def fill(self, count):
        for start in range(0, count, 1000):
            self.client.pipeline([("SET", f"key:{i}", "x" * (i % 50 + 1))
                                  for i in range(start, start + 1000)])

    def test_pipe_mode(self):
        data = b"".join(resp.encode(["SET", f"p{i}", "v"]) for i in range(20000))
        output = self.cli("--pipe", stdin=data, timeout=60)
        self.assertIn("errors: 0, replies: 20000", output)
        exit_status, output, errors = shell(["redis-cli", "-p", self.server.port, "--pipe"],
                                            stdin=resp.encode(["INCR", "p1"]))
        self.assertEqual((exit_status, errors),
                         (1, "ERR value is not an integer or out of range\n"))
        self.assertIn("errors: 1, replies: 1", output)
        self.check(resp.number(20000), "DBSIZE")

    def test_scan(self):
        self.fill(3000)
        found = self.cli("--scan").split()
        self.assertEqual(sorted(found), sorted(f"key:{i}" for i in range(3000)))
        found = self.cli("--scan", "--pattern", "key:12*").split()
        self.assertEqual(sorted(found), sorted(k for k in (f"key:{i}" for i in range(3000))
                                               if k.startswith("key:12")))

    def test_bigkeys(self):
        self.fill(3000)
        self.client.call("SET", "the-biggest", "x" * 5000)
        output = self.cli("--bigkeys", timeout=60)
        self.assertIn("Sampled 3001 keys in the keyspace!", output)
        self.assertIn('Biggest string found \'"the-biggest"\' has 5000 bytes', output)
        self.assertIn("3001 strings with ", output)

    def test_memkeys(self):
        self.fill(1000)
        self.client.call("SET", "the-biggest", "x" * 5000)
        output = self.cli("--memkeys", timeout=60)
        self.assertIn("Sampled 1001 keys in the keyspace!", output)
        self.assertRegex(output, "Biggest string found '\"the-biggest\"' has [5-9][0-9]{3} bytes")

    def test_hotkeys(self):
        self.client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        self.fill(1000)
        for _ in range(1000):
            self.client.call("GET", "key:7")
        output = self.cli("--hotkeys", timeout=60)
        self.client.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.assertRegex(output, "hot key found with counter: [0-9]+\tkeyname: \"?key:7\"?")

    def test_latency(self):
        output = self.cli("--latency", "-i", "0.0005")   # without a terminal: thousands of this
        self.assertRegex(output, r"^\d+ \d+ \d+\.\d+ \d+\n$")   # min max average samples

    def test_monitor(self):
        with subprocess.Popen(["redis-cli", "-p", str(self.server.port), "MONITOR"],
                              stdout=subprocess.PIPE) as monitor:
            self.assertEqual(monitor.stdout.readline(), b"OK\n")
            self.client.call("SET", "k", "a \"b\"")
            line = monitor.stdout.readline().decode()
            monitor.kill()
        self.assertRegex(line, r'^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a \\"b\\""\n$')


class Cluster(ClusterCase):
    """redis-cli as an operator of a cluster and as its client."""

    def cli(self, *words):
        exit_status, output, errors = shell(["redis-cli", *words])
        self.assertEqual((exit_status, errors), (0, ""), (words, output))
        return CONTROL_SEQUENCE.sub("", output)

    def test_check_info_and_call(self):
        self.client.pipeline([("SET", f"key:{i}", "v") for i in range(500)])
        ports = {entry[2][1] for entry in resp.plain(self.client.call("CLUSTER", "SLOTS"))}
        for port in ports:
            node = f"127.0.0.1:{port}"
            output = self.cli("--cluster", "check", node)
            for line in (f"[OK] 500 keys in {len(ports)} masters.",
                         "[OK] All nodes agree about slots configuration.",
                         "[OK] All 16384 slots covered."):
                self.assertIn(line, output)
            self.assertIn(f"[OK] 500 keys in {len(ports)} masters.",
                          self.cli("--cluster", "info", node))
            sizes = re.findall(r":\d+: (\d+)", self.cli("--cluster", "call", node, "dbsize"))
            self.assertEqual((len(sizes), sum(map(int, sizes))), (len(ports), 500))

    def test_client(self):
        ports = sorted({e[2][1] for e in resp.plain(self.client.call("CLUSTER", "SLOTS"))})
        for port in ports:
            for key in "abcdefgh":
                self.assertEqual(self.cli("-c", "-p", port, "SET", key, port), "OK\n")
        for key in "abcdefgh":
            self.assertEqual(self.cli("-c", "-p", ports[0], "GET", key), f"{ports[-1]}\n")


PROMPT_AGAIN = r"[\r\n]127\.0\.0\.1:\d+(\[\d+\])?> $"


class Terminal:
    """redis-cli on a terminal, as a person sees it."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.environ["HOME"] = "/nonexistent"
            os.execvp("redis-cli", ["redis-cli", *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.seen = ""

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def shown(self):
        return CONTROL_SEQUENCE.sub("", self.seen)

    def wait_for(self, pattern, timeout=5.0):
        """True once what is shown since the last type() has the pattern, False if never."""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            if re.search(pattern, self.shown()):
                return True
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    return False
        return False

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Watching(CliCase):
    """The modes that paint a terminal until they are interrupted."""

    def paints(self, pattern, *words):
        terminal = Terminal("-p", str(self.server.port), *words)
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.wait_for(pattern), terminal.shown())

    def test_latency(self):
        self.paints(r"min: \d+, max: \d+, avg: \d+\.\d+ \([1-9]\d* samples\)", "--latency")

    def test_latency_history(self):
        self.paints(r"samples\) -- 0\.\d+ seconds range", "--latency-history", "-i", "0.2")

    def test_latency_distribution(self):
        self.paints("From 0 to 100%", "--latency-dist", "-i", "0.3")

    def test_stat(self):
        self.client.pipeline([("SET", f"key:{i}", "v") for i in range(1000)])
        self.paints(r"------- data ------[^$]*\n1000 +\d+(\.\d+)?[BKMG] +\d+ +\d+ +\d+ \(\+[1-9]",
                    "--stat", "-i", "0.2")


class Interactive(CliCase):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal("-p", str(self.server.port))
        self.addCleanup(self.terminal.close)
        self.assertTrue(self.terminal.wait_for(f"127.0.0.1:{self.server.port}> "), "no prompt")

    def shows(self, typed, expected):
        self.terminal.type(typed)
        self.assertTrue(self.terminal.wait_for(re.escape(expected)),
                        f"{typed!r} shows {self.terminal.shown()!r}")
        # What is typed while redis-cli still prints, it throws away.
        if typed.endswith("\r"):
            self.assertTrue(self.terminal.wait_for(PROMPT_AGAIN), self.terminal.shown())

    def test_commands_and_replies(self):
        self.shows("set k v\r", "OK")
        self.shows("get k\r", '"v"')
        self.shows("select 2\r", f":{self.server.port}[2]> ")

    def test_hint_of_set(self):
        self.shows("set ", "key value [NX|XX] [GET] [EX seconds|PX milliseconds|"
                           "EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]")

    def test_hint_of_subcommands(self):
        self.shows("object freq ", "key")
        self.shows("\x15client kill ", "TYPE")
        self.shows("\x15config get ", "parameter [parameter ...]")

    def test_hint_of_expire_and_mset(self):
        self.shows("expire ", "key seconds [NX|XX|GT|LT]")
        self.shows("\x15mset ", "key value [key value ...]")

    def test_completion(self):
        self.shows("getr\t", "GETRANGE")

    def test_help(self):
        self.shows("help getrange\r", "since: 2.4.0")
        self.shows("help @string\r", "INCRBYFLOAT")


if __name__ == "__main__":
    run()
