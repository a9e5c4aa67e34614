# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program under measurement: one process that answers a number of runs with their latencies.

The protocol is that of `MODEL --serve`: the program prints `ready` when its model is loaded and has
run once; then it answers each line N on its standard input with N latencies in nanoseconds on one
line.
"""
import os
import statistics
import subprocess
import tempfile
import time


class Contestant:
    def __init__(self, name, command, slice_ms=100):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        # Frameworks may say something of their own first.
        while line := self.process.stdout.readline():
            if line.strip() == "ready":
                break
        else:
            raise RuntimeError(f"{name} did not start: {self.last_words()}")
        once = min(self.ask(3))
        self.runs = max(1, min(300, round(slice_ms * 1e6 / once)))

    def last_words(self):
        self.process.wait()
        self.errors.seek(0)
        return self.errors.read().strip()[-500:]

    def ask(self, runs):
        """Latencies of so many runs, in nanoseconds."""
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self.last_words()}")
        return [int(word) for word in line.split()]

    def round(self):
        """The median latency over one slice of time, in milliseconds."""
        return statistics.median(self.ask(self.runs)) / 1e6

    def throughput(self):
        """Runs in a second over one slice of time."""
        latencies = self.ask(self.runs)
        return len(latencies) / sum(latencies) * 1e9

    def cpu_seconds(self):
        """What the process has computed so far, all threads together."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()


def busy_seconds():
    """What all processes of the machine have computed so far."""
    with open("/proc/stat", encoding="utf-8") as stat:
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def interleave(contestants, rounds):
    """Each contestant's medians, one for each round: all of them once, in turn, in each round. And
    what others have computed meanwhile, in cores: near 0 on a quiet machine."""
    times = {c.name: [] for c in contestants}
    start, busy, own = time.monotonic(), busy_seconds(), sum(c.cpu_seconds() for c in contestants)
    for _ in range(rounds):
        for c in contestants:
            times[c.name].append(c.round())
    others = busy_seconds() - busy - (sum(c.cpu_seconds() for c in contestants) - own)
    return times, max(0.0, others / (time.monotonic() - start))
