//! FFmpeg's command line programs.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// `ffmpeg` with the options every call here wants: no standard input, no banner, errors only.
pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    // SVT-AV1 prints its settings whatever FFmpeg's log level is.
    command.env("SVT_LOG", "1");
    command
}

/// Runs a command to its end and returns what it wrote. Panics with its standard error when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e} (make setup installs it)"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed with {}:\n{errors}", output.status);
    output
}

/// What `ffprobe` says about a file, as JSON. `show` are options such as `-show_streams`.
pub fn ffprobe_json(path: &Path, show: &[&str]) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-hide_banner", "-loglevel", "error", "-of", "json"]).args(show).arg("-i").arg(path);
    serde_json::from_slice(&run(&mut command).stdout).unwrap_or_else(|e| panic!("{command:?} printed no JSON: {e}"))
}

/// Whether this build of FFmpeg has an encoder of that name, e.g. `libsvtav1`.
pub fn has_encoder(name: &str) -> bool {
    static ENCODERS: OnceLock<String> = OnceLock::new();
    let list = ENCODERS.get_or_init(|| String::from_utf8_lossy(&run(ffmpeg().arg("-encoders")).stdout).into_owned());
    list.lines().any(|line| line.split_whitespace().nth(1) == Some(name))
}
