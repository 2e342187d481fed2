//! The page as a whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use framefan_contract::Result;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::{ReportInput, details, findings, format, headline, island, moments, timeline, work};

const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");

/// Writes the page.
pub fn page(input: &ReportInput) -> Result<String> {
    let duration = input.pose.as_ref().map_or(0.0, |pose| timeline::axis_length(input, pose));
    let data = island::data(input.pose.as_ref(), duration)?;
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
                    @match &input.pose {
                        Some(pose) => {
                            (moments::section(input, pose))
                            (timeline::section(input, pose))
                            (findings::section(pose))
                        }
                        None => { p.lead { "This job has no pose section, so there is nothing more to show of the video." } }
                    }
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

/// Nothing may be loaded, and no script but ours may run: a second fence behind the escaping.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}
