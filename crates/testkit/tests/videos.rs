//! Makes every test video and checks with `ffprobe`, FFmpeg's own decoder and the files' bytes that each has its traits.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use framefan_testkit::videos::{ALL, Spec, Trait};
use framefan_testkit::{ffprobe_json, framemd5_of};
use serde_json::Value;

#[test]
fn every_video_has_its_traits() {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(spec) = ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(path) = spec.path_or_skip("every_video_has_its_traits") else { continue };
                    let facts = Facts::of(spec, &path);
                    for &wanted in spec.traits {
                        let (holds, found) = facts.check(wanted);
                        if !holds {
                            wrong.lock().unwrap().push(format!("{}: {wanted:?}, found {found}", spec.name));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} traits do not hold:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn names_are_unique_and_traits_stated() {
    let names: BTreeSet<&str> = ALL.iter().map(|spec| spec.name).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(ALL.iter().all(|spec| !spec.traits.is_empty()));
}

/// What the trait checks look at.
struct Facts {
    probe: Value,
    stream: Value,
    packets: Vec<Packet>,
    frames: Vec<i64>,
    time_base: f64,
    interlaced_top_first: bool,
    boxes: Vec<String>,
}

/// A packet in file order.
struct Packet {
    pts: Option<i64>,
    size: u64,
    key: bool,
    discard: bool,
}

impl Facts {
    fn of(spec: &Spec, path: &Path) -> Facts {
        let probe = ffprobe_json(path, &["-show_format", "-show_streams"]);
        let select = spec.map().trim_start_matches("0:");
        let video = ffprobe_json(path, &["-select_streams", select, "-show_streams", "-show_packets"]);
        let picture = ffprobe_json(path, &["-select_streams", select, "-show_frames", "-read_intervals", "%+#8"]);
        let first = &picture["frames"][0];
        let packets = video["packets"].as_array().expect("packets").iter().map(Packet::new).collect();
        let hashes = framemd5_of(path, spec.map());
        Facts {
            stream: video["streams"][0].clone(),
            packets,
            time_base: hashes.time_base.0 as f64 / hashes.time_base.1 as f64,
            frames: hashes.frames.iter().map(|frame| frame.0).collect(),
            interlaced_top_first: first["interlaced_frame"] == 1 && first["top_field_first"] == 1,
            boxes: top_boxes(path),
            probe,
        }
    }

    /// Whether the trait holds, and what was found in its place.
    fn check(&self, wanted: Trait) -> (bool, String) {
        let text = |name: &str| self.stream[name].as_str().unwrap_or("nothing").to_string();
        let equals = |found: String, wanted: &str| (found == wanted, found);
        match wanted {
            Trait::Container(name) => {
                let found = self.probe["format"]["format_name"].as_str().unwrap_or_default();
                (found.contains(name), found.to_string())
            }
            Trait::Codec(name) => equals(text("codec_name"), name),
            Trait::PixelFormat(name) => equals(text("pix_fmt"), name),
            Trait::Size(w, h) => {
                equals(format!("{}x{}", self.stream["width"], self.stream["height"]), &format!("{w}x{h}"))
            }
            Trait::Range(name) => equals(text("color_range"), name),
            Trait::Matrix(name) => equals(text("color_space"), name),
            Trait::Rotation { clockwise, mirrored } => {
                let found = self.rotation();
                (found == Some((clockwise, mirrored)), format!("{found:?}"))
            }
            Trait::Sar(ratio) => equals(text("sample_aspect_ratio"), ratio),
            Trait::Frames(count) => (self.frames.len() == count, self.frames.len().to_string()),
            Trait::BFrames => {
                let pts: Vec<i64> = self.packets.iter().filter_map(|packet| packet.pts).collect();
                (!pts.is_sorted(), "packets in presentation order".into())
            }
            Trait::PackedBFrames => (self.packets.iter().any(|packet| packet.size < 10), "no placeholder".into()),
            Trait::OpenGop => (self.has_open_gop(), "closed groups of pictures".into()),
            Trait::Keyframes(count) => {
                let found = self.packets.iter().filter(|packet| packet.key).count();
                (found == count, found.to_string())
            }
            Trait::MissingPts => (self.packets.iter().any(|packet| packet.pts.is_none()), "a PTS everywhere".into()),
            Trait::Vfr => {
                let steps: BTreeSet<i64> = self.frames.windows(2).map(|pair| pair[1] - pair[0]).collect();
                (steps.len() > 1, format!("steps {steps:?}"))
            }
            Trait::StartsAt(seconds) => {
                let found = self.frames[0] as f64 * self.time_base;
                ((found - seconds).abs() < 0.001, found.to_string())
            }
            Trait::HiddenPackets => (
                self.frames.len() < self.packets.len(),
                format!("{} packets, {} frames", self.packets.len(), self.frames.len()),
            ),
            Trait::StartsWithoutKeyframe => (!self.packets[0].key, "a keyframe".into()),
            Trait::DiscardedPackets => (self.packets.iter().any(|packet| packet.discard), "none".into()),
            Trait::Interlaced => (self.interlaced_top_first, "progressive".into()),
            Trait::Streams(kind, count) => {
                let found = self.streams().iter().filter(|stream| stream["codec_type"] == kind).count();
                (found == count, found.to_string())
            }
            Trait::CoverFirst => {
                (self.streams()[0]["disposition"]["attached_pic"] == 1, self.streams()[0]["codec_name"].to_string())
            }
            Trait::Fragmented => (self.boxes.iter().any(|name| name == "moof"), format!("{:?}", self.boxes)),
            Trait::MoovFirst => (self.position("moov") < self.position("mdat"), format!("{:?}", self.boxes)),
            Trait::MoovLast => (self.position("moov") > self.position("mdat"), format!("{:?}", self.boxes)),
        }
    }

    fn streams(&self) -> &[Value] {
        self.probe["streams"].as_array().expect("streams")
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.boxes.iter().position(|found| found == name)
    }

    /// A keyframe that is followed in the file by a packet to be shown before it, while packets precede it.
    fn has_open_gop(&self) -> bool {
        let mut key = None;
        for (place, packet) in self.packets.iter().enumerate() {
            if packet.key && place > 0 {
                key = packet.pts;
            } else if let (Some(key), Some(pts)) = (key, packet.pts)
                && pts < key
            {
                return true;
            }
        }
        false
    }

    /// The display matrix as clockwise degrees and whether left and right are swapped, read from its four numbers.
    fn rotation(&self) -> Option<(u16, bool)> {
        let side_data = self.stream["side_data_list"].as_array()?;
        let matrix = side_data.iter().find_map(|entry| entry["displaymatrix"].as_str())?;
        let rows: Vec<Vec<i64>> = matrix
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(_, numbers)| numbers.split_whitespace().map(|number| number.parse().unwrap()).collect())
            .collect();
        let sign = |row: usize, column: usize| rows[row][column].signum();
        match [sign(0, 0), sign(0, 1), sign(1, 0), sign(1, 1)] {
            [1, 0, 0, 1] => Some((0, false)),
            [0, 1, -1, 0] => Some((90, false)),
            [-1, 0, 0, -1] => Some((180, false)),
            [0, -1, 1, 0] => Some((270, false)),
            [-1, 0, 0, 1] => Some((0, true)),
            _ => None,
        }
    }
}

impl Packet {
    fn new(packet: &Value) -> Packet {
        let flags = packet["flags"].as_str().expect("flags");
        Packet {
            pts: packet["pts"].as_i64(),
            size: packet["size"].as_str().unwrap().parse().unwrap(),
            key: flags.contains('K'),
            discard: flags.contains('D'),
        }
    }
}

/// The names of an ISO media file's top boxes, in order; nothing for other files.
fn top_boxes(path: &Path) -> Vec<String> {
    let file = std::fs::read(path).unwrap();
    let mut names = Vec::new();
    let mut at = 0;
    while file.get(4..8) == Some(b"ftyp") && at + 8 <= file.len() {
        names.push(String::from_utf8_lossy(&file[at + 4..at + 8]).into_owned());
        at += u32::from_be_bytes(file[at..at + 4].try_into().unwrap()).max(8) as usize;
    }
    names
}
