#!/usr/bin/python3
"""Commands whose replies are about the server itself, so that no reference can tell them: clients,
monitor, slow log, statistics, settings, memory limit. Expected replies are written out."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                      # noqa: E402
from support.fixture import ServerCase, eventually, run       # noqa: E402
from support.resp import NULL, NULL_BULK, OK, PONG, array, bulk, error, number, plain   # noqa: E402


def client_rows(reply):
    """CLIENT LIST or INFO as dictionaries."""
    return [dict(field.split("=", 1) for field in line.split(" "))
            for line in reply.value.decode().strip().split("\n")]


class Clients(ServerCase):
    def list(self, *words):
        return client_rows(self.client.call("CLIENT", "LIST", *words))

    def test_ids_grow_and_are_unique(self):
        ids = [self.connect().call("CLIENT", "ID").value for _ in range(50)]
        self.assertEqual(len(set(ids)), 50)
        self.assertTrue(all(each > 0 for each in ids))

    def test_list_shows_every_connection(self):
        others = [self.connect() for _ in range(20)]
        for index, other in enumerate(others):
            self.check(OK, "CLIENT", "SETNAME", f"other-{index}", client=other)
            self.check(OK, "SELECT", index % 16, client=other)
        rows = {row["name"]: row for row in self.list()}
        for index in range(20):
            self.assertEqual(rows[f"other-{index}"]["db"], str(index % 16))
            self.assertEqual(rows[f"other-{index}"]["cmd"], "select")

    def test_list_by_id_and_type(self):
        other = self.connect()
        mine, theirs = (c.call("CLIENT", "ID").value for c in (self.client, other))
        self.assertEqual({int(row["id"]) for row in self.list("ID", mine, theirs)}, {mine, theirs})
        self.assertGreaterEqual(len(self.list("TYPE", "normal")), 2)
        self.check(bulk(""), "CLIENT", "LIST", "TYPE", "replica")

    def test_info_is_the_own_row(self):
        row = client_rows(self.client.call("CLIENT", "INFO"))[0]
        self.assertEqual(int(row["id"]), self.client.call("CLIENT", "ID").value)
        self.assertEqual(row["addr"], "127.0.0.1:%d" % self.client.sock.getsockname()[1])
        self.assertEqual(row["laddr"], f"127.0.0.1:{self.server.port}")
        self.assertEqual((row["cmd"], row["user"], row["resp"]), ("client|info", "default", "2"))

    def test_setinfo(self):
        self.check(OK, "CLIENT", "SETINFO", "LIB-NAME", "fishing-rod")
        self.check(OK, "CLIENT", "SETINFO", "lib-ver", "1.2.3")
        row = client_rows(self.client.call("CLIENT", "INFO"))[0]
        self.assertEqual((row["lib-name"], row["lib-ver"]), ("fishing-rod", "1.2.3"))
        self.check(error("ERR Unrecognized option 'lib-hat'"), "CLIENT", "SETINFO", "lib-hat", "x")
        self.check(error("ERR LIB-NAME cannot contain spaces, newlines or special characters."),
                   "CLIENT", "SETINFO", "LIB-NAME", "a b")

    def test_kill_by_id(self):
        other = self.connect()
        name = other.call("CLIENT", "ID").value
        self.check(number(1), "CLIENT", "KILL", "ID", name)
        self.assertTrue(other.is_closed(5))
        self.check(number(0), "CLIENT", "KILL", "ID", name)

    def test_kill_by_address(self):
        for form in ("old", "new"):
            other = self.connect()
            other.call("PING")
            address = "127.0.0.1:%d" % other.sock.getsockname()[1]
            if form == "old":
                self.check(OK, "CLIENT", "KILL", address)
            else:
                self.check(number(1), "CLIENT", "KILL", "ADDR", address)
            self.assertTrue(other.is_closed(5))

    def test_kill_all_others(self):
        others = [self.connect() for _ in range(10)]
        for other in others:
            other.call("PING")
        self.assertGreaterEqual(self.client.call("CLIENT", "KILL", "TYPE", "normal").value, 10)
        self.assertTrue(all(other.is_closed(5) for other in others))
        self.check(PONG, "PING")

    def test_killing_oneself_answers_first(self):
        own = self.client.call("CLIENT", "ID").value
        self.check(number(1), "CLIENT", "KILL", "ID", own, "SKIPME", "no")
        self.assertTrue(self.client.is_closed(5))

    def test_pause_holds_everyone_and_unpause_frees(self):
        other = self.connect()
        self.check(OK, "CLIENT", "PAUSE", "10000")
        other.send("GET", "k")
        time.sleep(0.2)
        other.sock.settimeout(0.01)
        with self.assertRaises(TimeoutError):
            other.read()
        other.sock.settimeout(10)
        self.check(OK, "CLIENT", "UNPAUSE")
        self.assertEqual(other.read(), NULL_BULK)

    def test_pause_of_all_holds_what_has_no_keys(self):
        for words in (("PING",), ("INFO", "server"), ("CONFIG", "GET", "hz"), ("CLIENT", "LIST"),
                      ("TIME",), ("LASTSAVE",), ("RESET",), ("QUIT",)):
            with self.subTest(words=words):
                other = self.connect()
                self.check(PONG, "PING", client=other)
                self.check(OK, "CLIENT", "PAUSE", "10000", "ALL")
                other.send(*words)
                other.sock.settimeout(0.1)
                with self.assertRaises(TimeoutError):
                    other.read()
                other.sock.settimeout(10)
                self.check(OK, "CLIENT", "UNPAUSE")
                self.assertFalse(other.read().is_error())

    def test_pause_of_writes_lets_reads_through(self):
        other, reader = self.connect(), self.connect()
        self.check(OK, "CLIENT", "PAUSE", "10000", "WRITE")
        other.send("SET", "k", "v")
        self.check(NULL_BULK, "GET", "k", client=reader)
        self.check(OK, "CLIENT", "UNPAUSE")
        self.assertEqual(other.read(), OK)
        self.check(bulk("v"), "GET", "k", client=reader)

    def test_pause_ends_by_itself(self):
        other = self.connect()
        self.check(OK, "CLIENT", "PAUSE", "100")
        self.check(OK, "SET", "k", "v", client=other)

    def test_no_touch(self):
        self.check(OK, "SET", "k", "v")
        time.sleep(2.1)
        self.check(OK, "CLIENT", "NO-TOUCH", "on")
        self.check(bulk("v"), "GET", "k")
        self.assertGreaterEqual(self.client.call("OBJECT", "IDLETIME", "k").value, 1)
        self.check(OK, "CLIENT", "NO-TOUCH", "off")
        self.check(bulk("v"), "GET", "k")
        self.assertLessEqual(self.client.call("OBJECT", "IDLETIME", "k").value, 1)

    def test_maint_notifications_is_one_reply(self):
        replies = self.client.pipeline([
            ("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "internal-ip"),
            ("PING",)])
        self.assertTrue(replies[0] == OK or replies[0].is_error(), replies)
        self.assertEqual(replies[1], PONG)

    def test_hello_with_everything(self):
        reply = self.client.call("HELLO", "3", "AUTH", "default", "", "SETNAME", "rod")
        told = plain(reply)
        self.assertEqual(told[b"proto"], 3)
        self.assertEqual([key.kind for key in reply.value[::2]], ["$"] * 7)
        self.assertEqual((told[b"mode"], told[b"role"]), (b"standalone", b"master"))
        self.check(bulk("rod"), "CLIENT", "GETNAME")
        self.check(NULL, "GET", "none")

    def test_reset_forgets_everything(self):
        for words in (["SELECT", "3"], ["CLIENT", "SETNAME", "x"], ["HELLO", "3"]):
            self.client.call(*words)
        self.check(resp.status("RESET"), "RESET")
        self.check(NULL_BULK, "CLIENT", "GETNAME")
        self.assertEqual(client_rows(self.client.call("CLIENT", "INFO"))[0]["db"], "0")

    def test_many_connections_on_every_core(self):
        for turn in range(40):
            self.check(number(turn + 1), "INCR", "n", client=self.connect())


    def test_no_touch_when_keys_are_on_different_cores(self):
        self.check(OK, "MSET", "a", "same", "b", "same", "c", "same", "d", "same")
        time.sleep(2.1)
        self.check(OK, "CLIENT", "NO-TOUCH", "on")
        for other in "bcd":
            self.check(bulk("same"), "LCS", "a", other)
        for key in "abcd":
            self.assertGreaterEqual(self.client.call("OBJECT", "IDLETIME", key).value, 1, key)
        self.check(OK, "CLIENT", "NO-TOUCH", "off")
        self.check(bulk("same"), "LCS", "a", "b")
        for key in "ab":
            self.assertLessEqual(self.client.call("OBJECT", "IDLETIME", key).value, 1, key)


class Acl(ServerCase):
    """One user, who may do everything; what cannot be is refused, not ignored."""

    def test_the_user(self):
        self.check(array(bulk("user default on nopass ~* &* +@all")), "ACL", "LIST")
        self.assertEqual(plain(self.client.call("ACL", "GETUSER", "default")),
                         [b"flags", [b"on", b"nopass"], b"passwords", [], b"commands", b"+@all",
                          b"keys", b"~*", b"channels", b"&*", b"selectors", []])
        self.check(NULL_BULK, "ACL", "GETUSER", "somebody")
        told = self.connect(protocol=3).call("ACL", "GETUSER", "default")
        self.assertEqual((told.kind, told.value[1].kind), ("%", "~"))

    def test_a_password_is_not_shown(self):
        self.check(OK, "CONFIG", "SET", "requirepass", "sesame")
        self.check(array(bulk("user default on ~* &* +@all")), "ACL", "LIST")
        self.assertEqual(plain(self.client.call("ACL", "GETUSER", "default"))[:4],
                         [b"flags", [b"on"], b"passwords", []])
        self.check(OK, "CONFIG", "SET", "requirepass", "")

    def test_what_cannot_be(self):
        one_user = error("ERR this server has one user, 'default', who may do everything; set its "
                         "password with CONFIG SET requirepass")
        self.check(one_user, "ACL", "SETUSER", "alice", "on", ">secret", "~*", "+@all")
        self.check(one_user, "ACL", "SETUSER", "default", "off")
        self.check(number(0), "ACL", "DELUSER", "alice", "bob")
        self.check(error("ERR The 'default' user cannot be removed"), "ACL", "DELUSER", "alice",
                   "default")
        for word in ("LOAD", "SAVE"):
            self.check(error("ERR this server does not use an ACL file"), "ACL", word)

    def test_genpass(self):
        for words, size in (([], 64), (["5"], 2), (["1"], 1), (["4096"], 1024)):
            told = [self.client.call("ACL", "GENPASS", *words).value.decode() for _ in range(8)]
            for each in told:
                self.assertRegex(each, f"^[0-9a-f]{{{size}}}$")
            self.assertGreater(len(set(told)), 1)
        for bits in ("0", "-1", "4097"):
            self.check_error("ERR ACL GENPASS argument must be", "ACL", "GENPASS", bits)
        self.check(error("ERR value is not an integer or out of range"), "ACL", "GENPASS", "x")

    def test_log_is_empty(self):
        self.check(array(), "ACL", "LOG")
        self.check(array(), "ACL", "LOG", "5")
        self.check(OK, "ACL", "LOG", "reset")
        self.check(error("ERR value is not an integer or out of range"), "ACL", "LOG", "x")

    def test_dryrun(self):
        self.check(OK, "ACL", "DRYRUN", "default", "set", "k", "v")
        self.check(OK, "ACL", "DRYRUN", "default", "object", "encoding", "k")
        self.check(error("ERR User 'alice' not found"), "ACL", "DRYRUN", "alice", "get", "k")
        self.check(error("ERR Command 'nosuch' not found"), "ACL", "DRYRUN", "default", "nosuch")
        self.check(error("ERR wrong number of arguments for 'get' command"), "ACL", "DRYRUN",
                   "default", "get")

    def test_categories_of_commands(self):
        self.assertIn(bulk("wait"), self.client.call("ACL", "CAT", "connection").value)
        self.assertNotIn(bulk("wait"), self.client.call("ACL", "CAT", "keyspace").value)
        self.assertIn(bulk("del"), self.client.call("ACL", "CAT", "keyspace").value)

    def test_modules(self):
        self.check(array(), "MODULE", "LIST")
        answer = self.client.call("MODULE", "LOAD", "/x.so") # off unless it was asked for
        self.assertTrue(answer.is_error(), answer)
        self.assertIn(b"enable-module-command", answer.value)


class Monitor(ServerCase):
    def test_commands_of_all_connections(self):
        watcher = self.connect()
        self.check(OK, "MONITOR", client=watcher)
        for index in range(5):
            other = self.connect()
            other.call("SELECT", index)
            other.call("SET", f"m{index}", "a\"b\\\n\x01")
        seen = []
        while len(seen) < 10:
            line = watcher.read()
            self.assertEqual(line.kind, "+")
            seen.append(line.value.decode())
        wanted = r'^\d+\.\d{6} \[3 127\.0\.0\.1:\d+\] "SET" "m3" "a\\"b\\\\\\n\\x01"$'
        self.assertTrue(any(re.match(wanted, line) for line in seen), seen)

    def test_secrets_are_not_shown(self):
        watcher = self.connect()
        self.check(OK, "MONITOR", client=watcher)
        self.client.call("AUTH", "secret")
        self.client.call("ECHO", "last")
        line = ""
        while '"ECHO" "last"' not in line:
            line = watcher.read().value.decode()
            self.assertNotIn("secret", line)

    def test_reset_ends_it(self):
        watcher = self.connect()
        self.check(OK, "MONITOR", client=watcher)
        watcher.send("RESET")
        while watcher.read() != resp.status("RESET"):
            pass
        self.client.call("SET", "k", "v")
        self.check(PONG, "PING", client=watcher)


class Statistics(ServerCase):
    options = ("--enable-debug-command", "yes")

    def test_slowlog(self):
        self.check(OK, "CONFIG", "SET", "slowlog-log-slower-than", "50000")
        self.check(OK, "SLOWLOG", "RESET")
        self.check(OK, "CLIENT", "SETNAME", "slow")
        self.check(OK, "DEBUG", "SLEEP", "0.1")
        entry = plain(self.client.call("SLOWLOG", "GET", "1"))[0]
        self.assertGreaterEqual(entry[2], 100000)
        self.assertEqual(entry[3], [b"DEBUG", b"SLEEP", b"0.1"])
        self.assertEqual(entry[5], b"slow")
        self.check(number(1), "SLOWLOG", "LEN")
        self.check(OK, "SLOWLOG", "RESET")
        self.check(number(0), "SLOWLOG", "LEN")

    def test_secrets_are_not_in_the_slowlog(self):
        self.check(OK, "CONFIG", "SET", "slowlog-log-slower-than", "0")
        self.check_error("ERR", "ACL", "SETUSER", "alice", ">sesame")
        self.check_error("ERR", "AUTH", "sesame")
        self.check(OK, "CONFIG", "SET", "requirepass", "sesame", "timeout", "0")
        self.check(OK, "CONFIG", "SET", "requirepass", "", "slowlog-log-slower-than", "10000")
        log = repr(self.client.call("SLOWLOG", "GET", "-1"))
        self.assertIn("alice", log)
        self.assertNotIn("sesame", log)

    def test_latency(self):
        self.check(OK, "CONFIG", "SET", "latency-monitor-threshold", "50")
        self.check(OK, "DEBUG", "SLEEP", "0.1")
        latest = plain(self.client.call("LATENCY", "LATEST"))
        self.assertEqual(latest[0][0], b"command")
        self.assertGreaterEqual(latest[0][3], 100)
        self.assertEqual(len(plain(self.client.call("LATENCY", "HISTORY", "command"))), 1)
        self.check(number(1), "LATENCY", "RESET", "command")
        self.check(OK, "CONFIG", "SET", "latency-monitor-threshold", "0")

    def test_latency_histogram(self):
        self.check(OK, "CONFIG", "RESETSTAT")
        for _ in range(100):
            self.client.call("GET", "k")
        told = plain(self.client.call("LATENCY", "HISTOGRAM", "get"))
        self.assertEqual(told[0], b"get")
        self.assertEqual(told[1][:2], [b"calls", 100])
        self.assertEqual(told[1][3][-1], 100)

    def test_hits_misses_commands(self):
        self.check(OK, "CONFIG", "RESETSTAT")
        self.client.pipeline([("SET", f"k{i}", "v") for i in range(10)])
        self.client.pipeline([("GET", f"k{i}") for i in range(15)])
        info = self.info()
        self.assertEqual((info["keyspace_hits"], info["keyspace_misses"]), ("10", "5"))
        self.assertTrue(info["cmdstat_set"].startswith("calls=10,usec="), info["cmdstat_set"])
        self.assertTrue(info["cmdstat_get"].startswith("calls=15,usec="), info["cmdstat_get"])
        self.assertGreaterEqual(int(info["total_commands_processed"]), 25)

    def lookups(self, *words):
        """Hits and misses of one command, where `s` is a string and `no` does not exist."""
        self.client.call("FLUSHALL")
        self.check(OK, "SET", "s", "value")
        self.check(OK, "CONFIG", "RESETSTAT")
        self.client.call(*words)
        info = self.info()
        return int(info["keyspace_hits"]), int(info["keyspace_misses"])

    def test_what_counts_as_hit_and_miss(self):
        reading = (("GET",), ("GETEX",), ("GETDEL",), ("GETSET", "v"), ("SET", "v", "GET"),
                   ("SET", "v", "NX", "GET"), ("SET", "v", "XX", "GET"), ("STRLEN",), ("TYPE",),
                   ("TTL",), ("EXISTS",), ("OBJECT ENCODING",), ("COPY", "other"))
        for name, *rest in reading:
            self.assertEqual(self.lookups(*name.split(), "s", *rest), (1, 0), name)
            self.assertEqual(self.lookups(*name.split(), "no", *rest), (0, 1), name)
        writing = (("SET", "v"), ("SET", "v", "XX"), ("SET", "v", "NX"), ("SETNX", "v"),
                   ("APPEND", "v"), ("SETRANGE", "1", "v"), ("EXPIRE", "100"), ("PERSIST",),
                   ("DEL",), ("UNLINK",), ("RENAME", "other"), ("MEMORY USAGE",))
        for name, *rest in writing:
            for key in ("s", "no"):
                self.assertEqual(self.lookups(*name.split(), key, *rest), (0, 0), name)

    def test_what_exporters_read(self):
        """Fields that monitoring systems and client libraries look for, section by section."""
        self.check(OK, "SET", "k", "v", "EX", "100")
        for section, names in (
                ("server", "redis_version redis_mode os arch_bits multiplexing_api gcc_version "
                 "process_id run_id tcp_port server_time_usec uptime_in_seconds uptime_in_days "
                 "executable config_file"),
                ("clients", "connected_clients cluster_connections maxclients blocked_clients "
                 "client_recent_max_input_buffer client_recent_max_output_buffer tracking_clients "
                 "clients_in_timeout_table"),
                ("memory", "used_memory used_memory_human used_memory_rss used_memory_peak "
                 "used_memory_peak_perc used_memory_overhead used_memory_dataset "
                 "used_memory_dataset_perc total_system_memory maxmemory maxmemory_policy "
                 "mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_normal "
                 "mem_clients_slaves mem_aof_buffer mem_not_counted_for_evict "
                 "number_of_cached_scripts mem_allocator"),
                ("persistence", "loading async_loading rdb_bgsave_in_progress rdb_saves "
                 "rdb_last_save_time "
                 "rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec "
                 "aof_enabled aof_rewrite_in_progress aof_last_bgrewrite_status "
                 "aof_last_write_status"),
                ("stats", "total_connections_received total_commands_processed "
                 "instantaneous_ops_per_sec total_net_input_bytes total_net_output_bytes "
                 "instantaneous_input_kbps instantaneous_output_kbps rejected_connections "
                 "sync_full sync_partial_ok sync_partial_err expired_keys evicted_keys "
                 "evicted_clients keyspace_hits keyspace_misses pubsub_channels pubsub_patterns "
                 "latest_fork_usec total_forks tracking_total_keys total_error_replies "
                 "unexpected_error_replies acl_access_denied_auth"),
                ("replication", "role connected_slaves master_failover_state master_replid "
                 "master_replid2 master_repl_offset second_repl_offset repl_backlog_active "
                 "repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen"),
                ("cpu", "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children"),
                ("cluster", "cluster_enabled"), ("keyspace", "db0")):
            self.assertLessEqual(set(names.split()), set(self.info(section)), section)
        memory = self.info("memory")
        self.assertEqual(int(memory["used_memory_overhead"]) + int(memory["used_memory_dataset"]),
                         int(memory["used_memory"]))
        self.assertRegex(self.info("keyspace")["db0"], r"^keys=1,expires=1,avg_ttl=\d+$")

    def test_the_last_save_was_the_start(self):
        """What was never saved is as old as the server, as in Redis."""
        reply = self.client.call("LASTSAVE")
        uptime = int(self.info("server")["uptime_in_seconds"])
        now = int(plain(self.client.call("TIME"))[0])
        self.assertEqual(reply.kind, ":")
        self.assertTrue(now - uptime - 1 <= reply.value <= now - uptime + 1, (reply, now, uptime))
        self.assertEqual(self.info("persistence")["rdb_last_save_time"], str(reply.value))

    def test_wrong_passwords_are_counted(self):
        self.check(OK, "CONFIG", "RESETSTAT")
        self.check_error("WRONGPASS", "AUTH", "alice", "x")
        self.check_error("WRONGPASS", "HELLO", "2", "AUTH", "alice", "x")
        self.assertEqual(self.info("stats")["acl_access_denied_auth"], "2")

    def test_error_statistics(self):
        self.check(OK, "CONFIG", "RESETSTAT")
        self.client.pipeline([("GET",), ("NOSUCH",), ("INCR", "a", "b")])
        info = self.info()
        self.assertEqual(info["errorstat_ERR"], "count=3")
        self.assertIn("rejected_calls=1", info["cmdstat_get"])

    def test_expired_keys_are_removed_and_counted(self):
        self.check(OK, "CONFIG", "RESETSTAT")
        self.client.pipeline([("SET", f"e{i}", "v", "PX", "20") for i in range(500)])
        self.assertTrue(eventually(lambda: self.info("stats")["expired_keys"] == "500"),
                        self.info("stats")["expired_keys"])
        self.check(number(0), "DBSIZE")

    def test_expired_fields_are_removed_and_counted(self):
        """Of hashes that nobody changes, too; and a hash goes with its last field."""
        self.check(OK, "CONFIG", "RESETSTAT")
        fields = [f"f{i}" for i in range(1000)]
        for key in ("some", "all"):
            self.client.call("HSET", key, *[word for field in fields for word in (field, "v" * 50)])
        if self.client.call("HPEXPIRE", "some", "20", "FIELDS", "990", *fields[:990]).is_error():
            self.skipTest("no HPEXPIRE")
        self.client.call("HPEXPIRE", "all", "20", "FIELDS", "1000", *fields)
        size = self.client.call("MEMORY", "USAGE", "some").value
        self.assertTrue(eventually(lambda: self.info("stats")["expired_subkeys"] == "1990"),
                        self.info("stats")["expired_subkeys"])
        self.check(number(1), "DBSIZE")
        self.check(number(10), "HLEN", "some")
        self.assertLess(self.client.call("MEMORY", "USAGE", "some").value, size / 4)
        self.assertEqual(self.info("stats")["expired_keys"], "0")

    def test_debug_is_off_unless_asked_for(self):
        self.check(OK, "DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.check(OK, "SET", "k", "v", "PX", "10")
        time.sleep(0.05)
        self.check(NULL_BULK, "GET", "k")
        self.check(OK, "DEBUG", "SET-ACTIVE-EXPIRE", "1")

    def test_debug_object(self):
        self.check(OK, "SET", "k", "v")
        self.assertRegex(self.client.call("DEBUG", "OBJECT", "k").value.decode(),
                         r"^Value at:\S+ refcount:\d+ encoding:embstr serializedlength:\d+ lru:")

    def test_debug_sleep_stops_nobody_else_for_long(self):
        self.check(OK, "DEBUG", "SLEEP", "0")

    def test_object_freq(self):
        self.check(OK, "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        self.check(OK, "SET", "k", "v")
        for _ in range(2000):
            self.client.call("GET", "k")
        self.assertGreater(self.client.call("OBJECT", "FREQ", "k").value, 10)
        self.check(OK, "CONFIG", "SET", "maxmemory-policy", "noeviction")


class Settings(ServerCase):
    def test_rewrite_keeps_what_was_set(self):
        self.check_error("ERR The server is running without a config file", "CONFIG", "REWRITE")

    def test_patterns(self):
        told = plain(self.client.call("CONFIG", "GET", "maxmemory*"))
        self.assertIn(b"maxmemory", told)
        self.assertIn(b"maxmemory-policy", told)
        self.check(array(), "CONFIG", "GET", "nosuch*")

    def test_what_clients_ask_for(self):
        for name in ("save", "appendonly", "databases", "timeout", "maxmemory", "maxclients",
                     "slave-read-only", "replica-read-only", "proto-max-bulk-len", "bind", "port"):
            self.assertEqual(len(self.client.call("CONFIG", "GET", name).value), 2, name)

    def test_all_or_nothing(self):
        self.check_error("ERR CONFIG SET failed", "CONFIG", "SET", "timeout", "77",
                         "maxmemory-policy", "bogus")
        self.check(array(bulk("timeout"), bulk("0")), "CONFIG", "GET", "timeout")

    def test_requirepass_at_run_time(self):
        self.check(OK, "CONFIG", "SET", "requirepass", "sesame")
        stranger = self.connect()
        self.check(error("NOAUTH Authentication required."), "GET", "k", client=stranger)
        self.check_error("WRONGPASS", "AUTH", "wrong", client=stranger)
        self.check(OK, "AUTH", "sesame", client=stranger)
        self.check(NULL_BULK, "GET", "k", client=stranger)
        self.check(OK, "CONFIG", "SET", "requirepass", "")
        self.check(PONG, "PING", client=self.connect())

    def test_idle_connections_are_closed_by_timeout(self):
        idle, busy = self.connect(), self.connect()
        self.check(OK, "CONFIG", "SET", "timeout", "1")
        try:
            self.assertTrue(eventually(
                lambda: busy.call("PING") == PONG and self.client.call("PING") == PONG
                and idle.is_closed(), 8))
        finally:
            self.check(OK, "CONFIG", "SET", "timeout", "0")


class MemoryLimit(ServerCase):
    def setUp(self):
        super().setUp()
        before, used = -1, 0
        while before != used:   # what was flushed may be freed behind our back
            before, used = used, int(self.info("memory")["used_memory"]) >> 16
            time.sleep(0.05)
        self.limit = (used << 16) + (8 << 20)
        self.check(OK, "CONFIG", "SET", "maxmemory", self.limit)

    def tearDown(self):
        self.client.call("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
        super().tearDown()

    def fill(self, megabytes, *options):
        """Write so much in values of 1 KiB; the different replies seen."""
        replies = set()
        for start in range(0, megabytes * 1024, 256):
            replies.update(self.client.pipeline([("SET", f"f{i}", "x" * 1024, *options)
                                                 for i in range(start, start + 256)]))
        return replies

    def test_noeviction_refuses_writes_only(self):
        replies = self.fill(12)
        self.assertIn(error("OOM command not allowed when used memory > 'maxmemory'."), replies)
        self.check(bulk("x" * 1024), "GET", "f0")
        self.check(number(1), "DEL", "f0")

    def test_every_policy_makes_room(self):
        for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                       "volatile-lfu", "volatile-random", "volatile-ttl"):
            with self.subTest(policy=policy):
                self.client.call("FLUSHALL")
                self.check(OK, "CONFIG", "SET", "maxmemory-policy", policy)
                self.check(OK, "CONFIG", "RESETSTAT")
                options = ("EX", "1000") if policy.startswith("volatile") else ()
                self.assertEqual(self.fill(16, *options), {OK})
                self.assertGreater(int(self.info("stats")["evicted_keys"]), 1000)
                self.assertLess(int(self.info("memory")["used_memory"]), self.limit * 1.05)

    def test_what_was_flushed_is_room(self):
        """Flushed keys are freed bit by bit; no write is refused meanwhile, no key evicted."""
        refused = error("OOM command not allowed when used memory > 'maxmemory'.")
        self.check(OK, "CONFIG", "RESETSTAT")
        for _ in range(3):
            for start in range(0, 1000000, 500):
                if refused in self.client.pipeline([("SET", f"s{i}", "x")
                                                    for i in range(start, start + 500)]):
                    break
            else:
                self.fail("the limit was not reached")
            replies = self.client.pipeline([("FLUSHALL",)]
                                           + [("SET", f"t{i}", "x") for i in range(500)])
            self.assertEqual(set(replies), {OK})
        self.assertEqual(self.info("stats")["evicted_keys"], "0")

    def test_volatile_without_expiries_refuses(self):
        self.check(OK, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        self.assertIn(error("OOM command not allowed when used memory > 'maxmemory'."),
                      self.fill(12))


if __name__ == "__main__":
    run()
