//! Removing a job that is over: its objects and its items.

use framefan_contract::state::JobItem;
use framefan_contract::{Error, Result, keys};
use framefan_store::{JobStore, ObjectStore};
use serde::Serialize;

use super::Deployment;
use super::cancel::batch_prefix;
use crate::objects::{Pointers, remove_objects};

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The job.
    pub job_id: String,
    /// Its objects.
    pub objects: usize,
    /// Whether the table had it.
    pub item: bool,
}

/// How many objects a job has.
pub fn count_objects(objects: &dyn ObjectStore, job_id: &str) -> Result<usize> {
    Ok(objects.list(&keys::job_prefix(job_id))?.len())
}

/// Refuses a job whose workers are still ending: what they write then would stay behind.
///
/// # Errors
/// `Retryable` while a Batch job of it is not over.
pub fn check_no_worker(deployment: &Deployment, job_id: &str) -> Result<()> {
    let mut live = 0;
    for queue in deployment.queues() {
        let jobs = deployment.aws.batch_jobs(queue, &batch_prefix(job_id))?;
        live += jobs.iter().filter(|job| !job.is_over()).count();
    }
    if live == 0 {
        return Ok(());
    }
    Err(Error::retryable(format!(
        "{live} of the Batch jobs of job {job_id} are still ending: try again in a minute (framefan cancel {job_id} ends those \
         that do not)"
    )))
}

/// Removes what a job left: first its objects and then its items, so that an interrupted removal can be repeated. The video
/// stays.
///
/// # Errors
/// `Usage` when the job is not over.
pub fn remove(objects: &dyn ObjectStore, jobs: &dyn JobStore, job_id: &str) -> Result<Removed> {
    if let Some(job) = jobs.job(job_id)? {
        refuse_live(&job)?;
    }
    let count = count_objects(objects, job_id)?;
    remove_objects(objects, job_id, Pointers::Own)?;
    let item = jobs.delete_job(job_id)?;
    Ok(Removed { job_id: job_id.to_owned(), objects: count, item })
}

fn refuse_live(job: &JobItem) -> Result<()> {
    if job.stage.is_terminal() {
        return Ok(());
    }
    let id = &job.job_id;
    Err(Error::usage(format!("job {id} is not over ({:?}): cancel it first (framefan cancel {id})", job.stage)))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_store::{FolderStore, NewJob, SqliteJobs};

    use super::*;

    #[test]
    fn only_a_job_that_is_over_is_removed_and_only_its_own_objects() {
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderStore::open(folder.path()).unwrap();
        let jobs = SqliteJobs::open(&folder.path().join("jobs.sqlite")).unwrap();
        let (one, other) = ("1".repeat(32), "2".repeat(32));
        for id in [&one, &other] {
            jobs.claim_job(
                &NewJob { job_id: id, video: "v", request: &serde_json::Value::Null, owner: "o", force: false },
                1.0,
                &|_| true,
            )
            .unwrap();
            objects.create(&keys::manifest(id), b"{}").unwrap();
            objects.create(&keys::chunk(id, 0), format!("{{\"digest\":\"d{id}\"}}").as_bytes()).unwrap();
            let pointer = serde_json::json!(keys::chunk(id, 0)).to_string();
            objects.create(&keys::chunk_by_digest(&format!("d{id}")), pointer.as_bytes()).unwrap();
        }
        // A chunk that was taken over: others shall still find it where it was made.
        objects.create(&keys::chunk(&one, 1), b"{\"digest\":\"taken\"}").unwrap();
        let made = serde_json::json!(keys::chunk(&other, 1)).to_string();
        objects.create(&keys::chunk_by_digest("taken"), made.as_bytes()).unwrap();
        objects.create("videos/x/a.mp4", b"v").unwrap();
        let refused = remove(&objects, &jobs, &one).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage);
        assert!(refused.message().contains("framefan cancel"), "{refused}");
        assert_eq!(count_objects(&objects, &one).unwrap(), 3);

        jobs.cancel_job(&one, None, 2.0).unwrap();
        let removed = remove(&objects, &jobs, &one).unwrap();
        assert_eq!((removed.objects, removed.item), (3, true));
        let left: Vec<String> =
            objects.list("").unwrap().into_iter().map(|o| o.key).filter(|k| k.contains('/')).collect();
        let expected = [
            keys::chunk_by_digest(&format!("d{other}")),
            keys::chunk_by_digest("taken"),
            keys::chunk(&other, 0),
            keys::manifest(&other),
            "videos/x/a.mp4".to_owned(),
        ];
        assert_eq!(left, expected);
        assert_eq!(jobs.jobs(9).unwrap().len(), 1);
        // Again: nothing is left, and nothing goes wrong.
        let again = remove(&objects, &jobs, &one).unwrap();
        assert_eq!((again.objects, again.item), (0, false));
    }
}
