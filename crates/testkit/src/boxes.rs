//! Byte surgery on ISO media files (MP4, MOV), for what FFmpeg's muxer cannot be asked to write.
//!
//! The files come from FFmpeg moments before, so what is not where it should be is a panic. Sizes are 32 bit.

use std::ops::Range;

/// The range of the first box at `path` (e.g. `["moov", "trak", "tkhd"]`), header included.
pub(crate) fn find(file: &[u8], path: &[&str]) -> Range<usize> {
    let mut within = 0..file.len();
    let mut found = within.clone();
    for name in path {
        found = children(file, within)
            .into_iter()
            .find(|child| &file[child.start + 4..child.start + 8] == name.as_bytes())
            .unwrap_or_else(|| panic!("no box {path:?} in the file"));
        within = found.start + 8..found.end;
    }
    found
}

/// The boxes that fill a range, headers included.
pub(crate) fn children(file: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    let mut boxes = Vec::new();
    let mut at = within.start;
    while at + 8 <= within.end {
        let size = read_u32(file, at) as usize;
        assert!(size >= 8 && at + size <= within.end, "a box of size {size} at {at} does not fit");
        boxes.push(at..at + size);
        at += size;
    }
    boxes
}

/// Replaces the bytes of the box at `path` after its header, and corrects the sizes of the boxes around it.
/// `moov` must stand after the media data, because chunk offsets are left as they are.
pub(crate) fn replace_payload(file: &mut Vec<u8>, path: &[&str], payload: &[u8]) {
    let old = find(file, path);
    let growth = payload.len() as i64 - (old.len() as i64 - 8);
    let starts: Vec<usize> = (1..=path.len()).map(|depth| find(file, &path[..depth]).start).collect();
    for at in starts {
        let size = i64::from(read_u32(file, at)) + growth;
        file[at..at + 4].copy_from_slice(&u32::try_from(size).expect("box sizes are 32 bit").to_be_bytes());
    }
    file.splice(old.start + 8..old.end, payload.iter().copied());
}

fn read_u32(file: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"))
}
