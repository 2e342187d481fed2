//! Renders a report of made-up but plausible data, to look at while working on the page:
//! `cargo run -p framefan-report --example sample -- OUT.html [SECTION.json FOLDER_OF_JPEGS]`.
//!
//! With a pose section (the `pose` object of a `final_results.json`) and a folder of `FRAME.jpg`, those are shown instead.

use std::collections::BTreeMap;
use std::path::Path;

use framefan_analyzers::pose::section::Summary;
use framefan_report::{Figures, ReportPicture};

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let out = args.get(1).ok_or("usage: sample OUT.html [SECTION.json FOLDER_OF_JPEGS]")?;
    let mut input = common::input();
    if let (Some(section), Some(folder)) = (args.get(2), args.get(3)) {
        let pose: Summary = serde_json::from_str(&std::fs::read_to_string(section)?)?;
        input.pictures = pictures(&pose, Path::new(folder));
        input.pose = Some(pose);
    }
    input.figures = Figures { wall_s: Some(62.4), bottleneck: None, resumed_chunks: 0 };
    std::fs::write(out, framefan_report::render(&input).map_err(|error| error.to_string())?)?;
    Ok(())
}

fn pictures(pose: &Summary, folder: &Path) -> BTreeMap<u64, ReportPicture> {
    let mut pictures = BTreeMap::new();
    for (frame, _) in framefan_report::wanted_pictures(pose) {
        if let Ok(jpeg) = std::fs::read(folder.join(format!("{frame}.jpg"))) {
            pictures.insert(frame, ReportPicture { jpeg, width: 640, height: 360 });
        }
    }
    pictures
}
