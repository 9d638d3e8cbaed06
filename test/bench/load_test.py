#!/usr/bin/python3
"""bench/load against a real redis-server: it sends what it should, and it does not look away.

    load_test.py PATH_OF_LOAD
"""
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

LOAD = ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="gofish-load-")
        self.server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", str(self.port),
             "--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--dir", self.folder],
            stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.fail("redis-server did not start")

    def tearDown(self):
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, *arguments, code=0):
        run = subprocess.run([LOAD, "--port", str(self.port), "--short", "--json", *arguments],
                             capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, code, run.stderr)
        return json.loads(run.stdout) if run.stdout else run.stderr

    def ask(self, line):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(line.encode() + b"\r\n")
            return connection.makefile().readline().strip()

    def test_every_request_is_made_and_answered(self):
        result = self.load()
        self.assertEqual(result["made"], 1600)  # 2000/s for 0.8 s
        self.assertEqual(result["answered"], 1600)
        self.assertEqual((result["errors"], result["unanswered"], result["misses"]), (0, 0, 0))
        self.assertEqual(result["hits"], result["reads_us"]["count"])
        self.assertEqual(result["writes_us"]["count"] + result["hits"], 1600)
        figures = list(result["all_us"].values())[1:]
        self.assertEqual(figures, sorted(figures))
        self.assertGreater(figures[0], 0)
        self.assertEqual(self.ask("DBSIZE"), ":1000")

    def test_a_stall_counts_against_all_who_waited(self):
        """The server stands still for 300 of 800 ms: a third of the requests were due meanwhile.
        A generator that waits for answers before it sends would see one slow request for each of
        its 20 connections, 1 percent."""
        def stall():
            deadline = time.monotonic() + 10
            while self.ask("DBSIZE") != ":1000" and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.4)
            self.server.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            self.server.send_signal(signal.SIGCONT)

        thread = threading.Thread(target=stall)
        thread.start()
        result = self.load("--warmup", "0.1", "--duration", "0.9", "--drain", "10")
        thread.join()
        self.assertEqual(result["answered"], result["made"])
        self.assertGreater(result["all_us"]["max"], 250_000)
        self.assertGreater(result["all_us"]["p90"], 100_000)

    def test_bursts_sizes_skew_and_many_connections(self):
        result = self.load("--burst", "8", "--size", "1-3000", "--zipf", "0.99", "--writes", "50",
                           "--connections", "600", "--active", "60", "--poisson")
        self.assertEqual(result["answered"], result["made"])
        self.assertEqual((result["connections"], result["active"]), (600, 60))
        self.assertEqual(result["errors"], 0)

    def test_misses_fill_a_cache(self):
        result = self.load("--no-fill", "--cache", "--writes", "0", "--keys", "100",
                           "--warmup", "0")
        self.assertGreater(result["misses"], 0)
        self.assertGreater(result["hits"], result["misses"])
        self.assertEqual(self.ask("DBSIZE"), ":100")

    def test_errors_are_counted_and_not_timed(self):
        self.ask("CONFIG SET maxmemory 1")
        result = self.load("--no-fill", "--writes", "100")
        self.assertEqual(result["errors"], result["made"])
        self.assertEqual(result["all_us"]["count"], 0)

    def test_a_server_that_goes_away_is_no_success(self):
        killer = threading.Timer(0.5, self.server.kill)
        killer.start()
        message = self.load("--no-fill", "--duration", "2", code=1)
        killer.join()
        self.assertEqual(message["answered"] + message["unanswered"], message["made"])
        self.assertGreater(message["connections_lost"], 0)

    def test_a_server_that_is_not_there(self):
        self.server.kill()
        self.server.wait()
        self.assertIn("refused", self.load(code=1))


if __name__ == "__main__":
    LOAD = sys.argv.pop(1)
    unittest.main()
