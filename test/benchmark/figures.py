#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws docs/figures/*.svg and the tables of docs/performance.md from the stored results.

usage: figures.py [RESULTS.json [DOCS]]     (models.py --update does this, too)

A table stands between <!-- generated: NAME --> and <!-- end -->; everything else of the page is
written by hand.
"""
import json
import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
NAMES = {"quern": "Quern", "ort": "ONNX Runtime", "openvino": "OpenVINO"}
COLORS = {"quern": "#1f6f8b", "ort": "#b0b7bf", "openvino": "#d9a441"}
# What the machine needs at least, and what is lost to it.
BOUND, LOST = "#1f6f8b", "#e07a5f"
WIDTH, LEFT, RIGHT, BAR = 860, 170, 110, 14


class Drawing:
    """Horizontal bars, from the top down."""

    def __init__(self, title):
        self.parts, self.y = [], 44
        self.text(16, 24, title, size=15, weight="bold")

    def text(self, x, y, words, size=12, anchor="start", weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                          f'font-weight="{weight}" fill="#222">{escape(words)}</text>')

    def box(self, x, width, color, title=""):
        hint = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<rect x="{x:.1f}" y="{self.y}" width="{max(width, 0.3):.1f}" height="{BAR - 2}" '
                          f'fill="{color}">{hint}</rect>')

    def legend(self, entries):
        x = LEFT
        for words, color in entries:
            self.box(x, 12, color)
            self.text(x + 17, self.y + 11, words)
            x += 32 + 7 * len(words)
        self.y += BAR + 14

    def write(self, path):
        body = "\n".join(self.parts)
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y + 10}" '
                        f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')


def draw_models(results, threads, figures):
    """Time of each contestant; the longest of a model fills the width."""
    rows = [(name, m["threads"][threads]) for name, m in results["models"].items() if threads in m["threads"]]
    drawing = Drawing(f"Time per inference on {threads} thread{'s' if threads != '1' else ''}, milliseconds")
    drawing.legend([(NAMES[n], COLORS[n]) for n in NAMES if any(n in row["ms"] for _, row in rows)])
    for name, row in rows:
        longest = max(row["ms"].values())
        drawing.text(LEFT - 10, drawing.y + 11, name, anchor="end")
        for contestant in NAMES:
            if contestant not in row["ms"]:
                continue
            ms = row["ms"][contestant]
            width = (WIDTH - LEFT - RIGHT) * ms / longest
            drawing.box(LEFT, width, COLORS[contestant])
            ratio = row["ratio"].get(contestant)
            note = f"{ms:.2f}" + (f"  (ours {ratio:.2f}x)" if ratio else "")
            drawing.text(LEFT + width + 6, drawing.y + 11, note, size=11)
            drawing.y += BAR
        drawing.y += 8
    drawing.write(figures / f"models-{threads}.svg")


def kind_of(kernel):
    return re.sub(r"_\d+$", "", kernel["kernel"])


def sum_kinds(kernels):
    kinds = {}
    for kernel in kernels:
        kind = kinds.setdefault(kind_of(kernel), {"ms": 0, "bound_ms": 0, "count": 0})
        for key in kind:
            kind[key] += kernel[key]
    return dict(sorted(kinds.items(), key=lambda item: -item[1]["ms"]))


def draw_losses(results, figures):
    """Each model's dispatches by kind: the bound and what is above it; a model fills the width."""
    drawing = Drawing("Where the time of one thread goes: the machine's bound, and what is lost to it")
    drawing.legend([("bound", BOUND), ("lost", LOST)])
    for name, model in results["models"].items():
        kinds = sum_kinds(model["kernels"])
        total = sum(kind["ms"] for kind in kinds.values())
        drawing.text(LEFT - 10, drawing.y + 11, name, anchor="end")
        x = LEFT
        for label, kind in kinds.items():
            scale = (WIDTH - LEFT - RIGHT) / total
            bound = min(kind["bound_ms"], kind["ms"])
            title = f"{label} ({kind['count']}): {kind['ms']:.3f} ms, bound {kind['bound_ms']:.3f} ms"
            drawing.box(x, bound * scale, BOUND, title)
            drawing.box(x + bound * scale, (kind["ms"] - bound) * scale, LOST, title)
            if kind["ms"] * scale > 8 * len(label):
                drawing.text(x + 2, drawing.y + BAR + 10, label, size=10)
            x += kind["ms"] * scale + 1
        drawing.text(x + 8, drawing.y + 11, f"{total:.2f} ms", size=11)
        drawing.y += 2 * BAR + 8
    drawing.write(figures / "losses.svg")


def models_table(results):
    lines = ["| model | threads | Quern, ms | ONNX Runtime | OpenVINO | share of the peak | threads' gain |", "|---|---|---|---|---|---|---|"]
    for name, model in results["models"].items():
        for threads, row in sorted(model["threads"].items()):
            peers = [f"{row['ms'][p]:.2f} ({row['ratio'][p]:.2f}x)" if p in row["ratio"] else "" for p in ("ort", "openvino")]
            peak = f"{100 * row['peak']:.0f} %" if "peak" in row else ""
            gain = f"{row['speedup']:.2f}x" if "speedup" in row else ""
            lines.append(f"| {name} | {threads} | {row['ms']['quern']:.2f} | {peers[0]} | {peers[1]} | {peak} | {gain} |")
    return lines


def losses_table(results):
    """Of each model the six kernels that lose most."""
    lines = ["| model | kernel | times | ms | bound, ms | of the model's time lost here | for example |", "|---|---|---|---|---|---|---|"]
    for name, model in results["models"].items():
        total = sum(kernel["ms"] for kernel in model["kernels"])
        for kernel in model["kernels"][:6]:
            lost = max(kernel["ms"] - kernel["bound_ms"], 0)
            example = kernel["nodes"][0] if kernel["nodes"] else ""
            lines.append(f"| {name} | {kernel['kernel']} | {kernel['count']} | {kernel['ms']:.3f} | {kernel['bound_ms']:.3f} | "
                         f"{100 * lost / total:.1f} % | {example} |")
    return lines


def machine_table(results):
    rates = [m["rates"] for m in results["models"].values() if "rates" in m]
    best = {key: max(r[key] for r in rates) for key in ("codes_gmacs", "f32_gmacs")} if rates else {}
    lines = ["| | |", "|---|---|", f"| machine | {results['machine']} |"]
    if best:
        lines += [f"| int8 products, one thread | {best['codes_gmacs']:.0f} GMAC/s |",
                  f"| float products, one thread | {best['f32_gmacs']:.0f} GMAC/s |"]
    lines += [f"| {NAMES[peer]} | {version} |" for peer, version in results["peers"].items()]
    return lines


def replace_table(page, name, lines):
    """Puts the lines between the marks of that name."""
    pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
    text, count = re.subn(pattern, lambda m: m[1] + "\n".join(lines) + "\n" + m[2], page.read_text(), flags=re.S)
    if count != 1:
        sys.exit(f"error: {page}: expected one place '<!-- generated: {name} -->', found {count}")
    page.write_text(text)


def write_tables(results, page):
    for name, make in (("machine", machine_table), ("models", models_table), ("losses", losses_table)):
        replace_table(page, name, make(results))


def draw(results, docs=DOCS):
    (docs / "figures").mkdir(exist_ok=True)
    for threads in sorted({t for m in results["models"].values() for t in m["threads"]}):
        draw_models(results, threads, docs / "figures")
    draw_losses(results, docs / "figures")
    write_tables(results, docs / "performance.md")


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "results.json").read_text()),
         Path(sys.argv[2]) if len(sys.argv) > 2 else DOCS)
