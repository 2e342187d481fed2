//! Conversion: frames to inputs, and inputs to the batches of each lane.

use std::collections::VecDeque;

use candle_core::Tensor;
use crossbeam_channel::{Receiver, Sender};
use framefan_contract::Result;

use super::lanes::Lane;
use super::{Batch, Looked, Message, Pass, StageEnd, Stream, timed};
use crate::metrics::StageClock;

/// Converts frames to inputs and puts these together to batches of each lane's fixed size.
pub(super) fn convert(
    stream: &Stream<'_>,
    from_decode: Receiver<Message<super::Sampled>>,
    to_infer: Sender<Message<Batch>>,
) -> (Pass, Result<()>) {
    timed("convert", |clock| {
        let mut waiting: Vec<Waiting> = stream.lanes.lanes.iter().map(|_| Waiting::default()).collect();
        while let Some(message) = clock.receive(&from_decode) {
            let sampled = match message {
                Message::Work(sampled) => sampled,
                Message::End(end) => {
                    clock.send(&to_infer, Message::End(end))?;
                    continue;
                }
            };
            clock.add_items(1);
            let mut inputs: Vec<Option<Tensor>> = vec![None; stream.lanes.inputs.len()];
            for (i, lane) in stream.lanes.lanes.iter().enumerate() {
                let wanted = match &sampled.looked {
                    Some(looked) => looked.by & lane.analyzers != 0,
                    None => lane.stencil > 0,
                };
                if !wanted {
                    continue;
                }
                if lane.stencil > 0 && sampled.frame.is_after_loss() {
                    // What was before it is not known where decoding begins here, so it must not matter where it did earlier.
                    waiting[i].flush(clock, i, lane, &to_infer)?;
                    waiting[i].before.clear();
                }
                let input = match &inputs[lane.input] {
                    Some(input) => input.clone(),
                    None => inputs[lane.input].insert(lane.stage.prepare(&sampled.frame)?).clone(),
                };
                match sampled.looked {
                    Some(looked) => {
                        waiting[i].take(lane, looked, input);
                        if waiting[i].frames.len() == lane.stage.batch_size() {
                            waiting[i].flush(clock, i, lane, &to_infer)?;
                        }
                    }
                    None => {
                        // The frames that wait come from before a gap.
                        waiting[i].flush(clock, i, lane, &to_infer)?;
                        waiting[i].remember(lane, input);
                    }
                }
            }
        }
        for (i, lane) in stream.lanes.lanes.iter().enumerate() {
            waiting[i].flush(clock, i, lane, &to_infer)?;
        }
        Ok(())
    })
}

/// The batch of a lane that is being filled.
#[derive(Default)]
struct Waiting {
    /// The frames before it: as many as the stencil has, once there was any frame since the beginning or a loss.
    before: VecDeque<Tensor>,
    frames: Vec<Looked>,
    inputs: Vec<Tensor>,
}

impl Waiting {
    fn take(&mut self, lane: &Lane, looked: Looked, input: Tensor) {
        self.begin(lane, &input);
        self.frames.push(looked);
        self.inputs.push(input);
    }

    /// Where the video begins, or goes on after a loss, its first frame stands in for those before it.
    fn begin(&mut self, lane: &Lane, input: &Tensor) {
        while self.before.len() < lane.stencil {
            self.before.push_back(input.clone());
        }
    }

    /// Notes a frame that comes before the next one.
    fn remember(&mut self, lane: &Lane, input: Tensor) {
        self.begin(lane, &input);
        self.before.push_back(input);
        while self.before.len() > lane.stencil {
            self.before.pop_front();
        }
    }

    /// Sends what waits as a batch.
    fn flush(
        &mut self,
        clock: &mut StageClock,
        number: usize,
        lane: &Lane,
        to_infer: &Sender<Message<Batch>>,
    ) -> Result<(), StageEnd> {
        let frames = std::mem::take(&mut self.frames);
        let mut inputs = std::mem::take(&mut self.inputs);
        let Some(last) = inputs.last().cloned() else { return Ok(()) };
        let mut batch: Vec<Tensor> = self.before.iter().cloned().collect();
        for input in &inputs {
            self.remember(lane, input.clone());
        }
        // A short batch is padded: the network always sees one shape, so a frame's numbers never depend on its neighbours.
        inputs.resize(lane.stage.batch_size(), last);
        batch.append(&mut inputs);
        let inputs = Tensor::stack(&batch, 0)?;
        clock.send(to_infer, Message::Work(Batch { lane: number, frames, inputs }))?;
        Ok(())
    }
}
