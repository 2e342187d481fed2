//! A worker's log line as text: JSON becomes words, metrics become figures, everything else stays.

use serde_json::{Map, Value};

use crate::output;

/// What is said elsewhere in the line.
const KNOWN: [&str; 4] = ["level", "message", "job_id", "shard"];

/// The line for people.
pub fn readable(line: &str) -> String {
    let text = match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(fields)) if fields.contains_key("_aws") => metrics(&fields),
        Ok(Value::Object(fields)) => message(&fields),
        _ => line.trim_end().to_owned(),
    };
    output::printable(&text)
}

/// `ERROR  BadInput: not a video`.
fn message(fields: &Map<String, Value>) -> String {
    let field = |name: &str| fields.get(name).map(word).unwrap_or_default();
    let mut text = format!("{:<5}  ", field("level"));
    let kind = field("kind");
    if !kind.is_empty() {
        text.push_str(&format!("{kind}: "));
    }
    text.push_str(&field("message"));
    let others = fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()) && *name != "kind");
    for (name, value) in others {
        text.push_str(&format!(" {name}={}", word(value)));
    }
    text.trim().to_owned()
}

/// `METRIC  ChunkRuntime 2500 Milliseconds, ChunksCompleted 1`: CloudWatch's embedded metric format.
fn metrics(fields: &Map<String, Value>) -> String {
    let directives = fields["_aws"]["CloudWatchMetrics"].as_array().cloned().unwrap_or_default();
    let mut figures = Vec::new();
    for metric in directives.iter().filter_map(|d| d["Metrics"].as_array()).flatten() {
        let name = metric["Name"].as_str().unwrap_or_default();
        let value = fields.get(name).and_then(Value::as_f64).map_or("?".to_owned(), figure);
        let unit = metric["Unit"].as_str().filter(|unit| *unit != "Count" && *unit != "None").unwrap_or_default();
        figures.push(format!("{name} {value} {unit}").trim_end().to_owned());
    }
    format!("METRIC  {}", figures.join(", "))
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_words_and_the_rest_stays() {
        let line = r#"{"level":"ERROR","kind":"BadInput","job_id":"j","shard":1,"message":"not a video","chunk":3}"#;
        assert_eq!(readable(line), "ERROR  BadInput: not a video chunk=3");
        assert_eq!(readable(r#"{"message":"hello"}"#), "hello");
        let metric = r#"{"ChunkRuntime":2500.0,"Share":0.25,"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"framefan",
            "Dimensions":[[]],"Metrics":[{"Name":"ChunkRuntime","Unit":"Milliseconds"},{"Name":"Share","Unit":"Percent"},
            {"Name":"Lost","Unit":"Count"}]}]},"JobId":"j"}"#;
        assert_eq!(readable(metric), "METRIC  ChunkRuntime 2500 Milliseconds, Share 0.250 Percent, Lost ?");
        assert_eq!(readable("thread main panicked\r\n"), "thread main panicked");
        assert_eq!(readable("[1, 2]"), "[1, 2]");
        assert_eq!(readable("red \u{1b}[31m"), "red \u{fffd}[31m");
        for broken in [r#"{"_aws":1}"#, r#"{"_aws":{"CloudWatchMetrics":[{"Metrics":[1]}]}}"#, "{}", ""] {
            readable(broken);
        }
    }
}
