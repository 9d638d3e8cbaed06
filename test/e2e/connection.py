#!/usr/bin/python3
"""What a connection says about itself before it does anything: passwords, protocol versions, names,
reply modes, in every combination; killing and monitoring while others work; the map for cluster
clients. The texts are Redis's."""

import os
import re
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                                 # noqa: E402
from support.fixture import ServerCase, eventually, run, start_server    # noqa: E402
from support.resp import NULL, NULL_BULK, OK, PONG, array, bulk, error, number, plain, status  # noqa: E402

WRONGPASS = error("WRONGPASS invalid username-password pair or user is disabled.")
NOAUTH = error("NOAUTH Authentication required.")
HELLO_NOAUTH = error(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
    "version at the same time")
NO_PASSWORD = error(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
    "your configuration is correct?")
PASSWORD = "sesame"


def null(protocol):
    return NULL if protocol == 3 else NULL_BULK


def wrong_arity(name):
    return error(f"ERR wrong number of arguments for '{name}' command")


class Matrix(unittest.TestCase):
    """Password set or not, authenticated or not, RESP2 or RESP3: who may do what."""

    def connect(self, server, protocol, authenticated):
        client = server.client()
        self.addCleanup(client.close)
        if authenticated and server.password:
            self.assertEqual(client.call("AUTH", server.password), OK)
        if protocol == 3 and (authenticated or not server.password):
            self.assertEqual(plain(client.call("HELLO", "3"))[b"proto"], 3)
        return client

    def check(self, client, expected, *words):
        self.assertEqual(client.call(*words), expected, words)

    def test_without_a_password(self):
        with start_server() as server:
            for protocol in (2, 3):
                client = self.connect(server, protocol, False)
                self.check(client, null(protocol), "GET", "k")
                self.check(client, NO_PASSWORD, "AUTH", "x")
                self.check(client, OK, "AUTH", "default", "x")
                self.check(client, WRONGPASS, "AUTH", "other", "x")
                self.check(client, null(protocol), "GET", "k")

    def test_strangers_may_only_introduce_themselves(self):
        with start_server(password=PASSWORD) as server:
            client = self.connect(server, 2, False)
            for words in (["PING"], ["GET", "k"], ["CLIENT", "ID"], ["MONITOR"], ["ECHO", "x"],
                          ["CLUSTER", "SLOTS"], ["MGET", "a", "b"], ["SELECT", "1"],
                          ["COMMAND", "COUNT"], ["READONLY"]):
                self.check(client, NOAUTH, *words)
            self.check(client, error("ERR unknown command 'FOO', with args beginning with: "), "FOO")
            self.check(client, wrong_arity("get"), "GET")
            self.check(client, HELLO_NOAUTH, "HELLO")
            self.check(client, HELLO_NOAUTH, "HELLO", "3", "SETNAME", "x")
            self.check(client, error("NOPROTO unsupported protocol version"), "HELLO", "4")
            self.check(client, status("RESET"), "RESET")
            self.check(client, OK, "QUIT")
            self.assertTrue(client.is_closed(5))

    def test_hello_authenticates(self):
        with start_server(password=PASSWORD) as server:
            for protocol in (2, 3):
                client = self.connect(server, 2, False)
                self.check(client, WRONGPASS, "HELLO", protocol, "AUTH", "default", "bad",
                           "SETNAME", "x")
                self.check(client, NOAUTH, "GET", "k")
                told = plain(client.call("HELLO", protocol, "AUTH", "default", PASSWORD, "SETNAME",
                                         "x"))
                if protocol == 3:
                    self.assertEqual(told[b"proto"], 3)
                self.check(client, bulk("x"), "CLIENT", "GETNAME")
                self.check(client, null(protocol), "GET", "k")

    def test_reset_needs_a_password_again(self):
        with start_server(password=PASSWORD) as server:
            for protocol in (2, 3):
                client = self.connect(server, protocol, True)
                self.check(client, null(protocol), "GET", "k")
                self.check(client, status("RESET"), "RESET")
                self.check(client, NOAUTH, "GET", "k")
                self.check(client, OK, "AUTH", PASSWORD)
                self.check(client, NULL_BULK, "GET", "k")

    def test_a_wrong_password_changes_nothing(self):
        with start_server(password=PASSWORD) as server:
            client = self.connect(server, 2, True)
            for wrong in ("", "s", "sesam", "sesame1", "SESAME", "x" * 5000):
                self.check(client, WRONGPASS, "AUTH", wrong)
            self.check(client, PONG, "PING")
            self.check(client, error("ERR syntax error"), "AUTH", "a", "b", "c")

    def test_one_reply_per_command_in_a_failing_batch(self):
        with start_server(password=PASSWORD) as server:
            client = self.connect(server, 2, False)
            batch = [("AUTH", "bad"), ("SELECT", "1"), ("HELLO", "3", "AUTH", "default", "bad"),
                     ("CLIENT", "SETNAME", "x"), ("GET", "k"), ("AUTH", PASSWORD),
                     ("SET", "k", "v"), ("AUTH", "bad"), ("GET", "k"), ("ECHO", "end")]
            self.assertEqual(client.pipeline(batch), [
                WRONGPASS, NOAUTH, WRONGPASS, NOAUTH, NOAUTH, OK, OK, WRONGPASS, bulk("v"),
                bulk("end")])


class Connection(ServerCase):
    def test_select(self):
        not_integer = error("ERR value is not an integer or out of range")
        out_of_range = error("ERR DB index is out of range")
        for word, expected in (
                ("x", not_integer), ("", not_integer), ("1.5", not_integer), ("-1", out_of_range),
                ("16", out_of_range), ("15", OK), ("0", OK),
                ("99999999999", error("ERR value is out of range, value must between -2147483648 "
                                      "and 2147483647"))):
            self.check(expected, "SELECT", word)
        self.assertEqual(self.client.pipeline([("SELECT", "2"), ("SET", "k", "two"), ("SELECT", "0"),
                                               ("GET", "k"), ("SELECT", "2"), ("GET", "k")]),
                         [OK, OK, OK, NULL_BULK, OK, bulk("two")])

    def test_ping_and_echo(self):
        self.check(bulk("x"), "PING", "x")
        self.check(wrong_arity("ping"), "PING", "x", "y")
        self.check(wrong_arity("echo"), "ECHO")
        self.check(bulk(""), "ECHO", "")

    def test_quit_ignores_what_comes_behind(self):
        self.client.send_raw(resp.encode(["QUIT"]) + resp.encode(["SET", "k", "v"]))
        self.assertEqual(self.client.read_until_closed(), b"+OK\r\n")
        self.check(NULL_BULK, "GET", "k", client=self.connect())

    def test_hello(self):
        for words, text in (
                (["x"], "ERR Protocol version is not an integer or out of range"),
                (["1"], "NOPROTO unsupported protocol version"),
                (["4"], "NOPROTO unsupported protocol version"),
                (["2", "FOO"], "ERR Syntax error in HELLO option 'FOO'"),
                (["2", "AUTH", "a"], "ERR Syntax error in HELLO option 'AUTH'"),
                (["2", "SETNAME"], "ERR Syntax error in HELLO option 'SETNAME'"),
                (["2", "SETNAME", "a b"],
                 "ERR Client names cannot contain spaces, newlines or special characters.")):
            self.check(error(text), "HELLO", *words)
        reply = self.client.call("HELLO")
        self.assertEqual([plain(item) for item in reply.value[:2]], [b"server", b"redis"])
        self.assertEqual(reply.value[5], number(2))
        self.assertEqual(self.client.call("HELLO", "3").kind, "%")
        self.assertEqual(self.client.call("HELLO").kind, "%")
        self.assertEqual(self.client.call("HELLO", "2").kind, "*")

    def test_reply_modes(self):
        self.client.send("CLIENT", "REPLY", "OFF")
        self.client.send("SET", "k", "1")
        self.client.send("MGET", "k", "a", "b", "c", "d")
        self.client.send("CLIENT", "LIST")
        self.client.send("NOSUCH")
        self.check(OK, "CLIENT", "REPLY", "ON")
        self.client.send("CLIENT", "REPLY", "SKIP")
        self.client.send("INCR", "k")
        self.check(bulk("2"), "GET", "k")
        self.client.send("CLIENT", "REPLY", "SKIP")
        self.client.send("CLIENT", "LIST")
        self.check(PONG, "PING")
        self.check(error("ERR syntax error"), "CLIENT", "REPLY", "foo")

    def test_reset_answers_again(self):
        self.client.send("CLIENT", "REPLY", "OFF")
        self.check(resp.status("RESET"), "RESET")
        self.client.send("CLIENT", "REPLY", "SKIP")
        self.client.send("RESET")   # this is the answer to be skipped
        self.check(PONG, "PING")

    def test_tracking_options_are_looked_at(self):
        for words in (["REDIRECT"], ["FOO"], ["BCAST", "PREFIX"]):
            self.check(error("ERR syntax error"), "CLIENT", "TRACKING", "OFF", *words)
        self.check(error("ERR value is not an integer or out of range"), "CLIENT", "TRACKING",
                   "OFF", "REDIRECT", "x")
        self.check(error("ERR syntax error"), "CLIENT", "TRACKING", "MAYBE", "BCAST")
        self.check(OK, "CLIENT", "TRACKING", "OFF", "PREFIX", "a", "NOLOOP", "optin")

    def test_tracking_is_off_at_first(self):
        self.check(OK, "CLIENT", "TRACKING", "OFF")
        self.check(number(-1), "CLIENT", "GETREDIR")
        self.assertEqual(plain(self.client.call("CLIENT", "TRACKINGINFO")),
                         [b"flags", [b"off"], b"redirect", -1, b"prefixes", []])

    def test_names(self):
        for bad in ("a b", "a\nb", "\x7f", "\u00e9"):
            self.check(error("ERR Client names cannot contain spaces, newlines or special "
                             "characters."), "CLIENT", "SETNAME", bad)
        self.check(OK, "CLIENT", "SETNAME", "rod")
        self.check(bulk("rod"), "CLIENT", "GETNAME")
        self.check(OK, "CLIENT", "SETNAME", "")
        self.check(NULL_BULK, "CLIENT", "GETNAME")


class Kill(ServerCase):
    def test_errors(self):
        self.check(error("ERR No such client"), "CLIENT", "KILL", "1.2.3.4:5")
        self.check(error("ERR No such client"), "CLIENT", "KILL", "")
        self.check(number(0), "CLIENT", "KILL", "ADDR", "")
        self.check(error("ERR client-id should be greater than 0"), "CLIENT", "KILL", "ID", "0")
        self.check(error("ERR Unknown client type 'x'"), "CLIENT", "KILL", "TYPE", "x")
        self.check(error("ERR No such user 'x'"), "CLIENT", "KILL", "USER", "x")
        self.check(error("ERR syntax error"), "CLIENT", "KILL", "ID", "5", "SKIPME")
        self.check(error("ERR syntax error"), "CLIENT", "KILL", "SKIPME", "maybe")
        self.check(error("ERR maxage should be greater than 0"), "CLIENT", "KILL", "MAXAGE", "0")
        self.check(number(0), "CLIENT", "KILL", "MAXAGE", "100000")
        self.check(number(0), "CLIENT", "KILL", "TYPE", "pubsub")

    def test_filters_must_all_fit(self):
        other = self.connect()
        name = other.call("CLIENT", "ID").value
        self.check(number(0), "CLIENT", "KILL", "ID", name, "LADDR", "127.0.0.1:1")
        self.check(number(1), "CLIENT", "KILL", "ID", name, "LADDR",
                   f"127.0.0.1:{self.server.port}", "USER", "default", "TYPE", "normal")
        self.assertTrue(other.is_closed(5))

    def test_clients_that_are_busy(self):
        """Clients in the middle of deep pipelines are cut off, and the server survives."""
        stop = threading.Event()

        def work(index):
            while not stop.is_set():
                try:
                    with self.server.client() as client:
                        for _ in range(50):
                            client.pipeline([("MSET", f"a{index}", 1, "b", 2, "c", 3), ("GET", "b"),
                                             ("CLIENT", "LIST"), ("MGET", "a", "b", "c")] * 8)
                except (resp.Closed, OSError):
                    pass

        threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        killed = 0
        for _ in range(100):
            killed += self.client.call("CLIENT", "KILL", "TYPE", "normal").value
        stop.set()
        for thread in threads:
            thread.join()
        self.assertGreater(killed, 4)
        self.check(PONG, "PING")
        self.assertTrue(eventually(
            lambda: len(self.client.call("CLIENT", "LIST").value.splitlines()) == 1))


class ManyMonitors(ServerCase):
    def test_come_and_go_while_others_work(self):
        stop = threading.Event()

        def work(index):
            with self.server.client() as client:
                turn = 0
                while not stop.is_set():
                    client.pipeline([("SET", f"m{index}:{turn % 100}", turn), ("PING",)] * 10)
                    turn += 1

        threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        seen = 0
        for turn in range(30):
            with self.server.client() as watcher:
                self.assertEqual(watcher.call("MONITOR"), OK)
                for _ in range(turn):
                    self.assertRegex(watcher.read().value.decode(),
                                     r'^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "(SET|PING)"')
                    seen += 1
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(seen, sum(range(30)))
        self.check(PONG, "PING")

    def test_every_monitor_sees_every_command_once(self):
        watchers = [self.connect() for _ in range(6)]
        for watcher in watchers:
            self.check(OK, "MONITOR", client=watcher)
        for index in range(20):
            self.connect().call("SET", f"key{index}", index)
        for watcher in watchers:
            lines = [watcher.read().value.decode() for _ in range(20)]
            keys = sorted(re.search(r'"SET" "(key\d+)"', line).group(1) for line in lines)
            self.assertEqual(keys, sorted(f"key{index}" for index in range(20)))

    def test_one_that_does_not_read_is_closed(self):
        self.check(OK, "CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0")
        watcher = self.connect()
        self.check(OK, "MONITOR", client=watcher)
        rows = ""
        value = "x" * 100000
        for _ in range(400):
            self.client.pipeline([("SET", "k", value)] * 4)
            rows = self.client.call("CLIENT", "LIST").value.decode()
            if "flags=O" not in rows:
                break
        self.assertNotIn("flags=O", rows)
        self.check(OK, "CONFIG", "SET", "client-output-buffer-limit", "normal 1gb 256mb 60")


class Cluster(ServerCase):
    def test_slots_shards_and_nodes_say_the_same(self):
        covered, owners = [], {}
        for first, last, node in plain(self.client.call("CLUSTER", "SLOTS")):
            self.assertEqual(len(node), 4)
            self.assertEqual((node[0], node[3]), (b"127.0.0.1", []))
            covered += range(first, last + 1)
            owners.setdefault(node[2], []).append((first, last))
        self.assertEqual(covered, list(range(16384)))

        text = self.client.call("CLUSTER", "NODES").value.decode()
        self.assertTrue(text.endswith("\n"))
        self.assertEqual(text.count("myself"), 1)
        for line in text.splitlines():
            fields = line.split(" ")
            self.assertRegex(fields[0], "^[0-9a-f]{40}$")
            self.assertRegex(fields[1], r"^127\.0\.0\.1:\d+@\d+$")
            ranges = [tuple(map(int, word.split("-"))) for word in fields[8:]]
            self.assertEqual(ranges, owners.pop(fields[0].encode()))
        self.assertEqual(owners, {})

        client = self.connect(protocol=3)
        shards = plain(client.call("CLUSTER", "SHARDS"))
        self.assertEqual(len(shards), len(text.splitlines()))
        self.assertEqual(sum(len(range(first, last + 1)) for shard in shards for first, last in
                             zip(shard[b"slots"][::2], shard[b"slots"][1::2])), 16384)
        self.assertEqual({shard[b"nodes"][0][b"role"] for shard in shards}, {b"master"})

    def test_every_node_can_be_reached(self):
        slots = plain(self.client.call("CLUSTER", "SLOTS"))
        for port, node in sorted({(entry[2][1], entry[2][2]) for entry in slots}):
            with resp.Client(port) as client:
                self.assertEqual(client.call("SET", "k", port), OK)
                self.assertEqual(client.call("GET", "k"), bulk(str(port)))
                if len({entry[2][2] for entry in slots}) > 1:
                    self.assertEqual(client.call("CLUSTER", "MYID"), bulk(node))

    def nodes(self):
        """Connections to the ports of all nodes, the server's own port when there are none."""
        ports = sorted({entry[2][1] for entry in plain(self.client.call("CLUSTER", "SLOTS"))})
        clients = [resp.Client(port) for port in ports]
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def scanned(self, client, count):
        found, cursor = [], b"0"
        while True:
            cursor, more = plain(client.call("SCAN", cursor, "COUNT", count))
            found += more
            if cursor == b"0":
                return found

    def test_every_node_tells_about_its_own_keys(self):
        """Cluster clients ask all nodes and add up: nothing may be missing or counted twice."""
        keys = {b"key%d" % index for index in range(2000)}
        self.client.pipeline([("SET", key, "v") for key in keys])
        sizes, listed, scanned = [], [], []
        for client in self.nodes():
            own = plain(client.call("KEYS", "*"))
            sizes.append(client.call("DBSIZE").value)
            self.assertEqual(sizes[-1], len(own))
            for count in (1, 10, 1000000):
                self.assertEqual(sorted(self.scanned(client, count)), sorted(own))
            for _ in range(20):
                self.assertIn(client.call("RANDOMKEY").value, own)
            listed += own
        self.assertEqual((sum(sizes), len(listed), set(listed)), (2000, 2000, keys))
        self.check(number(2000), "DBSIZE")
        self.assertEqual(sorted(self.scanned(self.client, 100)), sorted(keys))
        self.check(OK, "FLUSHALL", client=self.nodes()[-1])
        self.check(number(0), "DBSIZE")

    def test_cursors_of_other_nodes(self):
        """Any cursor leads to the end of the node's own keys, and finds no others."""
        self.client.pipeline([("SET", f"key{index}", "v") for index in range(500)])
        for client in self.nodes():
            own = set(plain(client.call("KEYS", "*")))
            for cursor in list(range(256)) + [16384 + 7, 16384 * 5 + 255, 2**63, 2**64 - 1]:
                steps = 0
                while True:
                    cursor, found = plain(client.call("SCAN", cursor, "COUNT", 100))
                    self.assertLessEqual(set(found), own)
                    steps += 1
                    self.assertLess(steps, 300)
                    if cursor == b"0":
                        break

    def test_a_node_stays_the_same_node(self):
        """However many of its commands are for keys of other nodes."""
        for client in self.nodes():
            name = client.call("CLUSTER", "MYID")
            for key in ("a", "b", "c", "d"):
                for _ in range(200):
                    client.call("GET", key)
                self.assertEqual(client.call("CLUSTER", "MYID"), name)

    def test_keys_in_slots(self):
        keys = [f"key{index}" for index in range(3000)]
        self.client.pipeline([("SET", key, "v") for key in keys])
        wanted = {}
        slots = self.client.pipeline([("CLUSTER", "KEYSLOT", key) for key in keys])
        for key, slot in zip(keys, slots):
            wanted.setdefault(slot.value, set()).add(key.encode())
        for slot in list(wanted)[:200]:
            self.check(number(len(wanted[slot])), "CLUSTER", "COUNTKEYSINSLOT", slot)
            found = plain(self.client.call("CLUSTER", "GETKEYSINSLOT", slot, 100))
            self.assertEqual(set(found), wanted[slot])
            self.assertEqual(len(found), len(wanted[slot]))
        counts = self.client.pipeline([("CLUSTER", "COUNTKEYSINSLOT", s) for s in range(0, 16384)])
        self.assertEqual(sum(count.value for count in counts), 3000)

    def test_errors(self):
        alone = error("ERR this node is not part of a cluster yet")
        for words in (["MEET", "127.0.0.1", "1"], ["FORGET", "x"], ["ADDSLOTS", "1"], ["RESET"],
                      ["SETSLOT", "1", "STABLE"], ["FAILOVER"], ["BUMPEPOCH"]):
            self.check(alone, "CLUSTER", *words)
        self.check(error("ERR Unknown node x"), "CLUSTER", "REPLICAS", "x")
        self.check(error("ERR Invalid slot"), "CLUSTER", "COUNTKEYSINSLOT", "16384")
        self.check(error("ERR Invalid slot or number of keys"), "CLUSTER", "GETKEYSINSLOT", "1",
                   "-1")
        self.check(error("ERR unknown subcommand 'FOO'. Try CLUSTER HELP."), "CLUSTER", "FOO")
        self.check(array(), "CLUSTER", "GETKEYSINSLOT", "1", "0")
        for word in ("READONLY", "READWRITE", "ASKING"):
            self.check(OK, word)


if __name__ == "__main__":
    run()
