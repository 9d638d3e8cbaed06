#!/usr/bin/python3
"""A job queue on streams, with redis-py: producers, workers in processes of their own, one of which
is killed in the middle of its work. Every job is done, and none is forgotten.

    job_queue.py --server build/release/gofish --cores 2
    job_queue.py --worker PORT NAME [--hang]      what the test starts

A worker reads jobs that nobody has got (XREADGROUP with >), waiting when there are none, and takes
over those that another has kept for too long (XAUTOCLAIM). A job and its acknowledgement are one
transaction, so a job that two workers have got counts once.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                                    # noqa: E402

from support.fixture import ServerCase, eventually, run         # noqa: E402

QUEUES = ["jobs:urgent", "jobs:usual"]   # urgent ones first
GROUP = "workers"
TOO_LONG_MS = 300
JOBS = 2000


class Worker:
    def __init__(self, port, name, hangs):
        self.redis = redis.Redis(port=port, decode_responses=True)
        self.name = name
        self.hangs = hangs

    def run(self):
        while not self.redis.exists("stop"):
            read = self.redis.xreadgroup(GROUP, self.name, {queue: ">" for queue in QUEUES},
                                         count=7, block=100)
            for queue, jobs in read:
                self.do(queue, jobs)
            if not read:
                self.take_over()

    def take_over(self):
        for queue in QUEUES:
            cursor = "0-0"
            while True:
                cursor, jobs, _ = self.redis.execute_command(
                    "XAUTOCLAIM", queue, GROUP, self.name, TOO_LONG_MS, cursor, "COUNT", 50)
                self.do(queue, jobs)
                if cursor == "0-0":
                    break

    def do(self, queue, jobs):
        for entry_id, fields in jobs:
            if self.hangs:
                self.redis.incr("hanging")
                self.redis.blpop("never")   # until it is killed
            if isinstance(fields, list):    # execute_command answers them flat
                fields = dict(zip(fields[::2], fields[1::2]))
            with self.redis.pipeline(transaction=True) as transaction:
                transaction.hincrby("results", fields["number"], int(fields["number"]) ** 2)
                transaction.xack(queue, GROUP, entry_id)
                transaction.lpush("log", self.name)
                done = transaction.execute()
            if done[1] == 0:   # somebody else was faster: it was done twice, once too often
                self.redis.hincrby("results", fields["number"], -int(fields["number"]) ** 2)


class JobQueue(ServerCase):
    def setUp(self):
        super().setUp()
        self.redis = redis.Redis(port=self.server.port, decode_responses=True)
        self.addCleanup(self.redis.close)
        self.redis.flushall()
        for queue in QUEUES:
            self.redis.xgroup_create(queue, GROUP, id="0", mkstream=True)

    def produce(self, first, count):
        with self.redis.pipeline(transaction=False) as pipeline:
            for number in range(first, first + count):
                pipeline.xadd(QUEUES[number % 2], {"number": number, "what": "square"})
            pipeline.execute()

    def pending(self):
        return sum(self.redis.xpending(queue, GROUP)["pending"] for queue in QUEUES)

    def unread(self):
        return sum(self.redis.xinfo_groups(queue)[0]["lag"]
                   for queue in QUEUES)

    def finish(self):
        """All jobs are done: the workers go home."""
        self.assertTrue(eventually(lambda: self.unread() == 0 and self.pending() == 0, 30),
                        f"{self.unread()} unread, {self.pending()} pending")
        self.redis.set("stop", 1)
        for worker in self.workers:
            worker.wait(timeout=30)

    def test_every_job_is_done_once(self):
        self.produce(0, JOBS // 2)
        for name in ("alice", "bob", "carol"):
            self.start_worker(name)
        self.produce(JOBS // 2, JOBS // 2)
        self.finish()
        results = self.redis.hgetall("results")
        self.assertEqual({int(key): int(value) for key, value in results.items()},
                         {number: number ** 2 for number in range(JOBS)})
        self.assertEqual(self.redis.xlen(QUEUES[0]) + self.redis.xlen(QUEUES[1]), JOBS)

    def test_the_work_of_a_killed_worker_is_taken_over(self):
        self.produce(0, 100)
        victim = self.start_worker("victim", "--hang")
        self.assertTrue(eventually(lambda: self.redis.get("hanging") == "1", 20))
        held = self.pending()
        self.assertGreater(held, 0)
        victim.kill()
        victim.wait()
        self.workers.remove(victim)
        for name in ("alice", "bob"):
            self.start_worker(name)
        self.finish()
        results = self.redis.hgetall("results")
        self.assertEqual({int(key): int(value) for key, value in results.items()},
                         {number: number ** 2 for number in range(100)})
        self.assertNotIn("victim", self.redis.lrange("log", 0, -1))
        consumers = {consumer["name"]: consumer["pending"]
                     for consumer in self.redis.xinfo_consumers(QUEUES[0], GROUP)}
        self.assertEqual(consumers["victim"], 0)

    def test_done_jobs_are_trimmed(self):
        self.produce(0, JOBS)
        self.start_worker("alice")
        self.finish()
        for queue in QUEUES:
            last = self.redis.xinfo_groups(queue)[0]["last-delivered-id"]
            self.redis.xtrim(queue, minid=last, approximate=False)
            self.assertEqual(self.redis.xlen(queue), 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        try:
            Worker(int(sys.argv[2]), sys.argv[3], "--hang" in sys.argv).run()
        except redis.ConnectionError:
            sys.exit(1)
    else:
        run()
