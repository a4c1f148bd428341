#!/usr/bin/env bash
# Tests libnulltrace: programs by gcc and clang, as C99, C11 and C++17, under strace and valgrind, on an installed
# copy that they find by pkg-config only. NULLTRACE_BIN is the collector (default: target/debug/nulltrace).
# --no-cargo leaves out the tests that `cargo test --workspace` runs too.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=$PWD/sdk-c/tests
nulltrace=${NULLTRACE_BIN:-$PWD/target/debug/nulltrace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "sdk-c: $*" >&2
	exit 1
}

for command in gcc g++ clang-14 clang++-14 strace valgrind pkg-config cmake python3 ld objcopy; do
	command -v "$command" > /dev/null || { tests/setup.sh && break; }
done
[ -x "$nulltrace" ] || fail "no collector at $nulltrace: cargo build -p nulltrace-collector"

# The header is fresh.
[ "${1:-}" = --no-cargo ] ||
	cargo test --quiet --locked -p nulltrace-c > "$work/cargo" 2>&1 || { cat "$work/cargo"; exit 1; }

prefix=$work/prefix
make --quiet -C sdk-c install PREFIX="$prefix"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
read -ra found <<< "$(pkg-config --cflags --libs nulltrace)"
so=$prefix/lib/libnulltrace.so
archive=$prefix/lib/libnulltrace.a

# --- what is in the library ---
exported=$(nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }')
[ "$(grep -cx 'nt_[a-z_]*@@NULLTRACE_0\.1' <<< "$exported")" -ge 14 ] || fail "symbols: $exported"
! grep -vx 'nt_[a-z_]*@@NULLTRACE_0\.1' <<< "$exported" || fail "a symbol leaks from the shared library"
[ "$(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort)" = "$(sort <<< "${exported//@@NULLTRACE_0.1/}")" ] ||
	fail "the archive defines other symbols than the shared library"
# Nothing of a panic: that would print, allocate, abort and unwind.
! nm -g --undefined-only "$archive" | awk 'NF == 2 { print $2 }' |
	grep -vxE '_?_?environ|mem(cpy|move|set|cmp)|bcmp|strlen' || fail "the library needs more than it should"
readelf -d "$so" > "$work/dynamic"
grep -q 'SONAME.*\[libnulltrace\.so\.0\]' "$work/dynamic" || fail "SONAME"
grep -q NODELETE "$work/dynamic" || fail "not NODELETE"
! grep -q TEXTREL "$work/dynamic" || fail "TEXTREL"
# Else the first use of the context in a program that loads the library later would allocate.
grep -q STATIC_TLS "$work/dynamic" || fail "the context is not in the threads' static memory"
readelf -lW "$so" | grep 'GNU_STACK.* RW ' >/dev/null || fail "an executable stack"
[ "$(stat -Lc %s "$so")" -lt 65536 ] || fail "the shared library has grown: $(stat -Lc %s "$so") bytes"

# --- programs ---
strict=(-Wall -Wextra -Werror -pedantic -O2 -g -D_GNU_SOURCE -I"$tests" -I"$work")
python3 "$tests/vectors.py" table spec/vectors/encode.jsonl "$work/vectors.inc"

c() { # compiler standard source out [flag...]
	"$1" -std="$2" "${strict[@]}" "$tests/$3" -o "$work/$4" "${found[@]}" "${@:5}" -pthread
}
seen() {
	python3 "$tests/seen.py" "$@"
}

# The last is what valgrind runs: it cannot read all that clang writes.
for compiler in clang-14:c99 clang-14:c11 gcc:c99 gcc:c11; do
	standard=${compiler#*:} compiler=${compiler%:*}
	for program in api vectors handler closefrom fork threads context switch; do
		c "$compiler" "$standard" $program.c $program
	done
	c "$compiler" "$standard" plugin.c plugin -ldl
	c "$compiler" "$standard" quiet.c quiet
	seen "$work/api"
	seen --raw "$work/seen" "$work/vectors"
	python3 "$tests/vectors.py" check spec/vectors/encode.jsonl "$work/seen" "$nulltrace" > "$work/vectors.out"
	seen --any-order "$work/handler"
	seen "$work/closefrom"
	seen "$work/fork"
	seen "$work/context"
	seen "$work/switch"
	NULLTRACE=off seen "$work/switch" off
	seen --any-order "$work/threads"
	seen "$work/plugin" "$prefix/lib/libnulltrace.so.0"
	for value in off OFF 0 no False; do
		NULLTRACE=$value seen "$work/quiet"
	done
	# Without the library: it must not be asked for.
	"$compiler" -std="$standard" "${strict[@]}" -DNULLTRACE_OFF -I"$prefix/include" "$tests/quiet.c" -o "$work/quiet"
	seen "$work/quiet"
done
for value in on "" 1 offf; do
	NULLTRACE=$value seen "$work/api"
done
if NULLTRACE=off seen "$work/api" 2> /dev/null; then fail "a comparison with nothing succeeds"; fi

for compiler in clang++-14 g++; do
	"$compiler" -std=c++17 "${strict[@]}" "$tests/cpp.cpp" -o "$work/cpp" "${found[@]}" -pthread
	seen "$work/cpp"
	"$compiler" -std=c++17 "${strict[@]}" "$tests/quiet.cpp" -o "$work/quiet" "${found[@]}"
	NULLTRACE=off seen "$work/quiet"
	"$compiler" -std=c++17 "${strict[@]}" -DNULLTRACE_OFF -I"$prefix/include" "$tests/quiet.cpp" -o "$work/quiet"
	seen "$work/quiet"
	for flags in -fno-exceptions "-fno-exceptions -fno-rtti" -fno-rtti; do
		# shellcheck disable=SC2086
		"$compiler" -std=c++17 $flags "${strict[@]}" "$tests/noexcept.cpp" -o "$work/noexcept" "${found[@]}"
		seen "$work/noexcept"
	done
	# C++ may use the C header too.
	"$compiler" -std=c++17 "${strict[@]}" -x c++ "$tests/demo.c" -o "$work/demo" -x none "${found[@]}"
done

# Old standards, and the newest.
for compiler in "gcc -std=gnu89" "clang-14 -std=gnu89" "gcc -std=c99" "clang-14 -std=gnu2x" \
	"g++ -x c++ -std=c++98" "clang++-14 -x c++ -std=c++98" "g++ -x c++ -std=c++20"; do
	$compiler "${strict[@]}" "$tests/old.c" -o "$work/old" -x none "${found[@]}"
	seen "$work/old"
done
for strict_one in c89 c90 iso9899:199409; do
	if gcc -std=$strict_one -fsyntax-only -I"$prefix/include" "$tests/old.c" 2> "$work/errors"; then
		fail "-std=$strict_one compiles"
	fi
	grep -q '#error "nulltrace.h needs C99, or for C90 -std=gnu89' "$work/errors" || fail "-std=$strict_one: no clear error"
done

# longjmp, and threads that end within a span.
for compiler in "gcc -std=c99" "clang-14 -std=c99"; do
	$compiler "${strict[@]}" "$tests/leave.c" -o "$work/leave" "${found[@]}" -pthread
	seen "$work/leave"
	$compiler -fexceptions "${strict[@]}" "$tests/leave.c" -o "$work/leave" "${found[@]}" -pthread
	seen "$work/leave" unwinds
done
for compiler in g++ clang++-14; do
	$compiler -x c++ -std=c++17 "${strict[@]}" "$tests/leave.c" -o "$work/leave" -x none "${found[@]}" -pthread
	seen "$work/leave" unwinds
done

# Processors that have the macros' system call, and one that has not: at least they compile.
for target in aarch64-linux-gnu riscv64-linux-gnu; do
	clang-14 --target=$target -std=c99 -Wall -Wextra -Werror -pedantic -ffreestanding -DREJECT=0 \
		-I"$prefix/include" -c "$tests/reject.c" -o "$work/target.o"
done
# A program may be stricter than these tests.
g++ -std=c++20 -fno-exceptions -fno-rtti "${strict[@]}" -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast \
	-fsyntax-only -I"$prefix/include" -DREJECT=0 -x c++ "$tests/reject.c"

# What must not compile.
compiles() { # compiler language number
	"$1" -x "$2" -std="$([ "$2" = c ] && echo c11 || echo c++17)" -fsyntax-only -I"$prefix/include" -DREJECT="$3" "$tests/reject.c" 2> /dev/null
}
for compiler in gcc clang-14 g++ clang++-14; do
	language=c
	[[ $compiler != *++* ]] || language=c++
	compiles "$compiler" "$language" 0 || fail "reject.c does not compile at all ($compiler)"
	for number in 1 2 3 4 5 6 7; do
		[ "$number" -lt 6 ] || [ "$language" = c++ ] || continue
		if compiles "$compiler" "$language" $number; then fail "reject.c $number compiles ($compiler)"; fi
	done
done

# --- CMake ---
for wanted in 0.1 ""; do
	rm -rf "$work/cmake"
	cmake -S "$tests/cmake" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$wanted" -DCMAKE_C_FLAGS=-D_GNU_SOURCE \
		> "$work/cmake.out" 2>&1 || { cat "$work/cmake.out"; fail "CMake does not find the library"; }
done
cmake --build "$work/cmake" > "$work/cmake.out" 2>&1 || { cat "$work/cmake.out"; fail "CMake does not build"; }
for program in c c_static cpp; do
	seen "$work/cmake/$program"
done
ldd "$work/cmake/c" | grep -q "libnulltrace.so.0 => $prefix/lib" || fail "the library that CMake links"
for wanted in 0.0 0.2 9; do
	rm -rf "$work/cmake"
	if cmake -S "$tests/cmake" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$wanted" > "$work/cmake.out" 2>&1; then
		fail "CMake takes the library for version $wanted"
	fi
	grep -q 'compatible with requested version' "$work/cmake.out" || fail "version $wanted: $(cat "$work/cmake.out")"
done

# --- static ---
read -ra static <<< "$(pkg-config --cflags nulltrace)"
rustc --edition 2024 --crate-type staticlib -C panic=unwind -o "$work/libanother.a" "$tests/another.rs"
for order in "$archive $work/libanother.a" "$work/libanother.a $archive"; do
	# shellcheck disable=SC2086
	gcc -std=c11 "${strict[@]}" "${static[@]}" "$tests/another.c" -o "$work/another" $order -pthread -ldl -lm
	seen "$work/another"
done
gcc -std=c11 "${strict[@]}" "${static[@]}" "$tests/api.c" -static -o "$work/static" "$archive"
seen "$work/static"

# --- valgrind ---
for program in api vectors fork threads context switch cpp "handler any-stack"; do
	# shellcheck disable=SC2086
	valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
		"$work"/$program > /dev/null || fail "valgrind: $program"
done

# --- end to end ---
c gcc c11 demo.c demo
if reason=$("$nulltrace" run -q -- true 2>&1); then
	"$nulltrace" run -q --json "$work/demo.json" -- "$work/demo"
	python3 examples/tree.py "$work/demo.json" | diff "$tests/demo.expected" - || fail "the tree of demo.c"
else
	echo "sdk-c: end to end skipped, nothing can be traced here: $reason"
fi

# --- install, uninstall ---
make --quiet -C sdk-c install DESTDIR="$work/stage" PREFIX=/opt/nulltrace
grep -qx 'prefix=/opt/nulltrace' "$work/stage/opt/nulltrace/lib/pkgconfig/nulltrace.pc" || fail "prefix in nulltrace.pc"
[ "$(pkg-config --modversion nulltrace)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" ] || fail "version"
make --quiet -C sdk-c uninstall DESTDIR="$work/stage" PREFIX=/opt/nulltrace
[ -z "$(find "$work/stage" ! -type d)" ] || fail "uninstall leaves $(find "$work/stage" ! -type d)"

cat "$work/vectors.out"
echo "sdk-c: all passed"
