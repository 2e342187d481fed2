//! Small test videos, one for each thing a container or a codec can do that a reader of videos must get right.
//!
//! [`ALL`] is the table: a name, how FFmpeg makes the file, and the traits it was made for. Files are made when first
//! asked for and kept in `test-videos` in the build folder. `tests/videos.rs` makes every one of them and checks with
//! `ffprobe` that each really has its traits.

mod edits;
mod table;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

pub use table::ALL;

use crate::tools::{ffmpeg, has_encoder, run};
use crate::{skip, target_dir};

/// One test video.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The file's name, with the extension of its container.
    pub name: &'static str,
    /// Argument lists of FFmpeg, run in this order; the last one writes [`Spec::name`].
    ///
    /// Words are split at white space. `@name` is a file of this recipe in its scratch folder, `@out` the last one.
    /// `$words` stand for longer text, see [`WORDS`].
    pub args: &'static [&'static str],
    /// A last change to the bytes, for what FFmpeg's muxers do not write.
    pub edit: Option<fn(Vec<u8>) -> Vec<u8>>,
    /// The encoder without which the file cannot be made, when a usual build of FFmpeg may lack it.
    pub needs: Option<&'static str>,
    /// What the file is there to show, checked by `tests/videos.rs`.
    pub traits: &'static [Trait],
}

/// What a test video is there to show. Streams count from 0; the video is its first one that is no cover picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trait {
    /// `ffprobe`'s format name contains this, e.g. `mov`, `matroska`, `mpegts`.
    Container(&'static str),
    /// The codec, in FFmpeg's name.
    Codec(&'static str),
    /// The pixel format, in FFmpeg's name.
    PixelFormat(&'static str),
    /// Width and height.
    Size(u32, u32),
    /// Colour range `tv` or `pc`.
    Range(&'static str),
    /// Colour matrix, in FFmpeg's name.
    Matrix(&'static str),
    /// The display matrix turns the picture.
    Rotation {
        /// Clockwise, in degrees.
        clockwise: u16,
        /// Left and right are swapped.
        mirrored: bool,
    },
    /// Sample aspect ratio.
    Sar(&'static str),
    /// Number of decoded frames.
    Frames(usize),
    /// Packets are not in presentation order.
    BFrames,
    /// MPEG-4 packets that hold two frames, each followed by a placeholder of a few bytes.
    PackedBFrames,
    /// Frames that lie before a keyframe in presentation order lie after it in the file.
    OpenGop,
    /// So many of the video's packets are keyframes.
    Keyframes(usize),
    /// The container gives some packets no PTS.
    MissingPts,
    /// Frames are not equally far apart.
    Vfr,
    /// The PTS of the first frame, in seconds, to the millisecond.
    StartsAt(f64),
    /// Fewer frames come out than packets went in.
    HiddenPackets,
    /// The first packet of the video is no keyframe.
    StartsWithoutKeyframe,
    /// Demuxed packets are marked to be decoded and not shown, by an edit list.
    DiscardedPackets,
    /// Interlaced pictures, top field first.
    Interlaced,
    /// So many streams of this type (`video`, `audio`, `data`).
    Streams(&'static str, usize),
    /// The first stream is a cover picture; FFmpeg's `0:v:0` is not the video.
    CoverFirst,
    /// The MP4 is fragmented.
    Fragmented,
    /// `moov` stands before the media data.
    MoovFirst,
    /// `moov` stands after the media data.
    MoovLast,
}

/// What `$words` in [`Spec::args`] stand for.
pub const WORDS: &[(&str, &str)] = &[
    ("$video", "-f lavfi -i testsrc2=s=192x108:r=25:d=3"),
    ("$short", "-f lavfi -i testsrc2=s=192x108:r=25:d=1"),
    ("$audio", "-f lavfi -i sine=f=440:r=44100:d=3"),
    ("$x264", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -threads 1"),
    ("$x265", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p"),
    ("$vpx", "-b:v 250k -auto-alt-ref 1 -lag-in-frames 16 -deadline good -cpu-used 5 -g 25"),
    ("$ntsc", "-f lavfi -i testsrc2=s=192x108:r=30000/1001:d=3"),
];

impl Spec {
    /// The file, made if it is not there yet. Panics when FFmpeg cannot make it.
    pub fn path(&self) -> PathBuf {
        let path = self.kept_at();
        if !path.exists() {
            self.make(&path);
        }
        path
    }

    /// Like [`Spec::path`], recording a skip of `test` when this build of FFmpeg lacks the encoder.
    pub fn path_or_skip(&self, test: &str) -> Option<PathBuf> {
        match self.needs {
            Some(encoder) if !has_encoder(encoder) => {
                skip(&format!("{test} ({})", self.name), &format!("an FFmpeg with {encoder}"));
                None
            }
            _ => Some(self.path()),
        }
    }

    /// Whether the video is there to show `wanted`.
    pub fn has(&self, wanted: Trait) -> bool {
        self.traits.contains(&wanted)
    }

    /// The video stream in the syntax of FFmpeg's `-map`, for [`crate::framemd5_of`].
    pub fn map(&self) -> &'static str {
        if self.has(Trait::CoverFirst) { "0:v:1" } else { "0:v:0" }
    }

    /// A folder of its own for each recipe, so that a changed recipe makes a new file.
    fn kept_at(&self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (self.args, WORDS, self.edit.is_some(), edits::VERSION).hash(&mut hasher);
        target_dir().join("test-videos").join(format!("{:016x}", hasher.finish())).join(self.name)
    }

    fn make(&self, path: &Path) {
        let folder = path.parent().expect("the path has a folder");
        fs::create_dir_all(folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
        let scratch = tempfile::tempdir_in(folder).expect("a scratch folder");
        for list in self.args {
            run(ffmpeg().args(expand(list, scratch.path(), self.name)));
        }
        let made = scratch.path().join(self.name);
        if let Some(edit) = self.edit {
            let bytes = fs::read(&made).expect("FFmpeg made the file");
            fs::write(&made, edit(bytes)).expect("the scratch folder is writable");
        }
        keep_first(&made, path);
    }
}

/// The spec of that name. Panics when there is none.
pub fn spec(name: &str) -> &'static Spec {
    ALL.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no test video named {name}"))
}

/// The file of that name, made if it is not there yet. Panics when there is none or FFmpeg cannot make it.
pub fn path(name: &str) -> PathBuf {
    spec(name).path()
}

/// Every video this build of FFmpeg can make; the others are recorded as skipped by `test`.
pub fn all(test: &str) -> Vec<(&'static Spec, PathBuf)> {
    ALL.iter().filter_map(|spec| Some((spec, spec.path_or_skip(test)?))).collect()
}

/// Puts a finished file in its place unless another test was faster: a file that is in use never changes.
fn keep_first(made: &Path, path: &Path) {
    match fs::hard_link(made, path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => panic!("cannot make {}: {e}", path.display()),
        _ => {}
    }
}

fn expand(list: &str, scratch: &Path, name: &str) -> Vec<String> {
    let mut text = list.to_string();
    for (word, meaning) in WORDS {
        text = text.replace(word, meaning);
    }
    let mut args = vec!["-y".to_string()];
    for word in text.split_whitespace() {
        match word.split_once('@') {
            Some(("", "out")) => {
                // Matroska's random identifiers would make every copy of a file another file.
                args.extend(["-fflags", "+bitexact"].map(String::from));
                args.push(scratch.join(name).display().to_string());
            }
            Some((before, file)) => args.push(format!("{before}{}", scratch.join(file).display())),
            None => args.push(word.to_string()),
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, kept] = ["first", "second", "kept"].map(|name| folder.path().join(name));
        fs::write(&first, "1").unwrap();
        fs::write(&second, "2").unwrap();
        keep_first(&first, &kept);
        keep_first(&second, &kept);
        assert_eq!(fs::read_to_string(&kept).unwrap(), "1");
    }

    #[test]
    fn recipes_are_expanded() {
        let args = expand("$short -i @a.mkv -bsf:v x=@b @out", Path::new("/s"), "name.mp4");
        let wanted =
            "-y -f lavfi -i testsrc2=s=192x108:r=25:d=1 -i /s/a.mkv -bsf:v x=/s/b -fflags +bitexact /s/name.mp4";
        assert_eq!(args.join(" "), wanted);
    }
}
