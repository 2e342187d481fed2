//! `framefan-train pose` trains a pose network on drawn scenes, `framefan-train evaluate` scores one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use framefan_contract::{Error, Result};
use framefan_models::{ComputeDevice, Weights};
use framefan_train::evaluate;
use framefan_train::recipe::Recipe;
use framefan_train::train::Training;

/// A step allocates and frees the same large blocks over and over: the system's allocator would give them back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains the networks that framefan ships.
#[derive(Parser)]
#[command(name = "framefan-train", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a pose network; goes on where a training in the same folder was cut.
    Pose {
        /// Folder of the checkpoint and the weights.
        #[arg(long)]
        out: PathBuf,
        /// small (two CPU cores), fine and finer (the same, --from what came of the one before), large (a GPU), or a JSON file with all fields of a recipe.
        #[arg(long, default_value = "small")]
        recipe: String,
        /// A weights file of the recipe's network to begin with, in place of random weights.
        #[arg(long)]
        from: Option<PathBuf>,
        /// Of first weights, pictures and their variation.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// cpu, cuda or cuda:N.
        #[arg(long, default_value = "cpu")]
        device: ComputeDevice,
        /// Steps between checkpoints.
        #[arg(long, default_value_t = 200)]
        checkpoint_every: usize,
        /// Stop after this step.
        #[arg(long)]
        stop_after: Option<usize>,
    },
    /// Score a weights file on drawn pictures that no training with this seed saw; one line of JSON.
    Evaluate {
        /// The weights file.
        weights: PathBuf,
        /// The seed of the training.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many pictures.
        #[arg(long, default_value_t = 1000)]
        pictures: usize,
        /// Side of the stills in pixels; moments of videos are twice as wide, 16:9.
        #[arg(long, default_value_t = 256)]
        size: usize,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framefan-train: {error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Pose { out, recipe, from, seed, device, checkpoint_every, stop_after } => {
            let recipe = match Recipe::named(&recipe, seed) {
                Some(recipe) => recipe,
                None => Recipe::read(Path::new(&recipe))?,
            };
            let device = device.candle()?;
            let training =
                Training { recipe, from: from.as_deref(), folder: &out, device, checkpoint_every, stop_after };
            println!("{}", training.run()?.display());
        }
        Command::Evaluate { weights, seed, pictures, size } => {
            let device = ComputeDevice::Cpu.candle()?;
            let weights = Weights::load(&weights, &device)?;
            let figures = evaluate::figures(&evaluate::judge(&weights, seed, pictures, size, &device)?);
            let line =
                serde_json::to_string(&figures).map_err(|e| Error::defect(format!("writing the figures: {e}")))?;
            println!("{line}");
        }
    }
    Ok(())
}
