//! Analyzers: what is computed of a video. One folder each; the registry below is the only place that lists them.
//!
//! An analyzer has a chunk stage (frames to records, run on a worker, many chunks at a time) and a reduce stage (all
//! records in order to its section of the result, run once). Analyzers know nothing of storage, jobs or threads.

pub mod analyzer;
pub mod golden_frames;
mod letterboxed;
mod networks;
pub mod overlap;
pub mod params;
pub mod pose;
mod round;
#[cfg(test)]
mod testing;
pub mod track;

pub use analyzer::{
    Analyzer, ChunkContext, ChunkStage, Finding, Finish, FrameSource, FrameTime, MediaSink, Needs, ReduceContext,
    ReduceStage, Sampling,
};
use framefan_contract::{Error, Result};
pub use networks::Networks;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-an-analyzer.md")]
struct Guide;

/// Every analyzer there is.
pub static REGISTRY: &[&dyn Analyzer] = &[&pose::Pose, &track::Track, &golden_frames::GoldenFrames];

/// The analyzer called `name`.
pub fn find(name: &str) -> Result<&'static dyn Analyzer> {
    REGISTRY.iter().copied().find(|a| a.name() == name).ok_or_else(|| {
        let known: Vec<_> = REGISTRY.iter().map(|a| a.name()).collect();
        Error::usage(format!("no analyzer is called '{name}'; there is: {}", known.join(", ")))
    })
}

/// An error of candle in an analyzer. Shapes are checked before, so it is our defect.
fn tensor_error(analyzer: &'static str) -> impl Fn(candle_core::Error) -> Error {
    move |source| Error::defect(format!("{analyzer}: a tensor operation failed: {source}")).with_source(source)
}
