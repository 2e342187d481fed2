//! Picks the sharpest frames that keep their distance, one pass over the frames and in bounded memory.
//!
//! The choice is greedy: the sharpest frame, then the sharpest one at least a gap away from it, and so on; of equally sharp
//! ones the earlier. To find it in one pass, time is cut into cells a little longer than the gap. Of frames in every other
//! cell, no two are too close; so once 4 · count cells hold a frame sharper than some frame, 2 · count sharper frames keep
//! their distance from each other. A selected frame is too close to at most two of them, so the greedy choice finds `count`
//! frames among the sharper ones, and never comes to that frame. It is forgotten.

use framefan_contract::Rational;

use crate::analyzer::FrameTime;

/// A frame that may be selected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Where it stands.
    pub time: FrameTime,
    /// How sharp it is.
    pub sharpness: f64,
    /// How much moves.
    pub motion: f64,
}

/// Finds the greedy choice.
#[derive(Debug)]
pub struct Selection {
    count: usize,
    gap_s: f64,
    time_base: Rational,
    cells: Vec<Cell>,
    /// Frames that are less sharp cannot be selected any more.
    least: f64,
}

/// Frames of a stretch of time.
#[derive(Debug)]
struct Cell {
    number: i64,
    sharpest: f64,
    frames: Vec<Candidate>,
}

impl Selection {
    /// Up to `count` frames at least `gap_s` seconds apart, of a video with this time base.
    pub fn new(count: usize, gap_s: f64, time_base: Rational) -> Self {
        Selection { count, gap_s, time_base, cells: Vec::new(), least: f64::NEG_INFINITY }
    }

    /// Takes the next frame; frames come in presentation order.
    pub fn push(&mut self, candidate: Candidate) {
        if candidate.sharpness < self.least {
            return;
        }
        let number = self.cell(candidate.time);
        match self.cells.last_mut().filter(|cell| cell.number == number) {
            Some(cell) => {
                cell.sharpest = cell.sharpest.max(candidate.sharpness);
                cell.frames.push(candidate);
            }
            None => self.cells.push(Cell { number, sharpest: candidate.sharpness, frames: vec![candidate] }),
        }
        if self.cells.len() > 4 * self.count {
            self.forget();
        }
    }

    /// The selected frames, the sharpest first.
    pub fn finish(self) -> Vec<Candidate> {
        let mut frames: Vec<Candidate> = self.cells.iter().flat_map(|cell| &cell.frames).copied().collect();
        // Stable: of equally sharp frames the earlier stays first.
        frames.sort_by(|a, b| b.sharpness.total_cmp(&a.sharpness));
        let mut selected: Vec<Candidate> = Vec::new();
        for frame in frames {
            if selected.len() == self.count {
                break;
            }
            if selected.iter().all(|other| self.seconds(other.time.pts.abs_diff(frame.time.pts)) >= self.gap_s) {
                selected.push(frame);
            }
        }
        selected
    }

    /// Frames that are held.
    pub fn held(&self) -> usize {
        self.cells.iter().map(|cell| cell.frames.len()).sum()
    }

    /// Drops the cell whose best frame is the least sharp, and all frames that are less sharp than the best ones of all
    /// other cells.
    fn forget(&mut self) {
        let least = |cells: &[Cell]| cells.iter().map(|cell| cell.sharpest).fold(f64::INFINITY, f64::min);
        let worst = least(&self.cells);
        // Of equally sharp frames the earlier ones are chosen first, so the last such cell goes.
        if let Some(place) = self.cells.iter().rposition(|cell| cell.sharpest == worst) {
            self.cells.remove(place);
        }
        self.least = least(&self.cells);
        for cell in &mut self.cells {
            cell.frames.retain(|frame| frame.sharpness >= self.least);
        }
    }

    fn cell(&self, time: FrameTime) -> i64 {
        // Longer than the gap by more than rounding, so that frames two cells apart keep their distance for certain. Without
        // a gap every frame is a cell.
        let length = self.gap_s * 1.000_001;
        if length > 0.0 { (time.time_s / length).floor() as i64 } else { time.pts }
    }

    /// A time of so many ticks; exact where seconds are.
    fn seconds(&self, ticks: u64) -> f64 {
        (i128::from(ticks) * i128::from(self.time_base.num)) as f64 / self.time_base.den as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, on all frames at once.
    fn greedy(frames: &[Candidate], count: usize, gap_ticks: u64) -> Vec<u64> {
        let mut order: Vec<&Candidate> = frames.iter().collect();
        order.sort_by(|a, b| b.sharpness.total_cmp(&a.sharpness).then(a.time.frame.cmp(&b.time.frame)));
        let mut selected: Vec<&Candidate> = Vec::new();
        for frame in order {
            let apart = |other: &&Candidate| other.time.pts.abs_diff(frame.time.pts) >= gap_ticks;
            if selected.len() < count && selected.iter().all(apart) {
                selected.push(frame);
            }
        }
        selected.iter().map(|frame| frame.time.frame).collect()
    }

    fn frames(count: u64, mut sharpness: impl FnMut(u64) -> f64) -> Vec<Candidate> {
        let time = |frame: u64| FrameTime { frame, pts: frame as i64 * 40 + 7, time_s: frame as f64 * 0.04 };
        (0..count).map(|n| Candidate { time: time(n), sharpness: sharpness(n), motion: 0.0 }).collect()
    }

    fn selected(frames: &[Candidate], count: usize, gap_s: f64) -> (Vec<u64>, usize) {
        let mut selection = Selection::new(count, gap_s, Rational { num: 1, den: 1000 });
        let mut most = 0;
        for frame in frames {
            selection.push(*frame);
            most = most.max(selection.held());
        }
        (selection.finish().iter().map(|frame| frame.time.frame).collect(), most)
    }

    #[test]
    fn one_pass_finds_the_greedy_choice() {
        let mut state = 3u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for round in 0..300 {
            // From many ties to none, and slow changes as in a video.
            let levels = [2, 5, 40, 1_000_000][round % 4];
            let slow = round % 3 == 0;
            let mut level = 500.0;
            let frames = frames(600, |_| {
                level += random(11) as f64 - 5.0;
                if slow { level } else { random(levels) as f64 }
            });
            for (count, gap_s) in [(1, 1.0), (3, 0.2), (5, 1.0), (4, 0.0), (2, 7.0), (5, 0.04), (3, 0.041)] {
                let (ours, _) = selected(&frames, count, gap_s);
                assert_eq!(
                    ours,
                    greedy(&frames, count, (gap_s * 1000.0).round() as u64),
                    "round {round}: {count}, {gap_s}"
                );
            }
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_video() {
        let mut state = 1u64;
        let frames = frames(200_000, |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64
        });
        let (_, most) = selected(&frames, 5, 1.0);
        // 21 cells of 26 frames at most.
        assert!(most <= 21 * 26, "{most}");
        // The worst case: every frame is sharper than all before.
        let rising = self::frames(50_000, |n| n as f64);
        let (chosen, most) = selected(&rising, 5, 1.0);
        assert_eq!(chosen, [49_999, 49_974, 49_949, 49_924, 49_899]);
        assert!(most <= 21 * 26, "{most}");
    }
}
