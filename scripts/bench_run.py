"""Measures whole runs of framefan: pace against the slowest stage and against a Python peer, memory, planning.

usage: bench_run.py FRAMEFAN [pace|memory|plan|peer ...]

Needs FRAMEFAN_TEST_DATA for weights and videos; the long videos are made by FFmpeg and kept in the build folder. Each pair
that is compared runs right after the other, several times; the best of each counts, since other load only adds time.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
CORES = len(os.sched_getaffinity(0))


def video(name: str, seconds: int, size: str, audio: bool) -> Path:
    """A test pattern of that length: a short one, encoded once and repeated without encoding."""
    path = TARGET / "bench-videos" / name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, making = path.with_suffix(".part.mp4"), path.with_suffix(".making.mp4")
    ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
    sound = ["-f", "lavfi", "-i", "sine=f=440:d=60", "-c:a", "aac"] if audio else []
    pattern = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=60"]
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-pix_fmt", "yuv420p"]
    subprocess.run([*ffmpeg, *pattern, *sound, *encode, part], check=True)
    repeat = ["-stream_loop", str(seconds // 60 - 1), "-i", part, "-c", "copy"]
    subprocess.run([*ffmpeg, *repeat, making], check=True)
    part.unlink()
    making.rename(path)
    return path


def measure(command: list) -> tuple[str, float, float, int]:
    """Standard output, wall seconds, CPU seconds and peak resident KiB of a command that must succeed."""
    started = time.monotonic()
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    if status != 0:
        sys.exit(f"failed with {status}: {command}")
    return out, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def run(framefan: Path, data: Path, source: Path, *options: str) -> tuple[dict, float, int]:
    """Summary, CPU seconds and peak KiB of `framefan run` in a folder of its own."""
    with tempfile.TemporaryDirectory() as out:
        model = f"yolov8n-pose={data / 'weights/yolov8n-pose.safetensors'}"
        command = [framefan, "run", source, "--analyzer", "pose", "--model", model, "--out", out, "--json", *options]
        text, _, cpu, rss = measure(command)
        return json.loads(text.splitlines()[-1]), cpu, rss


def pace(framefan: Path, data: Path) -> None:
    """A run's wall time against its slowest stage, or all CPU time over all cores where that is larger."""
    for name, rounds in (("05_default_juggle.mp4", 3), ("one-by-one-person-detection.mp4", 2)):
        rows = []
        for _ in range(rounds):
            summary, cpu, _ = run(framefan, data, data / "video" / name)
            busy = {k: v for k, v in summary["stages"].items() if k.endswith("_s")}
            limit = max(max(busy.values()), cpu / CORES)
            rows.append((summary["wall_s"] / limit, summary["wall_s"], limit, summary["bottleneck"], busy))
        ratio, wall, limit, bottleneck, busy = min(rows, key=lambda row: row[0])
        print(f"pace     {name}: wall {wall:.2f} s, limit {limit:.2f} s (slowest stage or CPU time / {CORES} cores), ratio {ratio:.2f}, bottleneck {bottleneck}")
        print("         " + ", ".join(f"{k.removesuffix('_s')} {v:.2f}" for k, v in busy.items()))


def memory(framefan: Path, data: Path) -> None:
    """Peak memory of a 30-minute video against a 3-minute one, at the size users run."""
    peaks = []
    for minutes in (3, 30):
        source = video(f"minutes_{minutes}.mp4", minutes * 60, "640x360", audio=False)
        summary, _, rss = run(framefan, data, source, "--sample-fps", "1")
        peaks.append(rss / 1024)
        print(f"memory   {minutes} minutes: peak {rss / 1024:.0f} MiB, {summary['frames']} frames in {summary['wall_s']:.1f} s")
    print(f"memory   30 minutes / 3 minutes: {peaks[1] / peaks[0]:.3f}")


def plan(framefan: Path, _data: Path) -> None:
    """Planning a 2-hour MP4: seconds, and bytes read beyond the index."""
    source = video("hours_2.mp4", 7200, "320x180", audio=True)
    index = moov_size(source)
    rows = []
    for _ in range(3):
        _, wall, _, rss = measure([framefan, "plan", source, "--analyzer", "pose", "--json"])
        rows.append((wall, rss))
    text, *_ = measure([framefan, "probe", source, "--json"])
    probe = json.loads(text)
    print(
        f"plan     2 hours, {probe['video']['frames']} frames, {source.stat().st_size / 1e6:.0f} MB: {min(rows)[0]:.2f} s; "
        f"read {probe['bytes_read']} bytes = index {index} + {probe['bytes_read'] - index}"
    )


def moov_size(path: Path) -> int:
    """Bytes of the top-level `moov` box."""
    with path.open("rb") as file:
        offset = 0
        while header := file.read(16):
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            size = int.from_bytes(header[8:], "big") if size == 1 else size
            if kind == b"moov":
                return size
            offset += size
            file.seek(offset)
    sys.exit(f"{path} has no moov box")


def peer(framefan: Path, data: Path) -> None:
    """Frames per second of pose at 10 fps beside OpenCV and ONNX Runtime in Python, same video, weights and input size.

    Of the short video a run's beginning and end (weights, merging, the report) are a seventh; the peer has none and does not
    count the loading of its network.
    """
    script = data.parent / "peers/pose_ort.py"
    if not script.exists():
        return print("peer     skipped: no peers' scripts beside FRAMEFAN_TEST_DATA")
    wide, square = "yolov8n-pose-384x640.onnx", "yolov8n-pose-640.onnx"
    short, long = "05_default_juggle.mp4", "one-by-one-person-detection.mp4"
    precisions = ["f32", "bf16"] if "amx_bf16" in Path("/proc/cpuinfo").read_text() else ["f32"]
    for source, name, rounds in [(short, wide, 3), (long, wide, 1), (short, square, 3)]:
        ours, theirs, video = dict.fromkeys(precisions, 0.0), 0.0, data / "video" / source
        for _ in range(rounds):
            for precision in precisions:
                summary, _, _ = run(framefan, data, video, "--precision", precision)
                ours[precision] = max(ours[precision], summary["sampled_frames"] / summary["wall_s"])
            command = [os.environ.get("FRAMEFAN_PYTHON", sys.executable), script, data / "weights" / name, video, "10"]
            text, *_ = measure(command)
            theirs = max(theirs, float(re.search(r"([\d.]+) fps", text)[1]))
        for precision, pace in ours.items():
            figures = f"framefan {pace:.1f} fps (384×640, {precision}), peer {theirs:.1f} fps, ratio {pace / theirs:.2f}"
            print(f"peer     {source}, {name}: {figures}")


def main(benches: dict) -> int:
    """The benchmarks that the command line names, or all, with the command and the test data that they measure."""
    framefan, names, data = Path(sys.argv[1]), sys.argv[2:], os.environ.get("FRAMEFAN_TEST_DATA")
    if not data:
        print("skipped: needs FRAMEFAN_TEST_DATA for weights and videos")
        return 0
    for name in names or benches:
        benches[name](framefan, Path(data))
    return 0


if __name__ == "__main__":
    sys.exit(main({"pace": pace, "memory": memory, "plan": plan, "peer": peer}))
