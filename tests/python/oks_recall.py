"""How many of the people in labelled pictures were found: recall at an object keypoint similarity (OKS) of 0.5, as COCO does.

usage: oks_recall.py FOLDER PREDICTIONS.json [--score 0.25] [--oks 0.5]
FOLDER holds images/*/NAME.jpg and labels/*/NAME.txt in YOLO's form (coco8-pose);
PREDICTIONS maps NAME.jpg to its people: {"score", "bbox": [x, y, w, h], "keypoints": [[x, y, score] × 17]} in pixels.
Prints one JSON object. A person counts when at least one keypoint is labelled; a picture without predictions counts, too.
"""

import argparse
import json
import math
import sys
from pathlib import Path

# COCO's tolerance of each keypoint: how far apart two people place it, relative to the person's size.
SIGMAS = [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089]
# COCO's size is the area of the outline; labels that hold boxes only take this share of the box, as is usual.
OUTLINE_SHARE = 0.53


def read_labels(text: str, width: int, height: int) -> list[dict]:
    """People of a YOLO label file: `{"area", "keypoints": [[x, y, visibility] × 17]}` in pixels; those without keypoints left out."""
    labelled = []
    for line in text.splitlines():
        numbers = [float(word) for word in line.split()]
        if not numbers:
            continue
        if len(numbers) != 5 + 3 * len(SIGMAS):
            raise ValueError(f"a label has {len(numbers)} numbers, not {5 + 3 * len(SIGMAS)}")
        keypoints = [[numbers[i] * width, numbers[i + 1] * height, numbers[i + 2]] for i in range(5, len(numbers), 3)]
        if any(visible > 0 for _, _, visible in keypoints):
            area = numbers[3] * width * numbers[4] * height * OUTLINE_SHARE
            labelled.append({"area": area, "keypoints": keypoints})
    return labelled


def similarity(label: dict, keypoints: list[list[float]]) -> float:
    """OKS: the mean over labelled keypoints of exp(-d² / (2 · area · (2σ)²))."""
    terms = []
    for (x, y, visible), (px, py, *_), sigma in zip(label["keypoints"], keypoints, SIGMAS, strict=True):
        if visible > 0:
            squared = (x - px) ** 2 + (y - py) ** 2
            terms.append(math.exp(-squared / (2 * label["area"] * (2 * sigma) ** 2)))
    return sum(terms) / len(terms)


def found(labels: list[dict], predictions: list[dict], least: float) -> list[float]:
    """The similarity of each label's own prediction, where one reaches `least`: surest predictions choose first."""
    free, similarities = list(labels), []
    for prediction in sorted(predictions, key=lambda p: -p["score"]):
        best = max(free, key=lambda label: similarity(label, prediction["keypoints"]), default=None)
        if best is not None and similarity(best, prediction["keypoints"]) >= least:
            similarities.append(similarity(best, prediction["keypoints"]))
            free.remove(best)
    return similarities


def recall(images: list[tuple[str, list[dict]]], predictions: dict[str, list[dict]], score=0.25, oks=0.5) -> dict:
    """`images` are names with their labels."""
    people, similarities, by_image = 0, [], {}
    for name, labels in images:
        sure = [p for p in predictions.get(name, []) if p["score"] >= score]
        here = found(labels, sure, oks)
        people += len(labels)
        similarities += here
        by_image[name] = {"people": len(labels), "found": len(here)}
    return {
        "images": len(images),
        "people": people,
        "found": len(similarities),
        "recall": len(similarities) / people if people else None,
        "mean_oks_of_found": sum(similarities) / len(similarities) if similarities else None,
        "by_image": by_image,
    }


def labelled_images(folder: Path) -> list[tuple[str, list[dict]]]:
    import cv2

    images = []
    for path in sorted((folder / "images").glob("*/*.jpg")):
        height, width = cv2.imread(str(path)).shape[:2]
        text = (folder / "labels" / path.parent.name / f"{path.stem}.txt").read_text()
        images.append((path.name, read_labels(text, width, height)))
    if not images:
        raise SystemExit(f"no images/*/*.jpg in {folder}")
    return images


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--score", type=float, default=0.25)
    parser.add_argument("--oks", type=float, default=0.5)
    args = parser.parse_args()
    predictions = json.loads(args.predictions.read_text())
    print(json.dumps(recall(labelled_images(args.folder), predictions, args.score, args.oks)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
