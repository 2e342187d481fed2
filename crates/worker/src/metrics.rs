//! Times each pipeline stage: busy, waiting for input, waiting for room at the next stage.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use framefan_contract::run::StageMetrics;

/// The channel's other end is gone: that stage has failed or stopped, and this one ends quietly.
pub(crate) struct Disconnected;

/// Stopwatch of one stage. Waiting is measured at the channels; all other time until [`StageClock::finish`] is busy.
pub(crate) struct StageClock {
    stage: &'static str,
    started: Instant,
    wait_in: Duration,
    wait_out: Duration,
    items: u64,
}

impl StageClock {
    pub fn start(stage: &'static str) -> Self {
        StageClock { stage, started: Instant::now(), wait_in: Duration::ZERO, wait_out: Duration::ZERO, items: 0 }
    }

    /// The next message, or `None` when the stage before is done.
    pub fn receive<T>(&mut self, from: &Receiver<T>) -> Option<T> {
        let started = Instant::now();
        let message = from.recv().ok();
        self.wait_in += started.elapsed();
        message
    }

    /// Hands a message on.
    pub fn send<T>(&mut self, to: &Sender<T>, message: T) -> Result<(), Disconnected> {
        let started = Instant::now();
        let sent = to.send(message).map_err(|_| Disconnected);
        self.wait_out += started.elapsed();
        sent
    }

    pub fn add_items(&mut self, count: u64) {
        self.items += count;
    }

    /// Counts time that passed inside a call as waiting for input.
    pub fn add_wait_in(&mut self, seconds: f64) {
        self.wait_in += Duration::from_secs_f64(seconds.max(0.0));
    }

    pub fn finish(self) -> StageMetrics {
        let busy = self.started.elapsed().saturating_sub(self.wait_in + self.wait_out).as_secs_f64();
        stage_metrics(self.stage, busy, self.wait_in.as_secs_f64(), self.wait_out.as_secs_f64(), self.items)
    }
}

/// Metrics of a stage that was timed elsewhere.
pub(crate) fn stage_metrics(stage: &str, busy_s: f64, wait_in_s: f64, wait_out_s: f64, items: u64) -> StageMetrics {
    let per_s = if busy_s > 0.0 { items as f64 / busy_s } else { 0.0 };
    StageMetrics { stage: stage.to_owned(), busy_s, wait_in_s, wait_out_s, items, per_s }
}

/// Adds the metrics of another pass to those of earlier ones, stage by stage.
pub(crate) fn merge(total: &mut Vec<StageMetrics>, more: Vec<StageMetrics>) {
    for stage in more {
        match total.iter_mut().find(|t| t.stage == stage.stage) {
            Some(t) => {
                let busy = t.busy_s + stage.busy_s;
                let (wait_in, wait_out) = (t.wait_in_s + stage.wait_in_s, t.wait_out_s + stage.wait_out_s);
                *t = stage_metrics(&stage.stage, busy, wait_in, wait_out, t.items + stage.items);
            }
            None => total.push(stage),
        }
    }
}
