#!/usr/bin/env python3
"""Drives the contestants of rows.py and prints the cost table.

Every round asks each contestant in turn for a short batch of spans and the CPU time they took. A
ratio is taken within a round, between batches some milliseconds apart, so that a busy machine or a
changing clock disturbs both alike; the median round counts. Fails when something cannot be
measured or a contestant does not write the markers it must; a missed limit is only told.
"""

import argparse
import datetime
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # no folder beside the sources
import rows  # noqa: E402

BATCH_NS = 1_500_000
MOST_SPANS = 20_000
# Just-in-time compilers want to have seen some thousand spans.
WARM_NS = 150_000_000
CHECKED_SPANS = 64
BLOCKS = 6

WRITE = re.compile(r"^\d+ +p?writev?2?(?:64)?\((\d+)<(.*?)>, (?:\[\{iov_base=)?\"(\S?)")
CALL = re.compile(r"^\d+ +[a-z_0-9]+\(")


class Failed(Exception):
    """It cannot be measured; the text says what and why."""


class Worker:
    """A process that makes spans on command."""

    def __init__(self, name, prefix=()):
        self.name = name
        self.spec = rows.WORKERS[name]
        env = {k: v for k, v in os.environ.items() if k != "NULLTRACE"} | self.spec.env
        self.process = subprocess.Popen(
            [*prefix, *self.spec.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def ask(self, row, spans, warm):
        try:
            self.process.stdin.write(f"{row} {spans} {warm}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said, or its status, tells more
        line = self.process.stdout.readline().strip()
        if not line.isdigit():
            raise Failed(f"{self.name}, {row}: {line or f'ended, status {self.process.wait()}'}")
        return int(line)

    def batch(self, row, spans):
        """CPU ns of one span, of so many after some that do not count."""
        warm = spans // 16 + 1
        if not self.spec.outside:
            return self.ask(row, spans, warm) / spans
        self.ask(row, warm, 0)
        # clock_getcpuclockid(3) of a process; exact while it waits for a command
        clock = ~self.process.pid << 3 | 2
        began = time.clock_gettime_ns(clock)
        self.ask(row, spans, 0)
        return (time.clock_gettime_ns(clock) - began) / spans

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def calls(name):
    """{row: (markers written, system calls)} per span, as strace sees them."""
    asked = [row.key for row in rows.ROWS if row.worker == name]
    with tempfile.NamedTemporaryFile("r") as log:
        worker = Worker(name, ["strace", "-f", "-y", "-qq", "-s", "2", "-o", log.name])
        for key in asked:
            worker.ask(key, CHECKED_SPANS, 0)  # what is done once only
            worker.ask(key, 0, 0)
            worker.ask(key, CHECKED_SPANS, 0)
        worker.close()
        parts, part = [], [0, 0, 0]
        main = None
        for line in log:
            main = main or line.split()[0] + " "
            if not CALL.match(line):
                continue
            write = WRITE.match(line)
            # the answer to a command
            if write and line.startswith(main) and write[1] == "1" and write[2].startswith("pipe:"):
                parts.append(part)
                part = [0, 0, 0]
                continue
            if write and write[2].startswith("/dev/null") and write[3] in "><":
                part["><".index(write[3])] += 1
            part[2] += 1
    if len(parts) != 3 * len(asked):
        raise Failed(f"{name}: strace saw {len(parts)} answers to {3 * len(asked)} commands")
    seen = {}
    for i, key in enumerate(asked):
        nothing, spans = parts[3 * i + 1], parts[3 * i + 2]
        enters, exits, all_calls = (max(b - a, 0) / CHECKED_SPANS for a, b in zip(nothing, spans))
        if enters != exits:
            raise Failed(f"{name}, {key}: {enters} enter markers a span and {exits} exit markers")
        seen[key] = (enters + exits, all_calls)
    return seen


def check():
    """{(worker, row): system calls per span}; a row that skips its work would be cheap."""
    found = {}
    for name in used_workers():
        seen = calls(name)
        for row in (row for row in rows.ROWS if row.worker == name):
            markers, all_calls = seen[row.key]
            if markers != row.markers:
                raise Failed(f"{name}, {row.key}: {markers} markers a span, not {row.markers}")
            found[row.id] = all_calls
    return found


def used_workers():
    return dict.fromkeys(row.worker for row in rows.ROWS)


class Agent:
    """A collector that records the workers."""

    def __init__(self, binary, pids):
        command = [binary, "agent"]
        for pid in pids:
            command += ["--pid", str(pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.process.stderr:
            if line.startswith("nulltrace: attached"):
                return
            said += line
        raise Failed(f"nulltrace agent: {said}")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()


def sizes(workers):
    """Spans of a batch for each row; leaves every one warm."""
    found = {}
    for row in rows.ROWS:
        worker, spans, spent = workers[row.worker], 10, 0
        while spent < WARM_NS:
            cost = max(worker.batch(row.key, spans), 0.01)
            spent += max(cost * spans, 1e5)
            spans = max(10, min(row.most or MOST_SPANS, int(BATCH_NS / cost)))
        found[row.id] = spans
    return found


def measure(rounds, agent_binary):
    """Two {row: [CPU ns per span of each round]}: unobserved and observed."""
    workers = {name: Worker(name) for name in used_workers()}
    spans = sizes(workers)
    costs = {False: {row.id: [] for row in rows.ROWS}, True: {row.id: [] for row in rows.ROWS}}
    block = max(rounds // BLOCKS, 1)
    order = list(rows.ROWS)
    for i in range(BLOCKS):
        for observed in (False, True) if agent_binary else (False,):
            pids = [worker.process.pid for worker in workers.values()]
            agent = Agent(agent_binary, pids) if observed else None
            for n in range(block):
                # nobody always comes after the same neighbour
                random.shuffle(order)
                for row in order:
                    cost = workers[row.worker].batch(row.key, spans[row.id])
                    costs[observed][row.id].append(cost)
                progress(i * block + n + 1, BLOCKS * block)
            if agent:
                agent.close()
    for worker in workers.values():
        worker.close()
    return costs[False], costs[True]


def progress(done, of):
    if sys.stderr.isatty():
        print(f"\rround {done} of {of}", end="" if done < of else "\r" + " " * 30 + "\r", file=sys.stderr)


def ratio(costs, of, to, rounds=slice(None)):
    """The median over rounds of what `of` costs in terms of `to`."""
    pairs = zip(costs[of][rounds], costs[to][rounds])
    return statistics.median(a / b for a, b in pairs)


def table(costs, seen, calls_of):
    """Prints it; gives the rows that miss their limit."""
    head = f"{'':47}{'ns':>9}{'× C':>8}{'× own':>8}{'limit':>8}  {'':6}{'calls':>6}"
    print(head + (f"{'seen ns':>10}" if seen else ""))
    missed, group = [], None
    for row in rows.ROWS:
        if row.group != group:
            group = row.group
            print(f"\n{group}")
        own = rows.OWN.get(group)
        to_c, to_own = (ratio(costs, row.id, to) if to else None for to in (rows.REFERENCE, own))
        judged = to_own if own else to_c
        verdict = ""
        if row.limit:
            # a limit is given in hundredths
            verdict = "ok" if round(judged, 2) <= row.limit else "MISSED"
            if verdict != "ok":
                missed.append(row)
        print(
            f"  {row.label:45}{statistics.median(costs[row.id]):9.1f}{number(to_c):>8}{number(to_own):>8}"
            f"{f'{row.limit:.2f}' if row.limit else '':>8}  {verdict:6}{calls_of[row.id]:6.2f}"
            + (f"{statistics.median(seen[row.id]):10.1f}" if seen else "")
        )
    return missed


def number(value):
    if value is None:
        return ""
    for least, digits in (100, 0), (10, 1), (0.1, 2):
        if value >= least:
            return f"{value:.{digits}f}"
    return f"{value:.4f}"


def spread(costs):
    """How far the two halves of the rounds are apart on a row with a limit, at most."""
    worst, where = 0, None
    for row in (row for row in rows.ROWS if row.limit):
        to = rows.OWN.get(row.group) or rows.REFERENCE
        halves = (ratio(costs, row.id, to, slice(k, None, 2)) for k in (0, 1))
        apart = abs(next(halves) - next(halves))
        if apart >= worst:
            worst, where = apart, row
    return worst, where


def main():
    arguments = argparse.ArgumentParser(description="The cost table of the SDKs.")
    arguments.add_argument("--rounds", type=int, default=120)
    arguments.add_argument("--observed", metavar="NULLTRACE", help="this collector watches every second block")
    arguments.add_argument("--only", metavar="REGEX", help="rows of which a name matches, and what they need")
    options = arguments.parse_args()
    if options.only:
        rows.only(options.only)

    try:
        calls_of = check()
        costs, seen = measure(options.rounds, options.observed)
    except Failed as failed:
        print(f"bench-sdk: {failed}", file=sys.stderr)
        return 1
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    rounds = len(costs[rows.REFERENCE])
    print(f"CPU time per span, {rounds} interleaved rounds, median; ratios are medians of ratios within a round.")
    system = f"Linux {platform.release()} {platform.machine()}"
    print(f"{datetime.date.today()} · {model}, {os.cpu_count()} CPUs · {system}\n")
    missed = table(costs, seen if options.observed else None, calls_of)
    print(f"\n{rows.NOTES.strip()}\n")
    worst, where = spread(costs)
    if where:
        print(f"Odd and even rounds differ by {worst:.3f} at most ({where.label}).")
    for row in missed:
        print(f"missed: {row.group}, {row.label}: the limit is {row.limit:.2f}")
    if not missed:
        print("Every limit is met.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
