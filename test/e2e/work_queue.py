#!/usr/bin/python3
"""A work queue in the way of Sidekiq and BullMQ, without scripts, with redis-py: lists, a sorted set
and transactions. Workers are processes of their own; one is killed in the middle of a job, one is
taken for dead while it works.

    work_queue.py --server build/release/gofish --cores 2
    work_queue.py --worker PORT NAME [--hang | --late]      what the test starts

    jobs:waiting          list: jobs that nobody has; taken at the right, added at the left
    jobs:doing:<worker>   list: the job that a worker has in hand
    jobs:later            sorted set: jobs by the time at which they are due, in milliseconds
    jobs:dead             list: jobs that failed too often
    jobs:failures         hash: how often each job has failed
    jobs:done             hash: how often each job was done, which is once
    workers               set: names; worker:<name> expires when its worker gives no sign of life

A job is in exactly one of the lists and the sorted set at any time, because it goes from one to the
next in one command (BLMOVE, LMOVE) or one transaction. So a worker that dies loses nothing: others see
that its sign of life is gone and put its job back. A worker that was only slow may be at work on a job
that somebody else has by then. It finds out when it is done: a transaction that began with WATCH takes
the job off its list and counts it, or does nothing.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                                    # noqa: E402

from support.fixture import ServerCase, eventually, run         # noqa: E402

WAITING, LATER, DEAD = "jobs:waiting", "jobs:later", "jobs:dead"
FAILURES, DONE = "jobs:failures", "jobs:done"
ALIVE_MS = 400        # without a sign of life for so long, a worker is taken for dead
ATTEMPTS = 3          # then a job is dead
BACK_OFF_MS = 20      # after the first failure; twice as long after each one more
JOBS = 600


def doing(worker):
    return f"jobs:doing:{worker}"


def now_ms(client):
    """The server's clock: there is only one of it."""
    seconds, microseconds = client.time()
    return seconds * 1000 + microseconds // 1000


class Failed(Exception):
    """What a job ends with when it does not succeed."""


def perform(job, failures):
    """The work itself. Every seventh job succeeds at its second attempt, every fiftieth never."""
    number = int(job.split(":")[1])
    if number % 50 == 7 or (number % 7 == 0 and failures == 0):
        raise Failed(job)


class Worker:
    def __init__(self, port, name):
        self.redis = redis.Redis(port=port, decode_responses=True)
        self.name = name
        self.in_the_middle = lambda job: None     # what tests make it do before its work

    def run(self):
        while not self.sign_of_life():
            self.move_what_is_due()
            job = self.redis.blmove(WAITING, doing(self.name), 0.05, "RIGHT", "LEFT")
            if job is None:
                self.take_over()
            else:
                self.do(job)

    def sign_of_life(self):
        """Returns whether the day is over."""
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.sadd("workers", self.name)
            pipeline.set(f"worker:{self.name}", "alive", px=ALIVE_MS)
            pipeline.exists("stop")
            return pipeline.execute()[2]

    def move_what_is_due(self):
        """Jobs whose time has come, oldest first. Of workers that try at once one succeeds."""
        with self.redis.pipeline() as transaction:
            transaction.watch(LATER)
            due = transaction.zrange(LATER, 0, now_ms(transaction), byscore=True, offset=0, num=20)
            if not due:
                return
            transaction.multi()
            transaction.zrem(LATER, *due)
            transaction.lpush(WAITING, *due)
            try:
                transaction.execute()
            except redis.WatchError:
                pass     # they are moved, or will be next time

    def do(self, job):
        failures = int(self.redis.hget(FAILURES, job) or 0)
        self.in_the_middle(job)
        try:
            perform(job, failures)
        except Failed:
            return self.finish(job, lambda transaction: self.fail(transaction, job, failures + 1))
        return self.finish(job, lambda transaction: transaction.hincrby(DONE, job, 1))

    def finish(self, job, and_then):
        """The job leaves this worker's list, and what follows from it happens: both or nothing.
        Returns whether the job still was this worker's."""
        with self.redis.pipeline() as transaction:
            transaction.watch(doing(self.name))
            if transaction.lpos(doing(self.name), job) is None:
                return False
            transaction.multi()
            transaction.lrem(doing(self.name), 1, job)
            and_then(transaction)
            try:
                transaction.execute()
            except redis.WatchError:
                return False
        return True

    def fail(self, transaction, job, failures):
        transaction.hset(FAILURES, job, failures)
        if failures < ATTEMPTS:
            due_ms = now_ms(self.redis) + BACK_OFF_MS * 2 ** (failures - 1)
            transaction.zadd(LATER, {job: due_ms})
        else:
            transaction.lpush(DEAD, job)

    def take_over(self):
        """What workers without a sign of life have in hand is everybody's again, and first."""
        for name in self.redis.smembers("workers"):
            if self.redis.exists(f"worker:{name}"):
                continue
            while self.redis.lmove(doing(name), WAITING, "RIGHT", "RIGHT") is not None:
                pass


class WorkQueue(ServerCase):
    def setUp(self):
        super().setUp()
        self.redis = redis.Redis(port=self.server.port, decode_responses=True)
        self.addCleanup(self.redis.close)

    def add(self, first, count):
        """One half at once, the other in a moment."""
        now = now_ms(self.redis)
        with self.redis.pipeline(transaction=False) as pipeline:
            for number in range(first, first + count):
                if number % 2 == 0:
                    pipeline.lpush(WAITING, f"job:{number}")
                else:
                    pipeline.zadd(LATER, {f"job:{number}": now + number % 100})
            pipeline.execute()

    def finished(self):
        """Jobs that are done or dead."""
        return self.redis.hlen(DONE) + self.redis.llen(DEAD)

    def finish(self, count):
        """All jobs are finished, none is left anywhere: the workers go home."""
        self.assertTrue(eventually(lambda: self.finished() >= count, 60), self.finished())
        self.redis.set("stop", 1)
        for worker in self.workers:
            self.assertEqual(worker.wait(timeout=60), 0)
        self.assertEqual(self.finished(), count)
        left = [self.redis.llen(WAITING), self.redis.zcard(LATER)]
        left += [self.redis.llen(doing(name)) for name in self.redis.smembers("workers")]
        self.assertEqual(sum(left), 0, left)
        self.assertEqual(set(self.redis.hvals(DONE)), {"1"})

    def expect(self, count):
        """What becomes of jobs 0 to count - 1."""
        numbers = range(count)
        hopeless = {f"job:{n}" for n in numbers if n % 50 == 7}
        second = {f"job:{n}" for n in numbers if n % 7 == 0} - hopeless
        self.assertEqual(set(self.redis.hkeys(DONE)), {f"job:{n}" for n in numbers} - hopeless)
        self.assertEqual(sorted(self.redis.lrange(DEAD, 0, -1)), sorted(hopeless))
        self.assertEqual(self.redis.hgetall(FAILURES), {**dict.fromkeys(hopeless, str(ATTEMPTS)),
                                                        **dict.fromkeys(second, "1")})

    def test_every_job_is_done_once(self):
        self.add(0, JOBS // 2)
        for name in ("alice", "bob", "carol"):
            self.start_worker(name)
        self.add(JOBS // 2, JOBS // 2)
        self.finish(JOBS)
        self.expect(JOBS)

    def test_the_job_of_a_killed_worker_is_done_by_another(self):
        self.add(0, 20)
        victim = self.start_worker("victim", "--hang")
        self.assertTrue(eventually(lambda: self.redis.llen("in the middle") == 1, 20))
        job = self.redis.lindex("in the middle", 0)
        self.assertEqual(self.redis.lrange(doing("victim"), 0, -1), [job])
        victim.kill()
        victim.wait()
        self.workers.remove(victim)
        for name in ("alice", "bob"):
            self.start_worker(name)
        self.finish(20)
        self.expect(20)
        self.assertIn(job, self.redis.hkeys(DONE) + self.redis.lrange(DEAD, 0, -1))

    def test_a_job_that_two_workers_did_counts_once(self):
        self.add(0, 1)
        self.start_worker("late", "--late")
        self.assertTrue(eventually(lambda: self.redis.llen("in the middle") == 1, 20))
        self.start_worker("alice")                    # does it: nothing is heard of the other one
        self.assertTrue(eventually(lambda: self.redis.hget(DONE, "job:0") == "1", 20))
        self.redis.lpush("go on", "late")      # which is done now, too
        self.assertEqual(self.redis.blpop("told", 20), ("told", "not mine any more"))
        self.finish(1)

    def test_urgent_jobs_come_first(self):
        """Where a lost job does no harm, BRPOP and BLMPOP take from the first queue that has any."""
        queues = ["urgent", "usual", "idle"]
        for number in range(30):
            self.redis.lpush(queues[number % 3], f"{queues[number % 3]}:{number}")
        taken = [self.redis.brpop(queues, 5) for _ in range(15)]
        self.assertEqual([queue for queue, _ in taken], ["urgent"] * 10 + ["usual"] * 5)
        self.assertEqual([job for _, job in taken[:3]], ["urgent:0", "urgent:3", "urgent:6"])
        self.redis.lpush("urgent", "urgent:30")
        batches = [self.redis.blmpop(5, 3, *queues, direction="RIGHT", count=4) for _ in range(6)]
        self.assertEqual([(queue, len(jobs)) for queue, jobs in batches],
                         [("urgent", 1), ("usual", 4), ("usual", 1), ("idle", 4), ("idle", 4),
                          ("idle", 2)])
        self.assertIsNone(self.redis.blmpop(0.01, 3, *queues, direction="RIGHT"))


def work(port, name, how):
    worker = Worker(port, name)

    def hang(job):
        worker.redis.rpush("in the middle", job)
        worker.redis.blpop("never")     # until it is killed

    def be_late(job):
        worker.redis.rpush("in the middle", job)
        worker.redis.blpop("go on")     # by then the job is another's
        mine = worker.finish(job, lambda transaction: transaction.hincrby(DONE, job, 1))
        worker.redis.rpush("told", "mine" if mine else "not mine any more")

    worker.in_the_middle = {"--hang": hang, "--late": be_late}.get(how, worker.in_the_middle)
    worker.run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(int(sys.argv[2]), sys.argv[3], (sys.argv + [None])[4])
    else:
        run()
