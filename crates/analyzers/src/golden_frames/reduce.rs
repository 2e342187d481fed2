//! The reduce stage: writes each frame's measurements as they come, and the selected frames after the last.
//!
//! One line a frame, so that the section can be read by line tools as well. What is kept are the frames that may still be
//! selected, whose number does not grow with the video.

use std::io::Write;

use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::params::ReduceParams;
use super::pictures::picture;
use super::section::{Measured, Record, Selected};
use super::selection::{Candidate, Selection};
use super::{NAME, round_to};
use crate::analyzer::{Finish, FrameTime, ReduceStage};

/// The reduce stage.
pub struct GoldenFramesReduceStage {
    video: VideoInfo,
    params: ReduceParams,
    selection: Option<Selection>,
    any_frame: bool,
}

impl GoldenFramesReduceStage {
    /// For a video.
    pub fn new(video: &VideoInfo, params: ReduceParams) -> Self {
        let selection = Selection::new(params.count, params.min_gap_s, video.time_base);
        GoldenFramesReduceStage { video: video.clone(), params, selection: Some(selection), any_frame: false }
    }
}

impl ReduceStage for GoldenFramesReduceStage {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        write(out, "{\"frames\":[")
    }

    fn push(&mut self, time: FrameTime, data: &RawValue, _: &[u8], out: &mut dyn Write) -> Result<()> {
        let Record { sharpness, motion } = serde_json::from_str(data.get()).map_err(|error| {
            Error::defect(format!("{NAME}: the record of frame {} is malformed: {error}", time.frame))
                .with_source(error)
        })?;
        // The first frame has none before it: it was measured against itself.
        let motion = if time.frame == 0 { 0.0 } else { motion };
        let candidate = Candidate { time, sharpness, motion };
        if motion <= self.params.max_motion
            && let Some(selection) = &mut self.selection
        {
            selection.push(candidate);
        }
        write(out, if self.any_frame { ",\n" } else { "\n" })?;
        self.any_frame = true;
        write_json(out, &measured(&candidate))
    }

    fn finish(&mut self, finish: &mut Finish<'_>, out: &mut dyn Write) -> Result<()> {
        let selected = self.selection.take().map(Selection::finish).unwrap_or_default();
        let mut pictures = picture(&selected, &self.video, self.params.image, finish)?;
        let selected = selected.iter().map(|frame| {
            let (image, glint) = pictures.remove(&frame.time.frame).map(|p| (p.image, p.glint)).unzip();
            Selected { measured: measured(frame), image, glint }
        });
        write(out, "\n],\"selected\":")?;
        write_json(out, &selected.collect::<Vec<_>>())?;
        write(out, "}")
    }
}

fn measured(frame: &Candidate) -> Measured {
    let Candidate { time, sharpness, motion } = *frame;
    Measured { frame: time.frame, time_s: round_to(time.time_s, 6), sharpness, motion }
}

fn write(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| Error::io(format!("writing the {NAME} section"), error))
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|error| {
        let source = std::io::Error::from(error);
        Error::io(format!("writing the {NAME} section"), source)
    })
}
