#!/usr/bin/python3
"""Clients that wait for keys: who is served, in what order, when they give up, and that nothing is
lost or given twice. Everything but the figures of INFO holds for Redis as well."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                                 # noqa: E402
from support.fixture import ServerCase, eventually, run                  # noqa: E402
from support.resp import NULL_ARRAY, OK, array, bulk, number  # noqa: E402
from support.server import PATIENCE                                      # noqa: E402

# Keys of many slots: on two cores, some are here and some are there.
KEYS = [f"queue:{i}" for i in range(8)]
UNBLOCKED = resp.error("UNBLOCKED client unblocked via CLIENT UNBLOCK")


class Blocking(ServerCase):
    def connect(self):
        client = self.server.client()
        self.addCleanup(client.close)
        return client

    def blocked(self):
        text = self.client.call("INFO", "clients").value.decode()
        return int(text.split("blocked_clients:")[1].split("\r\n")[0])

    def wait(self, client, *words, blocked):
        """Send a command that waits; until the server knows that so many clients wait."""
        client.send(*words)
        self.assertTrue(eventually(lambda: self.blocked() == blocked), words)

    def test_first_come_first_served(self):
        for key in KEYS[:4]:
            clients = [self.connect() for _ in range(5)]
            for count, client in enumerate(clients):
                # The one in the middle waits for keys of other cores, too.
                keys = KEYS if count == 2 else [key]
                self.wait(client, "BLPOP", *keys, "0", blocked=count + 1)
            self.assertEqual(self.client.call("RPUSH", key, "a", "b"), number(2))
            self.assertEqual(self.client.call("RPUSH", key, "c", "d", "e").kind, ":")
            for client, value in zip(clients, "abcde"):
                self.assertEqual(client.read(), array(bulk(key), bulk(value)))
            self.assertEqual(self.client.call("EXISTS", key), number(0))

    def test_the_first_key_with_something_in_it(self):
        client = self.connect()
        self.client.call("RPUSH", KEYS[5], "five")
        self.client.call("RPUSH", KEYS[2], "two")
        self.assertEqual(client.call("BLPOP", *KEYS, "0"), array(bulk(KEYS[2]), bulk("two")))
        self.assertEqual(client.call("BRPOP", *KEYS, "0"), array(bulk(KEYS[5]), bulk("five")))

    def test_timeouts(self):
        client = self.connect()
        for keys in (KEYS[:1], KEYS[1:2], KEYS):
            for timeout in (0.05, 0.123):
                begin = time.monotonic()
                self.assertEqual(client.call("BLPOP", *keys, timeout), NULL_ARRAY)
                took = time.monotonic() - begin
                self.assertGreaterEqual(took, timeout - 0.001)
                if self.server.flavour == "gofish":
                    self.assertLess(took, timeout + 0.1 * PATIENCE)
        self.assertIsNone(client.call("BLMOVE", *KEYS[:2], "LEFT", "LEFT", "0.01").value)

    def test_the_dead_take_nothing(self):
        for keys in (KEYS[:1], KEYS):
            dead, living = self.connect(), self.connect()
            self.wait(dead, "BLPOP", *keys, "0", blocked=1)
            self.wait(living, "BLPOP", *keys, "0", blocked=2)
            dead.close()
            self.assertTrue(eventually(lambda: self.blocked() == 1))
            self.client.call("RPUSH", KEYS[0], "x")
            self.assertEqual(living.read(), array(bulk(KEYS[0]), bulk("x")))

    def test_killed_and_unblocked(self):
        for keys in (KEYS[:1], KEYS):
            client = self.connect()
            client_id = client.call("CLIENT", "ID").value
            self.wait(client, "BLPOP", *keys, "0", blocked=1)
            line = self.client.call("CLIENT", "LIST", "ID", client_id).value
            self.assertIn(b"flags=b", line)
            self.assertEqual(self.client.call("CLIENT", "UNBLOCK", client_id), number(1))
            self.assertEqual(client.read(), NULL_ARRAY)
            self.wait(client, "BLPOP", *keys, "0", blocked=1)
            self.assertEqual(self.client.call("CLIENT", "UNBLOCK", client_id, "ERROR"), number(1))
            self.assertEqual(client.read(), UNBLOCKED)
            self.assertEqual(self.client.call("CLIENT", "UNBLOCK", client_id), number(0))
            self.wait(client, "BLPOP", *keys, "0", blocked=1)
            self.assertEqual(self.client.call("CLIENT", "KILL", "ID", client_id), number(1))
            self.assertTrue(client.is_closed(5))
            self.assertEqual(self.blocked(), 0)

    def test_chains(self):
        """What one takes out of a queue for another wakes the next."""
        clients = [self.connect() for _ in range(4)]
        for i in range(3):
            self.wait(clients[i], "BLMOVE", *KEYS[i:i + 2], "LEFT", "RIGHT", "0", blocked=i + 1)
        self.wait(clients[3], "BLPOP", KEYS[3], "0", blocked=4)
        self.client.call("RPUSH", KEYS[0], "baton")
        self.assertEqual([client.read() for client in clients],
                         [bulk("baton")] * 3 + [array(bulk(KEYS[3]), bulk("baton"))])
        self.assertTrue(eventually(lambda: self.client.call("DBSIZE") == number(0)))

    def test_transactions(self):
        """A transaction is seen as a whole, and does not wait."""
        client = self.connect()
        self.wait(client, "BLPOP", *KEYS, "0", blocked=1)
        replies = self.client.pipeline([
            ["MULTI"], ["RPUSH", KEYS[0], "x"], ["DEL", KEYS[0]], ["BLPOP", KEYS[0], "0"],
            ["EXEC"]])
        self.assertEqual(replies[-1], array(number(1), number(1), NULL_ARRAY))
        self.assertEqual(self.blocked(), 1)
        self.client.pipeline([
            ["MULTI"], ["RPUSH", KEYS[3], "y"], ["RPUSH", KEYS[4], "z"], ["EXEC"]])
        self.assertIn(client.read(),
                      [array(bulk(KEYS[i]), bulk(value)) for i, value in ((3, "y"), (4, "z"))])

    def test_a_key_of_another_type(self):
        client = self.connect()
        self.wait(client, "BLPOP", KEYS[0], "0", blocked=1)
        self.assertEqual(self.client.pipeline([["SET", KEYS[0], "x"], ["DEL", KEYS[0]],
                                               ["ZADD", KEYS[0], "1", "m"], ["DEL", KEYS[0]]]),
                         [OK, number(1), number(1), number(1)])
        self.assertEqual(self.blocked(), 1)
        self.client.call("LPUSH", KEYS[0], "v")
        self.assertEqual(client.read(), array(bulk(KEYS[0]), bulk("v")))

    def test_sorted_sets(self):
        clients = [self.connect() for _ in range(3)]
        self.wait(clients[0], "BZPOPMIN", KEYS[0], "0", blocked=1)
        self.wait(clients[1], "BZPOPMAX", *KEYS, "0", blocked=2)
        self.wait(clients[2], "BZMPOP", "0", "2", KEYS[1], KEYS[0], "MIN", blocked=3)
        self.client.call("ZADD", KEYS[0], "1", "a", "2", "b", "3", "c")
        self.assertEqual([client.read() for client in clients], [
            array(bulk(KEYS[0]), bulk("a"), bulk("1")), array(bulk(KEYS[0]), bulk("c"), bulk("3")),
            array(bulk(KEYS[0]), array(array(bulk("b"), bulk("2"))))])

    def test_the_pipeline_behind_it_waits(self):
        client = self.connect()
        client.send_raw(b"".join(map(resp.encode, [
            ["SET", "before", "1"], ["BLPOP", *KEYS, "0"], ["SET", "after", "1"],
            ["GET", "before"]])))
        self.assertEqual(client.read(), OK)
        self.assertTrue(eventually(lambda: self.blocked() == 1))
        self.assertEqual(self.client.call("EXISTS", "before", "after"), number(1))
        self.client.call("RPUSH", KEYS[6], "x")
        self.assertEqual([client.read() for _ in range(3)],
                         [array(bulk(KEYS[6]), bulk("x")), OK, bulk("1")])

    def test_nothing_is_lost_or_given_twice(self):
        """Many take, some of them impatiently, many give; in the end all is taken, once."""
        takers, givers, each = 6, 3, 400
        taken, lock = [], threading.Lock()

        def take(number_):
            with self.server.client() as client:
                while True:
                    keys = KEYS[number_:] + KEYS[:number_] if number_ % 2 else [KEYS[number_]]
                    reply = client.call("BLPOP", *keys, "0.02" if number_ % 3 else "0.7")
                    if reply.value is None:
                        if number_ % 3 == 0:
                            return
                        continue
                    if reply.value[1].value == b"end":
                        return
                    with lock:
                        taken.append(reply.value[1].value)

        def give(number_):
            with self.server.client() as client:
                for i in range(each):
                    client.call("RPUSH", KEYS[(i * 7 + number_) % len(KEYS)], f"{number_}:{i}")

        threads = [threading.Thread(target=take, args=(i,), daemon=True) for i in range(takers)]
        threads += [threading.Thread(target=give, args=(i,), daemon=True) for i in range(givers)]
        for thread in threads:
            thread.start()
        for thread in threads[takers:]:
            thread.join(60 * PATIENCE)
        self.assertTrue(eventually(lambda: len(taken) + self.left() >= givers * each, 20))
        for key in KEYS:
            self.client.call("RPUSH", key, *["end"] * takers)
        for thread in threads[:takers]:
            thread.join(20 * PATIENCE)
        left = [item.value for key in KEYS
                for item in self.client.call("LRANGE", key, "0", "-1").value
                if item.value != b"end"]
        everything = sorted(taken + left)
        self.assertEqual(everything, sorted(f"{g}:{i}".encode()
                                            for g in range(givers) for i in range(each)))

    def left(self):
        return sum(self.client.call("LLEN", key).value for key in KEYS)


if __name__ == "__main__":
    run()
