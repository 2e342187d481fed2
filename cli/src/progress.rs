//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use framefan_contract::Result;
use framefan_contract::plan::Plan;
use framefan_worker::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// Shows how far a run is, its rate, and the time that remains.
pub struct ProgressLine {
    bar: Option<ProgressBar>,
    total_frames: AtomicU64,
    total_chunks: AtomicU64,
    started: Mutex<Option<Instant>>,
    ended: AtomicBool,
}

impl ProgressLine {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let zero = || AtomicU64::new(0);
        let (total_frames, total_chunks) = (zero(), zero());
        ProgressLine { bar, total_frames, total_chunks, started: Mutex::new(None), ended: AtomicBool::new(false) }
    }

    /// Runs `work`, which gets a function to call once its plan stands, and shows progress until it ends.
    pub fn watch<T: Send>(
        &self,
        progress: &Progress,
        work: impl FnOnce(&(dyn Fn(&Plan) + Sync)) -> Result<T> + Send,
    ) -> Result<T> {
        let on_plan = |plan: &Plan| {
            self.total_chunks.store(plan.chunks.len() as u64, Ordering::Relaxed);
            self.total_frames.store(plan.chunks.iter().map(|c| u64::from(c.frames)).sum(), Ordering::Relaxed);
            if let Ok(mut started) = self.started.lock() {
                *started = Some(Instant::now());
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| self.show(progress));
            let outcome = work(&on_plan);
            self.ended.store(true, Ordering::SeqCst);
            outcome
        })
    }

    fn show(&self, progress: &Progress) {
        let mut last_line = Instant::now();
        while !self.ended.load(Ordering::SeqCst) {
            thread::sleep(REDRAW_EVERY);
            let Some(started) = self.started.lock().ok().and_then(|s| *s) else { continue };
            let total = self.total_frames.load(Ordering::Relaxed);
            let resumed = progress.resumed_frames.load(Ordering::Relaxed);
            let decoded = progress.frames.load(Ordering::Relaxed);
            let done = (resumed + decoded).min(total);
            let message = self.message(progress, done, decoded, total, started.elapsed().as_secs_f64());
            if let Some(bar) = &self.bar {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(message);
            } else if last_line.elapsed() >= LINE_EVERY {
                last_line = Instant::now();
                output::note(&format!("{:>3}%  {message}", done * 100 / total.max(1)));
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn message(&self, progress: &Progress, done: u64, decoded: u64, total: u64, elapsed_s: f64) -> String {
        let chunks = progress.chunks.load(Ordering::Relaxed) + progress.resumed.load(Ordering::Relaxed);
        let rate = decoded as f64 / elapsed_s.max(1e-3);
        let sampled = progress.sampled.load(Ordering::Relaxed) as f64 / elapsed_s.max(1e-3);
        let remaining = if rate > 0.0 { output::duration((total - done) as f64 / rate) } else { "?".to_owned() };
        format!(
            "{done}/{total} frames, {chunks}/{} chunks, {rate:.0} frames/s ({sampled:.1} analyzed/s), {remaining} left",
            self.total_chunks.load(Ordering::Relaxed),
        )
    }
}
