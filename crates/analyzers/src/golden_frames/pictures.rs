//! Pictures of the selected frames, and where they glint.

use std::collections::BTreeMap;

use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use framefan_media::{Frame, Orientation, RgbImage, jpeg, rgb8};
use framefan_vision::{Rgb, glint};

use super::NAME;
use super::params::ImageFormat;
use super::section::{GlintFound, HighlightFound};
use super::selection::Candidate;
use crate::analyzer::Finish;
use crate::round::round_to;

/// Quality of JPEG pictures, with whole chroma.
const QUALITY: u8 = 92;

/// Most highlights that are listed.
const MOST_HIGHLIGHTS: usize = 50;

/// What became of a selected frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictured {
    /// Name of the picture among the job's files.
    pub image: String,
    /// Where it glints.
    pub glint: GlintFound,
}

/// Decodes the frames again, keeps their pictures, and looks for highlights: by frame number. Frames that do not decode are left
/// out.
///
/// # Errors
/// Those of the frame source and of the media sink.
pub fn picture(
    selected: &[Candidate],
    video: &VideoInfo,
    format: ImageFormat,
    finish: &mut Finish<'_>,
) -> Result<BTreeMap<u64, Pictured>> {
    let numbers: BTreeMap<i64, u64> = selected.iter().map(|frame| (frame.time.pts, frame.time.frame)).collect();
    let wanted: Vec<i64> = numbers.keys().copied().collect();
    let orientation = Orientation { rotation: video.rotation, mirrored: video.mirrored };
    let mut pictured = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(pictured);
    }
    let Finish { frames, media } = finish;
    frames.frames(&wanted, &mut |frame: &Frame| {
        let Some(&number) = numbers.get(&frame.pts()) else { return Ok(()) };
        let image = rgb8(&frame.picture()?, orientation, None)?;
        let (bytes, ending) = match format {
            ImageFormat::Jpeg => (jpeg(&image, QUALITY)?, "jpg"),
            ImageFormat::Png => (png(&image)?, "png"),
        };
        let name = media.keep(&format!("golden_{number:06}.{ending}"), &bytes)?;
        pictured.insert(number, Pictured { image: name, glint: glint_of(&image)? });
        Ok(())
    })?;
    Ok(pictured)
}

fn glint_of(image: &RgbImage) -> Result<GlintFound> {
    let found = glint(Rgb::new(&image.data, image.width, image.height)?);
    // The middle of the first pixel is half a pixel from the edge.
    let highlight = |h: &framefan_vision::Highlight| HighlightFound {
        x: round_to(h.x + 0.5, 2),
        y: round_to(h.y + 0.5, 2),
        area: h.area,
    };
    Ok(GlintFound {
        share: round_to(found.share, 6),
        clipped_share: round_to(found.clipped_share, 6),
        count: found.highlights.len() as u64,
        highlights: found.highlights.iter().take(MOST_HIGHLIGHTS).map(highlight).collect(),
    })
}

/// A PNG file of 8-bit RGB.
fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let failed = |error: png::EncodingError| {
        Error::defect(format!("{NAME}: a png of {}×{} was not written: {error}", image.width, image.height))
            .with_source(error)
    };
    let mut file = Vec::new();
    // Sides beyond 32 bits cannot be: media has limits far below.
    let mut encoder = png::Encoder::new(&mut file, image.width as u32, image.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&image.data).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}
