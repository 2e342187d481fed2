//! Inputs that a careful reader of videos refuses or survives, each written into a folder of the caller's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::boxes;
use crate::tools::{ffmpeg, ffprobe_json, run};

/// An empty file.
pub fn empty(folder: &Path) -> PathBuf {
    write(folder, "empty.mp4", b"")
}

/// A text file named like a video.
pub fn text(folder: &Path) -> PathBuf {
    write(folder, "text.mp4", "this is not a video\n".repeat(500).as_bytes())
}

/// The first `share` (0..1) of a video.
pub fn truncated(folder: &Path, video: &Path, share: f64) -> PathBuf {
    let mut bytes = read(video);
    bytes.truncate((bytes.len() as f64 * share) as usize);
    write(folder, &named("truncated", video), &bytes)
}

/// A video with `flips` bits inverted at places that `seed` decides; the first `spare` bytes stay as they are.
pub fn bits_flipped(folder: &Path, video: &Path, seed: u64, flips: usize, spare: usize) -> PathBuf {
    let mut bytes = read(video);
    let mut random = SplitMix64(seed);
    for _ in 0..flips {
        let place = spare + (random.next() % (bytes.len() - spare) as u64) as usize;
        bytes[place] ^= 1 << (random.next() % 8);
    }
    write(folder, &named(&format!("flipped_{seed}"), video), &bytes)
}

/// A video whose group of pictures number `group` (from 0) is zeros: each of its packets is there and none decodes.
pub fn without_group(folder: &Path, video: &Path, group: usize) -> PathBuf {
    let mut bytes = read(video);
    let told = ffprobe_json(video, &["-select_streams", "v", "-show_packets"]);
    let mut keys = 0;
    for packet in told["packets"].as_array().expect("ffprobe lists packets") {
        let number = |name: &str| packet[name].as_str().and_then(|text| text.parse::<usize>().ok()).expect("a number");
        keys += usize::from(packet["flags"].as_str().is_some_and(|flags| flags.starts_with('K')));
        if keys == group + 1 {
            bytes[number("pos")..][..number("size")].fill(0);
        }
    }
    write(folder, &named(&format!("without_group_{group}"), video), &bytes)
}

/// Sound without pictures, in an MP4.
pub fn audio_only(folder: &Path) -> PathBuf {
    made(folder, "audio_only.mp4", "-f lavfi -i sine=f=440:d=1 -c:a aac")
}

/// An MP4 with a video track that has no frame.
pub fn no_frames(folder: &Path) -> PathBuf {
    made(folder, "no_frames.mp4", "-f lavfi -i testsrc2=s=192x108:r=25:d=1 -frames:v 0 -c:v mpeg4 -movflags empty_moov")
}

/// An MP4 whose headers say that the movie and its only track last no time, and one frame that lasts none.
pub fn zero_duration(folder: &Path) -> PathBuf {
    let path = made(folder, "zero_duration.mp4", "-f lavfi -i testsrc2=s=192x108:r=25:d=1 -frames:v 1 -c:v mpeg4");
    let mut bytes = read(&path);
    for (header, at) in
        [(&["moov", "mvhd"][..], 24), (&["moov", "trak", "tkhd"], 28), (&["moov", "trak", "mdia", "mdhd"], 24)]
    {
        let start = boxes::find(&bytes, header).start;
        put_u32(&mut bytes, start + at, 0);
    }
    // The only entry of the time-to-sample table: one sample that lasts 0.
    let times = boxes::find(&bytes, &["moov", "trak", "mdia", "minf", "stbl", "stts"]).start;
    put_u32(&mut bytes, times + 20, 0);
    write(folder, "zero_duration.mp4", &bytes)
}

/// A picture 16384 pixels wide and 16 high, one second of it, in an AVI of 50 KB.
pub fn very_wide(folder: &Path) -> PathBuf {
    made(folder, "very_wide.avi", "-f lavfi -i color=s=16384x16:r=25:d=1 -c:v mjpeg")
}

/// One frame of 16000 × 16000 pixels: small as a file, 400 MB decoded.
pub fn very_large(folder: &Path) -> PathBuf {
    made(folder, "very_large.avi", "-f lavfi -i color=s=16000x16000:r=1:d=1 -c:v mjpeg -threads 1")
}

/// A well-formed video in a codec that is not on the list (FFV1 in Matroska).
pub fn unlisted_codec(folder: &Path) -> PathBuf {
    made(folder, "unlisted_codec.mkv", "-f lavfi -i testsrc2=s=192x108:r=25:d=1 -c:v ffv1")
}

/// A well-formed video in a container that is not on the list (H.264 in FLV).
pub fn unlisted_container(folder: &Path) -> PathBuf {
    made(folder, "unlisted_container.flv", "-f lavfi -i testsrc2=s=192x108:r=25:d=1 -c:v libx264")
}

/// An MPEG-TS whose pictures change their size half-way: two streams put one after the other.
pub fn changes_size(folder: &Path) -> PathBuf {
    let mut bytes = Vec::new();
    for (name, size, offset) in [("a.ts", "192x108", 0), ("b.ts", "128x96", 2)] {
        let args = format!("-f lavfi -i testsrc2=s={size}:r=25:d=2 -c:v libx264 -g 25 -output_ts_offset {offset}");
        let part = made(folder, name, &args);
        bytes.extend(read(&part));
        fs::remove_file(part).expect("the part was just made");
    }
    write(folder, "changes_size.ts", &bytes)
}

/// An HLS playlist that names `target`, called a video.
pub fn playlist(folder: &Path, target: &Path) -> PathBuf {
    let text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3.0,\n{}\n#EXT-X-ENDLIST\n",
        target.display()
    );
    write(folder, "playlist.mp4", text.as_bytes())
}

/// A script for FFmpeg's concat demuxer that names `target`, called a video.
pub fn concat_script(folder: &Path, target: &Path) -> PathBuf {
    write(folder, "concat.mp4", format!("ffconcat version 1.0\nfile '{}'\n", target.display()).as_bytes())
}

/// A MOV whose only track says, in an alias record, that its media data lies in `target` (an absolute path).
///
/// FFmpeg follows such a record when asked to (`-enable_drefs 1 -use_absolute_path 1`).
pub fn data_reference_alias(folder: &Path, target: &Path) -> PathBuf {
    data_reference(folder, "alias.mov", "alis", &alias_record(target))
}

/// A MOV whose only track says, with a `url ` entry, that its media data lies in `target` (an absolute path).
pub fn data_reference_url(folder: &Path, target: &Path) -> PathBuf {
    data_reference(folder, "url.mov", "url ", format!("file://{}\0", target.display()).as_bytes())
}

/// A small MOV with one data reference, whose media data is not in the file ("self-contained" flag off).
fn data_reference(folder: &Path, name: &str, kind: &str, content: &[u8]) -> PathBuf {
    let path = made(folder, name, "-f lavfi -i testsrc2=s=192x108:r=25:d=1 -c:v mjpeg");
    let mut bytes = read(&path);
    let mut payload = vec![0, 0, 0, 0, 0, 0, 0, 1];
    payload.extend((12 + content.len() as u32).to_be_bytes());
    payload.extend(kind.as_bytes());
    payload.extend([0, 0, 0, 0]);
    payload.extend(content);
    boxes::replace_payload(&mut bytes, &["moov", "trak", "mdia", "minf", "dinf", "dref"], &payload);
    write(folder, name, &bytes)
}

/// A classic Mac OS alias record with the absolute path as its tagged entry of type 2.
fn alias_record(target: &Path) -> Vec<u8> {
    let path = target.display().to_string();
    let name = target.file_name().expect("the target is a file").to_string_lossy().into_owned();
    let mut record = vec![0; 10];
    push_pascal(&mut record, "disk", 27);
    record.extend([0; 12]);
    push_pascal(&mut record, &name, 63);
    record.extend([0; 16]);
    record.extend([0, 1, 0, 1]);
    record.extend([0; 16]);
    // An absolute path in an alias begins with the volume's name, which a reader drops.
    let absolute = format!("disk:{}", path.trim_start_matches('/').replace('/', ":"));
    record.extend([0, 2]);
    record.extend((absolute.len() as u16).to_be_bytes());
    record.extend(absolute.as_bytes());
    record.resize(record.len() + absolute.len() % 2, 0);
    record.extend([0xff, 0xff, 0, 0]);
    record
}

/// A length byte, then the text in a field of fixed size.
fn push_pascal(record: &mut Vec<u8>, text: &str, field: usize) {
    let text = &text.as_bytes()[..text.len().min(field)];
    record.push(text.len() as u8);
    record.extend(text);
    record.resize(record.len() + field - text.len(), 0);
}

fn made(folder: &Path, name: &str, args: &str) -> PathBuf {
    let path = folder.join(name);
    run(ffmpeg().arg("-y").args(args.split_whitespace()).arg(&path));
    path
}

fn named(what: &str, video: &Path) -> String {
    format!("{what}_{}", video.file_name().expect("a video is a file").to_string_lossy())
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    path
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

/// The SplitMix64 generator: the same seed damages the same bits everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
