//! The three steps of an analyzer's chunk stage: frames to batches, batches through the network, outputs to records.

use candle_core::Tensor;
use crossbeam_channel::{Receiver, Sender};
use framefan_contract::Result;

use super::{Batch, Finding, Message, Pass, Sampled, StageEnd, Stream, unless_disconnected};
use crate::collect::Slot;
use crate::metrics::StageClock;
use crate::progress::Progress;

/// Frames that wait until their batch is full.
type Waiting = (Vec<Slot>, Vec<Tensor>);

/// Converts frames to network inputs and puts these together to batches of each analyzer's fixed size.
pub(super) fn convert(
    stream: &Stream<'_>,
    from_decode: Receiver<Message<Sampled>>,
    to_infer: Sender<Message<Batch>>,
) -> (Pass, Result<()>) {
    timed("convert", |clock| {
        let mut waiting: Vec<Waiting> = stream.analyzers.iter().map(|_| Waiting::default()).collect();
        while let Some(message) = clock.receive(&from_decode) {
            let Sampled { slot, looked_at_by, frame } = match message {
                Message::Work(sampled) => sampled,
                Message::End(end) => {
                    clock.send(&to_infer, Message::End(end))?;
                    continue;
                }
            };
            clock.add_items(1);
            for (i, analyzer) in stream.analyzers.iter().enumerate().filter(|(i, _)| looked_at_by & (1 << i) != 0) {
                waiting[i].0.push(slot);
                waiting[i].1.push(analyzer.stage.prepare(&frame)?);
                if waiting[i].0.len() == analyzer.stage.batch_size() {
                    flush(stream, clock, i, &mut waiting[i], &to_infer)?;
                }
            }
        }
        for (i, batch) in waiting.iter_mut().enumerate() {
            flush(stream, clock, i, batch, &to_infer)?;
        }
        Ok(())
    })
}

/// Sends what waits as a batch.
fn flush(
    stream: &Stream<'_>,
    clock: &mut StageClock,
    analyzer: usize,
    waiting: &mut Waiting,
    to_infer: &Sender<Message<Batch>>,
) -> Result<(), StageEnd> {
    let (slots, mut inputs) = std::mem::take(waiting);
    let Some(last) = inputs.last().cloned() else { return Ok(()) };
    // A short batch is padded: the network always sees one shape, so a frame's numbers never depend on its neighbours.
    inputs.resize(stream.analyzers[analyzer].stage.batch_size(), last);
    let tensor = Tensor::stack(&inputs, 0)?;
    clock.send(to_infer, Message::Work(Batch { analyzer, slots, tensor }))?;
    Ok(())
}

/// Runs batches through the networks.
pub(super) fn infer(
    stream: &Stream<'_>,
    from_convert: Receiver<Message<Batch>>,
    to_interpret: Sender<Message<Batch>>,
) -> (Pass, Result<()>) {
    timed("infer", |clock| {
        while let Some(message) = clock.receive(&from_convert) {
            let message = match message {
                Message::Work(Batch { analyzer, slots, tensor }) => {
                    clock.add_items(slots.len() as u64);
                    let tensor = stream.analyzers[analyzer].stage.infer(&tensor)?;
                    Message::Work(Batch { analyzer, slots, tensor })
                }
                Message::End(end) => Message::End(end),
            };
            clock.send(&to_interpret, message)?;
        }
        Ok(())
    })
}

/// Makes records of outputs, and drops the padding.
pub(super) fn interpret(
    stream: &Stream<'_>,
    from_infer: Receiver<Message<Batch>>,
    to_write: Sender<Message<Finding>>,
) -> (Pass, Result<()>) {
    let mut sampled = 0;
    let (pass, outcome) = timed("postprocess", |clock| {
        while let Some(message) = clock.receive(&from_infer) {
            let Batch { analyzer, slots, tensor } = match message {
                Message::Work(batch) => batch,
                Message::End(end) => {
                    clock.send(&to_write, Message::End(end))?;
                    continue;
                }
            };
            for (i, slot) in slots.into_iter().enumerate() {
                let data = stream.analyzers[analyzer].stage.interpret(&tensor.get(i)?)?;
                clock.add_items(1);
                sampled += 1;
                Progress::add(&stream.task.progress.sampled, 1);
                clock.send(&to_write, Message::Work(Finding { analyzer, slot, data }))?;
            }
        }
        Ok(())
    });
    (Pass { sampled, ..pass }, outcome)
}

/// Runs a stage and times it.
fn timed(name: &'static str, work: impl FnOnce(&mut StageClock) -> Result<(), StageEnd>) -> (Pass, Result<()>) {
    let mut clock = StageClock::start(name);
    let outcome = work(&mut clock);
    (Pass { stages: vec![clock.finish()], ..Pass::default() }, unless_disconnected(outcome))
}
