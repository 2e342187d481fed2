"""What the tools here share: people in pictures, as `{"score", "bbox": [x, y, w, h], "keypoints": [[x, y, score] × 17]}` in pixels.

`from_ours` reads framefan's results, `from_peer` what `pose_reference.py` or a similar script wrote; a keypoint without a
score gets none, and then never fails a threshold.
"""

KEYPOINTS = 17


def from_ours(results: dict) -> list[dict]:
    """Frames of `final_results.json`: `[{"t", "frame", "people"}]`, in order of time."""
    frames = [{"t": f["time_s"], "frame": f["frame"], "people": f["people"]} for f in results["pose"]["frames"]]
    return sorted(frames, key=lambda f: f["t"])


def from_peer(rows: list[dict]) -> list[dict]:
    """Frames of `[{"t", "people": [{"score", "box", "kpts"}]}]`, in order of time."""
    frames = []
    for row in rows:
        people = [{"score": p["score"], "bbox": p["box"], "keypoints": p["kpts"]} for p in row["people"]]
        frames.append({"t": row["t"], "people": people})
    return sorted(frames, key=lambda f: f["t"])


def iou(a: list[float], b: list[float]) -> float:
    """Intersection over union of two boxes [x, y, w, h]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def match(ours: list[dict], theirs: list[dict], least_iou: float = 0.5) -> list[tuple[int, int, float]]:
    """Pairs people one to one, the best overlap first: `(index in ours, index in theirs, IoU)`."""
    pairs = []
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            overlap = iou(a["bbox"], b["bbox"])
            if overlap >= least_iou:
                pairs.append((-overlap, i, j))
    taken_ours, taken_theirs, matched = set(), set(), []
    for overlap, i, j in sorted(pairs):
        if i not in taken_ours and j not in taken_theirs:
            taken_ours.add(i)
            taken_theirs.add(j)
            matched.append((i, j, -overlap))
    return matched


def keypoint_score(keypoint: list[float]) -> float:
    """The third number; 1 where a peer gives none."""
    return keypoint[2] if len(keypoint) > 2 else 1.0
