//! Text for people and programs: results go to standard output.

use std::io::Write;

use framefan_contract::{Error, Result};
use serde::Serialize;

/// Prints a line. A closed pipe is the reader's wish, not an error.
pub fn line(text: &str) -> Result<()> {
    self::text(&format!("{text}\n"))
}

/// Prints text.
pub fn text(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("standard output", e)),
        _ => Ok(()),
    }
}

/// `1.5 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `4.2 s`, `3 min 07 s` or `1 h 02 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

/// The name a unit variant serializes to, with spaces.
pub fn name_of<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " "))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_842_699), "1.8 MB");
        assert_eq!(duration(9.96), "10.0 s");
        assert_eq!(duration(187.0), "3 min 07 s");
        assert_eq!(duration(3720.0), "1 h 02 min");
    }
}
