#!/usr/bin/python3
"""Plays seeds with the simulator.

    seeds.py fresh SIM SECONDS          seeds nobody has played, until the time is over
    seeds.py finds SIM COUNT [ARG ...]  seeds 1..COUNT must fail: a fault is planted

The simulator knows no clock: seeds made of the time are made here.
"""
import subprocess
import sys
import time

BATCH = 1  # a process of its own for each: a seed by itself does the same again
PATIENCE_S = 600  # for one process, sanitizers included


def play(arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE_S, errors="replace")


def fresh(sim, seconds):
    end = time.monotonic() + float(seconds)
    seed = time.time_ns() // 1000
    first = seed
    while time.monotonic() < end:
        played = play([sim, "--seeds", f"{seed}..{seed + BATCH - 1}"])
        if played.returncode != 0:
            print(played.stdout)
            return 1
        seed += BATCH
    print(f"{seed - first} fresh seeds from {first} on")
    return 0


def finds(sim, count, *arguments):
    played = play([sim, "--seeds", f"1..{count}", *arguments])
    said = [line for line in played.stdout.splitlines() if "FAILED" in line or "panic" in line]
    if played.returncode == 0 or not said:
        print(played.stdout)
        print("the planted fault was not found")
        return 1
    print("found:", said[0])
    return 0


if __name__ == "__main__":
    sys.exit({"fresh": fresh, "finds": finds}[sys.argv[1]](*sys.argv[2:]))
