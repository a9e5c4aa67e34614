#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks a trace: each launch ran three times, its chunks cover its units once and lie within it.

usage: check_trace.py TRACE UNITS,GRAIN ...     one for each launch
"""
import json
import sys

LAUNCHES, RUNS = 0, 3


def main():
    events = [e for e in json.load(open(sys.argv[1], encoding="utf-8"))["traceEvents"] if e["ph"] == "X"]
    for launch, text in enumerate(sys.argv[2:]):
        units, grain = map(int, text.split(","))
        own = [e for e in events if e["args"]["launch"] == launch]
        whole = [e for e in own if e["tid"] == LAUNCHES]
        chunks = [e for e in own if e["tid"] != LAUNCHES]
        assert len(whole) == RUNS, (launch, whole)
        # Microseconds with three decimals.
        inside = [[c for c in chunks if w["ts"] - 1e-3 <= c["ts"] and c["ts"] + c["dur"] <= w["ts"] + w["dur"] + 2e-3] for w in whole]
        assert sum(map(len, inside)) == len(chunks), (launch, chunks)
        for run in inside:
            assert max(c["args"]["last"] - c["args"]["first"] for c in run) <= grain, run
            covered = sorted(u for c in run for u in range(c["args"]["first"], c["args"]["last"]))
            assert covered == list(range(units)), (launch, covered)


if __name__ == "__main__":
    main()
