"""Reads exports back with the readers that others wrote, and compares them with the sections they were made of.

usage: read_exports.py EXPORTS RESULTS.json

EXPORTS is a folder with every format's files, RESULTS.json the result with its sections inside. Numbers must be equal to
the last digit, except where a format rounds.
"""

import csv
import io
import json
import math
import sys
from contextlib import redirect_stdout
from pathlib import Path

import motmetrics
import pyarrow
import pyarrow.parquet
import webvtt
from pycocotools.coco import COCO

LANDMARKS = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()


def main(folder: Path, results: dict) -> None:
    expected = {}
    if "pose" in results:
        expected |= pose_tables(results["pose"])
        coco_pose(folder, results)
        findings_vtt(folder, results["pose"])
    if "track" in results:
        expected |= track_tables(results["track"])
        coco_track(folder, results)
        mot(folder, results["track"])
        tracks_vtt(folder, results)
    if "golden_frames" in results:
        expected |= golden_tables(results["golden_frames"])
    csv_tables(folder, expected)
    parquet_tables(folder, expected)
    print(f"read {len(list(folder.iterdir()))} files back")


def equal(found, wanted, what: str) -> None:
    if found != wanted:
        raise SystemExit(f"{what}: found {found!r}, wanted {wanted!r}")


# Tables


def pose_tables(pose: dict) -> dict:
    people = []
    for frame in pose["frames"]:
        for place, person in enumerate(frame["people"]):
            row = {"frame": frame["frame"], "time_s": frame["time_s"], "person": place, "score": person["score"]}
            row |= dict(zip(["x", "y", "width", "height"], person["bbox"], strict=True))
            for name, (x, y, score) in zip(LANDMARKS, person["keypoints"], strict=True):
                row |= {f"{name}_x": x, f"{name}_y": y, f"{name}_score": score}
            people.append(row)
    return {"pose": people, "findings": pose["findings"]}


def track_tables(track: dict) -> dict:
    detections = []
    for detection in track["detections"]:
        box = dict(zip(["x", "y", "width", "height"], detection["bbox"], strict=True))
        detections.append({key: value for key, value in detection.items() if key != "bbox"} | box)
    tracks = track["tracks"]
    return {"track": detections, "tracks": tracks}


def golden_tables(golden: dict) -> dict:
    selected = []
    for frame in golden["selected"]:
        glint = frame.get("glint", {"share": None, "clipped_share": None, "count": None})
        row = {key: frame[key] for key in ("frame", "time_s", "sharpness", "motion")} | {"image": frame.get("image", "")}
        selected.append(row | {f"glint_{key}": glint[key] for key in ("share", "clipped_share", "count")})
    return {"golden_frames": golden["frames"], "golden_frames_selected": selected}


def csv_tables(folder: Path, expected: dict) -> None:
    equal({path.stem for path in folder.glob("*.csv")}, set(expected), "CSV files")
    for name, rows in expected.items():
        with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file, strict=True))
        equal(len(found), len(rows), f"rows of {name}.csv")
        for number, (row, wanted) in enumerate(zip(found, rows, strict=True)):
            equal(set(row), set(wanted), f"columns of {name}.csv")
            for key, value in wanted.items():
                read = as_type(row[key], value)
                equal(read, value, f"{name}.csv, row {number}, {key}")


def as_type(text: str, like):
    """The text as Python reads it: text, a number, or nothing."""
    if like is None:
        return None if text == "" else text
    if isinstance(like, float):
        number = float(text)
        assert not math.isnan(number)
        return number
    return type(like)(text)


def parquet_tables(folder: Path, expected: dict) -> None:
    equal({path.stem for path in folder.glob("*.parquet")}, set(expected), "Parquet files")
    for name, rows in expected.items():
        table = pyarrow.parquet.read_table(folder / f"{name}.parquet")
        table.validate(full=True)
        found = table.to_pylist()
        equal(len(found), len(rows), f"rows of {name}.parquet")
        for number, (row, wanted) in enumerate(zip(found, rows, strict=True)):
            equal(row, wanted, f"{name}.parquet, row {number}")
        for field in table.schema:
            assert field.type in (pyarrow.int64(), pyarrow.float64(), pyarrow.string()), field
            if field.name in ("frame", "track_id", "person", "detections", "gaps", "glint_count"):
                equal(field.type, pyarrow.int64(), f"type of {field.name}")
        with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
            equal(table.column_names, next(csv.reader(file)), f"columns of {name}.parquet")


# COCO


def load_coco(folder: Path, analyzer: str) -> tuple:
    """Data set and results, as pycocotools loads them."""
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / f"{analyzer}.coco.json"))
        results = json.loads((folder / f"{analyzer}.coco-results.json").read_text(encoding="utf-8"))
        # pycocotools looks at the first result without asking whether there is one.
        found = truth.loadRes(str(folder / f"{analyzer}.coco-results.json")) if results else None
    return truth, results, found


def coco_images(truth: COCO, results: dict, frames: list) -> None:
    equal(truth.getImgIds(), frames, "ids of the images")
    for image in truth.loadImgs(frames):
        size = (results["video"]["width"], results["video"]["height"])
        equal((image["width"], image["height"]), size, "size of an image")
        equal(image["file_name"], f"{image['id']:06}.jpg", "name of an image")
        equal(image["video"], Path(results["provenance"]["source"]["path"]).name, "video of an image")


def coco_pose(folder: Path, results: dict) -> None:
    frames = results["pose"]["frames"]
    truth, listed, found = load_coco(folder, "pose")
    coco_images(truth, results, [frame["frame"] for frame in frames])
    equal(truth.loadCats(truth.getCatIds())[0]["keypoints"], LANDMARKS, "landmarks of the category")
    people = [(frame["frame"], person) for frame in frames for person in frame["people"]]
    equal(len(listed), len(people), "people in the results")
    visibility = next(a for a in results["provenance"]["analyzers"] if a["name"] == "pose")["reduce_params"]["visibility"]
    labelled = truth.loadAnns(truth.getAnnIds())
    loaded = found.loadAnns(found.getAnnIds()) if found else []
    assert len({annotation["id"] for annotation in labelled}) == len(people) and 0 not in truth.anns
    for (frame, person), listed_one, label, result in zip(people, listed, labelled, loaded, strict=True):
        numbers = [number for landmark in person["keypoints"] for number in landmark]
        equal(listed_one["keypoints"], numbers, "landmarks of the results")
        for annotation in (listed_one, label, result):
            equal(annotation["image_id"], frame, "image")
            equal(annotation["category_id"], 1, "category")
            equal(annotation["bbox"], person["bbox"], "box")
            equal(annotation["score"], person["score"], "score")
            equal(annotation["area"], person["bbox"][2] * person["bbox"][3], "area")
        for place, (x, y, score) in enumerate(person["keypoints"]):
            wanted = [x, y, 2 if score >= visibility else 1]
            equal(label["keypoints"][3 * place : 3 * place + 3], wanted, "landmark of the data set")
        equal(label["num_keypoints"], sum(v > 0 for v in label["keypoints"][2::3]), "number of landmarks")
    if found:
        evaluate(truth, found, "keypoints")


def coco_track(folder: Path, results: dict) -> None:
    detections = results["track"]["detections"]
    truth, listed, found = load_coco(folder, "track")
    coco_images(truth, results, sorted({detection["frame"] for detection in detections}))
    equal(len(listed), len(detections), "detections in the results")
    labelled = truth.loadAnns(truth.getAnnIds())
    loaded = found.loadAnns(found.getAnnIds()) if found else []
    for detection, *annotations in zip(detections, listed, labelled, loaded, strict=True):
        for annotation in annotations:
            equal(annotation["image_id"], detection["frame"], "image")
            equal(annotation["bbox"], detection["bbox"], "box")
            equal(annotation["score"], detection["confidence"], "score")
            equal(annotation["track_id"], detection["track_id"], "track")
            equal(truth.loadCats(annotation["category_id"])[0]["name"], detection["class"], "category")
    ids = {category["name"]: category["id"] for category in truth.dataset["categories"]}
    # As the data set's own instances_val2017.json has them.
    known = {"person": 1, "car": 3, "fire hydrant": 11, "stop sign": 13, "dog": 18, "backpack": 27, "dining table": 67}
    known |= {"toilet": 70, "tv": 72, "refrigerator": 82, "book": 84, "toothbrush": 90}
    equal({name: ids[name] for name in known}, known, "ids of categories")
    equal(len([number for number in ids.values() if number <= 90]), 80, "number of COCO's categories")
    if found:
        evaluate(truth, found, "bbox")


def evaluate(truth: COCO, found: COCO, kind: str) -> None:
    """Results against the data set made of them: COCO's own scorer must find every one."""
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        scorer = COCOeval(truth, found, kind)
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    # Average precision. People on top of each other can swap places where landmarks are alike, hence not exactly 1.
    assert scorer.stats[0] > 0.99, scorer.stats


# MOT


def mot(folder: Path, track: dict) -> None:
    classes = {}
    for detection in track["detections"]:
        classes.setdefault(detection["class"], []).append(detection)
    names = {"track.mot.txt"}
    for name, detections in ({"person": []} | classes).items():
        letters = "".join(c.lower() if c.isascii() and c.isalnum() else "_" for c in name)
        file = "track.mot.txt" if name == "person" else f"track.{letters}.mot.txt"
        names.add(file)
        if not detections:
            equal((folder / file).read_bytes(), b"", file)
            continue
        table = motmetrics.io.loadtxt(folder / file, fmt=motmetrics.io.Format.MOT16)
        equal(len(table), len(detections), f"lines of {file}")
        for detection in detections:
            # The benchmark counts frames and pixels from 1; its reader takes the 1 off the pixels.
            row = table.loc[(detection["frame"] + 1, detection["track_id"])]
            box = [row["X"], row["Y"], row["Width"], row["Height"]]
            assert all(abs(a - b) < 1e-6 for a, b in zip(box, detection["bbox"], strict=True)), (box, detection)
            equal(row["Confidence"], detection["confidence"], f"confidence in {file}")
        for line in (folder / file).read_text().splitlines():
            equal((len(line.split(",")), line.split(",")[7:]), (10, ["-1", "-1", "-1"]), f"a line of {file}")
    equal({path.name for path in folder.glob("*.mot.txt")}, names, "MOT files")


# WebVTT


def cues(path: Path) -> list:
    found = list(webvtt.read(path))
    starts = [cue.start_in_seconds for cue in found]
    equal(starts, sorted(starts), f"order of the cues of {path.name}")
    for cue in found:
        assert to_ms(cue.end) > to_ms(cue.start), cue
        assert not any(letter in cue.raw_text for letter in "<>"), cue
    return found


def to_ms(timestamp: str) -> int:
    hours, minutes, seconds = timestamp.split(":")
    return round(1000 * (3600 * int(hours) + 60 * int(minutes) + float(seconds)))


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def findings_vtt(folder: Path, pose: dict) -> None:
    found = {cue.identifier: cue for cue in cues(folder / "findings.vtt")}
    equal(len(found), len(pose["findings"]), "cues of findings.vtt")
    for finding in pose["findings"]:
        cue = found[finding["id"]]
        end = finding["end_s"] + pose["metrics"]["sample_period_s"]
        assert abs(to_ms(cue.start) - 1000 * finding["start_s"]) < 1, (cue, finding)
        assert abs(to_ms(cue.end) - 1000 * end) < 1.5, (cue, finding)
        text = unescape(" ".join(cue.raw_text.split()))
        for part in (finding["title"], finding["detail"]):
            assert " ".join(part.split()) in text, (text, part)


def tracks_vtt(folder: Path, results: dict) -> None:
    found = {cue.identifier: cue for cue in cues(folder / "tracks.vtt")}
    fps = results["video"]["average_fps"]
    tracks = results["track"]["tracks"]
    equal(len(found), len(tracks), "cues of tracks.vtt")
    for track in tracks:
        cue = found[f"track-{track['track_id']}"]
        assert abs(to_ms(cue.start) - 1000 * track["first_s"]) < 1, (cue, track)
        assert abs(to_ms(cue.end) - 1000 * (track["last_s"] + fps["den"] / fps["num"])) < 1.5, (cue, track)
        equal(unescape(cue.raw_text), f"{track['class']} {track['track_id']}", "text of a cue")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
