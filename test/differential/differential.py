#!/usr/bin/python3
"""The same random commands to redis-server and to the server under test; every reply is compared.

    differential.py --server build/release/gofish                    one minute, a fresh seed
    differential.py --server … --cores 2 --seeds 7 --streams 5000    by hand, long
    differential.py --server … --seeds 7 --first 123 --streams 1     one stream again
    differential.py --server redis-server --plant all                proves that faults are found

Before the random ones come the streams that are written down (written.py).

A failure prints the seed, and the stream made as small as it gets, as redis-cli lines.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import streams                                        # noqa: E402
import written                                        # noqa: E402
from faults import FAULTS                             # noqa: E402
from players import Difference, Player                # noqa: E402
from shrink import shrink                             # noqa: E402
from support import resp, seeds                       # noqa: E402
from support.server import Server, ServerFailed, binary_from   # noqa: E402


def options():
    binary, rest = binary_from(sys.argv[1:])
    parser = argparse.ArgumentParser(description="compare a server with redis-server",
                                     usage="differential.py [--server PATH] [options]")
    parser.add_argument("--reference", default="redis-server", help="what to compare with")
    parser.add_argument("--cores", type=int, default=1)
    seeds.add_options(parser, "stream")
    parser.add_argument("--steps", type=int, default=streams.STEPS, help="steps of a stream")
    parser.add_argument("--families", default=",".join(streams.FAMILIES))
    parser.add_argument("--without", default="", help="commands to leave out: NAME,NAME")
    parser.add_argument("--password", action="store_true", help="both servers require one")
    parser.add_argument("--keep-going", type=int, default=1, metavar="N",
                        help="stop after N different differences")
    parser.add_argument("--plant", default=None,
                        help="a fault of faults.py, or all; --streams and --seconds are for each")
    parser.add_argument("--option", action="append", default=[], help="passed on to the server")
    settings = parser.parse_args(rest)
    settings.binary = binary
    seeds.settle(settings)
    return settings


# So often per second the reference looks who has waited long enough: at its 10, four fifths of the
# time a stream takes is waiting for that.
OFTEN = ("--hz", "500")


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

    def all_streams(self, is_over):
        """Name, and how to play it again, and stream: those written down, then random ones."""
        settings = self.settings
        for name, stream in written.streams() if self.plays_written() else ():
            yield f"{name} (written.py)", stream
        for seed, index in seeds.series(settings, is_over):
            yield f"{index} (--seeds {seed} --first {index} --streams 1 --cores {settings.cores})", \
                streams.build(f"{seed}:{index}", settings.steps, self.password, self.choice)

    def plays_written(self):
        """They know no password, and are about the differences to one reference."""
        settings = self.settings
        return settings.written and not settings.password and not settings.plant \
            and not settings.without and settings.reference == "redis-server"

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
        return self.start(self.settings.binary, self.settings.cores,
                          [*OFTEN, *self.settings.option])

    @staticmethod
    def subject_of(problem):
        """What it is about: the command, in lower case."""
        return problem.split("\n")[0].split(" ")[0].lower()

    def report(self, player, name, stream, problem):
        """Print the smallest version of a failing stream."""
        def fails(candidate):
            again = self.problem(player, candidate)
            return again is not None and self.subject_of(again) == self.subject_of(problem)

        small = shrink(stream, fails)
        final = self.problem(player, small)
        if final is None:
            small, final = stream, problem + "\n  (not seen again: does it depend on time?)"
        print(f"\nDIFFERENCE in stream {name}\n  {final}\n  after\n{streams.text(small)}",
              flush=True)

    def run(self, plant=None):
        """Give the number of differences found."""
        settings = self.settings
        count, known = 0, set()
        deadline = time.monotonic() + (settings.seconds or float("inf"))

        def is_over():
            return time.monotonic() >= deadline or len(known) >= settings.keep_going

        with self.start(settings.reference, 1, OFTEN) as reference:
            player = Player(reference, self.start_subject(), self.password, plant)
            if b"SELECT" in self.choice.without:
                player.databases = 1
            for name, stream in self.all_streams(is_over):
                problem = self.problem(player, stream)
                count += 1
                if problem and self.subject_of(problem) not in known:
                    known.add(self.subject_of(problem))
                    self.report(player, name, stream, problem)
            player.servers[1].stop()
        print(f"{count} streams, {player.requests_count} requests, {len(known)} differences; "
              f"accepted: {player.accepted or 'none'}")
        return len(known)


def run_planted(run):
    """Every planted fault must be found; gives how many were missed."""
    names = list(FAULTS) if run.settings.plant == "all" else [run.settings.plant]
    missed = 0
    for name in names:
        print(f"planted: {name}", end=" ", flush=True)
        if run.run(plant=FAULTS[name]) == 0:
            print(f"planted: {name} NOT FOUND")
            missed += 1
    return missed


def main():
    settings = options()
    print(f"seeds {','.join(settings.seeds)}: {settings.binary} --cores {settings.cores} "
          f"against {settings.reference}", flush=True)
    run = Run(settings)
    failures = run_planted(run) if settings.plant else run.run()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
