//! Values over time in equal bins whose number is bounded, for a stream whose length nobody knows in advance.

/// Most bins: as many as a page shows points.
const MOST_BINS: usize = 600;

/// Widths of bins in seconds; each is a multiple of the one before, so that bins can be merged.
const WIDTHS: [f64; 11] = [0.1, 0.2, 1.0, 2.0, 10.0, 20.0, 60.0, 120.0, 600.0, 1200.0, 3600.0];

/// What is known of the values of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Bin {
    fn merge(self, other: Bin) -> Bin {
        match (self.count, other.count) {
            (0, _) => other,
            (_, 0) => self,
            _ => Bin {
                count: self.count + other.count,
                sum: self.sum + other.sum,
                min: self.min.min(other.min),
                max: self.max.max(other.max),
            },
        }
    }
}

/// Mean, smallest and largest value of each bin; `None` where there was none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Means.
    pub mean: Vec<Option<f64>>,
    /// Smallest values.
    pub min: Vec<Option<f64>>,
    /// Largest values.
    pub max: Vec<Option<f64>>,
}

/// Bins of `N` quantities that are measured together.
#[derive(Clone, Debug)]
pub struct Bins<const N: usize> {
    /// Which of the widths they have.
    width: usize,
    bins: Vec<[Bin; N]>,
    times: u64,
    last_s: f64,
}

impl<const N: usize> Bins<N> {
    /// No values yet.
    pub fn new() -> Self {
        Bins { width: 0, bins: Vec::new(), times: 0, last_s: 0.0 }
    }

    /// Takes the values at a time, seconds; those that are missing are not counted.
    pub fn add(&mut self, time_s: f64, values: [Option<f64>; N]) {
        let time_s = if time_s.is_finite() { time_s.max(0.0) } else { 0.0 };
        while self.place(time_s) >= MOST_BINS && self.widen() {}
        let place = self.place(time_s).min(MOST_BINS - 1);
        if place >= self.bins.len() {
            self.bins.resize(place + 1, [Bin::default(); N]);
        }
        for (bin, value) in self.bins[place].iter_mut().zip(values) {
            let value = value.filter(|value| value.is_finite());
            *bin = value.map_or(*bin, |value| bin.merge(Bin { count: 1, sum: value, min: value, max: value }));
        }
        self.times += 1;
        self.last_s = self.last_s.max(time_s);
    }

    /// Width of a bin in seconds and the series. No bin is narrower than the mean distance of the times.
    pub fn finish(mut self) -> (f64, [Series; N]) {
        let period = self.last_s / self.times.saturating_sub(1).max(1) as f64;
        while WIDTHS[self.width] < period * 0.999 && self.widen() {}
        let series = std::array::from_fn(|quantity| {
            let known = |of: fn(&Bin) -> f64| {
                let bins = self.bins.iter().map(|bins| &bins[quantity]);
                bins.map(|bin| (bin.count > 0).then(|| of(bin))).collect()
            };
            Series {
                mean: known(|bin| bin.sum / bin.count as f64),
                min: known(|bin| bin.min),
                max: known(|bin| bin.max),
            }
        });
        (WIDTHS[self.width], series)
    }

    /// A time on a bin's edge belongs to the bin that begins there, whatever the division rounds to.
    fn place(&self, time_s: f64) -> usize {
        (time_s / WIDTHS[self.width] + 1e-9) as usize
    }

    /// Merges bins into the next wider ones, if there are any.
    fn widen(&mut self) -> bool {
        let Some(next) = WIDTHS.get(self.width + 1) else { return false };
        let together = (next / WIDTHS[self.width]).round() as usize;
        let merge = |bins: &[[Bin; N]]| {
            std::array::from_fn(|quantity| bins.iter().fold(Bin::default(), |sum, bins| sum.merge(bins[quantity])))
        };
        self.bins = self.bins.chunks(together).map(merge).collect();
        self.width += 1;
        true
    }
}

/// The width in seconds of bins for `duration_s` seconds, and their number.
pub fn bins_for(duration_s: f64) -> (f64, usize) {
    let duration = if duration_s.is_finite() { duration_s.max(0.0) } else { 0.0 };
    let width = WIDTHS.into_iter().find(|width| duration / width <= MOST_BINS as f64);
    let width = width.unwrap_or(WIDTHS[WIDTHS.len() - 1]);
    (width, ((duration / width - 1e-9).ceil() as usize).clamp(1, MOST_BINS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_bins() {
        let mut bins = Bins::new();
        for (time, value) in [(0.0, Some(1.0)), (0.05, Some(3.0)), (0.1, None), (0.3, Some(-2.0))] {
            bins.add(time, [value]);
        }
        let (width, [series]) = bins.finish();
        assert_eq!(width, 0.1);
        assert_eq!(series.mean, [Some(2.0), None, None, Some(-2.0)]);
        assert_eq!((series.min[0], series.max[0]), (Some(1.0), Some(3.0)));
    }

    #[test]
    fn long_videos_have_wide_bins() {
        let mut bins = Bins::new();
        for second in 0..7200 {
            bins.add(f64::from(second), [Some(f64::from(second)), None]);
        }
        let (width, [seconds, nothing]) = bins.finish();
        assert_eq!((width, seconds.mean.len()), (20.0, 360));
        // 40, 41, …, 59.
        assert_eq!((seconds.min[2], seconds.mean[2], seconds.max[2]), (Some(40.0), Some(49.5), Some(59.0)));
        assert!(nothing.mean.iter().all(Option::is_none));
    }

    #[test]
    fn sparse_samples_leave_no_gaps() {
        let mut bins = Bins::new();
        for sample in 0..30 {
            bins.add(2.0 * f64::from(sample), [Some(1.0)]);
        }
        let (width, [series]) = bins.finish();
        assert_eq!((width, series.mean.iter().flatten().count()), (2.0, 30));
    }

    #[test]
    fn widths_suit_the_duration() {
        assert_eq!(bins_for(60.0), (0.1, 600));
        assert_eq!(bins_for(60.1), (0.2, 301));
        assert_eq!(bins_for(0.0), (0.1, 1));
        assert_eq!(bins_for(1e9), (3600.0, 600));
    }
}
