//! Writing: a chunk whose records are all there is committed and counted.

use crossbeam_channel::Receiver;
use framefan_contract::run::ChunkTiming;
use framefan_contract::{Result, keys};

use super::{Begun, Message, Pass, Recorded, Stream};
use crate::collect::{self, ChunkEnd, Collected, Collector};
use crate::lease::now;
use crate::metrics::StageClock;
use crate::progress::Progress;

/// Collects records and commits whole chunks.
pub(super) fn write(
    stream: &Stream<'_>,
    begun: &Begun,
    from_interpret: Receiver<Message<Recorded>>,
) -> (Pass, Result<()>) {
    let mut clock = StageClock::start("write");
    let mut chunks = Vec::new();
    let names: Vec<String> = stream.analyzers.iter().map(|a| a.name.clone()).collect();
    let mut collector = Collector::new(names.len());
    let mut outcome = Ok(());
    while let Some(message) = clock.receive(&from_interpret) {
        let whole = match message {
            Message::Work(Recorded { analyzer, slot, finding }) => collector.record(analyzer, slot, finding),
            Message::End(end) => collector.end(end),
        };
        let Some((end, records)) = whole else { continue };
        match commit(stream, begun, end, records, &names) {
            Ok(timing) => chunks.push(timing),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
        clock.add_items(1);
    }
    (Pass { stages: vec![clock.finish()], chunks, ..Pass::default() }, outcome)
}

fn commit(
    stream: &Stream<'_>,
    begun: &Begun,
    end: ChunkEnd,
    records: Vec<Vec<Collected>>,
    names: &[String],
) -> Result<ChunkTiming> {
    let task = stream.task;
    let position = stream.position(end.chunk);
    let chunk = &stream.chunks[position];
    let digest = task.request.chunk_digest(chunk.start_pts, chunk.end_pts);
    let (artifact, sidecars) = collect::artifact(chunk, digest, end, records, names);
    task.artifacts().commit(&artifact, &sidecars)?;
    let (started_at, completed_at) = (begun.at(position), now());
    let runtime_ms = ((completed_at - started_at) * 1000.0).max(0.0) as u64;
    if stream.leases.complete(chunk.index, &keys::chunk(&task.plan.job_id, chunk.index), runtime_ms)? {
        Progress::add(&task.progress.chunks, 1);
    }
    let timing = ChunkTiming { chunk: chunk.index, started_at, completed_at };
    (task.on_chunk)(&timing);
    Ok(timing)
}
