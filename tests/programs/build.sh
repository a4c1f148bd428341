#!/usr/bin/env bash
# Builds the C programs of the tests into target/programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target/programs
for source in tests/programs/*.c; do
	program=target/programs/$(basename "$source" .c)
	shared=()
	[[ $program != *.so ]] || shared=(-shared -fPIC)
	[[ $program -nt $source && $program -nt tests/programs/known.h ]] ||
		cc -O1 -Wall -Wextra -Werror -pthread "${shared[@]}" -o "$program" "$source"
done
