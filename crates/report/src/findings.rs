//! The list of findings, the gravest first; each leads to its time.

use framefan_analyzers::pose::section::{Finding, Severity, Summary};
use maud::{Markup, html};

use crate::format::{clock, counted, number};

/// The section of findings.
pub fn section(pose: &Summary) -> Markup {
    let mut findings: Vec<&Finding> = pose.findings.iter().collect();
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.start_frame.cmp(&b.start_frame)));
    let of = |severity| pose.findings.iter().filter(|finding| finding.severity == severity).count();
    let omitted: u64 = pose.metrics.omitted_findings.values().sum();
    html! {
        section #findings aria-labelledby="findings-title" {
            h2 #findings-title { "Findings" }
            @if findings.is_empty() {
                p.lead { "No rule found anything to report." }
            } @else {
                div.chips role="group" aria-label="Show findings" {
                    button.chip type="button" data-filter="" aria-pressed="true" { "All " b { (findings.len()) } }
                    @for severity in [Severity::Warning, Severity::Notice, Severity::Info] {
                        @if of(severity) > 0 {
                            button.chip type="button" data-filter=(severity.as_str()) aria-pressed="false" {
                                (plural_word(severity)) " " b { (of(severity)) }
                            }
                        }
                    }
                }
                ol.findings {
                    @for finding in findings { (item(finding)) }
                }
            }
            @if omitted > 0 {
                p.note { (counted(omitted, "more finding was", "more findings were")) " left out of the result, because a rule had too many." }
            }
        }
    }
}

fn item(finding: &Finding) -> Markup {
    html! {
        li.finding data-severity=(finding.severity.as_str()) {
            button type="button" data-start=(finding.start_s) data-end=(finding.end_s) {
                span class=(format!("badge {}", finding.severity.as_str())) { (severity_word(finding.severity)) }
                span.what {
                    strong { (finding.title) }
                    span.detail { (finding.detail) }
                }
                span.value {
                    b { (number(finding.value)) (unit(&finding.unit)) }
                    span.dim { "limit " (number(finding.threshold)) (limit_unit(&finding.unit)) }
                }
                span.when { (clock(finding.start_s)) "–" (clock(finding.end_s))
                    span.dim { "frames " (finding.start_frame) "–" (finding.end_frame) } }
            }
        }
    }
}

fn unit(unit: &str) -> String {
    match unit {
        "°" => unit.to_owned(),
        "share" => String::new(),
        "body heights/s" => " bh/s".to_owned(),
        _ => format!(" {unit}"),
    }
}

/// The unit after a limit, where a counted noun would only repeat what the value says.
fn limit_unit(name: &str) -> String {
    if matches!(name, "people" | "times") { String::new() } else { unit(name) }
}

/// The severity for people.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Notice => "Notice",
        Severity::Warning => "Warning",
    }
}

fn plural_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Notice => "Notices",
        Severity::Warning => "Warnings",
    }
}
