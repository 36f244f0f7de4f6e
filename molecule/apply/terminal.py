#!/usr/bin/env python3
"""Run a command in a terminal, answer its question with y, and print the last screen.

Standard error has the largest number of hosts in progress on a screen, and the number on the last.
"""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

LINES, COLUMNS = 70, 110


def screens(output):
    """Yield each complete screen, which ends by erasing what is below, and the last."""
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
            sys.exit(f"terminal: {part!r} in line {row}, column {column}: unknown control sequence, or off screen")
    yield rows


def run(command):
    """Return the output of a command and its exit status."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        os.execvp(command[0], command)
    output, answered = b"", False
    while True:
        try:
            output += os.read(terminal, 65536)
        except OSError:  # the other side is closed
            return output.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if not answered and output.endswith(b"[y/N] "):
            os.write(terminal, b"y\n")
            answered = True


output, status = run(sys.argv[1:])
texts = ["\n".join(rows) for rows in screens(output)]
active = max(len(re.findall(r"(?m)^\S+  \d/\d  .+  \d+ s$", text)) for text in texts)
left = re.findall(r"(?m)^\S+  \d/\d  .*", texts[-1])
print(texts[-1].rstrip())
print(f"hosts in progress: at most {active}, at the end {len(left)}", file=sys.stderr)
sys.exit(status)
