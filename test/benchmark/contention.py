#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled model on all cores beside a busy process: what is left of its throughput.

usage: contention.py ARTIFACT [--threads 2] [--rounds 9] [--least 0.55]

Rounds with and without the competitor alternate. Exits with 1 when the median share is below
--least. On two cores the fair share of two threads beside one is 2/3.
"""
import argparse
import signal
import statistics
import subprocess
import sys
import time

from contestant import Contestant


class Competitor:
    """A process that computes without pause unless it is stopped; it starts stopped."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.process.send_signal(signal.SIGSTOP)

    def __enter__(self):
        self.process.send_signal(signal.SIGCONT)
        time.sleep(0.05)  # until the scheduler has placed it
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGSTOP)

    def close(self):
        self.process.kill()
        self.process.wait()


def measure(artifact, threads, rounds):
    """Shares, one for each round."""
    model = Contestant("model", [artifact, "--serve", f"--threads={threads}"], slice_ms=300)
    competitor = Competitor()
    shares = []
    try:
        for _ in range(rounds):
            solo = model.throughput()
            with competitor:
                beside = model.throughput()
            shares.append(beside / solo)
    finally:
        competitor.close()
        model.close()
    return shares


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--least", type=float, default=0.55)
    args = parser.parse_args()
    failed = False
    for artifact in args.artifact:
        shares = measure(artifact, args.threads, args.rounds)
        median = statistics.median(shares)
        failed |= median < args.least
        print(f"{artifact}: {median:.2f} of its solo throughput on {args.threads} threads beside one busy process "
              f"(rounds {min(shares):.2f}..{max(shares):.2f}, expected at least {args.least})")
    return failed


if __name__ == "__main__":
    sys.exit(main())
