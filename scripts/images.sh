#!/usr/bin/env bash
# Builds the container images with Docker or buildah, whichever is there.
#
#   scripts/images.sh [--local-base] [--models FOLDER] [--roots FOLDER] [IMAGE…]
#
#   IMAGE           functions, job-cpu, job-gpu; else the first two. Tagged framefan/IMAGE:latest.
#   --models        the weights with their manifest.json; else models
#   --roots         also unpacks each image there: IMAGE/ and its configuration IMAGE.json, which tests/images runs
#   --local-base    for machines that reach no registry: makes the base images from Debian's mirrors (mmdebstrap) and this
#                   machine's Rust, under the names that the Dockerfile has. They trust the certificates this machine trusts.
#
# buildah without root's container runtime builds with BUILDAH_ISOLATION=chroot.
set -euo pipefail
cd "$(dirname "$0")/.."

# What of the repository an image is made of, as infra/cdk/lib/images.ts has it (and models).
CONTEXT=(Cargo.toml Cargo.lock crates functions gpu-job cli infra/images)
say() { printf 'images: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

local_base='' models=models roots='' images=()
while [ $# -gt 0 ]; do
  case $1 in
    --local-base) local_base=1 ;;
    --models | --roots)
      [ $# -gt 1 ] || fail "$1 needs a folder"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    functions | job-cpu | job-gpu) images+=("$1") ;;
    *) fail "no option or image is called $1 (images: functions, job-cpu, job-gpu)" ;;
  esac
  shift
done
[ ${#images[@]} -gt 0 ] || images=(functions job-cpu)
[ -f "$models/manifest.json" ] \
  || fail "$models/manifest.json is not there: docs/operations.md says how to make it, --models names another folder"

if command -v docker > /dev/null && docker info > /dev/null 2>&1; then
  tool=docker
elif command -v buildah > /dev/null; then
  tool=buildah
else
  fail "building needs a running Docker engine, or buildah (Debian: apt-get install buildah)"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The name that the Dockerfile gives to a base image.
base_name() { sed -n "s/^ARG $1=//p" infra/images/Dockerfile; }

has_image() {
  case $tool in
    docker) docker image inspect "$1" > /dev/null 2>&1 ;;
    buildah) buildah inspect --type image "$1" > /dev/null 2>&1 ;;
  esac
}

# import_image NAME ARCHIVE ENV…: a file system as an image.
import_image() {
  local name=$1 archive=$2 container
  shift 2
  case $tool in
    docker) docker import "${@/#/--change=ENV }" "$archive" "$name" > /dev/null ;;
    buildah)
      container=$(buildah from scratch)
      buildah add --quiet "$container" "$archive" / > /dev/null
      buildah config "${@/#/--env=}" "$container"
      buildah commit --quiet --rm "$container" "$name" > /dev/null
      ;;
  esac
}

# A Debian like the image of the same name: the essential packages, updates from the same places, no manuals.
make_debian() {
  local archive=$1
  shift
  command -v mmdebstrap > /dev/null || fail "--local-base needs mmdebstrap (Debian: apt-get install mmdebstrap)"
  local skip=()
  for folder in doc man info locale lintian; do
    skip+=(--dpkgopt="path-exclude=/usr/share/$folder/*")
  done
  mmdebstrap --quiet --variant=minbase "${skip[@]}" --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='mkdir -p "$1/usr/local/share/ca-certificates"
    for file in /usr/local/share/ca-certificates/*.crt; do
      if [ -e "$file" ]; then cp "$file" "$1/usr/local/share/ca-certificates/"; fi
    done
    if [ -x "$1/usr/sbin/update-ca-certificates" ]; then chroot "$1" update-ca-certificates; fi' "$@" bookworm "$archive" \
    'deb http://deb.debian.org/debian bookworm main' \
    'deb http://deb.debian.org/debian bookworm-updates main' \
    'deb http://deb.debian.org/debian-security bookworm-security main'
}

make_base_images() {
  local debian rust version
  debian=$(base_name DEBIAN)
  rust=$(base_name RUST)
  if ! has_image "$debian"; then
    say "making $debian with mmdebstrap"
    make_debian "$work/debian.tar"
    import_image "$debian" "$work/debian.tar"
  fi
  if ! has_image "$rust"; then
    version=$(rustc --version | cut -d' ' -f2)
    [ "${rust#*:"$version"-}" != "$rust" ] || fail "this machine's Rust is $version, the Dockerfile's is $rust"
    say "making $rust of this machine's toolchain"
    make_debian "$work/rust.tar" --include=ca-certificates,gcc,libc6-dev
    # The sysroot as it is, without documentation: cargo and rustc find the rest beside themselves.
    tar --append --file="$work/rust.tar" --directory="$(rustc --print sysroot)" --transform='s,^,usr/local/,' \
      bin/cargo bin/rustc --exclude='lib/rustlib/src' --exclude='lib/rustlib/aarch64*' lib
    import_image "$rust" "$work/rust.tar" CARGO_HOME=/usr/local/cargo \
      PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  fi
}

# unpack IMAGE: its file system and configuration, for tests.
unpack() {
  local name=framefan/$1:latest container
  rm -rf "${roots:?}/$1"
  mkdir -p "$roots/$1"
  case $tool in
    docker)
      docker image inspect --format '{{json .Config}}' "$name" > "$roots/$1.json"
      container=$(docker create "$name")
      docker export "$container" | tar --extract --numeric-owner --directory="$roots/$1"
      docker rm "$container" > /dev/null
      ;;
    buildah)
      buildah inspect --type image --format '{{.Config}}' "$name" > "$work/config.json"
      # The image's own document, of which Docker shows the same part.
      python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["config"], sys.stdout)' \
        < "$work/config.json" > "$roots/$1.json"
      container=$(buildah from --pull-never "$name")
      cp -a "$(buildah mount "$container")/." "$roots/$1/"
      buildah rm "$container" > /dev/null
      ;;
  esac
}

# The same context as `cdk deploy` sends, with these weights.
mkdir "$work/context"
tar --create --exclude=tests --exclude=benches --exclude=target --exclude=node_modules --exclude=__pycache__ \
  "${CONTEXT[@]}" | tar --extract --directory="$work/context"
cp -rL "$models" "$work/context/models"

[ -z "$local_base" ] || make_base_images
options=(--file "$work/context/infra/images/Dockerfile")
revision=$(git describe --always --dirty --abbrev=12 2> /dev/null) && options+=(--build-arg "REVISION=$revision")
[ -z "${CUDA_COMPUTE_CAP:-}" ] || options+=(--build-arg "CUDA_COMPUTE_CAP=$CUDA_COMPUTE_CAP")
for image in "${images[@]}"; do
  say "building framefan/$image"
  case $tool in
    docker)
      DOCKER_BUILDKIT=1 docker build "${options[@]}" --target "$image" --tag "framefan/$image:latest" "$work/context"
      ;;
    buildah)
      buildah build --layers ${local_base:+--pull-never} "${options[@]}" --target "$image" --tag "framefan/$image:latest" \
        "$work/context"
      ;;
  esac
  [ -z "$roots" ] || unpack "$image"
done
