//! What a CloudFormation stack says about itself.

use std::collections::BTreeMap;

use framefan_contract::{Error, Result};

use super::Aws;
use super::errors::failed;

impl Aws {
    /// The outputs of a stack, by name.
    ///
    /// # Errors
    /// `NotFound` when there is no such stack in this account and region, or asking is not allowed.
    pub fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>> {
        let answer = self
            .block_on(self.cloudformation().describe_stacks().stack_name(stack).send())
            .map_err(|e| failed(format!("cannot ask about the stack {stack}{}", self.region_note()), e))?;
        let Some(found) = answer.stacks.unwrap_or_default().into_iter().next() else {
            return Err(Error::not_found(format!("there is no stack {stack}{}", self.region_note())));
        };
        let outputs = found.outputs.unwrap_or_default().into_iter();
        Ok(outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect())
    }

    fn region_note(&self) -> String {
        self.0.config.region().map(|region| format!(" in {region}")).unwrap_or_default()
    }
}
