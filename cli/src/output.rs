//! Text for people and programs: results go to standard output.

use std::io::Write;
use std::time::{Duration, SystemTime};

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

/// Says something that is no result, on standard error. That nobody can read it is no reason to stop the work.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
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

/// How long ago, in one unit: `42 s`, `7 min`, `3 h`, `12 d`.
pub fn age(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..86_400 => format!("{} h", whole / 3600),
        _ => format!("{} d", whole / 86_400),
    }
}

/// UTC, to the second.
pub fn time(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// Text from elsewhere in one line of a terminal, where a name may not move the cursor or change the colours.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// At most `width` characters: of a longer text the end, which tells names of one folder apart.
pub fn tail(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(length + 1 - width).collect();
    format!("…{kept}")
}

/// At most `width` characters: of a longer text the beginning.
pub fn head(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}…")
}

/// `1 job`, `3 jobs`.
pub fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The object as the last line.
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    line(&serde_json::to_string(value).map_err(|e| Error::defect(format!("an answer does not serialize: {e}")))?)
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
        assert_eq!([59.9, 60.0, 7199.0, 172_800.0, -3.0].map(age), ["59 s", "1 min", "1 h", "2 d", "0 s"]);
        assert_eq!(time(1_795_236_901.5), "2026-11-21T04:55:01Z");
    }

    #[test]
    fn foreign_text_stays_in_its_place() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(tail("s3://bucket/видео.mp4", 10), "…видео.mp4");
        assert_eq!(head("short", 5), "short");
        assert_eq!(head("longer text", 6), "longe…");
        assert_eq!(plural(1, "job") + &plural(0, "job"), "1 job0 jobs");
    }
}
