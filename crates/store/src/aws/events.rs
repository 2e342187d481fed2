//! Events on a bus of EventBridge.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use framefan_contract::{Error, Result};

use super::Aws;
use super::errors::failed;

/// Who says it.
const SOURCE: &str = "framefan";

impl Aws {
    /// Puts an event of source `framefan` on a bus (name or ARN). `detail` is a JSON object.
    ///
    /// # Errors
    /// `NotFound` when there is no such bus or it is not allowed; `Retryable` when the bus did not take it.
    pub fn put_event(&self, bus: &str, detail_type: &str, detail: &str) -> Result<()> {
        let what = format!("cannot put '{detail_type}' on the event bus {bus}");
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(detail_type)
            .detail(detail)
            .build();
        let answer = self.block_on(self.events().put_events().entries(entry).send()).map_err(|e| failed(&what, e))?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let refused = answer.entries.unwrap_or_default().into_iter().find(|entry| entry.error_code.is_some());
        let (code, message) = refused.map_or((None, None), |entry| (entry.error_code, entry.error_message));
        let code = code.unwrap_or_default();
        let said = format!("{what}: {code}: {}", message.unwrap_or_default());
        Err(match code.as_str() {
            "AccessDeniedException" | "NotAuthorizedForSourceException" | "NotAuthorizedForDetailTypeException" => {
                Error::not_found(said)
            }
            "InvalidArgument" | "MalformedDetail" => Error::defect(said),
            _ => Error::retryable(said),
        })
    }
}
