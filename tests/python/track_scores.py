"""Scores tracks against the truth of a drawn scene: MOTA and IDF1 by motmetrics, and the same of a perfect associator.

usage: track_scores.py RESULTS.json CHUNKS TRUTH.json [SAMPLE_FPS]   TRUTH is framefan.scene/1, CHUNKS the job's folder of artifacts
Prints one JSON object.

A box of the truth is what is seen of a person, as COCO draws boxes, which the detectors learned from. As KITTI's and the
MOT Challenge's protocols have it, who can hardly be seen is neither asked for nor counted against anyone: people of whom
less than a quarter is visible (hidden and cut off taken together) or who are lower than 25 pixels. All boxes of a frame are
first matched with all people by overlap (Hungarian, IoU at least 0.5), and those that fall to such people are taken out; so
are boxes that nobody else took and that lie, for the better half, on the whole figure of such a person.

The perfect associator knows which person each recorded detection shows and leaves out what shows nobody: no way of giving numbers
to the same detections scores higher.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import motmetrics as mm
import numpy as np
from scipy.optimize import linear_sum_assignment

IOU = 0.5
LEAST_VISIBLE = 0.25
LEAST_HEIGHT = 25.0
LEAST_INSIDE = 0.5


def common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Areas of the intersections of boxes [N, 4] and [M, 4], each left, top, width, height."""
    a, b = a[:, None], b[None, :]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    return np.clip(high - low, 0, None).prod(-1)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersections over unions."""
    both = common(a, b)
    return both / (a[:, None, 2:].prod(-1) + b[None, :, 2:].prod(-1) - both)


def boxes(rows: list) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def matches(truth: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of the assignment with the most, then the best, overlaps of at least IOU."""
    overlap = overlaps(truth, found)
    gain = np.where(overlap >= IOU, 1.0 + overlap * 1e-3, 0.0)
    return [(i, j) for i, j in zip(*linear_sum_assignment(-gain)) if gain[i, j] > 0]


def counted(person: dict) -> bool:
    visible = (1.0 - person["occluded"]) * (1.0 - person["truncated"])
    return person["bbox"] is not None and visible >= LEAST_VISIBLE and person["bbox"][3] >= LEAST_HEIGHT


class Frame:
    """People who are asked for, and what is left of the boxes found when those on other people are taken out."""

    def __init__(self, people: list[dict], found: list[tuple[int, list[float]]]):
        seen = [person for person in people if person["bbox"] is not None]
        pairs = matches(boxes([p["bbox"] for p in seen]), boxes([bbox for _, bbox in found]))
        taken = {j: counted(seen[i]) for i, j in pairs}
        hidden = boxes([p["full_bbox"] for p in people if not counted(p)])
        found_boxes = boxes([bbox for _, bbox in found])
        inside = common(found_boxes, hidden).max(axis=1, initial=0.0) / found_boxes.prod(1, where=[False, False, True, True])
        kept = [j for j in range(len(found)) if taken.get(j, inside[j] < LEAST_INSIDE)]
        wanted = [person for person in seen if counted(person)]
        self.truth_ids, self.truth = [p["track_id"] for p in wanted], boxes([p["bbox"] for p in wanted])
        self.found_ids, self.found = [found[j][0] for j in kept], found_boxes[kept]


def score(frames: list[Frame]) -> dict:
    accumulator = mm.MOTAccumulator(auto_id=True)
    for frame in frames:
        overlap = overlaps(frame.truth, frame.found)
        accumulator.update(frame.truth_ids, frame.found_ids, np.where(overlap >= IOU, 1.0 - overlap, np.nan))
    names = ["idf1", "mota", "num_switches", "num_fragmentations", "num_misses", "num_false_positives", "num_objects"]
    row = mm.metrics.create().compute(accumulator, metrics=names).iloc[0]
    return {name.removeprefix("num_"): float(row[name]) for name in names}


def perfect(truth: list[dict], records: dict[int, list]) -> dict:
    """The score when each detection has the number of whom it shows."""
    frames = []
    for now in truth:
        seen = [person for person in now["people"] if person["bbox"] is not None]
        found = records.get(now["frame"], [])
        pairs = matches(boxes([p["bbox"] for p in seen]), boxes(found))
        frames.append(Frame(now["people"], [(seen[i]["track_id"], found[j]) for i, j in pairs]))
    return score(frames)


def main(results: str, chunks: str, truth_path: str, sample_fps: int = 10) -> None:
    truth = json.loads(Path(truth_path).read_text())
    cells = [now["frame"] * sample_fps // truth["fps"] for now in truth["frames"]]
    sampled = [now for i, now in enumerate(truth["frames"]) if i == 0 or cells[i] != cells[i - 1]]
    section = json.loads(Path(results).read_text())["track"]
    found, records, begin = defaultdict(list), {}, 0
    for detection in section["detections"]:
        found[detection["frame"]].append((detection["track_id"], detection["bbox"]))
    for path in sorted(Path(chunks).glob("chunk_*.json")):
        artifact = json.loads(path.read_text())
        for record in artifact["records"]["track"]:
            records[begin + record["offset"]] = [d["bbox"] for d in record["data"]["detections"]]
        begin += artifact["frames"]
    assert set(found) <= {now["frame"] for now in sampled}, "tracks of frames that are not on the sample grid"
    frames = [Frame(now["people"], found[now["frame"]]) for now in sampled]
    print(json.dumps({**score(frames), "tracks": len(section["tracks"]), "perfect": perfect(sampled, records)}))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
