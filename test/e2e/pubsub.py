#!/usr/bin/python3
"""Pub/Sub through real sockets: order, counts, subscriber mode, limits, notifications; redis-py and
redis-cli as subscribers."""

import os
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                                               # noqa: E402

from support.fixture import ServerCase, eventually, run                    # noqa: E402
from support.resp import array, bulk, number                               # noqa: E402


class PubSubCase(ServerCase):
    def open(self):
        client = self.server.client()
        self.addCleanup(client.close)
        return client

    def subscriber(self, *words):
        client = self.open()
        client.send(*words)
        for _ in words[1:]:
            client.read()
        return client


class Messages(PubSubCase):
    def test_exact_count_and_order(self):
        subscribers = [self.subscriber("SUBSCRIBE", "news") for _ in range(8)]
        publishers = [self.open() for _ in range(4)]
        for i in range(100):
            for at, publisher in enumerate(publishers):
                publisher.send("PUBLISH", "news", f"{at}:{i}")
        for publisher in publishers:
            self.assertEqual([publisher.read() for _ in range(100)], [number(8)] * 100)
        for subscriber in subscribers:
            seen = {}
            for _ in range(400):
                message = subscriber.read()
                self.assertEqual(message.value[:2], (bulk("message"), bulk("news")))
                at, i = message.value[2].value.split(b":")
                self.assertEqual(int(i), seen.get(at, -1) + 1)
                seen[at] = int(i)
            self.assertFalse(subscriber.is_closed(0.05))

    def test_confirmed_means_subscribed(self):
        publisher = self.open()
        for i in range(50):
            subscriber = self.subscriber("SUBSCRIBE", f"c{i}")
            self.assertEqual(publisher.call("PUBLISH", f"c{i}", "x"), number(1))
            self.assertEqual(subscriber.read(),
                             array(bulk("message"), bulk(f"c{i}"), bulk("x")))
            subscriber.close()
            self.assertTrue(eventually(
                lambda c=f"c{i}": publisher.call("PUBLISH", c, "x") == number(0)))

    def test_big_messages(self):
        subscriber = self.subscriber("PSUBSCRIBE", "b*")
        big = b"x" * (3 << 20)
        self.assertEqual(self.open().call("PUBLISH", "big", big), number(1))
        self.assertEqual(subscriber.read().value[3].value, big)

    def test_thousand_subscribers(self):
        subscribers = [self.subscriber("SUBSCRIBE", "all") for _ in range(1000)]
        self.assertEqual(self.open().call("PUBLISH", "all", "x"), number(1000))
        for subscriber in subscribers:
            self.assertEqual(subscriber.read().value[2], bulk("x"))

    def test_transaction(self):
        subscribers = [self.subscriber("SUBSCRIBE", "tx") for _ in range(4)]
        client = self.open()
        client.call("MULTI")
        client.call("SET", "k", "1")
        client.call("PUBLISH", "tx", "1")
        reply = client.call("EXEC")
        self.assertEqual(reply.value[1], number(4))
        for subscriber in subscribers:
            self.assertEqual(subscriber.read().value[2], bulk("1"))


class Mode(PubSubCase):
    def test_little_else_is_allowed(self):
        client = self.subscriber("SUBSCRIBE", "c")
        self.assertTrue(client.call("GET", "k").value.startswith(b"ERR Can't execute 'get': only"))
        self.assertEqual(client.call("PING"), array(bulk("pong"), bulk("")))
        self.assertEqual(client.call("RESET").value, b"RESET")
        self.assertEqual(client.call("PING").value, b"PONG")

    def test_resp3_pushes(self):
        client = self.open()
        client.call("HELLO", "3")
        self.assertEqual(client.call("SUBSCRIBE", "c").kind, ">")
        self.assertEqual(client.call("SET", "k", "v").value, b"OK")
        self.open().call("PUBLISH", "c", "m")
        self.assertEqual(client.read().kind, ">")

    def test_listed_and_killed_as_pubsub(self):
        client = self.subscriber("SUBSCRIBE", "a", "b")
        client.send("PSUBSCRIBE", "p*")
        client.read()
        other = self.open()
        lines = other.call("CLIENT", "LIST", "TYPE", "pubsub").value
        self.assertIn(b"flags=P", lines)
        self.assertIn(b"sub=2 psub=1 ssub=0", lines)
        info = other.call("INFO", "everything").value
        for field in (b"pubsub_channels:2", b"pubsub_patterns:1", b"pubsub_clients:1"):
            self.assertIn(field, info)
        self.assertEqual(other.call("CLIENT", "KILL", "TYPE", "pubsub"), number(1))
        self.assertTrue(client.is_closed(5))

    def test_a_slow_subscriber_is_closed(self):
        client = self.subscriber("SUBSCRIBE", "c")
        other = self.open()
        other.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
        message = b"x" * 100000
        self.assertTrue(eventually(lambda: other.call("PUBLISH", "c", message) == number(0), 20))
        client.read_until_closed()
        other.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")


class Notifications(PubSubCase):
    def events(self, subscriber, count):
        """The names of the next events."""
        channels = [subscriber.read().value[2].value for _ in range(count)]
        return [channel.split(b":")[1] for channel in channels]

    def test_events_follow_the_answer(self):
        client = self.open()
        client.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
        self.assertEqual(client.call("CONFIG", "GET", "notify-keyspace-events").value[1],
                         bulk("AKE"))
        subscriber = self.subscriber("PSUBSCRIBE", "__key*__:*")
        for i in range(20):
            client.call("SET", f"k{i}", "v", "PX", "1")
            events = [subscriber.read().value for _ in range(4)]
            self.assertEqual([event[2].value for event in events],
                             [b"__keyspace@0__:k%d" % i, b"__keyevent@0__:set",
                              b"__keyspace@0__:k%d" % i, b"__keyevent@0__:expire"])
            expired = [subscriber.read().value for _ in range(2)]
            self.assertEqual(expired[1][2:], (bulk("__keyevent@0__:expired"), bulk(f"k{i}")))
        client.call("CONFIG", "SET", "notify-keyspace-events", "")

    def test_fields_that_expire(self):
        """One event however many fields go at once; with the last one the key goes."""
        client = self.open()
        client.call("CONFIG", "SET", "notify-keyspace-events", "Ehg")
        subscriber = self.subscriber("PSUBSCRIBE", "__key*__:*")
        client.call("HSET", "h", "a", "1", "b", "2", "c", "3")
        if client.call("HPEXPIRE", "h", "1", "FIELDS", "2", "a", "b").is_error():
            self.skipTest("no HPEXPIRE")
        self.assertEqual(self.events(subscriber, 3), [b"hset", b"hexpire", b"hexpired"])
        client.call("HPEXPIRE", "h", "1", "FIELDS", "1", "c")
        self.assertEqual(self.events(subscriber, 3), [b"hexpire", b"hexpired", b"del"])
        client.call("CONFIG", "SET", "notify-keyspace-events", "")


class Clients(PubSubCase):
    def test_redis_py(self):
        connection = redis.Redis(port=self.server.port, socket_timeout=10)
        self.addCleanup(connection.close)
        pubsub = connection.pubsub()
        self.addCleanup(pubsub.close)
        got = []
        pubsub.subscribe(**{"chat": lambda message: got.append(message["data"])})
        pubsub.psubscribe(**{"c*": lambda message: got.append(message["channel"])})
        thread = pubsub.run_in_thread(sleep_time=0.01)
        self.assertTrue(eventually(lambda: connection.publish("chat", "hello") == 2))
        self.assertTrue(eventually(lambda: b"hello" in got and b"chat" in got))
        self.assertEqual(connection.pubsub_numsub("chat"), [(b"chat", 1)])
        thread.stop()
        thread.join()

    def test_redis_cli(self):
        cli = subprocess.Popen(["redis-cli", "-p", str(self.server.port), "SUBSCRIBE", "c"],
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        other = self.open()
        self.assertTrue(eventually(lambda: other.call("PUBLISH", "c", "hi") == number(1)))
        lines = [cli.stdout.readline().strip() for _ in range(6)]
        self.assertEqual(lines, [b"subscribe", b"c", b"1", b"message", b"c", b"hi"])
        cli.terminate()
        cli.wait()
        cli.stdout.close()


class Storm(PubSubCase):
    def test_nothing_is_lost_while_others_come_and_go(self):
        steady = self.subscriber("SUBSCRIBE", "s")
        stop = threading.Event()

        def come_and_go():
            while not stop.is_set():
                client = self.server.client()
                client.call("SUBSCRIBE", "s")
                client.send("UNSUBSCRIBE")
                client.close()

        threads = [threading.Thread(target=come_and_go) for _ in range(3)]
        for thread in threads:
            thread.start()
        publisher = self.open()
        deadline = time.monotonic() + 1
        count = 0
        while time.monotonic() < deadline:
            self.assertGreaterEqual(publisher.call("PUBLISH", "s", count).value, 1)
            count += 1
        stop.set()
        for thread in threads:
            thread.join()
        for i in range(count):
            self.assertEqual(steady.read().value[2], bulk(i))


if __name__ == "__main__":
    run()
