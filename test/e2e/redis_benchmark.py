#!/usr/bin/python3
"""redis-benchmark, unmodified: it must come to its end, without a warning, and report every test.

How fast is bench/'s business; nothing here is timed.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                 # noqa: E402
from support.fixture import ServerCase, run, shell, start_server    # noqa: E402

BASIC = ["SET", "GET", "INCR", "MSET (10 keys)"]


class Benchmark(ServerCase):
    def bench(self, *words, timeout=60, warning=""):
        exit_status, output, errors = shell(["redis-benchmark", "-p", self.server.port, *words],
                                            timeout=timeout)
        self.assertEqual(exit_status, 0, output + errors)
        self.assertEqual(errors[:len(warning)] if warning else errors, warning)
        self.assertNotIn("Error", output)
        return output

    def finished(self, output):
        """The names of the tests that reported a rate above zero."""
        rates = re.findall(r"(?:^|[\r\n])([A-Z][A-Za-z_ ()0-9]*): ([0-9.]+) requests per second",
                           output)
        return [name for name, rate in rates if float(rate) > 0]

    def test_as_in_the_readme(self):
        output = self.bench("-t", "set,get,incr,mset", "-n", "20000", "-q")
        self.assertEqual(self.finished(output), BASIC)
        self.check(resp.bulk("20000"), "GET", "counter:__rand_int__")

    def test_pipelined(self):
        output = self.bench("-t", "set,get,incr,mset", "-n", "40000", "-P", "16", "-q")
        self.assertEqual(self.finished(output), BASIC)

    def test_deeply_pipelined_many_connections(self):
        output = self.bench("-t", "set,get", "-n", "100000", "-P", "64", "-c", "200", "-q")
        self.assertEqual(self.finished(output), ["SET", "GET"])

    def test_random_keys(self):
        output = self.bench("-t", "set,get,incr,mset", "-n", "20000", "-r", "100000", "-q")
        self.assertEqual(self.finished(output), BASIC)
        self.assertGreater(self.client.call("DBSIZE").value, 50000)

    def test_every_increment_counts(self):
        self.bench("-n", "30000", "-P", "8", "-q", "INCR", "total")
        self.check(resp.bulk("30000"), "GET", "total")

    def test_large_values(self):
        output = self.bench("-t", "set,get", "-n", "2000", "-d", "100000", "-q")
        self.assertEqual(self.finished(output), ["SET", "GET"])

    def test_threads(self):
        output = self.bench("-t", "set,get", "-n", "20000", "--threads", "2", "-q")
        self.assertEqual(self.finished(output), ["SET", "GET"])

    def test_resp3_database_and_ping(self):
        output = self.bench("-3", "--dbnum", "5", "-t", "ping_inline,ping_mbulk,set", "-n", "5000",
                            "-q")
        self.assertEqual(self.finished(output), ["PING_INLINE", "PING_MBULK", "SET"])
        self.client.call("SELECT", "5")
        self.check(resp.number(1), "DBSIZE")

    def test_full_report(self):
        output = self.bench("-t", "set", "-n", "5000")
        self.assertIn("latency summary (msec):", output)
        self.assertIn("5000 requests completed in", output)

    def test_no_keepalive(self):
        output = self.bench("-t", "ping_mbulk", "-n", "3000", "-k", "0", "-q",
                            warning="WARNING: Keepalive disabled.")
        self.assertEqual(self.finished(output), ["PING_MBULK"])

    def test_cluster_mode_ends_by_itself(self):
        """It refuses a cluster of one node, or runs; it never hangs."""
        _, output, errors = shell(["redis-benchmark", "-p", self.server.port, "--cluster", "-q",
                                   "-t", "set", "-n", "1000"], timeout=30)
        self.assertRegex(output + errors, r"requests per second|Cluster has 1 master|"
                                          r"[Ii]nvalid cluster|cluster support disabled")


class WithPassword(unittest.TestCase):
    def test_password(self):
        with start_server(password="sesame") as server:
            exit_status, output, errors = shell(
                ["redis-benchmark", "-p", server.port, "-a", "sesame", "-t", "set", "-n", "1000",
                 "-q"])
            self.assertEqual(exit_status, 0, output + errors)
            self.assertRegex(output, r"SET: [0-9.]+ requests per second")


if __name__ == "__main__":
    run()
