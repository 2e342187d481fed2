//! Changes to a made file's bytes, for what FFmpeg's muxers do not write in every version.

use crate::boxes;

/// To be raised when an edit changes, so that kept files are made anew.
pub(super) const VERSION: u32 = 1;

/// Bytes of a packet of MPEG-TS.
const TS_PACKET: usize = 188;

pub(super) fn rotate_90(mut file: Vec<u8>) -> Vec<u8> {
    set_display_matrix(&mut file, [0, 1, -1, 0]);
    file
}

pub(super) fn rotate_180(mut file: Vec<u8>) -> Vec<u8> {
    set_display_matrix(&mut file, [-1, 0, 0, -1]);
    file
}

pub(super) fn rotate_270(mut file: Vec<u8>) -> Vec<u8> {
    set_display_matrix(&mut file, [0, -1, 1, 0]);
    file
}

pub(super) fn mirror(mut file: Vec<u8>) -> Vec<u8> {
    set_display_matrix(&mut file, [-1, 0, 0, 1]);
    file
}

/// Sets a, b, c, d of the first track's display matrix: a point (x, y) goes to (a·x + c·y, b·x + d·y), y pointing down.
/// The offset is left at 0: a player shifts the turned picture back into view.
fn set_display_matrix(file: &mut [u8], [a, b, c, d]: [i32; 4]) {
    let header = boxes::find(file, &["moov", "trak", "tkhd"]);
    assert_eq!(file[header.start + 8], 0, "tkhd version 0");
    let matrix = header.start + 48;
    for (place, value) in [(0, a), (1, b), (3, c), (4, d)] {
        let at = matrix + 4 * place;
        file[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
    }
}

/// Moves the metadata with the cover picture before the tracks, so that it becomes the first stream.
pub(super) fn cover_first(mut file: Vec<u8>) -> Vec<u8> {
    let moov = boxes::find(&file, &["moov"]);
    let metadata = boxes::find(&file, &["moov", "udta"]);
    let header = boxes::find(&file, &["moov", "mvhd"]);
    assert!(header.end < metadata.start && metadata.end == moov.end, "udta is the last box of moov");
    file[header.end..metadata.end].rotate_right(metadata.len());
    file
}

/// Drops the beginning of a transport stream: it then starts in the middle of a group of pictures, and of a packet.
pub(super) fn drop_first_third_of_ts(mut file: Vec<u8>) -> Vec<u8> {
    let packets = file.len() / TS_PACKET;
    file.drain(..packets / 3 * TS_PACKET);
    file
}
