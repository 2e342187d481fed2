//! The timelines of pose: when someone is visible, what rules found, and angles and movement.

use framefan_analyzers::pose::section::{Band, Finding, Severity, Summary};
use maud::{Markup, html};

use crate::ReportInput;
use crate::chart::Scale;
use crate::findings::severity_word;
use crate::format::{clock, number};
use crate::timeline::{Axis, Plot, Segment, Trace, damage, level_step, plot_row, segment, timeline};

/// Rules whose spans are shown by the presence lane, or hold so long that a lane says nothing.
const NOT_IN_LANES: [&str; 2] = ["appearance", "nobody_visible"];

/// The section of timelines.
pub fn section(input: &ReportInput, pose: &Summary) -> Markup {
    let series = &pose.metrics.series;
    let axis = Axis::new(input, "pose", series.bin_s, series.bins);
    html! {
        section #timelines aria-labelledby="timelines-title" {
            h2 #timelines-title { "Timelines" }
            p.lead { "Angles and movement are those of the main person: the largest and most certain one in each frame. "
                "Lines are means of " (number(series.bin_s)) " s, bands reach from the smallest to the largest value." }
            (timeline(&axis, html! {
                (lanes(input, pose, &axis))
                @for plot in plots(pose) { (plot_row(&plot, &axis, input)) }
            }))
        }
    }
}

fn lanes(input: &ReportInput, pose: &Summary, axis: &Axis<'_>) -> Markup {
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
                (damage(input, axis))
                @for (place, shown) in pose.metrics.presence.appearances.iter().enumerate() {
                    @let words = format!("Visible from {} to {}, at most {} at once", clock(shown.start_s), clock(shown.end_s), shown.max_people);
                    (segment(&Segment { class: "presence", start_s: shown.start_s, end_s: shown.end_s, lasts_s: period, words: &words, label: Some(place + 1) }, axis))
                }
            }
        }
        @for (rule, title) in rules {
            div.row.lane {
                div.head { span.name { (title) } }
                div.plot {
                    @for finding in pose.findings.iter().filter(|finding| finding.rule == rule) {
                        @let words = format!("{}: {} from {} to {}", severity_word(finding.severity), finding.title, clock(finding.start_s), clock(finding.end_s));
                        (segment(&Segment { class: lane_class(finding.severity), start_s: finding.start_s, end_s: finding.end_s, lasts_s: period, words: &words, label: None }, axis))
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

fn plots(pose: &Summary) -> Vec<Plot<'_>> {
    let series = &pose.metrics.series;
    let most = pose.metrics.people.max as f64;
    let speed = |values: &[Option<f64>]| values.iter().flatten().fold(0.0f64, |most, &value| most.max(value));
    let fastest = speed(&series.head.max_speed).max(speed(&series.hips.max_speed));
    let crowd = Scale { low: 0.0, high: most.max(1.0) };
    let speeds = Scale::new(0.0, fastest.max(0.1));
    let angles = Scale { low: 0.0, high: 180.0 };
    let mut plots = vec![Plot {
        title: "People",
        unit: "",
        about: "Mean number of people in the sampled frames",
        scale: crowd,
        step: level_step(&crowd).max(1.0),
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
        plots.push(Plot { title, unit: "°", about, scale: angles, step: 90.0, traces });
    }
    plots.push(Plot {
        title: "Speed",
        unit: " bh/s",
        about: "Speed in the picture, in body heights per second; the band reaches to the largest",
        scale: speeds,
        step: level_step(&speeds),
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
