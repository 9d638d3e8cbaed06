#!/usr/bin/python3
"""maxmemory holds: what the process has resident stays close to it under any storm of writes.

Each storm writes values of one range of sizes as fast as it can, far more than fits, and a thread
looks at the resident size every few milliseconds. Storms follow each other on one server, small ones
after large ones and the other way, because what was freed in one size must serve the next. With
allkeys-* nothing may be refused meanwhile; with noeviction writes are, and reads are not; with
volatile-* only keys that would expire anyway may go.
"""

import os
import random
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                     # noqa: E402
from support.fixture import run, start_server                # noqa: E402

LIMIT_MB = 200                # the largest value is a hundredth of it
LIMIT = LIMIT_MB << 20
TOLERANCE = 1.05
STORM_SIZE = 2.0 * LIMIT    # bytes a storm writes, or ...
STORM_SECONDS = 4.0         # ... as long as it takes at most
BATCH_SIZE = 200000         # bytes in flight
POLICIES = ("allkeys-lru", "allkeys-lfu", "allkeys-random",
            "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")
EXPIRING = (b"EX", b"1000")
OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"

SIZES = {
    "small": (10, 1000),
    "medium": (1000, 16000),
    "mixed": (1000, 65536),
    "even": (65536, 65536),
    "large": (100000, 2000000),
}


class Watch:
    """The highest resident size seen while it is open."""

    def __init__(self, server):
        self.server = server
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.wait(0.003):
            self.peak = max(self.peak, self.server.rss_bytes())


class Storm:
    """Writes keys of its own name with values between two sizes."""

    def __init__(self, port, name, sizes, options=()):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.name = name
        self.sizes = sizes
        self.tail = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in options)
        self.words = 3 + len(options)
        self.chooser = random.Random(name)
        self.blob = self.chooser.randbytes(1024) * (sizes[1] // 1024 + 1)
        self.refused = 0
        self.written = 0

    def close(self):
        self.connection.close()

    def request(self):
        size = self.chooser.randint(*self.sizes)
        key = b"%s:%d" % (self.name.encode(), self.chooser.randrange(10 ** 9))
        return b"*%d\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n%s" % (
            self.words, len(key), key, size, self.blob[:size], self.tail)

    def batch(self):
        """Pipelined requests, as many as BATCH_SIZE allows; gives the bytes sent."""
        count = max(1, min(200, 2 * BATCH_SIZE // sum(self.sizes)))
        data = b"".join(self.request() for _ in range(count))
        self.connection.sendall(data)
        replies = b""
        while replies.count(b"\r\n") < count:
            more = self.connection.recv(65536)
            if not more:
                raise resp.Closed
            replies += more
        refused = replies.count(OOM)
        if replies != b"+OK\r\n" * count and refused + replies.count(b"+OK\r\n") != count:
            raise AssertionError(f"unexpected reply: {replies[:200]}")
        self.refused += refused
        self.written += count - refused
        return len(data)

    def blow(self, size=STORM_SIZE, seconds=STORM_SECONDS):
        stop = time.monotonic() + seconds
        while size > 0 and time.monotonic() < stop:
            size -= self.batch()


class MaxMemory(unittest.TestCase):

    def start(self, policy, limit=f"{LIMIT_MB}mb"):
        server = start_server("--maxmemory", limit, "--maxmemory-policy", policy)
        self.addCleanup(server.discard)
        return server

    def blow(self, server, name, sizes, options=(), seconds=STORM_SECONDS):
        storm = Storm(server.port, name, sizes, options)
        with Watch(server) as watch:
            storm.blow(seconds=seconds)
        storm.close()
        share = watch.peak / LIMIT
        print(f"  {name} {sizes[0]}..{sizes[1]}: {storm.written} written, {storm.refused} refused, "
              f"peak {100 * share:.1f} %", file=sys.stderr, flush=True)
        self.assertLessEqual(share, TOLERANCE, f"{name} {sizes}")
        return storm

    def storms(self, policy, *names, seconds=STORM_SECONDS):
        server = self.start(policy)
        options = EXPIRING if policy.startswith("volatile") else ()
        for number, name in enumerate(names):
            storm = self.blow(server, f"{name}{number}", SIZES[name], options, seconds)
            self.assertEqual(storm.refused, 0, name)
            self.assertGreater(storm.written, 0)
        # The limit is used, too: evicting everything would be easy.
        self.assertGreater(server.rss_bytes(), LIMIT * 3 // 4)
        with server.client() as client:
            self.assertGreater(client.call("DBSIZE").value, 0)
        server.stop()

    def test_every_policy(self):
        for policy in POLICIES:
            with self.subTest(policy):
                self.storms(policy, "small", "large", "mixed", seconds=2)

    def test_values_expire_meanwhile(self):
        for policy in ("allkeys-random", "volatile-ttl"):
            server = self.start(policy)
            for number, name in enumerate(("small", "large", "mixed", "small")):
                storm = self.blow(server, f"{name}{number}", SIZES[name], (b"PX", b"300"), 2)
                self.assertEqual(storm.refused, 0, name)
            server.stop()

    def test_a_refused_command_changes_nothing(self):
        server = self.start("noeviction")
        self.blow(server, "refused", SIZES["mixed"])
        keys = [f"many:{i}" for i in range(200)]
        pairs = [word for key in keys for word in (key, "value")]
        with server.client() as client:
            for command in ("MSET", "MSETNX"):
                reply = client.call(command, *pairs)
                self.assertTrue(reply.is_error() and reply.value.startswith(b"OOM "), reply)
                self.assertEqual(client.call("EXISTS", *keys), resp.number(0))

    def test_from_small_to_large(self):
        self.storms("allkeys-lru", "small", "medium", "mixed", "large")

    def test_from_large_to_small(self):
        self.storms("allkeys-lfu", "large", "even", "mixed", "small")

    def test_there_and_back(self):
        self.storms("allkeys-random", "small", "large", "medium")

    def test_without_eviction_writes_are_refused_and_reads_go_on(self):
        server = self.start("noeviction")
        with server.client() as client:
            client.call("SET", "kept", "value")
            storm = self.blow(server, "refused", SIZES["mixed"])
            self.assertGreater(storm.refused, 0)
            reply = client.call("SET", "another", "x" * 100)
            self.assertTrue(reply.is_error(), reply)
            self.assertTrue(reply.value.startswith(b"OOM "), reply)
            self.assertEqual(client.call("GET", "kept"), resp.bulk("value"))
            self.assertEqual(client.call("DBSIZE"), resp.number(storm.written + 1))
            # What is deleted makes room again.
            client.call("FLUSHALL")
            deadline = time.monotonic() + 10
            while client.call("SET", "another", "x").is_error() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertEqual(client.call("SET", "another", "x"), resp.OK)

    def test_volatile_policies_take_only_what_expires(self):
        for policy in ("volatile-lru", "volatile-ttl"):
            server = self.start(policy)
            kept = 20000
            with server.client() as client:
                for first in range(0, kept, 1000):
                    client.pipeline([["SET", f"kept:{i}", "x" * 500]
                                     for i in range(first, first + 1000)])
                storm = self.blow(server, policy, SIZES["medium"], (b"EX", b"1000"))
                self.assertEqual(storm.refused, 0)
                self.assertLess(client.call("DBSIZE").value, kept + storm.written)
                for first in range(0, kept, 1000):
                    reply = client.call("EXISTS", *(f"kept:{i}" for i in range(first, first + 1000)))
                    self.assertEqual(reply, resp.number(1000))
            server.stop()

    def test_the_limit_can_be_lowered(self):
        server = self.start("allkeys-lru", f"{2 * LIMIT_MB}mb")
        storm = Storm(server.port, "before", SIZES["mixed"])
        storm.blow(2 * STORM_SIZE)
        with server.client() as client:
            self.assertEqual(client.call("CONFIG", "SET", "maxmemory", f"{LIMIT_MB}mb"), resp.OK)
        storm.blow(LIMIT / 2)
        storm.close()
        deadline = time.monotonic() + 10
        while server.rss_bytes() > LIMIT * TOLERANCE and time.monotonic() < deadline:
            time.sleep(0.05)
        self.blow(server, "lowered", SIZES["mixed"])


if __name__ == "__main__":
    run()
