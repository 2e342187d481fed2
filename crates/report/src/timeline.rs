//! Timelines: lanes and plots over one time axis, with one cursor. Each analyzer has its own; their cursors move together.
//!
//! Each row has a head (name, legend, values at the cursor) and a plot. Plots are stretched to the page's width, so text
//! stands beside them in HTML. The cursor is a range input, which the keyboard moves as well as the mouse.

use maud::{Markup, html};

use crate::ReportInput;
use crate::chart::{HEIGHT, Scale, WIDTH, band, line, nice_step, steps, time_ticks};
use crate::format::{clock, number};

/// One value a bin, where there is one.
type Values<'a> = &'a [Option<f64>];

/// The time axis of a timeline.
pub struct Axis<'a> {
    /// Name of its series in the page's data: the analyzer's.
    pub name: &'a str,
    /// Length in seconds.
    pub duration_s: f64,
    /// Width of a bin in seconds.
    pub bin_s: f64,
    /// Number of bins.
    pub bins: usize,
}

impl<'a> Axis<'a> {
    /// As long as the video, or as its bins when the video does not say.
    pub fn new(input: &ReportInput, name: &'a str, bin_s: f64, bins: usize) -> Self {
        let duration = input.header.video.duration_s;
        let known = duration.is_finite() && duration > 0.0;
        let duration_s = if known { duration } else { (bin_s * bins as f64).max(0.1) };
        Axis { name, duration_s, bin_s, bins }
    }

    /// Where a time is, in percent of the axis.
    fn percent(&self, time_s: f64) -> f64 {
        (100.0 * time_s / self.duration_s).clamp(0.0, 100.0)
    }
}

/// One line of a plot.
pub struct Trace<'a> {
    /// Its name in the page's data, e.g. `angles.left_knee`.
    pub key: String,
    /// Its name for people.
    pub label: &'static str,
    /// Its style.
    pub class: &'static str,
    /// Its values.
    pub values: Values<'a>,
    /// Smallest and largest value of each bin.
    pub band: Option<(Values<'a>, Values<'a>)>,
}

/// One plot.
pub struct Plot<'a> {
    /// Its name.
    pub title: &'static str,
    /// Unit of its values, with a space before it where one belongs.
    pub unit: &'static str,
    /// What it shows, in a sentence.
    pub about: &'static str,
    /// Its vertical scale.
    pub scale: Scale,
    /// Distance of the marked levels.
    pub step: f64,
    /// Its lines.
    pub traces: Vec<Trace<'a>>,
}

/// A distance of levels that suits a scale.
pub fn level_step(scale: &Scale) -> f64 {
    nice_step((scale.high - scale.low) / 4.0)
}

/// A span of time in a lane.
pub struct Segment<'a> {
    /// Its style.
    pub class: &'a str,
    /// Time of its first sample, seconds.
    pub start_s: f64,
    /// Time of its last sample, seconds.
    pub end_s: f64,
    /// How long the last sample lasts, seconds.
    pub lasts_s: f64,
    /// What it is.
    pub words: &'a str,
    /// A number on it.
    pub label: Option<usize>,
}

/// A timeline of these rows.
pub fn timeline(axis: &Axis<'_>, rows: Markup) -> Markup {
    let cursor = format!("cursor-{}", axis.name);
    html! {
        div.timeline data-series=(axis.name) {
            div.scrub {
                label for=(cursor) { "Time " output.now for=(cursor) { (clock(0.0)) } }
                input.cursor id=(cursor) type="range" min="0" max=(axis.bins.saturating_sub(1)) step="1" value="0"
                    aria-valuetext=(clock(0.0));
            }
            (rows)
            div.row.axis {
                div.head {}
                div.plot {
                    @for time in time_ticks(axis.duration_s, 8) {
                        span.tick style=(format!("left:{:.3}%", axis.percent(time))) { (axis_label(time)) }
                    }
                }
            }
            div.mark hidden {}
            div.line hidden {}
        }
    }
}

fn axis_label(seconds: f64) -> String {
    let text = clock(seconds);
    // Tenths only where the step has them.
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A span as a button; its last sample stands for the time until the next.
pub fn segment(segment: &Segment<'_>, axis: &Axis<'_>) -> Markup {
    let left = axis.percent(segment.start_s);
    let width = axis.percent(segment.end_s + segment.lasts_s) - left;
    html! {
        button class=(format!("seg {}", segment.class)) type="button" title=(segment.words) aria-label=(segment.words)
            style=(format!("left:{left:.3}%;width:{width:.3}%")) data-start=(segment.start_s) data-end=(segment.end_s) {
            @if let Some(label) = segment.label { span aria-hidden="true" { (label) } }
        }
    }
}

/// The damaged parts of the video, as a ground for a row.
pub fn damage(input: &ReportInput, axis: &Axis<'_>) -> Markup {
    html! {
        @for span in &input.header.damaged {
            @let left = axis.percent(span.start_s);
            @let width = (axis.percent(span.end_s) - left).max(0.3);
            span.damage style=(format!("left:{left:.3}%;width:{width:.3}%")) title=(format!("damaged: {}", span.reason)) {}
        }
    }
}

/// A plot as a row.
pub fn plot_row(plot: &Plot<'_>, axis: &Axis<'_>, input: &ReportInput) -> Markup {
    let bins = axis.duration_s / axis.bin_s;
    let level = |place: i32| plot.scale.low + f64::from(place) * plot.step;
    let levels: Vec<f64> = (0..10).map(level).filter(|&level| level <= plot.scale.high * 1.0001).collect();
    let empty = plot.traces.iter().all(|trace| trace.values.iter().all(Option::is_none));
    html! {
        div.row.chart {
            div.head {
                span.name title=(plot.about) { (plot.title) }
                span.legend {
                    @for trace in &plot.traces {
                        span class=(format!("trace {}", trace.class)) {
                            i aria-hidden="true" {}
                            (trace.label) " "
                            b data-trace=(trace.key) data-unit=(plot.unit) { "–" }
                        }
                    }
                }
            }
            div.plot {
                (damage(input, axis))
                @for &level in &levels {
                    span.level style=(format!("top:{:.1}%", plot.scale.place(level) / HEIGHT * 100.0)) {
                        (number(level)) @if plot.unit == "°" { "°" }
                    }
                }
                @if empty { span.none { "not measurable in this video" } }
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img"
                    aria-label=(format!("{} over time. {}.", plot.title, plot.about)) {
                    @for &level in &levels {
                        @let y = plot.scale.place(level);
                        line.grid x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                    }
                    @for trace in &plot.traces {
                        @if let Some((low, high)) = trace.band {
                            path class=(format!("band {}", trace.class)) d=(band(low, high, bins, &plot.scale)) {}
                        }
                    }
                    @for trace in &plot.traces {
                        @if trace.class == "area" {
                            path.area d=(steps(trace.values, bins, &plot.scale)) {}
                        } @else {
                            path class=(format!("curve {}", trace.class)) d=(line(trace.values, bins, &plot.scale)) {}
                        }
                    }
                }
            }
        }
    }
}
