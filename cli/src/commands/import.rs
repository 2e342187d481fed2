//! `framefan import`.

use std::path::Path;

use framefan_contract::state::JobItem;
use framefan_contract::{Error, Result};
use framefan_jobs::import::{Counts, Database, Imported, completed_jobs, import_job, is_marked, mark};
use framefan_jobs::remote::{Deployment, Part, find_job};
use framefan_store::{FolderStore, JobStore, ObjectStore, SqliteJobs};
use serde_json::{Value, json};

use crate::args::Import;
use crate::output;

pub fn import(args: &Import) -> Result<()> {
    if let Some(folder) = &args.out {
        let (objects, jobs) = open_folder(folder)?;
        return import_from(args, &objects, &jobs, &folder.display().to_string());
    }
    let deployment = Deployment::connect(args.target.stack(), &[Part::Bucket, Part::Table])?;
    let origin = format!("s3://{}", deployment.name(Part::Bucket)?);
    import_from(args, &deployment.objects()?, &deployment.jobs()?, &origin)
}

/// What `framefan run --out` left. Opening must not make a folder where there is none.
fn open_folder(folder: &Path) -> Result<(FolderStore, SqliteJobs)> {
    let state = folder.join("jobs.sqlite");
    if !state.is_file() {
        return Err(Error::not_found(format!(
            "{}: no job was run there ({} is missing); give the folder that framefan run --out wrote",
            folder.display(),
            state.display()
        )));
    }
    Ok((FolderStore::open(folder)?, SqliteJobs::open(&state)?))
}

/// What happened to the jobs.
#[derive(Default)]
struct Tally {
    imported: Vec<Value>,
    unchanged: Vec<String>,
    by_others: usize,
    failed: Vec<Value>,
    first_error: Option<Error>,
}

fn import_from(args: &Import, objects: &dyn ObjectStore, jobs: &dyn JobStore, origin: &str) -> Result<()> {
    let mut tally = Tally::default();
    let mut chosen = Vec::new();
    if args.job_ids.is_empty() {
        for job in completed_jobs(jobs)? {
            if !args.all && is_marked(objects, &job.job_id)? {
                tally.by_others += 1;
            } else {
                chosen.push(job);
            }
        }
    } else {
        for id in &args.job_ids {
            chosen.push(find_job(jobs, id)?);
        }
    }
    let mut database = Database::open(&args.db)?;
    // The oldest first, so that an interrupted import goes on where it was.
    for job in chosen.iter().rev() {
        import_one(&mut database, objects, job, origin, &mut tally);
    }
    let (imported, failed) = (tally.imported.len(), tally.failed.len());
    if args.json {
        output::json(&json!({
            "database": args.db, "imported": tally.imported, "unchanged": tally.unchanged,
            "imported_before": tally.by_others, "failed": tally.failed,
        }))?;
    } else {
        let mut text = format!("{}: {} imported", args.db.display(), output::plural(imported, "job"));
        if !tally.unchanged.is_empty() {
            text.push_str(&format!(", {} unchanged", tally.unchanged.len()));
        }
        if tally.by_others > 0 {
            text.push_str(&format!(", {} imported before, here or elsewhere (--all takes them too)", tally.by_others));
        }
        if failed > 0 {
            text.push_str(&format!(", {failed} failed"));
        }
        output::line(&text)?;
    }
    tally.first_error.map_or(Ok(()), Err)
}

/// One job; an error of it does not keep the others from being imported.
fn import_one(database: &mut Database, objects: &dyn ObjectStore, job: &JobItem, origin: &str, tally: &mut Tally) {
    let id = &job.job_id;
    match import_job(database, objects, job, origin) {
        Ok(Imported::Unchanged) => tally.unchanged.push(id.clone()),
        Ok(Imported::Rows(counts)) => {
            output::note(&format!("{id}  {}", words(&counts)));
            tally.imported.push(json!({"job_id": id, "video": job.video, "rows": counts}));
        }
        Err(error) => {
            let error = error.context(format!("job {id}"));
            output::note(&format!("framefan: {error}"));
            tally.failed.push(json!({"job_id": id, "kind": error.kind().name(), "error": error.message()}));
            tally.first_error.get_or_insert(error);
            return;
        }
    }
    // Who may only read a deployment can import all the same.
    if let Err(error) = mark(objects, job) {
        output::note(&format!("framefan: job {id} could not be marked as imported for others to see: {error}"));
    }
}

/// `12 frames, 30 people, …`: what there is of it.
fn words(counts: &Counts) -> String {
    let all = [
        (counts.frames, "frame", "frames"),
        (counts.people, "person", "people"),
        (counts.keypoints, "landmark", "landmarks"),
        (counts.findings, "finding", "findings"),
        (counts.detections, "detection", "detections"),
        (counts.golden_frames, "golden frame", "golden frames"),
    ];
    let there: Vec<String> = all
        .iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }))
        .collect();
    if there.is_empty() { "no rows".to_owned() } else { there.join(", ") }
}
