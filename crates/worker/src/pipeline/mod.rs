//! The stages of a worker, each on a thread of its own, joined by bounded channels: decode → convert → infer →
//! postprocess → write. (Reading runs on a thread inside the frame reader.) The slowest stage sets the pace, memory is
//! bounded by the channels, and the end of a chunk is a message like any other.
//!
//! A stage that fails drops its ends of the channels: the stages before it see that nobody listens, those after it that
//! nothing more comes, and all end. What was whole by then is committed.

mod convert;
mod decode;
mod lanes;
mod network;
mod write;

use std::sync::{Mutex, PoisonError};
use std::thread;

use candle_core::Tensor;
use crossbeam_channel::bounded;
use framefan_analyzers::Finding;
use framefan_contract::plan::Chunk;
use framefan_contract::run::{ChunkTiming, StageMetrics};
use framefan_contract::{Error, Result};
use framefan_media::Frame;

use crate::collect::{ChunkEnd, Slot};
use crate::lease::{Leases, now};
use crate::metrics::{self, Disconnected, StageClock};
use crate::shard::{AnalyzerRun, ShardTask};
pub(crate) use lanes::Lanes;

/// Decoded frames that wait for conversion: enough to ride out a burst, few enough that 4K frames fit in memory.
const FRAMES_WAITING: usize = 4;
/// Batches that wait for the network, and for interpretation.
const BATCHES_WAITING: usize = 2;
/// Records that wait to be collected.
const RECORDS_WAITING: usize = 64;

/// What all stages of a pass know.
pub(crate) struct Stream<'a> {
    pub task: &'a ShardTask<'a>,
    pub analyzers: &'a [AnalyzerRun],
    /// What they have in common.
    pub lanes: &'a Lanes,
    /// Consecutive chunks to work on.
    pub chunks: &'a [Chunk],
    pub leases: &'a Leases<'a>,
}

impl Stream<'_> {
    /// The place in `chunks` of the chunk with this index.
    fn position(&self, chunk: u32) -> usize {
        let first = self.chunks.first().map_or(0, |c| c.index);
        chunk.saturating_sub(first) as usize
    }
}

/// What travels between stages: work, or the end of a chunk.
enum Message<T> {
    Work(T),
    End(ChunkEnd),
}

/// Where a frame that analyzers look at belongs, and which of them (by bit) do.
#[derive(Clone, Copy)]
struct Looked {
    slot: Slot,
    by: u32,
}

/// A frame on its way to conversion. One that nobody looks at comes just before one that an analyzer with a stencil does.
struct Sampled {
    looked: Option<Looked>,
    frame: Frame,
}

/// The inputs of a lane: those of the stencil first, then as many as `frames` are real, padded to the batch size.
struct Batch {
    lane: usize,
    frames: Vec<Looked>,
    inputs: Tensor,
}

/// What an analyzer says of one frame.
struct Recorded {
    analyzer: usize,
    slot: Slot,
    finding: Finding,
}

/// What one stage, one pass, or all passes of a shard did.
#[derive(Default)]
pub(crate) struct Pass {
    pub stages: Vec<StageMetrics>,
    pub chunks: Vec<ChunkTiming>,
    pub frames: u64,
    pub sampled: u64,
    pub bytes_read: u64,
}

impl Pass {
    /// Adds what another stage or pass did.
    pub fn add(&mut self, more: Pass) {
        metrics::merge(&mut self.stages, more.stages);
        self.chunks.extend(more.chunks);
        self.frames += more.frames;
        self.sampled += more.sampled;
        self.bytes_read += more.bytes_read;
    }
}

/// When each chunk of a pass was begun, seconds since 1970.
struct Begun(Mutex<Vec<Option<f64>>>);

impl Begun {
    fn note(&self, position: usize) {
        if let Some(begun) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(position) {
            *begun = Some(now());
        }
    }

    fn at(&self, position: usize) -> f64 {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(position).copied().flatten().unwrap_or_else(now)
    }
}

/// Streams the frames of consecutive chunks through all stages. The first error, in the order of the stages, is returned
/// beside what was done; every chunk that was committed by then stays committed.
pub(crate) fn run(stream: &Stream<'_>) -> (Pass, Result<()>) {
    let (to_convert, from_decode) = bounded(FRAMES_WAITING);
    let (to_infer, from_convert) = bounded(BATCHES_WAITING);
    let (to_interpret, from_infer) = bounded(BATCHES_WAITING);
    let (to_write, from_interpret) = bounded(RECORDS_WAITING);
    let begun = Begun(Mutex::new(vec![None; stream.chunks.len()]));
    let begun = &begun;

    thread::scope(|scope| {
        // Each thread owns its ends of the channels, so that they close when it ends, however it ends.
        let stages = [
            ("decode", scope.spawn(move || decode::decode(stream, begun, to_convert))),
            ("convert", scope.spawn(move || convert::convert(stream, from_decode, to_infer))),
            ("infer", scope.spawn(move || network::infer(stream, from_convert, to_interpret))),
            ("postprocess", scope.spawn(move || network::interpret(stream, from_infer, to_write))),
            ("write", scope.spawn(move || write::write(stream, begun, from_interpret))),
        ];
        let mut pass = Pass::default();
        let mut outcome = Ok(());
        for (name, stage) in stages {
            let (done, result) = stage
                .join()
                .unwrap_or_else(|panic| (Pass::default(), Err(Error::defect(panic_message(name, &*panic)))));
            pass.add(done);
            outcome = outcome.and(result);
        }
        (pass, outcome)
    })
}

fn panic_message(stage: &str, panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the {stage} stage panicked: {}", text.unwrap_or("no message"))
}

/// Runs a stage and times it.
fn timed(name: &'static str, work: impl FnOnce(&mut StageClock) -> Result<(), StageEnd>) -> (Pass, Result<()>) {
    let mut clock = StageClock::start(name);
    let outcome = work(&mut clock);
    (Pass { stages: vec![clock.finish()], ..Pass::default() }, unless_disconnected(outcome))
}

/// Why a stage ended before its input did.
enum StageEnd {
    /// The next stage is gone; it tells what happened.
    Disconnected,
    Failed(Error),
}

/// A stage whose successor is gone ends without an error of its own.
fn unless_disconnected(result: Result<(), StageEnd>) -> Result<()> {
    match result {
        Ok(()) | Err(StageEnd::Disconnected) => Ok(()),
        Err(StageEnd::Failed(error)) => Err(error),
    }
}

impl From<Error> for StageEnd {
    fn from(error: Error) -> Self {
        StageEnd::Failed(error)
    }
}

impl From<Disconnected> for StageEnd {
    fn from(_: Disconnected) -> Self {
        StageEnd::Disconnected
    }
}

impl From<candle_core::Error> for StageEnd {
    fn from(error: candle_core::Error) -> Self {
        StageEnd::Failed(Error::defect(format!("a tensor operation failed: {error}")))
    }
}
