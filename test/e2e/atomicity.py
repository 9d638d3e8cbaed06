#!/usr/bin/python3
"""Commands over several keys are all or nothing, whatever cores the keys live on.

Many processes write and read the same keys at once. Every MSET writes one value to all keys of a
set, so a reader that ever sees two values in one MGET has seen half a command. Bounded in time; the
seed of the interleaving is the scheduler, so a failure is shown with what was seen, not how to
repeat it.
"""

import multiprocessing
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                     # noqa: E402
from support.fixture import ServerCase, run                  # noqa: E402
from support.server import PATIENCE, SANITIZED               # noqa: E402

TURNS = 1000 if SANITIZED else 3000   # of each player; all play until the last has had his
KEYS = [f"atomic:{i}" for i in range(12)]   # spread over slots, hence over cores


def _play(turn, port, seed, problems, turns, counts, own):
    """In its own process: turn(client, chooser) until all have had enough; counts[own] is its part."""
    chooser = random.Random(seed)
    count = 0
    try:
        with resp.Client(port, timeout=20 * PATIENCE) as client:
            while min(counts) < TURNS:
                problem = turn(client, chooser)
                count += 1
                counts[own] = count
                if problem:
                    problems.put(f"{turn.__name__}: {problem}")
                    break
    except Exception as broken:   # the parent must hear of everything
        problems.put(f"{turn.__name__}: {broken!r}")
    counts[own] = max(count, TURNS)   # nobody waits for who has ended
    turns.put((turn.__name__, count))


def write_all(client, chooser):
    """MSET one value to every key, in random order, sometimes pipelined."""
    requests = []
    for _ in range(chooser.choice([1, 1, 5])):
        value = str(chooser.randrange(10 ** 9))
        keys = chooser.sample(KEYS, len(KEYS))
        requests.append(["MSET", *(word for key in keys for word in (key, value))])
    return None if set(client.pipeline(requests)) == {resp.OK} else "MSET is refused"


def write_torn(client, chooser):
    """What MSET must not be: one SET after the other."""
    value = str(chooser.randrange(10 ** 9))
    for key in KEYS:
        client.call("SET", key, value)


def read_all(client, chooser):
    """MGET sees one instant: one value everywhere (or nothing at all, after a DEL)."""
    reply = client.call("MGET", *chooser.sample(KEYS, len(KEYS)))
    return None if len(set(reply.value)) == 1 else f"torn: {reply}"


def count_all(client, chooser):
    """EXISTS counts all keys or none: DEL of all of them is one step."""
    reply = client.call("EXISTS", *chooser.sample(KEYS, len(KEYS)))
    return None if reply.value in (0, len(KEYS)) else f"partly there: {reply}"


def delete_all(client, chooser):
    """DEL removes all or finds none."""
    time.sleep(0.002)
    reply = client.call("DEL", *chooser.sample(KEYS, len(KEYS)))
    return None if reply.value in (0, len(KEYS)) else f"deleted a part: {reply}"


def write_new(client, chooser):
    """MSETNX writes all keys or none."""
    value = str(chooser.randrange(10 ** 9))
    keys = chooser.sample(KEYS, len(KEYS))
    reply = client.call("MSETNX", *(word for key in keys for word in (key, value)))
    return None if reply.value in (0, 1) else f"{reply}"


TOKENS = [f"place:{i}" for i in range(10)]


def move_token(client, chooser):
    """RENAMENX one token to another place; both ends usually live on different cores."""
    source, target = chooser.sample(TOKENS, 2)
    reply = client.call("RENAMENX", source, target)
    if reply.kind == ":" or reply == resp.error("ERR no such key"):
        return None
    return f"{reply}"


def count_tokens(client, chooser):
    """However they move, there are five of them at every instant, and none is there twice."""
    reply = client.call("MGET", *TOKENS)
    seen = sorted(item.value for item in reply.value if item.value is not None)
    return None if seen == [b"A", b"B", b"C", b"D", b"E"] else f"tokens {seen}"


def increment(client, chooser):
    """INCR on a few keys shared by all; the sum is checked at the end."""
    replies = client.pipeline([["INCR", f"sum:{chooser.randrange(4)}"] for _ in range(10)])
    return None if all(reply.kind == ":" for reply in replies) else f"{replies}"


def own_writes(client, chooser):
    """A connection sees its own pipelined writes in order, on every core."""
    prefix = f"own:{os.getpid()}:"
    names = [prefix + str(chooser.randrange(50)) for _ in range(20)]
    requests, expected = [], []
    for name in names:
        value = str(chooser.randrange(1000))
        requests += [["SET", name, value], ["GET", name], ["MGET", name, name]]
        expected += [resp.OK, resp.bulk(value), resp.array(resp.bulk(value), resp.bulk(value))]
    replies = client.pipeline(requests)
    return None if replies == expected else f"expected {expected}, got {replies}"


ACCOUNTS = [f"account:{i}" for i in range(8)]


def transfer(client, chooser):
    """MULTI takes from one account what it gives to another, sometimes only if nobody else did."""
    source, target = chooser.sample(ACCOUNTS, 2)
    amount = chooser.randrange(1, 100)
    before = None
    if chooser.random() < 0.5:
        client.call("WATCH", source, target)
        before = [int(item.value or 0) for item in client.call("MGET", source, target).value]
    replies = client.pipeline([["MULTI"], ["DECRBY", source, amount], ["INCRBY", target, amount],
                               ["EXEC"]])[-1]
    if before is None and replies.value is None:
        return "EXEC did nothing without WATCH"
    if before is None or replies.value is None:
        return None
    after = [item.value for item in replies.value]
    expected = [before[0] - amount, before[1] + amount]
    return None if after == expected else f"watched {before}, but EXEC made {after}"


def count_money(client, chooser):
    """However it moves, it is as much as before: with one MGET, or GETs in a transaction."""
    if chooser.random() < 0.5:
        reply = client.call("MGET", *ACCOUNTS)
    else:
        reply = client.pipeline([["MULTI"], *(["GET", key] for key in ACCOUNTS), ["EXEC"]])[-1]
    total = sum(int(item.value or 0) for item in reply.value)
    return None if total == 0 else f"the sum is {total}"


LISTS = [f"list:{i}" for i in range(6)]
SETS = [f"set:{i}" for i in range(6)]


def move_items(client, chooser):
    """LMOVE and SMOVE between keys of different cores."""
    source, target = chooser.sample(LISTS, 2)
    client.call("LMOVE", source, target, chooser.choice(["LEFT", "RIGHT"]),
                chooser.choice(["LEFT", "RIGHT"]))
    source, target = chooser.sample(SETS, 2)
    client.call("SMOVE", source, target, str(chooser.randrange(20)))


def count_items(client, chooser):
    """Twenty in all lists together, and in all sets, at every instant."""
    name, keys = chooser.choice([("LLEN", LISTS), ("SCARD", SETS)])
    reply = client.pipeline([["MULTI"], *([name, key] for key in keys), ["EXEC"]])[-1]
    total = sum(item.value for item in reply.value)
    return None if total == 20 else f"{name}: {total} of 20"


def write_sets(client, chooser):
    """Two sets that always hold the same, made in one transaction."""
    version = chooser.randrange(10 ** 9)
    members = [f"{version}:{i}" for i in range(5)]
    client.pipeline([["MULTI"], ["DEL", "left", "right"], ["SADD", "left", *members],
                     ["SADD", "right", *members], ["EXEC"]])


def intersect_sets(client, chooser):
    """So their intersection is all of them, of one writer."""
    target = chooser.choice(["both:0", "both:1", "both:2"])
    client.call("SINTERSTORE", target, "left", "right")
    members = [item.value for item in client.call("SMEMBERS", target).value]
    versions = {member.split(b":")[0] for member in members}
    return None if len(versions) == 1 and len(members) == 5 else f"{target}: {members}"


class Atomicity(ServerCase):
    cores = 2

    def hammer(self, *players):
        """Run every (function, count) in processes of their own; give each function's turns."""
        total, found = self.play(players)
        self.assertEqual(found, [])
        return total

    def play(self, players):
        problems, turns = multiprocessing.Queue(), multiprocessing.Queue()
        parts = [(turn, seed) for turn, count in players for seed in range(count)]
        counts = multiprocessing.RawArray("Q", len(parts))
        processes = [multiprocessing.Process(target=_play, daemon=True,
                                             args=(turn, self.server.port, seed, problems, turns,
                                                   counts, own))
                     for own, (turn, seed) in enumerate(parts)]
        for process in processes:
            process.start()
        total = {}
        for _ in processes:
            name, count = turns.get()   # ctest's limit ends who waits for ever
            total[name] = total.get(name, 0) + count
        for process in processes:
            process.join(10)
        found = []
        while not problems.empty():
            found.append(problems.get())
        return total, found

    def test_torn_writes_are_found(self):
        """The hammer itself: with SETs instead of an MSET it must see halves."""
        self.client.call("MSET", *(word for key in KEYS for word in (key, "0")))
        _, found = self.play([(write_torn, 2), (read_all, 2)])
        self.assertTrue(any("torn" in problem for problem in found), found)

    def test_mset_and_mget(self):
        self.client.call("MSET", *(word for key in KEYS for word in (key, "0")))
        self.hammer((write_all, 3), (read_all, 3))

    def test_mset_del_exists_msetnx(self):
        self.hammer((write_all, 2), (delete_all, 1), (write_new, 1), (count_all, 2), (read_all, 1))

    def test_rename_between_cores(self):
        self.client.call("MSET", *(word for pair in zip(TOKENS, "ABCDE") for word in pair))
        self.hammer((move_token, 4), (count_tokens, 2))

    def test_transactions(self):
        self.hammer((transfer, 4), (count_money, 2))

    def test_items_move_between_cores(self):
        self.client.call("RPUSH", LISTS[0], *range(20))
        self.client.call("SADD", SETS[0], *range(20))
        self.hammer((move_items, 4), (count_items, 2))

    def test_sinterstore(self):
        write_sets(self.client, random.Random(0))
        self.hammer((write_sets, 2), (intersect_sets, 3))

    def test_increments_are_not_lost(self):
        turns = self.hammer((increment, 4), (own_writes, 2))
        replies = self.client.call("MGET", *(f"sum:{i}" for i in range(4)))
        self.assertEqual(sum(int(item.value) for item in replies.value), turns["increment"] * 10)


if __name__ == "__main__":
    run()
