//! The stages of a worker, each on a thread of its own, joined by bounded channels: decode → convert → infer →
//! postprocess → write. (Reading runs on a thread inside the frame reader.) The slowest stage sets the pace, memory is
//! bounded by the channels, and the end of a chunk is a message like any other.

use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use candle_core::Tensor;
use crossbeam_channel::{Receiver, Sender, bounded};
use framefan_contract::plan::Chunk;
use framefan_contract::run::{ChunkTiming, StageMetrics};
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::{DecodeOptions, Decoded, Frame, FrameReader};
use serde_json::value::RawValue;

use crate::collect::{self, ChunkEnd, Collector, Slot};
use crate::lease::{Leases, now};
use crate::metrics::{Disconnected, StageClock, stage_metrics};
use crate::progress::Progress;
use crate::sampling::is_sampled;
use crate::shard::{AnalyzerRun, ShardTask};

/// Decoded frames that wait for conversion: enough to ride out a burst, few enough that 4K frames fit in memory.
const FRAMES_WAITING: usize = 4;
/// Batches that wait for the network, and for interpretation.
const BATCHES_WAITING: usize = 2;
/// Records that wait to be collected.
const RECORDS_WAITING: usize = 64;

/// What travels between stages: work, or the end of a chunk.
enum Message<T> {
    Work(T),
    End(ChunkEnd),
}

/// A frame on its way to conversion, with the analyzers (by bit) that look at it.
struct Sampled {
    slot: Slot,
    looked_at_by: u32,
    frame: Frame,
}

/// Inputs, and later outputs, of one analyzer: as many slots as are real, padded to the batch size.
struct Batch {
    analyzer: usize,
    slots: Vec<Slot>,
    tensor: Tensor,
}

struct Finding {
    analyzer: usize,
    slot: Slot,
    data: Box<RawValue>,
}

/// What one pass over consecutive chunks did.
#[derive(Default)]
pub(crate) struct Pass {
    pub stages: Vec<StageMetrics>,
    pub chunks: Vec<ChunkTiming>,
    pub frames: u64,
    pub sampled: u64,
    pub bytes_read: u64,
}

/// Streams the frames of consecutive `chunks` through all stages. Every chunk that was committed when an error or a stop
/// ended the pass stays committed; the error is returned beside what was done.
pub(crate) fn run(
    task: &ShardTask<'_>,
    analyzers: &[AnalyzerRun],
    chunks: &[Chunk],
    leases: &Leases<'_>,
) -> (Pass, Result<()>) {
    let (to_convert, from_decode) = bounded(FRAMES_WAITING);
    let (to_infer, from_convert) = bounded(BATCHES_WAITING);
    let (to_interpret, from_infer) = bounded(BATCHES_WAITING);
    let (to_write, from_interpret) = bounded(RECORDS_WAITING);
    let started = Mutex::new(vec![None; chunks.len()]);

    thread::scope(|scope| {
        let decode = scope.spawn(|| decode(task, analyzers, chunks, leases, &started, to_convert));
        let convert = scope.spawn(|| convert(analyzers, &from_decode, to_infer));
        let infer = scope.spawn(|| infer(analyzers, &from_convert, to_interpret));
        let interpret = scope.spawn(|| interpret(task, analyzers, &from_infer, to_write));
        let write = scope.spawn(|| write(task, analyzers, chunks, leases, &started, &from_interpret));

        let mut pass = Pass::default();
        let mut outcome = Ok(());
        let mut note = |stage: &str, result: thread::Result<Result<()>>| {
            let result = result.unwrap_or_else(|panic| Err(Error::defect(panic_message(stage, &*panic))));
            if outcome.is_ok() {
                outcome = result;
            }
        };
        let mut ends = (Vec::new(), Vec::new());
        note(
            "decode",
            decode.join().map(|end| {
                pass.frames = end.frames;
                pass.bytes_read = end.bytes_read;
                ends.0 = end.stages;
                end.outcome
            }),
        );
        for (stage, handle) in [("convert", convert), ("infer", infer), ("postprocess", interpret)] {
            note(
                stage,
                handle.join().map(|(metrics, result)| {
                    if stage == "postprocess" {
                        pass.sampled = metrics.items;
                    }
                    ends.1.push(metrics);
                    result
                }),
            );
        }
        note(
            "write",
            write.join().map(|(metrics, timings, result)| {
                ends.1.push(metrics);
                pass.chunks = timings;
                result
            }),
        );
        pass.stages = ends.0;
        pass.stages.extend(ends.1);
        (pass, outcome)
    })
}

fn panic_message(stage: &str, panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the {stage} stage panicked: {}", text.unwrap_or("no message"))
}

/// A stage whose successor is gone ends without an error of its own: the successor tells what happened.
fn unless_disconnected(result: Result<(), StageEnd>) -> Result<()> {
    match result {
        Ok(()) | Err(StageEnd::Disconnected) => Ok(()),
        Err(StageEnd::Failed(error)) => Err(error),
    }
}

enum StageEnd {
    Disconnected,
    Failed(Error),
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

struct DecodeEnd {
    stages: Vec<StageMetrics>,
    frames: u64,
    bytes_read: u64,
    outcome: Result<()>,
}

/// The chunk whose frames are coming out of the decoder.
struct Cursor {
    chunk: u32,
    claimed: bool,
    frames: u32,
    first_pts: Option<i64>,
    last_pts: Option<i64>,
    sampled: Vec<u32>,
}

fn decode(
    task: &ShardTask<'_>,
    analyzers: &[AnalyzerRun],
    chunks: &[Chunk],
    leases: &Leases<'_>,
    started: &Mutex<Vec<Option<f64>>>,
    to_convert: Sender<Message<Sampled>>,
) -> DecodeEnd {
    let mut clock = StageClock::start("decode");
    let options = DecodeOptions { threads: task.decode_threads, ..DecodeOptions::default() };
    let opened = FrameReader::open(task.source.clone(), &task.plan.video, task.plan.index_method, chunks, &options);
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(error) => return DecodeEnd { stages: Vec::new(), frames: 0, bytes_read: 0, outcome: Err(error) },
    };
    let outcome = decode_frames(task, analyzers, chunks, leases, started, &mut reader, &mut clock, &to_convert);
    let read = reader.read_metrics();
    clock.add_wait_in(read.wait_s);
    let decode_metrics = clock.finish();
    let frames = decode_metrics.items;
    let read_metrics = stage_metrics("read", read.busy_s, 0.0, 0.0, read.bytes);
    DecodeEnd {
        stages: vec![read_metrics, decode_metrics],
        frames,
        bytes_read: read.bytes,
        outcome: unless_disconnected(outcome),
    }
}

fn decode_frames(
    task: &ShardTask<'_>,
    analyzers: &[AnalyzerRun],
    chunks: &[Chunk],
    leases: &Leases<'_>,
    started: &Mutex<Vec<Option<f64>>>,
    reader: &mut FrameReader,
    clock: &mut StageClock,
    to_convert: &Sender<Message<Sampled>>,
) -> Result<(), StageEnd> {
    let first_chunk = chunks.first().map_or(0, |c| c.index);
    let mut cursor: Option<Cursor> = None;
    let enter = |chunk: u32, cursor: &mut Option<Cursor>| -> Result<(), Error> {
        if cursor.as_ref().is_some_and(|c| c.chunk == chunk) {
            return Ok(());
        }
        let claimed = leases.claim(chunk)?;
        if let Ok(mut started) = started.lock() {
            started[(chunk - first_chunk) as usize] = Some(now());
        }
        let sampled = vec![0; analyzers.len()];
        *cursor = Some(Cursor { chunk, claimed, frames: 0, first_pts: None, last_pts: None, sampled });
        Ok(())
    };
    loop {
        if task.stop.is_requested() {
            return Err(StageEnd::Failed(Error::cancelled("stopped on request; finished chunks are kept")));
        }
        let Some(decoded) = reader.next()? else { return Ok(()) };
        match decoded {
            Decoded::Stencil { .. } => {}
            Decoded::Frame { chunk, frame } => {
                clock.add_items(1);
                Progress::add(&task.progress.frames, 1);
                enter(chunk, &mut cursor)?;
                let Some(cursor) = cursor.as_mut().filter(|c| c.claimed) else { continue };
                let pts = frame.pts();
                let mut looked_at_by = 0u32;
                for (i, analyzer) in analyzers.iter().enumerate() {
                    if is_sampled(analyzer.sampling, &task.plan.video, cursor.last_pts, pts) {
                        looked_at_by |= 1 << i;
                        cursor.sampled[i] += 1;
                    }
                }
                let slot = Slot { chunk, pts, offset: cursor.frames };
                cursor.frames += 1;
                cursor.first_pts.get_or_insert(pts);
                cursor.last_pts = Some(pts);
                if looked_at_by != 0 {
                    clock.send(to_convert, Message::Work(Sampled { slot, looked_at_by, frame }))?;
                }
            }
            Decoded::ChunkEnd { chunk, damaged, .. } => {
                enter(chunk, &mut cursor)?;
                let Some(done) = cursor.take().filter(|c| c.claimed) else { continue };
                let (frames, first_pts, last_pts) = (done.frames, done.first_pts, done.last_pts);
                let end = ChunkEnd { chunk, frames, first_pts, last_pts, damaged, sampled: done.sampled };
                clock.send(to_convert, Message::End(end))?;
            }
        }
    }
}

fn convert(
    analyzers: &[AnalyzerRun],
    from_decode: &Receiver<Message<Sampled>>,
    to_infer: Sender<Message<Batch>>,
) -> (StageMetrics, Result<()>) {
    let mut clock = StageClock::start("convert");
    let outcome = convert_frames(analyzers, &mut clock, from_decode, &to_infer);
    (clock.finish(), unless_disconnected(outcome))
}

fn convert_frames(
    analyzers: &[AnalyzerRun],
    clock: &mut StageClock,
    from_decode: &Receiver<Message<Sampled>>,
    to_infer: &Sender<Message<Batch>>,
) -> Result<(), StageEnd> {
    let mut waiting: Vec<(Vec<Slot>, Vec<Tensor>)> = analyzers.iter().map(|_| Default::default()).collect();
    let flush = |clock: &mut StageClock, analyzer: usize, waiting: &mut (Vec<Slot>, Vec<Tensor>)| {
        let (slots, mut inputs) = std::mem::take(waiting);
        let Some(last) = inputs.last().cloned() else { return Ok(()) };
        // A short batch is padded: the network always sees one shape, so a frame's numbers never depend on its neighbours.
        inputs.resize(analyzers[analyzer].stage.batch_size(), last);
        let tensor = Tensor::stack(&inputs, 0)?;
        clock.send(to_infer, Message::Work(Batch { analyzer, slots, tensor }))?;
        Ok::<(), StageEnd>(())
    };
    while let Some(message) = clock.receive(from_decode) {
        match message {
            Message::Work(Sampled { slot, looked_at_by, frame }) => {
                clock.add_items(1);
                for (i, analyzer) in analyzers.iter().enumerate().filter(|(i, _)| looked_at_by & (1 << i) != 0) {
                    let input = analyzer.stage.prepare(&frame)?;
                    waiting[i].0.push(slot);
                    waiting[i].1.push(input);
                    if waiting[i].0.len() == analyzer.stage.batch_size() {
                        flush(clock, i, &mut waiting[i])?;
                    }
                }
            }
            Message::End(end) => clock.send(to_infer, Message::End(end))?,
        }
    }
    for (i, batch) in waiting.iter_mut().enumerate() {
        flush(clock, i, batch)?;
    }
    Ok(())
}

fn infer(
    analyzers: &[AnalyzerRun],
    from_convert: &Receiver<Message<Batch>>,
    to_interpret: Sender<Message<Batch>>,
) -> (StageMetrics, Result<()>) {
    let mut clock = StageClock::start("infer");
    let mut work = || -> Result<(), StageEnd> {
        while let Some(message) = clock.receive(from_convert) {
            let message = match message {
                Message::Work(Batch { analyzer, slots, tensor }) => {
                    clock.add_items(slots.len() as u64);
                    let tensor = analyzers[analyzer].stage.infer(&tensor)?;
                    Message::Work(Batch { analyzer, slots, tensor })
                }
                Message::End(end) => Message::End(end),
            };
            clock.send(&to_interpret, message)?;
        }
        Ok(())
    };
    let outcome = work();
    (clock.finish(), unless_disconnected(outcome))
}

fn interpret(
    task: &ShardTask<'_>,
    analyzers: &[AnalyzerRun],
    from_infer: &Receiver<Message<Batch>>,
    to_write: Sender<Message<Finding>>,
) -> (StageMetrics, Result<()>) {
    let mut clock = StageClock::start("postprocess");
    let mut work = || -> Result<(), StageEnd> {
        while let Some(message) = clock.receive(from_infer) {
            match message {
                Message::Work(Batch { analyzer, slots, tensor }) => {
                    for (i, slot) in slots.into_iter().enumerate() {
                        let data = analyzers[analyzer].stage.interpret(&tensor.get(i)?)?;
                        clock.add_items(1);
                        Progress::add(&task.progress.sampled, 1);
                        clock.send(&to_write, Message::Work(Finding { analyzer, slot, data }))?;
                    }
                }
                Message::End(end) => clock.send(&to_write, Message::End(end))?,
            }
        }
        Ok(())
    };
    let outcome = work();
    (clock.finish(), unless_disconnected(outcome))
}

fn write(
    task: &ShardTask<'_>,
    analyzers: &[AnalyzerRun],
    chunks: &[Chunk],
    leases: &Leases<'_>,
    started: &Mutex<Vec<Option<f64>>>,
    from_interpret: &Receiver<Message<Finding>>,
) -> (StageMetrics, Vec<ChunkTiming>, Result<()>) {
    let mut clock = StageClock::start("write");
    let mut timings = Vec::new();
    let names: Vec<String> = analyzers.iter().map(|a| a.name.clone()).collect();
    let first_chunk = chunks.first().map_or(0, |c| c.index);
    let mut collector = Collector::new(names.clone());
    let mut work = || -> Result<(), StageEnd> {
        while let Some(message) = clock.receive(from_interpret) {
            let whole = match message {
                Message::Work(Finding { analyzer, slot, data }) => collector.record(analyzer, slot, data),
                Message::End(end) => collector.end(end),
            };
            let Some((end, records)) = whole else { continue };
            let index = (end.chunk - first_chunk) as usize;
            let begun_at = started.lock().ok().and_then(|s| s[index]).unwrap_or_else(now);
            let chunk = &chunks[index];
            let begun = Instant::now();
            let digest = task.request.chunk_digest(chunk.start_pts, chunk.end_pts);
            let artifact = collect::artifact(chunk, digest, end, records, &names);
            let completed_at = now() + begun.elapsed().as_secs_f64();
            task.commit(&artifact)?;
            let runtime_ms = ((completed_at - begun_at) * 1000.0).max(0.0) as u64;
            let key = keys::chunk(&task.plan.job_id, chunk.index);
            if leases.complete(chunk.index, &key, runtime_ms)? {
                Progress::add(&task.progress.chunks, 1);
            }
            timings.push(ChunkTiming { chunk: chunk.index, started_at: begun_at, completed_at });
            clock.add_items(1);
        }
        Ok(())
    };
    let outcome = work();
    (clock.finish(), timings, unless_disconnected(outcome))
}

/// Whether an error is the user's or the platform's wish to stop rather than a failure.
pub(crate) fn is_stop(error: &Error) -> bool {
    error.kind() == ErrorKind::Cancelled
}
