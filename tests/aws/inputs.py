"""What the tests give to the system: videos that FFmpeg makes, and weights of random numbers.

Random weights find nonsense, but plenty of it, and every bit of it must survive chunking, shards and crashes.
"""

import hashlib
import json
import pathlib
import struct
import subprocess

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = ROOT / "tests" / "support" / "yolov8n-pose.shapes.txt"


def make_video(
    path: pathlib.Path, seconds: float = 8, size: str = "320x180", fps: int = 25, gop: int = 25, bitrate: str | None = None
) -> pathlib.Path:
    """An H.264 MP4 with sound, B-frames and a keyframe every `gop` frames; its index is at the end, as cameras write it.
    With a bit rate it is noisy enough to need it."""
    source = f"testsrc2=size={size}:rate={fps}:duration={seconds}" + (",noise=alls=60:allf=t" if bitrate else "")
    rate = ["-b:v", bitrate, "-minrate", bitrate, "-maxrate", bitrate, "-bufsize", bitrate] if bitrate else []
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", f"sine=duration={seconds}"]
        + ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", str(gop), "-pix_fmt", "yuv420p", *rate]
        + ["-c:a", "aac", str(path)],
        check=True,
    )
    return path


def index_bytes(path: pathlib.Path) -> int:
    """Bytes of an MP4 that are not media data."""
    data, position, media = path.read_bytes(), 0, 0
    while position < len(data):
        size, name = struct.unpack(">I4s", data[position : position + 8])
        if size == 1:
            (size,) = struct.unpack(">Q", data[position + 8 : position + 16])
        media += size if name == b"mdat" else 0
        position += size
    return len(data) - media


def make_weights(folder: pathlib.Path) -> pathlib.Path:
    """A models folder with weights of YOLOv8n-pose's shapes and its manifest."""
    random = numpy.random.RandomState(7)
    header, data = {}, bytearray()
    for line in SHAPES.read_text().splitlines():
        name, *dims = line.split(" ")
        shape = [int(d) for d in dims]
        inputs = max(1, int(numpy.prod(shape[1:])))
        # He's bound for uniform numbers keeps activations of one size through the layers.
        bound = (6 / inputs) ** 0.5 if len(shape) > 1 else 0.1
        values = random.uniform(-1, 1, shape)
        last = name.rsplit(".", 1)[-1]
        if last == "running_var":
            values = 0.75 + 0.25 * values
        elif last == "weight" and ".bn." in name:
            values = 1 + 0.25 * values
        else:
            values = values * bound
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return write_models(folder, {"yolov8n-pose": struct.pack("<Q", len(text)) + text + bytes(data)})


def write_models(folder: pathlib.Path, weights: dict[str, bytes]) -> pathlib.Path:
    """A models folder with these weights and its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {}
    for name, content in weights.items():
        (folder / f"{name}.safetensors").write_bytes(content)
        models[name] = {"file": f"{name}.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"schema": "framefan.models/1", "models": models}))
    return folder
