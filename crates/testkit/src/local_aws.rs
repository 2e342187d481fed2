//! A local server that speaks AWS's APIs (`tests/local-aws`), for tests of what talks to AWS.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::environment::{python_or_skip, skip, workspace_root};

/// A running server. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct LocalAws {
    server: Child,
    // The server ends when this closes, which it does however this process ends.
    input: Option<ChildStdin>,
    ready: Value,
}

impl LocalAws {
    /// Starts a server with nothing deployed, which takes about two seconds. `None` records a skip of `test`: there is
    /// no Python, or it lacks moto. Panics when the server does not start although it could.
    pub fn start(test: &str) -> Option<Self> {
        let mut probe = python_or_skip(test)?;
        let has_moto = probe.args(["-c", "import boto3, jsonata, moto.server"]).stderr(Stdio::null()).status();
        if !has_moto.is_ok_and(|status| status.success()) {
            skip(test, "moto in FRAMEFAN_PYTHON or .venv (make setup)");
            return None;
        }
        let mut command = python_or_skip(test)?;
        command.arg(workspace_root().join("tests/local-aws/server.py")).arg("--until-eof");
        Some(Self::spawn(command))
    }

    fn spawn(mut command: Command) -> Self {
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        let input = server.stdin.take();
        let output = server.stdout.take().expect("the output is piped");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let ready = read.ok().and_then(|_| serde_json::from_str(&line).ok());
        let ready = ready.unwrap_or_else(|| panic!("{command:?} did not get ready, its standard error says why"));
        LocalAws { server, input, ready }
    }

    /// Address of the endpoint, e.g. `http://127.0.0.1:36037`.
    pub fn endpoint(&self) -> &str {
        self.text("endpoint")
    }

    /// An endpoint of the same server where calls may be made to fail: see `POST /faults` of the control API.
    pub fn faulty_endpoint(&self) -> &str {
        self.text("faulty_endpoint")
    }

    /// Address of the control API; `tests/local-aws/README.md` lists its paths.
    pub fn control(&self) -> &str {
        self.text("control")
    }

    /// The region of the server's resources.
    pub fn region(&self) -> &str {
        self.text("region")
    }

    /// The environment variables that make an AWS SDK use the server.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint().to_owned()),
            ("AWS_REGION", self.region().to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ]
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().expect("the server says so when it is ready")
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends in a moment by itself; if not, it must not outlive the test.
        for _ in 0..50 {
            match self.server.try_wait() {
                Ok(Some(_)) => return,
                _ => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
