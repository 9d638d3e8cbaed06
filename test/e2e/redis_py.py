#!/usr/bin/python3
"""redis-py as Debian ships it (RESP2): connection, commands, pipelines, scans, errors, and its
cluster client against one node."""

import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                             # noqa: E402
import redis.cluster                                     # noqa: E402

from support.fixture import ClusterCase, ServerCase, run, start_server   # noqa: E402


class PyCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.redis = redis.Redis(port=self.server.port, client_name="e2e", socket_timeout=10)
        self.addCleanup(self.redis.close)


class Strings(PyCase):
    def test_set_get(self):
        self.assertTrue(self.redis.set("k", "v"))
        self.assertEqual(self.redis.get("k"), b"v")
        self.assertIsNone(self.redis.get("none"))
        self.assertEqual(self.redis.set("k", "w", get=True), b"v")
        self.assertIsNone(self.redis.set("k", "x", nx=True))
        self.assertEqual(self.redis.getdel("k"), b"w")

    def test_unicode_and_binary(self):
        text = redis.Redis(port=self.server.port, decode_responses=True)
        text.set("größe", "10 €")
        self.assertEqual(text.get("größe"), "10 €")
        self.redis.set(b"\x00\xff", b"\r\n\x00")
        self.assertEqual(self.redis.get(b"\x00\xff"), b"\r\n\x00")
        text.close()

    def test_many(self):
        self.assertTrue(self.redis.mset({f"k{i}": i for i in range(500)}))
        self.assertEqual(self.redis.mget([f"k{i}" for i in range(500)]),
                         [b"%d" % i for i in range(500)])
        self.assertFalse(self.redis.msetnx({"k1": 1, "new": 2}))
        self.assertEqual(self.redis.exists("k1", "k2", "new"), 2)

    def test_counters(self):
        self.assertEqual(self.redis.incr("n"), 1)
        self.assertEqual(self.redis.incrby("n", 10), 11)
        self.assertEqual(self.redis.decr("n", 3), 8)
        self.assertEqual(self.redis.incrbyfloat("n", 0.5), 8.5)

    def test_ranges(self):
        self.assertEqual(self.redis.append("s", "Hello World"), 11)
        self.assertEqual(self.redis.getrange("s", 0, 4), b"Hello")
        self.assertEqual(self.redis.setrange("s", 6, "Redis"), 11)
        self.assertEqual(self.redis.strlen("s"), 11)

    def test_megabytes(self):
        value = os.urandom(8 << 20)
        self.redis.set("big", value)
        self.assertEqual(self.redis.get("big"), value)


class Keys(PyCase):
    def test_expiry(self):
        self.redis.set("k", "v", ex=100)
        self.assertIn(self.redis.ttl("k"), range(98, 101))
        self.assertTrue(self.redis.persist("k"))
        self.assertEqual(self.redis.ttl("k"), -1)
        self.assertTrue(self.redis.pexpire("k", 50000))
        self.assertIn(self.redis.pttl("k"), range(40000, 50001))
        self.assertTrue(self.redis.expireat("k", 4102444800))
        self.assertEqual(self.redis.execute_command("EXPIRETIME", "k"), 4102444800)
        self.assertEqual(self.redis.ttl("none"), -2)

    def test_scan_iter(self):
        self.redis.mset({f"scan:{i}": i for i in range(2500)})
        self.redis.set("other", 1)
        self.assertEqual(sorted(self.redis.scan_iter("scan:*", count=100)),
                         sorted(b"scan:%d" % i for i in range(2500)))
        self.assertEqual(len(list(self.redis.scan_iter(_type="string"))), 2501)
        self.assertEqual(list(self.redis.scan_iter(_type="hash")), [])

    def test_scan_of_few_keys_is_one_call(self):
        self.assertEqual(self.redis.scan(), (0, []))
        self.redis.mset({f"few:{i}": i for i in range(9)})
        cursor, keys = self.redis.scan()
        self.assertEqual((cursor, sorted(keys)), (0, [b"few:%d" % i for i in range(9)]))

    def test_scan_gives_what_stays_while_others_come_and_go(self):
        self.redis.mset({f"stays:{i}": i for i in range(1000)})
        stop = threading.Event()

        def churn():
            with redis.Redis(port=self.server.port, socket_timeout=10) as other:
                number = 0
                while not stop.is_set():
                    number += 1
                    other.mset({f"goes:{number % 500}:{i}": i for i in range(20)})
                    other.delete(*(f"goes:{(number - 250) % 500}:{i}" for i in range(20)))

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for count in (10, 100, 3000):
                found = set(self.redis.scan_iter("stays:*", count=count))
                self.assertEqual(found, {b"stays:%d" % i for i in range(1000)})
        finally:
            stop.set()
            thread.join()

    def test_rename_copy_move(self):
        self.redis.set("a", 1)
        self.assertTrue(self.redis.rename("a", "b"))
        self.assertTrue(self.redis.copy("b", "c"))
        self.assertTrue(self.redis.move("c", 4))
        self.assertEqual(self.redis.keys(), [b"b"])
        with self.assertRaisesRegex(redis.ResponseError, "^no such key$"):
            self.redis.rename("nothing", "x")

    def test_type_object_memory(self):
        self.redis.set("k", 123)
        self.assertEqual(self.redis.type("k"), b"string")
        self.assertEqual(self.redis.object("encoding", "k"), b"int")
        self.assertGreater(self.redis.memory_usage("k"), 0)


class Pipelines(PyCase):
    def test_pipeline(self):
        pipe = self.redis.pipeline(transaction=False)
        for i in range(5000):
            pipe.set(f"p{i}", i)
        pipe.get("p4999").incr("p0").exists("p1", "p2")
        self.assertEqual(pipe.execute()[-3:], [b"4999", 1, 2])

    def test_errors_in_a_pipeline(self):
        pipe = self.redis.pipeline(transaction=False)
        pipe.set("a", "x").incr("a").get("a")
        replies = pipe.execute(raise_on_error=False)
        self.assertEqual((replies[0], replies[2]), (True, b"x"))
        self.assertEqual(str(replies[1]), "value is not an integer or out of range")

    def test_threads_share_a_pool(self):
        def work():
            for _ in range(300):
                self.redis.incr("shared")
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.redis.get("shared"), b"2400")


class Administration(PyCase):
    def test_client(self):
        self.assertEqual(self.redis.client_getname(), "e2e")
        mine = [c for c in self.redis.client_list() if c["name"] == "e2e"]
        self.assertEqual(len(mine), 1)
        self.assertEqual(mine[0]["db"], "0")
        self.assertEqual(int(mine[0]["id"]), self.redis.client_id())
        self.assertEqual(self.redis.client_info()["name"], "e2e")

    def test_info(self):
        info = self.redis.info()
        for field in ("redis_version", "redis_mode", "run_id", "tcp_port", "uptime_in_seconds",
                      "connected_clients", "blocked_clients", "used_memory", "maxmemory",
                      "maxmemory_policy", "loading", "total_commands_processed",
                      "total_connections_received", "keyspace_hits", "keyspace_misses",
                      "expired_keys", "evicted_keys", "role", "connected_slaves",
                      "master_repl_offset", "used_cpu_sys", "used_cpu_user", "cluster_enabled"):
            self.assertIn(field, info)
        self.assertEqual(info["role"], "master")
        self.assertEqual(info["tcp_port"], self.server.port)
        self.assertGreaterEqual(tuple(map(int, info["redis_version"].split(".")))[0], 7)

    def test_info_keyspace(self):
        self.redis.set("a", 1)
        self.redis.set("b", 1, ex=1000)
        database = self.redis.info("keyspace")["db0"]
        self.assertEqual((database["keys"], database["expires"]), (2, 1))

    def test_info_commandstats(self):
        self.redis.config_resetstat()
        self.redis.get("x")
        self.redis.get("x")
        self.assertEqual(self.redis.info("commandstats")["cmdstat_get"]["calls"], 2)

    def test_config(self):
        self.assertTrue(self.redis.config_set("maxmemory-policy", "allkeys-lru"))
        self.assertEqual(self.redis.config_get("maxmemory-policy"),
                         {"maxmemory-policy": "allkeys-lru"})
        self.redis.config_set("maxmemory-policy", "noeviction")
        with self.assertRaisesRegex(redis.ResponseError, "Unknown option|unknown"):
            self.redis.config_set("no-such-thing", "1")

    def test_command(self):
        commands = self.redis.command()
        self.assertEqual(commands["get"]["arity"], 2)
        self.assertIn("readonly", commands["get"]["flags"])
        self.assertEqual(self.redis.execute_command("COMMAND GETKEYS", "MSET", "a", 1, "b", 2),
                         ["a", "b"])

    def test_time_dbsize_flush_slowlog(self):
        self.assertEqual(len(self.redis.time()), 2)
        self.redis.set("a", 1)
        self.assertEqual(self.redis.dbsize(), 1)
        self.assertTrue(self.redis.flushdb())
        self.assertEqual(self.redis.dbsize(), 0)
        self.assertIsInstance(self.redis.slowlog_get(), list)

    def test_errors(self):
        self.redis.set("s", "text")
        with self.assertRaisesRegex(redis.ResponseError, "^value is not an integer"):
            self.redis.incr("s")
        with self.assertRaisesRegex(redis.ResponseError, "^unknown command 'NOSUCH'"):
            self.redis.execute_command("NOSUCH")

    def test_reset_and_select(self):
        other = redis.Redis(port=self.server.port, db=7)
        other.set("k", "seven")
        self.assertIsNone(self.redis.get("k"))
        self.assertEqual(other.client_info()["db"], 7)
        other.close()

    def test_monitor(self):
        self.redis.ping()
        with self.redis.monitor() as monitor:
            self.client.call("SET", "watched", "1")
            told = next(monitor.listen())
        self.assertEqual(told["command"], "SET watched 1")
        self.assertEqual(told["db"], 0)


class Passwords(unittest.TestCase):
    def test_requirepass(self):
        with start_server(password="sesame") as server:
            right = redis.Redis(port=server.port, password="sesame")
            self.assertTrue(right.ping())
            named = redis.Redis(port=server.port, username="default", password="sesame")
            self.assertTrue(named.ping())
            with self.assertRaises(redis.AuthenticationError):
                redis.Redis(port=server.port).ping()
            with self.assertRaisesRegex(redis.ResponseError, "invalid username-password pair"):
                redis.Redis(port=server.port, password="wrong").ping()
            right.close()
            named.close()


class Cluster(ClusterCase):
    """The cluster client against one node: it finds all slots there and sends everything."""

    def setUp(self):
        super().setUp()
        self.redis = redis.Redis(port=self.server.port)
        self.addCleanup(self.redis.close)
        self.cluster = redis.cluster.RedisCluster(host="127.0.0.1", port=self.server.port)
        self.addCleanup(self.cluster.close)

    def test_every_slot_is_served(self):
        for i in range(1000):
            self.assertTrue(self.cluster.set(f"c{i}", i))
        self.assertEqual([self.cluster.get(f"c{i}") for i in range(1000)],
                         [b"%d" % i for i in range(1000)])
        self.assertEqual(self.redis.dbsize(), 1000)

    def test_pipeline_and_tags(self):
        pipe = self.cluster.pipeline()
        for i in range(200):
            pipe.set(f"{{tag{i % 7}}}:{i}", i)
        self.assertEqual(pipe.execute(), [True] * 200)
        self.assertEqual(self.cluster.mget("{tag1}:1", "{tag1}:8"), [b"1", b"8"])
        self.assertTrue(self.cluster.mset_nonatomic({"x": 1, "y": 2, "z": 3}))
        self.assertEqual(self.cluster.mget_nonatomic("x", "y", "z"), [b"1", b"2", b"3"])

    def test_scan_iter(self):
        for i in range(300):
            self.cluster.set(f"c{i}", i)
        wanted = sorted(b"c%d" % i for i in range(300))
        self.assertEqual(sorted(self.cluster.scan_iter("c*")), wanted)
        self.assertEqual(sorted(self.cluster.scan_iter("c*", count=7)), wanted)

    def test_sums_over_the_nodes(self):
        every = {"target_nodes": redis.cluster.RedisCluster.PRIMARIES}
        for i in range(300):
            self.cluster.set(f"c{i}", i)
        keys = self.cluster.keys(**every)
        self.assertEqual(self.cluster.dbsize(**every), 300)
        self.assertEqual(sorted(keys), sorted(b"c%d" % i for i in range(300)))
        self.assertIn(self.cluster.randomkey(), keys)
        self.assertTrue(self.cluster.flushall())
        self.assertEqual(self.cluster.dbsize(**every), 0)

    def test_topology(self):
        self.assertEqual(self.cluster.keyslot("foo"), 12182)
        self.assertEqual(self.cluster.cluster_info()["cluster_state"], "ok")
        self.assertEqual(self.redis.execute_command("CLUSTER KEYSLOT", "foo"), 12182)


if __name__ == "__main__":
    run()
