"""Poses from ONNX Runtime and OpenCV: the independent reference for framefan's.

usage: pose_reference.py video MODEL.onnx VIDEO SAMPLE_FPS OUT.json   → [{"t", "people": [{"score", "box", "kpts"}]}]
       pose_reference.py images MODEL.onnx FOLDER OUT.json            → {"name.jpg": [{"score", "bbox", "keypoints"}]}

The model's input size is the letterbox (grey 114, the picture in the middle, bilinear). Of a video the first frame of each
1/SAMPLE_FPS cell is taken. Boxes [x, y, w, h] and keypoints [x, y, score] are in pixels of the picture.
"""

import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

SCORE, IOU = 0.25, 0.45


class Pose:
    """A YOLOv8 pose network: BGR picture in, people out."""

    def __init__(self, model: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.height, self.width = self.session.get_inputs()[0].shape[2:]

    def __call__(self, picture: np.ndarray) -> list[dict]:
        canvas, scale, left, top = letterbox(picture, self.width, self.height)
        batch = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255
        # One row for each anchor: centre x and y, width, height, score, 17 × (x, y, score).
        anchors = self.session.run(None, {self.input: batch})[0][0].T
        anchors = anchors[anchors[:, 4] > SCORE]
        boxes = np.c_[anchors[:, :2] - anchors[:, 2:4] / 2, anchors[:, 2:4]]
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), anchors[:, 4].tolist(), SCORE, IOU) if len(anchors) else []
        found = []
        for index in kept:
            keypoints = anchors[index, 5:].reshape(17, 3).copy()
            keypoints[:, :2] = (keypoints[:, :2] - [left, top]) / scale
            box = (boxes[index] - [left, top, 0, 0]) / scale
            found.append({"score": float(anchors[index, 4]), "bbox": box.tolist(), "keypoints": keypoints.tolist()})
        return found


def letterbox(picture: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float, int, int]:
    """The picture in the middle of a grey canvas; its scale and the columns and rows left of and above it."""
    h, w = picture.shape[:2]
    scale = min(height / h, width / w)
    content_h, content_w = round(h * scale), round(w * scale)
    top, left = (height - content_h) // 2, (width - content_w) // 2
    canvas = np.full((height, width, 3), 114, np.uint8)
    resized = cv2.resize(picture, (content_w, content_h), interpolation=cv2.INTER_LINEAR)
    canvas[top : top + content_h, left : left + content_w] = resized
    return canvas, scale, left, top


def of_video(pose: Pose, video: str, sample_fps: float) -> list[dict]:
    capture = cv2.VideoCapture(video)
    if not capture.isOpened():
        raise SystemExit(f"OpenCV cannot open {video}")
    frames, last_cell = [], None
    while True:
        ok, picture = capture.read()
        if not ok:
            return frames
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        cell = math.floor(time * sample_fps + 1e-6)
        if cell == last_cell:
            continue
        last_cell = cell
        found = [{"score": p["score"], "box": p["bbox"], "kpts": p["keypoints"]} for p in pose(picture)]
        frames.append({"t": time, "people": found})


def of_images(pose: Pose, folder: str) -> dict[str, list[dict]]:
    found = {}
    for path in sorted(Path(folder).rglob("*.jpg")):
        found[path.name] = pose(cv2.imread(str(path)))
    return found


def main(args: list[str]) -> int:
    match args:
        case ["video", model, video, sample_fps, out]:
            result = of_video(Pose(model), video, float(sample_fps))
        case ["images", model, folder, out]:
            result = of_images(Pose(model), folder)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    Path(out).write_text(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
