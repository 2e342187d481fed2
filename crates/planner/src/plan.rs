//! A whole video into chunks.

use framefan_contract::plan::{Chunk, PLAN_SCHEMA, Plan};
use framefan_contract::time::sample_cell;
use framefan_contract::video::{FrameIndex, VideoInfo};
use framefan_contract::{Error, Rational, Result};

use crate::boundaries::{Grid, boundaries};
use crate::timeline::{Span, Timeline};

/// More chunks than this are no finer checkpoints, only more objects; their names have four digits.
const MAX_CHUNKS: usize = 10_000;

/// Packets that all chunks together may name. Only where decoding must start far before most chunks (one keyframe in
/// hours) is this reached; without it such a file would cost time and memory that grow with the square of its length.
const MAX_PACKETS: usize = 8 << 20;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The job.
    pub job_id: &'a str,
    /// The video as probed.
    pub video: &'a VideoInfo,
    /// Its packets.
    pub index: &'a FrameIndex,
    /// What the probe found odd.
    pub notes: &'a [String],
    /// Wanted length of a chunk, seconds; greater than zero.
    pub chunk_seconds: Rational,
    /// Frames before each frame that some analyzer must also see.
    pub stencil: u32,
    /// Frames per second that go through the analyzers; `None` for every frame.
    pub sampling: Option<Rational>,
    /// Cost of a sampled frame relative to decoding one frame.
    pub sample_cost: f64,
}

/// Cuts the video into chunks that cover it without gap or overlap, each with what to read for it.
///
/// Chunks start at the first keyframe at or after each multiple of `chunk_seconds`, counted from the first displayed
/// frame. A wrong `chunk_seconds`, `sampling` or `sample_cost` is [`Usage`](framefan_contract::ErrorKind::Usage), a
/// video that cannot be cut [`BadInput`](framefan_contract::ErrorKind::BadInput). Takes time in proportion to the
/// number of packets.
pub fn plan(input: &PlanInput<'_>) -> Result<Plan> {
    let video = input.video;
    check(input)?;
    let timeline = Timeline::new(input.index)?;
    let times = timeline.times();
    let mut notes = input.notes.to_vec();

    let start = video.origin_pts.min(times[0]);
    let last = times[times.len() - 1];
    let end = input
        .index
        .end_pts
        .max(last.checked_add(1).ok_or_else(|| Error::bad_input("the last frame's timestamp is beyond all bounds"))?);
    let grid = Grid { origin_pts: video.origin_pts, time_base: video.time_base, chunk_seconds: input.chunk_seconds };
    let cut = boundaries(&grid, start, times, &timeline.keyframe_times(), end);
    if cut.long_gops > 0 {
        notes.push(format!(
            "keyframes are more than {} s apart in {} place(s): chunks there start between keyframes, and decoding \
             them starts at the keyframe before",
            4.0 * input.chunk_seconds.as_f64(),
            cut.long_gops
        ));
    }

    let mut starts = cut.starts;
    let mut spans = spans(&timeline, &starts, end, input.stencil)?;
    while starts.len() > 1 && !affordable(&spans) {
        starts = starts.into_iter().step_by(2).collect();
        spans = self::spans(&timeline, &starts, end, input.stencil)?;
        if affordable(&spans) || starts.len() == 1 {
            notes.push(format!(
                "chunks are longer than {} s: as many as that would be too many, or would be decoded too often over",
                input.chunk_seconds
            ));
        }
    }

    let mut chunks = Vec::with_capacity(starts.len());
    for (number, span) in spans.iter().enumerate() {
        let start_pts = starts[number];
        let end_pts = starts.get(number + 1).copied().unwrap_or(end);
        let interval = timeline.interval(start_pts, end_pts, input.stencil)?;
        chunks.push(Chunk {
            index: u32::try_from(number).map_err(|_| Error::bad_input("too many chunks"))?,
            start_pts,
            end_pts,
            start_s: video.seconds(start_pts),
            end_s: video.seconds(end_pts),
            frames: interval.frames,
            decode_from: interval.decode_from,
            end_packet: interval.end_packet,
            byte_range: interval.byte_range,
            cost: cost(input, times, span),
            times: interval.times,
        });
    }
    Ok(Plan {
        schema: PLAN_SCHEMA.to_owned(),
        job_id: input.job_id.to_owned(),
        video: video.clone(),
        index_method: input.index.method,
        chunks,
        notes,
    })
}

fn check(input: &PlanInput<'_>) -> Result<()> {
    let seconds = input.chunk_seconds;
    if !seconds.is_positive() || seconds.den <= 0 {
        return Err(Error::usage(format!("a chunk must be longer than 0 s, not {seconds} s")));
    }
    if let Some(fps) = input.sampling.filter(|fps| !fps.is_positive() || fps.den <= 0) {
        return Err(Error::usage(format!("frames are sampled at more than 0 per second, not {fps}")));
    }
    if !input.sample_cost.is_finite() || input.sample_cost < 0.0 {
        return Err(Error::usage(format!("the cost of a sampled frame cannot be {}", input.sample_cost)));
    }
    let time_base = input.video.time_base;
    if !time_base.is_positive() || time_base.den <= 0 {
        return Err(Error::bad_input(format!("the video's time base is {time_base} s")));
    }
    Ok(())
}

fn spans(timeline: &Timeline<'_>, starts: &[i64], end: i64, stencil: u32) -> Result<Vec<Span>> {
    let ends = starts.iter().copied().skip(1).chain([end]);
    starts.iter().zip(ends).map(|(&start, end)| timeline.span(start, end, stencil)).collect()
}

fn affordable(spans: &[Span]) -> bool {
    let packets: usize = spans.iter().map(|s| s.end_packet - s.decode_from).sum();
    spans.len() <= MAX_CHUNKS && packets <= MAX_PACKETS
}

/// Frames to decode plus frames to sample, in units of one decoded frame. Frames decoded only to get to the chunk's
/// start are not counted: a worker decodes its consecutive chunks in one go.
fn cost(input: &PlanInput<'_>, times: &[i64], span: &Span) -> f64 {
    let frames = (span.end_frame - span.first_frame) as f64;
    let Some(fps) = input.sampling else { return frames * (1.0 + input.sample_cost) };
    let cell = |frame: usize| sample_cell(times[frame], input.video.origin_pts, input.video.time_base, fps);
    // A chunk's first frame is always sampled: its predecessor is not at hand.
    let mut sampled = 1u64;
    let mut before = cell(span.first_frame);
    for frame in span.first_frame + 1..span.end_frame {
        let now = cell(frame);
        sampled += u64::from(now != before);
        before = now;
    }
    frames + sampled as f64 * input.sample_cost
}
