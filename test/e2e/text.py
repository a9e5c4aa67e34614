#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Language models on sets of token ids: what `quern eval` says against NumPy.

usage: text.py tiny FOLDER | manlm SHARED FOLDER

tiny: a random model; targets that follow, in a file of their own, with tokens that do not count, and windows of one text.
manlm: a trained model of sixteen languages; the perplexity of each against ONNX Runtime's logits.
"""
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

import quern_e2e as q
import tiny_models

LENGTH, VOCABULARY = 12, 40


def quern_eval(model, description, folder, *flags):
    path = folder / "data.json"
    path.write_text(json.dumps(description), encoding="utf-8")
    result = subprocess.run([q.QUERN, "eval", str(model), f"--data={path}", "--json", *flags], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"FAILED: {result.stderr}")
    return {group["slice"]: group for group in json.loads(result.stdout)}


def log_likelihood(logits, targets):
    """Of each target that counts."""
    logits = logits.astype(np.float64)
    largest = logits.max(-1, keepdims=True)
    normal = logits - largest - np.log(np.exp(logits - largest).sum(-1, keepdims=True))
    return np.take_along_axis(normal, np.maximum(targets, 0)[..., None], -1)[..., 0][targets >= 0]


def perplexity(logits, targets):
    return np.exp(-log_likelihood(logits, targets).mean())


def check(said, expected, tolerance, what):
    if abs(said / expected - 1) > tolerance:
        raise SystemExit(f"FAILED: {what}: eval says {said}, expected {expected}")


def run_tiny(folder):
    random = np.random.default_rng(3)
    path = folder / "lm.onnx"
    onnx.save(tiny_models.make_language_model(random, LENGTH, VOCABULARY, layers=2), path)
    session = q.session(path)
    ids = random.integers(0, VOCABULARY, (20, LENGTH))
    logits = np.concatenate([session.run(None, {"ids": row[None]})[0] for row in ids])
    np.save(folder / "ids.npy", ids.astype(np.uint16))
    with open(folder / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["page", "language"]] + [[f"p{i // 5}", "ab"[i % 2]] for i in range(20)])
    inputs = {"ids": {"tokens": "ids.npy", "vocabulary": VOCABULARY}}
    follow = np.concatenate([ids[:, 1:], np.full((20, 1), -1)], 1)
    said = quern_eval(path, {"table": "rows.csv", "inputs": inputs, "targets": {"next": "ids"}, "slices": ["language"]}, folder, "--slice-by=language")
    check(said["all"]["perplexity"][0], perplexity(logits, follow), 1e-4, "targets that follow")
    check(said["b"]["perplexity"][0], perplexity(logits[1::2], follow[1::2]), 1e-4, "a slice")
    hits = (logits.argmax(-1) == follow)[follow >= 0]
    check(said["all"]["top1"][0], 100 * hits.mean(), 1e-9, "next tokens that are right")

    # Targets in a file, of which token 7 does not count, and a reference.
    targets = random.integers(0, VOCABULARY, (20, LENGTH))
    np.save(folder / "targets.npy", targets)
    counted = np.where(targets == 7, -1, targets)
    other = folder / "other.onnx"
    onnx.save(tiny_models.make_language_model(np.random.default_rng(4), LENGTH, VOCABULARY, layers=2), other)
    reference = np.concatenate([q.session(other).run(None, {"ids": row[None]})[0] for row in ids])
    description = {"table": "rows.csv", "inputs": inputs, "targets": {"tokens": "targets.npy", "ignore": 7}, "unit": "page"}
    said = quern_eval(path, description, folder, f"--against={other}")["all"]
    check(said["perplexity"][0], perplexity(logits, counted), 1e-4, "targets in a file")
    same = (logits.argmax(-1) == reference.argmax(-1))[counted >= 0]
    check(said["agreement"][0], 100 * same.mean(), 1e-9, "agreement of each token")
    ours, theirs = (np.apply_along_axis(lambda x: x - np.log(np.exp(x).sum()), -1, x.astype(np.float64)) for x in (logits, reference))
    divergence = (np.exp(theirs) * (theirs - ours)).sum(-1)[counted >= 0].mean()
    check(said["kl"][0], divergence, 1e-4, "divergence of each token")
    # Whole pages are drawn: with four of them the interval is that of four figures, wider than twenty samples would give.
    pages = [log_likelihood(logits[i : i + 5], counted[i : i + 5]) for i in range(0, 20, 5)]
    low, high = (np.exp(-f(p.mean() for p in pages)) for f in (max, min))
    if not low <= said["perplexity"][1] < said["perplexity"][2] <= high:
        raise SystemExit(f"FAILED: the interval {said['perplexity']} is not within the pages' {low} .. {high}")

    # One text: windows that overlap, each knowing what follows its last token.
    text = random.integers(0, VOCABULARY, 60)
    np.save(folder / "text.npy", text)
    said = quern_eval(path, {"inputs": {"ids": {"tokens": "text.npy", "stride": 8}}, "targets": {"next": "ids"}}, folder)["all"]
    starts = range(0, 60 - LENGTH + 1, 8)
    windows = np.stack([text[s : s + LENGTH] for s in starts])
    after = np.stack([np.append(text[s + 1 : s + LENGTH + 1], [-1] * (s + LENGTH == 60)) for s in starts]).astype(np.int64)
    logits = np.concatenate([session.run(None, {"ids": row[None]})[0] for row in windows])
    check(said["samples"], len(windows), 0, "windows")
    check(said["perplexity"][0], perplexity(logits, after), 1e-4, "windows of a text")


def run_manlm(shared, folder):
    model, data = shared / "models/manlm/manlm.onnx", shared / "data/manlm"
    description = {
        "table": str(data / "eval_slices.csv"), "inputs": {"ids": {"tokens": str(data / "eval_ids.npy"), "vocabulary": 2048}},
        "targets": {"tokens": str(data / "eval_targets.npy")}, "slices": ["language", "kind"], "unit": "page",
    }
    said = quern_eval(model, description, folder, "--metric=perplexity", "--slice-by=language")
    session = q.session(model)
    ids, targets = np.load(data / "eval_ids.npy"), np.load(data / "eval_targets.npy")
    languages = np.array([row["language"] for row in csv.DictReader(open(data / "eval_slices.csv", encoding="utf-8"))])
    losses = np.array([-log_likelihood(session.run(None, {"ids": x[None]})[0], t[None]).mean() for x, t in zip(ids, targets)])
    check(said["all"]["perplexity"][0], np.exp(losses.mean()), 1e-3, "all")
    for language in sorted(set(languages)):
        value, low, high = said[language]["perplexity"]
        print(f"{language}: {value:.2f} ({low:.2f}..{high:.2f})")
        check(value, np.exp(losses[languages == language].mean()), 1e-3, language)


if __name__ == "__main__":
    if sys.argv[1] == "tiny":
        run_tiny(Path(sys.argv[2]))
    else:
        run_manlm(Path(sys.argv[2]), Path(sys.argv[3]))
    print("done")
