//! The reduce step: streams the artifacts in order, checks that every chunk is there and is the planned one, numbers the
//! frames, and writes `final_results.json`. One artifact is in memory at a time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use framefan_analyzers::{Finish, FrameTime, ReduceContext, ReduceStage, Sampling};
use framefan_contract::artifact::{Artifact, DamagedSpan};
use framefan_contract::plan::{Chunk, Plan};
use framefan_contract::request::JobRequest;
use framefan_contract::results::{Provenance, RESULTS_SCHEMA, ResultsHeader, SECTION_LIMIT, SectionFile};
use framefan_contract::{Error, Result, keys};
use framefan_store::ObjectStore;
use framefan_worker::{Artifacts, is_sampled};
use tempfile::NamedTempFile;

use crate::pictures::{Media, VideoFrames};
use crate::section::Section;
use crate::source::OpenSource;

/// What the reduce step found.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// Everything in the result but the sections.
    pub header: ResultsHeader,
    /// Frames on the sample grid, summed over analyzers.
    pub sampled_frames: u64,
}

/// One analyzer's reduce stage and the section it writes.
struct Part {
    name: String,
    sampling: Sampling,
    stage: Box<dyn ReduceStage>,
    section: Section,
}

/// Merges the job's artifacts into `final_results.json`. `source` is the video, if it is still there: some analyzers make
/// pictures at their end. `devices` worked on the artifacts; `scratch` is a folder for large files.
pub fn reduce(
    objects: &dyn ObjectStore,
    request: &JobRequest,
    plan: &Plan,
    source: Option<&OpenSource>,
    devices: Vec<String>,
    scratch: &Path,
) -> Result<Reduced> {
    let artifacts = Artifacts { objects, job_id: &plan.job_id, request };
    let mut parts = open_parts(request, plan, scratch)?;
    let mut merge = Merge { plan, frames: 0, sampled: 0, last_pts: None, damaged: Vec::new(), missing_frames: 0 };
    for chunk in &plan.chunks {
        let artifact = read_artifact(objects, request, plan, chunk)?;
        merge.take(&artifacts, artifact, chunk, &mut parts)?;
    }
    if merge.frames == 0 {
        return Err(Error::bad_input("no frame of the video could be decoded"));
    }
    let header = header(request, plan, devices, &merge);
    let mut sections = Vec::new();
    let mut frames = VideoFrames { source };
    let mut media = Media { objects, job_id: &plan.job_id };
    for mut part in parts {
        part.stage.finish(&mut Finish { frames: &mut frames, media: &mut media }, &mut part.section)?;
        sections.push((part.name, part.section.finish()?));
    }
    write_results(objects, &plan.job_id, &header, sections, scratch)?;
    Ok(Reduced { header, sampled_frames: merge.sampled })
}

fn open_parts(request: &JobRequest, plan: &Plan, scratch: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for asked in &request.analyzers {
        let analyzer = framefan_analyzers::find(&asked.name)?;
        let mut stage = analyzer.reduce_stage(&ReduceContext {
            video: &plan.video,
            chunk_params: &asked.chunk_params,
            reduce_params: &asked.reduce_params,
        })?;
        let mut section = Section::create(scratch)?;
        stage.begin(&mut section)?;
        let sampling = analyzer.needs(&asked.chunk_params)?.sampling;
        parts.push(Part { name: asked.name.clone(), sampling, stage, section });
    }
    Ok(parts)
}

/// The state that runs through the artifacts in order.
struct Merge<'a> {
    plan: &'a Plan,
    frames: u64,
    sampled: u64,
    last_pts: Option<i64>,
    damaged: Vec<DamagedSpan>,
    missing_frames: u64,
}

impl Merge<'_> {
    fn take(&mut self, artifacts: &Artifacts<'_>, artifact: Artifact, chunk: &Chunk, parts: &mut [Part]) -> Result<()> {
        let Artifact { frames, last_pts, damaged, mut records, sidecars, .. } = artifact;
        for part in parts {
            let records = records.remove(&part.name).ok_or_else(|| {
                Error::defect(format!("chunk {} has no records of analyzer '{}'", chunk.index, part.name))
            })?;
            let sidecar = sidecars.iter().find(|sidecar| sidecar.analyzer == part.name);
            let sidecar = sidecar.map_or_else(|| Ok(Vec::new()), |sidecar| artifacts.sidecar(sidecar))?;
            let mut rest = sidecar.as_slice();
            for record in records {
                let beside = rest.split_off(..record.sidecar_bytes as usize).ok_or_else(|| {
                    let name = &part.name;
                    Error::defect(format!("chunk {}: the sidecar of analyzer '{name}' is too short", chunk.index))
                })?;
                // A chunk's first frame has a record in any case; here its predecessor is known, and the grid decides.
                let previous = if record.offset == 0 { self.last_pts } else { None };
                if !is_sampled(part.sampling, &self.plan.video, previous, record.pts) {
                    continue;
                }
                let frame = self.frames + u64::from(record.offset);
                let time = FrameTime { frame, pts: record.pts, time_s: self.plan.video.seconds(record.pts) };
                part.stage.push(time, &record.data, beside, &mut part.section)?;
                self.sampled += 1;
            }
        }
        self.frames += u64::from(frames);
        self.missing_frames += u64::from(chunk.frames.saturating_sub(frames));
        self.last_pts = last_pts.or(self.last_pts);
        for span in damaged {
            match self.damaged.last_mut() {
                // Damage that runs over a chunk's end is one span.
                Some(last) if last.end_pts >= span.start_pts && last.reason == span.reason => {
                    (last.end_pts, last.end_s) = (span.end_pts.max(last.end_pts), span.end_s.max(last.end_s));
                }
                _ => self.damaged.push(span),
            }
        }
        Ok(())
    }
}

fn read_artifact(objects: &dyn ObjectStore, request: &JobRequest, plan: &Plan, chunk: &Chunk) -> Result<Artifact> {
    let key = keys::chunk(&plan.job_id, chunk.index);
    let bytes = objects.get(&key)?.ok_or_else(|| {
        Error::retryable(format!("{key} is missing though its chunk was completed; run the job again to make it"))
    })?;
    let artifact: Artifact = serde_json::from_slice(&bytes)
        .map_err(|e| Error::defect(format!("{key} is not a readable artifact ({e}); use --force to start over")))?;
    let is_planned = artifact.digest == request.chunk_digest(chunk.start_pts, chunk.end_pts)
        && (artifact.chunk, artifact.start_pts, artifact.end_pts) == (chunk.index, chunk.start_pts, chunk.end_pts);
    if !is_planned {
        return Err(Error::defect(format!("{key} is not the chunk that the plan asks for; use --force to start over")));
    }
    Ok(artifact)
}

fn header(request: &JobRequest, plan: &Plan, devices: Vec<String>, merge: &Merge<'_>) -> ResultsHeader {
    let mut warnings = plan.notes.clone();
    for span in &merge.damaged {
        warnings.push(format!("damaged from {:.3} s to {:.3} s: {}", span.start_s, span.end_s, span.reason));
    }
    if merge.missing_frames > 0 {
        warnings.push(format!("{} frames that the index lists did not decode", merge.missing_frames));
    }
    ResultsHeader {
        schema: RESULTS_SCHEMA.to_owned(),
        job_id: plan.job_id.clone(),
        video: plan.video.clone(),
        completed_at: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        provenance: Provenance {
            framefan: env!("CARGO_PKG_VERSION").to_owned(),
            ffmpeg: framefan_media::ffmpeg_versions(),
            source: request.source.clone(),
            analyzers: request.analyzers.clone(),
            precision: request.precision,
            device_class: request.device_class.clone(),
            devices,
            index_method: plan.index_method,
            chunks: plan.chunks.len() as u32,
        },
        warnings,
        damaged: merge.damaged.clone(),
        frames_processed: merge.frames,
    }
}

/// Writes the header and the sections beside its fields; sections over the limit become files of their own first, so
/// that the result never names a file that is not there.
fn write_results(
    objects: &dyn ObjectStore,
    job_id: &str,
    header: &ResultsHeader,
    sections: Vec<(String, (NamedTempFile, u64, String))>,
    scratch: &Path,
) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("writing final_results.json", e);
    let file = NamedTempFile::new_in(scratch).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let header =
        serde_json::to_string(header).map_err(|e| Error::defect(format!("the header does not serialize: {e}")))?;
    let open_header = header.strip_suffix('}').unwrap_or(&header);
    out.write_all(open_header.as_bytes()).map_err(failed)?;
    for (name, (section, size, sha256)) in sections {
        write!(out, ",{}:", serde_json::json!(name)).map_err(failed)?;
        if size > SECTION_LIMIT {
            let key = keys::section(job_id, &name);
            objects.replace_from_file(&key, section.path())?;
            let file = key.rsplit('/').next().unwrap_or(&key).to_owned();
            let reference = serde_json::json!(SectionFile { file, sha256, size });
            write!(out, "{reference}").map_err(failed)?;
        } else {
            let mut section = File::open(section.path()).map_err(failed)?;
            std::io::copy(&mut section, &mut out).map_err(failed)?;
        }
    }
    out.write_all(b"}\n").map_err(failed)?;
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    objects.replace_from_file(&keys::results(job_id), file.path())
}
