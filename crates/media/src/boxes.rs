//! The top-level boxes of an MP4 or MOV file (ISO/IEC 14496-12): where media data lies that a table reader need not read.

use std::ops::Range;

use framefan_contract::Result;

use crate::source::ByteSource;

/// Boxes after which the walk ends; the rest is then simply read. Fragmented files have two a fragment.
const MAX_BOXES: usize = 200_000;

/// The bodies of all `mdat` boxes, ascending. The walk ends quietly at the first thing that is no box: the demuxer judges that.
pub(crate) fn media_data(source: &dyn ByteSource) -> Result<Vec<Range<u64>>> {
    let size = source.size();
    let mut ranges = Vec::new();
    let mut start = 0u64;
    for _ in 0..MAX_BOXES {
        let mut header = [0u8; 16];
        let read = source.read_at(start, &mut header[..usize::try_from(size - start).unwrap_or(16).min(16)])?;
        if read < 8 {
            break;
        }
        let short = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let (length, header_bytes) = match short {
            0 => (size - start, 8),
            1 if read == 16 => (u64::from_be_bytes([8, 9, 10, 11, 12, 13, 14, 15].map(|i: usize| header[i])), 16),
            _ => (u64::from(short), 8),
        };
        if length < header_bytes {
            break;
        }
        let end = start.saturating_add(length).min(size);
        if &header[4..8] == b"mdat" {
            ranges.push(start + header_bytes..end);
        }
        start = end;
        if start >= size {
            break;
        }
    }
    Ok(ranges)
}
