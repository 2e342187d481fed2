//! How the work went: chunks by worker over time, and where the pipeline's time was spent.

use framefan_contract::run::{ChunkTiming, RunRecord, StageMetrics};
use maud::{Markup, html};

use crate::ReportInput;
use crate::chart::time_ticks;
use crate::format::{bytes, count, counted, duration, number, percent};

/// A stage over all runs.
struct StageSum<'a> {
    name: &'a str,
    busy: f64,
    wait_in: f64,
    wait_out: f64,
    items: u64,
}

impl StageSum<'_> {
    /// Seconds that the shares are of: the attempts' wall time. A stage that measures no waiting, or starts late, has less;
    /// one that runs on several threads may have more.
    fn total(&self, wall: f64) -> f64 {
        (self.busy + self.wait_in + self.wait_out).max(wall).max(1e-9)
    }
}

/// The section; says so when nothing was run.
pub fn section(input: &ReportInput) -> Markup {
    let mut runs: Vec<&RunRecord> = input.runs.iter().collect();
    runs.sort_by(|a, b| a.started_at.total_cmp(&b.started_at).then(a.run_id.cmp(&b.run_id)));
    let resumed = u64::from(input.figures.resumed_chunks);
    html! {
        section #work aria-labelledby="work-title" {
            h2 #work-title { "How the work went" }
            @if resumed > 0 {
                p.note { (counted(resumed, "chunk was", "chunks were")) " finished by an earlier run and taken over." }
            }
            @if runs.is_empty() {
                p.lead { "No work was needed for this report: every chunk was finished before." }
            } @else {
                p.lead { (summary(&runs)) }
                (gantt(&runs))
                (stages(input, &runs))
                @for run in &runs {
                    @if let Some(error) = &run.error {
                        p.note { "Attempt " code { (run.run_id) } " ended with an error: " (error) }
                    }
                }
            }
        }
    }
}

fn summary(runs: &[&RunRecord]) -> String {
    let sum = |of: fn(&RunRecord) -> u64| runs.iter().map(|run| of(run)).sum::<u64>();
    format!(
        "{} by {}: {} decoded, {} through the network, {} read.",
        counted(runs.iter().map(|run| run.chunks.len() as u64).sum(), "chunk", "chunks"),
        counted(workers(runs).len() as u64, "worker", "workers"),
        counted(sum(|run| run.frames), "frame", "frames"),
        count(sum(|run| run.sampled_frames)),
        bytes(sum(|run| run.bytes_read)),
    )
}

fn workers<'a>(runs: &[&'a RunRecord]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.worker.as_str()) {
            names.push(&run.worker);
        }
    }
    names
}

fn gantt(runs: &[&RunRecord]) -> Markup {
    let origin = runs.iter().map(|run| run.started_at).fold(f64::INFINITY, f64::min);
    let end = runs.iter().map(|run| run.started_at + run.wall_s).fold(origin, f64::max);
    let length = (end - origin).max(1e-3);
    html! {
        h3 { "Chunks by worker" }
        div.gantt role="img" aria-label=(format!("Chunks by worker over {}", duration(length))) {
            @for worker in workers(runs) {
                @let device = runs.iter().find(|run| run.worker == worker).map_or("", |run| run.device.as_str());
                @let chunks: Vec<&ChunkTiming> = runs.iter().filter(|run| run.worker == worker).flat_map(|run| &run.chunks).collect();
                @let rows = stack(&chunks);
                div.row {
                    div.head { span.name { (worker) } span.dim { (device) } }
                    div.plot style=(format!("--rows:{}", rows.iter().max().map_or(1, |most| most + 1))) {
                        @for run in runs.iter().filter(|run| run.worker == worker) {
                            span.attempt style=(place(run.started_at - origin, run.wall_s, length)) {}
                        }
                        @for (chunk, row) in chunks.iter().zip(&rows) {
                            @let took = chunk.completed_at - chunk.started_at;
                            span.bar style=(format!("{};--row:{row}", place(chunk.started_at - origin, took, length)))
                                title=(format!("chunk {}: {} from second {}", chunk.chunk, duration(took), number(chunk.started_at - origin))) {
                                (chunk.chunk)
                            }
                        }
                    }
                }
            }
            div.row.axis {
                div.head {}
                div.plot {
                    @for time in time_ticks(length, 6) {
                        span.tick style=(format!("left:{:.3}%", 100.0 * time / length)) { (number(time)) " s" }
                    }
                }
            }
        }
    }
}

fn place(start: f64, length: f64, whole: f64) -> String {
    let left = (100.0 * start / whole).clamp(0.0, 100.0);
    let width = (100.0 * length / whole).clamp(0.0, 100.0 - left);
    format!("left:{left:.3}%;width:{width:.3}%")
}

/// A row for each chunk so that chunks in work at the same time, one entering while the last one leaves, do not overlap.
fn stack(chunks: &[&ChunkTiming]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..chunks.len()).collect();
    order.sort_by(|&a, &b| chunks[a].started_at.total_cmp(&chunks[b].started_at));
    let mut free_at: Vec<f64> = Vec::new();
    let mut rows = vec![0; chunks.len()];
    for place in order {
        let chunk = chunks[place];
        let row = free_at.iter().position(|&at| at <= chunk.started_at).unwrap_or(free_at.len());
        if row == free_at.len() {
            free_at.push(0.0);
        }
        free_at[row] = chunk.completed_at;
        rows[place] = row;
    }
    rows
}

fn stages(input: &ReportInput, runs: &[&RunRecord]) -> Markup {
    let mut sums: Vec<StageSum<'_>> = Vec::new();
    for stage in runs.iter().flat_map(|run| &run.stages) {
        add(&mut sums, stage);
    }
    let wall: f64 = runs.iter().map(|run| run.wall_s).sum();
    let busiest = sums.iter().max_by(|a, b| a.busy.total_cmp(&b.busy)).map(|sum| sum.name);
    let bottleneck = input.figures.bottleneck.as_deref().or(busiest);
    if sums.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Pipeline stages" }
        @if let Some(bottleneck) = bottleneck {
            p.lead { "The bottleneck is " strong { (bottleneck) } ": it sets the pace, and the others wait for it." }
        }
        ul.key-list aria-hidden="true" { li.busy { "busy" } li.in { "waiting for input" } li.out { "waiting for the next stage" } }
        div.scroll tabindex="0" role="region" aria-label="Pipeline stages" {
            table.stages {
                thead { tr {
                    th scope="col" { "Stage" } th.shares scope="col" { "Share of the run" } th.n scope="col" { "Busy" }
                    th.n scope="col" { "Waiting" } th.n scope="col" { "Rate while busy" }
                } }
                tbody { @for sum in &sums {
                    tr.bottleneck[bottleneck == Some(sum.name)] {
                        th scope="row" { (sum.name) @if bottleneck == Some(sum.name) { span.badge.notice { "bottleneck" } } }
                        td.shares { div.stack title=(format!("busy {}, waiting for input {}, waiting for the next stage {}",
                            percent(sum.busy / sum.total(wall)), percent(sum.wait_in / sum.total(wall)), percent(sum.wait_out / sum.total(wall)))) {
                            @for (class, seconds) in [("busy", sum.busy), ("in", sum.wait_in), ("out", sum.wait_out)] {
                                span class=(class) style=(format!("width:{:.2}%", 100.0 * seconds / sum.total(wall))) {}
                            }
                        } }
                        td.n { (duration(sum.busy)) span.dim { (percent(sum.busy / sum.total(wall))) } }
                        td.n { (duration(sum.wait_in + sum.wait_out)) }
                        td.n { (rate(sum)) }
                    }
                } }
            }
        }
    }
}

fn add<'a>(sums: &mut Vec<StageSum<'a>>, stage: &'a StageMetrics) {
    let place = sums.iter().position(|sum| sum.name == stage.stage).unwrap_or_else(|| {
        sums.push(StageSum { name: &stage.stage, busy: 0.0, wait_in: 0.0, wait_out: 0.0, items: 0 });
        sums.len() - 1
    });
    let sum = &mut sums[place];
    sum.busy += stage.busy_s;
    sum.wait_in += stage.wait_in_s;
    sum.wait_out += stage.wait_out_s;
    sum.items += stage.items;
}

/// Items a busy second: bytes for `read`, chunks for `write`, frames for the others.
fn rate(sum: &StageSum<'_>) -> String {
    if sum.busy <= 0.0 {
        return "–".to_owned();
    }
    let per_second = sum.items as f64 / sum.busy;
    match sum.name {
        "read" => format!("{}/s", bytes(per_second as u64)),
        "write" => format!("{} chunks/s", number(per_second)),
        _ => format!("{} frames/s", number(per_second)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_chunks_are_stacked() {
        let chunk = |started_at, completed_at| ChunkTiming { chunk: 0, started_at, completed_at };
        let chunks = [chunk(0.0, 5.0), chunk(4.0, 9.0), chunk(5.0, 12.0), chunk(4.5, 6.0)];
        assert_eq!(stack(&chunks.iter().collect::<Vec<_>>()), [0, 1, 0, 2]);
    }
}
