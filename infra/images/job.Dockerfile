# The Batch job, with the weights. VARIANT=cpu stands on Ubuntu; VARIANT=gpu on NVIDIA's CUDA images, which stand on the same
# Ubuntu, compiled for the GPUs of one family (CUDA_COMPUTE_CAP).
#
# Context: the top of the repository, with the folder models.

ARG VARIANT=cpu
ARG CUDA=13.0.1
FROM docker.io/library/ubuntu:24.04 AS build-cpu
ENV FEATURES=""
FROM docker.io/nvidia/cuda:${CUDA}-cudnn-devel-ubuntu24.04 AS build-gpu
ENV FEATURES="--features framefan-models/cuda"
FROM docker.io/library/ubuntu:24.04 AS run-cpu
FROM docker.io/nvidia/cuda:${CUDA}-cudnn-runtime-ubuntu24.04 AS run-gpu

FROM docker.io/library/rust:1.91-slim-bookworm AS rust

FROM build-${VARIANT} AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends build-essential ca-certificates clang \
    libclang-dev pkg-config libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libavfilter-dev libavdevice-dev \
    libswresample-dev \
 && rm -rf /var/lib/apt/lists/*
COPY --from=rust /usr/local/cargo /usr/local/cargo
COPY --from=rust /usr/local/rustup /usr/local/rustup
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH
WORKDIR /framefan
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY functions functions
COPY gpu-job gpu-job
COPY cli cli
ARG CUDA_COMPUTE_CAP=75
# framefan-models is named so that its feature can be; FEATURES is several words or none.
RUN CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP} cargo build --release --locked -p gpu-job -p framefan-models ${FEATURES}

FROM run-${VARIANT}
# libavdevice brings the other libraries of FFmpeg; certificates are for HTTPS to AWS.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates libavdevice60 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /framefan/target/release/gpu-job /usr/local/bin/
COPY models /opt/framefan/models
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/gpu-job"]
