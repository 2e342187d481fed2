//! Numbers, times and names for people.

use framefan_contract::request::Source;

/// `1:02.5`, or `1:01:02` from an hour on.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{:02}", rest / 10)
    } else {
        format!("{minutes}:{:02}.{}", rest / 10, rest % 10)
    }
}

/// `4.2 s`, `62.4 s`, `3 min 20 s`, `1 h 05 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 100.0 {
        return format!("{} s", number(seconds));
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole / 60 % 60)
    }
}

/// Three significant digits or all of the whole part: `0.0123`, `4.2`, `1,394`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let decimals = if size >= 100.0 || size == 0.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 0.1 {
        2
    } else {
        4
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    group(text)
}

/// `12,345`.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// `77%`. Only all is `100%`.
pub fn percent(share: f64) -> String {
    let most = if share < 1.0 { 99.0 } else { f64::INFINITY };
    format!("{:.0}%", (share * 100.0).min(most))
}

/// `12.3 MB`.
pub fn bytes(value: u64) -> String {
    let mut scaled = value as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if scaled < 1000.0 {
            return format!("{} {unit}", number(scaled));
        }
        scaled /= 1000.0;
    }
    format!("{} TB", number(scaled))
}

/// `1 person`, `6 people`.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// With a capital letter first.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The last part of the source's path or key.
pub fn file_name(source: &Source) -> &str {
    let path = match source {
        Source::File { path, .. } => path,
        Source::S3 { key, .. } => key,
    };
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

/// The source in full.
pub fn location(source: &Source) -> String {
    match source {
        Source::File { path, .. } => path.clone(),
        Source::S3 { bucket, key, version, .. } => format!("s3://{bucket}/{key} (version {version})"),
    }
}

fn group(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, decimals) = text.split_once('.').map_or((text, ""), |(whole, decimals)| (whole, decimals));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{decimals}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [number(0.0), number(0.0123), number(4.2), number(99.96), number(1394.4)],
            ["0", "0.0123", "4.2", "100", "1,394"]
        );
        assert_eq!((number(-1234.0), count(1_234_567)), ("−1,234".to_owned(), "1,234,567".to_owned()));
        assert_eq!([clock(0.0), clock(62.46), clock(59.96), clock(3661.0)], ["0:00.0", "1:02.5", "1:00.0", "1:01:01"]);
        assert_eq!(
            [duration(4.25), duration(99.9), duration(200.0), duration(3900.0)],
            ["4.25 s", "99.9 s", "3 min 20 s", "1 h 05 min"]
        );
        assert_eq!([bytes(999), bytes(12_345_678)], ["999 B", "12.3 MB"]);
        assert_eq!([0.0, 0.766, 0.996, 1.0, 1.2].map(percent), ["0%", "77%", "99%", "100%", "120%"]);
    }
}
