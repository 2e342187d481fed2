//! What the page says of `golden_frames`: the selected frames, and the measurements over time.

use framefan_analyzers::golden_frames::section::{Measured, Selected};
use framefan_contract::Result;
use serde::de::MapAccess;

use crate::bins::{Bins, Series};
use crate::stream::{Members, Value};

/// Most selected frames that are shown.
const MOST_SHOWN: usize = 24;

/// The section in brief.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenFrames {
    /// Frames that were measured.
    pub frames: u64,
    /// The selected ones, in the section's order.
    pub selected: Vec<Selected>,
    /// Width of a bin of the series in seconds.
    pub bin_s: f64,
    /// Sharpness over time.
    pub sharpness: Series,
    /// Motion over time.
    pub motion: Series,
}

impl GoldenFrames {
    /// The selected frames that have a place on the page.
    pub fn shown(&self) -> &[Selected] {
        &self.selected[..self.selected.len().min(MOST_SHOWN)]
    }
}

/// The section as it is read.
pub(crate) struct GoldenFramesReader {
    frames: u64,
    bins: Bins<2>,
    selected: Option<Vec<Selected>>,
    pub file: Option<String>,
}

impl GoldenFramesReader {
    pub fn new() -> Self {
        GoldenFramesReader { frames: 0, bins: Bins::new(), selected: None, file: None }
    }

    pub fn finish(self) -> Option<GoldenFrames> {
        let (bin_s, [sharpness, motion]) = self.bins.finish();
        Some(GoldenFrames { frames: self.frames, selected: self.selected?, bin_s, sharpness, motion })
    }
}

impl Members for GoldenFramesReader {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "frames" => value.each(|frame: Measured| {
                self.frames += 1;
                self.bins.add(frame.time_s, [frame.sharpness, frame.motion].map(Some));
                Ok(())
            }),
            "selected" => value.get().map(|selected| self.selected = Some(selected)),
            "file" => value.get().map(|file| self.file = Some(file)),
            _ => value.ignore(),
        }
    }
}
