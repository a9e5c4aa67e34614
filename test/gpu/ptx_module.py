# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PTX text as LLVM writes it, taken apart: kernels, their parameters, registers and instructions."""
import re
from dataclasses import dataclass, field

BYTES = {"b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "b32": 4, "u32": 4, "s32": 4, "f32": 4,
         "b64": 8, "u64": 8, "s64": 8, "f64": 8}


@dataclass
class Instruction:
    opcode: str
    operands: list  # texts; a vector is a list of them
    predicate: str = None
    negated: bool = False
    line: int = 0

    def __str__(self):
        return f"line {self.line}: {self.opcode} {self.operands}"


@dataclass
class Kernel:
    name: str
    params: list = field(default_factory=list)  # (name, bytes)
    registers: dict = field(default_factory=dict)  # prefix -> type
    shared: dict = field(default_factory=dict)  # name -> (offset, bytes)
    shared_bytes: int = 0
    local: dict = field(default_factory=dict)
    local_bytes: int = 0
    threads: int = 0
    body: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)  # name -> index in body


def split_operands(text):
    """At the commas that no bracket holds; a vector in braces becomes a list."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text + ","):
        if c in "{[":
            depth += 1
        elif c in "}]":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts = [p for p in parts if p]
    return [[q.strip() for q in p[1:-1].split(",")] if p.startswith("{") else p for p in parts]


def strip_comments(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def declare(space, text, places, first):
    """Adds `.SPACE .align A .b8 NAME[N]` declarations after byte `first`; returns where they end."""
    for align, name, count in re.findall(rf"\.{space}\s+\.align\s+(\d+)\s+\.b8\s+([\w$]+)\[(\d+)\]", text):
        first = -(-first // int(align)) * int(align)
        places[name] = (first, int(count))
        first += int(count)
    return first


def parse_statement(text, line):
    match = re.match(r"(?:@(!?)(%p\d+)\s+)?([\w.:]+)\s*(.*)$", text, flags=re.S)
    if not match:
        raise SyntaxError(f"line {line}: {text!r}")
    return Instruction(match[3], split_operands(match[4]), match[2], match[1] == "!", line)


def parse_body(kernel, text, line):
    for piece in re.split(r"(;|\$L__\w+:)", text):
        here = line + len(piece) - len(piece.lstrip("\n"))
        line += piece.count("\n")
        piece = piece.strip()
        if piece in ("", ";", "{", "}"):
            continue
        if piece.endswith(":"):
            kernel.labels[piece[:-1]] = len(kernel.body)
        elif piece.startswith(".reg"):
            kind, prefix = re.match(r"\.reg\s+\.(\w+)\s+(%\w*?)(?:<\d+>)?$", piece).groups()
            kernel.registers[prefix] = kind
        elif piece.startswith(".shared"):
            kernel.shared_bytes = declare("shared", piece, kernel.shared, kernel.shared_bytes)
        elif piece.startswith(".local"):
            kernel.local_bytes = declare("local", piece, kernel.local, kernel.local_bytes)
        elif piece.startswith(".branchtargets"):
            raise SyntaxError(f"line {here}: {piece.split()[0]} is not emulated: {piece!r}")
        elif not piece.startswith((".pragma", ".loc", ".file")):
            kernel.body.append(parse_statement(piece, here))


def parse(text):
    """All kernels of a PTX text by name."""
    text = strip_comments(text)
    target = re.search(r"\.target\s+(\w+)", text)[1]
    entries = list(re.finditer(r"\.entry\s+([\w$]+)\s*\((.*?)\)(.*?)\n\{(.*?)\n\}", text, flags=re.S))
    outside = text
    for entry in entries:
        outside = outside.replace(entry[0], "")
    shared = {}
    common = declare("shared", outside, shared, 0)
    kernels = {}
    for entry in entries:
        kernel = Kernel(entry[1], shared=dict(shared), shared_bytes=common)
        for kind, name in re.findall(r"\.param\s+\.(\w+)[^,]*?([\w$]+)\s*(?:,|$)", entry[2].strip()):
            kernel.params.append((name, BYTES[kind]))
        bound = re.search(r"\.maxntid\s+(\d+)", entry[3])
        kernel.threads = int(bound[1]) if bound else 1024
        parse_body(kernel, entry[4], text.count("\n", 0, entry.start(4)) + 1)
        # What a kernel does not name takes no room of its blocks.
        used = {o for i in kernel.body for o in i.operands if isinstance(o, str) and o in kernel.shared}
        used |= {n for i in kernel.body for o in i.operands if isinstance(o, str) for n in kernel.shared if f"[{n}" in o}
        kernel.shared = {n: kernel.shared[n] for n in used}
        kernel.shared_bytes = max((a + b for a, b in kernel.shared.values()), default=0)
        kernels[kernel.name] = kernel
    return target, kernels
