#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models against ONNX Runtime and OpenVINO, and against what was measured before.

usage: models.py FOLDER [NAME...] [--check | --update] [--threads 1,2] [--rounds 9] [--python PYTHON]
                 [--quern QUERN] [--results FILE] [--docs FOLDER]

FOLDER holds NAME.onnx. Each contestant is a process of its own; in each round all take their turn,
and a ratio is the median over the rounds of ours divided by theirs in the same round: below 1 is
faster. --python is an interpreter with onnxruntime and, if it is to take part, openvino. --check
exits with 1 when a ratio is more than a tenth worse than the stored one (two threads over one, and
the share of the peak, count likewise). --update stores what was measured, for the models measured,
and draws docs/performance.md anew.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
from contestant import Contestant, interleave

HERE = Path(__file__).resolve().parent
PEERS, TOLERANCE = ["ort", "openvino"], 1.10
NOISE = 0.1  # cores that others may keep busy before it is worth a note


def describe_machine():
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            name = next(line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


def versions(python):
    """The peers that the interpreter has, with their versions."""
    code = ("import importlib.metadata as m\n"
            "for peer, package in (('ort', 'onnxruntime'), ('openvino', 'openvino')):\n"
            "  try: print(peer, m.version(package))\n"
            "  except m.PackageNotFoundError: pass")
    lines = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def profile(quern, program):
    """What `bench --profile` says on one thread: rates, and kernels with their sums."""
    result = subprocess.run([quern, "bench", program, "--profile", "--json"], check=True, capture_output=True, text=True)
    data = json.loads(result.stdout)
    kernels = {}
    for d in data["dispatches"]:
        k = kernels.setdefault(d["kernel"], {"kernel": d["kernel"], "nodes": d["nodes"][:2], "precision": d["precision"],
                                             "count": 0, "ms": 0, "bound_ms": 0, "macs": 0})
        k["count"] += 1
        k["ms"] += d["median_ms"]
        k["bound_ms"] += d.get("bound_ms", 0)
        k["macs"] += d["macs"]
    order = sorted(kernels.values(), key=lambda k: k["bound_ms"] - k["ms"])
    return data["rates"], [{n: round(v, 6) if isinstance(v, float) else v for n, v in k.items()} for k in order]


def share_of_peak(kernels, rates, milliseconds):
    """The least time for the model's multiply-accumulates at the measured peaks, over its time."""
    peak = {"int8": rates["codes_gmacs"], "f32": rates["f32_gmacs"]}
    least = sum(k["macs"] / peak[k["precision"]] for k in kernels if k["macs"] and peak.get(k["precision"]))
    return least / 1e6 / milliseconds


def race(program, model, threads, args, peers):
    contestants = []
    try:
        contestants.append(Contestant("quern", [program, "--serve", f"--threads={threads}"]))
        for peer in peers:
            contestants.append(Contestant(peer, [args.python, HERE / "peer.py", peer, model, threads]))
        times, others = interleave(contestants, args.rounds)
    finally:
        for contestant in contestants:
            contestant.close()
    if others > NOISE:
        print(f"note: the machine is not quiet: others kept {others:.2f} cores busy")
    row = {"ms": {name: round(statistics.median(t), 4) for name, t in times.items()}, "ratio": {}}
    for peer in peers:
        row["ratio"][peer] = round(statistics.median(a / b for a, b in zip(times["quern"], times[peer])), 4)
    return row


def measure(model, args, peers, folder):
    program = folder / model.stem
    subprocess.run([args.quern, "compile", str(model), "-o", str(program)], check=True)
    entry = {"threads": {}}
    for threads in args.threads:
        entry["threads"][str(threads)] = row = race(program, model, threads, args, peers)
        print(f"{model.stem:18} {threads} threads: " + ", ".join(f"{n} {t:.3f} ms" for n, t in row["ms"].items()) +
              "; " + ", ".join(f"{r:.2f}x {p}" for p, r in row["ratio"].items()), flush=True)
    rates, entry["kernels"] = profile(args.quern, program)
    first = entry["threads"].get("1")
    if first and rates["codes_gmacs"]:
        entry["rates"] = {name: round(value, 1) for name, value in rates.items()}
        first["peak"] = round(share_of_peak(entry["kernels"], rates, first["ms"]["quern"]), 4)
        print(f"{model.stem:18} {100 * first['peak']:.0f} % of the peak on 1 thread", flush=True)
    for threads, row in entry["threads"].items():
        if first and threads != "1":
            row["speedup"] = round(first["ms"]["quern"] / row["ms"]["quern"], 3)
            print(f"{model.stem:18} {row['speedup']:.2f} times as fast on {threads} threads", flush=True)
    return entry


def find_worse(name, new, old):
    """What is more than the tolerance worse than it was, in words."""
    worse = []
    for threads, row in new["threads"].items():
        before = old["threads"].get(threads, {})
        for peer, ratio in row["ratio"].items():
            stored = before.get("ratio", {}).get(peer)
            if stored and ratio > TOLERANCE * stored:
                worse.append(f"{name}, {threads} threads: {ratio:.3f}x {peer}, was {stored:.3f}x")
        for what in ("peak", "speedup"):
            if what in row and what in before and row[what] * TOLERANCE < before[what]:
                worse.append(f"{name}, {threads} threads: {what} {row[what]:.3f}, was {before[what]:.3f}")
    return worse


def merge(old, new):
    """The new entry; of thread counts that were not measured the old rows."""
    return {**new, "threads": {**old.get("threads", {}), **new["threads"]}}


def check(measured, stored):
    if stored.get("machine") != describe_machine():
        print(f"note: the stored ratios are of another machine: {stored.get('machine')}")
    worse, unknown = [], []
    for name, entry in measured.items():
        if name in stored.get("models", {}):
            worse += find_worse(name, entry, stored["models"][name])
        else:
            unknown.append(name)
    for name in unknown:
        print(f"error: no stored ratios for {name}; --update stores them")
    for line in worse:
        print(f"worse by more than {TOLERANCE - 1:.0%}: {line}")
    print(f"{len(measured) - len(unknown)} models compared, {len(worse)} ratios worse")
    return 1 if worse or unknown else 0


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--update", action="store_true")
    parser.add_argument("--threads", type=lambda text: [int(word) for word in text.split(",")], default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--quern", default=os.environ.get("QUERN", "quern"))
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--docs", type=Path, default=figures.DOCS)
    return parser.parse_intermixed_args()


def main():
    args = parse_args()
    found = versions(args.python)
    peers = [peer for peer in PEERS if peer in found]
    if not peers:
        sys.exit(f"error: {args.python} has neither onnxruntime nor openvino")
    stored = json.loads(args.results.read_text()) if args.results.exists() else {}
    names = args.names or sorted(path.stem for path in args.folder.glob("*.onnx"))
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            measured[name] = measure(args.folder / f"{name}.onnx", args, peers, Path(folder))
    if args.check:
        return check(measured, stored)
    if args.update:
        models = stored.get("models", {})
        for name, entry in measured.items():
            models[name] = merge(models.get(name, {}), entry)
        stored = {"machine": describe_machine(), "peers": {**stored.get("peers", {}), **found},
                  "models": dict(sorted(models.items()))}
        args.results.write_text(json.dumps(stored, indent=1) + "\n")
        figures.draw(stored, args.docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
