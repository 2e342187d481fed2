//! The page as a whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use framefan_analyzers::REGISTRY;
use framefan_contract::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::{
    ReportInput, details, findings, format, golden, headline, island, moments, pose_timelines, tracks, truth, work,
};

const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");

/// Writes the page.
pub fn page(input: &ReportInput) -> Result<String> {
    let data = island::data(input)?;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (format::file_name(&input.header.provenance.source)) " – framefan report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the results" }
                main #main {
                    (headline::title(input))
                    (headline::alerts(input))
                    (headline::tiles(input))
                    (analyzers(input))
                    @if let Some(comparison) = &input.comparison { (truth::section(comparison)) }
                    (work::section(input))
                    (details::section(input))
                }
                footer { p.dim { "Made by framefan " (input.header.provenance.framefan) ". This page is complete in itself and loads nothing." } }
                dialog #viewer aria-label="Enlarged picture" {
                    button.close type="button" aria-label="Close" { "×" }
                    div.stage {}
                    p.caption {}
                }
                script #data type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(markup.into_string())
}

/// What each analyzer found, in the order of the registry.
fn analyzers(input: &ReportInput) -> Markup {
    let sections = &input.sections;
    let mut parts: Vec<(&str, Markup)> = Vec::new();
    if let Some(pose) = &sections.pose {
        let pose =
            html! { (moments::section(input, pose)) (pose_timelines::section(input, pose)) (findings::section(pose)) };
        parts.push(("pose", pose));
    }
    if let Some(track) = &sections.track {
        parts.push(("track", tracks::section(input, track)));
    }
    if let Some(golden) = &sections.golden_frames {
        parts.push(("golden_frames", golden::section(input, golden)));
    }
    let place = |name: &str| REGISTRY.iter().position(|known| known.name() == name).unwrap_or(REGISTRY.len());
    parts.sort_by_key(|(name, ..)| place(name));
    let several = parts.len() > 1;
    html! {
        @if parts.is_empty() {
            p.lead { "This job has no section that a page can show, so there is nothing more to see of the video." }
        }
        @for (name, part) in parts {
            div.analyzer data-analyzer=(name) {
                @if several && name == "pose" { p.kicker { "Pose" } }
                (part)
            }
        }
    }
}

/// Nothing may be loaded, and no script but ours may run: a second fence behind the escaping.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}
