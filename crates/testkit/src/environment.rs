//! Where the workspace, its build folder, the optional test data and the optional Python are; and the record of skips.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root folder.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the crate lies two folders below the workspace root").to_path_buf()
}

/// Cargo's build folder: `CARGO_TARGET_DIR` (relative to the workspace root), else `target`.
pub fn target_dir() -> PathBuf {
    workspace_root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The folder of test data (real videos, weights, labels), when `FRAMEFAN_TEST_DATA` names one.
pub fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("FRAMEFAN_TEST_DATA")?);
    folder.is_dir().then_some(folder)
}

/// Like [`data`], recording a skip of `test` when there is none:
/// `let Some(data) = data_or_skip("pose agrees with the reference") else { return };`
pub fn data_or_skip(test: &str) -> Option<PathBuf> {
    let folder = data();
    if folder.is_none() {
        skip(test, "FRAMEFAN_TEST_DATA");
    }
    folder
}

/// A command that runs a Python with the packages of `tests/requirements.txt`: `FRAMEFAN_PYTHON`, else the workspace's
/// `.venv`. A relative `FRAMEFAN_PYTHON` counts from the workspace root, because tests run in their crate's folder.
pub fn python() -> Option<Command> {
    let program = match env::var_os("FRAMEFAN_PYTHON") {
        // A bare name is looked up on PATH; joining it to the root would hide it from that look-up.
        Some(name) if Path::new(&name).components().count() == 1 => PathBuf::from(name),
        Some(path) => workspace_root().join(path),
        None => Some(workspace_root().join(".venv/bin/python")).filter(|path| path.exists())?,
    };
    let mut command = Command::new(program);
    // Scripts are run from the checkout, which must not gather byte code.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// Like [`python`], recording a skip of `test` when there is none.
pub fn python_or_skip(test: &str) -> Option<Command> {
    let command = python();
    if command.is_none() {
        skip(test, "FRAMEFAN_PYTHON or .venv (make setup)");
    }
    command
}

/// Whether this processor computes in bf16 on tiles (AMX), recording a skip of `test` when it does not.
pub fn amx_or_skip(test: &str) -> bool {
    let there = fs::read_to_string("/proc/cpuinfo").is_ok_and(|info| info.contains("amx_bf16"));
    if !there {
        skip(test, "a processor with AMX");
    }
    there
}

/// Records that `test` did not run, and what it needs, in `FRAMEFAN_SKIP_LOG` (else `framefan-skipped.txt` in the build folder).
pub fn skip(test: &str, needs: &str) {
    println!("skipped: {test}: needs {needs}");
    let log = match env::var_os("FRAMEFAN_SKIP_LOG") {
        Some(path) => workspace_root().join(path),
        None => target_dir().join("framefan-skipped.txt"),
    };
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .unwrap_or_else(|e| panic!("cannot open {}: {e}", log.display()));
    // One write call, so that lines of tests that run at the same time do not mix.
    file.write_all(format!("{test}: needs {needs}\n").as_bytes())
        .unwrap_or_else(|e| panic!("cannot write {}: {e}", log.display()));
}
