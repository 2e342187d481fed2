"""The tools' own tests, on cases small enough to be worked out by hand."""

import copy
import math
import unittest

import numpy as np

import compare_pose
import oks_recall
import people
import pose_reference
import validate_schemas


def person(x, y, score=0.9, size=100.0, keypoint_score=0.9):
    keypoints = [[x + i, y + i, keypoint_score] for i in range(people.KEYPOINTS)]
    return {"score": score, "bbox": [x, y, size, size], "keypoints": keypoints}


def frames(*lists, step=0.1):
    return [{"t": i * step, "frame": i, "people": list(people)} for i, people in enumerate(lists)]


class People(unittest.TestCase):
    def test_iou(self):
        self.assertEqual(people.iou([0, 0, 10, 10], [0, 0, 10, 10]), 1)
        self.assertAlmostEqual(people.iou([0, 0, 10, 10], [5, 0, 10, 10]), 1 / 3)
        self.assertEqual(people.iou([0, 0, 10, 10], [10, 0, 10, 10]), 0)

    def test_best_overlap_is_matched_first(self):
        ours, theirs = [person(0, 0), person(8, 0)], [person(10, 0)]
        self.assertEqual([(i, j) for i, j, _ in people.match(ours, theirs)], [(1, 0)])

    def test_both_forms_are_read(self):
        ours = {"pose": {"frames": [{"frame": 3, "time_s": 0.3, "people": [person(1, 2)]}]}}
        peer = [{"t": 0.3, "people": [{"score": 0.9, "box": [1, 2, 100, 100], "kpts": [[1 + i, 2 + i] for i in range(17)]}]}]
        report = compare_pose.compare(people.from_ours(ours), people.from_peer(peer))
        self.assertEqual((report["same_people_share"], report["mean_keypoint_px"], report["keypoints"]), (1, 0, 17))


class Compare(unittest.TestCase):
    def test_equal(self):
        ours = frames([person(0, 0), person(300, 0)], [])
        report = compare_pose.compare(ours, copy.deepcopy(ours))
        self.assertEqual((report["frames"], report["same_people_share"], report["differences"]), (2, 1, []))

    def test_distance_of_keypoints(self):
        peer = [person(0, 0)]
        peer[0]["keypoints"][4] = [4 + 3.4, 4, 0.9]
        report = compare_pose.compare(frames([person(0, 0)]), frames(peer))
        self.assertAlmostEqual(report["mean_keypoint_px"], 3.4 / 17)
        self.assertEqual((report["worst"][0]["joint"], round(report["worst"][0]["px"], 6)), (4, 3.4))
        peer[0]["keypoints"][4][2] = 0.4
        report = compare_pose.compare(frames([person(0, 0)]), frames(peer))
        self.assertEqual((report["mean_keypoint_px"], report["keypoints"]), (0, 16))

    def test_a_missing_person_is_a_difference(self):
        report = compare_pose.compare(frames([person(0, 0), person(300, 0)]), frames([person(0, 0)]))
        self.assertAlmostEqual(report["same_people_share"], 2 / 3)
        self.assertEqual([(d["only"], d["nearest_iou"]) for d in report["differences"]], [("ours", 0)])

    def test_a_score_at_the_threshold_shows_as_a_near_miss(self):
        report = compare_pose.compare(frames([person(0, 0, score=0.36)]), frames([person(0, 0, score=0.34)]))
        self.assertEqual(report["same_people_share"], 0)
        self.assertEqual((report["differences"][0]["nearest_iou"], report["differences"][0]["nearest_score"]), (1, 0.34))

    def test_people_apart_are_not_the_same(self):
        report = compare_pose.compare(frames([person(0, 0)]), frames([person(60, 0)]))
        self.assertEqual((report["same_people_share"], len(report["differences"])), (0, 2))

    def test_frames_pair_by_time(self):
        ours, peer = frames([], [], []), [{"t": 0.1004, "people": []}, {"t": 0.25, "people": []}]
        report = compare_pose.compare(ours, peer)
        self.assertEqual((report["frames"], report["frames_only_ours"], report["frames_only_peer"]), (1, [0.0, 0.2], [0.25]))

    def test_nothing_seen_is_agreement_about_nothing(self):
        report = compare_pose.compare(frames([]), frames([]))
        self.assertEqual((report["same_people_share"], report["mean_keypoint_px"]), (1, None))


class Oks(unittest.TestCase):
    def label(self, visible=2):
        words = [0, 0.5, 0.5, 0.5, 0.5] + [0.25, 0.5, visible] * 17
        return oks_recall.read_labels(" ".join(map(str, words)), 200, 100)

    def test_labels_are_in_pixels(self):
        (label,) = self.label()
        self.assertEqual(label["keypoints"][0], [50, 50, 2])
        self.assertAlmostEqual(label["area"], 100 * 50 * 0.53)
        self.assertEqual(self.label(visible=0), [])
        with self.assertRaises(ValueError):
            oks_recall.read_labels("0 0.5 0.5 0.1 0.1 0.5", 10, 10)

    def test_similarity(self):
        (label,) = self.label()
        self.assertEqual(oks_recall.similarity(label, [[50, 50, 1]] * 17), 1)
        # One keypoint off by d = σ·2·√area·√2 adds exp(-1) instead of 1.
        points = [[50, 50, 1] for _ in range(17)]
        points[0][0] += 2 * oks_recall.SIGMAS[0] * math.sqrt(2 * label["area"])
        self.assertAlmostEqual(oks_recall.similarity(label, points), (16 + math.exp(-1)) / 17)

    def test_recall(self):
        labels = self.label()
        right = {"score": 0.9, "keypoints": [[50, 50, 1]] * 17}
        far = {"score": 0.8, "keypoints": [[190, 90, 1]] * 17}
        images = [("a.jpg", labels), ("b.jpg", labels)]
        self.assertEqual(oks_recall.recall(images, {"a.jpg": [right, far]})["recall"], 0.5)
        # Two predictions of one person find one person.
        self.assertEqual(oks_recall.recall(images, {"a.jpg": [right, right], "b.jpg": [far]})["found"], 1)
        self.assertEqual(oks_recall.recall(images, {"a.jpg": [right | {"score": 0.1}]})["found"], 0)


class Reference(unittest.TestCase):
    def test_letterbox(self):
        canvas, scale, left, top = pose_reference.letterbox(np.zeros((50, 100, 3), np.uint8), 640, 640)
        self.assertEqual((scale, left, top, canvas.shape), (6.4, 0, 160, (640, 640, 3)))
        self.assertEqual((canvas[159, 0, 0], canvas[160, 0, 0], canvas[479, 639, 2], canvas[480, 0, 0]), (114, 0, 0, 114))


class Schemas(unittest.TestCase):
    def test_violations_name_the_place(self):
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
        self.assertEqual(validate_schemas.violations(schema, {"a": [1, 2]}), [])
        (violation,) = validate_schemas.violations(schema, {"a": [1, "two"]})
        self.assertTrue(violation.startswith("$.a[1]: "), violation)


if __name__ == "__main__":
    unittest.main()
