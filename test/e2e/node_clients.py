#!/usr/bin/python3
"""ioredis and node-redis, pinned by clients/package-lock.json, RESP2 and RESP3, single and cluster.

The tests themselves are clients/*.mjs; this program fetches the clients (once per lock file, into
the build directory), starts the servers and gives the scripts their ports.
"""

import hashlib
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fixture import run, shell, start_cluster_server, start_server   # noqa: E402
from support.server import ROOT                                              # noqa: E402

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
INSTALLED = os.path.join(ROOT, "build", "node-clients")


def install():
    """The clients under INSTALLED, as the lock file says."""
    with open(os.path.join(SOURCES, "package-lock.json"), "rb") as lock:
        wanted = hashlib.sha256(lock.read()).hexdigest()
    stamp = os.path.join(INSTALLED, "installed")
    done = ""
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as written:
            done = written.read()
    if done != wanted:
        os.makedirs(INSTALLED, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(SOURCES, name), INSTALLED)
        exit_status, output, errors = shell(
            ["npm", "ci", "--no-audit", "--no-fund", "--prefix", INSTALLED], timeout=180)
        if exit_status != 0:
            raise RuntimeError("npm ci failed: " + output + errors)
        with open(stamp, "w", encoding="ascii") as written:
            written.write(wanted)
    for name in os.listdir(SOURCES):
        if name.endswith(".mjs"):
            shutil.copy(os.path.join(SOURCES, name), INSTALLED)


class NodeClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()

    def run_script(self, name):
        with start_server() as server, start_cluster_server() as cluster:
            exit_status, output, errors = shell(
                ["node", "--test", "--test-reporter=spec", os.path.join(INSTALLED, name)],
                timeout=90,
                environment={"PORT": str(server.port), "CLUSTER_PORT": str(cluster.port)})
            self.assertEqual(exit_status, 0, output + errors)
            self.assertRegex(output, r"pass [1-9][0-9]+\n")

    def test_ioredis(self):
        self.run_script("ioredis.mjs")

    def test_node_redis(self):
        self.run_script("node_redis.mjs")


if __name__ == "__main__":
    run()
