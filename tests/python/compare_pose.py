"""Compares framefan's poses with those of an independent implementation, frame by frame.

usage: compare_pose.py OURS PEER [--score 0.35] [--keypoint-score 0.5] [--iou 0.5] [--tolerance-s 0.002]
OURS is final_results.json; PEER is a list of {"t", "people": [{"score", "box", "kpts"}]} (pose_reference.py writes it).

Frames are paired by time. People count when their score reaches --score; they are the same when their boxes overlap by
--iou, best pairs first. Keypoints count when both sides are sure of them (--keypoint-score).
Prints one JSON object. `same_people_share` is 2 × same / (ours + peer): 1 when both see the same people.
"""

import argparse
import json
import math
import sys

import people

WORST = 5


def pair_frames(ours: list[dict], peer: list[dict], tolerance: float) -> tuple[list[tuple[dict, dict]], list, list]:
    """Frames of the same time, and the times that only one side has. Both lists are in order of time."""
    pairs, only_ours, only_peer = [], [], []
    i = j = 0
    while i < len(ours) and j < len(peer):
        apart = ours[i]["t"] - peer[j]["t"]
        if abs(apart) <= tolerance:
            pairs.append((ours[i], peer[j]))
            i, j = i + 1, j + 1
        elif apart < 0:
            only_ours.append(ours[i]["t"])
            i += 1
        else:
            only_peer.append(peer[j]["t"])
            j += 1
    only_ours += [frame["t"] for frame in ours[i:]]
    only_peer += [frame["t"] for frame in peer[j:]]
    return pairs, only_ours, only_peer


def nearest(person: dict, others: list[dict]) -> dict:
    """The best overlap on the other side, whatever its score: tells a near miss from a real difference."""
    best = max(others, key=lambda other: people.iou(person["bbox"], other["bbox"]), default=None)
    if best is None:
        return {"iou": 0.0, "score": None}
    return {"iou": people.iou(person["bbox"], best["bbox"]), "score": best["score"]}


def compare(ours: list[dict], peer: list[dict], score=0.35, keypoint_score=0.5, iou=0.5, tolerance=0.002) -> dict:
    pairs, only_ours, only_peer = pair_frames(ours, peer, tolerance)
    counts = {"same": 0, "ours": 0, "peer": 0}
    distances, overlaps, scores, differences = [], [], [], []
    for a, b in pairs:
        left = [p for p in a["people"] if p["score"] >= score]
        right = [p for p in b["people"] if p["score"] >= score]
        matched = people.match(left, right, iou)
        counts["same"] += len(matched)
        counts["ours"] += len(left)
        counts["peer"] += len(right)
        for i, j, overlap in matched:
            overlaps.append(overlap)
            scores.append(abs(left[i]["score"] - right[j]["score"]))
            for joint, (p, q) in enumerate(zip(left[i]["keypoints"], right[j]["keypoints"], strict=True)):
                if min(people.keypoint_score(p), people.keypoint_score(q)) > keypoint_score:
                    px = math.dist(p[:2], q[:2])
                    distances.append({"px": px, "t": a["t"], "joint": joint, "ours": p[:2], "peer": q[:2]})
        for side, mine, others, found in (("ours", left, b, {m[0] for m in matched}), ("peer", right, a, {m[1] for m in matched})):
            for index, person in enumerate(mine):
                if index not in found:
                    other = nearest(person, others["people"])
                    difference = {"t": a["t"], "only": side, "score": person["score"], "bbox": person["bbox"]}
                    differences.append(difference | {"nearest_iou": other["iou"], "nearest_score": other["score"]})
    seen = counts["ours"] + counts["peer"]
    by_distance = sorted(distances, key=lambda d: d["px"])
    return {
        "frames": len(pairs),
        "frames_only_ours": only_ours,
        "frames_only_peer": only_peer,
        "people": counts,
        "same_people_share": 2 * counts["same"] / seen if seen else 1.0,
        "mean_box_iou": sum(overlaps) / len(overlaps) if overlaps else None,
        "mean_score_difference": sum(scores) / len(scores) if scores else None,
        "keypoints": len(distances),
        "mean_keypoint_px": sum(d["px"] for d in distances) / len(distances) if distances else None,
        "p95_keypoint_px": by_distance[int(0.95 * (len(by_distance) - 1))]["px"] if by_distance else None,
        "worst": by_distance[::-1][:WORST],
        "differences": differences,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours")
    parser.add_argument("peer")
    parser.add_argument("--score", type=float, default=0.35)
    parser.add_argument("--keypoint-score", type=float, default=0.5)
    parser.add_argument("--iou", type=float, default=0.5)
    parser.add_argument("--tolerance-s", type=float, default=0.002)
    args = parser.parse_args()
    with open(args.ours) as a, open(args.peer) as b:
        ours, peer = people.from_ours(json.load(a)), people.from_peer(json.load(b))
    print(json.dumps(compare(ours, peer, args.score, args.keypoint_score, args.iou, args.tolerance_s)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
