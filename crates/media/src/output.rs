//! Sorts frames into chunks: decoded frames in presentation order go in, frames and chunk ends come out.

use std::collections::VecDeque;

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::plan::Chunk;
use framefan_contract::video::VideoInfo;

use crate::damage::DamageLog;
use crate::frame::Frame;

/// What comes out, in presentation order.
pub enum Decoded {
    /// One of the frames just before the first chunk.
    Stencil {
        /// The chunk it precedes.
        before: u32,
        /// The frame.
        frame: Frame,
    },
    /// A frame of a chunk.
    Frame {
        /// The chunk.
        chunk: u32,
        /// The frame.
        frame: Frame,
    },
    /// All frames of a chunk are out.
    ChunkEnd {
        /// The chunk.
        chunk: u32,
        /// How many frames it had.
        frames: u32,
        /// Parts of it that could not be decoded cleanly.
        damaged: Vec<DamagedSpan>,
    },
}

/// What is ready to be taken, and the chunk that is being filled.
pub(crate) struct Output {
    video: VideoInfo,
    chunks: Vec<Chunk>,
    /// The last frames before the first chunk, until a later one comes.
    stencil: VecDeque<Frame>,
    stencil_length: usize,
    current: usize,
    /// Frames of the current chunk.
    frames: u32,
    ready: VecDeque<Decoded>,
    done: bool,
}

impl Output {
    /// `chunks` are consecutive; `stencil_length` frames before the first are wanted.
    pub(crate) fn new(video: &VideoInfo, chunks: &[Chunk], stencil_length: usize) -> Self {
        Output {
            video: video.clone(),
            chunks: chunks.to_vec(),
            stencil: VecDeque::new(),
            stencil_length,
            current: 0,
            frames: 0,
            ready: VecDeque::new(),
            done: false,
        }
    }

    /// Takes the next thing that is ready.
    pub(crate) fn pop(&mut self) -> Option<Decoded> {
        self.ready.pop_front()
    }

    /// Whether no more frames are wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Ends all chunks: no more frames come.
    pub(crate) fn finish(&mut self, damage: &mut DamageLog) {
        while self.current < self.chunks.len() {
            self.end_chunk(damage);
        }
        self.done = true;
    }

    /// Puts a frame into the output, with the chunk ends before it.
    pub(crate) fn put(&mut self, frame: Frame, damage: &mut DamageLog) {
        if frame.pts < self.chunks[0].start_pts {
            self.stencil.push_back(frame);
            if self.stencil.len() > self.stencil_length {
                self.stencil.pop_front();
            }
            return;
        }
        while self.current < self.chunks.len() && frame.pts >= self.chunks[self.current].end_pts {
            self.end_chunk(damage);
        }
        self.flush_stencil();
        match self.chunks.get(self.current) {
            Some(chunk) => {
                self.frames += 1;
                self.ready.push_back(Decoded::Frame { chunk: chunk.index, frame });
            }
            None => self.done = true,
        }
    }

    fn flush_stencil(&mut self) {
        let before = self.chunks[0].index;
        for frame in self.stencil.drain(..) {
            self.ready.push_back(Decoded::Stencil { before, frame });
        }
    }

    fn end_chunk(&mut self, damage: &mut DamageLog) {
        self.flush_stencil();
        let chunk = &self.chunks[self.current];
        let damaged = damage.within(chunk, &self.video);
        self.ready.push_back(Decoded::ChunkEnd { chunk: chunk.index, frames: self.frames, damaged });
        self.current += 1;
        self.frames = 0;
    }
}
