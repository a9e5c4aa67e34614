# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether strace's log has one program and no other process: check_processes.py LOG.

Threads are no processes: clone with CLONE_THREAD.
"""
import re
import sys

with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    lines = log.read().splitlines()
started = [line for line in lines if re.search(r"\bexecve(at)?\(", line)]
made = [line for line in lines
        if re.search(r"\b(fork|vfork|clone|clone3)\(", line) and "CLONE_THREAD" not in line]
if len(started) != 1 or made:
    sys.exit("expected the compiler and no other process, found\n" + "\n".join([*started, *made]))
if not any("exit_group(0)" in line or "exited with 0" in line for line in lines):
    sys.exit("the compiler did not end with status 0")
print("one process")
