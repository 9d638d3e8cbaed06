#!/usr/bin/python3
"""Clients that are broken, slow, greedy or gone: the server answers the others, keeps its memory
and closes what it must close. (What exactly it answers to broken bytes is compared with
redis-server by test/differential/wire.py.)
"""

import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                            # noqa: E402
from support.fixture import ServerCase, eventually, run             # noqa: E402
from support.server import PATIENCE, SANITIZED                      # noqa: E402

MEGABYTE = 1 << 20


class BadInputCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(4711)
        self.sockets = []

    def tearDown(self):
        for sock in self.sockets:
            sock.close()
        self.assertTrue(eventually(lambda: self.connected() == len(self.clients), 10),
                        f"connections that are gone are still counted: {self.connected()}")
        super().tearDown()

    def connected(self):
        return int(self.info("clients")["connected_clients"])

    def raw(self):
        sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=10 * PATIENCE)
        self.sockets.append(sock)
        return sock

    def others_are_served(self):
        self.check(resp.OK, "SET", "alive", "yes")
        self.check(resp.bulk("yes"), "GET", "alive")

    def check_growth(self, before, limit):
        """Resident memory has not grown by more, where it is the server's own."""
        if not SANITIZED:
            self.assertLess(self.server.rss_bytes() - before, limit)

    @staticmethod
    def reset(sock):
        """Close with a reset instead of a farewell."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


class Garbage(BadInputCase):
    def throw(self, make, count=1500):
        """`count` connections, each sending what make() gives, some reading, some just leaving."""
        before = self.server.rss_bytes()
        for turn in range(count):
            sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=10 * PATIENCE)
            try:
                sock.sendall(make())
                if turn % 3 == 0:
                    sock.settimeout(0.001)
                    sock.recv(4096)
            except OSError:
                pass
            if turn % 2:
                self.reset(sock)
            else:
                sock.close()
            if turn % 100 == 0:
                self.others_are_served()
        self.check_growth(before, 48 * MEGABYTE)

    def test_random_bytes(self):
        self.throw(lambda: self.random.randbytes(self.random.randint(1, 2000)))

    def test_random_bytes_that_look_like_a_request(self):
        self.throw(lambda: b"*3\r\n$3\r\nSET\r\n" + self.random.randbytes(500))

    def test_truncated_requests(self):
        whole = resp.encode(["MSET", *(f"key{i}" for i in range(100))])
        self.throw(lambda: whole[:self.random.randint(1, len(whole) - 1)])

    def test_resets_right_behind_the_data(self):
        """Some kernels lose such a reset in a multishot receive: see core/driver_uring.c."""
        for _ in range(2000):
            sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=10 * PATIENCE)
            sock.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nab")
            self.reset(sock)
        self.others_are_served()

    def test_huge_headers(self):
        self.throw(lambda: self.random.choice([
            b"*1048576\r\n", b"*2147483647\r\n", b"*1048576\r\n$536870912\r\n",
            b"*2\r\n$536870912\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
            b"*99999999999\r\n", b"$5\r\n", b"*1048576\r\n" + b"$1\r\na\r\n" * 2000]))

    def test_leaving_in_the_middle_of_commands(self):
        pipeline = b"".join(resp.encode(["SET", f"m{i}", "x" * 100]) for i in range(200))
        reads = b"".join(resp.encode(["MGET", *(f"m{i}" for i in range(50))]) for _ in range(50))
        self.throw(lambda: (pipeline + reads)[:self.random.randint(10, len(pipeline + reads))],
                   count=400)

    def test_connections_that_say_nothing(self):
        self.throw(lambda: b"", count=3000)


class Slow(BadInputCase):
    def test_many_half_commands_are_held_cheaply(self):
        before = self.server.rss_bytes()
        for _ in range(1000):
            self.raw().sendall(b"*3\r\n$3\r\nSET\r\n$5\r\nslow!\r\n$1000000\r\nx")
        self.others_are_served()
        # A promised megabyte is not a megabyte: only what arrived may be kept.
        self.check_growth(before, 200 * MEGABYTE)
        started = self.server.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.server.cpu_seconds() - started, 0.3)

    def test_byte_by_byte(self):
        request = resp.encode(["SET", "drip", "drop"]) + resp.encode(["GET", "drip"])
        sock = self.raw()
        for byte in request:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        self.reads(sock, b"+OK\r\n$4\r\ndrop\r\n")

    def reads(self, sock, expected):
        data = b""
        while len(data) < len(expected):
            more = sock.recv(4096)
            if not more:
                break
            data += more
        self.assertEqual(data, expected)

    def test_a_large_value_in_small_pieces_costs_its_size(self):
        value = os.urandom(2 * MEGABYTE)
        request = resp.encode(["SET", "large", value])
        started = self.server.cpu_seconds()
        sock = self.raw()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request), 1000):
            sock.sendall(request[start:start + 1000])
        self.reads(sock, b"+OK\r\n")
        self.assertLess(self.server.cpu_seconds() - started, 2 * PATIENCE)
        self.check(resp.bulk(value), "GET", "large")


class Greedy(BadInputCase):
    """Clients that ask and never read are bounded, and cut off beyond
    client-output-buffer-limit."""

    def setUp(self):
        super().setUp()
        self.check(resp.OK, "CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0")
        self.client.call("SET", "large", "x" * 100000)

    def tearDown(self):
        self.client.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
        super().tearDown()

    def ask_without_reading(self, request, megabytes):
        """Asks for so much in all; True when the server cuts it off within the time it needs for
        that."""
        sock = self.raw()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(1 * PATIENCE)
        deadline = time.monotonic() + 10 * PATIENCE
        try:
            for _ in range(0, megabytes * MEGABYTE, 100000 * 50):
                sock.sendall(request * 50)
            while time.monotonic() < deadline:
                time.sleep(0.02)
                sock.sendall(b"\r\n")   # an empty line asks for nothing, and meets the reset
        except ConnectionError:
            return True
        except socket.timeout:
            return False
        return False

    def test_a_reader_that_does_not_read_is_cut_off(self):
        before = self.server.rss_bytes()
        request = resp.encode(["GET", "large"])
        results = [self.ask_without_reading(request, 400) for _ in range(5)]
        self.assertEqual(results, [True] * 5)
        self.check_growth(before, 150 * MEGABYTE)
        self.others_are_served()

    def test_one_that_reads_gets_everything(self):
        client = self.connect(timeout=30)
        for _ in range(20):
            replies = client.pipeline([("GET", "large")] * 60)
            self.assertEqual({len(reply.value) for reply in replies}, {100000})

    def test_a_pipeline_never_read_holds_no_more_than_its_limit(self):
        self.check(resp.OK, "CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
        before = self.server.rss_bytes()
        sock = self.raw()
        sock.settimeout(0.5 * PATIENCE)
        try:
            for _ in range(100):
                sock.sendall(resp.encode(["PING"]) * 10000)
        except OSError:
            pass   # back-pressure or an end: both are bounds
        self.others_are_served()
        self.check_growth(before, 150 * MEGABYTE)


class QueryBuffer(BadInputCase):
    def test_limit_closes_the_connection(self):
        self.check(resp.OK, "CONFIG", "SET", "client-query-buffer-limit", "1048576")
        try:
            sock = self.raw()
            with self.assertRaises(ConnectionError):
                sock.sendall(b"*2\r\n$3\r\nGET\r\n$400000000\r\n")
                for _ in range(400):
                    sock.sendall(b"x" * 100000)
                if sock.recv(1) == b"":
                    raise ConnectionResetError
            self.others_are_served()
        finally:
            self.client.call("CONFIG", "SET", "client-query-buffer-limit", "1gb")

    def test_a_large_value_is_fine_and_given_back(self):
        value = b"v" * (40 * MEGABYTE)
        self.check(resp.OK, "SET", "large", value)
        self.assertEqual(len(self.client.call("GET", "large").value), len(value))
        before = self.server.rss_bytes()
        self.client.call("DEL", "large")
        if SANITIZED:
            return
        self.assertTrue(eventually(lambda: self.server.rss_bytes() < before - 20 * MEGABYTE, 10),
                        "memory of a deleted value is not given back")


class Storms(BadInputCase):
    def test_connecting_and_leaving_from_many_threads(self):
        stop = time.monotonic() + 4
        failures = []

        def storm(seed):
            chooser = random.Random(seed)
            request = resp.encode(["INCR", "storm"]) * 20
            while time.monotonic() < stop:
                try:
                    sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
                    sock.sendall(request[:chooser.randint(1, len(request))])
                    if chooser.random() < 0.5:
                        self.reset(sock)
                    else:
                        sock.close()
                except OSError as error:
                    failures.append(error)
        threads = [threading.Thread(target=storm, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        while time.monotonic() < stop:
            self.others_are_served()
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        self.assertEqual(failures[:3], [])

    def test_maxclients_is_told(self):
        self.check(resp.OK, "CONFIG", "SET", "maxclients", "50")
        try:
            told = b""
            for _ in range(60):
                sock = self.raw()
                sock.settimeout(0.2)
                try:
                    told += sock.recv(200)
                except socket.timeout:
                    pass
                if told:
                    break
            self.assertEqual(told, b"-ERR max number of clients reached\r\n")
        finally:
            self.client.call("CONFIG", "SET", "maxclients", "10000")


if __name__ == "__main__":
    run()
