//! The closer: a job whose execution failed or was stopped ends too.

use std::process::ExitCode;

use framefan_jobs::cloud::{CloseInput, Cloud, close};

fn main() -> ExitCode {
    framefan_functions::serve(Cloud::from_env, |cloud, input: CloseInput| close(cloud, &input))
}
