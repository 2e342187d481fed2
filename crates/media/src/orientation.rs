//! How a frame is turned for display, by the display matrix: exactly what the FFmpeg command's autorotation does for turns by
//! multiples of 90 degrees, with or without mirroring.

use std::ptr;

use crate::av::ffi;
use crate::demux::Demuxer;
use crate::frame::RawFrame;
use crate::picture::Orientation;

const MATRIX_BYTES: usize = 9 * size_of::<i32>();

/// The orientation that the frame, else the stream, states. Other angles become the nearest multiple of 90, with a note.
pub(crate) fn of(demuxer: &Demuxer, frame: &RawFrame, notes: &mut Vec<String>) -> Orientation {
    let Some(matrix) = frame_matrix(frame).or_else(|| stream_matrix(demuxer)) else {
        return Orientation::default();
    };
    // SAFETY: the matrix has nine elements.
    let angle = -unsafe { ffi::av_display_rotation_get(matrix.as_ptr()) };
    if angle.is_nan() {
        notes.push("the display matrix cannot be understood and is ignored".to_owned());
        return Orientation::default();
    }
    let clockwise = angle.round().rem_euclid(360.0);
    let rotation = ((clockwise / 90.0).round() as u16 % 4) * 90;
    if (clockwise - f64::from(rotation)).abs() > 1.0 && clockwise < 359.0 {
        notes.push(format!("the file asks for a turn by {clockwise} degrees; {rotation} is used"));
    }
    turn(rotation, &matrix)
}

/// Tells mirrored turns from plain ones. The conditions are those of FFmpeg's autorotation, which at 90 degrees inserts
/// `transpose` as clock or cclock_flip, at 180 hflip and vflip each by its sign, at 270 cclock or clock_flip, at 0 vflip.
fn turn(rotation: u16, matrix: &[i32; 9]) -> Orientation {
    match rotation {
        90 => Orientation { rotation, mirrored: matrix[3] > 0 },
        180 => match (matrix[0] < 0, matrix[4] < 0) {
            (true, false) => Orientation { rotation: 0, mirrored: true },
            (false, true) => Orientation { rotation: 180, mirrored: true },
            (false, false) => Orientation::default(),
            (true, true) => Orientation { rotation, mirrored: false },
        },
        270 => Orientation { rotation, mirrored: matrix[3] < 0 },
        _ if matrix[4] < 0 => Orientation { rotation: 180, mirrored: true },
        _ => Orientation::default(),
    }
}

fn frame_matrix(frame: &RawFrame) -> Option<[i32; 9]> {
    // SAFETY: the frame is valid; side data holds at least `size` bytes.
    unsafe {
        let data = ffi::av_frame_get_side_data(frame.as_ptr(), ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX)
            .as_ref()?;
        read_matrix(data.data, data.size)
    }
}

fn stream_matrix(demuxer: &Demuxer) -> Option<[i32; 9]> {
    let mut size = 0;
    // SAFETY: the stream is valid; side data holds at least `size` bytes.
    unsafe {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
        let data = ffi::av_stream_get_side_data(demuxer.stream(), kind, &mut size);
        read_matrix(data, size)
    }
}

/// # Safety
/// `data` is null or points to `size` bytes.
unsafe fn read_matrix(data: *const u8, size: usize) -> Option<[i32; 9]> {
    if data.is_null() || size < MATRIX_BYTES {
        return None;
    }
    // SAFETY: enough bytes are there; alignment is not assumed.
    Some(unsafe { ptr::read_unaligned(data.cast::<[i32; 9]>()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_orientations_follow_the_signs_of_the_matrix() {
        let unit = 1 << 16;
        let matrix = |a: i32, b: i32, c: i32, d: i32| [a * unit, b * unit, 0, c * unit, d * unit, 0, 0, 0, 1 << 30];
        let cases = [
            (0, matrix(1, 0, 0, 1), 0, false),
            (0, matrix(1, 0, 0, -1), 180, true),
            (180, matrix(-1, 0, 0, 1), 0, true),
            (180, matrix(-1, 0, 0, -1), 180, false),
            (90, matrix(0, 1, -1, 0), 90, false),
            (90, matrix(0, 1, 1, 0), 90, true),
            (270, matrix(0, -1, 1, 0), 270, false),
            (270, matrix(0, -1, -1, 0), 270, true),
        ];
        for (theta, matrix, rotation, mirrored) in cases {
            assert_eq!(turn(theta, &matrix), Orientation { rotation, mirrored }, "{theta} {matrix:?}");
        }
    }
}
