#!/usr/bin/python3
"""Several connections at once, to redis-server and to the server under test: commands that wait for
keys, transactions and watched keys, subscribers, caches. What every connection is sent is compared,
and which of them wait.

A step is what one connection sends. It is over when all that follows from it has come: whoever it
woke is answered, whoever caches is told. So a schedule means the same to both servers, however many
cores one of them has.

    together.py --server build/release/gofish [--cores 2] [--seeds A..B] [--streams 20]
    together.py --server … --seeds 7 --first 123 --streams 1     one schedule again
"""

import argparse
import os
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import schedules                                               # noqa: E402
from accepted import AS_IN_7_2, MOVED_ON, SWAPPED_IN, Told, reason_together   # noqa: E402
from shrink import shrink                                      # noqa: E402
from streams import line, text                                 # noqa: E402
from support import resp, seeds                                # noqa: E402
from support.server import PATIENCE, Server, ServerFailed, binary_from   # noqa: E402

PATIENCE_S = 5 * PATIENCE   # for what the reference has already said
CLOSED = resp.Reply("closed", b"")
NEWER = "valkey-server"     # who is right where redis-server is not


class Difference(Exception):
    """The two servers disagree."""


class Over(Exception):
    """The rest of the schedule cannot be compared: an accepted difference changed what follows."""


class Connection:
    """One connection to one server."""

    def __init__(self, server, protocol):
        self.client = server.client(timeout=PATIENCE_S)
        self.client.call("HELLO", protocol)
        self.id = self.client.call("CLIENT", "ID").value
        self.closed = False

    def has_more(self, seconds=0.0):
        if self.closed:
            return False
        return self.client.offset < len(self.client.buffer) or \
            bool(select.select([self.client.sock], [], [], seconds)[0])

    def take(self):
        """The next thing that has come."""
        try:
            return self.client.read()
        except resp.Closed:
            self.close()
            return CLOSED

    def close(self):
        self.closed = True
        self.client.close()


class Side:
    """One server with the connections of a schedule."""

    def __init__(self, server, schedule):
        self.server = server
        self.control = server.client()
        for words in (["FLUSHALL"], ["CLIENT", "UNPAUSE"]):
            self.control.call(*words)
        self.connections = [Connection(server, protocol) for protocol in schedule.protocols]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for connection in self.connections:
            connection.close()
        self.control.close()

    def send(self, step):
        connection = self.connections[step.connection]
        if connection.closed:
            return
        requests = [[self._own(word) for word in words] for words in step.requests]
        try:
            connection.client.send_raw(b"".join(map(resp.encode, requests)))
        except resp.Closed:
            pass   # reading tells

    def _own(self, word):
        """The word, or this server's id of the connection that stands there."""
        if word.startswith(schedules.ID_OF):
            return b"%d" % self.connections[int(word[len(schedules.ID_OF):])].id
        return word

    def waiting(self):
        """Which connections wait for keys."""
        rows = self.control.call("CLIENT", "LIST").value.decode().splitlines()
        flags = {int(row.split("id=")[1].split()[0]): row.split("flags=")[1].split()[0]
                 for row in rows}
        return [index for index, connection in enumerate(self.connections)
                if "b" in flags.get(connection.id, "")]

    def everything(self):
        """What each connection has been sent so far; the server is known to do one thing at a time."""
        for _ in range(2):   # what was sent before the first has been done before the second
            self.control.call("PING")
        return self.as_they_are()

    @staticmethod
    def _taken(connection):
        taken = []
        while connection.has_more():
            taken.append(connection.take())
        return taken

    def as_much(self, wanted):
        """The same of a server that does many things at a time: as much as was said to come."""
        told = []
        for connection, count in zip(self.connections, map(len, wanted)):
            taken = []
            while len(taken) < count and connection.has_more(PATIENCE_S):
                taken.append(connection.take())
            told.append(taken)
        return told

    def as_they_are(self):
        """What has come by now."""
        return [self._taken(connection) for connection in self.connections]

    def data(self):
        """All keys with what is in them."""
        told = {}
        for key in sorted(self.control.call("KEYS", "*").value):
            kind = self.control.call("TYPE", key.value).value
            for words in schedules.READERS.get(kind, ()):
                words = [key.value if word == b"{}" else word for word in words]
                told[tuple(words)] = self.control.call(*words)
        return told


def _is_invalidation(reply):
    return reply.kind == ">" and reply.value and reply.value[0].value == b"invalidate"


def _invalidated(replies):
    """The keys that these pushes name, in an order of their own: who changed several told of them
    one by one, or of all at once."""
    keys, flushes = [], 0
    for reply in replies:
        named = reply.value[1].value
        flushes += named is None
        keys += map(repr, named or ())
    return sorted(keys) + ["everything"] * flushes


def _ends(told):
    row = reason_together(told)
    return row is not None and row.ends


def _has_moved(told):
    """A blocking move was answered with what it moved."""
    return bool({b"BLMOVE", b"BRPOPLPUSH"} & {word.upper() for word in told.words}) and \
        any(reply.kind == "$" and reply.value for reply in told.left)


def _destination(told):
    """Where the last blocking move in these words puts what it takes."""
    at = max(index for index, word in enumerate(told.words)
             if word.upper() in (b"BLMOVE", b"BRPOPLPUSH"))
    return told.words[at + 2] if at + 2 < len(told.words) else None


def _sorted_out(told):
    """Answers and messages in order, and apart from them what a cache is to forget. Of a connection
    that was closed, that: what it was told before may have been lost with it."""
    if CLOSED in told:
        return [CLOSED], []
    pushes = [reply for reply in told if _is_invalidation(reply)]
    return [reply for reply in told if not _is_invalidation(reply)], _invalidated(pushes)


class Play:
    """One schedule, played to both."""

    def __init__(self, reference, subject, schedule):
        self.sides = (reference, subject)
        self.schedule = schedule
        self.waiting = []
        self.asked = [()] * len(schedule.protocols)   # words since the last answer
        self.accepted = {}

    def run(self):
        try:
            for step in self.schedule.steps:
                if step.connection not in self.waiting or step.requests == schedules.HANGS_UP:
                    self._step(step)
            self._compare_data()
        except Over:
            pass

    def _step(self, step):
        reference, subject = self.sides
        for side in self.sides:
            if step.requests == schedules.HANGS_UP:
                side.connections[step.connection].close()
            else:
                side.send(step)
        self.asked[step.connection] += tuple(word for words in step.requests for word in words)
        left = reference.everything()
        right = subject.as_much(left)
        waiting = self._waiting()
        self._compare_all_told(step, left, [right[index] + more for index, more
                                            in enumerate(subject.as_they_are())])
        self._compare(f"those who wait after {text([step])}", *waiting)
        self.waiting = waiting[0]

    def _waiting(self):
        """Who waits on both sides, once it is the same or for some time is not."""
        wanted = self.sides[0].waiting()
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.sides[1].waiting()) != wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        return wanted, found

    def _compare_all_told(self, step, left, right):
        """First a difference that explains all others: who is told something else than the reference
        tells him leaves to others what he did not take."""
        told = [Told(self.asked[index], step.requests[0], *both)
                for index, both in enumerate(zip(left, right))]
        different = [index for index, one in enumerate(told)
                     if _sorted_out(one.left) != _sorted_out(one.right)]
        different.sort(key=lambda index: not _ends(told[index]))
        if different and self._wakes_several(step, left) and set(different) <= set(self.waiting):
            self.accepted[SWAPPED_IN] = self.accepted.get(SWAPPED_IN, 0) + 1
            raise Over
        movers = {index for index, one in enumerate(told) if _has_moved(one)}
        steady = movers - set(different)   # who moved the same; he may have handed it to a mover
        given = {_destination(told[index]) for index in steady}
        if different and steady and all(given & set(told[index].words)
                                        for index in movers & set(different)):
            self.accepted[MOVED_ON] = self.accepted.get(MOVED_ON, 0) + 1
            raise Over
        for index in different:
            self._accept(told[index], f"{index} is told after {text([step])}",
                         _sorted_out(told[index].left), _sorted_out(told[index].right))
        for index, replies in enumerate(left):
            if _sorted_out(replies)[0]:
                self.asked[index] = ()

    def _wakes_several(self, step, left):
        """Keys came all at once, and more than one who waited is told."""
        return any(words[0].upper() == b"SWAPDB" for words in step.requests) and \
            sum(bool(left[index]) for index in self.waiting) > 1

    def _compare_data(self):
        left, right = (side.data() for side in self.sides)
        self._compare("keys in the end", sorted(left), sorted(right))
        for words in left:
            if left[words] != right[words]:
                told = Told(words, (), [left[words]], [right[words]])
                self._accept(told, f"{line(words)} in the end", left[words], right[words])

    def _accept(self, told, what, left, right):
        row = reason_together(told)
        if row is None:
            self._compare(what, left, right)
        self.accepted[row.name] = self.accepted.get(row.name, 0) + 1
        if row.ends:
            raise Over

    @staticmethod
    def _compare(what, left, right):
        if left != right:
            raise Difference(f"{what}\n    reference: {left}\n    server:    {right}")


class Run:
    """Schedules one after the other: those that are written down, then random ones."""

    def __init__(self, settings):
        self.settings = settings
        self.differences = 0
        self.count = 0
        self.accepted = {}
        self.newer = None

    def start_subject(self):
        return Server(self.settings.binary, cores=self.settings.cores)

    def problem(self, schedule):
        """What is wrong with this schedule, or None: nothing when either reference does the same."""
        problem = self.problem_to(self.reference, schedule)
        if problem is None or self.reference.flavour != "redis":
            return problem
        self.newer = self.newer or Server(NEWER)
        if self.problem_to(self.newer, schedule) is not None:
            return problem
        self.accepted[AS_IN_7_2] = self.accepted.get(AS_IN_7_2, 0) + 1
        return None

    def problem_to(self, reference, schedule):
        """The difference to this reference. A server that died of it is replaced."""
        told = None
        try:
            with Side(reference, schedule) as left, Side(self.subject, schedule) as right:
                play = Play(left, right, schedule)
                play.run()
                for name, count in play.accepted.items():
                    self.accepted[name] = self.accepted.get(name, 0) + count
        except Difference as difference:
            told = str(difference)
        except (OSError, resp.Closed, resp.Malformed) as broken:
            told = f"connection: {broken!r}"
        if told is None:
            return None
        try:
            self.subject.check_alive()
        except ServerFailed as failed:
            self.subject.discard()
            self.subject = self.start_subject()
            return f"the server {failed}"
        return told

    def play(self, name, schedule):
        problem = self.problem(schedule)
        self.count += 1
        if problem is None:
            return
        self.differences += 1
        steps = shrink(schedule.steps,
                       lambda steps: self.problem(schedule._replace(steps=steps)) is not None,
                       words=False)
        small = schedule._replace(steps=steps)
        problem = self.problem(small) or problem + "\n  (not seen again)"
        print(f"\nDIFFERENCE: {name}, protocols {small.protocols}\n  {problem}\n  in\n"
              f"{text(small.steps)}", flush=True)

    def written(self):
        """Those that are written down: Valkey is of another mind about UNSUBSCRIBE."""
        if not self.settings.written or self.reference.flavour != "redis":
            return []
        return [(name, schedule) for name, schedule in schedules.written()
                if self.settings.only in name]

    def run(self):
        settings = self.settings
        deadline = time.monotonic() + (settings.seconds or float("inf"))

        def is_over():
            return time.monotonic() >= deadline or self.differences >= settings.keep_going

        with Server(settings.reference) as self.reference:
            self.subject = self.start_subject()
            for name, schedule in self.written():
                self.play(name, schedule)
            for seed, index in seeds.series(settings, is_over):
                self.play(f"--seeds {seed} --first {index} --streams 1 --cores {settings.cores} "
                          f"--reference {settings.reference}", schedules.drawn(f"{seed}:{index}"))
            self.subject.stop()
        if self.newer:
            self.newer.stop()
        print(f"{self.count} schedules, {self.differences} differences; "
              f"accepted: {self.accepted or 'none'}")


def main():
    binary, rest = binary_from(sys.argv[1:])
    parser = argparse.ArgumentParser(description="compare what several connections are told")
    parser.add_argument("--reference", default="redis-server")
    parser.add_argument("--cores", type=int, default=1)
    seeds.add_options(parser, "schedule")
    parser.add_argument("--keep-going", type=int, default=1, metavar="N")
    parser.add_argument("--only", default="", help="of those written down: a part of the name")
    settings = parser.parse_args(rest)
    settings.binary = binary
    seeds.settle(settings)
    print(f"seeds {','.join(settings.seeds)}: {binary} --cores {settings.cores} "
          f"against {settings.reference}", flush=True)
    run = Run(settings)
    run.run()
    sys.exit(1 if run.differences else 0)


if __name__ == "__main__":
    main()
