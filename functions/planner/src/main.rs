//! The planner: an upload or a request becomes a job with a plan.

use std::process::ExitCode;

use framefan_jobs::cloud::settings::Defaults;
use framefan_jobs::cloud::{Cloud, PlanInput, plan_video};

fn main() -> ExitCode {
    framefan_functions::serve(
        || Ok((Cloud::from_env()?, Defaults::from_env()?)),
        |(cloud, defaults), input: PlanInput| plan_video(cloud, defaults, &input),
    )
}
