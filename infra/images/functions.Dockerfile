# The Lambda functions: one image with the three programs; the function's command chooses.
#
# Context: the top of the repository, with the folder models (its manifest.json: functions need the weights' digests only).
# Ubuntu 24.04 is what NVIDIA's images of the GPU job stand on: so all parts of a deployment have the same FFmpeg.

FROM docker.io/library/rust:1.91-slim-bookworm AS rust

FROM docker.io/library/ubuntu:24.04 AS build
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
RUN cargo build --release --locked --bin framefan-planner --bin framefan-reducer --bin framefan-closer

FROM docker.io/library/ubuntu:24.04
# libavdevice brings the other libraries of FFmpeg; certificates are for HTTPS to AWS.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates libavdevice60 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /framefan/target/release/framefan-planner /framefan/target/release/framefan-reducer \
     /framefan/target/release/framefan-closer /usr/local/bin/
COPY models/manifest.json /opt/framefan/models/manifest.json
USER 65532:65532
CMD ["/usr/local/bin/framefan-planner"]
