"""COCO's average precision of judged pictures.

usage: average_precision.py FILE.json   a list of {"people": […], "detections": […]}; boxes are left, top, right, bottom
Prints {"keypoints": [AP, AP50, AP75], "bbox": […]}.
"""

import contextlib
import json
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def flat(rows):
    return [value for row in rows for value in row]


def width_and_height(box):
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]


def evaluate(pictures, kind):
    truth = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    found = []
    for image, picture in enumerate(pictures, start=1):
        truth["images"].append({"id": image})
        for person in picture["people"]:
            keypoints = flat(person["keypoints"])
            truth["annotations"].append({
                "id": len(truth["annotations"]) + 1,
                "image_id": image,
                "category_id": 1,
                "bbox": width_and_height(person["bbox"]),
                "area": person["area"],
                "keypoints": keypoints,
                "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
                "iscrowd": 0,
                "ignore": 0,
                "_counts": person["counts"],
            })
        for detection in picture["detections"]:
            result = {"image_id": image, "category_id": 1, "score": detection["score"]}
            if kind == "keypoints":
                result["keypoints"] = flat([x, y, 1] for x, y in detection["keypoints"])
            else:
                result["bbox"] = width_and_height(detection["bbox"])
            found.append(result)
    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(found), kind)
    evaluation.params.maxDets = [20] if kind == "keypoints" else [1, 10, 20]
    prepare = evaluation._prepare

    def prepare_with_those_that_do_not_count():
        prepare()
        for annotations in evaluation._gts.values():
            for annotation in annotations:
                annotation["ignore"] = not annotation["_counts"]

    # The preparation overwrites "ignore" by what the format says of crowds.
    evaluation._prepare = prepare_with_those_that_do_not_count
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, -1]  # thresholds × recalls
    return [float(precision.mean()), float(precision[0].mean()), float(precision[5].mean())]


def main(path):
    with open(path) as file:
        pictures = json.load(file)
    with contextlib.redirect_stdout(sys.stderr):
        figures = {kind: evaluate(pictures, kind) for kind in ("keypoints", "bbox")}
    print(json.dumps(figures))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
