//! The reduce stage: writes each frame's measurements as they come, and the selected frames after the last.
//!
//! One line a frame, so that the section can be read by line tools as well. What is kept are the frames that may still be
//! selected, whose number does not grow with the video.

use std::io::Write;

use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::NAME;
use super::params::ReduceParams;
use super::pictures::picture;
use super::section::{Measured, Record, Selected};
use super::selection::{Candidate, Selection};
use crate::analyzer::{Finish, FrameTime, ReduceStage};
use crate::round::round_to;

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

#[cfg(test)]
mod tests {
    use framefan_contract::{ErrorKind, Rational};
    use framefan_media::Frame;

    use super::super::params::SPECS;
    use super::super::section::Section;
    use super::*;
    use crate::analyzer::FrameSource;
    use crate::params::Params;
    use crate::testing::NoPictures;

    /// A video of which no frame decodes again.
    struct Undecodable;

    impl FrameSource for Undecodable {
        fn frames(&mut self, _: &[i64], _: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
            Ok(())
        }
    }

    fn video() -> VideoInfo {
        let one = Rational { num: 1, den: 1 };
        VideoInfo {
            container: "mov,mp4".into(),
            codec: "h264".into(),
            pixel_format: "yuv420p".into(),
            width: 64,
            height: 48,
            coded_width: 64,
            coded_height: 48,
            rotation: 0,
            mirrored: false,
            sample_aspect_ratio: one,
            color_range: "limited".into(),
            color_matrix: "bt709".into(),
            time_base: Rational { num: 1, den: 50 },
            origin_pts: 10,
            average_fps: Rational { num: 25, den: 1 },
            duration_s: 4.0,
            frames: 100,
            stream: 0,
            audio_streams: 0,
            size_bytes: 1,
        }
    }

    /// The section of frames at 25 a second, or what went wrong.
    fn reduce(records: &[[f64; 2]], given: &[(&str, &str)], frames: &mut dyn FrameSource) -> Result<Section> {
        let given: Params = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        let (_, reduce_params) = SPECS.check(&given)?;
        let mut stage = GoldenFramesReduceStage::new(&video(), ReduceParams::read(&reduce_params)?);
        let mut out = Vec::new();
        stage.begin(&mut out)?;
        for (frame, &[sharpness, motion]) in records.iter().enumerate() {
            let time = FrameTime { frame: frame as u64, pts: 10 + 2 * frame as i64, time_s: frame as f64 / 25.0 };
            let data = serde_json::value::to_raw_value(&Record { sharpness, motion }).unwrap();
            stage.push(time, &data, &[], &mut out)?;
        }
        stage.finish(&mut Finish { frames, media: &mut NoPictures }, &mut out)?;
        Ok(serde_json::from_slice(&out).unwrap())
    }

    fn chosen(section: &Section) -> Vec<u64> {
        section.selected.iter().map(|selected| selected.measured.frame).collect()
    }

    #[test]
    fn the_sharpest_still_frames_that_keep_their_distance_are_selected() {
        let mut records = vec![[10.0, 0.5]; 100];
        records[0] = [90.0, 3.0]; // Nothing moves in the first frame, whatever its record says.
        records[40] = [200.0, 1.01]; // too much motion
        records[41] = [100.0, 1.0];
        records[65] = [95.0, 0.0]; // 24 frames later: too near
        records[66] = [94.0, 0.0]; // exactly a second later
        records[99] = [94.0, 0.0]; // as sharp, but later
        let section = reduce(&records, &[], &mut Undecodable).unwrap();
        assert_eq!(chosen(&section), [41, 66, 99, 0]);
        assert_eq!(section.frames.len(), 100);
        let first = Measured { frame: 0, time_s: 0.0, sharpness: 90.0, motion: 0.0 };
        assert_eq!((section.frames[0], section.selected[3].measured), (first, first));
        // No frame decoded again, so there is no picture to look at.
        assert!(section.selected.iter().all(|s| s.image.is_none() && s.glint.is_none()));

        let select = |given: &[(&str, &str)]| chosen(&reduce(&records, given, &mut Undecodable).unwrap());
        assert_eq!(select(&[("count", "2")]), [41, 66]);
        assert_eq!(select(&[("max_motion", "1.01")])[0], 40);
        assert_eq!(select(&[("min_gap_s", "0.96"), ("count", "2")]), [41, 65]);
        assert_eq!(select(&[("min_gap_s", "0"), ("count", "3")]), [41, 65, 66]);
    }

    #[test]
    fn nothing_is_selected_of_nothing() {
        let none = reduce(&[], &[], &mut NoPictures).unwrap();
        assert_eq!(none, Section { frames: vec![], selected: vec![] });
        let moving = reduce(&[[5.0, 0.0], [9.0, 8.0]], &[("max_motion", "0")], &mut Undecodable).unwrap();
        assert_eq!(chosen(&moving), [0]);
    }

    #[test]
    fn a_video_that_is_gone_is_an_error() {
        let error = reduce(&[[5.0, 0.0]], &[], &mut NoPictures).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_malformed_record_is_named() {
        let (_, reduce_params) = SPECS.check(&Params::new()).unwrap();
        let mut stage = GoldenFramesReduceStage::new(&video(), ReduceParams::read(&reduce_params).unwrap());
        let data = RawValue::from_string("{\"sharpness\":1}".to_owned()).unwrap();
        let time = FrameTime { frame: 7, pts: 0, time_s: 0.0 };
        let error = stage.push(time, &data, &[], &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("frame 7"), "{}", error.message());
    }
}
