//! Inference and what follows: batches through the networks, outputs to each analyzer's records.

use candle_core::Tensor;
use crossbeam_channel::{Receiver, Sender};
use framefan_contract::Result;

use super::{Batch, Message, Pass, Recorded, Stream, timed};
use crate::progress::Progress;

/// A batch and its outputs.
pub(super) struct Inferred {
    batch: Batch,
    outputs: Tensor,
}

/// Runs batches through the networks.
pub(super) fn infer(
    stream: &Stream<'_>,
    from_convert: Receiver<Message<Batch>>,
    to_interpret: Sender<Message<Inferred>>,
) -> (Pass, Result<()>) {
    timed("infer", |clock| {
        while let Some(message) = clock.receive(&from_convert) {
            let message = match message {
                Message::Work(batch) => {
                    clock.add_items(batch.frames.len() as u64);
                    let outputs = stream.lanes.lanes[batch.lane].stage.infer(&batch.inputs)?;
                    Message::Work(Inferred { batch, outputs })
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
    from_infer: Receiver<Message<Inferred>>,
    to_write: Sender<Message<Recorded>>,
) -> (Pass, Result<()>) {
    let mut sampled = 0;
    let (pass, outcome) = timed("postprocess", |clock| {
        while let Some(message) = clock.receive(&from_infer) {
            let Inferred { batch, outputs } = match message {
                Message::Work(inferred) => inferred,
                Message::End(end) => {
                    clock.send(&to_write, Message::End(end))?;
                    continue;
                }
            };
            let lane = &stream.lanes.lanes[batch.lane];
            for (i, looked) in batch.frames.iter().enumerate() {
                let (input, output) = (batch.inputs.get(lane.stencil + i)?, outputs.get(i)?);
                for (number, analyzer) in stream.analyzers.iter().enumerate() {
                    if looked.by & lane.analyzers & (1 << number) == 0 {
                        continue;
                    }
                    let finding = analyzer.stage.interpret(&input, &output)?;
                    clock.add_items(1);
                    sampled += 1;
                    Progress::add(&stream.task.progress.sampled, 1);
                    let recorded = Recorded { analyzer: number, slot: looked.slot, finding };
                    clock.send(&to_write, Message::Work(recorded))?;
                }
            }
        }
        Ok(())
    });
    (Pass { sampled, ..pass }, outcome)
}
