#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The inner loops of AArch64 kernels put through llvm-mca, as a Markdown table.

usage: arm_mca.py --quern QUERN MODEL.onnx... [--cpus CPU,…] [--details] [--page FILE.md]

Each model is compiled to assembly for a target and a processor. Of each kernel's innermost loops,
those that hold inner products (SDOT, SMMLA, SMULL or FMLA) and no stores are simulated with the
processor's model. Their cycles are divided by the issue limit: the larger of

  products x cycles of a product alone      loads x cycles of a load alone

where "alone" is a block of independent ones by the same model (a load is the cheaper of LDR and half
an LDP), and loads are the 16-byte operands that an iteration reads, each once. A loop's weight is its number of products, so that tails count
little. Loops with stores hold their epilogue (reductions short enough to be unrolled whole) and are
only counted. --page replaces the table between the page's markers.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PRODUCTS = {"arm-dotprod": "sdot", "arm-i8mm": "smmla", "arm-neon": "smull"}
MACS = {"sdot": 16, "smmla": 32, "smull": 8, "fmla": 4}
BLOCK = {"sdot": "sdot v{0}.4s, v30.16b, v31.4b[0]", "smmla": "smmla v{0}.4s, v30.16b, v31.16b",
         "smull": "smull v{0}.8h, v30.8b, v31.8b\nsadalp v{1}.4s, v{0}.8h", "fmla": "fmla v{0}.4s, v30.4s, v31.s[0]"}
CPUS = {"arm-neon": ["cortex-a53", "cortex-a72"],
        "arm-dotprod": ["cortex-a55", "cortex-a510", "cortex-a76", "neoverse-n1", "neoverse-n2", "neoverse-v1",
                        "neoverse-v2", "apple-m1"],
        "arm-i8mm": ["cortex-a510", "neoverse-n2", "neoverse-v1", "neoverse-v2", "apple-m2"]}
TOOL_PLACES = ["/usr/lib/llvm-22/bin"]
BEGIN, END = "<!-- arm_mca.py: begin -->", "<!-- arm_mca.py: end -->"


def find_tool(name):
    for candidate in (f"{name}-22", name):
        found = shutil.which(candidate) or shutil.which(candidate, path=":".join(TOOL_PLACES))
        if found:
            return found
    sys.exit(f"error: there is no '{name}' (Debian: llvm-22)")


def is_instruction(line):
    return re.match(r"\s+[a-z]", line) is not None


def inner_loops(assembly):
    """(kernel, instructions) of each loop without a label inside."""
    lines, labels, kernel = assembly.splitlines(), {}, None
    for number, line in enumerate(lines):
        label = re.match(r"([\w.]+):", line)
        if label:
            labels[label[1]] = number
            kernel = kernel if label[1].startswith(".L") else label[1]
        branch = re.match(r"\s+(?:b\.\w+|cbn?z|tbn?z)\s.*?(\.LBB\w+)\s*$", line)
        start = labels.get(branch[1]) if branch else None
        if start is None:
            continue
        body = lines[start + 1:number + 1]
        if not any(re.match(r"[\w.]+:", text) for text in body):
            yield kernel, [text for text in body if is_instruction(text)]


def simulate(mca, cpu, text, iterations):
    result = subprocess.run([mca, "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}", "-mattr=+dotprod,+i8mm",
                             f"-iterations={iterations}", "-instruction-info=0", "-resource-pressure=0", "-"],
                            input=text + "\n", text=True, capture_output=True, check=True)
    return float(re.search(r"Total Cycles:\s+(\d+)", result.stdout)[1])


def cycles(mca, cpu, text):
    """Of an iteration, the start left out."""
    return (simulate(mca, cpu, text, 24) - simulate(mca, cpu, text, 8)) / 16


def alone(mca, cpu, product):
    """Cycles of a product of which 24 go round, each on registers of its own; and of a load."""
    if product == "smull":
        lines = [BLOCK[product].format(20 + i % 8, i) for i in range(20)]
    else:
        lines = [BLOCK[product].format(i) for i in range(24)]
    single = [f"ldr q{i}, [x0, #{16 * i}]" for i in range(24)]
    paired = [f"ldp q{i}, q{i + 1}, [x0, #{16 * i}]" for i in range(0, 24, 2)]
    load = min(cycles(mca, cpu, "\n".join(block)) for block in (single, paired)) / 24
    return cycles(mca, cpu, "\n".join(lines)) / len(lines), load


def operands(instructions):
    """16-byte loads of anything but the stack, a pair as two."""
    loads = [line for line in instructions if re.match(r"\s+ld", line) and "[sp" not in line]
    return sum(1 + bool(re.match(r"\s+ldn?p\b", line)) for line in loads)


def count(instructions, mnemonic):
    return sum(re.match(rf"\s+{mnemonic}\b", line) is not None for line in instructions)


def measure(args, target, cpu, product, models, mca):
    each, load = alone(mca, cpu, product)
    rows, epilogues, spills, load_bound, total_cycles, known = [], 0, 0, 0, 0, {}
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "model.s")
            subprocess.run([args.quern, "compile", model, f"--target={target}:{cpu}", "--emit=asm", "-o", str(out)],
                           check=True, stderr=subprocess.DEVNULL)
            for kernel, body in inner_loops(out.read_text()):
                products = count(body, product)
                if products < 8 or not kernel.startswith(("conv", "matmul")):
                    continue
                if any(re.match(r"\s+st", line) and "[sp" not in line for line in body):
                    epilogues += 1
                    continue
                spills += sum("[sp" in line for line in body)
                text = "\n".join(line for line in body if not re.match(r"\s+(b\.|cb|tb)", line))
                shape = re.sub(r"\b[xw]\d+|#-?\d+", "", text)  # loops that differ in addresses cost the same
                if shape not in known:
                    known[shape] = cycles(mca, cpu, text)
                limit = max(products * each, operands(body) * load)
                load_bound += limit > products * each
                total_cycles += known[shape]
                rows.append((known[shape] / limit, products, kernel, Path(model).stem))
    rows.sort()
    if args.details:
        for ratio, products, kernel, model in rows:
            print(f"{target}:{cpu} {model} {kernel}: {products} products, {ratio:.2f} of the limit", file=sys.stderr)
    if not rows:
        return f"| {cpu} | {product.upper()} | {each:.2f} | 0 | | | | | | {epilogues} |"
    total = sum(row[1] for row in rows)
    mean = sum(row[0] * row[1] for row in rows) / total
    worst = rows[-1]
    return (f"| {cpu} | {product.upper()} | {each:.2f} | {len(rows)} ({load_bound}) | {rows[0][0]:.2f} | {mean:.2f} | "
            f"{worst[0]:.2f} ({worst[3]} {worst[2]}) | {MACS[product] * total / total_cycles:.1f} | {spills} | {epilogues} |")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("models", nargs="+")
    a.add_argument("--quern", default="quern")
    a.add_argument("--cpus", default="")
    a.add_argument("--details", action="store_true", help="every loop, to standard error")
    a.add_argument("--page", help="a page with the markers of the table")
    args = a.parse_args()
    mca, wanted = find_tool("llvm-mca"), set(filter(None, args.cpus.split(",")))
    table = ["| processor | product | cycles, alone | loops (bound by loads) | best | mean | worst | MAC/cycle | stack accesses | with epilogue |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for target, cpus in CPUS.items():
        for cpu in cpus:
            if not wanted or cpu in wanted:
                table.append(measure(args, target, cpu, PRODUCTS[target], args.models, mca))
    text = "\n".join(table)
    print(text)
    if args.page:
        page = Path(args.page)
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
