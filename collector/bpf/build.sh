#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Builds the kernel programs: build.sh [DIRECTORY]. The objects are checked in,
# so only who changes a program needs this (Debian: clang-14 llvm-14 libbpf-dev).
# The same sources give the same bytes with the same compiler, wherever they
# are; the checksum of the sources they were made of is stored beside the objects.
set -eu
export LC_ALL=C # the order of files

cd "$(dirname "$0")"
out=${1:-.}
clang=${CLANG:-clang-14}
strip=${LLVM_STRIP:-llvm-strip-14}

for arch in x86_64:x86 aarch64:arm64; do
	object=$out/nulltrace.${arch%:*}.bpf.o
	# -mcpu=v3: 32-bit arithmetic and fetching atomics, since Linux 5.12.
	"$clang" -g -O2 -Wall -Werror -target bpf -mcpu=v3 \
		-D__TARGET_ARCH_"${arch#*:}" \
		-fdebug-compilation-dir=. \
		-isystem "/usr/include/$(uname -m)-linux-gnu" \
		-c nulltrace.bpf.c -o "$object"
	# Drops DWARF, keeps BTF.
	"$strip" -g "$object"
done
cat nulltrace.bpf.c *.h build.sh | sha256sum | cut -d' ' -f1 >"$out/nulltrace.bpf.sha256"
