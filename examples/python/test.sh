#!/usr/bin/env bash
# Real requests to the service under the collector, and its span tree beside expected.txt.
set -euo pipefail
cd "$(dirname "$0")"
nulltrace=${NULLTRACE_BIN:-$PWD/../../target/debug/nulltrace}
package=$PWD/../../bindings-python/python

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Without a wheel: the implementation in Python, unless NULLTRACE_PYTHON has the native one.
python=${NULLTRACE_PYTHON:-python3}
"$python" -c 'import nulltrace' 2> /dev/null || export PYTHONPATH=$package
# Those that not every service can tell to the digit.
"$python" -c 'from server import fib; assert (fib(90), fib(0)) == (2880067194370816120, 0)'
WORK=$work "$nulltrace" run --quiet --json "$work/spans.json" -- ../requests.sh "$python" server.py

python3 ../tree.py "$work/spans.json" | diff expected.txt -
echo "examples/python: passed"
