#!/bin/sh
# Packs a folder, each step a span; those in the pipeline find their parent too.
# Usage: backup.sh FOLDER ARCHIVE
set -eu
# shellcheck source=SCRIPTDIR/nulltrace.sh
. "${0%/*}/nulltrace.sh"

nt_enter backup "folder=$1"
for file in "$1"/*; do
	nt_enter backup.sum "file=${file##*/}"
	sum=$(cksum < "$file")
	nt_exit "sum=${sum%% *}"
done
nt_span backup.pack tar -cf - -C "$1" . | nt_span -a level 9 backup.squeeze gzip -9 > "$2"
nt_span backup.verify gzip -t "$2"
nt_exit
