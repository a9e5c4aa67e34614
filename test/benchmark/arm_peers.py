#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inner loops of other libraries' AArch64 kernels put through llvm-mca, as a Markdown table.

usage: arm_peers.py [--cpus CPU,…] [--page FILE.md] KERNEL.S...

KERNEL.S are micro-kernels in assembly: XNNPACK's (labels are numbers) or KleidiAI's (macros, instructions
in comments), as their repositories have them. Of each file the loop with the most products is taken.
Cells are multiplications per cycle, as arm_mca.py has them for Quern's loops.
"""
import argparse
import re
from pathlib import Path

import arm_mca as mca

BEGIN, END = "<!-- arm_peers.py: begin -->", "<!-- arm_peers.py: end -->"
CPUS = {"sdot": "cortex-a55,cortex-a510,cortex-a76,neoverse-n1,neoverse-n2,neoverse-v1,neoverse-v2,apple-m1",
        "smmla": "cortex-a510,neoverse-n2,neoverse-v1,neoverse-v2"}


def plain(line):
    """One line in llvm-mca's words: no macros, comments or prefetches; None for what is no instruction."""
    line = re.sub(r"(?:KAI_ASM_INST\(0x\w+\)|\.inst\s+0x\w+)\s*//\s*", "", line)
    label = re.match(r"\s*KAI_ASM_LABEL\((\w+)\)", line)
    line = f"{label[1]}:" if label else re.sub(r"(//|#\s).*", "", line).strip().lower()
    if not line or line.startswith((".", "#")) or re.match(r"prfm\b", line):
        return None
    return line


def kernel_loop(path):
    """The instructions of the loop with the most products, the branch left out, and their mnemonic."""
    lines = list(filter(None, map(plain, Path(path).read_text(encoding="utf-8").splitlines())))
    best = ([], "sdot")
    for end, line in enumerate(lines):
        branch = re.match(r"(?:b\.?\w\w|cbn?z\s+\w+,)\s+(\w+?)b?$", line)
        if not branch:
            continue
        starts = [i for i in range(end) if lines[i] == f"{branch[1]}:"]
        body = lines[starts[-1] + 1:end] if starts else []
        if any(text.endswith(":") for text in body):
            continue
        for product in CPUS:
            if mca.count([f" {text}" for text in body], product) > mca.count([f" {text}" for text in best[0]], best[1]):
                best = (body, product)
    return best


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("kernels", nargs="+")
    a.add_argument("--cpus", default="")
    a.add_argument("--page", help="a page with the markers of the table")
    args = a.parse_args()
    tool, wanted = mca.find_tool("llvm-mca"), set(filter(None, args.cpus.split(",")))
    loops = {Path(path).stem: kernel_loop(path) for path in args.kernels}
    cpus = [c for c in CPUS["sdot"].split(",") if not wanted or c in wanted]
    table = ["| loop | products, loads | " + " | ".join(cpus) + " |", "|---|---|" + "---|" * len(cpus)]
    for name, (body, product) in loops.items():
        lines = [f" {text}" for text in body]
        products = mca.count(lines, product)
        cells = [f"{products * mca.MACS[product] / mca.cycles(tool, cpu, chr(10).join(body)):.1f}"
                 if cpu in CPUS[product] else "" for cpu in cpus]
        table.append(f"| {name} | {products} {product.upper()}, {mca.operands(lines)} | " + " | ".join(cells) + " |")
    text = "\n".join(table)
    print(text)
    if args.page:
        page = Path(args.page)
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
