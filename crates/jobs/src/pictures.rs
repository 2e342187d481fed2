//! Single frames as JPEG pictures, for the report.

use std::collections::BTreeMap;

use framefan_contract::plan::Chunk;
use framefan_contract::{Result, video::VideoInfo};
use framefan_media::{DecodeOptions, Decoded, Frame, FrameReader, Orientation, RgbImage, jpeg, rgb8};
use framefan_planner::{Interval, Timeline};
use framefan_report::ReportPicture;

use crate::source::OpenSource;

/// Long side of a picture in the report, in pixels.
const LONG_SIDE: u32 = 720;
const QUALITY: u8 = 82;

/// Decodes the wanted frames, given as number and PTS, ascending; those that do not decode are left out. Frames that are
/// decoded from the same keyframe are decoded in one pass.
pub(crate) fn decode_pictures(source: &OpenSource, wanted: &[(u64, i64)]) -> Result<BTreeMap<u64, ReportPicture>> {
    let mut pictures = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(pictures);
    }
    let timeline = Timeline::new(&source.probe.index)?;
    let mut intervals = Vec::new();
    for &(number, pts) in wanted {
        intervals.push((number, timeline.interval(pts, pts + 1, 0)?));
    }
    for group in intervals.chunk_by(|a, b| a.1.decode_from == b.1.decode_from) {
        decode_group(source, &timeline, group, &mut pictures)?;
    }
    Ok(pictures)
}

/// Decodes from one keyframe on: intervals that each begin at a wanted frame and end at the next one.
fn decode_group(
    source: &OpenSource,
    timeline: &Timeline<'_>,
    group: &[(u64, Interval)],
    pictures: &mut BTreeMap<u64, ReportPicture>,
) -> Result<()> {
    let mut chunks = Vec::new();
    for (i, (_, interval)) in group.iter().enumerate() {
        let end_pts = group.get(i + 1).map_or(interval.end_pts, |(_, next)| next.start_pts);
        chunks.push(chunk(i as u32, timeline.interval(interval.start_pts, end_pts, 0)?));
    }
    let (info, method) = (&source.probe.info, source.probe.index.method);
    let mut reader = FrameReader::open(source.bytes.clone(), info, method, &chunks, &DecodeOptions::default())?;
    while let Some(decoded) = reader.next()? {
        let Decoded::Frame { chunk, frame } = decoded else { continue };
        let (number, interval) = &group[chunk as usize];
        if frame.pts() != interval.start_pts {
            continue;
        }
        let image = upright(&frame, info)?;
        // At most LONG_SIDE, so nothing is cut off.
        let (width, height) = (image.width as u32, image.height as u32);
        pictures.insert(*number, ReportPicture { jpeg: jpeg(&image, QUALITY)?, width, height });
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
