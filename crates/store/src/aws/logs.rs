//! Log streams of CloudWatch.

use framefan_contract::Result;

use super::Aws;
use super::errors::failed;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The line.
    pub message: String,
}

/// A part of a log, oldest line first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The lines; may be none although more follow.
    pub events: Vec<LogEvent>,
    /// What to give as `after` for the lines that follow, now or later.
    pub next: Option<String>,
    /// Nothing follows at present.
    pub at_end: bool,
}

impl Aws {
    /// A part of a log stream: from its start, or what follows the page whose `next` is given.
    ///
    /// # Errors
    /// `NotFound` when there is no such group or stream (yet), or reading it is not allowed.
    pub fn log_events(&self, group: &str, stream: &str, after: Option<&str>) -> Result<LogPage> {
        let request = self
            .logs()
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .start_from_head(true)
            .set_next_token(after.map(str::to_owned))
            .send();
        let answer = self.block_on(request).map_err(|e| failed(format!("cannot read the log {group} {stream}"), e))?;
        let events = answer.events.unwrap_or_default().into_iter().map(|event| LogEvent {
            time_ms: event.timestamp.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        });
        // At the end, the service gives back what it was given.
        let at_end = after.is_some() && answer.next_forward_token.as_deref() == after;
        Ok(LogPage { events: events.collect(), next: answer.next_forward_token, at_end })
    }
}
