//! Exports of a long video take no more memory than those of a short one.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod common;

use std::io::Read;

use framefan_contract::Result;
use framefan_contract::request::ExportFormat;
use framefan_report::exports::{Exported, export};
use serde_json::{Value, json};

/// A section whose array of frames is made while it is read.
struct Endless {
    frame: Value,
    next: u64,
    frames: u64,
    end: String,
    bytes: Vec<u8>,
    place: usize,
}

impl Endless {
    /// Two people in each of so many frames.
    fn pose(frames: u64) -> Self {
        let summary: Value = serde_json::from_str(&common::pose_section()).unwrap();
        let busy = summary["frames"].as_array().unwrap().iter().find(|frame| !frame["people"][1].is_null()).unwrap();
        let (metrics, findings, moments) = (&summary["metrics"], &summary["findings"], &summary["moments"]);
        let end = format!("],\"metrics\":{metrics},\"findings\":{findings},\"moments\":{moments}}}");
        Endless { frame: busy.clone(), next: 0, frames, end, bytes: b"{\"frames\":[".to_vec(), place: 0 }
    }

    /// A detection in each of so many frames.
    fn track(frames: u64) -> Self {
        let frame =
            json!({"frame": 0, "track_id": 1, "class": "person", "bbox": [1.25, 2.5, 30.75, 60.0], "confidence": 0.5});
        let end = "],\"tracks\":[]}".to_owned();
        Endless { frame, next: 0, frames, end, bytes: b"{\"detections\":[".to_vec(), place: 0 }
    }
}

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.place == self.bytes.len() {
            (self.bytes, self.place) = (Vec::new(), 0);
            if self.next < self.frames {
                self.frame["frame"] = self.next.into();
                let comma = if self.next == 0 { "" } else { "," };
                self.bytes = format!("{comma}{}", self.frame).into_bytes();
                self.next += 1;
            } else {
                self.bytes = std::mem::take(&mut self.end).into_bytes();
            }
        }
        let count = buf.len().min(self.bytes.len() - self.place);
        buf[..count].copy_from_slice(&self.bytes[self.place..self.place + count]);
        self.place += count;
        Ok(count)
    }
}

/// Bytes of all exports.
fn export_all(frames: u64) -> u64 {
    let header = common::input().header;
    let open = |analyzer: &str| -> Result<Option<Box<dyn Read>>> {
        Ok(match analyzer {
            "pose" => Some(Box::new(Endless::pose(frames))),
            "track" => Some(Box::new(Endless::track(20 * frames))),
            _ => None,
        })
    };
    let scratch = tempfile::tempdir().unwrap();
    let exported = Exported { header: &header, open: &open, scratch: scratch.path() };
    let mut bytes = 0;
    for format in ExportFormat::ALL {
        for file in export(format, &exported).unwrap() {
            bytes += file.file.as_file().metadata().unwrap().len();
        }
    }
    bytes
}

/// The most memory that this process has had at a time, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn memory_does_not_grow_with_the_video() {
    // Enough for full row groups and full buffers.
    let short = export_all(9_000);
    let before = peak_mb();
    let long = export_all(27_000);
    let grown = peak_mb() - before;
    assert!(long > 80_000_000 && long > 2 * short, "{short} and {long} bytes");
    println!("peak {before} MB, {grown} MB more for {} MB more of exports", (long - short) / 1_000_000);
    assert!(grown < 16, "{grown} MB more");
}
