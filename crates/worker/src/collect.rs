//! Puts together the records of each chunk, whatever order batches bring them in, and commits the chunk once it is whole.

use std::collections::BTreeMap;

use framefan_analyzers::Finding;
use framefan_contract::artifact::{ARTIFACT_SCHEMA, Artifact, DamagedSpan, Record, Sidecar};
use framefan_contract::digest;
use framefan_contract::plan::Chunk;

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

/// What an analyzer said of one frame.
pub(crate) struct Collected {
    slot: Slot,
    finding: Finding,
}

#[derive(Default)]
struct Open {
    records: Vec<Vec<Collected>>,
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
    pub fn record(&mut self, analyzer: usize, slot: Slot, finding: Finding) -> Option<(ChunkEnd, Vec<Vec<Collected>>)> {
        self.entry(slot.chunk).records[analyzer].push(Collected { slot, finding });
        self.take_if_whole(slot.chunk)
    }

    /// Notes that no more frames of the chunk will come; returns it when all its records are there already.
    pub fn end(&mut self, end: ChunkEnd) -> Option<(ChunkEnd, Vec<Vec<Collected>>)> {
        let chunk = end.chunk;
        self.entry(chunk).end = Some(end);
        self.take_if_whole(chunk)
    }

    fn take_if_whole(&mut self, chunk: u32) -> Option<(ChunkEnd, Vec<Vec<Collected>>)> {
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

/// The commit record of a whole chunk, and the bytes of the sidecars that it names, in its order. Records are in
/// presentation order whatever order they arrived in.
pub(crate) fn artifact(
    chunk: &Chunk,
    digest: String,
    end: ChunkEnd,
    records: Vec<Vec<Collected>>,
    analyzers: &[String],
) -> (Artifact, Vec<Vec<u8>>) {
    let mut by_analyzer = BTreeMap::new();
    let (mut sidecars, mut contents) = (Vec::new(), Vec::new());
    for (name, mut collected) in analyzers.iter().zip(records) {
        collected.sort_by_key(|c| c.slot.offset);
        let mut bytes = Vec::new();
        let mut records = Vec::with_capacity(collected.len());
        for Collected { slot, finding } in collected {
            bytes.extend_from_slice(&finding.sidecar);
            let (sidecar_bytes, data) = (finding.sidecar.len() as u32, finding.data);
            records.push(Record { pts: slot.pts, offset: slot.offset, data, sidecar_bytes });
        }
        by_analyzer.insert(name.clone(), records);
        if !bytes.is_empty() {
            let sha256 = digest::of_bytes(&bytes);
            // Named by its content: a chunk cut otherwise, by an earlier plan, may have left another one.
            let file = format!("chunk_{:04}.{name}.{}.bin", chunk.index, &sha256[..16]);
            sidecars.push(Sidecar { analyzer: name.clone(), name: file, sha256, size: bytes.len() as u64 });
            contents.push(bytes);
        }
    }
    let artifact = Artifact {
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
        sidecars,
    };
    (artifact, contents)
}
