# The commands of the house. `make help` lists them.
#
# Cargo's build folder is CARGO_TARGET_DIR, else target. FRAMEFAN_TEST_DATA names the folder of optional test data.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export FRAMEFAN_PYTHON ?= $(CURDIR)/.venv/bin/python

CHECKS := check-format check-lints check-rustdoc check-schemas check-licences check-docs check-cdk

.PHONY: help setup demo test check bench train cuda images schemas $(CHECKS)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: FFmpeg and its headers, clang, a Python with the packages the tests compare against
	@scripts/setup.sh

demo: setup ## analyze a video: make demo [VIDEO=match.mp4] [MODEL=yolov8n-pose.safetensors]
	@scripts/demo.sh "$(VIDEO)" "$(MODEL)"

test: setup ## run all tests, then say what was skipped
	@scripts/test.sh

check: $(CHECKS) ## all that CI checks besides the tests: format, lints, docs, licences

bench: setup ## measure decoding, conversion and inference on this machine
	@$(FRAMEFAN_PYTHON) scripts/bench.py $(BENCH_ARGS)

# A build of its own, for this very processor. candle's own threads would wait busily beside the training's.
TRAIN := RUSTFLAGS="-C target-cpu=native" CANDLE_NUM_THREADS=1 cargo run -p framefan-train --features avx512 \
	--target-dir $(or $(CARGO_TARGET_DIR),target)/train --

train: ## train the pose network on drawn scenes that is part of the program
	$(TRAIN) pose --out out/train/small
	$(TRAIN) pose --recipe fine --seed 2 --from out/train/small/weights.safetensors --out out/train/fine
	$(TRAIN) pose --recipe finer --seed 4 --from out/train/fine/weights.safetensors --out out/train/finer

cuda: setup ## build framefan and gpu-job for NVIDIA GPUs; needs neither a GPU nor CUDA
	@scripts/cuda.sh

images: ## build the container images, with docker or buildah: make images [IMAGES_ARGS=--local-base]
	@scripts/images.sh $(IMAGES_ARGS)

# With the whole workspace's features, as everywhere: one package alone would compile the dependencies a second time.
schemas: ## write docs/schemas anew from the code
	FRAMEFAN_WRITE_SCHEMAS=1 cargo test --workspace --test schemas published_schemas_are_current

check-format: ## source text is as rustfmt writes it
	cargo fmt --all --check

check-lints: ## clippy finds nothing
	cargo clippy --workspace --all-targets -- -D warnings

check-rustdoc: ## documentation comments build without warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --quiet

check-schemas: ## docs/schemas agrees with the code
	cargo test --quiet --workspace --test schemas published_schemas_are_current

check-licences: ## every dependency's licence is on the list
	python3 scripts/check-licences.py

check-cdk: ## the deployment's template is what it should be, and cdk-nag, cfn-lint and asl-validator find nothing
	PATH="$$PATH:$$(dirname $(FRAMEFAN_PYTHON))" npm --prefix infra/cdk --silent test

check-docs: ## links and paths in the documents lead somewhere, no file names a private machine
	python3 scripts/check-docs.py
