//! Executions of a Step Functions state machine.

use aws_sdk_sfn::types::ExecutionStatus;
use framefan_contract::Result;

use super::Aws;
use super::errors::{code, failed};

/// How Step Functions says that an execution is unknown, or that what it was given names none.
const UNKNOWN: &[&str] = &["ExecutionDoesNotExist", "InvalidArn", "ResourceNotFound"];

impl Aws {
    /// Starts an execution and returns its ARN. Starting one of the same name and input again, while it runs, returns
    /// that one.
    ///
    /// # Errors
    /// `NotFound` when there is no such state machine or starting it is not allowed; `Usage` when the name is taken by
    /// another execution or the input is no JSON object.
    pub fn start_execution(&self, state_machine: &str, name: Option<&str>, input: &str) -> Result<String> {
        let request = self
            .sfn()
            .start_execution()
            .state_machine_arn(state_machine)
            .set_name(name.map(str::to_owned))
            .input(input)
            .send();
        let started = self.block_on(request).map_err(|e| failed(format!("cannot start {state_machine}"), e))?;
        Ok(started.execution_arn)
    }

    /// Stops an execution. It is no error when it has ended or is gone.
    ///
    /// # Errors
    /// `NotFound` when stopping it is not allowed.
    pub fn stop_execution(&self, arn: &str, error: &str, cause: &str) -> Result<()> {
        if !self.execution_is_running(arn)? {
            return Ok(());
        }
        let request = self.sfn().stop_execution().execution_arn(arn).error(error).cause(cause).send();
        match self.block_on(request) {
            Ok(_) => Ok(()),
            Err(e) if code(&e).is_some_and(|code| UNKNOWN.contains(&code)) => Ok(()),
            // It may have ended meanwhile.
            Err(e) => match self.execution_is_running(arn) {
                Ok(false) => Ok(()),
                _ => Err(failed(format!("cannot stop the execution {arn}"), e)),
            },
        }
    }

    /// Whether an execution is running; false for one that is unknown, and for what is no execution's ARN.
    ///
    /// # Errors
    /// `NotFound` when asking is not allowed.
    pub fn execution_is_running(&self, arn: &str) -> Result<bool> {
        if !arn.starts_with("arn:") || !arn.contains(":execution:") {
            return Ok(false);
        }
        match self.block_on(self.sfn().describe_execution().execution_arn(arn).send()) {
            Ok(execution) => Ok(matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)),
            Err(e) if code(&e).is_some_and(|code| UNKNOWN.contains(&code)) => Ok(false),
            Err(e) => Err(failed(format!("cannot ask about the execution {arn}"), e)),
        }
    }
}
