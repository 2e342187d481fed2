//! The envelope of a result, taken member by member while sections beside it are streamed.

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::results::{Provenance, ResultsHeader};
use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use serde::de::MapAccess;

use crate::stream::Value;

/// The envelope as it is read.
#[derive(Default)]
pub struct Envelope {
    schema: Option<String>,
    job_id: Option<String>,
    video: Option<VideoInfo>,
    completed_at: Option<String>,
    provenance: Option<Provenance>,
    warnings: Option<Vec<String>>,
    damaged: Option<Vec<DamagedSpan>>,
    frames_processed: Option<u64>,
}

impl Envelope {
    /// Takes a member of the result that is no section a reader knows; what has no place in the envelope is skipped.
    ///
    /// # Errors
    /// When its value is of another type.
    pub fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "schema" => value.get().map(|schema| self.schema = schema),
            "job_id" => value.get().map(|job_id| self.job_id = job_id),
            "video" => value.get().map(|video| self.video = video),
            "completed_at" => value.get().map(|completed_at| self.completed_at = completed_at),
            "provenance" => value.get().map(|provenance| self.provenance = provenance),
            "warnings" => value.get().map(|warnings| self.warnings = warnings),
            "damaged" => value.get().map(|damaged| self.damaged = damaged),
            "frames_processed" => value.get().map(|frames| self.frames_processed = frames),
            _ => value.ignore(),
        }
    }

    /// The whole envelope.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when the result lacks one of its members.
    pub fn finish(self) -> Result<ResultsHeader> {
        fn there<T>(member: Option<T>, name: &str) -> Result<T> {
            member.ok_or_else(|| Error::bad_input(format!("the result lacks the field '{name}'")))
        }
        Ok(ResultsHeader {
            schema: there(self.schema, "schema")?,
            job_id: there(self.job_id, "job_id")?,
            video: there(self.video, "video")?,
            completed_at: there(self.completed_at, "completed_at")?,
            provenance: there(self.provenance, "provenance")?,
            warnings: there(self.warnings, "warnings")?,
            damaged: there(self.damaged, "damaged")?,
            frames_processed: there(self.frames_processed, "frames_processed")?,
        })
    }
}
