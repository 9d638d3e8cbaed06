#!/usr/bin/python3
"""Plays seeds with a simulator that has a planted fault.

    seeds.py finds SIM COUNT REASON [ARG ...]  one of the seeds 1..COUNT must fail, for that reason
    seeds.py counts SIM COUNT REASON [ARG ...] each of the seeds 1..COUNT: how many fail, and why

REASON is a regular expression for a part of what the run that fails says.
"""
import re
import subprocess
import sys

PATIENCE_S = 600  # for one process, sanitizers included


def play(arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE_S, errors="replace")


def failure(played):
    """What a run says that failed; None when it did not."""
    said = [line for line in played.stdout.splitlines() if "FAILED" in line or "panic" in line]
    return said[0] if played.returncode != 0 and said else None


def finds(sim, count, reason, *arguments):
    played = play([sim, "--seeds", f"1..{count}", *arguments])
    said = failure(played)
    if said is None:
        print(played.stdout)
        print("the planted fault was not found")
        return 1
    print("found:", said)
    if not re.search(reason, said):
        print(f"but not for the reason that was expected: {reason}")
        return 1
    return 0


def counts(sim, count, reason, *arguments):
    found = others = 0
    for seed in range(1, int(count) + 1):
        said = failure(play([sim, "--seed", str(seed), *arguments]))
        if said is not None:
            right = bool(re.search(reason, said))
            found += right
            others += not right
            print(f"seed {seed}: {'' if right else 'ANOTHER REASON: '}{said}", flush=True)
    print(f"{found} of {count} seeds, {others} for another reason")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit({"finds": finds, "counts": counts}[sys.argv[1]](*sys.argv[2:]))
