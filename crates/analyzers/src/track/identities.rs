//! Who has left, and is recognised when seen again: the features of identities whose tracks have ended.
//!
//! How far apart the features of two people lie depends on the video: on drawn people and on photographs, in uniforms and in
//! summer clothes it is not the same. Those who were in one picture at the same time are certainly different, so their
//! distances are the video's own measure: who comes back must be clearly nearer than those are to each other.
//!
//! Memory is bounded: those who left too long ago are forgotten, and of very many the ones who left first.

use std::collections::VecDeque;

use super::assignment::{Pair, assign};
use super::feature::Feature;

/// Most who are remembered.
const MOST: usize = 2048;

/// Distances of people seen together that are kept, the latest ones.
const MOST_APART: usize = 255;

/// Share of the median distance of people seen together below which two views may be of one person.
const NEARER: f64 = 0.6;

/// Someone who may be seen again.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Place of the identity.
    pub identity: usize,
    /// Class.
    pub class: u16,
    /// When last seen, seconds.
    pub last_s: f64,
    /// What it looked like.
    pub feature: Feature,
}

/// A track that may be someone who was there before.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// Class.
    pub class: u16,
    /// When first seen, seconds.
    pub first_s: f64,
    /// What it looks like.
    pub feature: Option<&'a Feature>,
}

/// Everyone there has been.
#[derive(Debug)]
pub struct Identities {
    /// Cosine distance below which two views are of one thing.
    distance: f64,
    /// Seconds for which someone is remembered.
    window_s: f64,
    count: usize,
    /// By time of leaving.
    gone: Vec<Candidate>,
    /// Distances of those who were seen together.
    apart: VecDeque<f64>,
}

impl Identities {
    /// Nobody yet.
    pub fn new(distance: f64, window_s: f64) -> Self {
        Identities { distance, window_s, count: 0, gone: Vec::new(), apart: VecDeque::new() }
    }

    /// How many there have been.
    pub fn count(&self) -> usize {
        self.count
    }

    /// A new one.
    pub fn add(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    /// Someone has left.
    pub fn remember(&mut self, candidate: Candidate) {
        let place = self.gone.partition_point(|other| other.last_s <= candidate.last_s);
        self.gone.insert(place, candidate);
        let surplus = self.gone.len().saturating_sub(MOST);
        self.gone.drain(..surplus);
    }

    /// Two who were seen in one picture lie this far apart.
    pub fn seen_together(&mut self, distance: f64) {
        self.apart.push_back(distance);
        if self.apart.len() > MOST_APART {
            self.apart.pop_front();
        }
    }

    /// The distance below which two views may be of one thing.
    fn limit(&self) -> f64 {
        let mut apart: Vec<f64> = self.apart.iter().copied().collect();
        apart.sort_unstable_by(f64::total_cmp);
        apart.get(apart.len() / 2).map_or(self.distance, |median| self.distance.min(NEARER * median))
    }

    /// For each newcomer the identity that it is, if it looks like someone of its class who had left, or was in `lost`, before
    /// it came. Who is recognised has not left any more.
    pub fn recognise(&mut self, newcomers: &[Newcomer<'_>], lost: &[Candidate], now_s: f64) -> Vec<Option<usize>> {
        let oldest = now_s - self.window_s;
        self.gone.retain(|candidate| candidate.last_s >= oldest);
        let candidates: Vec<&Candidate> = self.gone.iter().chain(lost).collect();
        let mut pairs = Vec::new();
        for (row, newcomer) in newcomers.iter().enumerate() {
            let Some(feature) = newcomer.feature else { continue };
            for (column, candidate) in candidates.iter().enumerate() {
                if candidate.class == newcomer.class && candidate.last_s < newcomer.first_s {
                    pairs.push(Pair { row, column, cost: feature.distance(&candidate.feature) });
                }
            }
        }
        let mut recognised = vec![None; newcomers.len()];
        for [row, column] in assign(newcomers.len(), candidates.len(), &pairs, self.limit()) {
            recognised[row] = Some(candidates[column].identity);
        }
        self.gone.retain(|candidate| !recognised.contains(&Some(candidate.identity)));
        recognised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(degrees: f64) -> Feature {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Feature::new(vec![cos as f32, sin as f32]).unwrap()
    }

    fn candidate(identity: usize, class: u16, last_s: f64, degrees: f64) -> Candidate {
        Candidate { identity, class, last_s, feature: feature(degrees) }
    }

    fn recognise(identities: &mut Identities, class: u16, first_s: f64, degrees: f64) -> Option<usize> {
        let feature = feature(degrees);
        let newcomer = Newcomer { class, first_s, feature: Some(&feature) };
        identities.recognise(&[newcomer], &[], first_s)[0]
    }

    #[test]
    fn the_alike_are_recognised_once() {
        let mut identities = Identities::new(0.1, 60.0);
        for (identity, degrees) in [(0, 0.0), (1, 40.0), (2, 80.0)] {
            identities.remember(candidate(identity, 0, 10.0, degrees));
        }
        assert_eq!(recognise(&mut identities, 0, 20.0, 45.0), Some(1));
        assert_eq!(recognise(&mut identities, 0, 20.0, 45.0), None); // is here already; the others look different
        assert_eq!(recognise(&mut identities, 7, 20.0, 0.0), None); // another class
        assert_eq!(recognise(&mut identities, 0, 9.0, 0.0), None); // was seen at the same time
        assert_eq!(recognise(&mut identities, 0, 70.0, 79.0), Some(2));
        assert_eq!(recognise(&mut identities, 0, 70.1, 0.0), None); // forgotten
    }

    #[test]
    fn those_seen_together_set_the_measure() {
        let mut identities = Identities::new(0.5, 60.0);
        // 1 − cos 20° = 0.06.
        identities.remember(candidate(0, 0, 1.0, 0.0));
        identities.seen_together(0.09);
        assert_eq!(recognise(&mut identities, 0, 2.0, 20.0), None);
        identities.seen_together(0.2);
        assert_eq!(recognise(&mut identities, 0, 2.0, 20.0), Some(0));
    }

    #[test]
    fn two_at_once_are_dealt_out_so_that_all_fit() {
        let mut identities = Identities::new(0.3, 60.0);
        identities.remember(candidate(0, 0, 1.0, 0.0));
        identities.remember(candidate(1, 0, 1.0, 30.0));
        let features = [feature(20.0), feature(50.0)];
        let newcomers = features.each_ref().map(|feature| Newcomer { class: 0, first_s: 2.0, feature: Some(feature) });
        // The first is nearer to 30°, but then nobody would be left for the second.
        assert_eq!(identities.recognise(&newcomers, &[], 2.0), [Some(0), Some(1)]);
    }

    #[test]
    fn who_is_lost_can_be_recognised_and_memory_is_bounded() {
        let mut identities = Identities::new(0.1, 1e9);
        let lost = [candidate(5, 0, 1.0, 10.0)];
        let same = feature(10.0);
        let newcomer = Newcomer { class: 0, first_s: 2.0, feature: Some(&same) };
        assert_eq!(identities.recognise(&[newcomer], &lost, 2.0), [Some(5)]);
        for identity in 0..3 * MOST {
            identities.remember(candidate(identity, 0, identity as f64, 0.0));
        }
        assert_eq!(identities.gone.len(), MOST);
        assert_eq!(identities.gone[0].identity, 2 * MOST);
    }
}
