"""Measures analyzers side by side: three in one pass against each alone, and golden_frames against a Python peer.

usage: bench_analyzers.py FRAMEFAN [together|golden ...]

Needs FRAMEFAN_TEST_DATA for weights and videos. What is compared runs one after the other, several rounds; other load
changes from round to round, so ratios are taken within a round.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench_run import CORES, main, measure

# Each with a network of its own; golden_frames has none.
ALL = {"pose": ["yolov8n-pose"], "track": ["yolov8n"], "golden_frames": []}


def run(framefan: Path, data: Path, video: Path, analyzers: list[str]) -> dict:
    """The summary of `framefan run` in a folder of its own."""
    with tempfile.TemporaryDirectory() as out:
        command = [framefan, "run", video, "--out", out, "--json"]
        for analyzer in analyzers:
            command += ["--analyzer", analyzer]
            for model in ALL[analyzer]:
                command += ["--model", f"{model}={data / 'weights' / model}.safetensors"]
        text, *_ = measure(command)
        return json.loads(text.splitlines()[-1])


def together(framefan: Path, data: Path) -> None:
    """Wall time of one pass of three analyzers, over the sum of their inferences and one decode.

    The parts are busy seconds of the stages: `infer_s` of each analyzer's own run, and `decode_s` of golden_frames' run, which
    needs every frame's picture. Conversion, postprocessing, reducing and the report are not among the parts. Where other
    load disturbs the wall times, the processor time of one pass over that of the three runs still tells what is shared.
    """
    name, ratios = "05_default_juggle.mp4", []
    for _ in range(4):
        alone = {analyzer: run(framefan, data, data / "video" / name, [analyzer]) for analyzer in ALL}
        one_pass = run(framefan, data, data / "video" / name, list(ALL))
        infer = {analyzer: summary["stages"]["infer_s"] for analyzer, summary in alone.items()}
        decode = alone["golden_frames"]["stages"]["decode_s"]
        ratios.append(one_pass["wall_s"] / (sum(infer.values()) + decode))
        parts = ", ".join(f"{analyzer} {seconds:.2f}" for analyzer, seconds in infer.items())
        walls = sum(summary["wall_s"] for summary in alone.values())
        print(f"together {name}: one pass {one_pass['wall_s']:.2f} s, parts: {parts}, decode {decode:.2f} s: ratio {ratios[-1]:.2f}")
        cpu = one_pass["cpu_s"] / sum(summary["cpu_s"] for summary in alone.values())
        print(f"         one after the other {walls:.2f} s; processor time of one pass over theirs: {cpu:.2f}", flush=True)
    print(f"together {name}: ratio {median(ratios):.2f} (median of {len(ratios)} rounds, {CORES} cores)")


def golden(framefan: Path, data: Path) -> None:
    """Frames per second of golden_frames with one thread and with all, beside OpenCV in Python, on the same video.

    A whole run decodes on other threads than it measures on; measuring alone is the busy time of that stage.
    """
    script = data.parent / "peers/golden_cv2.py"
    python = os.environ.get("FRAMEFAN_PYTHON", sys.executable)
    for name in ("05_default_juggle.mp4", "one-by-one-person-detection.mp4"):
        video, rows = data / "video" / name, []
        for _ in range(3):
            row = {}
            for threads in (1, CORES):
                os.environ["RAYON_NUM_THREADS"] = str(threads)
                summary = run(framefan, data, video, ["golden_frames"])
                row[f"whole run, {threads} threads"] = row["ours"] = summary["frames"] / summary["wall_s"]
                row[f"measuring, {threads} threads"] = summary["frames"] / summary["stages"]["infer_s"]
            del os.environ["RAYON_NUM_THREADS"]
            if script.exists():
                text, *_ = measure([python, script, video])
                row["peer"] = float(re.search(r"([\d.]+) fps", text)[1])
            rows.append(row)
        for what in ("whole run", "measuring"):
            one, all_threads = (median(row[f"{what}, {threads} threads"] for row in rows) for threads in (1, CORES))
            grown = median(row[f"{what}, {CORES} threads"] / row[f"{what}, 1 threads"] for row in rows)
            print(f"golden   {name}: {what} {one:.1f} fps with 1 thread, {all_threads:.1f} with {CORES}: {grown:.2f} times")
        if script.exists():
            ratio = median(row["ours"] / row["peer"] for row in rows)
            print(f"golden   {name}: peer {median(row['peer'] for row in rows):.1f} fps, ratio {ratio:.2f}", flush=True)
        else:
            print("golden   no peers' scripts beside FRAMEFAN_TEST_DATA")


if __name__ == "__main__":
    sys.exit(main({"together": together, "golden": golden}))
