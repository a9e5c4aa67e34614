# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up lit's xunit reports and ends with the line `N passed, N failed`.

usage: summarize.py [--shared-data DIR] [--check NAME=0|1]... REPORT.xml...

Each TEST of a GoogleTest program counts as one test, and each --check (a step that is no test, such
as the formatter; 0 means it passed) too. The exit status is 1 when anything failed, when nothing
ran, and when --shared-data names a folder but a test that needs it was skipped: a skipped test must
not look like a pass.
"""

import argparse
import os
import sys
import xml.etree.ElementTree as ElementTree

# Unit tests skip themselves for want of a CPU feature only in suites named so.
_CPU_SUITE_PREFIX = "Cpu"


def _is_missing_data(case, message):
    """Whether a skipped test was skipped for want of the shared data."""
    suite, _, program = case.get("classname").partition(".")
    if suite != "Quern-Unit":
        return "shared-data" in message
    return not program.rsplit("/", 1)[-1].startswith(_CPU_SUITE_PREFIX)


def read_report(path, shared_data):
    """Returns (passed, names of the failed, names of the skipped) of one lit run."""
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}/{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None:
            failed.append(name)
        elif skip is None:
            passed += 1
        elif shared_data and _is_missing_data(case, skip.get("message", "")):
            failed.append(f"{name} (skipped, though the shared data is there)")
        else:
            skipped.append(f"{name}: {skip.get('message', '')}")
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared-data", default="", help="folder of the shared data, if any")
    parser.add_argument("--check", action="append", default=[], metavar="NAME=STATUS")
    parser.add_argument("reports", nargs="*")
    options = parser.parse_args()
    passed, failed, skipped = 0, [], []
    for path in options.reports:
        if not os.path.exists(path):
            failed.append(f"{path} (no report: the tests did not run)")
            continue
        more_passed, more_failed, more_skipped = read_report(path, options.shared_data)
        if not more_passed and not more_failed:
            more_failed.append(f"{path} (no test ran)")
        passed += more_passed
        failed += more_failed
        skipped += more_skipped
    for check in options.check:
        name, _, status = check.rpartition("=")
        if status == "0":
            passed += 1
        else:
            failed.append(name)
    for name in skipped:
        print(f"skipped: {name}")
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
