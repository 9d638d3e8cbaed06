#!/usr/bin/python3
"""Modules from outside the tree: test/module/tally.c is built against the installed headers alone and
loaded into a server, at its start and while it runs."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fixture import ServerCase, binary, run                   # noqa: E402
from support.resp import OK, bulk, error, number, plain               # noqa: E402
from support.server import ROOT                                       # noqa: E402

FOLDER = tempfile.mkdtemp(prefix="gofish-module-")
TALLY = os.path.join(FOLDER, "tally.so")
SOURCE = os.path.join(ROOT, "test", "module", "tally.c")


def build(output, source="tally.c"):
    """A module, with nothing of the tree on the include path."""
    subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
                    "-I", os.path.join(FOLDER, "include", "gofish"),
                    "-o", output, os.path.join(FOLDER, source)], check=True, cwd=FOLDER)


def setUpModule():
    folder = os.path.dirname(os.path.abspath(binary()))
    subprocess.run(["cmake", "--install", folder, "--component",
                    "headers", "--prefix", FOLDER], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(SOURCE, FOLDER)
    build(TALLY)


def tearDownModule():
    shutil.rmtree(FOLDER)


class Loaded(ServerCase):
    """At start."""
    options = ("--load-module", TALLY)

    def test_commands(self):
        self.check(number(3), "TALLY.ADD", "t", "apples", 3)
        self.check(number(5), "TALLY.ADD", "t", "apples", 2)
        self.check(number(-1), "TALLY.ADD", "t", "pears", -1)
        self.check(number(5), "TALLY.GET", "t", "apples")
        self.assertEqual(plain(self.client.call("TALLY.ALL", "t")), [b"apples", 5, b"pears", -1])
        self.check(number(1), "TALLY.DEL", "t", "pears")
        self.check(number(1), "TALLY.DEL", "t", "apples")
        self.check(number(0), "EXISTS", "t")
        self.check(OK, "SET", "s", "1")
        self.check(error("WRONGTYPE Operation against a key holding the wrong kind of value"),
                   "TALLY.GET", "s", "a")
        self.check(error("ERR value is not an integer or out of range"), "TALLY.ADD", "t", "a", "x")

    def test_what_commands_for_any_key_do(self):
        for index in range(20):
            self.client.call("TALLY.ADD", "t", f"name {index}", index)
        self.assertEqual(plain(self.client.call("TYPE", "t")), b"tally")
        self.check(bulk("sorted-array"), "OBJECT", "ENCODING", "t")
        self.assertGreater(self.client.call("MEMORY", "USAGE", "t").value, 20 * 64)
        self.check(number(1), "COPY", "t", "{other}t")
        self.check(number(1), "TALLY.ADD", "{other}t", "more", 1)
        self.assertEqual(len(plain(self.client.call("TALLY.ALL", "t"))), 40)
        self.check(OK, "RENAME", "{other}t", "renamed")
        self.check(number(19), "TALLY.GET", "renamed", "name 19")
        self.check(number(1), "PEXPIRE", "renamed", 100000)
        self.assertGreater(self.client.call("PTTL", "renamed").value, 0)
        self.check(number(2), "DEL", "t", "renamed")

    def test_dump_and_restore(self):
        for name in ("a", "b", "c"):
            self.client.call("TALLY.ADD", "t", name, 7)
        payload = self.client.call("DUMP", "t").value
        self.check(OK, "RESTORE", "copy", 0, payload)
        self.assertEqual(plain(self.client.call("TALLY.ALL", "copy")), [b"a", 7, b"b", 7, b"c", 7])
        self.assertEqual(self.client.call("DUMP", "copy").value, payload)
        damaged = payload[:-12] + b"\xff" + payload[-11:]
        self.check(error("ERR DUMP payload version or checksum are wrong"), "RESTORE", "no", 0, damaged)

    def test_it_is_listed(self):
        reply = plain(self.client.call("MODULE", "LIST"))
        self.assertEqual(reply, [[b"name", b"tally", b"ver", 1, b"path", TALLY.encode(), b"args", []]])
        self.assertEqual(plain(self.client.call("COMMAND", "GETKEYS", "TALLY.GET", "k", "n")), [b"k"])

    def test_changes_are_not_allowed_by_default(self):
        for words in (("LOAD", TALLY), ("UNLOAD", "tally")):
            self.assertIn("MODULE command not allowed", self.client.call("MODULE", *words).value.decode())


class WhileRunning(ServerCase):
    options = ("--enable-module-command", "local")

    def message(self, *words):
        reply = self.client.call(*words)
        self.assertTrue(reply.is_error(), reply)
        return reply.value.decode()

    def test_load_use_unload_and_again(self):
        others = [self.connect() for _ in range(8)]
        for _ in range(3):
            self.assertIn("unknown command", self.message("TALLY.GET", "t", "a"))
            self.check(OK, "MODULE", "LOAD", TALLY)
            for index, other in enumerate(others):
                self.check(number(index), "TALLY.ADD", f"t{index}", "a", index, client=other)
            self.assertIn("a module of this name is there already",
                          self.message("MODULE", "LOAD", TALLY))
            self.assertEqual(self.message("MODULE", "UNLOAD", "tally"),
                             "ERR Error unloading module: there are values of its type")
            self.check(number(0), "TALLY.GET", "t0", "a")
            self.check(OK, "FLUSHALL")
            self.check(OK, "MODULE", "UNLOAD", "tally")
            for other in others:
                self.assertTrue(other.call("TALLY.GET", "t", "a").is_error())
            self.assertEqual(plain(self.client.call("MODULE", "LIST")), [])

    def test_mistakes(self):
        self.assertIn("a / in it", self.message("MODULE", "LOAD", "tally.so"))
        self.assertIn("cannot open shared object", self.message("MODULE", "LOAD", "/no/such.so"))
        self.assertEqual(self.message("MODULE", "UNLOAD", "tally"),
                         "ERR Error unloading module: no such module with that name")
        self.assertIn("no arguments", self.message("MODULE", "LOAD", TALLY, "arg"))

    def test_other_versions_are_refused(self):
        old = os.path.join(FOLDER, "old.so")
        with open(SOURCE, encoding="utf-8") as source:
            text = source.read().replace("GF_MODULE_ABI", "GF_MODULE_ABI + 1")
        with open(os.path.join(FOLDER, "old.c"), "w", encoding="utf-8") as changed:
            changed.write(text)
        build(old, "old.c")
        self.assertIn("build it again with this server's headers", self.message("MODULE", "LOAD", old))

    def test_what_is_no_module_is_refused(self):
        empty = os.path.join(FOLDER, "empty.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", empty], check=True)
        self.assertIn("no symbol gf_module", self.message("MODULE", "LOAD", empty))


if __name__ == "__main__":
    run()
