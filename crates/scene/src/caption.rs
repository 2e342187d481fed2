//! Text over the picture, in the fonts that the machine has.

use std::path::{Path, PathBuf};

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use framefan_contract::error::{Error, Result};

use crate::image::RgbImage;
use crate::truth::CaptionTruth;

/// Where a font is looked for when none is named, in this order.
const FONTS: [&str; 4] = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
    "/usr/share/fonts/truetype/freefont/FreeSansBold.ttf",
];

/// A caption as asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionSettings {
    /// One line.
    pub text: String,
    /// A TrueType or OpenType file; `None` takes the first of Debian's DejaVu, Liberation and FreeFont that is there.
    pub font: Option<PathBuf>,
    /// Height of the letters' line in pixels.
    pub size_px: f32,
    /// The middle of the baseline, as shares of width and height.
    pub place: [f32; 2],
    /// First frame with the caption, and the first without it again.
    pub frames: [usize; 2],
}

/// A caption with its font.
pub(crate) struct Caption {
    settings: CaptionSettings,
    font: FontVec,
}

impl Caption {
    pub fn new(settings: CaptionSettings) -> Result<Caption> {
        if !(settings.size_px >= 4.0 && settings.size_px <= 1000.0) {
            return Err(Error::usage(format!(
                "a caption of {} pixels: between 4 and 1000 can be drawn",
                settings.size_px
            )));
        }
        let path = match &settings.font {
            Some(path) => path.clone(),
            None => FONTS.iter().map(PathBuf::from).find(|path| path.is_file()).ok_or_else(|| {
                Error::not_found(format!(
                    "no font for captions: install fonts-dejavu-core, or name a font file; looked for {}",
                    FONTS.join(", ")
                ))
            })?,
        };
        let font = read_font(&path)?;
        Ok(Caption { settings, font })
    }

    /// Draws the caption and says where it stands; `None` in frames without it.
    pub fn draw(&self, image: &mut RgbImage, frame: usize) -> Option<CaptionTruth> {
        let [first, end] = self.settings.frames;
        if frame < first || frame >= end {
            return None;
        }
        let font = self.font.as_scaled(PxScale::from(self.settings.size_px));
        let mut glyphs = Vec::new();
        let (mut pen, mut last) = (0.0, None);
        for letter in self.settings.text.chars() {
            let id = font.glyph_id(letter);
            if let Some(last) = last {
                pen += font.kern(last, id);
            }
            glyphs.push((id, pen));
            pen += font.h_advance(id);
            last = Some(id);
        }
        let [x, y] = self.settings.place;
        let left = (image.width as f32 * x - pen * 0.5).round();
        let baseline = (image.height as f32 * y).round();
        let mut cover = vec![0.0f32; image.width * image.height];
        for (id, at) in glyphs {
            let glyph = id.with_scale_and_position(self.settings.size_px, point(left + at, baseline));
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|gx, gy, share| {
                    let (px, py) = (bounds.min.x as i64 + i64::from(gx), bounds.min.y as i64 + i64::from(gy));
                    if px >= 0 && py >= 0 && (px as usize) < image.width && (py as usize) < image.height {
                        let slot = &mut cover[py as usize * image.width + px as usize];
                        *slot = slot.max(share);
                    }
                });
            }
        }
        let bbox = self.paint(image, &cover)?;
        Some(CaptionTruth { text: self.settings.text.clone(), bbox })
    }

    /// White letters with a dark edge; their box.
    fn paint(&self, image: &mut RgbImage, cover: &[f32]) -> Option<[f32; 4]> {
        let (w, h) = (image.width as i64, image.height as i64);
        let reach = (self.settings.size_px / 14.0).round().max(1.0) as i64;
        let mut extent: Option<[i64; 4]> = None;
        let at = |x: i64, y: i64| if x < 0 || y < 0 || x >= w || y >= h { 0.0 } else { cover[(y * w + x) as usize] };
        for y in 0..h {
            for x in 0..w {
                let ink = at(x, y);
                let edge = (-reach..=reach)
                    .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
                    .fold(0.0f32, |most, (dx, dy)| most.max(at(x + dx, y + dy)));
                if edge <= 0.0 {
                    continue;
                }
                let pixel = ((y * w + x) * 3) as usize;
                for value in &mut image.data[pixel..pixel + 3] {
                    let dark = f32::from(*value) * (1.0 - edge) + 16.0 * edge;
                    *value = (dark * (1.0 - ink) + 245.0 * ink + 0.5) as u8;
                }
                if ink > 0.25 {
                    let e = extent.get_or_insert([x, y, x, y]);
                    *e = [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y)];
                }
            }
        }
        extent.map(|[x0, y0, x1, y1]| [x0 as f32, y0 as f32, (x1 - x0 + 1) as f32, (y1 - y0 + 1) as f32])
    }
}

fn read_font(path: &Path) -> Result<FontVec> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(format!("cannot read the font {}", path.display()), e))?;
    FontVec::try_from_vec(bytes)
        .map_err(|e| Error::bad_input(format!("{} is no font that can be read", path.display())).with_source(e))
}
