//! The reduce stage: follows things from record to record and writes each detection once it is known which thing it is.
//!
//! Detections are written in order, so a frame waits until the tracks of all its detections are decided: a second or so. What
//! is kept beyond that are the tracks that are followed, a bounded number of features, and one summary for each thing.

use std::collections::VecDeque;
use std::io::Write;

use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::feature::{self, Feature};
use super::params::ReduceParams;
use super::section::{Counts, RecordedDetection, TrackRecord, TrackSummary, TrackedDetection};
use super::tracker::{Decision, Detection, Ticket, Tracker};
use super::{NAME, classes};
use crate::analyzer::{Finish, FrameTime, ReduceStage};
use crate::round::round_to;

/// The reduce stage.
pub struct TrackReduceStage {
    params: ReduceParams,
    tracker: Tracker,
    /// Frames that are not written yet.
    waiting: VecDeque<Waiting>,
    /// By place of the identity.
    numbers: Vec<Option<u64>>,
    /// By number, from 1.
    summaries: Vec<Running>,
    counts: Counts,
    any_detection: bool,
}

/// A frame whose tracks are not decided yet.
struct Waiting {
    time: FrameTime,
    detections: Vec<(RecordedDetection, Ticket)>,
}

/// A summary that grows.
struct Running {
    class: u16,
    first: FrameTime,
    last: FrameTime,
    detections: u64,
    confidence: f64,
    gaps: u64,
}

impl TrackReduceStage {
    /// For a video.
    pub fn new(video: &VideoInfo, params: ReduceParams) -> Self {
        TrackReduceStage {
            tracker: Tracker::new(&params, [f64::from(video.width), f64::from(video.height)]),
            params,
            waiting: VecDeque::new(),
            numbers: Vec::new(),
            summaries: Vec::new(),
            counts: Counts::default(),
            any_detection: false,
        }
    }

    /// Writes the frames whose tracks are all decided.
    fn flush(&mut self, out: &mut dyn Write) -> Result<()> {
        let undecided = |(_, ticket): &(RecordedDetection, Ticket)| ticket.identity() == Decision::Open;
        while self.waiting.front().is_some_and(|frame| !frame.detections.iter().any(undecided)) {
            let Some(frame) = self.waiting.pop_front() else { break };
            for (detection, ticket) in &frame.detections {
                match ticket.identity() {
                    Decision::Identity(identity) => self.write_detection(frame.time, detection, identity, out)?,
                    Decision::Dropped | Decision::Open => self.counts.untracked += 1,
                }
            }
        }
        Ok(())
    }

    fn write_detection(
        &mut self,
        time: FrameTime,
        detection: &RecordedDetection,
        identity: usize,
        out: &mut dyn Write,
    ) -> Result<()> {
        if self.numbers.len() <= identity {
            self.numbers.resize(self.tracker.identities().count(), None);
        }
        let track_id = match self.numbers[identity] {
            Some(number) => number,
            None => {
                self.summaries.push(Running {
                    class: detection.class,
                    first: time,
                    last: time,
                    detections: 0,
                    confidence: 0.0,
                    gaps: 0,
                });
                *self.numbers[identity].insert(self.summaries.len() as u64)
            }
        };
        let summary = &mut self.summaries[track_id as usize - 1];
        summary.gaps += u64::from(time.time_s - summary.last.time_s > self.params.buffer_s);
        summary.last = time;
        summary.detections += 1;
        summary.confidence += detection.score;
        write(out, if self.any_detection { ",\n" } else { "\n" })?;
        self.any_detection = true;
        write_json(
            out,
            &TrackedDetection {
                frame: time.frame,
                track_id,
                class: class_name(detection.class)?,
                bbox: detection.bbox,
                confidence: detection.score,
            },
        )
    }
}

impl ReduceStage for TrackReduceStage {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        write(out, "{\"detections\":[")
    }

    fn push(&mut self, time: FrameTime, data: &RawValue, sidecar: &[u8], out: &mut dyn Write) -> Result<()> {
        let malformed =
            |error: String| Error::defect(format!("{NAME}: the record of frame {} is malformed: {error}", time.frame));
        let record: TrackRecord = serde_json::from_str(data.get()).map_err(|error| malformed(error.to_string()))?;
        let detections = detections(&record, sidecar).map_err(|error| malformed(error.to_string()))?;
        let tickets = self.tracker.update(time.time_s, &detections);
        self.counts.frames += 1;
        let mut waiting = Waiting { time, detections: Vec::new() };
        for (detection, ticket) in record.detections.into_iter().zip(tickets) {
            if detection.score < self.params.report {
                continue;
            }
            match ticket {
                Some(ticket) => waiting.detections.push((detection, ticket)),
                None => self.counts.untracked += 1,
            }
        }
        self.waiting.push_back(waiting);
        self.flush(out)
    }

    fn finish(&mut self, _: &mut Finish<'_>, out: &mut dyn Write) -> Result<()> {
        self.tracker.finish();
        self.flush(out)?;
        write(out, "\n],\"tracks\":[")?;
        for (index, running) in self.summaries.iter().enumerate() {
            write(out, if index == 0 { "\n" } else { ",\n" })?;
            write_json(out, &running.summary(index as u64 + 1)?)?;
        }
        write(out, "\n],\"counts\":")?;
        write_json(out, &self.counts)?;
        write(out, "}")
    }
}

impl Running {
    fn summary(&self, track_id: u64) -> Result<TrackSummary> {
        Ok(TrackSummary {
            track_id,
            class: class_name(self.class)?,
            first_frame: self.first.frame,
            last_frame: self.last.frame,
            first_s: round_to(self.first.time_s, 6),
            last_s: round_to(self.last.time_s, 6),
            detections: self.detections,
            mean_confidence: round_to(self.confidence / self.detections as f64, 4),
            gaps: self.gaps,
        })
    }
}

/// What the tracker is given of a record.
fn detections(record: &TrackRecord, sidecar: &[u8]) -> Result<Vec<Detection>> {
    let count = record.detections.iter().filter(|detection| detection.feature).count();
    let mut features = feature::read_all(sidecar, count)?.into_iter();
    let mut next =
        |detection: &RecordedDetection| -> Option<Feature> { if detection.feature { features.next() } else { None } };
    let mut found = Vec::with_capacity(record.detections.len());
    for detection in &record.detections {
        let RecordedDetection { class, score, bbox, .. } = *detection;
        let sound = bbox[2] > 0.0 && bbox[3] > 0.0 && bbox.iter().all(|value| value.is_finite());
        if !sound {
            return Err(Error::defect(format!("a box without area: {bbox:?}")));
        }
        found.push(Detection { class, score, bbox, feature: next(detection) });
    }
    Ok(found)
}

fn class_name(class: u16) -> Result<String> {
    let name = classes::name(class).ok_or_else(|| Error::defect(format!("{NAME}: there is no class {class}")))?;
    Ok(name.to_owned())
}

fn write(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| Error::io(format!("writing the {NAME} section"), error))
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|error| {
        let source = std::io::Error::from(error);
        Error::io(format!("writing the {NAME} section"), source)
    })
}
