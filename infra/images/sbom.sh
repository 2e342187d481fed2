#!/bin/sh
# Writes what an image is made of, as CycloneDX 1.5: crates, FFmpeg, Debian's packages, CUDA's wheels. Run in the image.
#
#   sbom.sh NAME CRATES.tsv [REQUIREMENTS.txt]      # CRATES as sbom-crates.sh writes them; pip's requirements with hashes
#
# It tells no time and has no serial number: the same parts give the same document.
set -eu
name=$1
crates=$2
wheels=${3:-/dev/null}
{
  cat "$crates"
  sed -n 's/^Debian source package ffmpeg \([^,]*\),.*/source\tffmpeg\t\1\tLGPL-2.1-or-later\t/p' /usr/local/share/doc/ffmpeg/SOURCE
  dpkg-query --show --showformat 'deb\t${Package}\t${Version}\t\t\n'
  sed -n 's/^\([^=]*\)==\([^ ]*\) --hash=sha256:\(.*\)/pypi\t\1\t\2\tLicenseRef-NVIDIA-Proprietary\t\3/p' "$wheels"
} | awk -F'\t' -v name="$name" '
  function text(value) { gsub(/\\/, "\\\\", value); gsub(/"/, "\\\"", value); return "\"" value "\"" }
  function escaped(value) { gsub(/%/, "%25", value); gsub(/\+/, "%2B", value); gsub(/:/, "%3A", value); return value }
  function address() {
    if ($1 == "deb") return "pkg:deb/debian/" escaped($2) "@" escaped($3) "?distro=bookworm"
    if ($1 == "source") return "pkg:deb/debian/" $2 "@" escaped($3) "?arch=source&distro=bookworm"
    return "pkg:" $1 "/" $2 "@" escaped($3)
  }
  BEGIN {
    print "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"version\": 1,"
    print " \"metadata\": {\"component\": {\"type\": \"container\", \"name\": " text("framefan " name) "}},"
    print " \"components\": ["
  }
  {
    printf "%s  {\"type\": \"library\", \"name\": %s, \"version\": %s, \"purl\": %s", (NR > 1 ? ",\n" : ""),
      text($2), text($3), text(address())
    if ($4 != "") printf ", \"licenses\": [{\"expression\": %s}]", text($4)
    if ($5 != "") printf ", \"hashes\": [{\"alg\": \"SHA-256\", \"content\": %s}]", text($5)
    printf "}"
  }
  END { print "\n ]}"; if (NR < 100) { print "only " NR " parts were found" > "/dev/stderr"; exit 1 } }'
