//! The export step: reads the result back as a stream and writes it in the forms that were asked for.

use std::io::Read;
use std::path::Path;

use framefan_contract::request::JobRequest;
use framefan_contract::results::ResultsHeader;
use framefan_contract::{Error, Result, keys};
use framefan_report::exports::{Exported, export, stored_section};
use framefan_store::ObjectStore;

/// Writes the exports of a job whose result is written. `scratch` is a folder for the files on their way.
pub(crate) fn write_exports(
    objects: &dyn ObjectStore,
    request: &JobRequest,
    header: &ResultsHeader,
    scratch: &Path,
) -> Result<()> {
    let job_id = &header.job_id;
    let file = |name: &str| -> Result<Box<dyn Read>> {
        let key = format!("{}{name}", keys::job_prefix(job_id));
        let vanished = || Error::retryable(format!("{key} vanished before it was exported"));
        Ok(objects.open(&key)?.ok_or_else(vanished)?)
    };
    let exported = Exported { header, open: &|analyzer| stored_section(&file, analyzer), scratch };
    for &format in &request.exports {
        for made in export(format, &exported)? {
            objects.replace_from_file(&keys::export(job_id, &made.name), made.file.path())?;
        }
    }
    Ok(())
}
