#!/usr/bin/env bash
# Builds framefan and gpu-job for NVIDIA GPUs. The machine needs neither a GPU nor CUDA: compiler and libraries come from NVIDIA's
# wheels on PyPI, digests checked (2.5 GB), under NVIDIA's licence. A GPU host needs its driver, for CUDA 13.0 or later.
#
#   CUDA_COMPUTE_CAP=75   the oldest GPUs it is for; the driver compiles the kernels for the GPU at hand
#
# The programs are in target/cuda/release and find CUDA's libraries where this script laid them out, in target/cuda/toolkit.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}/cuda
toolkit=$target/toolkit
wheels=(infra/images/cuda-run.txt infra/images/cuda-build.txt)
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-75}
# The Python that `make setup` made has pip.
PATH=$toolkit/bin:$(dirname "$FRAMEFAN_PYTHON"):$PATH

wanted=$(cat "${wheels[@]}")
if [ "$(cat "$toolkit/wheels.txt" 2> /dev/null)" != "$wanted" ]; then
  echo "cuda: unpacking CUDA into $toolkit" >&2
  rm -rf "$toolkit"
  sh infra/images/cuda.sh run "${wheels[0]}" "$toolkit"
  sh infra/images/cuda.sh build "${wheels[1]}" "$toolkit"
  sh infra/images/cuda.sh link "$toolkit"
  printf '%s\n' "$wanted" > "$toolkit/wheels.txt"
fi

export CUDA_HOME=$toolkit CUDA_PATH=$toolkit CUDA_ROOT=$toolkit CUDA_TOOLKIT_ROOT_DIR=$toolkit
export LIBRARY_PATH=$toolkit/lib:$toolkit/stubs RUSTFLAGS="-C link-arg=-Wl,-rpath,$toolkit/lib ${RUSTFLAGS:-}"
# framefan-models is named so that its feature can be.
cargo build --release --locked --target-dir "$target" -p framefan -p gpu-job -p framefan-models \
  --features framefan-models/cuda
echo "cuda: $target/release/framefan and $target/release/gpu-job, for GPUs of compute capability $CUDA_COMPUTE_CAP and later" >&2
