//! A plausible section of `golden_frames`: focus comes and goes, the camera pans now and then.
#![allow(dead_code, reason = "not every user of this module needs golden frames")]

use serde_json::{Value, json};

use super::{FPS, SECONDS};

/// Frames that are selected, the best first.
pub const SELECTED: [u64; 6] = [412, 87, 1203, 655, 931, 268];

/// The section, its members in the order that the reduce stage writes them.
pub fn section() -> Value {
    let frames: Vec<Value> = (0..(SECONDS * FPS) as u64).map(measured).collect();
    let selected: Vec<Value> = SELECTED
        .iter()
        .map(|&frame| {
            let mut selected = measured(frame);
            // A frame that did not decode a second time has neither picture nor glint.
            if frame != SELECTED[5] {
                selected["image"] = json!(format!("frames/golden_{frame:06}.jpg"));
                selected["glint"] = glint(frame);
            }
            selected
        })
        .collect();
    json!({"frames": frames, "selected": selected})
}

fn glint(frame: u64) -> Value {
    let highlights: Vec<Value> = (0..frame % 5)
        .map(|place| json!({"x": 120.25 + 90.5 * place as f64, "y": 60.0 + 41.75 * place as f64, "area": 9 * (place + 1)}))
        .collect();
    json!({"share": 0.000125, "clipped_share": 0.25, "count": highlights.len(), "highlights": highlights})
}

fn measured(frame: u64) -> Value {
    let time = frame as f64 / FPS;
    let peak: f64 =
        SELECTED.iter().map(|&at| 500.0 * (-((time - at as f64 / FPS) / 3.0).powi(2)).exp()).fold(0.0, f64::max);
    let sharpness = 180.0 + peak + 40.0 * (time * 2.1).sin() + 15.0 * (time * 17.0).cos();
    let pan = if (60.0..64.0).contains(&time) || (100.0..103.0).contains(&time) { 9.0 } else { 0.6 };
    let motion = (pan * (1.0 + 0.5 * (time * 5.0).sin()) * 1000.0).round() / 1000.0;
    json!({"frame": frame, "time_s": time, "sharpness": (sharpness * 1000.0).round() / 1000.0,
        "motion": if frame == 0 { 0.0 } else { motion }})
}
