//! The timelines: lanes and plots over one time axis, with one cursor.
//!
//! Each row has a head (name, legend, values at the cursor) and a plot. Plots are stretched to the page's width, so text
//! stands beside them in HTML. The cursor is a range input, which the keyboard moves as well as the mouse.

use framefan_analyzers::pose::section::{Band, Finding, Severity, Summary};
use maud::{Markup, html};

use crate::ReportInput;
use crate::chart::{HEIGHT, Scale, WIDTH, band, line, nice_step, steps, time_ticks};
use crate::findings::severity_word;
use crate::format::{clock, number};

/// One value a bin, where there is one.
type Values<'a> = &'a [Option<f64>];

/// One line of a plot.
struct Trace<'a> {
    /// Path of its values in the page's data, e.g. `angles.left_knee.mean`.
    key: String,
    label: &'static str,
    class: &'static str,
    values: Values<'a>,
    /// Smallest and largest value of each bin.
    band: Option<(Values<'a>, Values<'a>)>,
}

/// One plot.
struct Plot<'a> {
    title: &'static str,
    unit: &'static str,
    about: &'static str,
    scale: Scale,
    traces: Vec<Trace<'a>>,
}

/// Rules whose spans are shown by the presence lane, or hold so long that a lane says nothing.
const NOT_IN_LANES: [&str; 2] = ["appearance", "nobody_visible"];

/// The section of timelines.
pub fn section(input: &ReportInput, pose: &Summary) -> Markup {
    let duration = axis_length(input, pose);
    let series = &pose.metrics.series;
    html! {
        section #timelines aria-labelledby="timelines-title" {
            h2 #timelines-title { "Timelines" }
            p.lead { "Angles and movement are those of the main person: the largest and most certain one in each frame. "
                "Lines are means of " (number(series.bin_s)) " s, bands reach from the smallest to the largest value." }
            div.tracks {
                div.scrub {
                    label for="cursor" { "Time " output #now for="cursor" { (clock(0.0)) } }
                    input #cursor type="range" min="0" max=(series.bins.saturating_sub(1)) step="1" value="0"
                        aria-valuetext=(clock(0.0));
                }
                (lanes(input, pose, duration))
                @for plot in plots(pose) {
                    (plot_row(&plot, series.bin_s, duration, input))
                }
                div.row.axis {
                    div.head {}
                    div.plot {
                        @for time in time_ticks(duration, 8) {
                            span.tick style=(format!("left:{:.3}%", 100.0 * time / duration)) { (axis_label(time)) }
                        }
                    }
                }
                div.mark hidden {}
                div.line hidden {}
            }
        }
    }
}

/// Length of the time axis in seconds.
pub fn axis_length(input: &ReportInput, pose: &Summary) -> f64 {
    let binned = pose.metrics.series.bin_s * pose.metrics.series.bins as f64;
    let duration = input.header.video.duration_s;
    if duration.is_finite() && duration > 0.0 { duration } else { binned.max(0.1) }
}

fn axis_label(seconds: f64) -> String {
    let text = clock(seconds);
    // Tenths only where the step has them.
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn lanes(input: &ReportInput, pose: &Summary, duration: f64) -> Markup {
    let mut rules: Vec<(&str, &str)> = Vec::new();
    for finding in &pose.findings {
        let rule = (finding.rule.as_str(), lane_title(finding));
        if !NOT_IN_LANES.contains(&rule.0) && !rules.iter().any(|known| known.0 == rule.0) {
            rules.push(rule);
        }
    }
    let period = pose.metrics.sample_period_s;
    html! {
        div.row.lane {
            div.head { span.name { "Someone visible" } }
            div.plot {
                (damage(input, duration))
                @for (place, shown) in pose.metrics.presence.appearances.iter().enumerate() {
                    @let words = format!("Visible from {} to {}, at most {} at once", clock(shown.start_s), clock(shown.end_s), shown.max_people);
                    (segment("presence", shown.start_s, shown.end_s, period, duration, &words, Some(place + 1)))
                }
            }
        }
        @for (rule, title) in rules {
            div.row.lane {
                div.head { span.name { (title) } }
                div.plot {
                    @for finding in pose.findings.iter().filter(|finding| finding.rule == rule) {
                        @let words = format!("{}: {} from {} to {}", severity_word(finding.severity), finding.title, clock(finding.start_s), clock(finding.end_s));
                        (segment(lane_class(finding.severity), finding.start_s, finding.end_s, period, duration, &words, None))
                    }
                }
            }
        }
    }
}

/// Findings of one rule share a title, but for the number of repetitions in it.
fn lane_title(finding: &Finding) -> &str {
    if finding.rule == "repeated_knee_bends" { "Repeated knee bends" } else { &finding.title }
}

fn lane_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Notice => "notice",
        Severity::Warning => "warning",
    }
}

/// A span as a button; a sample stands for the time until the next.
fn segment(class: &str, start: f64, end: f64, period: f64, duration: f64, words: &str, label: Option<usize>) -> Markup {
    let left = (100.0 * start / duration).clamp(0.0, 100.0);
    let width = (100.0 * (end + period - start) / duration).clamp(0.0, 100.0 - left);
    html! {
        button class=(format!("seg {class}")) type="button" title=(words) aria-label=(words)
            style=(format!("left:{left:.3}%;width:{width:.3}%")) data-start=(start) data-end=(end) {
            @if let Some(label) = label { span aria-hidden="true" { (label) } }
        }
    }
}

fn damage(input: &ReportInput, duration: f64) -> Markup {
    html! {
        @for span in &input.header.damaged {
            @let left = (100.0 * span.start_s / duration).clamp(0.0, 100.0);
            @let width = (100.0 * (span.end_s - span.start_s) / duration).clamp(0.3, 100.0);
            span.damage style=(format!("left:{left:.3}%;width:{width:.3}%")) title=(format!("damaged: {}", span.reason)) {}
        }
    }
}

fn plots(pose: &Summary) -> Vec<Plot<'_>> {
    let series = &pose.metrics.series;
    let most = pose.metrics.people.max as f64;
    let speed = |values: &[Option<f64>]| values.iter().flatten().fold(0.0f64, |most, &value| most.max(value));
    let fastest = speed(&series.head.max_speed).max(speed(&series.hips.max_speed));
    let mut plots = vec![Plot {
        title: "People",
        unit: "",
        about: "Mean number of people in the sampled frames",
        scale: Scale { low: 0.0, high: most.max(1.0) },
        traces: vec![Trace {
            key: "people_mean".into(),
            label: "mean",
            class: "area",
            values: &series.people_mean,
            band: None,
        }],
    }];
    for (title, joint, about) in [
        ("Knees", "knee", "Angle hip – knee – ankle; 180° is straight"),
        ("Hips", "hip", "Angle shoulder – hip – knee; 180° is straight"),
        ("Elbows", "elbow", "Angle shoulder – elbow – wrist; 180° is straight"),
        ("Shoulders", "shoulder", "Angle hip – shoulder – elbow; 0° is an arm that hangs down"),
    ] {
        let side = |side: &'static str, label| {
            let name = format!("{side}_{joint}");
            let values: Option<&Band> = series.angles.get(&name);
            values.map(|values| Trace {
                key: format!("angles.{name}"),
                label,
                class: side,
                values: &values.mean,
                band: Some((&values.min, &values.max)),
            })
        };
        let traces = [side("left", "left"), side("right", "right")].into_iter().flatten().collect();
        plots.push(Plot { title, unit: "°", about, scale: Scale { low: 0.0, high: 180.0 }, traces });
    }
    plots.push(Plot {
        title: "Speed",
        unit: " bh/s",
        about: "Speed in the picture, in body heights per second; the band reaches to the largest",
        scale: Scale::new(0.0, fastest.max(0.1)),
        traces: vec![
            Trace {
                key: "head".into(),
                label: "head",
                class: "head",
                values: &series.head.mean_speed,
                band: Some((&series.head.mean_speed, &series.head.max_speed)),
            },
            Trace {
                key: "hips".into(),
                label: "hips",
                class: "hips",
                values: &series.hips.mean_speed,
                band: Some((&series.hips.mean_speed, &series.hips.max_speed)),
            },
        ],
    });
    plots
}

fn plot_row(plot: &Plot<'_>, bin_s: f64, duration: f64, input: &ReportInput) -> Markup {
    let bins = duration / bin_s;
    let span = plot.scale.high - plot.scale.low;
    let step =
        if plot.unit == "°" { 90.0 } else { nice_step(span / 3.0).max(if plot.unit.is_empty() { 1.0 } else { 0.0 }) };
    let levels: Vec<f64> =
        (0..10).map(|i| plot.scale.low + f64::from(i) * step).filter(|&v| v <= plot.scale.high * 1.0001).collect();
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
                (damage(input, duration))
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
