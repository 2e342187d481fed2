//! Arguments of `framefan models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub const EXAMPLES: &str = "Examples:
  framefan models list
  framefan models pull yolov8n-pose --accept-licence
  framefan models pull yolox-nano osnet-x0.25 --to models
  framefan models verify

Weights are kept in FRAMEFAN_MODELS_CACHE (else ~/.cache/framefan/models). docs/models.md says where they come from, how they
are checked, and how to do without the internet.";

#[derive(Args)]
pub struct Models {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// Show every model that is known, and where its weights are found
    List(List),
    /// Download the weights of models; run again to go on where a download ended
    Pull(Pull),
    /// Check weights that are here: their digests, and whether they are what their names say
    Verify(Verify),
}

#[derive(Args)]
pub struct List {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Pull {
    /// Names of models, as `framefan models list` shows them
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Folder to put them in, with a manifest of their digests; the cache if none is given
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Accept the licence of the weights without being asked
    #[arg(long)]
    pub accept_licence: bool,
    /// SHA-256 that the file must have; for one model
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
    /// Take another file than the one whose digest was pinned by an earlier download or is in the catalogue
    #[arg(long)]
    pub repin: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// Names of models; all that are here if none is given
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
