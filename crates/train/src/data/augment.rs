//! Batches of pictures that are cut, scaled, mirrored, put together and coloured differently each time.
//!
//! What happens to a picture depends on the seed, the step and its place in the batch alone, so that a training that
//! begins again at some step sees what it would have seen.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};
use framefan_scene::Random;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Person, Picture};

/// The grey around pictures that do not fill their place, as in letterboxed input.
const GREY: f32 = 114.0 / 255.0;

/// A mirrored person's left is a right: the keypoint that takes each one's place.
const MIRRORED: [usize; 17] = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15];

/// People with fewer pixels in the picture are not asked for.
const FEWEST_PIXELS: f32 = 80.0;
/// Nor those with a narrower or lower box.
const SHORTEST_SIDE: f32 = 8.0;
/// Nor those with less than this share of their box in the picture.
const LEAST_SHARE: f32 = 0.2;

/// What pictures are made of, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Views {
    /// Share of pictures that are put together from four.
    pub mosaics: f32,
    /// Share of pictures whose light and camera are changed.
    pub coloured: f32,
    /// Share of views of no person in particular.
    pub anything: f32,
    /// Lengths of the people whom views are of, in pixels of the network's input: least and most.
    pub lengths: [f32; 2],
}

/// So much longer than the view a person may be.
const MOST_CUT: f32 = 1.25;

/// More than this and there are no details.
const LARGEST_ZOOM: f32 = 2.0;

/// What the network is shown at once.
pub struct Batch {
    /// `[B, 3, S, S]`, 0 to 1.
    pub pictures: Tensor,
    /// The people of each.
    pub people: Vec<Vec<Person>>,
}

/// Makes batches from a collection of pictures.
pub struct Composer<'a> {
    pictures: &'a [Picture],
    seed: u64,
    views: Views,
    /// Side of the network's input.
    size: usize,
}

/// A part of a batch's picture: left, top, right, bottom.
type Region = [usize; 4];

impl<'a> Composer<'a> {
    /// Over at least one picture, for input of `size` pixels a side.
    pub fn new(pictures: &'a [Picture], seed: u64, views: Views, size: usize) -> Self {
        assert!(!pictures.is_empty(), "pictures to learn from");
        Composer { pictures, seed, views, size }
    }

    /// The pictures of a step that have these places in it.
    pub fn batch(&self, step: usize, places: Range<usize>, device: &Device) -> Result<Batch> {
        let (count, size) = (places.len(), self.size);
        let made: Vec<(Vec<f32>, Vec<Person>)> = places
            .into_par_iter()
            .map(|place| self.compose(&mut Random::new(self.seed, "batch", ((step as u64) << 16) | place as u64)))
            .collect();
        let mut values = Vec::with_capacity(count * 3 * size * size);
        let mut people = Vec::with_capacity(count);
        for (picture, of_picture) in made {
            values.extend(picture);
            people.push(of_picture);
        }
        Ok(Batch { pictures: Tensor::from_vec(values, (count, 3, size, size), device)?, people })
    }

    fn compose(&self, random: &mut Random) -> (Vec<f32>, Vec<Person>) {
        let (size, views) = (self.size, &self.views);
        let mut canvas = Canvas { size, values: vec![GREY; 3 * size * size], people: Vec::new() };
        if random.chance(views.mosaics) {
            let side = size as f32;
            let (x, y) = ((random.range(0.3, 0.7) * side) as usize, (random.range(0.3, 0.7) * side) as usize);
            for region in [[0, 0, x, y], [x, 0, size, y], [0, y, x, size], [x, y, size, size]] {
                self.place(&mut canvas, random, region);
            }
        } else {
            self.place(&mut canvas, random, [0, 0, size, size]);
        }
        if random.chance(views.coloured) {
            colour(&mut canvas.values, random, size);
        }
        (canvas.values, canvas.people)
    }

    /// Draws some picture into a region: most often so that one of its people is there, as large as people are in videos.
    fn place(&self, canvas: &mut Canvas, random: &mut Random, region: Region) {
        let picture = &self.pictures[random.below(self.pictures.len())];
        let [left, top, right, bottom] = region.map(|v| v as f32);
        let (wide, high) = (right - left, bottom - top);
        let whole = [0.0, 0.0, picture.width as f32, picture.height as f32];
        let person = (!picture.people.is_empty() && !random.chance(self.views.anything))
            .then(|| picture.people[random.below(picture.people.len())].bbox);
        let shown = person.unwrap_or(whole);
        let (shown_wide, shown_high) = (shown[2] - shown[0], shown[3] - shown[1]);
        let fill = (wide / shown_wide).min(high / shown_high);
        let zoom = match person {
            Some(_) => {
                let [least, most] = self.views.lengths;
                let length = random.range(least.ln(), most.ln()).exp();
                (length / shown_wide.max(shown_high)).min(fill * MOST_CUT).min(LARGEST_ZOOM)
            }
            None => random.range(-1.0, 0.4).exp2(),
        };
        let mirrored = random.chance(0.5);
        // What is shown is anywhere in the region, and as much of the picture as possible with it.
        let mut offset = |low: f32, room: f32, from: f32, length: f32, all: f32| {
            let slack = room - length * zoom;
            let at = low + random.range(slack.min(0.0), slack.max(0.0)) - from * zoom;
            let fits = low + room - all * zoom;
            at.clamp(fits.min(low), fits.max(low))
        };
        let y = offset(top, high, shown[1], shown_high, whole[3]);
        let from = if mirrored { whole[2] - shown[2] } else { shown[0] };
        let x = offset(left, wide, from, shown_wide, whole[2]);
        canvas.draw(picture, region, View { zoom, x, y, mirrored });
    }
}

/// Where a picture comes to lie.
#[derive(Clone, Copy)]
struct View {
    zoom: f32,
    x: f32,
    y: f32,
    mirrored: bool,
}

struct Canvas {
    size: usize,
    /// `[3, size, size]`.
    values: Vec<f32>,
    people: Vec<Person>,
}

impl Canvas {
    fn draw(&mut self, picture: &Picture, region: Region, view: View) {
        let half;
        let (mut source, mut zoom) = (picture, view.zoom);
        // Bilinear sampling sees four pixels: what becomes much smaller is halved first.
        if zoom < 0.7 {
            half = halved(picture);
            (source, zoom) = (&half, zoom * 2.0);
        }
        let [left, top, right, bottom] = region;
        let plane = self.size * self.size;
        for y in top..bottom {
            let from_y = (y as f32 + 0.5 - view.y) / zoom - 0.5;
            if from_y < -0.5 || from_y > source.height as f32 - 0.5 {
                continue;
            }
            let (y0, y1, ty) = between(from_y, source.height);
            for x in left..right {
                let mut from_x = (x as f32 + 0.5 - view.x) / zoom - 0.5;
                if view.mirrored {
                    from_x = source.width as f32 - 1.0 - from_x;
                }
                if from_x < -0.5 || from_x > source.width as f32 - 0.5 {
                    continue;
                }
                let (x0, x1, tx) = between(from_x, source.width);
                for channel in 0..3 {
                    let at = |x: usize, y: usize| f32::from(source.pixels[(y * source.width + x) * 3 + channel]);
                    let above = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * tx;
                    let below = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * tx;
                    self.values[channel * plane + y * self.size + x] = (above + (below - above) * ty) * (1.0 / 255.0);
                }
            }
        }
        self.people.extend(picture.people.iter().filter_map(|person| moved(person, picture.width, region, view)));
    }
}

/// The pixels on both sides of a place, and how far it is from the first to the second.
fn between(at: f32, length: usize) -> (usize, usize, f32) {
    let at = at.clamp(0.0, (length - 1) as f32);
    let first = at as usize;
    (first, (first + 1).min(length - 1), at - first as f32)
}

/// The picture at half its size, each pixel the mean of four.
fn halved(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / 2, picture.height / 2);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let at = |dx: usize, dy: usize| {
                    u16::from(picture.pixels[((2 * y + dy) * picture.width + 2 * x + dx) * 3 + channel])
                };
                pixels.push(((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4) as u8);
            }
        }
    }
    Picture { width, height, pixels, people: Vec::new() }
}

/// The person at its new place, if enough of it is in the region.
fn moved(person: &Person, width: usize, region: Region, view: View) -> Option<Person> {
    let place = |x: f32, y: f32| {
        let x = if view.mirrored { width as f32 - x } else { x };
        (x * view.zoom + view.x, y * view.zoom + view.y)
    };
    let [left, top, right, bottom] = region.map(|v| v as f32);
    let [x0, y0, x1, y1] = person.bbox;
    let ((ax, ay), (bx, by)) = (place(x0, y0), place(x1, y1));
    let whole = [ax.min(bx), ay, ax.max(bx), by];
    let bbox = [whole[0].max(left), whole[1].max(top), whole[2].min(right), whole[3].min(bottom)];
    let (wide, high) = (bbox[2] - bbox[0], bbox[3] - bbox[1]);
    if wide < SHORTEST_SIDE || high < SHORTEST_SIDE {
        return None;
    }
    let share = wide * high / ((whole[2] - whole[0]) * (whole[3] - whole[1]));
    let area = person.area * view.zoom * view.zoom * share;
    if share < LEAST_SHARE || area < FEWEST_PIXELS {
        return None;
    }
    let keypoints = std::array::from_fn(|index| {
        let [x, y, visibility] = person.keypoints[if view.mirrored { MIRRORED[index] } else { index }];
        let (x, y) = place(x, y);
        let inside = x >= left && x < right && y >= top && y < bottom;
        [x, y, if inside { visibility } else { 0.0 }]
    });
    Some(Person { bbox, keypoints, area })
}

/// Another light, another camera.
fn colour(values: &mut [f32], random: &mut Random, size: usize) {
    let plane = size * size;
    let brightness = random.range(-0.5, 0.5).exp2();
    let contrast = random.range(0.7, 1.3);
    let grey = random.chance(0.08);
    let gains: [f32; 3] = std::array::from_fn(|_| brightness * random.range(-0.2, 0.2).exp2());
    let noise = if random.chance(0.3) { random.range(0.0, 0.05) } else { 0.0 };
    if grey {
        for at in 0..plane {
            let luma = 0.299 * values[at] + 0.587 * values[plane + at] + 0.114 * values[2 * plane + at];
            (values[at], values[plane + at], values[2 * plane + at]) = (luma, luma, luma);
        }
    }
    for (channel, gain) in values.chunks_exact_mut(plane).zip(gains) {
        for value in channel {
            *value = ((*value * gain - 0.45) * contrast + 0.45).clamp(0.0, 1.0);
        }
    }
    if noise > 0.0 {
        for value in values {
            // The sum of two even spreads is bell-shaped enough.
            *value = (*value + noise * (random.unit() + random.unit() - 1.0)).clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Collection;

    /// The share of 48 views of people with these lengths in which somebody is 40 to 50 pixels long.
    fn share_of_middling(lengths: [f32; 2]) -> f32 {
        let pictures = Collection { seed: 3, size: 128, one_still_in: 2 }.draw(0..8).unwrap();
        let views = Views { mosaics: 0.0, coloured: 0.0, anything: 0.0, lengths };
        let batch = Composer::new(&pictures, 1, views, 96).batch(0, 0..48, &Device::Cpu).unwrap();
        let middling = |person: &Person| {
            let [left, top, right, bottom] = person.bbox;
            (39.9..50.1).contains(&(right - left).max(bottom - top))
        };
        let views = batch.people.iter().filter(|people| people.iter().any(middling)).count();
        views as f32 / batch.people.len() as f32
    }

    #[test]
    fn people_are_as_long_as_was_asked_for() {
        // Some pictures have nobody, or nobody who may be enlarged that much.
        let [asked, smaller, larger] = [[40.0, 50.0], [20.0, 30.0], [70.0, 80.0]].map(share_of_middling);
        assert!(asked > 0.7, "{asked}");
        assert!(smaller < 0.5 && larger < 0.5, "{smaller} {larger}");
    }
}
