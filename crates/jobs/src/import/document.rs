//! Reads `final_results.json` as a stream: each frame, detection or finding is written as a row and forgotten.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

use framefan_contract::artifact::DamagedSpan;
use framefan_contract::results::{Provenance, RESULTS_SCHEMA, ResultsHeader, SectionFile};
use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result, digest};
use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use sha2::{Digest, Sha256};

use super::rows::Rows;

/// Reads the result of the job called `job_id` and writes its rows. A section that is a file of its own is asked of `open`
/// by its name. Sections that have no tables are skipped.
///
/// # Errors
/// `BadInput` when the result is another job's, or not what the schema says; what `open` and the rows return.
pub(super) fn read(
    results: impl Read,
    open: &dyn Fn(&str) -> Result<Box<dyn Read>>,
    job_id: &str,
    rows: &mut Rows<'_>,
) -> Result<ResultsHeader> {
    let sink = Sink { rows: RefCell::new(rows), failure: RefCell::new(None) };
    let mut document = Document::default();
    parse(BufReader::new(results), &sink, "the result", DocumentSeed { sink: &sink, document: &mut document })?;
    let header = document.header()?;
    if header.schema != RESULTS_SCHEMA {
        return Err(Error::bad_input(format!(
            "the result has the schema '{}'; this framefan reads {RESULTS_SCHEMA}",
            header.schema
        )));
    }
    if header.job_id != job_id {
        return Err(Error::bad_input(format!("the result of job {job_id} says that it is of job {}", header.job_id)));
    }
    for (section, file) in &document.files {
        let what = format!("the section '{}'", file.file);
        let mut bytes = Digested { inner: open(&file.file)?, hash: Sha256::new(), size: 0 };
        let again = parse(BufReader::new(&mut bytes), &sink, &what, SectionSeed { sink: &sink, section: *section })?;
        if again.is_some() {
            return Err(Error::bad_input(format!("{what} names another file, which a section's file may not")));
        }
        if (bytes.size, digest::hex(&bytes.hash.finalize())) != (file.size, file.sha256.clone()) {
            return Err(Error::bad_input(format!("{what} is not the file that the result names: its digest differs")));
        }
    }
    Ok(header)
}

/// Where rows go. An error of theirs cannot travel through the parser, and waits here.
struct Sink<'s, 't> {
    rows: RefCell<&'s mut Rows<'t>>,
    failure: RefCell<Option<Error>>,
}

/// Parses one document to its end.
fn parse<'de, S: DeserializeSeed<'de>>(from: impl Read, sink: &Sink<'_, '_>, what: &str, seed: S) -> Result<S::Value> {
    let mut json = serde_json::Deserializer::from_reader(from);
    let parsed = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    parsed.map_err(|error| {
        if let Some(failure) = sink.failure.borrow_mut().take() {
            return failure;
        }
        if !error.is_io() {
            return Error::bad_input(format!("{what} is not what its schema says: {error}")).with_source(error);
        }
        // A store's own error travels inside the one of the stream.
        match io::Error::from(error).downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::io(format!("reading {what}"), error),
        }
    })
}

/// The sections that have tables.
#[derive(Clone, Copy)]
enum Section {
    Pose,
    Track,
    GoldenFrames,
}

/// The envelope as it is read.
#[derive(Default)]
struct Document {
    schema: Option<String>,
    job_id: Option<String>,
    video: Option<VideoInfo>,
    completed_at: Option<String>,
    provenance: Option<Provenance>,
    warnings: Option<Vec<String>>,
    damaged: Option<Vec<DamagedSpan>>,
    frames_processed: Option<u64>,
    /// Sections that are files of their own.
    files: Vec<(Section, SectionFile)>,
}

impl Document {
    /// Takes a field of the envelope; what has no place here is skipped.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "schema" => self.schema = map.next_value()?,
            "job_id" => self.job_id = map.next_value()?,
            "video" => self.video = map.next_value()?,
            "completed_at" => self.completed_at = map.next_value()?,
            "provenance" => self.provenance = map.next_value()?,
            "warnings" => self.warnings = map.next_value()?,
            "damaged" => self.damaged = map.next_value()?,
            "frames_processed" => self.frames_processed = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn header(&self) -> Result<ResultsHeader> {
        fn there<T: Clone>(field: &Option<T>, name: &str) -> Result<T> {
            field.clone().ok_or_else(|| Error::bad_input(format!("the result lacks the field '{name}'")))
        }
        Ok(ResultsHeader {
            schema: there(&self.schema, "schema")?,
            job_id: there(&self.job_id, "job_id")?,
            video: there(&self.video, "video")?,
            completed_at: there(&self.completed_at, "completed_at")?,
            provenance: there(&self.provenance, "provenance")?,
            warnings: there(&self.warnings, "warnings")?,
            damaged: there(&self.damaged, "damaged")?,
            frames_processed: there(&self.frames_processed, "frames_processed")?,
        })
    }
}

/// The whole document.
struct DocumentSeed<'a, 's, 't> {
    sink: &'a Sink<'s, 't>,
    document: &'a mut Document,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let DocumentSeed { sink, document } = self;
        while let Some(key) = map.next_key::<String>()? {
            let section = match key.as_str() {
                "pose" => Section::Pose,
                "track" => Section::Track,
                "golden_frames" => Section::GoldenFrames,
                _ => {
                    document.field(&key, &mut map)?;
                    continue;
                }
            };
            let file = map.next_value_seed(SectionSeed { sink, section })?;
            document.files.extend(file.map(|file| (section, file)));
        }
        Ok(())
    }
}

/// A section, or the name of the file that holds it.
struct SectionSeed<'a, 's, 't> {
    sink: &'a Sink<'s, 't>,
    section: Section,
}

impl<'de> DeserializeSeed<'de> for SectionSeed<'_, '_, '_> {
    type Value = Option<SectionFile>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SectionSeed<'_, '_, '_> {
    type Value = Option<SectionFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section, or the name of its file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut file, mut sha256, mut size) = (None, None, None);
        let mut has_rows = false;
        while let Some(key) = map.next_key::<String>()? {
            let sink = self.sink;
            match (self.section, key.as_str()) {
                (Section::Pose, "frames") => each(&mut map, sink, |rows, frame| rows.frame(&frame))?,
                (Section::Pose, "findings") => each(&mut map, sink, |rows, finding| rows.finding(&finding))?,
                (Section::Track, "detections") => each(&mut map, sink, |rows, found| rows.detection(&found))?,
                (Section::GoldenFrames, "selected") => each(&mut map, sink, |rows, golden| rows.golden_frame(&golden))?,
                (_, "file") => file = map.next_value::<Option<String>>()?,
                (_, "sha256") => sha256 = map.next_value::<Option<String>>()?,
                (_, "size") => size = map.next_value::<Option<u64>>()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            has_rows |= !matches!(key.as_str(), "file" | "sha256" | "size");
        }
        match (file, sha256, size) {
            (None, None, None) if has_rows => Ok(None),
            (Some(file), Some(sha256), Some(size)) if !has_rows => Ok(Some(SectionFile { file, sha256, size })),
            _ => Err(A::Error::custom("this is neither a section nor the name, digest and size of a section's file")),
        }
    }
}

/// Hands each element of the array that comes next to `write`.
fn each<'de, 't, A, T>(
    map: &mut A,
    sink: &Sink<'_, 't>,
    write: impl FnMut(&mut Rows<'t>, T) -> Result<()>,
) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    T: DeserializeOwned,
{
    map.next_value_seed(Each { sink, write, element: PhantomData })
}

struct Each<'a, 's, 't, T, F> {
    sink: &'a Sink<'s, 't>,
    write: F,
    element: PhantomData<T>,
}

impl<'de, 't, T, F> DeserializeSeed<'de> for Each<'_, '_, 't, T, F>
where
    T: Deserialize<'de>,
    F: FnMut(&mut Rows<'t>, T) -> Result<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, 't, T, F> Visitor<'de> for Each<'_, '_, 't, T, F>
where
    T: Deserialize<'de>,
    F: FnMut(&mut Rows<'t>, T) -> Result<()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<T>()? {
            if let Err(error) = (self.write)(&mut self.sink.rows.borrow_mut(), element) {
                *self.sink.failure.borrow_mut() = Some(error);
                return Err(A::Error::custom("a row could not be written"));
            }
        }
        Ok(())
    }
}

/// Counts and digests what passes.
struct Digested<R> {
    inner: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        self.hash.update(&buf[..count]);
        self.size += count as u64;
        Ok(count)
    }
}
