//! Where the weights of a model are found: the file that the user named, the folder that was baked into the image, the
//! program itself, the user's cache; the first that has them. Nothing is downloaded here.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result};

use crate::catalogue::{self, Origin};
use crate::folder::{MANIFEST, ModelsFolder};
use crate::weights::WeightsSource;

/// The folder of models in framefan's images.
pub const BAKED: &str = "/opt/framefan/models";

/// The variable that names another baked folder.
const BAKED_VARIABLE: &str = "FRAMEFAN_MODELS";

/// The variable that names the cache.
const CACHE_VARIABLE: &str = "FRAMEFAN_MODELS_CACHE";

/// A kind of place where weights are found, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file that the user named.
    Named,
    /// The folder of the image.
    Baked,
    /// The program.
    BuiltIn,
    /// The user's cache.
    Cache,
}

impl Place {
    /// Its name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Place::Named => "named",
            Place::Baked => "baked",
            Place::BuiltIn => "built-in",
            Place::Cache => "cache",
        }
    }
}

/// Weights that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which kind of place.
    pub place: Place,
    /// Where.
    pub source: WeightsSource,
    /// The SHA-256 that the weights should have, where something says so.
    pub sha256: Option<String>,
}

/// The places to look in; the default has only what is part of the program.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    named: BTreeMap<String, PathBuf>,
    baked: Option<ModelsFolder>,
    cache: Option<ModelsFolder>,
}

impl Lookup {
    /// All places of this machine: the files named by the user, the baked folder if there is one, what is part of the
    /// program, and the user's cache.
    ///
    /// # Errors
    /// `Usage` when `FRAMEFAN_MODELS` names a folder without a manifest; those of [`ModelsFolder::open`].
    pub fn on_this_machine(named: BTreeMap<String, PathBuf>) -> Result<Lookup> {
        let variable = |name: &str| std::env::var_os(name);
        let cache = cache_folder_of(&variable).map(|path| ModelsFolder::open(&path)).transpose()?;
        Ok(Lookup { named, baked: baked_of(&variable)?, cache })
    }

    /// The same with files that the user named, by model.
    pub fn with_named(self, named: BTreeMap<String, PathBuf>) -> Lookup {
        Lookup { named, ..self }
    }

    /// The same with this folder as the baked one.
    pub fn with_baked(self, folder: ModelsFolder) -> Lookup {
        Lookup { baked: Some(folder), ..self }
    }

    /// The same with this folder as the cache.
    pub fn with_cache(self, folder: ModelsFolder) -> Lookup {
        Lookup { cache: Some(folder), ..self }
    }

    /// The baked folder, if there is one.
    pub fn baked(&self) -> Option<&ModelsFolder> {
        self.baked.as_ref()
    }

    /// The cache, if there is a place for one.
    pub fn cache(&self) -> Option<&ModelsFolder> {
        self.cache.as_ref()
    }

    /// The weights of a model, from the first place that has them. Files that the user named and those of the baked folder
    /// are not looked at: the folder's manifest is believed, because a planner has nothing but that.
    pub fn find(&self, name: &str) -> Option<Found> {
        self.all(name).into_iter().find(|found| match (&found.place, &found.source) {
            (Place::Cache, WeightsSource::File(path)) => path.is_file(),
            _ => true,
        })
    }

    /// The weights of a model in every place that has or should have them, in the order of looking.
    pub fn all(&self, name: &str) -> Vec<Found> {
        let of_folder = |place: Place, folder: &Option<ModelsFolder>| {
            let folder = folder.as_ref()?;
            Some(Found {
                place,
                source: WeightsSource::File(folder.file(name)?),
                sha256: folder.entry(name).map(|entry| entry.sha256.clone()),
            })
        };
        let named = self.named.get(name).map(|path| Found { place: Place::Named, source: path.into(), sha256: None });
        let built_in = catalogue::find(name).and_then(|model| match model.origin {
            Origin::BuiltIn { bytes } => Some(Found {
                place: Place::BuiltIn,
                source: WeightsSource::BuiltIn { name: name.to_owned(), bytes },
                sha256: model.sha256.map(str::to_owned),
            }),
            _ => None,
        });
        let places = [named, of_folder(Place::Baked, &self.baked), built_in, of_folder(Place::Cache, &self.cache)];
        places.into_iter().flatten().collect()
    }

    /// Every name of the catalogue, of the folders and of the user, sorted.
    pub fn names(&self) -> BTreeSet<&str> {
        let folders = self.baked.iter().chain(&self.cache).flat_map(ModelsFolder::names);
        let known = catalogue::KNOWN_MODELS.iter().map(|model| model.name);
        known.chain(folders).chain(self.named.keys().map(String::as_str)).collect()
    }
}

/// The user's cache: `FRAMEFAN_MODELS_CACHE`, else `framefan/models` in `XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
/// `Usage` when there is no home folder either.
pub fn cache_folder() -> Result<PathBuf> {
    cache_folder_of(&|name| std::env::var_os(name))
        .ok_or_else(|| Error::usage(format!("there is no place for a cache: set {CACHE_VARIABLE} to a folder")))
}

fn cache_folder_of(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(CACHE_VARIABLE) {
        return Some(folder);
    }
    // The XDG base directory specification: a relative path is to be ignored.
    let caches = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    Some(caches.or_else(|| Some(set("HOME")?.join(".cache")))?.join("framefan").join("models"))
}

fn baked_of(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<ModelsFolder>> {
    let named = variable(BAKED_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| PathBuf::from(BAKED));
    if path.join(MANIFEST).exists() {
        return ModelsFolder::open(&path).map(Some);
    }
    match named {
        Some(path) => Err(no_manifest(&path)),
        None => Ok(None),
    }
}

fn no_manifest(path: &Path) -> Error {
    Error::usage(format!("{BAKED_VARIABLE} names {}, which has no {MANIFEST}", path.display()))
}

#[cfg(test)]
mod tests {
    use framefan_contract::{ErrorKind, digest};

    use super::*;
    use crate::folder::FolderEntry;

    fn folder(models: &[(&str, bool)]) -> (tempfile::TempDir, ModelsFolder) {
        let folder = tempfile::tempdir().unwrap();
        for (name, has_file) in models {
            let file = format!("{name}.safetensors");
            if *has_file {
                std::fs::write(folder.path().join(&file), name).unwrap();
            }
            let entry = FolderEntry { file, sha256: digest::of_bytes(name.as_bytes()), url: None, licence: None };
            ModelsFolder::set(folder.path(), name, entry).unwrap();
        }
        let opened = ModelsFolder::open(folder.path()).unwrap();
        (folder, opened)
    }

    #[test]
    fn the_first_place_that_has_weights_gives_them() {
        let (_baked, baked) = folder(&[("everywhere", true), ("pose-synth", true), ("planned", false)]);
        let (_cache, cache) = folder(&[("everywhere", true), ("pose-synth", true), ("pulled", true), ("lost", false)]);
        let named = BTreeMap::from([("everywhere".to_owned(), PathBuf::from("mine"))]);
        let bare = Lookup::default();
        let place = |lookup: &Lookup, name: &str| lookup.find(name).map(|found| found.place);

        let all = bare.clone().with_named(named).with_baked(baked.clone()).with_cache(cache.clone());
        assert_eq!(place(&all, "everywhere"), Some(Place::Named));
        assert_eq!(all.find("everywhere").unwrap().source, WeightsSource::File("mine".into()));
        assert_eq!(
            all.all("everywhere").iter().map(|f| f.place).collect::<Vec<_>>(),
            [Place::Named, Place::Baked, Place::Cache]
        );
        let without_named = bare.clone().with_baked(baked).with_cache(cache.clone());
        assert_eq!(place(&without_named, "everywhere"), Some(Place::Baked));
        assert_eq!(place(&without_named, "pose-synth"), Some(Place::Baked));
        // A planner has the manifest only; a cache whose file is gone has nothing to give.
        assert_eq!(place(&without_named, "planned"), Some(Place::Baked));
        assert_eq!(place(&without_named, "lost"), None);
        let with_cache = bare.clone().with_cache(cache);
        assert_eq!(place(&with_cache, "pose-synth"), Some(Place::BuiltIn));
        assert_eq!(place(&with_cache, "pulled"), Some(Place::Cache));
        assert_eq!(place(&bare, "pulled"), None);
        let names = with_cache.names();
        assert!(["everywhere", "lost", "pose-synth", "pulled", "yolov8n"].iter().all(|name| names.contains(*name)));
    }

    #[test]
    fn built_in_weights_are_read_without_a_file() {
        let found = Lookup::default().find("pose-synth").unwrap();
        let bytes = found.source.read().unwrap();
        assert_eq!(found.source.digest().unwrap(), digest::of_bytes(&bytes));
        let weights = crate::Weights::from_bytes(&found.source, &bytes, &candle_core::Device::Cpu).unwrap();
        let network = catalogue::find("pose-synth").unwrap().architecture.check(&weights).unwrap();
        assert_eq!(network, "YOLOv8 pose, 17 landmarks");
        assert_eq!(found.source.display().to_string(), "built-in pose-synth");
    }

    #[test]
    fn the_environment_says_where_the_folders_are() {
        let with = |set: &[(&str, &str)]| {
            cache_folder_of(&|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value)))
        };
        let home = ("HOME", "/a/house");
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[home]), Some("/a/house/.cache/framefan/models".into()));
        for ignored in ["", "relative"] {
            assert_eq!(with(&[home, ("XDG_CACHE_HOME", ignored)]), with(&[home]));
        }
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "/a/disk")]), Some("/a/disk/framefan/models".into()));
        assert_eq!(with(&[home, ("FRAMEFAN_MODELS_CACHE", "here")]), Some("here".into()));

        let (baked, opened) = folder(&[("m", true)]);
        let path = baked.path().as_os_str().to_owned();
        assert_eq!(baked_of(&|name| (name == "FRAMEFAN_MODELS").then(|| path.clone())).unwrap(), Some(opened));
        let error = baked_of(&|name| (name == "FRAMEFAN_MODELS").then(|| "/not/there".into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
