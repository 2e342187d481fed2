//! Decoding: frames in presentation order, each sent on when an analyzer samples it; chunks claimed as they begin.

use std::collections::VecDeque;

use crossbeam_channel::Sender;
use framefan_contract::Result;
use framefan_contract::artifact::DamagedSpan;
use framefan_media::{DecodeOptions, Decoded, Frame, FrameReader};

use super::{Begun, Looked, Message, Pass, Sampled, StageEnd, Stream, unless_disconnected};
use crate::collect::{ChunkEnd, Slot};
use crate::metrics::{StageClock, stage_metrics};
use crate::progress::Progress;
use crate::sampling::is_sampled;
use crate::shard::check_stop;

/// Decodes the stream's chunks.
pub(super) fn decode(stream: &Stream<'_>, begun: &Begun, to_convert: Sender<Message<Sampled>>) -> (Pass, Result<()>) {
    let clock = StageClock::start("decode");
    let options = DecodeOptions {
        threads: stream.task.decode_threads,
        stencil: stream.lanes.stencil as u32,
        ..DecodeOptions::default()
    };
    let plan = stream.task.plan;
    let source = stream.task.source.clone();
    let mut reader = match FrameReader::open(source, &plan.video, plan.index_method, stream.chunks, &options) {
        Ok(reader) => reader,
        Err(error) => return (Pass::default(), Err(error)),
    };
    let mut stage = Decode { stream, begun, clock, to_convert, before: VecDeque::new(), cursor: None };
    let outcome = stage.run(&mut reader);
    let read = reader.read_metrics();
    stage.clock.add_wait_in(read.wait_s);
    let decoded = stage.clock.finish();
    let frames = decoded.items;
    let stages = vec![stage_metrics("read", read.busy_s, 0.0, 0.0, read.bytes), decoded];
    let pass = Pass { stages, frames, bytes_read: read.bytes, ..Pass::default() };
    (pass, unless_disconnected(outcome))
}

struct Decode<'a> {
    stream: &'a Stream<'a>,
    begun: &'a Begun,
    clock: StageClock,
    to_convert: Sender<Message<Sampled>>,
    /// The last frames that were not sent on: the stencil of the next one that is.
    before: VecDeque<Frame>,
    cursor: Option<Cursor>,
}

/// The chunk whose frames are coming out of the decoder.
struct Cursor {
    chunk: u32,
    /// Another worker's chunk is decoded through, because later ones need it, and left alone.
    claimed: bool,
    frames: u32,
    first_pts: Option<i64>,
    last_pts: Option<i64>,
    sampled: Vec<u32>,
}

impl Decode<'_> {
    fn run(&mut self, reader: &mut FrameReader) -> Result<(), StageEnd> {
        loop {
            check_stop(self.stream.task, self.stream.leases)?;
            match reader.next()? {
                None => return Ok(()),
                Some(Decoded::Stencil { frame, .. }) => self.keep(frame),
                Some(Decoded::Frame { chunk, frame }) => self.frame(chunk, frame)?,
                Some(Decoded::ChunkEnd { chunk, damaged, .. }) => self.end(chunk, damaged)?,
            }
        }
    }

    /// The cursor of `chunk`, which is claimed when it is new.
    fn enter(&mut self, chunk: u32) -> Result<&mut Cursor> {
        let cursor = match self.cursor.take() {
            Some(cursor) if cursor.chunk == chunk => cursor,
            _ => {
                let claimed = self.stream.leases.claim(chunk)?;
                self.begun.note(self.stream.position(chunk));
                let sampled = vec![0; self.stream.analyzers.len()];
                Cursor { chunk, claimed, frames: 0, first_pts: None, last_pts: None, sampled }
            }
        };
        Ok(self.cursor.insert(cursor))
    }

    fn frame(&mut self, chunk: u32, frame: Frame) -> Result<(), StageEnd> {
        self.clock.add_items(1);
        Progress::add(&self.stream.task.progress.frames, 1);
        let (analyzers, video) = (self.stream.analyzers, &self.stream.task.plan.video);
        let cursor = self.enter(chunk)?;
        if !cursor.claimed {
            self.keep(frame);
            return Ok(());
        }
        let pts = frame.pts();
        let mut looked_at_by = 0u32;
        for (i, analyzer) in analyzers.iter().enumerate() {
            if is_sampled(analyzer.sampling, video, cursor.last_pts, pts) {
                looked_at_by |= 1 << i;
                cursor.sampled[i] += 1;
            }
        }
        let slot = Slot { chunk, pts, offset: cursor.frames };
        cursor.frames += 1;
        cursor.first_pts.get_or_insert(pts);
        cursor.last_pts = Some(pts);
        for frame in self.before.drain(..) {
            self.clock.send(&self.to_convert, Message::Work(Sampled { looked: None, frame }))?;
        }
        if looked_at_by != 0 {
            let looked = Some(Looked { slot, by: looked_at_by });
            self.clock.send(&self.to_convert, Message::Work(Sampled { looked, frame }))?;
        }
        Ok(())
    }

    /// Notes a frame that no analyzer looks at.
    fn keep(&mut self, frame: Frame) {
        self.before.push_back(frame);
        if self.before.len() > self.stream.lanes.stencil {
            self.before.pop_front();
        }
    }

    fn end(&mut self, chunk: u32, damaged: Vec<DamagedSpan>) -> Result<(), StageEnd> {
        self.enter(chunk)?;
        let Some(done) = self.cursor.take().filter(|cursor| cursor.claimed) else { return Ok(()) };
        let (frames, first_pts, last_pts) = (done.frames, done.first_pts, done.last_pts);
        let end = ChunkEnd { chunk, frames, first_pts, last_pts, damaged, sampled: done.sampled };
        self.clock.send(&self.to_convert, Message::End(end))?;
        Ok(())
    }
}
