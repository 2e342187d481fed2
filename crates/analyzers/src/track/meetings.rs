//! Who is who after people have met.
//!
//! While boxes overlap, motion alone may follow the wrong one, and features are of both. So what a track looked like before is
//! kept as it is, and when it has parted from the others, its looks from then on are compared with those of all whom it met:
//! tracks that went on as each other change numbers. Its detections since it parted are held back until that is decided.

use std::cell::Cell;
use std::rc::Rc;

use super::assignment::{Pair, assign};
use super::feature::Feature;
use super::trace::{State, Track};
use super::tracker::{DECISION_S, Decision, Tracker, VIEWS};
use crate::overlap::{area, intersection};

/// Tracks meet when this share of the smaller box is common to both.
const MEETING: f64 = 0.1;
/// Good views since a meeting from which on they are compared.
const LEAST_VIEWS: u32 = 3;
/// What a change of numbers must be better by for each track, in cosine distance.
const STAY: f64 = 0.05;
/// More than any cost: nobody stays alone.
const ANY: f64 = 3.0;

/// What is open about a track that has met others.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    /// Serial numbers of those it met.
    others: Vec<u64>,
    /// They are still together.
    meeting: bool,
    parted_s: f64,
    /// Mean of the good views since.
    feature: Option<Feature>,
    views: u32,
}

impl Doubt {
    fn new() -> Self {
        Doubt { others: Vec::new(), meeting: true, parted_s: 0.0, feature: None, views: 0 }
    }

    /// Takes in a view.
    pub fn look(&mut self, feature: Option<&Feature>, good: bool) {
        let (Some(new), true, false) = (feature, good, self.meeting) else { return };
        match &mut self.feature {
            None => self.feature = Some(new.clone()),
            Some(mean) => mean.blend(new, self.views as f32 / (self.views + 1) as f32),
        }
        self.views += 1;
    }

    fn met(&mut self, others: &[u64]) {
        for other in others {
            if !self.others.contains(other) {
                self.others.push(*other);
            }
        }
    }

    /// The looks since, when there are enough of them.
    fn looks(&self) -> Option<&Feature> {
        if self.meeting || self.views < LEAST_VIEWS { None } else { self.feature.as_ref() }
    }
}

impl Tracker {
    /// Notes who is together, and who has parted. `gone` tells tracks that have just lost sight.
    pub(super) fn meet(&mut self, now_s: f64, gone: &[u64]) {
        let known: Vec<usize> = (0..self.tracks.len())
            .filter(|&index| {
                let track = &self.tracks[index];
                track.identity.is_some() && matches!(track.state, State::Tracked | State::Lost)
            })
            .collect();
        let boxes: Vec<[f64; 4]> = known.iter().map(|&index| self.tracks[index].filter.bbox()).collect();
        // Who is seen beside it, and who has just vanished beside it.
        let (mut seen, mut hidden) = (vec![Vec::new(); known.len()], vec![Vec::new(); known.len()]);
        for a in 0..known.len() {
            for b in a + 1..known.len() {
                let (first, second) = (&self.tracks[known[a]], &self.tracks[known[b]]);
                let smaller = area(boxes[a]).min(area(boxes[b]));
                if first.class != second.class || area(intersection(boxes[a], boxes[b])) <= MEETING * smaller {
                    continue;
                }
                let list = match (first.fresh, second.fresh) {
                    (true, true) => &mut seen,
                    (true, false) if gone.contains(&second.serial) => &mut hidden,
                    (false, true) if gone.contains(&first.serial) => &mut hidden,
                    _ => continue,
                };
                list[a].push(second.serial);
                list[b].push(first.serial);
            }
        }
        for (place, &index) in known.iter().enumerate() {
            if !seen[place].is_empty() && self.tracks[index].doubt.as_ref().is_some_and(|doubt| !doubt.meeting) {
                self.settle(index);
            }
            let track = &mut self.tracks[index];
            if !seen[place].is_empty() || !hidden[place].is_empty() {
                let doubt = track.doubt.get_or_insert_with(Doubt::new);
                doubt.met(&seen[place]);
                doubt.met(&hidden[place]);
            }
            let Some(doubt) = &mut track.doubt else { continue };
            if !seen[place].is_empty() {
                continue;
            }
            if doubt.meeting && track.fresh {
                (doubt.meeting, doubt.parted_s) = (false, now_s);
                track.ticket = Rc::new(Cell::new(Decision::Open));
            } else if !doubt.meeting
                && (doubt.views >= VIEWS || now_s - doubt.parted_s >= DECISION_S || track.state == State::Lost)
            {
                self.settle(index);
            }
        }
    }

    /// Decides who a track is that has parted from others. One that is still together with them stays who it was.
    pub(super) fn settle(&mut self, index: usize) {
        let Some(doubt) = self.tracks[index].doubt.take_if(|doubt| !doubt.meeting) else { return };
        if let Some(other) = self.mistaken_for(index, &doubt) {
            self.exchange(index, other);
        }
        let track = &mut self.tracks[index];
        if let Some(identity) = track.identity {
            track.ticket.set(Decision::Identity(identity));
        }
        if let Some(feature) = &doubt.feature {
            track.remember(feature, doubt.views);
        }
    }

    /// The track that `index` looks like, of those it met, when all of them whose looks are known are dealt out at once.
    fn mistaken_for(&self, index: usize, doubt: &Doubt) -> Option<usize> {
        let met = |place: &usize| {
            let track = &self.tracks[*place];
            *place == index || (track.identity.is_some() && doubt.others.contains(&track.serial))
        };
        let group: Vec<usize> = (0..self.tracks.len()).filter(met).collect();
        let mut pairs = Vec::new();
        for (row, &member) in group.iter().enumerate() {
            let own = if member == index { Some(doubt) } else { self.tracks[member].doubt.as_ref() };
            let Some((own, looks)) = own.and_then(|own| Some((own, own.looks()?))) else { continue };
            for (column, &other) in group.iter().enumerate() {
                let Track { serial, feature: Some(before), .. } = &self.tracks[other] else { continue };
                if other == member || own.others.contains(serial) {
                    let stay = if other == member { STAY } else { 0.0 };
                    pairs.push(Pair { row, column, cost: looks.distance(before) - stay });
                }
            }
        }
        let dealt = assign(group.len(), group.len(), &pairs, ANY);
        let [_, column] = dealt.into_iter().find(|[row, _]| group[*row] == index)?;
        (group[column] != index).then_some(group[column])
    }

    /// Two tracks change who they are.
    fn exchange(&mut self, one: usize, other: usize) {
        let (left, right) = self.tracks.split_at_mut(one.max(other));
        let (a, b) = (&mut left[one.min(other)], &mut right[0]);
        std::mem::swap(&mut a.identity, &mut b.identity);
        std::mem::swap(&mut a.feature, &mut b.feature);
        std::mem::swap(&mut a.views, &mut b.views);
        // Whoever has nothing held back goes on under the new number.
        let other = &mut self.tracks[other];
        if let (Some(identity), false) = (other.identity, other.doubt.as_ref().is_some_and(|doubt| !doubt.meeting)) {
            other.ticket = Rc::new(Cell::new(Decision::Identity(identity)));
        }
    }
}
