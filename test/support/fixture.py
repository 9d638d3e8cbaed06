"""Test cases with a running server: what the programs in test/e2e/ and test/bad_input/ are made of.

    class Strings(ServerCase): …
    if __name__ == "__main__": run()

`program.py --server PATH [--cores N] [unittest's arguments]`; every class gets a server of its own.
"""

import os
import subprocess
import sys
import time
import unittest

from support import resp
from support.server import PATIENCE, Server, binary_from, free_port

_chosen = {"binary": None, "cores": 1}


def run():
    """Read the command line and run the tests of the program."""
    binary, rest = binary_from(sys.argv[1:])
    _chosen["binary"] = binary
    if "--cores" in rest:
        at = rest.index("--cores")
        _chosen["cores"] = int(rest[at + 1])
        del rest[at:at + 2]
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


def start_server(*options, **settings):
    """A server as the command line asks for."""
    settings.setdefault("cores", _chosen["cores"])
    return Server(_chosen["binary"], *options, **settings)


def binary():
    return _chosen["binary"]


def shell(arguments, timeout=30, stdin=b"", environment=None):
    """Run a program to its end; gives (exit status, stdout, stderr) as text."""
    done = subprocess.run([str(word) for word in arguments], input=stdin, capture_output=True,
                          timeout=timeout * PATIENCE, check=False,
                          env={**os.environ, **(environment or {})})
    return (done.returncode, done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"))


def eventually(condition, timeout=5.0):
    """True as soon as the condition holds, False when it does not within the time."""
    deadline = time.monotonic() + timeout * PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def start_cluster_server():
    """One node that serves all slots to cluster clients: go-fish as it is, the others asked to."""
    server = start_server()
    if server.flavour == "gofish":
        return server
    server.stop()
    server = start_server("--cluster-enabled", "yes", "--cluster-port", free_port(),
                          "--cluster-announce-ip", "127.0.0.1")
    with server.client() as client:
        client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: b"cluster_state:ok" in client.call("CLUSTER", "INFO").value)
    return server


class ServerCase(unittest.TestCase):
    """One server for the class, an empty one for each test; it must be alive and clean
    afterwards."""

    options = ()
    cores = None
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        settings = {} if cls.cores is None else {"cores": cls.cores}
        cls.server = start_server(*cls.options, **settings)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.clients = []
        self.workers = []
        self.client = self.connect()
        self.client.call("FLUSHALL")

    def tearDown(self):
        for client in self.clients:
            client.close()
        self.server.check_alive()

    def connect(self, protocol=2, timeout=10):
        """One more connection, closed after the test."""
        client = self.server.client(timeout)
        self.clients.append(client)
        if protocol == 3:
            self.assertFalse(client.call("HELLO", "3").is_error())
        return client

    def start_worker(self, name, *options):
        """This program once more, as `--worker PORT NAME`; it is killed after the test."""
        worker = subprocess.Popen([sys.executable, os.path.abspath(sys.argv[0]), "--worker",
                                   str(self.server.port), name, *options])
        self.workers.append(worker)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def check(self, expected, *words, client=None):
        """The reply to these words is exactly the expected one."""
        self.assertEqual((client or self.client).call(*words), expected, words)

    def check_error(self, start, *words, client=None):
        """The reply is an error that starts like this."""
        reply = (client or self.client).call(*words)
        self.assertTrue(reply.is_error(), f"{words}: {reply}")
        self.assertTrue(reply.value.decode().startswith(start), f"{words}: {reply}")

    def info(self, section="everything"):
        """INFO as a dictionary of texts."""
        text = resp.plain(self.client.call("INFO", section)).decode()
        pairs = (line.split(":", 1) for line in text.split("\r\n")
                 if ":" in line and not line.startswith("#"))
        return dict(pairs)


class ClusterCase(ServerCase):
    """A server that cluster clients can be pointed at."""

    @classmethod
    def setUpClass(cls):
        cls.server = start_cluster_server()
