#!/bin/sh
# Lists the crates that are linked into programs: a line each of "cargo", name, version, licence and digest, by tabs.
#
#   sbom-crates.sh PACKAGE… [--features …]     # in the repository
set -eu
packages=
while [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; do
  packages="$packages -p $1"
  shift
done
digests=$(mktemp)
awk -F'"' '/^name = /{name=$2} /^version = /{version=$2} /^checksum = /{print name "@" version "\t" $2}' Cargo.lock > "$digests"
# shellcheck disable=SC2086 # several words
cargo tree --locked $packages "$@" --edges normal,no-proc-macro --target x86_64-unknown-linux-gnu --prefix none \
    --format '{p}|{l}' \
  | sed 's/ (\*)$//; /^$/d' | sort -u \
  | awk -v digests="$digests" '
      BEGIN { FS = "\t"; while ((getline < digests) > 0) digest[$1] = $2; FS = "|" }
      { split($1, part, " "); version = substr(part[2], 2)
        print "cargo\t" part[1] "\t" version "\t" $2 "\t" digest[part[1] "@" version] }'
rm "$digests"
