//! Draws a scene: `cargo run -p framefan-scene --example render -- SCENE OUT.mp4 [SEED]`.
//!
//! SCENE is sample, crossings, returns, cricket, free, ladder or still. Beside the video, OUT.json says what is true of each frame.
//! Crossings and returns take the number of people and the seconds too: `-- crossings OUT.mp4 SEED 4 20`. A still goes to OUT.png; `stills` draws COUNT of them into a folder: `-- stills FOLDER SEED COUNT [SIZE]`; `bench` measures
//! how long a still takes: `-- bench COUNT SIZE`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use framefan_scene::{
    LadderSettings, Scene, SceneSettings, VideoOptions, cricket, crossings, returns, sample, sharpness_ladder, still,
    write_video,
};
use rayon::prelude::*;

const USAGE: &str = "usage: render SCENE OUT.mp4 [SEED], or: render crossings|returns OUT.mp4 SEED PEOPLE SECONDS, \
                     or: render stills FOLDER SEED COUNT [SIZE], or: render bench COUNT SIZE; \
                     SCENE is sample, crossings, returns, cricket, free, ladder or still";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["stills", folder, seed, count] => stills(Path::new(folder), seed.parse()?, count.parse()?, 256),
        ["stills", folder, seed, count, size] => {
            stills(Path::new(folder), seed.parse()?, count.parse()?, size.parse()?)
        }
        ["crossings", out, seed, people, seconds] => {
            video(&crossings(seed.parse()?, people.parse()?, seconds.parse()?)?, Path::new(out))
        }
        ["returns", out, seed, people, seconds] => {
            video(&returns(seed.parse()?, people.parse()?, seconds.parse()?)?, Path::new(out))
        }
        ["bench", count, size] => bench(count.parse()?, size.parse()?),
        [scene, out] => one(scene, Path::new(out), 1),
        [scene, out, seed] => one(scene, Path::new(out), seed.parse()?),
        _ => Err(USAGE.into()),
    }
}

fn one(name: &str, out: &Path, seed: u64) -> Result<(), Box<dyn Error>> {
    let scene = match name {
        "sample" => sample()?,
        "crossings" => crossings(seed, 6, 10.0)?,
        "returns" => returns(seed, 3, 30.0)?,
        "cricket" => cricket(seed)?,
        "free" => Scene::new(seed, SceneSettings::default())?,
        "ladder" => sharpness_ladder(seed, LadderSettings::default())?,
        "still" => return write(&still(seed, 512)?, out, VideoOptions::of("-c:v png -pix_fmt rgb24")),
        _ => return Err(USAGE.into()),
    };
    video(&scene, out)
}

fn video(scene: &Scene, out: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    write(scene, out, VideoOptions::h264())?;
    eprintln!("{} frames in {:.2} s", scene.frames(), start.elapsed().as_secs_f64());
    Ok(())
}

fn stills(folder: &Path, seed: u64, count: u64, size: usize) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for seed in seed..seed + count {
        let scene = still(seed, size)?;
        write(&scene, &folder.join(format!("{seed:06}.png")), VideoOptions::of("-c:v png -pix_fmt rgb24"))?;
    }
    Ok(())
}

/// Prints the time of stills of that size: one after the other on one thread, and side by side on all.
fn bench(count: u64, size: usize) -> Result<(), Box<dyn Error>> {
    let draw = |seed: u64| still(seed, size).map(|scene| scene.frame(0).0.data.len());
    draw(0)?;
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let start = Instant::now();
    one.install(|| (0..count).try_for_each(|seed| draw(seed).map(drop)))?;
    let alone = start.elapsed().as_secs_f64() * 1e3 / count as f64;
    let start = Instant::now();
    (0..count).into_par_iter().try_for_each(|seed| draw(seed).map(drop))?;
    let together = start.elapsed().as_secs_f64() * 1e3 / count as f64;
    println!(
        "stills of {size}x{size}: {alone:.2} ms each on one thread, {together:.2} ms on {}",
        rayon::current_num_threads()
    );
    Ok(())
}

fn write(scene: &Scene, out: &Path, options: VideoOptions) -> Result<(), Box<dyn Error>> {
    let truth = write_video(scene, out, &options)?;
    serde_json::to_writer(BufWriter::new(File::create(out.with_extension("json"))?), &truth)?;
    Ok(())
}
