//! Presentation times of packets in files indexed by decoding, where packets do not tell them.

use framefan_contract::plan::Chunk;
use framefan_contract::{Error, Result};

/// Times of packets by ordinal, for files indexed by decoding.
pub(crate) struct Times {
    first: u64,
    times: Vec<Option<i64>>,
}

impl Times {
    /// The times that chunks carry; they overlap where one starts decoding before the one before ends.
    pub(crate) fn of(chunks: &[Chunk]) -> Result<Self> {
        let first = chunks[0].decode_from.ordinal;
        let mut times = Vec::new();
        for chunk in chunks {
            let own = chunk.times.as_ref().ok_or_else(|| {
                Error::usage(format!("chunk {} of a file indexed by decoding lists no packet times", chunk.index))
            })?;
            let offset = usize::try_from(chunk.decode_from.ordinal.saturating_sub(first)).unwrap_or(usize::MAX);
            let skip = (first.saturating_sub(chunk.decode_from.ordinal)) as usize;
            let own = own.get(skip..).unwrap_or_default();
            let end = offset.saturating_add(own.len());
            if end > times.len() {
                times.resize(end, None);
            }
            for (to, from) in times[offset..].iter_mut().zip(own) {
                *to = to.or(*from);
            }
        }
        Ok(Times { first, times })
    }

    /// The time of the frame that a packet makes.
    pub(crate) fn of_packet(&self, ordinal: u64) -> Option<i64> {
        let offset = usize::try_from(ordinal.checked_sub(self.first)?).ok()?;
        self.times.get(offset).copied().flatten()
    }
}
