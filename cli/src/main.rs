//! The command `framefan`.

mod args;
mod commands;
mod meter;
mod output;
mod progress;
mod show;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = match args::Cli::try_parse() {
        Ok(args) => args,
        // Help and version are answers, not errors; everything else is wrong usage: exit code 2.
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match commands::dispatch(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("framefan: {error}"));
            ExitCode::from(error.kind().exit_code())
        }
    }
}
