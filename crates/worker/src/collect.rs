//! Puts together the records of each chunk, whatever order batches bring them in, and commits the chunk once it is whole.

use std::collections::BTreeMap;

use framefan_contract::artifact::{ARTIFACT_SCHEMA, Artifact, DamagedSpan, Record};
use framefan_contract::plan::Chunk;
use serde_json::value::RawValue;

/// What the decoder says when a chunk's last frame is out.
#[derive(Debug)]
pub(crate) struct ChunkEnd {
    pub chunk: u32,
    pub frames: u32,
    pub first_pts: Option<i64>,
    pub last_pts: Option<i64>,
    pub damaged: Vec<DamagedSpan>,
    /// Frames sent on to each analyzer.
    pub sampled: Vec<u32>,
}

/// Where a sampled frame belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub chunk: u32,
    pub pts: i64,
    /// Frames of its chunk displayed before it.
    pub offset: u32,
}

#[derive(Default)]
struct Open {
    records: Vec<Vec<Record>>,
    end: Option<ChunkEnd>,
}

/// Collects records until their chunks are whole.
pub(crate) struct Collector {
    /// Number of analyzers.
    analyzers: usize,
    open: BTreeMap<u32, Open>,
}

impl Collector {
    pub fn new(analyzers: usize) -> Self {
        Collector { analyzers, open: BTreeMap::new() }
    }

    fn entry(&mut self, chunk: u32) -> &mut Open {
        let analyzers = self.analyzers;
        self.open
            .entry(chunk)
            .or_insert_with(|| Open { records: (0..analyzers).map(|_| Vec::new()).collect(), end: None })
    }

    /// Adds a record; returns the chunk's end and records when that makes it whole.
    pub fn record(&mut self, analyzer: usize, slot: Slot, data: Box<RawValue>) -> Option<(ChunkEnd, Vec<Vec<Record>>)> {
        self.entry(slot.chunk).records[analyzer].push(Record { pts: slot.pts, offset: slot.offset, data });
        self.take_if_whole(slot.chunk)
    }

    /// Notes that no more frames of the chunk will come; returns it when all its records are there already.
    pub fn end(&mut self, end: ChunkEnd) -> Option<(ChunkEnd, Vec<Vec<Record>>)> {
        let chunk = end.chunk;
        self.entry(chunk).end = Some(end);
        self.take_if_whole(chunk)
    }

    fn take_if_whole(&mut self, chunk: u32) -> Option<(ChunkEnd, Vec<Vec<Record>>)> {
        let open = self.open.get(&chunk)?;
        let end = open.end.as_ref()?;
        let whole = open.records.iter().zip(&end.sampled).all(|(records, &sampled)| records.len() == sampled as usize);
        if !whole {
            return None;
        }
        let open = self.open.remove(&chunk)?;
        open.end.map(|end| (end, open.records))
    }
}

/// The commit record of a whole chunk. Records are in presentation order whatever order they arrived in.
pub(crate) fn artifact(
    chunk: &Chunk,
    digest: String,
    end: ChunkEnd,
    records: Vec<Vec<Record>>,
    analyzers: &[String],
) -> Artifact {
    let mut by_analyzer = BTreeMap::new();
    for (name, mut records) in analyzers.iter().cloned().zip(records) {
        records.sort_by_key(|r| r.offset);
        by_analyzer.insert(name, records);
    }
    Artifact {
        schema: ARTIFACT_SCHEMA.to_owned(),
        digest,
        chunk: chunk.index,
        start_pts: chunk.start_pts,
        end_pts: chunk.end_pts,
        frames: end.frames,
        first_pts: end.first_pts,
        last_pts: end.last_pts,
        damaged: end.damaged,
        records: by_analyzer,
        sidecars: Vec::new(),
    }
}
