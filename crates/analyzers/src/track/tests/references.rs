//! The Kalman filter beside the textbook's matrices in numpy, and the assignment beside SciPy's.

use std::process::Command;

use super::super::assignment::{Pair, assign};
use super::super::kalman::BoxFilter;

/// Runs a script that reads numbers from `input` and returns the numbers that it prints.
pub fn python_numbers(mut python: Command, script: &str, input: &str) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    std::fs::write(&path, input).unwrap();
    let output = python.arg("-c").arg(script).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// Numbers from 0 to 1 that look random.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// With mean 0 and deviation 1, by twelve numbers' sum.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// The filter of DeepSORT and ByteTrack with its matrices of 8 × 8. Each line: predict (0 or 1), left, top, width, height.
const MATRICES: &str = r#"
import sys, numpy as np
F = np.eye(8); F[:4, 4:] = np.eye(4)
H = np.eye(4, 8)
x = P = None
for line in open(sys.argv[1]):
    go, l, t, w, h = map(float, line.split())
    z = np.array([l + w / 2, t + h / 2, w / h, h])
    if x is None:
        x = np.r_[z, np.zeros(4)]
        P = np.diag(np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]))
        continue
    s = x[3]
    Q = np.diag(np.square([s / 20, s / 20, 1e-2, s / 20, s / 160, s / 160, 1e-5, s / 160]))
    x, P = F @ x, F @ P @ F.T + Q
    if go: continue
    s = x[3]
    R = np.diag(np.square([s / 20, s / 20, 1e-1, s / 20]))
    S = H @ P @ H.T + R
    K = P @ H.T @ np.linalg.inv(S)
    x, P = x + K @ (z - H @ x), P - K @ S @ K.T
    for i in range(4): print(x[i], x[i + 4], P[i, i], P[i, i + 4], P[i + 4, i + 4])
    off = P.copy()
    for i in range(8):
        for j in range(8):
            if i % 4 == j % 4: off[i, j] = 0
    assert np.abs(off).max() < 1e-9, 'the pairs are tied to each other'
"#;

#[test]
fn the_filter_is_that_of_eight_by_eight_matrices() {
    let Some(python) = framefan_testkit::python_or_skip("the_filter_is_that_of_eight_by_eight_matrices") else {
        return;
    };
    let mut numbers = Numbers(7);
    let (mut text, mut ours) = (String::new(), Vec::new());
    let mut filter: Option<BoxFilter> = None;
    for step in 0..200 {
        let at = f64::from(step);
        let bbox = [
            300.0 + 3.0 * at + numbers.normal(),
            200.0 - at + numbers.normal(),
            60.0 + 0.2 * at + numbers.normal(),
            150.0 + 0.3 * at + 2.0 * numbers.normal(),
        ];
        // A few stretches without measurement.
        let hidden = step > 0 && step % 17 > 13;
        text += &format!("{} {} {} {} {}\n", u8::from(hidden), bbox[0], bbox[1], bbox[2], bbox[3]);
        match &mut filter {
            None => filter = Some(BoxFilter::new(bbox)),
            Some(filter) => {
                filter.predict(1.0 / 30.0);
                if !hidden {
                    filter.update(bbox);
                    for axis in filter.axes() {
                        ours.extend([axis.value, axis.velocity]);
                        ours.extend(axis.covariance);
                    }
                }
            }
        }
    }
    let reference = python_numbers(python, MATRICES, &text);
    assert_eq!(ours.len(), reference.len());
    for (place, (a, b)) in ours.iter().zip(&reference).enumerate() {
        assert!((a - b).abs() < 1e-8 * b.abs().max(1.0), "value {place}: {a}, not {b}");
    }
}

#[test]
fn steps_at_once_are_the_steps_one_by_one() {
    let mut once = BoxFilter::new([10.0, 20.0, 30.0, 60.0]);
    // A speed, so that something moves; the height stays, because noise is relative to it.
    once.predict(1.0 / 30.0);
    once.update([14.0, 19.0, 30.0, 60.0]);
    once.hold_height();
    let mut singly = once;
    once.predict(7.0 / 30.0);
    for _ in 0..7 {
        singly.hold_height();
        singly.predict(1.0 / 30.0);
    }
    for (a, b) in once.axes().iter().zip(singly.axes()) {
        let values = |axis: &super::super::kalman::Axis| [&[axis.value, axis.velocity][..], &axis.covariance].concat();
        for (a, b) in values(a).iter().zip(values(b)) {
            assert!((a - b).abs() < 1e-9 * b.abs().max(1e-3), "{once:?}, {singly:?}");
        }
    }
}

/// Each line: rows, columns, limit, then the costs row by row, NaN where a pair is impossible. The least sum of cost less limit.
const ASSIGNMENTS: &str = r#"
import sys, numpy as np
from scipy.optimize import linear_sum_assignment
for line in open(sys.argv[1]):
    n, m, limit, *costs = map(float, line.split())
    c = np.array(costs).reshape(int(n), int(m)) - limit
    c = np.where(np.isnan(c) | (c > 0), 0, c)
    i, j = linear_sum_assignment(c)
    print(c[i, j].sum())
"#;

#[test]
fn assignments_are_as_cheap_as_scipys() {
    let Some(python) = framefan_testkit::python_or_skip("assignments_are_as_cheap_as_scipys") else { return };
    let mut numbers = Numbers(3);
    let (mut text, mut ours) = (String::new(), Vec::new());
    for case in 0..400 {
        let side = |n: f64| 1 + (n * if case < 200 { 7.0 } else { 50.0 }) as usize;
        let (rows, columns) = (side(numbers.next()), side(numbers.next()));
        let (density, limit) = (numbers.next(), 0.2 + numbers.next());
        let mut pairs = Vec::new();
        text += &format!("{rows} {columns} {limit}");
        for row in 0..rows {
            for column in 0..columns {
                // Coarse costs, so that there are equals.
                let cost = (numbers.next() * 20.0).round() / 15.0 - 0.1;
                if numbers.next() < density {
                    pairs.push(Pair { row, column, cost });
                    text += &format!(" {cost}");
                } else {
                    text += " nan";
                }
            }
        }
        text += "\n";
        let matches = assign(rows, columns, &pairs, limit);
        let mut seen = [vec![false; rows], vec![false; columns]];
        let mut sum = 0.0;
        for [row, column] in matches {
            assert!(!std::mem::replace(&mut seen[0][row], true) && !std::mem::replace(&mut seen[1][column], true));
            let pair = pairs.iter().find(|pair| (pair.row, pair.column) == (row, column)).unwrap();
            assert!(pair.cost < limit);
            sum += pair.cost - limit;
        }
        ours.push(sum);
    }
    let reference = python_numbers(python, ASSIGNMENTS, &text);
    assert_eq!(ours.len(), reference.len());
    for (case, (a, b)) in ours.iter().zip(&reference).enumerate() {
        assert!((a - b).abs() < 1e-9, "case {case}: {a}, not {b}");
    }
}
