//! Results to one self-contained HTML page: no request leaves it, and every string from a file is escaped.
//!
//! [`read`] takes the parts of `final_results.json` that a page needs, without holding the frames in memory;
//! [`wanted_pictures`] names the frames it would like to show; [`render`] writes the page. The page's text and drawings are
//! made here and readable without JavaScript; the script adds a cursor across the timelines, filters and enlarged pictures.

use std::collections::BTreeMap;

use framefan_analyzers::pose::section::Summary;
use framefan_contract::Result;
use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_contract::results::ResultsHeader;
use framefan_contract::run::RunRecord;

mod chart;
mod details;
mod findings;
mod format;
mod headline;
mod island;
mod moments;
mod page;
pub mod read;
mod timeline;
mod work;

pub use read::read_summary;

/// Everything a report is made of.
#[derive(Clone, Debug)]
pub struct ReportInput {
    /// The envelope of the result.
    pub header: ResultsHeader,
    /// What was asked for.
    pub request: JobRequest,
    /// Chunks.
    pub plan: Plan,
    /// Attempts that did the work, in any order; may be empty.
    pub runs: Vec<RunRecord>,
    /// The pose section without its frames, when pose was asked for.
    pub pose: Option<Summary>,
    /// Pictures by frame number; those of [`wanted_pictures`] are shown, and may be missing.
    pub pictures: BTreeMap<u64, ReportPicture>,
    /// Numbers about the run as a whole.
    pub figures: Figures,
}

/// A picture to show.
#[derive(Clone, Debug)]
pub struct ReportPicture {
    /// A JPEG of the whole frame as displayed, at any scale.
    pub jpeg: Vec<u8>,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Numbers about the run as a whole.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Seconds from the start of the run to its end.
    pub wall_s: Option<f64>,
    /// The stage that set the pace; worked out from the runs when it is not given.
    pub bottleneck: Option<String>,
    /// Chunks that an earlier run had finished.
    pub resumed_chunks: u32,
}

/// The frames that a report of `pose` would like to show: number and presentation timestamp, ascending.
pub fn wanted_pictures(pose: &Summary) -> Vec<(u64, i64)> {
    let mut wanted: Vec<(u64, i64)> = pose.moments.iter().map(|moment| (moment.frame, moment.pts)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The page.
///
/// # Errors
/// [`Defect`](framefan_contract::ErrorKind::Defect) when the data of the page cannot be written as JSON.
pub fn render(input: &ReportInput) -> Result<String> {
    page::page(input)
}
