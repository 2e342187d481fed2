#!/bin/sh
# Lays out CUDA from NVIDIA's wheels, which need no registry but PyPI: the toolkit's images are gigabytes larger.
#
#   cuda.sh run REQUIREMENTS FOLDER     # FOLDER/lib: what a program loads; FOLDER/licences
#   cuda.sh build REQUIREMENTS FOLDER   # a toolkit: bin, include, nvvm, …
#   cuda.sh link FOLDER                 # in the repository: makes FOLDER/lib and FOLDER/stubs fit for the linker
set -eu
step=$1

# Unpacks the wheels of $1, digests checked, into $2.
unpack() {
  python3 -m pip install --quiet --no-deps --no-compile --require-hashes --only-binary :all: --target "$2" -r "$1"
}

# The linker looks for libNAME.so, the loader for libNAME.so.VERSION.
name_for_linker() {
  for file in "$1"/lib*.so.*; do
    ln -sf "$(basename "$file")" "${file%%.so.*}.so"
  done
}

case $step in
run)
  wheels=$(mktemp -d)
  unpack "$2" "$wheels"
  mkdir -p "$3/lib" "$3/licences"
  find "$wheels/nvidia" -name 'lib*.so.*' ! -name 'libnvblas*' ! -name '*.alt.so.*' -exec mv {} "$3/lib/" \;
  for folder in "$wheels"/*.dist-info; do
    find "$folder" -iname 'license*' -type f -exec cp {} "$3/licences/$(basename "$folder" .dist-info).txt" \;
  done
  rm -rf "$wheels"
  ;;
build)
  wheels=$(mktemp -d)
  unpack "$2" "$wheels"
  mkdir -p "$3"
  cp -a "$wheels/nvidia/cu13/." "$3/"
  rm -rf "$wheels"
  ;;
link)
  name_for_linker "$2/lib"
  # The driver's library is on GPU hosts only. For linking, one with the names of all functions that cudarc knows.
  cargo fetch --locked --target x86_64-unknown-linux-gnu
  mkdir -p "$2/stubs"
  grep -rhoE 'fn cu[A-Z][A-Za-z0-9_]*' "$CARGO_HOME"/registry/src/*/cudarc-*/src/driver/sys \
    | sed 's/fn \(.*\)/void \1(void) {}/' | sort -u > "$2/stubs/cuda.c"
  gcc -shared -fPIC -fno-builtin -Wl,-soname,libcuda.so.1 -o "$2/stubs/libcuda.so" "$2/stubs/cuda.c"
  ;;
*)
  echo "cuda.sh: no step $step" >&2
  exit 2
  ;;
esac
