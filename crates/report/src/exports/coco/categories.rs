//! The categories of COCO's detections.

use std::collections::BTreeMap;

/// COCO's categories: supercategory and, in ascending order of their ids, id and name. Ids have gaps, because the data set
/// of 2014 left out eleven of the categories it had numbered.
const SUPERCATEGORIES: [(&str, &[(u64, &str)]); 12] = [
    ("person", &[(1, "person")]),
    (
        "vehicle",
        &[
            (2, "bicycle"),
            (3, "car"),
            (4, "motorcycle"),
            (5, "airplane"),
            (6, "bus"),
            (7, "train"),
            (8, "truck"),
            (9, "boat"),
        ],
    ),
    (
        "outdoor",
        &[(10, "traffic light"), (11, "fire hydrant"), (13, "stop sign"), (14, "parking meter"), (15, "bench")],
    ),
    (
        "animal",
        &[
            (16, "bird"),
            (17, "cat"),
            (18, "dog"),
            (19, "horse"),
            (20, "sheep"),
            (21, "cow"),
            (22, "elephant"),
            (23, "bear"),
            (24, "zebra"),
            (25, "giraffe"),
        ],
    ),
    ("accessory", &[(27, "backpack"), (28, "umbrella"), (31, "handbag"), (32, "tie"), (33, "suitcase")]),
    (
        "sports",
        &[
            (34, "frisbee"),
            (35, "skis"),
            (36, "snowboard"),
            (37, "sports ball"),
            (38, "kite"),
            (39, "baseball bat"),
            (40, "baseball glove"),
            (41, "skateboard"),
            (42, "surfboard"),
            (43, "tennis racket"),
        ],
    ),
    (
        "kitchen",
        &[(44, "bottle"), (46, "wine glass"), (47, "cup"), (48, "fork"), (49, "knife"), (50, "spoon"), (51, "bowl")],
    ),
    (
        "food",
        &[
            (52, "banana"),
            (53, "apple"),
            (54, "sandwich"),
            (55, "orange"),
            (56, "broccoli"),
            (57, "carrot"),
            (58, "hot dog"),
            (59, "pizza"),
            (60, "donut"),
            (61, "cake"),
        ],
    ),
    (
        "furniture",
        &[(62, "chair"), (63, "couch"), (64, "potted plant"), (65, "bed"), (67, "dining table"), (70, "toilet")],
    ),
    ("electronic", &[(72, "tv"), (73, "laptop"), (74, "mouse"), (75, "remote"), (76, "keyboard"), (77, "cell phone")]),
    ("appliance", &[(78, "microwave"), (79, "oven"), (80, "toaster"), (81, "sink"), (82, "refrigerator")]),
    (
        "indoor",
        &[
            (84, "book"),
            (85, "clock"),
            (86, "vase"),
            (87, "scissors"),
            (88, "teddy bear"),
            (89, "hair drier"),
            (90, "toothbrush"),
        ],
    ),
];

/// Categories by name. A class that COCO does not have gets the next number after COCO's when it is first met.
pub(super) struct Categories {
    ids: BTreeMap<String, u64>,
    others: Vec<String>,
}

impl Categories {
    pub fn new() -> Self {
        let all = SUPERCATEGORIES.iter().flat_map(|(_, categories)| categories.iter());
        Categories { ids: all.map(|&(id, name)| (name.to_owned(), id)).collect(), others: Vec::new() }
    }

    /// The id of a class.
    pub fn id(&mut self, class: &str) -> u64 {
        if let Some(&id) = self.ids.get(class) {
            return id;
        }
        self.others.push(class.to_owned());
        let id = 90 + self.others.len() as u64;
        self.ids.insert(class.to_owned(), id);
        id
    }

    /// All of them: id, name and supercategory.
    pub fn all(&self) -> Vec<(u64, &str, &str)> {
        let known = SUPERCATEGORIES.iter().flat_map(|(group, all)| all.iter().map(|&(id, name)| (id, name, *group)));
        let others = self.others.iter().zip(91..).map(|(name, id)| (id, name.as_str(), "other"));
        known.chain(others).collect()
    }
}
