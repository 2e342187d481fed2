//! A track as it is followed: its motion, its looks, and who it is.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::feature::Feature;
use super::kalman::BoxFilter;
use super::meetings::Doubt;
use super::tracker::{Decision, Detection};

/// Share of the old feature that a new one leaves (Wang et al., "Towards Real-Time Multi-Object Tracking", 2020).
const MEMORY: f32 = 0.9;
/// Pixels between a box and the frame's edge below which the box is taken for cut off.
const EDGE: f64 = 2.0;
/// Seconds over which the mean velocity is taken: about two steps of someone who walks, whose box surges with each.
const PACE_S: f64 = 1.0;
/// Least time that tells a velocity, seconds.
const LEAST_PACE_S: f64 = 0.25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not believed yet.
    New,
    Tracked,
    Lost,
    /// To be taken out.
    Gone,
}

pub(super) struct Track {
    /// Tells it from all others, ever.
    pub serial: u64,
    pub class: u16,
    pub state: State,
    pub filter: BoxFilter,
    /// Time of the first and of the last detection.
    pub first_s: f64,
    pub last_s: f64,
    /// It has a detection in this frame.
    pub fresh: bool,
    pub hits: u32,
    pub feature: Option<Feature>,
    /// Features of good views.
    pub views: u32,
    /// Who it is, once that is decided.
    pub identity: Option<usize>,
    /// What its detections get.
    pub ticket: Rc<Cell<Decision>>,
    /// Whether it is still who it was.
    pub doubt: Option<Doubt>,
    /// Times and boxes of its detections in the last [`PACE_S`] before the last one.
    seen: VecDeque<(f64, [f64; 4])>,
}

impl Track {
    pub fn new(serial: u64, detection: &Detection, now_s: f64) -> Self {
        Track {
            serial,
            class: detection.class,
            state: State::New,
            filter: BoxFilter::new(detection.bbox),
            first_s: now_s,
            last_s: now_s,
            fresh: true,
            hits: 1,
            feature: None,
            views: 0,
            identity: None,
            ticket: Rc::new(Cell::new(Decision::Open)),
            doubt: None,
            seen: VecDeque::from([(now_s, detection.bbox)]),
        }
    }

    /// Takes a detection.
    pub fn follow(&mut self, bbox: [f64; 4], now_s: f64) {
        self.filter.update(bbox);
        self.last_s = now_s;
        self.fresh = true;
        self.hits += 1;
        if self.state == State::Lost {
            self.state = State::Tracked;
        }
        self.seen.push_back((now_s, bbox));
        // Times are rounded: what is a hair older than a second still counts.
        while self.seen.front().is_some_and(|(at_s, _)| now_s - at_s > PACE_S + 1e-6) {
            self.seen.pop_front();
        }
    }

    /// Goes on as another track does that turned out to be the same.
    pub fn take_over(&mut self, younger: &mut Track) {
        (self.filter, self.last_s) = (younger.filter, younger.last_s);
        (self.fresh, self.state) = (true, State::Tracked);
        self.hits += younger.hits;
        self.seen = std::mem::take(&mut younger.seen);
        let feature = younger.feature.take();
        self.look(feature.as_ref(), true);
    }

    /// Has lost sight. It goes on at its mean pace: the last boxes before something hides are of what was still seen of it, and
    /// their centres tell little of its velocity.
    pub fn lose(&mut self, keep_pace: bool) {
        if self.state == State::Lost {
            return;
        }
        self.state = State::Lost;
        let (Some(&(from_s, from)), Some(&(to_s, to))) = (self.seen.front(), self.seen.back()) else { return };
        let seconds = to_s - from_s;
        if keep_pace && seconds >= LEAST_PACE_S {
            let way = |axis: usize| to[axis] + to[axis + 2] / 2.0 - from[axis] - from[axis + 2] / 2.0;
            self.filter.set_velocity([way(0) / seconds, way(1) / seconds]);
        }
    }

    /// Takes a view of it in; views that are not good count only as long as there is no other.
    pub fn look(&mut self, feature: Option<&Feature>, good: bool) {
        if let Some(doubt) = &mut self.doubt {
            doubt.look(feature, good);
            return;
        }
        match (&mut self.feature, feature) {
            (known, Some(new)) if known.is_none() || (good && self.views == 0) => *known = Some(new.clone()),
            (Some(known), Some(new)) if good => known.blend(new, MEMORY),
            _ => return,
        }
        self.views += u32::from(good);
    }

    /// Takes in `views` good views at once, of which `feature` is the mean.
    pub fn remember(&mut self, feature: &Feature, views: u32) {
        if let Some(known) = &mut self.feature {
            let memory = (0..views).fold(1.0, |memory, _| memory * MEMORY);
            known.blend(feature, memory);
        }
    }
}

/// Whether a box does not touch the frame's edge.
pub(super) fn is_whole([left, top, width, height]: [f64; 4], [frame_width, frame_height]: [f64; 2]) -> bool {
    left > EDGE && top > EDGE && left + width < frame_width - EDGE && top + height < frame_height - EDGE
}
