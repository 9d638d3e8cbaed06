#!/usr/bin/python3
"""Client-side caching through real sockets: a cache that follows the invalidations is never older
than the answer it had, whatever others do."""

import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                                               # noqa: E402

from support.fixture import ServerCase, eventually, run                    # noqa: E402
from support.resp import array, bulk, number, status                       # noqa: E402


class TrackingCase(ServerCase):
    def open(self, *tracking):
        client = self.server.client()
        self.addCleanup(client.close)
        if tracking:
            client.call("HELLO", "3")
            self.assertEqual(client.call("CLIENT", "TRACKING", "ON", *tracking[1:]), status("OK"))
        return client

    def invalidated(self, client):
        """The keys of the next push; None for all."""
        push = client.read()
        self.assertEqual(push.kind, ">")
        self.assertEqual(push.value[0].value, b"invalidate")
        keys = push.value[1].value
        return None if keys is None else [key.value for key in keys]


class Modes(TrackingCase):
    def test_default(self):
        tracker = self.open("on")
        writer = self.open()
        for i in range(20):
            tracker.call("GET", f"k{i}")
            writer.call("SET", f"k{i}", "v")
            self.assertEqual(self.invalidated(tracker), [b"k%d" % i])
            writer.call("SET", f"k{i}", "w")
        self.assertFalse(tracker.is_closed(0.1))

    def test_expiry_and_flush(self):
        tracker = self.open("on")
        writer = self.open()
        writer.call("SET", "k", "v", "PX", "50")
        tracker.call("GET", "k")
        self.assertEqual(self.invalidated(tracker), [b"k"])
        tracker.call("GET", "k")
        writer.call("FLUSHALL")
        self.assertIsNone(self.invalidated(tracker))

    def test_fields_that_expire(self):
        """A cached answer about all fields is old as soon as one has gone."""
        tracker = self.open("on")
        writer = self.open()
        writer.call("HSET", "h", "a", "1", "b", "2")
        if writer.call("HPEXPIRE", "h", "500", "FIELDS", "1", "a").is_error():
            self.skipTest("no HPEXPIRE")
        tracker.call("HGETALL", "h")
        self.assertEqual(self.invalidated(tracker), [b"h"])

    def test_broadcast(self):
        tracker = self.open("on", "BCAST", "PREFIX", "user:", "NOLOOP")
        writer = self.open()
        writer.call("MSET", "user:1", "a", "other", "b", "user:2", "c")
        keys = set()
        while keys != {b"user:1", b"user:2"}:
            keys.update(self.invalidated(tracker))
        self.assertEqual(tracker.call("SET", "user:1", "own"), status("OK"))
        self.assertEqual(tracker.call("GET", "user:1"), bulk("own"))

    def test_redirect(self):
        target = self.open()
        identity = target.call("CLIENT", "ID").value
        target.call("SUBSCRIBE", "__redis__:invalidate")
        tracker = self.open()
        self.assertEqual(tracker.call("CLIENT", "TRACKING", "ON", "REDIRECT", identity),
                         status("OK"))
        tracker.call("GET", "k")
        self.open().call("SET", "k", "v")
        self.assertEqual(target.read(), array(bulk("message"), bulk("__redis__:invalidate"),
                                              array(bulk("k"))))
        self.assertEqual(tracker.call("CLIENT", "GETREDIR"), number(identity))

    def test_figures(self):
        tracker = self.open("on")
        for i in range(10):
            tracker.call("GET", f"key:{i}")
        info = self.open().call("INFO", "everything").value
        self.assertIn(b"tracking_clients:", info)
        self.assertIn(b"tracking_total_keys:10\r\n", info)
        self.assertIn(b"tracking_total_items:10\r\n", info)
        self.assertIn(b"flags=t", tracker.call("CLIENT", "INFO").value)


class Cache(TrackingCase):
    """Keys only ever rise. What the cache says must be at least what any reader has been told
    before, once the pushes that came before that have been read: checked at rest."""

    def test_a_cache_is_right_at_rest(self):
        trackers = [self.open("on") for _ in range(4)]
        caches = [{} for _ in trackers]
        stop = threading.Event()
        values = {}

        def write(part):
            client = self.server.client()
            chance = random.Random(part)
            while not stop.is_set():
                key = f"n{part}:{chance.randrange(20)}"
                if chance.random() < 0.2:
                    client.call("MSET", key, values.get(key, 0) + 1, key + "x", "1")
                    values[key] = values.get(key, 0) + 1
                else:
                    values[key] = client.call("INCR", key).value
            client.close()

        def follow(tracker, cache):
            chance = random.Random(trackers.index(tracker))
            pending = []
            while not stop.is_set():
                for _ in range(chance.randrange(1, 8)):
                    key = f"n{chance.randrange(2)}:{chance.randrange(20)}"
                    tracker.send("GET", key)
                    pending.append(key)
                while pending:
                    self.take(tracker.read(), pending, cache)

        threads = [threading.Thread(target=write, args=(part,)) for part in range(2)]
        threads += [threading.Thread(target=follow, args=pair) for pair in zip(trackers, caches)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        stop.set()
        for thread in threads:
            thread.join()
        for tracker, cache in zip(trackers, caches):
            tracker.send("PING")
            pending = [None]
            while pending:
                self.take(tracker.read(), pending, cache)
            time.sleep(0.05)
            tracker.send("PING")
            pending = [None]
            while pending:
                self.take(tracker.read(), pending, cache)
            for key, value in cache.items():
                self.assertEqual(int(value or 0), values.get(key, 0), key)
        self.assertTrue(any(caches))

    def take(self, reply, pending, cache):
        if reply.kind == ">":
            for key in reply.value[1].value:
                cache.pop(key.value.decode(), None)
            return
        key = pending.pop(0)
        if key is not None:
            cache[key] = reply.value


class Limits(TrackingCase):
    def test_table_is_bounded(self):
        tracker = self.open("on")
        other = self.open()
        other.call("CONFIG", "SET", "tracking-table-max-keys", "100")
        tracker.pipeline([("GET", f"key:{i}") for i in range(1000)])

        def total():
            info = other.call("INFO", "stats").value
            return int(info.split(b"tracking_total_keys:")[1].split(b"\r\n")[0])

        self.assertTrue(eventually(lambda: total() <= 100))
        other.call("CONFIG", "SET", "tracking-table-max-keys", "1000000")


class RedisPy(TrackingCase):
    """redis-py as Debian ships it has no cache of its own; its connection to redirect to does."""

    def test_redirection(self):
        listener = redis.Redis(port=self.server.port, socket_timeout=10)
        pubsub = listener.pubsub()
        pubsub.execute_command("CLIENT", "ID")
        identity = pubsub.connection.read_response()
        pubsub.subscribe("__redis__:invalidate")
        cached = redis.Redis(port=self.server.port, socket_timeout=10, single_connection_client=True)
        cached.execute_command("CLIENT", "TRACKING", "ON", "REDIRECT", identity)
        self.assertIsNone(cached.get("k"))
        writer = redis.Redis(port=self.server.port, socket_timeout=10)
        writer.set("k", "v")

        def invalidated():
            message = pubsub.get_message(ignore_subscribe_messages=True)
            return message is not None and message["data"] == [b"k"]

        self.assertTrue(eventually(invalidated))
        for connection in (pubsub, listener, cached, writer):
            connection.close()


if __name__ == "__main__":
    run()
