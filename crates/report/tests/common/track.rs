//! A plausible section of `track`: people cross the picture, cars pass behind them, a dog is seen now and then.
#![allow(dead_code, reason = "not every user of this module needs tracks")]

use serde_json::{Value, json};

use super::{FPS, SECONDS};

/// Someone or something that moves in a straight line with a little wave.
struct Mover {
    class: &'static str,
    from_s: f64,
    to_s: f64,
    from: [f64; 2],
    to: [f64; 2],
    size: [f64; 2],
}

fn movers() -> Vec<Mover> {
    let mut movers = vec![
        Mover {
            class: "person",
            from_s: 2.0,
            to_s: 48.0,
            from: [40.0, 210.0],
            to: [640.0, 190.0],
            size: [56.0, 150.0],
        },
        Mover {
            class: "person",
            from_s: 20.0,
            to_s: 90.0,
            from: [700.0, 200.0],
            to: [120.0, 220.0],
            size: [60.0, 160.0],
        },
        Mover { class: "dog", from_s: 25.0, to_s: 31.0, from: [600.0, 330.0], to: [420.0, 350.0], size: [70.0, 48.0] },
        Mover { class: "dog", from_s: 60.0, to_s: 60.0, from: [300.0, 330.0], to: [300.0, 330.0], size: [70.0, 48.0] },
        Mover {
            class: "traffic light",
            from_s: 0.0,
            to_s: 139.0,
            from: [720.0, 20.0],
            to: [720.0, 20.0],
            size: [20.0, 56.0],
        },
    ];
    for car in 0..45 {
        let from_s = 3.0 * f64::from(car);
        let (left, right, level) = (-60.0, 700.0, 90.0 + 8.0 * f64::from(car % 4));
        let (from, to) = if car % 2 == 0 { (left, right) } else { (right, left) };
        let to_s = from_s + 3.0 + f64::from(car % 7);
        movers.push(Mover { class: "car", from_s, to_s, from: [from, level], to: [to, level], size: [120.0, 60.0] });
    }
    movers
}

/// The section, its members in the order that the reduce stage writes them.
pub fn section() -> Value {
    let movers = movers();
    let mut detections = Vec::new();
    let mut tracks: Vec<Value> = movers.iter().map(|_| Value::Null).collect();
    for frame in 0..(SECONDS * FPS) as u64 {
        let time = frame as f64 / FPS;
        for (place, mover) in movers.iter().enumerate() {
            if time < mover.from_s || time > mover.to_s {
                continue;
            }
            let track = &mut tracks[place];
            if track.is_null() {
                *track = json!({"track_id": place + 1, "class": mover.class, "first_frame": frame, "last_frame": frame,
                    "first_s": time, "last_s": time, "detections": 0, "mean_confidence": 0.8125, "gaps": place % 2});
            }
            track["last_frame"] = json!(frame);
            track["last_s"] = json!(time);
            track["detections"] = json!(track["detections"].as_u64().unwrap() + 1);
            detections.push(json!({"frame": frame, "track_id": place + 1, "class": mover.class,
                "bbox": mover.bbox(time), "confidence": (60 + (frame * 7 + place as u64) % 39) as f64 / 100.0}));
        }
    }
    json!({"detections": detections, "tracks": tracks, "counts": {"frames": (SECONDS * FPS) as u64, "untracked": 17}})
}

impl Mover {
    fn bbox(&self, time: f64) -> [f64; 4] {
        let share = (time - self.from_s) / (self.to_s - self.from_s).max(0.1);
        let at = |axis: usize| self.from[axis] + (self.to[axis] - self.from[axis]) * share;
        let y = at(1) + if self.from == self.to { 0.0 } else { 12.0 * (time * 0.7).sin() };
        [at(0), y, self.size[0], self.size[1]].map(|value| (value * 100.0).round() / 100.0)
    }
}
