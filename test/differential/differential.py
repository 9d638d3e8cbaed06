#!/usr/bin/python3
"""The same random commands to redis-server and to the server under test; every reply is compared.

    differential.py --server build/release/gofish                    one minute, a fresh seed
    differential.py --server … --cores 2 --seed 7 --streams 5000     by hand, long
    differential.py --server … --seed 7 --first 123 --streams 1      one stream again
    differential.py --server redis-server --plant all                proves that faults are found

A failure prints the seed, and the stream made as small as it gets, as redis-cli lines.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import streams                                        # noqa: E402
from faults import FAULTS                             # noqa: E402
from players import Difference, Player                # noqa: E402
from shrink import shrink                             # noqa: E402
from support import resp                              # noqa: E402
from support.server import Server, ServerFailed, binary_from   # noqa: E402


def options():
    binary, rest = binary_from(sys.argv[1:])
    parser = argparse.ArgumentParser(description="compare a server with redis-server",
                                     usage="differential.py [--server PATH] [options]")
    parser.add_argument("--reference", default="redis-server", help="what to compare with")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seed", default=None, help="default: a fresh one")
    parser.add_argument("--first", type=int, default=0, help="number of the first stream")
    parser.add_argument("--streams", type=int, default=None, help="how many at most")
    parser.add_argument("--seconds", type=float, default=60, help="stop after this time")
    parser.add_argument("--steps", type=int, default=streams.STEPS, help="steps of a stream")
    parser.add_argument("--families", default=",".join(streams.FAMILIES))
    parser.add_argument("--without", default="", help="commands to leave out: NAME,NAME")
    parser.add_argument("--password", action="store_true", help="both servers require one")
    parser.add_argument("--keep-going", type=int, default=1, metavar="N",
                        help="stop after N different differences")
    parser.add_argument("--plant", default=None, help="a fault of faults.py, or all")
    parser.add_argument("--option", action="append", default=[], help="passed on to the server")
    settings = parser.parse_args(rest)
    settings.binary = binary
    settings.seed = settings.seed or str(int.from_bytes(os.urandom(4), "big"))
    return settings


class Run:
    """Streams one after the other until the time, the number or the patience is used up."""

    def __init__(self, settings):
        self.settings = settings
        self.password = b"sesame" if settings.password else None
        self.choice = streams.Choice(tuple(settings.families.split(",")),
                                     frozenset(settings.without.upper().encode().split(b",")))

    def start(self, binary, cores, extra=()):
        password = self.password.decode() if self.password else None
        return Server(binary, *extra, cores=cores, password=password)

    def stream(self, index):
        return streams.build(f"{self.settings.seed}:{index}", self.settings.steps, self.password,
                             self.choice)

    def problem(self, player, stream):
        """What is wrong with this stream, or None. A server that died of it is replaced."""
        told = None
        try:
            player.play(stream)
        except Difference as difference:
            told = str(difference)
        except (OSError, resp.Closed) as broken:
            told = f"connection: {broken!r}"
        if told is None:
            return None
        try:
            player.servers[1].check_alive()
        except ServerFailed as failed:
            player.servers[1].discard()
            player.servers[1] = self.start_subject()
            return f"the-server {failed}"
        return told

    def start_subject(self):
        return self.start(self.settings.binary, self.settings.cores, self.settings.option)

    @staticmethod
    def subject_of(problem):
        """What it is about: the command, in lower case."""
        return problem.split("\n")[0].split(" ")[0].lower()

    def report(self, player, index, stream, problem):
        """Print the smallest version of a failing stream."""
        def fails(candidate):
            again = self.problem(player, candidate)
            return again is not None and self.subject_of(again) == self.subject_of(problem)

        small = shrink(stream, fails)
        final = self.problem(player, small)
        if final is None:
            small, final = stream, problem + "\n  (not seen again: does it depend on time?)"
        print(f"\nDIFFERENCE in stream {index} (--seed {self.settings.seed} --first {index} "
              f"--streams 1 --cores {self.settings.cores})\n  {final}\n  after\n"
              f"{streams.text(small)}", flush=True)

    def run(self, plant=None, seconds=None):
        """Give the number of differences found."""
        settings = self.settings
        found, index, known = 0, settings.first, set()
        with self.start(settings.reference, 1) as reference:
            player = Player(reference, self.start_subject(), self.password, plant)
            if b"SELECT" in self.choice.without:
                player.databases = 1
            deadline = time.monotonic() + (seconds or settings.seconds)
            while time.monotonic() < deadline and found < settings.keep_going \
                    and (settings.streams is None or index < settings.first + settings.streams):
                stream = self.stream(index)
                problem = self.problem(player, stream)
                if problem and self.subject_of(problem) not in known:
                    known.add(self.subject_of(problem))
                    found += 1
                    self.report(player, index, stream, problem)
                index += 1
            player.servers[1].stop()
        print(f"{index - settings.first} streams, {player.requests_count} requests, "
              f"{found} differences; accepted: {player.accepted or 'none'}")
        return found


def run_planted(run):
    """Every planted fault must be found; gives how many were missed."""
    names = list(FAULTS) if run.settings.plant == "all" else [run.settings.plant]
    missed = 0
    for name in names:
        print(f"planted: {name}", end=" ", flush=True)
        if run.run(plant=FAULTS[name], seconds=run.settings.seconds / len(names)) == 0:
            print(f"planted: {name} NOT FOUND")
            missed += 1
    return missed


def main():
    settings = options()
    print(f"seed {settings.seed}: {settings.binary} --cores {settings.cores} "
          f"against {settings.reference}", flush=True)
    run = Run(settings)
    failures = run_planted(run) if settings.plant else run.run()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
