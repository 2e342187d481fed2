//! One file a command. Each turns arguments into a call and its answer into text or JSON.

mod ask;
mod plan;
mod probe;
mod run;

use framefan_contract::Result;

use crate::args::Command;

/// Runs the command.
pub fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Probe(args) => probe::probe(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Run(args) => run::run(&args),
    }
}
