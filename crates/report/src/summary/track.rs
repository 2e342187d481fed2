//! What the page says of `track`: how many of what, when the longest tracks are in the picture, and the trails they take.
//!
//! Memory is bounded by the number of tracks, a few words for each; the trails are thinned out while they are read.

use std::collections::{BTreeMap, BTreeSet};

use framefan_analyzers::track::section::{TrackSummary, TrackedDetection};
use framefan_contract::Result;
use framefan_contract::video::VideoInfo;
use serde::de::MapAccess;

use crate::bins::bins_for;
use crate::stream::{Members, Value};

/// Most tracks that have a lane: the longest ones.
const MOST_LANES: usize = 40;

/// Most points of a trail.
const MOST_POINTS: usize = 64;

/// Most trails that are held while reading. When there are more, the shorter half of them is dropped.
const MOST_TRAILS: usize = 4096;

/// The section in brief.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    /// Number of tracks.
    pub count: u64,
    /// Number of detections.
    pub detections: u64,
    /// Classes and how many tracks each has, the most frequent first.
    pub classes: Vec<(String, u64)>,
    /// Most tracks at once: those that have begun and not yet ended.
    pub most_at_once: u64,
    /// The first frame at which there are that many.
    pub scene: Option<Scene>,
    /// The longest tracks, by their first frame.
    pub longest: Vec<LongTrack>,
    /// Seconds that a detection stands for: the mean distance of frames.
    pub frame_s: f64,
    /// Width of a bin of the series in seconds.
    pub bin_s: f64,
    /// Mean number of tracks in each bin.
    pub at_once: Vec<Option<f64>>,
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scene {
    /// Its number.
    pub frame: u64,
    /// Its time, seconds.
    pub time_s: f64,
}

/// A track that has a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct LongTrack {
    /// The track.
    pub track: TrackSummary,
    /// Place of its class in [`Tracks::classes`].
    pub class: usize,
    /// The trail of its foot point, the middle of the box's lower edge, in pixels of the frame; empty when it is not known
    /// from the beginning.
    pub trail: Vec<[f64; 2]>,
}

/// The section as it is read.
pub(crate) struct TracksReader {
    detections: u64,
    trails: BTreeMap<u64, Trail>,
    dropped: BTreeSet<u64>,
    tracks: Option<Vec<TrackSummary>>,
    pub file: Option<String>,
}

impl TracksReader {
    pub fn new() -> Self {
        TracksReader { detections: 0, trails: BTreeMap::new(), dropped: BTreeSet::new(), tracks: None, file: None }
    }

    fn detection(&mut self, detection: &TrackedDetection) {
        self.detections += 1;
        if self.dropped.contains(&detection.track_id) {
            return;
        }
        let [x, y, width, height] = detection.bbox;
        self.trails.entry(detection.track_id).or_default().add([x + width / 2.0, y + height]);
        if self.trails.len() > MOST_TRAILS {
            self.drop_short_trails();
        }
    }

    /// What is dropped stays so: half a trail would be wrong.
    fn drop_short_trails(&mut self) {
        let mut lengths: Vec<(u64, u64)> = self.trails.iter().map(|(id, trail)| (trail.seen, *id)).collect();
        lengths.sort_unstable();
        for (_, id) in &lengths[..lengths.len() / 2] {
            self.trails.remove(id);
            self.dropped.insert(*id);
        }
    }

    /// The brief, or `None` when the section lacks its tracks.
    pub fn finish(self, video: &VideoInfo) -> Option<Tracks> {
        let TracksReader { detections, mut trails, tracks, .. } = self;
        let mut tracks = tracks?;
        let classes = classes(&tracks);
        let (most_at_once, scene) = busiest(&tracks);
        let fps = video.average_fps.as_f64();
        let frame_s = if fps.is_finite() && fps > 0.0 { 1.0 / fps } else { 0.0 };
        let last_s = tracks.iter().map(|track| track.last_s + frame_s).fold(0.0, f64::max);
        let (bin_s, bins) = bins_for(video.duration_s.max(last_s));
        let at_once = at_once(&tracks, frame_s, bin_s, bins);
        let count = tracks.len() as u64;

        tracks.sort_by(|a, b| {
            (b.last_s - b.first_s).total_cmp(&(a.last_s - a.first_s)).then(a.track_id.cmp(&b.track_id))
        });
        tracks.truncate(MOST_LANES);
        tracks.sort_by_key(|track| (track.first_frame, track.track_id));
        let longest = tracks.into_iter().map(|track| LongTrack {
            class: classes.iter().position(|(class, _)| *class == track.class).unwrap_or_default(),
            trail: trails.remove(&track.track_id).map(Trail::points).unwrap_or_default(),
            track,
        });
        let longest = longest.collect();
        Some(Tracks { count, detections, classes, most_at_once, scene, longest, frame_s, bin_s, at_once })
    }
}

impl Members for TracksReader {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "detections" => value.each(|detection: TrackedDetection| {
                self.detection(&detection);
                Ok(())
            }),
            "tracks" => value.get().map(|tracks| self.tracks = Some(tracks)),
            "file" => value.get().map(|file| self.file = Some(file)),
            _ => value.ignore(),
        }
    }
}

/// Classes by the number of their tracks, then by name.
fn classes(tracks: &[TrackSummary]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for track in tracks {
        *counts.entry(&track.class).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(class, count)| (class.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Most tracks at once, and where first: always at the beginning of one.
fn busiest(tracks: &[TrackSummary]) -> (u64, Option<Scene>) {
    let mut begins: Vec<&TrackSummary> = tracks.iter().collect();
    begins.sort_by_key(|track| track.first_frame);
    let mut ends: Vec<u64> = tracks.iter().map(|track| track.last_frame).collect();
    ends.sort_unstable();
    let (mut most, mut scene, mut ended) = (0, None, 0);
    for (begun, track) in begins.iter().enumerate() {
        while ends.get(ended).is_some_and(|&end| end < track.first_frame) {
            ended += 1;
        }
        let now = (begun + 1).saturating_sub(ended) as u64;
        if now > most {
            (most, scene) = (now, Some(Scene { frame: track.first_frame, time_s: track.first_s }));
        }
    }
    (most, scene)
}

/// Mean number of tracks in each bin: the time they are in it, over its width.
fn at_once(tracks: &[TrackSummary], frame_s: f64, bin_s: f64, bins: usize) -> Vec<Option<f64>> {
    let mut seconds = vec![0.0; bins];
    for track in tracks {
        let end = track.last_s + frame_s;
        let first = ((track.first_s / bin_s).max(0.0) as usize).min(bins - 1);
        let last = ((end / bin_s).max(0.0) as usize).min(bins - 1);
        for (bin, seconds) in seconds.iter_mut().enumerate().take(last + 1).skip(first) {
            let start_s = bin as f64 * bin_s;
            *seconds += (end.min(start_s + bin_s) - track.first_s.max(start_s)).max(0.0);
        }
    }
    seconds.into_iter().map(|seconds| Some((seconds / bin_s * 1000.0).round() / 1000.0)).collect()
}

/// A trail, thinned out evenly whenever it has too many points.
#[derive(Default)]
struct Trail {
    points: Vec<[f64; 2]>,
    /// Each how many-th point is kept, as a power of two.
    doublings: u32,
    seen: u64,
    last: [f64; 2],
}

impl Trail {
    fn add(&mut self, point: [f64; 2]) {
        if self.points.len() == MOST_POINTS {
            self.points = self.points.iter().copied().step_by(2).collect();
            self.doublings += 1;
        }
        if self.seen.is_multiple_of(1 << self.doublings) {
            self.points.push(point);
        }
        self.seen += 1;
        self.last = point;
    }

    /// The points that were kept, and the last one in any case.
    fn points(self) -> Vec<[f64; 2]> {
        let mut points = self.points;
        if points.last() != Some(&self.last) {
            points.push(self.last);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(track_id: u64, class: &str, first: u64, last: u64) -> TrackSummary {
        let (first_s, last_s) = (first as f64 / 10.0, last as f64 / 10.0);
        let class = class.to_owned();
        TrackSummary {
            track_id,
            class,
            first_frame: first,
            last_frame: last,
            first_s,
            last_s,
            detections: last - first + 1,
            mean_confidence: 0.5,
            gaps: 0,
        }
    }

    #[test]
    fn the_busiest_frame_is_the_first_with_most_tracks() {
        let tracks = [track(1, "a", 0, 9), track(2, "a", 10, 30), track(3, "b", 20, 25), track(4, "b", 26, 40)];
        assert_eq!(busiest(&tracks), (2, Some(Scene { frame: 20, time_s: 2.0 })));
        assert_eq!(busiest(&[]), (0, None));
        assert_eq!(classes(&tracks), [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    }

    #[test]
    fn tracks_at_once_are_weighed_by_their_time() {
        // One from 0 s to 2 s, one from 1.5 s to 2 s; the last frame lasts 0.1 s.
        let tracks = [track(1, "a", 0, 19), track(2, "a", 15, 19)];
        assert_eq!(at_once(&tracks, 0.1, 1.0, 3), [Some(1.0), Some(1.5), Some(0.0)]);
    }

    #[test]
    fn trails_are_thinned_evenly_and_keep_their_ends() {
        let mut trail = Trail::default();
        for place in 0..1000u32 {
            trail.add([f64::from(place), 0.0]);
        }
        let points = trail.points();
        assert!(points.len() > MOST_POINTS / 2 && points.len() <= MOST_POINTS + 1);
        assert_eq!((points[0][0], points[points.len() - 1][0]), (0.0, 999.0));
        let steps: BTreeSet<u64> = points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) as u64).collect();
        // 1000 points need every 16th; the trail to the last point is shorter.
        assert_eq!(steps, BTreeSet::from([7, 16]));
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_trails() {
        let mut reader = TracksReader::new();
        let detection = |frame, track_id| TrackedDetection {
            frame,
            track_id,
            class: "person".into(),
            bbox: [1.0, 2.0, 4.0, 8.0],
            confidence: 0.5,
        };
        for track_id in 0..20_000 {
            // The first track goes on and on.
            reader.detection(&detection(track_id, 0));
            reader.detection(&detection(track_id, track_id));
        }
        assert!(reader.trails.len() <= MOST_TRAILS);
        assert_eq!(reader.trails[&0].seen, 20_001);
        assert_eq!(reader.trails[&0].last, [3.0, 10.0]);
        assert!(reader.trails.len() + reader.dropped.len() == 20_000);
    }
}
