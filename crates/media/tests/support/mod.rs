//! Decodes files by chunks and compares with FFmpeg's own account.
#![allow(dead_code)]

use std::path::Path;
use std::sync::Arc;

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::plan::Chunk;
use framefan_contract::{Error, Result};
use framefan_media::{ByteSource, DecodeOptions, Decoded, FileSource, FrameReader, Limits, Probe, probe};
use framefan_planner::Timeline;
use md5::{Digest, Md5};

/// Timestamp and MD5 of a frame.
pub type Hashed = (i64, String);

/// What came out of one or more readers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decodes {
    pub frames: Vec<Hashed>,
    pub stencils: Vec<(u32, Hashed)>,
    pub damaged: Vec<DamagedSpan>,
    /// Times of the frames before which one was lost.
    pub after_loss: Vec<i64>,
}

pub fn source(path: &Path) -> Arc<dyn ByteSource> {
    Arc::new(FileSource::open(path).expect("the file exists"))
}

pub fn probed(path: &Path) -> Result<Probe> {
    probe(source(path), &Limits::default())
}

/// Chunks that begin at the given frames (numbers in presentation order, ascending, the first is 0).
pub fn chunks(probe: &Probe, starts: &[usize], stencil: u32) -> Vec<Chunk> {
    let timeline = Timeline::new(&probe.index).expect("there are frames");
    let times = timeline.times();
    let mut chunks = Vec::new();
    for (index, &start) in starts.iter().enumerate() {
        let start_pts = times[start];
        let end_pts = starts.get(index + 1).map_or(probe.index.end_pts, |&next| times[next]);
        let interval = timeline.interval(start_pts, end_pts, stencil).expect("frames are inside");
        chunks.push(Chunk {
            index: index as u32,
            start_pts,
            end_pts,
            start_s: probe.info.seconds(start_pts),
            end_s: probe.info.seconds(end_pts),
            frames: interval.frames,
            decode_from: interval.decode_from,
            end_packet: interval.end_packet,
            byte_range: interval.byte_range,
            cost: 0.0,
            times: interval.times,
        });
    }
    chunks
}

/// Decodes consecutive chunks with one reader, checking the order of what comes out.
pub fn decode(path: &Path, probe: &Probe, chunks: &[Chunk], threads: usize, stencil: u32) -> Result<Decodes> {
    decode_as(path, probe, chunks, &DecodeOptions { threads, stencil, ..DecodeOptions::default() })
}

/// The same with any options.
pub fn decode_as(path: &Path, probe: &Probe, chunks: &[Chunk], options: &DecodeOptions) -> Result<Decodes> {
    let mut reader = FrameReader::open(source(path), &probe.info, probe.index.method, chunks, options)?;
    let mut out = Decodes::default();
    let mut ended = Vec::new();
    let mut in_chunk = 0;
    while let Some(decoded) = reader.next()? {
        match decoded {
            Decoded::Stencil { before, frame } => {
                assert_eq!(before, chunks[0].index);
                assert!(frame.pts() < chunks[0].start_pts);
                out.stencils.push((before, (frame.pts(), md5(&frame.raw_bytes()))));
            }
            Decoded::Frame { chunk, frame } => {
                let place = chunks.iter().find(|c| c.index == chunk).expect("a chunk asked for");
                assert!(
                    (place.start_pts..place.end_pts).contains(&frame.pts()),
                    "frame {} in chunk {chunk}",
                    frame.pts()
                );
                assert_eq!(ended.len(), (chunk - chunks[0].index) as usize, "frames of ended chunks");
                frame.picture()?.check()?;
                in_chunk += 1;
                if frame.is_after_loss() {
                    out.after_loss.push(frame.pts());
                }
                out.frames.push((frame.pts(), md5(&frame.raw_bytes())));
            }
            Decoded::ChunkEnd { chunk, frames, damaged } => {
                assert_eq!(frames, in_chunk);
                in_chunk = 0;
                ended.push(chunk);
                for span in damaged {
                    match out.damaged.last_mut() {
                        Some(last) if last.end_pts == span.start_pts => last.end_pts = span.end_pts,
                        _ => out.damaged.push(span),
                    }
                }
            }
        }
    }
    if ended != chunks.iter().map(|c| c.index).collect::<Vec<_>>() {
        return Err(Error::defect(format!("chunks that ended: {ended:?} of {}", chunks.len())));
    }
    Ok(out)
}

/// Decodes the whole file with one reader for each group of chunks; `groups` holds how many chunks each takes. The chunks are
/// made for a stencil of one frame.
pub fn decode_groups(
    path: &Path,
    probe: &Probe,
    chunks: &[Chunk],
    groups: &[usize],
    threads: usize,
) -> Result<Decodes> {
    let mut all = Decodes::default();
    let mut rest = chunks;
    for &group in groups {
        let (now, later) = rest.split_at(group.min(rest.len()));
        rest = later;
        if now.is_empty() {
            break;
        }
        let part = decode(path, probe, now, threads, 1)?;
        all.frames.extend(part.frames);
        all.after_loss.extend(part.after_loss);
        for span in part.damaged {
            match all.damaged.last_mut() {
                Some(last) if last.end_pts == span.start_pts => last.end_pts = span.end_pts,
                _ => all.damaged.push(span),
            }
        }
    }
    Ok(all)
}

/// Ascending starts: 0 and about `count` others, by a seed.
pub fn random_starts(seed: u64, frames: usize, count: usize) -> Vec<usize> {
    let mut random = Random(seed);
    let mut starts: Vec<usize> = (0..count).map(|_| random.below(frames)).collect();
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

pub fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
