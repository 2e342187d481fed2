//! What the tests of several analyzers need.

use framefan_contract::{Error, Result};
use framefan_media::Frame;

use crate::analyzer::{Finish, FrameSource, MediaSink, ReduceStage};

/// For analyzers that make no pictures: whoever asks for a frame, or keeps one, fails.
pub struct NoPictures;

impl FrameSource for NoPictures {
    fn frames(&mut self, _: &[i64], _: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        Err(Error::not_found("a test without a video"))
    }
}

impl MediaSink for NoPictures {
    fn keep(&mut self, name: &str, _: &[u8]) -> Result<String> {
        Err(Error::not_found(format!("a test that keeps no {name}")))
    }
}

/// Ends a reduce stage that makes no pictures.
pub fn finish(stage: &mut dyn ReduceStage, out: &mut Vec<u8>) {
    stage.finish(&mut Finish { frames: &mut NoPictures, media: &mut NoPictures }, out).unwrap();
}
