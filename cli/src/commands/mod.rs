//! One file a command. Each turns arguments into a call and its answer into text or JSON.

mod ask;
mod cancel;
mod import;
mod logs;
mod models;
mod plan;
mod probe;
mod report;
mod rm;
mod run;
mod status;
mod submit;
mod wait;

use framefan_contract::Result;

use crate::args::Command;

/// Runs the command.
pub fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Probe(args) => probe::probe(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Run(args) => run::run(&args),
        Command::Submit(args) => submit::submit(&args),
        Command::Status(args) => status::status(&args),
        Command::Cancel(args) => cancel::cancel(&args),
        Command::Logs(args) => logs::logs(&args),
        Command::Rm(args) => rm::rm(&args),
        Command::Report(args) => report::report(&args),
        Command::Import(args) => import::import(&args),
        Command::Models(args) => models::models(&args),
    }
}
