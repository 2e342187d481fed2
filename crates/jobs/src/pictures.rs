//! Single frames of the video, decoded again: for the pictures that analyzers make at their end, and for the report.

use std::collections::{BTreeMap, BTreeSet};

use framefan_analyzers::{FrameSource, MediaSink};
use framefan_contract::plan::Chunk;
use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result, keys};
use framefan_media::{DecodeOptions, Decoded, Frame, FrameReader, Orientation, RgbImage, jpeg, rgb8};
use framefan_planner::{Interval, Timeline};
use framefan_report::ReportPicture;
use framefan_store::ObjectStore;

use crate::source::OpenSource;

/// Long side of a picture in the report, in pixels.
const LONG_SIDE: u32 = 720;
const QUALITY: u8 = 82;

/// Frames of a video that may not be there any more.
pub(crate) struct VideoFrames<'a> {
    pub source: Option<&'a OpenSource>,
}

impl FrameSource for VideoFrames<'_> {
    fn frames(&mut self, pts: &[i64], each: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        if pts.is_empty() {
            return Ok(());
        }
        let source = self.source.ok_or_else(|| {
            Error::not_found("the video is not there any more, and pictures of some of its frames are wanted")
        })?;
        decode_frames(source, pts, each)
    }
}

/// Keeps an analyzer's pictures among the job's objects.
pub(crate) struct Media<'a> {
    pub objects: &'a dyn ObjectStore,
    pub job_id: &'a str,
}

impl MediaSink for Media<'_> {
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let name = format!("frames/{name}");
        self.objects.replace(&keys::media(self.job_id, &name), bytes)?;
        Ok(name)
    }
}

/// The wanted frames, given as number and PTS, ascending, as JPEG pictures; those that do not decode are left out.
pub(crate) fn decode_pictures(source: &OpenSource, wanted: &[(u64, i64)]) -> Result<BTreeMap<u64, ReportPicture>> {
    let numbers: BTreeMap<i64, u64> = wanted.iter().map(|&(number, pts)| (pts, number)).collect();
    let pts: Vec<i64> = wanted.iter().map(|&(_, pts)| pts).collect();
    let mut pictures = BTreeMap::new();
    decode_frames(source, &pts, &mut |frame| {
        if let Some(&number) = numbers.get(&frame.pts()) {
            let image = upright(frame, &source.probe.info)?;
            // At most LONG_SIDE, so nothing is cut off.
            let (width, height) = (image.width as u32, image.height as u32);
            pictures.insert(number, ReportPicture { jpeg: jpeg(&image, QUALITY)?, width, height });
        }
        Ok(())
    })?;
    Ok(pictures)
}

/// Decodes the frames of these ascending timestamps. Frames that are decoded from the same keyframe are decoded in one
/// pass.
fn decode_frames(source: &OpenSource, wanted: &[i64], each: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let timeline = Timeline::new(&source.probe.index)?;
    let mut intervals = Vec::new();
    for &pts in wanted {
        intervals.push(timeline.interval(pts, pts + 1, 0)?);
    }
    for group in intervals.chunk_by(|a, b| a.decode_from == b.decode_from) {
        decode_group(source, &timeline, group, each)?;
    }
    Ok(())
}

/// Decodes from one keyframe on: intervals that each begin at a wanted frame and end at the next one.
fn decode_group(
    source: &OpenSource,
    timeline: &Timeline<'_>,
    group: &[Interval],
    each: &mut dyn FnMut(&Frame) -> Result<()>,
) -> Result<()> {
    let mut missing: BTreeSet<i64> = group.iter().map(|interval| interval.start_pts).collect();
    let only = DecodeOptions { only: Some(missing.clone()), ..DecodeOptions::default() };
    for options in [only, DecodeOptions::default()] {
        if missing.is_empty() {
            break;
        }
        decode_with(&options, source, timeline, group, &mut |frame| {
            if missing.remove(&frame.pts()) { each(frame) } else { Ok(()) }
        })?;
    }
    Ok(())
}

fn decode_with(
    options: &DecodeOptions,
    source: &OpenSource,
    timeline: &Timeline<'_>,
    group: &[Interval],
    each: &mut dyn FnMut(&Frame) -> Result<()>,
) -> Result<()> {
    let mut chunks = Vec::new();
    for (i, interval) in group.iter().enumerate() {
        let end_pts = group.get(i + 1).map_or(interval.end_pts, |next| next.start_pts);
        chunks.push(chunk(i as u32, timeline.interval(interval.start_pts, end_pts, 0)?));
    }
    let (info, method) = (&source.probe.info, source.probe.index.method);
    let mut reader = FrameReader::open(source.bytes.clone(), info, method, &chunks, options)?;
    while let Some(decoded) = reader.next()? {
        if let Decoded::Frame { frame, .. } = decoded {
            each(&frame)?;
        }
    }
    Ok(())
}

fn upright(frame: &Frame, video: &VideoInfo) -> Result<RgbImage> {
    let orientation = Orientation { rotation: video.rotation, mirrored: video.mirrored };
    rgb8(&frame.picture()?, orientation, Some(LONG_SIDE))
}

fn chunk(index: u32, interval: Interval) -> Chunk {
    Chunk {
        index,
        start_pts: interval.start_pts,
        end_pts: interval.end_pts,
        start_s: 0.0,
        end_s: 0.0,
        frames: interval.frames,
        decode_from: interval.decode_from,
        end_packet: interval.end_packet,
        byte_range: interval.byte_range,
        cost: 0.0,
        times: interval.times,
    }
}
