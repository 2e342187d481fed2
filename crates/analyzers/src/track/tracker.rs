//! Which detection is which track: ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
//! 2021) with appearance as in BoT-SORT (Aharon et al., 2022), and identities that outlive their tracks.
//!
//! A track is followed by its motion. Sure detections are given to tracks first, unsure ones to the tracks that are left: what
//! is half hidden scores low, but it is where the track expects it. A track that finds nothing is lost, and waits for a while
//! where its motion would have brought it. A new track is believed after a few detections in a row.
//!
//! Unlike there, unsure detections continue lost tracks too: whoever walks behind someone is seen now and then, and doubtfully.
//! And a detection of middling score may begin a track (`new`), although it is not sure (`high`). What follows was found on
//! drawn people who cross, and can be switched off:
//!
//! - `upright`: an overlap counts only as far as the boxes agree in top and bottom (HMIoU of Yang et al., "Hybrid-SORT", 2023).
//!   People at different distances differ in both, and whatever hides a side of someone leaves them.
//! - `recover`: who was hidden is looked for beside the expected place too (buffers of Yang et al., "C-BIoU", 2023), with a
//!   margin that grows with the time, because boxes of half-hidden people lie off their middle and people change their pace; and
//!   goes on meanwhile at the mean pace of the last second (observations before the filter's velocity, as in Cao et al.,
//!   "OC-SORT", 2022). So is whoever has just come, whose velocity nobody knows yet: boxes of a runner, ten a second, do not overlap.
//! - `meetings`: when people have parted, their looks decide who is who. Needs features.
//!
//! An identity is what gets a number in the result. Before a new track is given one, it is compared by appearance with those
//! that have left (see [`identities`](super::identities)). So that this can take a few frames, the track's detections are held
//! back by whoever writes them until [`Ticket::identity`] is decided.

use std::cell::Cell;
use std::rc::Rc;

use super::assignment::{Pair, assign};
use super::feature::Feature;
use super::identities::{Candidate, Identities, Newcomer};
use super::params::ReduceParams;
use super::trace::{State, Track, is_whole};
use crate::overlap::{area, horizontal_overlap, intersection, intersection_over_union, vertical_overlap};

/// Of fused distances (1 − overlap · score), the largest at which a sure detection continues a track.
const SURE_LIMIT: f64 = 0.8;
/// Of distances (1 − overlap), the largest at which an unsure detection continues a track.
const UNSURE_LIMIT: f64 = 0.5;
/// Of fused distances, the largest at which a detection continues a track that is not believed yet.
const UNCONFIRMED_LIMIT: f64 = 0.7;
/// Two tracks with a smaller distance (1 − overlap) are one object.
const SAME_LIMIT: f64 = 0.15;
/// Appearance counts where the distance (1 − overlap) is at most this (θ_iou of BoT-SORT).
const APPEARANCE_GATE: f64 = 0.5;
/// Appearance counts where its own distance is at most this (θ_emb of BoT-SORT).
const APPEARANCE_LIMIT: f64 = 0.25;
/// Good views of a new track before it is compared with those that have left.
pub(super) const VIEWS: u32 = 5;
/// Longest wait for them, seconds.
pub(super) const DECISION_S: f64 = 1.0;
/// Of distances (1 − overlap beside and in height), the largest at which someone hidden is found again.
const RECOVERY_LIMIT: f64 = 0.8;
/// How far beside the expected place someone hidden is looked for: in heights, and in heights for each second.
const MARGIN: [f64; 2] = [0.15, 0.3];
/// A view is good when no other detection covers more of it.
const COVERED: f64 = 0.2;

/// Something detected in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Class.
    pub class: u16,
    /// Score, 0..=1.
    pub score: f64,
    /// Left, top, width and height in pixels.
    pub bbox: [f64; 4],
    /// What it looks like.
    pub feature: Option<Feature>,
}

/// Whether a track is believed, and who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not decided yet.
    Open,
    /// It was a false alarm.
    Dropped,
    /// It is the identity at this place in [`Identities`].
    Identity(usize),
}

/// What a detection gets until its track's identity is decided.
#[derive(Clone, Debug)]
pub struct Ticket(Rc<Cell<Decision>>);

impl Ticket {
    /// The decision as it stands.
    pub fn identity(&self) -> Decision {
        self.0.get()
    }
}

/// Follows everything from frame to frame.
pub struct Tracker {
    params: ReduceParams,
    /// Width and height of the frames.
    size: [f64; 2],
    now_s: Option<f64>,
    pub(super) tracks: Vec<Track>,
    identities: Identities,
    /// Tracks that there have been.
    begun: u64,
}

impl Tracker {
    /// For frames of this width and height.
    pub fn new(params: &ReduceParams, size: [f64; 2]) -> Self {
        let identities = Identities::new(params.reid_distance, params.reid_window_s);
        Tracker { params: params.clone(), size, now_s: None, tracks: Vec::new(), identities, begun: 0 }
    }

    /// Everyone there has been.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Takes the next frame's detections. For each the ticket of its track; none for one that no track takes.
    pub fn update(&mut self, now_s: f64, detections: &[Detection]) -> Vec<Option<Ticket>> {
        let elapsed_s = self.now_s.map_or(0.0, |before| (now_s - before).max(0.0));
        self.now_s = Some(now_s);
        self.retire(now_s);
        for track in &mut self.tracks {
            if track.state == State::Lost {
                track.filter.hold_height();
            }
            track.filter.predict(elapsed_s);
            track.fresh = false;
        }
        let mut taken: Vec<Option<Ticket>> = vec![None; detections.len()];
        let sure = self.those(detections, |score| score >= self.params.high);
        let unsure = self.those(detections, |score| score >= self.params.low && score < self.params.high);

        let old = self.tracks_in(|state| matches!(state, State::Tracked | State::Lost));
        self.first_match(&old, &sure, detections, &mut taken);
        let mut left = self.tracks_in(|state| matches!(state, State::Tracked | State::Lost));
        left.retain(|&index| !self.tracks[index].fresh);
        let pairs = self.pairs(&left, &unsure, detections, |overlap, _, _| 1.0 - overlap);
        self.give(&left, &unsure, detections, &pairs, UNSURE_LIMIT, &mut taken);
        self.match_at_edges(&left, detections, &mut taken);
        if self.params.recover {
            self.recover(&left, detections, &mut taken);
        }
        let mut gone = Vec::new();
        for index in left {
            let track = &mut self.tracks[index];
            if !track.fresh && track.state == State::Tracked {
                track.lose(self.params.recover);
                gone.push(track.serial);
            }
        }

        // What nobody has taken, of a score that a track may begin with or go on with.
        let least = self.params.new.min(self.params.high);
        let free = |taken: &[Option<Ticket>]| {
            let open = |index: &usize| taken[*index].is_none() && detections[*index].score >= least;
            sure.iter().chain(&unsure).copied().filter(open).collect::<Vec<usize>>()
        };
        let new = self.tracks_in(|state| state == State::New);
        let candidates = free(&taken);
        let pairs = if self.params.recover {
            self.pairs_beside(&new, &candidates, detections)
        } else {
            let high = self.params.high;
            self.pairs(&new, &candidates, detections, |overlap, detection, _| {
                1.0 - overlap * if detection.score >= high { detection.score } else { 1.0 }
            })
        };
        self.give(&new, &candidates, detections, &pairs, UNCONFIRMED_LIMIT, &mut taken);
        for index in new {
            let track = &mut self.tracks[index];
            if !track.fresh {
                track.state = State::Gone;
                track.ticket.set(Decision::Dropped);
            } else if track.hits >= self.params.min_hits {
                track.state = State::Tracked;
            }
        }
        for index in free(&taken) {
            if detections[index].score >= self.params.new {
                taken[index] = Some(self.begin(detections, index, now_s));
            }
        }
        self.merge_doubles();
        if self.params.reid && self.params.meetings {
            self.meet(now_s, &gone);
        }
        self.decide(now_s, false);
        self.tracks.retain(|track| track.state != State::Gone);
        taken
    }

    /// Ends the video: every track is decided.
    pub fn finish(&mut self) {
        for track in &mut self.tracks {
            if track.state == State::New {
                track.state = State::Gone;
                track.ticket.set(Decision::Dropped);
            }
        }
        for index in 0..self.tracks.len() {
            self.settle(index);
        }
        self.decide(self.now_s.unwrap_or(0.0), true);
    }

    /// Positions of the detections with such a score.
    fn those(&self, detections: &[Detection], wanted: impl Fn(f64) -> bool) -> Vec<usize> {
        (0..detections.len()).filter(|&index| wanted(detections[index].score)).collect()
    }

    fn tracks_in(&self, wanted: impl Fn(State) -> bool) -> Vec<usize> {
        (0..self.tracks.len()).filter(|&index| wanted(self.tracks[index].state)).collect()
    }

    /// Sure detections to believed tracks, by overlap, score and appearance.
    fn first_match(&mut self, old: &[usize], sure: &[usize], detections: &[Detection], taken: &mut [Option<Ticket>]) {
        let pairs = self.pairs(old, sure, detections, |overlap, detection, track| {
            let fused = 1.0 - overlap * detection.score;
            let (Some(a), Some(b), true) = (&track.feature, &detection.feature, self.params.reid) else { return fused };
            if 1.0 - overlap > APPEARANCE_GATE {
                return fused;
            }
            let looks = a.distance(b);
            if looks > APPEARANCE_LIMIT { fused } else { fused.min(looks / 2.0) }
        });
        self.give(old, sure, detections, &pairs, SURE_LIMIT, taken);
    }

    /// What is cut off by the frame's edge to tracks that were seen in the last frame and are expected to leave. What is left of
    /// a box inside the frame has little overlap with the whole box that is expected; so it is compared with the part of that
    /// inside the frame, by the share of the smaller of the two.
    fn match_at_edges(&mut self, left: &[usize], detections: &[Detection], taken: &mut [Option<Ticket>]) {
        let mut leaving = left.to_vec();
        leaving.retain(|&index| {
            let track = &self.tracks[index];
            track.state == State::Tracked && !track.fresh && !is_whole(track.filter.bbox(), self.size)
        });
        let mut cut_off = self.those(detections, |score| score >= self.params.low);
        cut_off.retain(|&index| taken[index].is_none() && !is_whole(detections[index].bbox, self.size));
        let [width, height] = self.size;
        let mut pairs = Vec::new();
        for (row, &index) in leaving.iter().enumerate() {
            let track = &self.tracks[index];
            let expected = intersection(track.filter.bbox(), [0.0, 0.0, width, height]);
            for (column, &index) in cut_off.iter().enumerate() {
                let Detection { class, bbox, .. } = detections[index];
                let smaller = area(expected).min(area(bbox));
                if class == track.class && smaller > 0.0 {
                    pairs.push(Pair { row, column, cost: 1.0 - area(intersection(expected, bbox)) / smaller });
                }
            }
        }
        self.give(&leaving, &cut_off, detections, &pairs, UNSURE_LIMIT, taken);
    }

    /// What may begin a track, to tracks that have lost sight: beside the expected place too, but standing and ending as high.
    fn recover(&mut self, left: &[usize], detections: &[Detection], taken: &mut [Option<Ticket>]) {
        let mut lost = left.to_vec();
        lost.retain(|&index| !self.tracks[index].fresh);
        let mut free = self.those(detections, |score| score >= self.params.new);
        free.retain(|&index| taken[index].is_none());
        let pairs = self.pairs_beside(&lost, &free, detections);
        self.give(&lost, &free, detections, &pairs, RECOVERY_LIMIT, taken);
    }

    /// Tracks and detections of one class that stand about as high, and beside each other when both are widened by the margin.
    fn pairs_beside(&self, tracks: &[usize], chosen: &[usize], detections: &[Detection]) -> Vec<Pair> {
        let now_s = self.now_s.unwrap_or(0.0);
        let mut pairs = Vec::new();
        for (row, &index) in tracks.iter().enumerate() {
            let track = &self.tracks[index];
            let expected = track.filter.bbox();
            let margin = expected[3] * (MARGIN[0] + MARGIN[1] * (now_s - track.last_s));
            for (column, &index) in chosen.iter().enumerate() {
                let Detection { class, bbox, .. } = detections[index];
                let (beside, upright) = (horizontal_overlap(expected, bbox, margin), vertical_overlap(expected, bbox));
                if class == track.class && beside > 0.0 {
                    pairs.push(Pair { row, column, cost: 1.0 - beside * upright * upright });
                }
            }
        }
        pairs
    }

    /// Tracks and detections of one class that overlap, with the cost of bringing them together.
    fn pairs(
        &self,
        tracks: &[usize],
        chosen: &[usize],
        detections: &[Detection],
        cost: impl Fn(f64, &Detection, &Track) -> f64,
    ) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (row, &track) in tracks.iter().enumerate() {
            let track = &self.tracks[track];
            let expected = track.filter.bbox();
            for (column, &index) in chosen.iter().enumerate() {
                let detection = &detections[index];
                if detection.class != track.class {
                    continue;
                }
                let overlap = intersection_over_union(expected, detection.bbox);
                if overlap > 0.0 {
                    let upright = if self.params.upright { vertical_overlap(expected, detection.bbox) } else { 1.0 };
                    pairs.push(Pair { row, column, cost: cost(overlap * upright, detection, track) });
                }
            }
        }
        pairs
    }

    /// Gives the detections of the best assignment to their tracks.
    fn give(
        &mut self,
        tracks: &[usize],
        chosen: &[usize],
        detections: &[Detection],
        pairs: &[Pair],
        limit: f64,
        taken: &mut [Option<Ticket>],
    ) {
        let now_s = self.now_s.unwrap_or(0.0);
        for [row, column] in assign(tracks.len(), chosen.len(), pairs, limit) {
            let (track, index) = (&mut self.tracks[tracks[row]], chosen[column]);
            track.follow(detections[index].bbox, now_s);
            let good = detections[index].score >= self.params.high && is_clear(detections, index, self.size);
            track.look(detections[index].feature.as_ref(), good);
            taken[index] = Some(Ticket(track.ticket.clone()));
        }
    }

    fn begin(&mut self, detections: &[Detection], index: usize, now_s: f64) -> Ticket {
        let detection = &detections[index];
        self.begun += 1;
        let mut track = Track::new(self.begun, detection, now_s);
        if self.params.min_hits <= 1 {
            track.state = State::Tracked;
        }
        track.look(detection.feature.as_ref(), is_clear(detections, index, self.size));
        let ticket = Ticket(track.ticket.clone());
        self.tracks.push(track);
        ticket
    }

    /// Where a lost track waits for what a younger track follows, the older one takes over.
    fn merge_doubles(&mut self) {
        for lost in self.tracks_in(|state| state == State::Lost) {
            if self.tracks[lost].identity.is_none() {
                continue;
            }
            let waiting = self.tracks[lost].filter.bbox();
            for seen in self.tracks_in(|state| state == State::Tracked) {
                let (older, younger) = (&self.tracks[lost], &self.tracks[seen]);
                if older.class != younger.class
                    || younger.first_s <= older.last_s
                    || younger.identity.is_some()
                    || 1.0 - intersection_over_union(waiting, younger.filter.bbox()) >= SAME_LIMIT
                {
                    continue;
                }
                self.join(lost, seen);
                break;
            }
        }
    }

    /// The track `seen`, which is not decided yet, is the continuation of `lost`, which is.
    fn join(&mut self, lost: usize, seen: usize) {
        let Some(identity) = self.tracks[lost].identity else { return };
        let (left, right) = self.tracks.split_at_mut(lost.max(seen));
        let (first, second) = (&mut left[lost.min(seen)], &mut right[0]);
        let (older, younger) = if lost < seen { (first, second) } else { (second, first) };
        younger.state = State::Gone;
        younger.ticket.set(Decision::Identity(identity));
        older.take_over(younger);
    }

    /// Decides who the believed tracks are that have been seen well enough, or for long enough; at the `end`, all.
    fn decide(&mut self, now_s: f64, end: bool) {
        let mut due = Vec::new();
        for index in self.tracks_in(|state| matches!(state, State::Tracked | State::Lost)) {
            let track = &self.tracks[index];
            let waited = end || now_s - track.first_s >= DECISION_S || track.state == State::Lost;
            let known = !self.params.reid || track.feature.is_none() || track.views >= VIEWS;
            if track.identity.is_none() && (waited || known) {
                due.push(index);
            }
        }
        if due.is_empty() {
            return;
        }
        // Those that have left, and those that were lost before the new track began.
        let lost = self.tracks_in(|state| state == State::Lost);
        let mut candidates = Vec::new();
        for &index in &lost {
            let track = &self.tracks[index];
            if let (Some(identity), Some(feature)) = (track.identity, &track.feature) {
                candidates.push(Candidate {
                    identity,
                    class: track.class,
                    last_s: track.last_s,
                    feature: feature.clone(),
                });
            }
        }
        let found = if self.params.reid {
            self.compare_with_others(&due);
            let newcomer = |&index: &usize| {
                let track = &self.tracks[index];
                Newcomer { class: track.class, first_s: track.first_s, feature: track.feature.as_ref() }
            };
            let newcomers: Vec<Newcomer<'_>> = due.iter().map(newcomer).collect();
            self.identities.recognise(&newcomers, &candidates, now_s)
        } else {
            vec![None; due.len()]
        };
        for (index, identity) in due.into_iter().zip(found) {
            let identity = identity.unwrap_or_else(|| self.identities.add());
            // Who is seen again does not wait elsewhere any more.
            for &other in &lost {
                if other != index && self.tracks[other].identity == Some(identity) {
                    self.tracks[other].state = State::Gone;
                }
            }
            let track = &mut self.tracks[index];
            track.identity = Some(identity);
            track.ticket.set(Decision::Identity(identity));
        }
    }

    /// Notes how far those who are seen well at the moment lie from those about whom is to be decided: they are others.
    fn compare_with_others(&mut self, due: &[usize]) {
        let well = |index: &usize| {
            let track = &self.tracks[*index];
            track.state == State::Tracked && track.fresh && track.views >= VIEWS
        };
        let seen: Vec<usize> = (0..self.tracks.len()).filter(well).collect();
        for &index in due.iter().filter(|index| well(index)) {
            for &other in seen.iter().filter(|other| **other != index) {
                let (one, other) = (&self.tracks[index], &self.tracks[other]);
                if let (Some(a), Some(b), true) = (&one.feature, &other.feature, one.class == other.class) {
                    self.identities.seen_together(a.distance(b));
                }
            }
        }
    }

    /// Takes out what has been lost for too long.
    fn retire(&mut self, now_s: f64) {
        for track in &mut self.tracks {
            if track.state == State::Lost && now_s - track.last_s > self.params.buffer_s {
                track.state = State::Gone;
                if let (Some(identity), Some(feature), true) = (track.identity, track.feature.take(), self.params.reid)
                {
                    self.identities.remember(Candidate { identity, class: track.class, last_s: track.last_s, feature });
                }
            }
        }
        self.tracks.retain(|track| track.state != State::Gone);
    }
}

/// Whether a detection is seen well: not cut off by the frame's edge, and hardly covered by another one.
fn is_clear(detections: &[Detection], index: usize, size: [f64; 2]) -> bool {
    let bbox = detections[index].bbox;
    let covers = |(other, detection): (usize, &Detection)| {
        other != index && area(intersection(bbox, detection.bbox)) > COVERED * area(bbox)
    };
    is_whole(bbox, size) && !detections.iter().enumerate().any(covers)
}
