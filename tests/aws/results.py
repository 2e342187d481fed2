"""Results as bytes: an analyzer's section as it stands in `final_results.json`, and the same from `framefan run`."""

import json
import pathlib
import subprocess

_decoder = json.JSONDecoder()


def section(text: str, name: str) -> str:
    """The text of a top-level field, as it was written."""
    position = text.index("{") + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "}":
            raise KeyError(name)
        key, position = _decoder.raw_decode(text, position)
        while text[position] in " \t\r\n:":
            position += 1
        _, end = _decoder.raw_decode(text, position)
        if key == name:
            return text[position:end]
        position = end


def run_locally(
    framefan: pathlib.Path, video: pathlib.Path, weights: pathlib.Path, out: pathlib.Path, *options: str
) -> str:
    """The pose section of `framefan run` on this machine."""
    command = [framefan, "run", video, "--analyzer", "pose", "--model", f"yolov8n-pose={weights}", "--out", out, "--json"]
    done = subprocess.run([*map(str, command), *options], check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout.splitlines()[-1])
    return section(pathlib.Path(summary["results"]).read_text(), "pose")
