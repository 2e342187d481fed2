//! Renders a report of made-up but plausible data, to look at while working on the page:
//! `cargo run -p framefan-report --example sample -- OUT.html [FOLDER_OF_JPEGS [RESULTS.json]]`.
//!
//! The pictures of the page are `FRAME.jpg` in the folder, where they are there. With a `final_results.json`, its sections
//! are shown instead.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use framefan_contract::Error;
use framefan_report::{Figures, ReportInput, ReportPicture, read_summary, wanted_pictures};

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let out = args.get(1).ok_or("usage: sample OUT.html [FOLDER_OF_JPEGS [RESULTS.json]]")?;
    let mut input = common::all();
    if let Some(results) = args.get(3) {
        let whole =
            |file: &str| Err(Error::not_found(format!("{file} is a section of its own; sections must be inside")));
        (input.header, input.sections) = read_summary(File::open(results)?, whole)?;
    }
    if let Some(folder) = args.get(2) {
        input.pictures = pictures(&input, Path::new(folder));
    }
    input.figures = Figures { wall_s: Some(62.4), bottleneck: None, resumed_chunks: 0 };
    std::fs::write(out, framefan_report::render(&input)?)?;
    Ok(())
}

fn pictures(input: &ReportInput, folder: &Path) -> BTreeMap<u64, ReportPicture> {
    let mut pictures = BTreeMap::new();
    for (frame, _) in wanted_pictures(&input.header.video, &input.sections) {
        if let Ok(jpeg) = std::fs::read(folder.join(format!("{frame}.jpg"))) {
            pictures.insert(frame, ReportPicture { jpeg, width: 640, height: 360 });
        }
    }
    pictures
}
