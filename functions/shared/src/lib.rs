//! What the Lambda functions share: serving invocations, and telling the state machine what kind of error happened.

use std::process::ExitCode;
use std::sync::Arc;

use framefan_contract::{Error, ErrorKind};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An error as the Runtime API reports it: its type is the kind's name, which the state machine's Retry and Catch match.
#[derive(Debug)]
struct Reported(Error);

impl From<Reported> for Diagnostic {
    fn from(Reported(error): Reported) -> Self {
        Diagnostic { error_type: error.kind().name().to_owned(), error_message: error.message().to_owned() }
    }
}

/// Serves invocations until the platform ends the process. `start` runs once, before the first of them; `handle` runs on
/// a thread that may block.
pub fn serve<State, Input, Output>(
    start: impl FnOnce() -> Result<State, Error>,
    handle: impl Fn(&State, Input) -> Result<Output, Error> + Send + Sync + 'static,
) -> ExitCode
where
    State: Send + Sync + 'static,
    Input: DeserializeOwned + Send + 'static,
    Output: Serialize + Send + 'static,
{
    // What cannot start now fails each invocation with its kind, instead of ending the process without a word that the
    // state machine could match.
    let state = Arc::new(start().map_err(|e| (e.kind(), e.message().to_owned())));
    let handle = Arc::new(handle);
    let invoke = move |event: LambdaEvent<serde_json::Value>| {
        let (state, handle) = (state.clone(), handle.clone());
        async move {
            let work = move || {
                let state = state.as_ref().as_ref().map_err(|(kind, message)| Error::new(*kind, message.clone()))?;
                let input = serde_json::from_value(event.payload)
                    .map_err(|e| Error::usage(format!("the function does not understand its input: {e}")))?;
                handle(state, input)
            };
            let outcome = tokio::task::spawn_blocking(work)
                .await
                .unwrap_or_else(|panic| Err(Error::defect(format!("the function panicked: {panic}"))));
            outcome.map_err(|error| {
                eprintln!("{}", log_line(&error));
                Reported(error)
            })
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime could be started: {error}");
            return ExitCode::from(ErrorKind::Defect.exit_code());
        }
    };
    match runtime.block_on(lambda_runtime::run(service_fn(invoke))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serving invocations ended: {error}");
            ExitCode::from(ErrorKind::Retryable.exit_code())
        }
    }
}

/// An error as a line of the function's log.
fn log_line(error: &Error) -> String {
    serde_json::json!({"level": "ERROR", "kind": error.kind().name(), "message": error.message()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_reported_by_kind() {
        let diagnostic = Diagnostic::from(Reported(Error::bad_input("s3://b/k: not a video")));
        assert_eq!(diagnostic.error_type, "BadInput");
        assert_eq!(diagnostic.error_message, "s3://b/k: not a video");
    }
}
