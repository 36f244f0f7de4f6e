#!/usr/bin/env python3
"""Run sidekiq-role at a terminal and print the last screen. Standard error: how many hosts were shown at work at once, and what is left of that."""

import re
import shlex
import subprocess
import sys

LINES, COLUMNS = 70, 110


def screens(output):
    """Yield the screen after each drawing, which ends by erasing what is below, and at the end."""
    rows, row, column = [""], 0, 0
    for part in re.split(r"(\x1b\[\d*[AJKm]|\r|\n)", output):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            rows += [""] if row == len(rows) else []
        elif not part.startswith("\x1b["):
            rows[row] = rows[row][:column].ljust(column) + part + rows[row][column + len(part):]
            column += len(part)
        elif part.endswith("A"):
            row -= int(part[2:-1])
        elif part.endswith("K"):
            rows[row] = rows[row][:column]
        elif part.endswith("J"):
            rows[row:] = [rows[row][:column]]
            yield list(rows)
        if not (0 <= row < LINES and column <= COLUMNS and rows[row].isprintable()):
            sys.exit(f"terminal: {part!r} in line {row}, column {column}: unknown control sequence, or outside of the screen")
    yield rows


command = f"stty rows {LINES} cols {COLUMNS}; exec {shlex.join(sys.argv[1:])}"
run = subprocess.run(["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
shown = ["\n".join(rows) for rows in screens(run.stdout.decode())]
at_work = max(len(re.findall(r"(?m)^\S+  \d/\d  .+  \d+ s$", screen)) for screen in shown)
left = re.findall(r"(?m)^\S+  \d/\d  .*", shown[-1])
print(shown[-1].rstrip())
print(f"{at_work} hosts at work at once; {len(left)} progress lines left", file=sys.stderr)
sys.exit(run.returncode)
