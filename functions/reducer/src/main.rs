//! The reducer: the chunks' records become the result.

use std::process::ExitCode;

use framefan_jobs::cloud::{Cloud, ReduceInput, merge_results};

fn main() -> ExitCode {
    framefan_functions::serve(Cloud::from_env, |cloud, input: ReduceInput| merge_results(cloud, &input))
}
