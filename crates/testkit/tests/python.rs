//! Runs the tests of the Python tools that the end-to-end tests and `make check` rely on.

use framefan_testkit::{python_or_skip, run, workspace_root};

#[test]
fn python_tools_pass_their_tests() {
    let Some(mut python) = python_or_skip("python_tools_pass_their_tests") else { return };
    python
        .args(["-B", "-m", "unittest", "discover", "--start-directory", "tests/python"])
        .current_dir(workspace_root());
    let output = run(&mut python);
    // unittest reports on standard error; discovering nothing must not pass.
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(report.contains("\nRan ") && !report.contains("Ran 0 tests"), "{report}");
}
