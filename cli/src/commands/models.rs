//! `framefan models`.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use framefan_contract::{Error, Result};
use framefan_models::catalogue::{self, KnownModel};
use framefan_models::{Lookup, lookup};
use framefan_registry::{Checked, Listed, Places, Pulled, Step};
use serde_json::json;

use crate::args::{List, Models, ModelsCommand, Pull, Verify};
use crate::meter::Meter;
use crate::output;

pub fn models(args: &Models) -> Result<()> {
    match &args.command {
        ModelsCommand::List(args) => list(args),
        ModelsCommand::Pull(args) => pull(args),
        ModelsCommand::Verify(args) => verify(args),
    }
}

fn list(args: &List) -> Result<()> {
    let lookup = Lookup::on_this_machine(BTreeMap::new())?;
    let listed = framefan_registry::list(&lookup);
    let cache = lookup.cache().map(|folder| folder.path().display().to_string());
    let baked = lookup.baked().map(|folder| folder.path().display().to_string());
    if args.json {
        return output::json(&json!({"models": listed, "cache": cache, "baked": baked}));
    }
    let mut text = format!(
        "{:<22}{:<17}{:<9}{:<19}{:<7}{:<42}{}\n",
        "NAME", "NETWORK", "INPUT", "LICENCE", "TRIED", "FOR", "FOUND"
    );
    for model in &listed {
        text.push_str(&row(model));
    }
    text.push_str(&format!("\ncache: {}\n", cache.as_deref().unwrap_or("none")));
    if let Some(baked) = baked {
        text.push_str(&format!("baked: {baked}\n"));
    }
    text.push_str("framefan models pull NAME downloads weights\n");
    output::text(&text)
}

fn row(model: &Listed) -> String {
    let [network, input, licence, tried, purpose] = match model.known {
        Some(known) => [known.architecture.name(), known.input, known.licence, known.tried.as_str(), known.purpose],
        None => ["?", "?", "?", "-", "not in the catalogue"],
    };
    let found = model.found.as_ref().map_or("-".to_owned(), |found| {
        let size = model.bytes().map_or("file is missing".to_owned(), output::bytes);
        format!("{}, {size}", found.place.as_str())
    });
    let name = output::printable(&model.name);
    format!("{name:<22}{network:<17}{input:<9}{licence:<19}{tried:<7}{purpose:<42}{found}\n")
}

fn pull(args: &Pull) -> Result<()> {
    if args.sha256.is_some() && args.names.len() > 1 {
        return Err(Error::usage("--sha256 is the digest of one file: name one model"));
    }
    let models = args.names.iter().map(|name| known(name)).collect::<Result<Vec<_>>>()?;
    let folder = args.to.clone().map_or_else(lookup::cache_folder, Ok)?;
    let places = Places::from_env();
    // Every question is asked before anything is downloaded.
    let mut missing = Vec::new();
    for model in &models {
        if args.repin || !framefan_registry::has(&folder, model)? {
            missing.push(*model);
        }
    }
    accept(&missing, args.accept_licence)?;
    let mut pulled = Vec::new();
    for model in models {
        let one = pull_one(args, model, folder.clone(), &places)?;
        if !args.json {
            output::line(&format!(
                "{}  {}  {}  {}\n  {}  SHA-256 {}",
                one.name,
                if one.downloaded { "downloaded" } else { "is there" },
                one.network,
                output::bytes(one.bytes),
                one.path.display(),
                one.sha256,
            ))?;
        }
        pulled.push(one);
    }
    if args.json { output::json(&json!({"pulled": pulled, "folder": folder.display().to_string()})) } else { Ok(()) }
}

/// The model of this name, if there is anything to download.
fn known(name: &str) -> Result<&'static KnownModel> {
    let model = catalogue::find(name).ok_or_else(|| {
        Error::usage(format!("there is no model '{name}' in the catalogue: `framefan models list` shows its names"))
    })?;
    match model.url() {
        Some(_) => Ok(model),
        None => Err(Error::usage(format!("{name} is part of the program: there is nothing to download"))),
    }
}

fn pull_one(args: &Pull, model: &'static KnownModel, folder: PathBuf, places: &Places) -> Result<Pulled> {
    let meter = Meter::new();
    let step = |step: Step| match step {
        Step::Waiting => meter.set(0, 0, &format!("{}: waiting for another process that downloads it", model.name)),
        Step::Bytes { done, all } => meter.set(done, all.unwrap_or(0), &format!("downloading {}", model.name)),
        Step::Again { why, after } => {
            let after = output::duration(after.as_secs_f64());
            meter.say(&format!("{}: {why}; again in {after}", model.name));
        }
    };
    framefan_registry::pull(&framefan_registry::Pull {
        model,
        folder: &folder,
        sha256: args.sha256.as_deref(),
        repin: args.repin,
        places,
        step: &step,
    })
}

/// Shows the licences of what will be downloaded. Copyleft ones want a yes.
fn accept(models: &[&KnownModel], accepted: bool) -> Result<()> {
    for model in models {
        output::note(&format!("{}: licence {}, from {}", model.name, model.licence, model.url().unwrap_or_default()));
    }
    let Some(copyleft) = models.iter().find_map(|model| model.copyleft()) else { return Ok(()) };
    output::note(&format!("{copyleft}."));
    if accepted {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::usage("nobody can be asked here: give --accept-licence if you accept the licence"));
    }
    eprint!("Do you accept it? [y/N] ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|e| Error::io("standard input", e))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Error::cancelled("nothing was downloaded"))
}

fn verify(args: &Verify) -> Result<()> {
    let lookup = Lookup::on_this_machine(BTreeMap::new())?;
    let checked = framefan_registry::verify(&lookup, &args.names)?;
    if args.json {
        output::json(&json!({"checked": checked}))?;
    } else {
        checked.iter().try_for_each(|one| output::text(&describe(one)))?;
    }
    let wrong = checked.iter().filter(|one| one.error.is_some()).count();
    if wrong == 0 {
        return Ok(());
    }
    Err(Error::bad_input(format!("{wrong} of {} are wrong", output::plural(checked.len(), "weights file"))))
}

fn describe(one: &Checked) -> String {
    let (mark, what) = match (&one.network, &one.error) {
        (Some(network), _) => ("right", network.as_str()),
        (None, error) => ("WRONG", error.as_deref().unwrap_or_default()),
    };
    format!(
        "{mark}  {:<22}{:<10}{}  {}\n",
        output::printable(&one.name),
        one.place,
        output::printable(&one.path),
        output::printable(what)
    )
}
