#!/usr/bin/env bash
# Analyzes a video and says where the results are.
# usage: demo.sh [VIDEO] [MODEL]   without VIDEO a sample is made; without MODEL the video is probed and planned, not analyzed
set -euo pipefail
cd "$(dirname "$0")/.."
video=${1:-} model=${2:-} out=out/demo

step() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

framefan() {
  step framefan "$@"
  "${CARGO_TARGET_DIR:-target}/debug/framefan" "$@"
}

mkdir -p "$out"
if [ -z "$video" ]; then
  video=$out/sample.mp4
  if [ ! -s "$video" ]; then
    echo "No VIDEO given: making a sample of 20 seconds, $video"
    ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=s=640x360:r=25:d=20 -c:v libx264 -preset veryfast -g 50 \
      -pix_fmt yuv420p "$out/making.mp4"
    mv "$out/making.mp4" "$video"
  fi
fi

echo "Building framefan (the first time takes some minutes)"
# The whole workspace's features, so that the tests use the same dependencies and nothing is compiled twice.
cargo build --workspace --bin framefan

framefan probe "$video"
framefan plan "$video" --analyzer pose --chunk-seconds 5 --shards 2
if [ -n "$model" ]; then
  framefan run "$video" --analyzer pose --model "yolov8n-pose=$model" --chunk-seconds 5 --out "$out"
else
  # The weights have a licence of their own and are not part of the project: the command says which file is wanted.
  status=0
  framefan run "$video" --analyzer pose --chunk-seconds 5 --out "$out" || status=$?
  # 2 and 4 are "a model is missing"; anything else is not what this step is to show.
  case $status in 2 | 4) ;; *) echo "demo: expected a message about the missing weights, got exit code $status" >&2; exit 1 ;; esac
  printf '\nWith that file:\n  make demo MODEL=yolov8n-pose.safetensors%s\n' "${1:+ VIDEO=$1}"
fi
