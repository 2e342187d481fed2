"""How many of the drawn people a real pose network finds, by COCO's object keypoint similarity.

usage: pose_recall.py MODEL.onnx FOLDER   FOLDER holds NAME.png with NAME.json beside it (framefan.scene/1, one frame each)
Prints one JSON object. People count whose box is at least 48 pixels high, less than half hidden and less than half cut off,
with at least 8 keypoints seen; keypoints outside of the frame do not count.
"""

import json
import sys
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "python"))
from oks_recall import similarity
from pose_reference import Pose


def main(model: str, folder: str) -> None:
    pose = Pose(model)
    similarities = []
    for path in sorted(Path(folder).glob("*.png")):
        predictions = pose(cv2.imread(str(path)))
        for person in json.loads(path.with_suffix(".json").read_text())["frames"][0]["people"]:
            seen = sum(visibility == 2 for _, _, visibility in person["keypoints"])
            clear = person["occluded"] < 0.5 and person["truncated"] < 0.5 and seen >= 8
            if not clear or person["bbox"][3] < 48:
                continue
            label = {"area": person["visible_px"], "keypoints": person["keypoints"]}
            similarities.append(max((similarity(label, p["keypoints"]) for p in predictions), default=0.0))
    found = [s for s in similarities if s >= 0.5]
    print(json.dumps({
        "people": len(similarities),
        "recall_50": len(found) / len(similarities),
        "recall_75": sum(s >= 0.75 for s in similarities) / len(similarities),
        "mean_oks_of_found": sum(found) / len(found) if found else 0.0,
    }))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
