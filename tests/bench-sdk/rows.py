"""The contestants: which worker runs which row, against what, under which limit."""

import os
import re
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(HERE, "../../target/bench-sdk")
CACHE = os.path.join(HERE, "../../.cache/bench-sdk")
OFF = {"NULLTRACE": "off"}


@dataclass
class Spec:
    """How a worker is started."""

    command: list
    env: dict = field(default_factory=dict)
    # It has no clock of its own: the driver reads the process's.
    outside: bool = False


@dataclass
class Row:
    """A contestant. Its limit is a multiple of its group's own pair, else of the reference."""

    group: str
    worker: str
    key: str
    label: str
    limit: float = None
    markers: int = 2
    # Spans of a batch: no more than the queue of a batch processor holds.
    most: int = None

    @property
    def id(self):
        return self.worker, self.key


def built(name, **env):
    return Spec([os.path.join(BUILT, name)], env)


def python(name, **env):
    return Spec([os.path.join(CACHE, "venv/bin/python"), "-B", os.path.join(HERE, "python", f"{name}.py")], env)


def node(name, **env):
    return Spec(["node", os.path.join(HERE, "node", f"{name}.js")], env)


def sdk_python(implementation, **env):
    pure = {"NULLTRACE_PURE": "1"} if implementation == "pure" else {}
    return python("sdk", BENCH_IMPLEMENTATION=implementation, **pure, **env)


def sdk_node(implementation, **env):
    pure = {"NULLTRACE_PURE": "1"} if implementation == "pure" else {}
    return node("sdk", BENCH_IMPLEMENTATION=implementation, **pure, **env)


def shell(**env):
    return Spec(["bash", os.path.join(HERE, "shell/sdk.bash")], env, outside=True)


WORKERS = {
    "reference": built("reference"),
    "c-static": built("c-static"),
    "c-shared": built("c-shared"),
    "c-silent": built("c-static", **OFF),
    "c-off": built("c-off"),
    "lttng": built("lttng"),
    "rust": built("rust/release/sdk"),
    "rust-silent": built("rust/release/sdk", **OFF),
    "rust-off": built("rust-off/release/sdk"),
    "tracing": built("rust/release/tracing"),
    "bridge": built("rust/release/bridge"),
    "bridge-silent": built("rust/release/bridge", **OFF),
    "rust-otel": built("rust/release/otel"),
    "python": sdk_python("native"),
    "python-silent": sdk_python("native", **OFF),
    "python-pure": sdk_python("pure"),
    "sysdig": python("sysdig"),
    "python-otel": python("otel"),
    "node": sdk_node("native"),
    "node-silent": sdk_node("native", **OFF),
    "node-pure": sdk_node("pure"),
    "node-stream": node("stream"),
    "node-otel": node("otel"),
    "shell": shell(),
    "shell-silent": shell(**OFF),
}

C, RUST, PYTHON, NODE, SHELL = "C", "Rust", "Python", "Node", "bash"
REFERENCE = ("reference", "libc")
# The pair of bare calls that the rows of a group are also compared with.
OWN = {PYTHON: ("python", "bare"), NODE: ("node", "bare"), SHELL: ("shell", "bare")}
# A batch for a batch processor: its queue holds 2048 spans.
QUEUE = 1500

ROWS = [
    Row(C, "reference", "libc", "two write(2) of 30 bytes, libc (the reference)"),
    Row(C, "reference", "bare", "two write(2), bare system calls: the floor"),
    Row(C, "reference", "called", "the same, each in a function that returns"),
    Row(C, "c-static", "span", "NT_SPAN, libnulltrace.a", 0.80),
    Row(C, "c-shared", "span", "NT_SPAN, libnulltrace.so", 0.80),
    Row(C, "c-static", "arg", "nt_enter_args, one argument; nt_exit"),
    Row(C, "c-silent", "span", "NT_SPAN, NULLTRACE=off", markers=0),
    Row(C, "c-off", "span", "NT_SPAN, -DNULLTRACE_OFF", markers=0),
    Row(C, "lttng", "lttng", "LTTng-UST, two events, active session", markers=0),
    Row(RUST, "rust", "span", "span!, no arguments", 0.80),
    Row(RUST, "rust", "arg", "span!, one number", 1.0),
    Row(RUST, "rust", "text", "span!, one text", 1.0),
    Row(RUST, "rust", "traced", "#[traced] fn"),
    Row(RUST, "rust", "async", "#[traced] async fn, ready at once"),
    Row(RUST, "rust-silent", "span", "span!, NULLTRACE=off", markers=0),
    Row(RUST, "rust-off", "span", "span!, feature off", markers=0),
    Row(RUST, "tracing", "tracing", "tracing, a registry and no layer", markers=0),
    Row(RUST, "bridge", "span", "tracing, nulltrace-tracing", 1.4),
    Row(RUST, "bridge", "arg", "tracing, nulltrace-tracing, one field"),
    Row(RUST, "bridge-silent", "span", "tracing, nulltrace-tracing, NULLTRACE=off", markers=0),
    Row(RUST, "rust-otel", "otel", "OpenTelemetry SDK (P)", markers=0, most=QUEUE),
    Row(PYTHON, "python", "bare", "two os.write"),
    Row(PYTHON, "python", "with", "with, reused Tracer", 0.95),
    Row(PYTHON, "python", "decorator", "@Tracer", 0.85),
    Row(PYTHON, "python", "arg", "with, a new Tracer with an argument", 1.4),
    Row(PYTHON, "python", "decorator_arg", "@Tracer with Args(0)", 1.4),
    Row(PYTHON, "python", "stop_arg", "start, stop with an argument, reused", 1.4),
    Row(PYTHON, "python", "automatic", "with, a new Tracer, automatic tag"),
    Row(PYTHON, "python-pure", "with", "pure: with, reused Tracer"),
    Row(PYTHON, "python-pure", "decorator", "pure: @Tracer"),
    Row(PYTHON, "python-pure", "arg", "pure: with, a new Tracer with an argument"),
    Row(PYTHON, "python-silent", "with", "with, reused Tracer, NULLTRACE=off", markers=0),
    Row(PYTHON, "python-silent", "decorator", "@Tracer, NULLTRACE=off", markers=0),
    Row(PYTHON, "python", "call", "the function without @Tracer", markers=0),
    Row(PYTHON, "sysdig", "with", "sysdig-tracers: with, reused Tracer"),
    Row(PYTHON, "sysdig", "decorator", "sysdig-tracers: @Tracer"),
    Row(PYTHON, "sysdig", "arg", "sysdig-tracers: @Tracer with Args(0)"),
    Row(PYTHON, "sysdig", "automatic", "sysdig-tracers: with, automatic tag"),
    Row(PYTHON, "python-otel", "otel", "OpenTelemetry SDK (P)", markers=0, most=QUEUE),
    Row(NODE, "node", "bare", "two fs.writeSync of a Buffer (P)"),
    Row(NODE, "node", "wrap", "wrap(fn) (P)", 0.45),
    Row(NODE, "node", "arg", "wrap(fn), one text argument (P)", 0.70),
    Row(NODE, "node", "trace", "trace(tag, fn) (P)"),
    Row(NODE, "node", "startStop", "Trace.start, Trace.stop (P)"),
    Row(NODE, "node-pure", "wrap", "pure: wrap(fn) (P)"),
    Row(NODE, "node-pure", "arg", "pure: wrap(fn), one text argument (P)"),
    Row(NODE, "node-silent", "wrap", "wrap(fn), NULLTRACE=off (P)", markers=0),
    Row(NODE, "node", "call", "the function without wrap (P)", markers=0),
    Row(NODE, "node-stream", "stream", "text to an fs.WriteStream (P)"),
    Row(NODE, "node-otel", "otel", "OpenTelemetry SDK (P)", markers=0, most=QUEUE),
    Row(SHELL, "shell", "bare", "two echo > /dev/null (P)"),
    Row(SHELL, "shell", "pair", "nt_enter, nt_exit (P)", 2.0),
    Row(SHELL, "shell", "span", "nt_span : (P)", 2.0),
    Row(SHELL, "shell", "arg", "nt_enter, one argument; nt_exit (P)", 2.0),
    Row(SHELL, "shell", "arg2", "nt_enter, two arguments; nt_exit (P)", 2.0),
    Row(SHELL, "shell-silent", "span", "nt_span :, NULLTRACE=off (P)", markers=0),
    Row(SHELL, "shell", "loop", "the loop without a span (P)", markers=0),
]

NOTES = """
"C": how many times the reference. "own": how many times the first row of the group; limits are of
that in Python, Node and bash, of the reference elsewhere. "calls": system calls per span, by strace.
Where "each in a function that returns" is dearer than the floor, the kernel's guard against
speculative return stack overflow is on: the first return after a system call is mispredicted. Spans
that are inlined do not pay that in these loops; a program pays it when it returns next.
CPU time is that of the calling thread; (P): of the whole process, whose other threads have a part
in the work. Loops and calls are included, see the rows without a span.
sysdig-tracers 0.1.2, OpenTelemetry: every span sampled and made current, batch processor, an
exporter that only counts, flush included. LTTng-UST: a snapshot session; the consumer daemon's CPU
time is not in it.
Left out: opentelemetry-cpp, which Debian has no package of; tj/node-trace, which is not on npm (the
package node-trace is another): the fs.WriteStream row writes as it does.
"""


def only(pattern):
    """Leaves the rows that match, and what their ratios need."""
    needed = {REFERENCE}
    wanted = re.compile(pattern)
    for row in ROWS:
        if any(wanted.search(text) for text in (row.worker, row.key, row.label, row.group)):
            needed |= {row.id, OWN.get(row.group)}
    ROWS[:] = [row for row in ROWS if row.id in needed]
