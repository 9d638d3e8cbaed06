#!/usr/bin/python3
"""ioredis and node-redis, pinned by clients/package-lock.json, RESP2 and RESP3, single and cluster.

The tests themselves are clients/*.mjs; this program fetches the clients (support/node.py), starts
the servers and gives the scripts their ports.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fixture import run, start_cluster_server, start_server   # noqa: E402
from support.node import install, run_program                         # noqa: E402


class NodeClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()

    def run_script(self, name):
        with start_server() as server, start_cluster_server() as cluster:
            run_program(self, name, PORT=server.port, CLUSTER_PORT=cluster.port)

    def test_ioredis(self):
        self.run_script("ioredis.mjs")

    def test_node_redis(self):
        self.run_script("node_redis.mjs")


if __name__ == "__main__":
    run()
