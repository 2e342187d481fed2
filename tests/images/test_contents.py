"""What is in the images: of FFmpeg what framefan reads, the libraries that programs load, and a list of all parts."""

import ctypes
import json
import os
import re
import subprocess
import tomllib

import images
import pytest
import system
from images import config, root

pytestmark = pytest.mark.skipif(not images.weights().exists(), reason=f"needs images in {images.ROOTS} (make images)")

IMAGES = images.built()
LIBRARIES = {"libavcodec.so.59", "libavformat.so.59", "libavutil.so.57", "libdav1d.so.6", "libz.so.1", "libgcc_s.so.1",
             "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2"}
# Those that the job for GPUs has beside them, of which the driver's is the host's.
CUDA = {"libcublas.so.13", "libcublasLt.so.13", "libcudnn.so.9", "libcurand.so.10", "libcuda.so.1", "libdl.so.2",
        "libpthread.so.0", "librt.so.1", "libstdc++.so.6"}
DEMUXERS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg"}
# Asked for the codec of a stream whose container does not say; crates/media lets none of them open a file.
PROBES = {"aac", "ac3", "aptx", "dts", "dvbsub", "dvbtxt", "eac3", "h264", "hevc", "loas", "m4v", "mjpeg_2000", "mp3",
          "mpegvideo", "truehd"}
# FFmpeg's decoder of MPEG-4 is made of its decoder of H.263; crates/media lets nothing open the latter.
NEEDED_BY_OTHERS = {"h263"}
DECODERS = {"h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg"}


def test_ffmpeg_can_read_what_is_listed_and_nothing_else():
    folder = root("job-cpu") / "usr/local/lib"
    ctypes.CDLL(str(next((root("job-cpu") / "usr/lib/x86_64-linux-gnu").glob("libdav1d.so.*"))), ctypes.RTLD_GLOBAL)
    util, codec, format_ = (
        ctypes.CDLL(str(folder / name), ctypes.RTLD_GLOBAL)
        for name in ("libavutil.so.57", "libavcodec.so.59", "libavformat.so.59"))
    codecs = list(entries(codec.av_codec_iterate))
    for find in ("av_codec_is_encoder", "av_codec_is_decoder"):
        getattr(codec, find).argtypes = [ctypes.c_void_p]
    assert {name(entry) for entry in codecs if codec.av_codec_is_decoder(entry)} == DECODERS | NEEDED_BY_OTHERS
    assert [name(entry) for entry in codecs if codec.av_codec_is_encoder(entry)] == []
    assert {name(entry) for entry in entries(format_.av_demuxer_iterate)} == DEMUXERS | PROBES
    assert list(entries(format_.av_muxer_iterate)) == []
    format_.avio_enum_protocols.restype = ctypes.c_char_p
    for output in (0, 1):
        assert format_.avio_enum_protocols(ctypes.byref(ctypes.c_void_p()), output) is None
    util.avutil_license.restype = ctypes.c_char_p
    assert util.avutil_license() == b"LGPL version 2.1 or later"
    # The same release as the one that the tests outside run on.
    util.av_version_info.restype = ctypes.c_char_p
    outside = subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True, text=True).stdout
    assert outside.split()[2].split("-")[0] == util.av_version_info().decode().split("-")[0]


def entries(iterate):
    iterate.restype = ctypes.c_void_p
    state = ctypes.c_void_p()
    while entry := iterate(ctypes.byref(state)):
        yield entry


def name(entry: int) -> str:
    """The first member of AVCodec and AVInputFormat."""
    return ctypes.cast(entry, ctypes.POINTER(ctypes.c_char_p))[0].decode()


def test_the_lists_are_those_of_the_code():
    media = system.ROOT / "crates" / "media" / "src"
    demuxers = re.search(r'FORMATS: &str = "(.*)"', (media / "demux.rs").read_text())[1].split(",")
    decoders = re.search(r'CODECS: &str = "(.*)"', (media / "decoder.rs").read_text())[1].split(",")
    known = {alias for names in DEMUXERS for alias in names.split(",")}
    assert set(demuxers) <= known and all(set(names.split(",")) & set(demuxers) for names in DEMUXERS)
    # Where FFmpeg has several decoders for AV1, the image has the one that FFmpeg takes first.
    assert set(decoders) - DECODERS == {"libaom-av1", "av1"} and DECODERS <= set(decoders)


@pytest.mark.parametrize("image", IMAGES)
def test_programs_load_few_libraries_all_of_which_are_there(image):
    places = ("usr/local/lib", "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/local/cuda/lib")
    folders = [root(image) / folder for folder in places]
    allowed = LIBRARIES | (CUDA if image == "job-gpu" else set())
    wanted, seen = list((root(image) / "usr/local/bin").iterdir()), set()
    while wanted:
        listed = subprocess.run(["objdump", "-p", str(wanted.pop())], check=True, capture_output=True, text=True).stdout
        for needed in re.findall(r"NEEDED\s+(\S+)", listed):
            if needed not in seen:
                seen.add(needed)
                if image == "job-gpu" and needed == "libcuda.so.1":
                    continue
                found = [folder / needed for folder in folders if (folder / needed).exists()]
                assert found, f"{needed} is not in the image"
                wanted.append(found[0])
    assert seen <= allowed, seen - allowed
    assert ("libcublas.so.13" in seen) == (image == "job-gpu")
    assert {"libavcodec.so.59", "libavformat.so.59", "libavutil.so.57"} <= seen


@pytest.mark.parametrize("image", IMAGES)
def test_the_list_of_parts_is_true(image):
    parts = json.loads((root(image) / "usr/share/framefan/sbom.cdx.json").read_text())
    assert parts["bomFormat"] == "CycloneDX"
    by_kind: dict[str, dict] = {}
    for part in parts["components"]:
        by_kind.setdefault(part["purl"].split("/")[0], {})[part["name"], part["version"]] = part
    locked = {(crate["name"], crate["version"]): crate.get("checksum")
              for crate in tomllib.loads((system.ROOT / "Cargo.lock").read_text())["package"]}
    crates = by_kind["pkg:cargo"]
    for key, part in crates.items():
        assert locked[key] == (part["hashes"][0]["content"] if "hashes" in part else None), key
    names = {name for name, _ in crates}
    assert {"candle-core", "ffmpeg-next", "rustls", "framefan-media"} <= names
    assert ("lambda_runtime" in names) == (image == "functions") and not names & {"proptest", "framefan-testkit"}
    installed = (root(image) / "var/lib/dpkg/status").read_text()
    packages = set(zip(re.findall(r"^Package: (.*)$", installed, re.M), re.findall(r"^Version: (.*)$", installed, re.M)))
    source = next(key for key in by_kind["pkg:deb"] if key[0] == "ffmpeg")
    assert set(by_kind["pkg:deb"]) - {source} == packages
    assert source[1] in (root(image) / "usr/local/share/doc/ffmpeg/SOURCE").read_text()


@pytest.mark.parametrize("image", IMAGES)
def test_labels_and_command_are_as_the_stack_expects(image):
    labels = config(image)["Labels"]
    version = tomllib.loads((system.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert labels["org.opencontainers.image.version"] == version
    assert all(labels[f"org.opencontainers.image.{name}"] for name in ("title", "description", "licenses", "revision"))
    assert config(image)["User"] == "65532:65532"
    entry = config(image).get("Entrypoint")
    assert entry == (None if image == "functions" else ["/usr/local/bin/gpu-job"])


@pytest.mark.skipif("job-gpu" not in IMAGES, reason="job-gpu is not built (make images IMAGES_ARGS='… job-gpu')")
def test_kernels_are_for_the_oldest_gpu_that_is_named_and_later_ones():
    """PTX, which the driver compiles for the GPU at hand, and no code for one GPU alone."""
    program = (root("job-gpu") / "usr/local/bin/gpu-job").read_bytes()
    capability = config("job-gpu")["Labels"]["framefan.cuda-compute-capability"]
    targets = re.findall(rb"^\.target (\w+)$", program, re.M)
    assert len(targets) > 5 and set(targets) == {f"sm_{capability}".encode()}
    assert "cuda>=13.0" in next(line for line in config("job-gpu")["Env"] if line.startswith("NVIDIA_REQUIRE_CUDA="))
    licences = {path.stem.split("-")[0] for path in (root("job-gpu") / "usr/local/cuda/licences").iterdir()}
    assert {"nvidia_cublas", "nvidia_cudnn_cu13", "nvidia_curand"} <= licences, licences


def test_the_media_tests_pass_on_the_images_ffmpeg():
    """Exact decoding, frame by frame, as FFmpeg's own program decodes: here with the image's libraries."""
    libraries = [root("job-cpu") / folder for folder in ("usr/local/lib", "usr/lib/x86_64-linux-gnu")]
    # By the image's loader, for the test's process alone: the programs that it compares with keep their own libraries.
    # A test that starts itself would start the loader.
    runner = f"{libraries[1] / 'ld-linux-x86-64.so.2'} --library-path {':'.join(map(str, libraries))}"
    command = ["cargo", "test", "-p", "framefan-media", "--", "--skip", "what_ffmpeg_says_stays_inside"]
    env = {**os.environ, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER": runner}
    ran = subprocess.run(command, cwd=system.ROOT, env=env, capture_output=True, text=True)
    counts = [int(count) for count in re.findall(r"test result: ok\. (\d+) passed", ran.stdout)]
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    print(f"{sum(counts)} tests")
    assert sum(counts) > 20
