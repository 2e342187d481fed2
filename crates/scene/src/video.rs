//! Scenes as video files, by the `ffmpeg` program.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use framefan_contract::error::{Error, Result};
use rayon::prelude::*;

use crate::scene::Scene;
use crate::truth::SceneTruth;

/// How a video is encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoOptions {
    /// FFmpeg's options for the output, after the input and before the path: codec, quality, pixel format.
    pub arguments: Vec<String>,
}

impl VideoOptions {
    /// H.264 in 4:2:0, visually lossless, a keyframe every two seconds.
    pub fn h264() -> VideoOptions {
        VideoOptions::of("-c:v libx264 -preset veryfast -crf 16 -threads 1 -g 50 -pix_fmt yuv420p")
    }

    /// FFV1 in RGB: every pixel as drawn.
    pub fn lossless() -> VideoOptions {
        VideoOptions::of("-c:v ffv1 -level 3 -threads 1 -pix_fmt gbrp")
    }

    /// Options separated by white space.
    pub fn of(arguments: &str) -> VideoOptions {
        VideoOptions { arguments: arguments.split_whitespace().map(str::to_owned).collect() }
    }
}

impl Default for VideoOptions {
    fn default() -> Self {
        VideoOptions::h264()
    }
}

/// Draws all frames, pipes them into `ffmpeg`, and returns what is true of them. The container follows from the path's
/// extension. The same scene, options and FFmpeg give the same file.
pub fn write_video(scene: &Scene, path: &Path, options: &VideoOptions) -> Result<SceneTruth> {
    let settings = scene.settings();
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]);
    command.args([
        "-s",
        &format!("{}x{}", settings.width, settings.height),
        "-r",
        &settings.fps.to_string(),
        "-i",
        "pipe:0",
    ]);
    if !is_rgb(options) {
        command.args([
            "-vf",
            "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact",
        ]);
        command.args([
            "-colorspace",
            "bt709",
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-color_range",
            "tv",
        ]);
    }
    command.args(&options.arguments);
    command.args(["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]);
    // A path that begins with a dash, or holds a colon, is still a file.
    let mut target = OsString::from("file:");
    target.push(path);
    command.arg(target);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| Error::io("cannot run ffmpeg, which encodes the scene", e))?;
    let written = pipe(scene, &mut child);
    // Closing its input lets ffmpeg end.
    drop(child.stdin.take());
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What it says matters only where it fails, and then a partial text is better than none.
        let _ = stderr.read_to_string(&mut errors);
    }
    let status = child.wait().map_err(|e| Error::io("cannot wait for ffmpeg", e))?;
    if !status.success() {
        return Err(Error::bad_input(format!(
            "ffmpeg could not write {} ({status}), options {:?}: {}",
            path.display(),
            options.arguments.join(" "),
            errors.trim()
        )));
    }
    written
}

/// Whether the video keeps RGB, so that no colour is converted.
fn is_rgb(options: &VideoOptions) -> bool {
    let format = options.arguments.windows(2).find(|pair| pair[0] == "-pix_fmt").map(|pair| pair[1].as_str());
    format.is_some_and(|format| format.starts_with("gbr") || format.starts_with("rgb") || format.starts_with("bgr"))
}

fn pipe(scene: &Scene, child: &mut Child) -> Result<SceneTruth> {
    let stdin = child.stdin.as_mut().ok_or_else(|| Error::defect("ffmpeg was started without an input"))?;
    let batch = 4 * rayon::current_num_threads();
    let mut truths = Vec::with_capacity(scene.frames());
    for first in (0..scene.frames()).step_by(batch) {
        let last = (first + batch).min(scene.frames());
        let drawn: Vec<_> = (first..last).into_par_iter().map(|index| scene.frame(index)).collect();
        for (image, truth) in drawn {
            stdin
                .write_all(&image.data)
                .map_err(|e| Error::io(format!("ffmpeg took no more after frame {}", truths.len()), e))?;
            truths.push(truth);
        }
    }
    Ok(scene.truths_of(truths))
}
