//! Results for people and other programs: one self-contained HTML page, and [`exports`].
//!
//! The page sends no request, and every string from a file is escaped on it.
//! [`read`] takes the parts of `final_results.json` that a page needs, without holding the frames in memory;
//! [`wanted_pictures`] names the frames it would like to show; [`render`] writes the page. The page's text and drawings are
//! made here and readable without JavaScript; the script adds a cursor across the timelines, filters and enlarged pictures.

use std::collections::BTreeMap;

use framefan_contract::Result;
use framefan_contract::plan::Plan;
use framefan_contract::request::{AnalyzerRequest, JobRequest};
use framefan_contract::results::ResultsHeader;
use framefan_contract::run::RunRecord;

mod bins;
mod chart;
mod details;
pub mod envelope;
pub mod exports;
mod findings;
mod format;
mod golden;
mod headline;
mod island;
mod landmarks;
mod moments;
mod page;
mod picture;
mod pose_timelines;
pub mod read;
pub mod stream;
pub mod summary;
mod timeline;
mod tracks;
pub mod truth;
mod work;

pub use read::read_summary;
pub use summary::{Sections, wanted_pictures};

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
    /// What the analyzers found, in brief.
    pub sections: Sections,
    /// Pictures by frame number; those of [`wanted_pictures`] are shown, and may be missing.
    pub pictures: BTreeMap<u64, ReportPicture>,
    /// How near this is to what is known of the video, if anything is.
    pub comparison: Option<truth::Comparison>,
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

/// The score from which the reduce stage of pose took a landmark for visible.
fn visibility(analyzers: &[AnalyzerRequest]) -> f64 {
    let pose = analyzers.iter().find(|analyzer| analyzer.name == "pose");
    pose.and_then(|pose| pose.reduce_params.get("visibility")).and_then(|value| value.as_f64()).unwrap_or(0.5)
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

/// The page.
///
/// # Errors
/// [`Defect`](framefan_contract::ErrorKind::Defect) when the data of the page cannot be written as JSON.
pub fn render(input: &ReportInput) -> Result<String> {
    page::page(input)
}
