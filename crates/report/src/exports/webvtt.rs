//! WebVTT: what was found, as subtitles of the video.
//!
//! `findings.vtt` has a cue for each finding of pose, `tracks.vtt` one for each track, from its first frame to the end of
//! its last one. Cues overlap where findings do. Times are rounded to milliseconds, which is all that the format can say.

use framefan_analyzers::pose::section::{Finding, Metrics};
use framefan_analyzers::track::section::TrackSummary;
use framefan_contract::Result;
use serde::de::MapAccess;

use super::{ExportFile, Exported, Output};
use crate::format::{file_name, number};
use crate::stream::{self, Members, Value};

/// The files.
pub(super) fn files(exported: &Exported<'_>) -> Result<Vec<ExportFile>> {
    let mut files = Vec::new();
    if let Some(section) = (exported.open)("pose")? {
        let mut pose = Pose::default();
        stream::read(section, "the pose section", &mut pose)?;
        let cues = pose.findings.iter().map(|finding| finding_cue(finding, pose.sample_period_s)).collect();
        files.push(ExportFile { name: "findings.vtt".to_owned(), file: write(exported, cues)? });
    }
    if let Some(section) = (exported.open)("track")? {
        let fps = exported.header.video.average_fps.as_f64();
        let mut tracks = Tracks { cues: Vec::new(), frame_s: if fps > 0.0 { 1.0 / fps } else { 0.0 } };
        stream::read(section, "the track section", &mut tracks)?;
        files.push(ExportFile { name: "tracks.vtt".to_owned(), file: write(exported, tracks.cues)? });
    }
    Ok(files)
}

/// A subtitle. There are as many as findings or tracks, far fewer than frames, and they must be in order.
struct Cue {
    start_ms: u64,
    end_ms: u64,
    name: String,
    text: String,
}

impl Cue {
    /// From `start_s` to `end_s`, at least a millisecond: a cue must have a length.
    fn new(start_s: f64, end_s: f64, name: String, text: String) -> Self {
        let ms = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
        Cue { start_ms: ms(start_s), end_ms: ms(end_s).max(ms(start_s) + 1), name, text }
    }
}

#[derive(Default)]
struct Pose {
    findings: Vec<Finding>,
    sample_period_s: f64,
}

impl Members for Pose {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "findings" => value.get().map(|findings| self.findings = findings),
            "metrics" => value.get().map(|metrics: Metrics| self.sample_period_s = metrics.sample_period_s),
            _ => value.ignore(),
        }
    }
}

/// A finding ends where the sample after its last one stands.
fn finding_cue(finding: &Finding, period: f64) -> Cue {
    let unit = match finding.unit.as_str() {
        "°" => "°".to_owned(),
        "share" => String::new(),
        unit => format!(" {unit}"),
    };
    let text = format!("{} ({}{unit})\n{}", finding.title, number(finding.value), finding.detail);
    Cue::new(finding.start_s, finding.end_s + period, finding.id.clone(), text)
}

struct Tracks {
    cues: Vec<Cue>,
    frame_s: f64,
}

impl Members for Tracks {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "tracks" => value.each(|track: TrackSummary| {
                let text = format!("{} {}", track.class, track.track_id);
                let name = format!("track-{}", track.track_id);
                self.cues.push(Cue::new(track.first_s, track.last_s + self.frame_s, name, text));
                Ok(())
            }),
            _ => value.ignore(),
        }
    }
}

fn write(exported: &Exported<'_>, mut cues: Vec<Cue>) -> Result<tempfile::NamedTempFile> {
    // The format wants cues in the order of their start. The sort keeps the section's order among equals.
    cues.sort_by_key(|cue| cue.start_ms);
    let mut output = Output::create(exported.scratch)?;
    output.put(format!("WEBVTT\n\nNOTE {}\n", one_line(file_name(&exported.header.provenance.source))))?;
    for cue in cues {
        let text: Vec<String> = cue.text.lines().map(one_line).filter(|line| !line.is_empty()).collect();
        output.put(format!(
            "\n{}\n{} --> {}\n{}\n",
            one_line(&cue.name),
            timestamp(cue.start_ms),
            timestamp(cue.end_ms),
            text.join("\n")
        ))?;
    }
    output.finish()
}

/// `01:02:03.456`.
fn timestamp(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// Text on one line in which nothing is markup: an empty line would end the cue, `-->` would begin one.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
