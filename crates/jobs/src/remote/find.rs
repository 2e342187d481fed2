//! A job by its id, or by the first digits of it.

use framefan_contract::state::JobItem;
use framefan_contract::{Error, Result};
use framefan_store::JobStore;

/// Digits of a job id.
const ID: usize = 32;

/// Fewer digits than this would soon name several jobs.
const SHORTEST: usize = 6;

/// Checks what a user gives for a job id: the whole id, or at least its first six digits. Answers it in lower case.
pub fn check_id(text: &str) -> Result<String> {
    let id = text.trim().to_ascii_lowercase();
    let is_hex = id.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex || !(SHORTEST..=ID).contains(&id.len()) {
        return Err(Error::usage(format!(
            "'{}' is no job id: give its {ID} hexadecimal digits, or the first {SHORTEST} or more (framefan status lists \
             jobs)",
            text.escape_debug()
        )));
    }
    Ok(id)
}

/// The job that `text` names.
///
/// # Errors
/// `NotFound` when there is none; `Usage` when `text` is no id or starts several.
pub fn find_job(jobs: &dyn JobStore, text: &str) -> Result<JobItem> {
    let id = check_id(text)?;
    if id.len() == ID {
        let job = jobs.job(&id)?;
        return job.ok_or_else(|| Error::not_found(format!("there is no job {id} (framefan status lists jobs)")));
    }
    let mut found = jobs.jobs(usize::MAX)?;
    found.retain(|job| job.job_id.starts_with(&id));
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().take(5).map(|job| job.job_id.as_str()).collect();
        return Err(Error::usage(format!(
            "{} jobs start with {id}: {}; give more digits",
            found.len(),
            ids.join(", ")
        )));
    }
    found.pop().ok_or_else(|| Error::not_found(format!("no job starts with {id} (framefan status lists jobs)")))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_store::{NewJob, SqliteJobs};

    use super::*;

    #[test]
    fn what_is_no_id_is_refused() {
        for wrong in ["", "abc12", "xyz123", "abc123/..", "jobs", &"a".repeat(33), "абвгде"] {
            assert_eq!(check_id(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
        assert_eq!(check_id(" ABC123 ").unwrap(), "abc123");
    }

    #[test]
    fn a_beginning_names_a_job_when_it_names_one() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = SqliteJobs::open(&folder.path().join("jobs.sqlite")).unwrap();
        let ids = [format!("abc123{}", "0".repeat(26)), format!("abc123{}", "1".repeat(26)), "f".repeat(32)];
        for id in &ids {
            let new = NewJob { job_id: id, video: "v", request: &serde_json::Value::Null, owner: "o", force: false };
            jobs.claim_job(&new, 1.0, &|_| true).unwrap();
        }
        assert_eq!(find_job(&jobs, "ffffff").unwrap().job_id, ids[2]);
        assert_eq!(find_job(&jobs, "ABC1231").unwrap().job_id, ids[1]);
        assert_eq!(find_job(&jobs, &ids[0]).unwrap().job_id, ids[0]);
        let several = find_job(&jobs, "abc123").unwrap_err();
        assert_eq!(several.kind(), ErrorKind::Usage);
        assert!(several.message().contains(&ids[0]) && several.message().contains(&ids[1]), "{several}");
        assert_eq!(find_job(&jobs, "000000").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(find_job(&jobs, &"0".repeat(32)).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
