"""The worker's side of driver.py's protocol: a line `row spans warm-up` in, the CPU time of the
spans in ns out."""

import sys
import time


def serve(rows, clock=time.thread_time_ns):
    """Answers commands until there are no more; `rows` maps a name to what makes so many spans."""
    for line in sys.stdin:
        name, spans, warm = line.split()
        row = rows.get(name)
        if row is None:
            print("! no such row", flush=True)
            return
        row(int(warm))
        began = clock()
        row(int(spans))
        # One write, even where PYTHONUNBUFFERED is set: the driver counts them.
        sys.stdout.write(f"{clock() - began}\n")
        sys.stdout.flush()
