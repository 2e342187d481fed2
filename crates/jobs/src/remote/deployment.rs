//! Which deployment, and the names of its parts: from its CloudFormation stack, or from variables.

use std::collections::BTreeMap;

use framefan_contract::{Error, ErrorKind, Result};
use framefan_store::aws::{Aws, DynamoJobs, S3Store};

/// A part of a deployment that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Objects.
    Bucket,
    /// Jobs and chunks.
    Table,
    /// What runs jobs.
    StateMachine,
    /// Where Batch jobs log.
    JobLogGroup,
    /// Batch's queue of machines with a GPU; a deployment may have none.
    GpuQueue,
    /// Batch's queue of machines without; a deployment may have none.
    CpuQueue,
    /// Where the end of a job is announced; `default` where it is not said.
    EventBus,
}

impl Part {
    /// The variable that names the part.
    pub const fn variable(self) -> &'static str {
        match self {
            Part::Bucket => "FRAMEFAN_BUCKET",
            Part::Table => "FRAMEFAN_TABLE",
            Part::StateMachine => "FRAMEFAN_STATE_MACHINE",
            Part::JobLogGroup => "FRAMEFAN_JOB_LOG_GROUP",
            Part::GpuQueue => "FRAMEFAN_GPU_QUEUE",
            Part::CpuQueue => "FRAMEFAN_CPU_QUEUE",
            Part::EventBus => "FRAMEFAN_EVENT_BUS",
        }
    }

    /// The output of the stack that names the part.
    pub const fn output(self) -> &'static str {
        match self {
            Part::Bucket => "BucketName",
            Part::Table => "TableName",
            Part::StateMachine => "StateMachineArn",
            Part::JobLogGroup => "JobLogGroup",
            Part::GpuQueue => "GpuJobQueueArn",
            Part::CpuQueue => "CpuJobQueueArn",
            Part::EventBus => "EventBusName",
        }
    }

    const fn is_optional(self) -> bool {
        matches!(self, Part::GpuQueue | Part::CpuQueue | Part::EventBus)
    }
}

/// A deployment, with the parts that were asked for.
pub struct Deployment {
    /// Clients.
    pub aws: Aws,
    names: BTreeMap<Part, String>,
}

impl Deployment {
    /// Finds the parts in `needs`. CloudFormation is asked about `stack` only when the environment's variables do not name
    /// all of them.
    ///
    /// # Errors
    /// `NotFound` when there is no such stack or it lacks a part; `Usage` when no region is set.
    pub fn connect(stack: &str, needs: &[Part]) -> Result<Self> {
        let aws = Aws::connect()?;
        let variable = |name: &str| std::env::var(name).ok();
        let names = resolve(stack, needs, &variable, &|stack| aws.stack_outputs(stack))?;
        Ok(Deployment { aws, names })
    }

    /// The name or ARN of a part that was asked for.
    pub fn name(&self, part: Part) -> Result<&str> {
        let name = self.names.get(&part).map(String::as_str);
        name.ok_or_else(|| Error::defect(format!("the command did not ask for {}", part.output())))
    }

    /// The bucket's objects.
    pub fn objects(&self) -> Result<S3Store> {
        Ok(self.aws.objects(self.name(Part::Bucket)?))
    }

    /// The table's jobs.
    pub fn jobs(&self) -> Result<DynamoJobs> {
        Ok(self.aws.jobs(self.name(Part::Table)?))
    }

    /// Where the end of a job is announced.
    pub fn event_bus(&self) -> &str {
        self.names.get(&Part::EventBus).map_or("default", String::as_str)
    }

    /// The queues that the deployment has.
    pub fn queues(&self) -> Vec<&str> {
        let queues = [Part::GpuQueue, Part::CpuQueue];
        queues.iter().filter_map(|part| self.names.get(part)).map(String::as_str).collect()
    }
}

/// The names of the parts, by variables first and then by the stack's outputs.
fn resolve(
    stack: &str,
    needs: &[Part],
    variable: &dyn Fn(&str) -> Option<String>,
    outputs: &dyn Fn(&str) -> Result<BTreeMap<String, String>>,
) -> Result<BTreeMap<Part, String>> {
    let mut names = BTreeMap::new();
    for part in needs {
        // An empty variable counts as unset.
        if let Some(name) = variable(part.variable()).filter(|name| !name.is_empty()) {
            names.insert(*part, name);
        }
    }
    let missing: Vec<Part> = needs.iter().copied().filter(|part| !names.contains_key(part)).collect();
    if missing.is_empty() {
        return Ok(names);
    }
    let mut outputs = outputs(stack).map_err(|error| advise(error, stack, &missing))?;
    for part in missing {
        match outputs.remove(part.output()) {
            Some(name) => names.insert(part, name),
            None if part.is_optional() => continue,
            None => {
                return Err(Error::not_found(format!(
                    "the stack {stack} has no output {}: is it one of framefan's? (another one: --stack or FRAMEFAN_STACK; \
                     or set {})",
                    part.output(),
                    part.variable()
                )));
            }
        };
    }
    Ok(names)
}

/// Adds what to do when the stack cannot be read.
fn advise(error: Error, stack: &str, missing: &[Part]) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let variables: Vec<&str> = missing.iter().map(|part| part.variable()).collect();
    let message = format!(
        "{}\nthe deployment is looked for in the CloudFormation stack '{stack}'. Deploy it with CDK (infra/cdk), name another \
         stack with --stack or FRAMEFAN_STACK, check AWS_REGION and AWS_PROFILE, or set {}",
        error.message(),
        variables.join(", ")
    );
    Error::not_found(message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Part; 7] = [
        Part::Bucket,
        Part::Table,
        Part::StateMachine,
        Part::JobLogGroup,
        Part::GpuQueue,
        Part::CpuQueue,
        Part::EventBus,
    ];

    fn outputs(stack: &str) -> Result<BTreeMap<String, String>> {
        if stack != "framefan" {
            return Err(Error::not_found(format!("there is no stack {stack} in eu-west-1")));
        }
        Ok(ALL.iter().map(|part| (part.output().to_owned(), format!("stack's {part:?}"))).collect())
    }

    #[test]
    fn variables_go_before_the_stack() {
        let variable = |name: &str| match name {
            "FRAMEFAN_BUCKET" => Some("mine".to_owned()),
            "FRAMEFAN_TABLE" => Some(String::new()),
            _ => None,
        };
        let names = resolve("framefan", &[Part::Bucket, Part::Table], &variable, &outputs).unwrap();
        assert_eq!(names[&Part::Bucket], "mine");
        assert_eq!(names[&Part::Table], "stack's Table");
    }

    #[test]
    fn the_stack_is_not_asked_when_variables_say_all() {
        let variable = |name: &str| Some(format!("of {name}"));
        let never = |_: &str| -> Result<BTreeMap<String, String>> { panic!("CloudFormation was asked") };
        let names = resolve("framefan", &ALL, &variable, &never).unwrap();
        assert_eq!(names[&Part::StateMachine], "of FRAMEFAN_STATE_MACHINE");
    }

    #[test]
    fn a_missing_stack_says_what_to_do() {
        let error = resolve("other", &[Part::Bucket, Part::Table], &|_| None, &outputs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for says in ["no stack other", "--stack", "FRAMEFAN_STACK", "AWS_REGION", "FRAMEFAN_BUCKET, FRAMEFAN_TABLE"] {
            assert!(error.message().contains(says), "{error}");
        }
    }

    #[test]
    fn only_a_queue_or_the_bus_may_be_missing() {
        let without = |part: Part| {
            move |stack: &str| {
                let mut outputs = outputs(stack)?;
                outputs.remove(part.output());
                Ok(outputs)
            }
        };
        let names = resolve("framefan", &ALL, &|_| None, &without(Part::GpuQueue)).unwrap();
        assert!(!names.contains_key(&Part::GpuQueue) && names.contains_key(&Part::CpuQueue));
        // A deployment of an earlier version does not say its bus.
        let names = resolve("framefan", &ALL, &|_| None, &without(Part::EventBus)).unwrap();
        assert!(!names.contains_key(&Part::EventBus));
        let error = resolve("framefan", &ALL, &|_| None, &without(Part::Table)).unwrap_err();
        assert!(error.message().contains("TableName"), "{error}");
    }
}
