# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""usage: exit_status.py STATUS COMMAND...   runs the command; fails unless it ends with that status."""
import subprocess
import sys

status = subprocess.run(sys.argv[2:]).returncode
print(f"exit status {status}")
sys.exit(status != int(sys.argv[1]))
