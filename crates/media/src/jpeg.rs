//! JPEG files for pictures that people look at.

use framefan_contract::{Error, Result};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::convert::RgbImage;

/// Encodes an image as a baseline JPEG (JFIF, 4:2:0 below quality 90, else 4:4:4). `quality` is 1 to 100.
///
/// # Errors
/// `Usage` when the quality is out of range or a side exceeds JPEG's 65535 pixels.
pub fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    if !(1..=100).contains(&quality) {
        return Err(Error::usage(format!("a jpeg quality of {quality}, expected 1 to 100")));
    }
    let (Ok(width), Ok(height)) = (u16::try_from(image.width), u16::try_from(image.height)) else {
        return Err(Error::usage(format!("a jpeg of {}x{}, at most 65535x65535", image.width, image.height)));
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(if quality < 90 { SamplingFactor::F_2_2 } else { SamplingFactor::F_1_1 });
    encoder.encode(&image.data, width, height, ColorType::Rgb).map_err(|error| {
        Error::defect(format!("a jpeg of {width}x{height} was not written: {error}")).with_source(error)
    })?;
    Ok(file)
}
