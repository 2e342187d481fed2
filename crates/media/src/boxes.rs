//! Boxes of an MP4 or MOV file (ISO/IEC 14496-12): where media data lies that a table reader need not read, and whether it
//! lies in this file at all. Only headers are read.

use std::ops::Range;

use framefan_contract::Result;

use crate::source::ByteSource;

/// Boxes after which a walk ends. Fragmented files have two a fragment.
const MAX_BOXES: usize = 200_000;

/// A box: its type and its body.
struct Mp4Box {
    kind: [u8; 4],
    body: Range<u64>,
}

/// Walks the boxes in `range`. Ends quietly at the first thing that is no box: the demuxer judges that.
fn walk(source: &dyn ByteSource, range: Range<u64>, mut visit: impl FnMut(Mp4Box) -> Result<()>) -> Result<()> {
    let mut start = range.start;
    for _ in 0..MAX_BOXES {
        if start >= range.end {
            break;
        }
        let mut header = [0u8; 16];
        let left = usize::try_from(range.end - start).unwrap_or(16).min(16);
        let read = source.read_at(start, &mut header[..left])?;
        if read < 8 {
            break;
        }
        let short = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let (length, header_bytes) = match short {
            0 => (range.end - start, 8),
            1 if read == 16 => (u64::from_be_bytes([8, 9, 10, 11, 12, 13, 14, 15].map(|i: usize| header[i])), 16),
            _ => (u64::from(short), 8),
        };
        if length < header_bytes {
            break;
        }
        let end = start.saturating_add(length);
        visit(Mp4Box { kind: [header[4], header[5], header[6], header[7]], body: start + header_bytes..end })?;
        start = end;
    }
    Ok(())
}

/// The bodies of all `mdat` boxes, ascending; the last may reach beyond the end of a truncated file.
pub(crate) fn media_data(source: &dyn ByteSource) -> Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    walk(source, 0..source.size(), |found| {
        if &found.kind == b"mdat" {
            ranges.push(found.body);
        }
        Ok(())
    })?;
    Ok(ranges)
}

/// Whether this is an MP4 or MOV without its index: it begins with a known box, and no `moov` follows.
pub(crate) fn lacks_index(source: &dyn ByteSource) -> Result<bool> {
    let mut kinds = Vec::new();
    walk(source, 0..source.size(), |found| {
        kinds.push(found.kind);
        Ok(())
    })?;
    let is_mov = kinds.first().is_some_and(|kind| matches!(kind, b"ftyp" | b"mdat" | b"wide" | b"free" | b"skip"));
    Ok(is_mov && !kinds.contains(b"moov"))
}

/// Whether a track's media data is said to lie in another file: an entry of `moov/trak/mdia/minf/dinf/dref` without the flag
/// "self-contained" (ISO/IEC 14496-12, 8.7.2).
pub(crate) fn refers_to_another_file(source: &dyn ByteSource) -> Result<bool> {
    let whole = 0..source.size();
    let mut level = vec![whole];
    for wanted in [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"] {
        let mut inside = Vec::new();
        for range in level {
            walk(source, range, |found| {
                if &found.kind == wanted {
                    inside.push(found.body);
                }
                Ok(())
            })?;
        }
        level = inside;
    }
    let mut external = false;
    for references in level {
        // Version, flags and the number of entries come before the entries, which are boxes.
        walk(source, references.start.saturating_add(8)..references.end, |entry| {
            let mut flags = [0u8; 4];
            let read = source.read_at(entry.body.start, &mut flags)?;
            external |= read == 4 && flags[3] & 1 == 0;
            Ok(())
        })?;
    }
    Ok(external)
}
