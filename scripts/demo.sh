#!/usr/bin/env bash
# Analyzes a video and says where the results are.
# usage: demo.sh [VIDEO] [MODEL]   without VIDEO a scene is drawn; MODEL is a weights file of YOLOv8n-pose, without it a small network that is part of framefan finds people
set -euo pipefail
cd "$(dirname "$0")/.."
video=${1:-} model=${2:-} out=out/demo

# Each step says how many seconds have gone by.
step() { printf '\n\033[1m[%d s] $ %s\033[0m\n' "$SECONDS" "$*"; }

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
    echo "[$SECONDS s] No VIDEO given: drawing a scene of 11 seconds, $video"
    "${CARGO_TARGET_DIR:-target}/debug/examples/render" sample "$out/making.mp4"
    mv "$out/making.json" "$out/sample.json"
    mv "$out/making.mp4" "$video"
  fi
  # What is known of the scene is compared with what is found.
  truth=(--truth "$out/sample.json")
fi

if [ -n "$model" ]; then
  weights=(--param pose.model=yolov8n-pose --param track.model=yolov8n-pose --model "yolov8n-pose=$model")
else
  weights=(--param pose.model=pose-synth --param track.model=pose-synth)
fi

framefan probe "$video"
framefan plan "$video" --analyzer golden_frames --chunk-seconds 5 --shards 2
# Pose and track share one inference of the network.
framefan run "$video" --analyzer golden_frames --analyzer pose --analyzer track "${weights[@]}" "${truth[@]}" \
  --chunk-seconds 5 --export all --out "$out"
echo "[$SECONDS s] done"
if [ -z "$model" ] && [ ${#truth[@]} -eq 0 ]; then
  # The weights have a licence of their own and are not part of the project.
  printf '\nThe network that found people here learnt from drawings alone. For real videos take weights of YOLOv8n-pose (docs/models.md):\n  make demo VIDEO=%s MODEL=yolov8n-pose.safetensors\n' "$video"
fi
