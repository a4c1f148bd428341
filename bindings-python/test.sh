#!/usr/bin/env bash
# The Python package: its wheel in a fresh environment, both implementations, the stubs.
# NULLTRACE_BIN is the collector that reads what was written.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
	echo "bindings-python: $*" >&2
	exit 1
}
NULLTRACE_BIN=${NULLTRACE_BIN:-$PWD/../target/debug/nulltrace}
export NULLTRACE_BIN
[ -x "$NULLTRACE_BIN" ] || fail "no collector at $NULLTRACE_BIN: cargo build -p nulltrace-collector"
unset NULLTRACE NULLTRACE_PURE PYTHONPATH

missing=()
command -v strace > /dev/null || missing+=(strace)
command -v pypy3 > /dev/null || missing+=(pypy3)
python3 -c 'import venv, ensurepip' 2> /dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
	[ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "${missing[@]}" > /dev/null
fi

cache=$PWD/.cache
tools=$cache/tools
pip() { "$tools/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
if [ ! -e "$cache/installed" ] || [ test.sh -nt "$cache/installed" ]; then
	rm -rf "$tools"
	python3 -m venv "$tools"
	pip install 'maturin>=1.9,<2' 'pytest>=8' 'mypy>=1.18' sysdig-tracers==0.1.2 \
		'gevent>=25' 'gunicorn>=23' 'trio>=0.30' 'uvicorn>=0.30' \
		'celery>=5' 'cloudpickle>=3' 'fastapi>=0.110' 'pydantic>=2' 'wrapt>=1.16'
	touch "$cache/installed"
fi

rm -rf "$cache/wheels" "$cache/fresh"
"$tools/bin/maturin" build --quiet --locked --profile "${PROFILE:-dev}" --out "$cache/wheels" \
	2> "$cache/maturin.log" || {
	cat "$cache/maturin.log" >&2
	exit 1
}
wheel=$(echo "$cache"/wheels/*.whl)
case $wheel in
	*-cp39-abi3-*) ;;
	*) fail "not one wheel for all: $wheel" ;;
esac

# The wheel alone.
python3 -m venv --without-pip "$cache/fresh"
fresh=$cache/fresh/bin/python
pip --python "$fresh" install --no-index "$wheel"
cd "$cache"
"$fresh" ../tests/smoke.py native
NULLTRACE_PURE=1 "$fresh" ../tests/smoke.py pure
PYTHONPATH=$cache/fresh/lib/$("$fresh" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')/site-packages \
	pypy3 ../tests/smoke.py pure

pip install --force-reinstall --no-index --no-deps "$wheel"
for pure in 0 1; do
	export NULLTRACE_PURE=$pure
	"$tools/bin/python" -m pytest -c ../pyproject.toml --rootdir .. ../tests
	allowed=()
	[ $pure = 0 ] || allowed=(--allowlist ../tests/stubtest-pure.txt --ignore-unused-allowlist)
	"$tools/bin/python" -m mypy.stubtest "${allowed[@]}" nulltrace > stubtest.log || {
		cat stubtest.log
		exit 1
	}
done
