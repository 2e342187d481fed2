#!/usr/bin/env bash
# Analyzes a video and says where the results are.
# usage: demo.sh [VIDEO] [MODEL]   without VIDEO a scene is drawn; without MODEL, weights of YOLOv8n-pose, the analyzers that need none run
set -euo pipefail
cd "$(dirname "$0")/.."
video=${1:-} model=${2:-} out=out/demo

step() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

framefan() {
  step framefan "$@"
  "${CARGO_TARGET_DIR:-target}/debug/framefan" "$@"
}

mkdir -p "$out"
echo "Building framefan (the first time takes some minutes)"
# The whole workspace's features, so that the tests use the same dependencies and nothing is compiled twice.
cargo build --workspace --bin framefan --example render

truth=()
if [ -z "$video" ]; then
  video=$out/sample.mp4
  if [ ! -s "$video" ] || [ ! -s "$out/sample.json" ]; then
    echo "No VIDEO given: drawing a scene of 11 seconds, $video"
    "${CARGO_TARGET_DIR:-target}/debug/examples/render" sample "$out/making.mp4"
    mv "$out/making.json" "$out/sample.json"
    mv "$out/making.mp4" "$video"
  fi
  # What is known of the scene is compared with the poses and tracks, which need weights.
  [ -z "$model" ] || truth=(--truth "$out/sample.json")
fi

analyzers=(--analyzer golden_frames)
if [ -n "$model" ]; then
  # Pose and track share one inference of the network.
  analyzers+=(--analyzer pose --analyzer track --param track.model=yolov8n-pose --model "yolov8n-pose=$model")
fi

framefan probe "$video"
framefan plan "$video" --analyzer golden_frames --chunk-seconds 5 --shards 2
framefan run "$video" "${analyzers[@]}" "${truth[@]}" --chunk-seconds 5 --export all --out "$out"
if [ -z "$model" ]; then
  # The weights have a licence of their own and are not part of the project.
  printf '\nWith weights of YOLOv8n-pose (README.md, Models) people are found and followed as well:\n  make demo MODEL=yolov8n-pose.safetensors%s\n' "${1:+ VIDEO=$1}"
fi
