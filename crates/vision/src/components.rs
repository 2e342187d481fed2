//! Connected components of a mask.

/// A connected set of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Pixels.
    pub area: u64,
    /// Mean column of its pixels; 0 is the leftmost column.
    pub x: f64,
    /// Mean row of its pixels; 0 is the top row.
    pub y: f64,
}

/// The components of the set pixels, where pixels touch with sides or corners, as `cv2.connectedComponentsWithStats` finds
/// them; in the order of their first pixels, row by row. `mask` has rows of `width`.
pub fn components(mask: &[bool], width: usize) -> Vec<Component> {
    let mut sets = Sets::default();
    let mut runs: Vec<Run> = Vec::new();
    // The runs of the row above that may touch what comes.
    let mut above = 0..0;
    for (y, row) in mask.chunks_exact(width.max(1)).enumerate() {
        let first = runs.len();
        let mut x = 0;
        while let Some(start) = row[x..].iter().position(|set| *set).map(|offset| x + offset) {
            let end = row[start..].iter().position(|set| !*set).map_or(width, |offset| start + offset);
            let set = sets.add();
            while above.start < above.end && runs[above.start].end < start {
                above.start += 1;
            }
            for run in &runs[above.clone()] {
                if run.start > end {
                    break;
                }
                sets.join(run.set, set);
            }
            runs.push(Run { y, start, end, set });
            x = end;
        }
        above = first..runs.len();
    }
    let mut totals = vec![[0u64; 3]; sets.parents.len()];
    for run in &runs {
        let (start, end) = (run.start as u64, run.end as u64);
        let total = &mut totals[sets.root(run.set)];
        total[0] += end - start;
        total[1] += (start + end - 1) * (end - start) / 2;
        total[2] += run.y as u64 * (end - start);
    }
    let found = totals.into_iter().filter(|total| total[0] > 0);
    found.map(|[area, x, y]| Component { area, x: x as f64 / area as f64, y: y as f64 / area as f64 }).collect()
}

/// Set pixels side by side in row `y`, from `start` to before `end`.
struct Run {
    y: usize,
    start: usize,
    end: usize,
    set: usize,
}

/// Disjoint sets; the root of a set is its oldest member.
#[derive(Default)]
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&mut self, mut member: usize) -> usize {
        while self.parents[member] != member {
            // Halving the path keeps later walks short.
            self.parents[member] = self.parents[self.parents[member]];
            member = self.parents[member];
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_connect() {
        let picture = ["#.#.", ".#..", "...#", "##.#"];
        let mask: Vec<bool> = picture.join("").chars().map(|c| c == '#').collect();
        let found = components(&mask, 4);
        assert_eq!(
            found,
            [
                Component { area: 3, x: 1.0, y: 1.0 / 3.0 },
                Component { area: 2, x: 3.0, y: 2.5 },
                Component { area: 2, x: 0.5, y: 3.0 },
            ]
        );
        assert!(components(&[false; 6], 3).is_empty());
        assert!(components(&[], 0).is_empty());
    }
}
