//! Single frames as JPEG pictures, for the report.

use std::collections::BTreeMap;

use framefan_contract::plan::Chunk;
use framefan_contract::{Result, video::VideoInfo};
use framefan_media::{DecodeOptions, Decoded, Frame, FrameReader, Orientation, RgbImage, jpeg, rgb8};
use framefan_planner::Timeline;
use framefan_report::ReportPicture;

use crate::source::OpenSource;

/// Long side of a picture in the report, in pixels.
const LONG_SIDE: u32 = 720;
const QUALITY: u8 = 82;

/// Decodes the wanted frames, given as number and PTS; those that do not decode are left out.
pub(crate) fn decode_pictures(source: &OpenSource, wanted: &[(u64, i64)]) -> Result<BTreeMap<u64, ReportPicture>> {
    let mut pictures = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(pictures);
    }
    let timeline = Timeline::new(&source.probe.index)?;
    for &(number, pts) in wanted {
        if let Some(frame) = decode_at(source, &timeline, pts)? {
            let image = upright(&frame, &source.probe.info)?;
            // At most LONG_SIDE, so nothing is cut off.
            let (width, height) = (image.width as u32, image.height as u32);
            pictures.insert(number, ReportPicture { jpeg: jpeg(&image, QUALITY)?, width, height });
        }
    }
    Ok(pictures)
}

fn upright(frame: &Frame, video: &VideoInfo) -> Result<RgbImage> {
    let orientation = Orientation { rotation: video.rotation, mirrored: video.mirrored };
    rgb8(&frame.picture()?, orientation, Some(LONG_SIDE))
}

/// The frame displayed at `pts`, decoded from the keyframe before it.
fn decode_at(source: &OpenSource, timeline: &Timeline<'_>, pts: i64) -> Result<Option<Frame>> {
    let interval = timeline.interval(pts, pts + 1, 0)?;
    let chunk = Chunk {
        index: 0,
        start_pts: pts,
        end_pts: pts + 1,
        start_s: 0.0,
        end_s: 0.0,
        frames: interval.frames,
        decode_from: interval.decode_from,
        end_packet: interval.end_packet,
        byte_range: interval.byte_range,
        cost: 0.0,
        times: interval.times,
    };
    let (info, method) = (&source.probe.info, source.probe.index.method);
    let mut reader = FrameReader::open(source.bytes.clone(), info, method, &[chunk], &DecodeOptions::default())?;
    while let Some(decoded) = reader.next()? {
        if let Decoded::Frame { frame, .. } = decoded {
            return Ok(Some(frame));
        }
    }
    Ok(None)
}
