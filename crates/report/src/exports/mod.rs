//! Results in the forms that other programs read. One file a format.
//!
//! Sections are read as streams and files are written as they go, so memory does not grow with the video. The same result
//! makes the same bytes. Numbers are those of the result; none is rounded, unless a format says so.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use framefan_contract::request::ExportFormat;
use framefan_contract::results::ResultsHeader;
use framefan_contract::{Error, Result};
use tempfile::NamedTempFile;

mod coco;
mod csv;
mod member;
mod mot;
mod parquet;
mod stored;
mod tables;
mod webvtt;

pub use stored::stored_section;

/// A file of an export.
#[derive(Debug)]
pub struct ExportFile {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub file: NamedTempFile,
}

/// The bytes of a section, when the job has it.
pub type SectionStream = Option<Box<dyn Read>>;

/// What is exported.
pub struct Exported<'a> {
    /// The envelope of the result.
    pub header: &'a ResultsHeader,
    /// Opens the section of an analyzer, as JSON; `None` when the job has none. It may be asked for more than once.
    pub open: &'a dyn Fn(&str) -> Result<SectionStream>,
    /// A folder for the files.
    pub scratch: &'a Path,
}

/// Writes the files of a format, in the order of their names. A format that has nothing to say about the analyzers that ran
/// makes none.
///
/// # Errors
/// [`BadInput`](framefan_contract::ErrorKind::BadInput) when a section is not what its schema says; what the opener
/// returns; [`Retryable`](framefan_contract::ErrorKind::Retryable) when the disk is full.
pub fn export(format: ExportFormat, exported: &Exported<'_>) -> Result<Vec<ExportFile>> {
    let mut files = match format {
        ExportFormat::Mot => mot::files(exported)?,
        ExportFormat::Coco => coco::files(exported)?,
        ExportFormat::Csv => tables::files(exported, "csv", &csv::create)?,
        ExportFormat::Parquet => tables::files(exported, "parquet", &parquet::create)?,
        ExportFormat::Webvtt => webvtt::files(exported)?,
    };
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// A file that is being written.
struct Output {
    file: BufWriter<NamedTempFile>,
}

impl Output {
    fn create(scratch: &Path) -> Result<Self> {
        let file = NamedTempFile::new_in(scratch).map_err(|e| Error::io(scratch.display(), e))?;
        Ok(Output { file: BufWriter::new(file) })
    }

    fn put(&mut self, text: impl AsRef<[u8]>) -> Result<()> {
        self.file.write_all(text.as_ref()).map_err(unwritten)
    }

    fn finish(self) -> Result<NamedTempFile> {
        self.file.into_inner().map_err(|error| unwritten(error.into_error()))
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::io("writing an export", error)
}
