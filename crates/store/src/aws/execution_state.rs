//! How an execution of a state machine stands, and what it left when it ended.

use framefan_contract::Result;

use super::Aws;
use super::errors::failed;

/// An execution as Step Functions describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionState {
    /// `RUNNING`, `PENDING_REDRIVE`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// JSON, once it has succeeded.
    pub output: Option<String>,
    /// The error's name, once it has not.
    pub error: Option<String>,
    /// What went wrong.
    pub cause: Option<String>,
}

impl ExecutionState {
    /// Whether anything may still happen.
    pub fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "RUNNING" | "PENDING_REDRIVE")
    }
}

impl Aws {
    /// How the execution stands.
    ///
    /// # Errors
    /// `NotFound` when there is no such execution or asking is not allowed.
    pub fn execution_state(&self, arn: &str) -> Result<ExecutionState> {
        let described = self
            .block_on(self.sfn().describe_execution().execution_arn(arn).send())
            .map_err(|e| failed(format!("cannot ask about the execution {arn}"), e))?;
        Ok(ExecutionState {
            status: described.status.as_str().to_owned(),
            output: described.output,
            error: described.error,
            cause: described.cause,
        })
    }
}
