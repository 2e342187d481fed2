//! `framefan models`, against servers on this machine that do what servers do: cut, redirect, change and lie.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "support/http.rs"]
mod http;
mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use framefan_testkit::videos;
use http::{Reply, Request, Server};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{framefan, random_osnet, random_weights};

/// A model of the hub whose digest is not in the catalogue. Its network is read off the weights, so small ones will do.
const MODEL: &str = "yolov8s-pose";
const FILE: &str = "yolov8s-pose.safetensors";

/// Weights that a network can be made of.
fn weights() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| std::fs::read(random_weights()).unwrap())
}

/// Other weights of the same network: one value differs.
fn other_weights() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut bytes = weights().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A user's machine: a cache, and nothing of the environment of whoever runs the tests.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        Home { folder: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = framefan();
        for variable in ["HF_TOKEN", "HF_ENDPOINT", "FRAMEFAN_MODELS_URL"] {
            command.env_remove(variable);
        }
        command.env("FRAMEFAN_MODELS_CACHE", self.cache()).args(args).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(args).output().unwrap())
    }

    /// `framefan models pull --accept-licence` from a hub.
    fn pull(&self, hub: &Server, args: &[&str]) -> Ended {
        Ended::of(&self.pulling(hub, args).output().unwrap())
    }

    fn pulling(&self, hub: &Server, args: &[&str]) -> Command {
        let mut command = self.command(&["models", "pull", "--accept-licence"]);
        command.env("HF_ENDPOINT", hub.url()).args(args);
        command
    }

    fn file(&self) -> PathBuf {
        self.cache().join(FILE)
    }

    /// Files of the cache that are no locks.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.cache()) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort();
        names
    }

    fn pinned(&self) -> Option<String> {
        let manifest = std::fs::read(self.cache().join("manifest.json")).ok()?;
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        Some(manifest["models"][MODEL]["sha256"].as_str()?.to_owned())
    }
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: &Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn with(self, code: i32, says: &[&str]) -> Ended {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in says {
            assert!(self.err.contains(part), "{part}: {self:?}");
        }
        self
    }

    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }
}

/// A hub that sends the file itself, and states its digest.
fn hub(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        assert!(request.path.starts_with("/lmz/candle-yolo-v8/resolve/"), "{request:?}");
        assert!(request.path.ends_with(FILE), "{request:?}");
        answer(request)
    })
}

fn stated(reply: Reply, bytes: &[u8]) -> Reply {
    reply.with("X-Linked-ETag", format!("\"{}\"", sha256(bytes)))
}

type Answer = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// Does something else at each request; the last goes on.
fn in_turn(steps: Vec<Answer>) -> impl Fn(&Request) -> Reply + Send + Sync {
    let turn = AtomicUsize::new(0);
    move |request| {
        let step = turn.fetch_add(1, Ordering::SeqCst).min(steps.len() - 1);
        steps[step](request)
    }
}

#[test]
fn a_model_is_pulled_once_pinned_found_and_used() {
    let home = Home::new();
    let caches = Server::start(|request| Reply::file(request, weights(), "v1"));
    let to = format!("{}/blob?signature=secret", caches.url());
    // As the hub does it: the digest, and a redirect to another host.
    let hub = hub(move |_| stated(Reply::redirect(&to), weights()));
    let output = home.pulling(&hub, &[MODEL, "--json"]).env("HF_TOKEN", "hf_private").output().unwrap();
    let pulled = Ended::of(&output).with(0, &["AGPL-3.0-only", "copyleft"]).json();
    let pulled = &pulled["pulled"][0];
    assert_eq!(pulled["sha256"], sha256(weights()));
    assert_eq!(pulled["path"], home.file().to_str().unwrap());
    assert_eq!(pulled["network"], "YOLOv8 pose, 17 landmarks");
    assert_eq!(pulled["downloaded"], true);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    assert_eq!(home.pinned(), Some(sha256(weights())));
    assert_eq!(home.files(), ["manifest.json", FILE]);
    // The token is the hub's business and nobody else's.
    assert_eq!(hub.requests()[0].header("authorization"), Some("Bearer hf_private"));
    assert_eq!(caches.requests()[0].header("authorization"), None);

    let again = home.pull(&hub, &[MODEL, "--json"]).json();
    assert_eq!(again["pulled"][0]["downloaded"], false);
    assert_eq!((hub.requests().len(), caches.requests().len()), (1, 1));

    let listed = home.run(&["models", "list", "--json"]).json();
    let models = listed["models"].as_array().unwrap();
    let of = |name: &str| models.iter().find(|model| model["name"] == name).unwrap();
    assert_eq!(of(MODEL)["found"]["place"], "cache");
    assert_eq!(of(MODEL)["licence"], "AGPL-3.0-only");
    assert_eq!(of("yolox-nano")["found"], Value::Null);
    let table = home.run(&["models", "list"]).with(0, &[]);
    assert!(table.out.lines().any(|line| line.starts_with(MODEL) && line.contains("cache, 13.")), "{}", table.out);

    // A run finds it, and takes it for the same weights as a file of the same bytes.
    let video = videos::path("h264.mp4");
    let job = |args: &[&str], out: &str| {
        let out = home.folder.path().join(out);
        let fixed =
            ["--analyzer", "pose", "--max-width", "96", "--json", "--param", "pose.model=yolov8s-pose", "--out"];
        let mut command = home.command(&["run"]);
        support::summary(&command.arg(&video).args(fixed).arg(out).args(args).output().unwrap())["job_id"].clone()
    };
    let named = format!("{MODEL}={}", random_weights().display());
    assert_eq!(job(&[], "found"), job(&["--model", &named], "named"));
}

#[test]
fn copyleft_wants_a_yes_before_anything_is_asked_of_a_server() {
    let home = Home::new();
    let hub = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    let ended = Ended::of(&home.command(&["models", "pull", MODEL]).env("HF_ENDPOINT", hub.url()).output().unwrap());
    ended.with(2, &["AGPL-3.0-only", "whole source", "--accept-licence"]);
    assert!(hub.requests().is_empty());
    assert!(home.files().is_empty());
}

#[test]
fn a_cut_connection_is_taken_up_where_it_ended() {
    let home = Home::new();
    // Three times a quarter, then the rest.
    let hub = hub(|request| {
        let reply = stated(Reply::file(request, weights(), "v1"), weights());
        if request.from().unwrap_or(0) < weights().len() / 2 { reply.cut_after(weights().len() / 4) } else { reply }
    });
    let ended = home.pull(&hub, &[MODEL]).with(0, &["the connection was cut", "again in"]);
    assert!(ended.out.contains("downloaded"), "{ended:?}");
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    let rests: Vec<(usize, Option<String>)> = hub
        .requests()
        .iter()
        .filter_map(|request| Some((request.from()?, request.header("if-range").map(str::to_owned))))
        .collect();
    // Every byte that came was kept; a connection that is cut may lose its last bytes on the way.
    assert!(rests.len() >= 2, "{rests:?}");
    assert!(rests.windows(2).all(|pair| pair[0].0 < pair[1].0), "{rests:?}");
    assert!(rests.iter().all(|(from, tag)| *from > 0 && tag.as_deref() == Some("\"v1\"")), "{rests:?}");
    assert_eq!(home.files(), ["manifest.json", FILE]);
}

#[test]
fn what_came_is_kept_for_the_next_command() {
    let home = Home::new();
    let broken = hub(|request| match request.from() {
        None => stated(Reply::file(request, weights(), "v1"), weights()).cut_after(1_000_000),
        Some(_) => stated(Reply::status(503), weights()),
    });
    home.pull(&broken, &[MODEL]).with(5, &["503", "given up after 5 attempts", "goes on from there"]);
    assert!(!home.file().exists());
    assert_eq!(home.pinned(), None);

    let whole = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    home.pull(&whole, &[MODEL]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    let from = whole.requests().iter().find_map(Request::from);
    assert!(from.is_some_and(|from| from > 100_000 && from <= 1_000_000), "{from:?}");
    assert_eq!(home.files(), ["manifest.json", FILE]);
}

#[test]
fn a_killed_download_goes_on_too() {
    let home = Home::new();
    let slow = hub(|request| {
        let reply = stated(Reply::file(request, weights(), "v1"), weights());
        Reply { pause: Duration::from_secs(60), ..reply }
    });
    let mut child = home.pulling(&slow, &[MODEL]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let part = || home.files().into_iter().find(|name| name.ends_with(".part"));
    let length = |name: String| std::fs::metadata(home.cache().join(name)).map_or(0, |about| about.len());
    while part().is_none_or(|name| length(name) < 1_000_000) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing came: {:?}", home.files());
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!home.file().exists());
    let whole = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    home.pull(&whole, &[MODEL]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    assert!(whole.requests().iter().any(|request| request.from().is_some_and(|from| from >= 1_000_000)));
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    let home = Home::new();
    let all = |_: &Request| stated(Reply { body: weights().to_vec(), ..Reply::status(200) }, weights());
    let hub = hub(in_turn(vec![Box::new(move |request| all(request).cut_after(2_000_000)), Box::new(all)]));
    home.pull(&hub, &[MODEL]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    assert!(hub.requests().iter().any(|request| request.from().is_some()));
}

#[test]
fn a_file_that_changes_on_the_way_begins_anew() {
    // With names of versions, the server says so; the hub's new statement is as good as its old one.
    let home = Home::new();
    let named = hub(in_turn(vec![
        Box::new(|request| stated(Reply::file(request, weights(), "v1"), weights()).cut_after(3_000_000)),
        Box::new(|request| stated(Reply::file(request, other_weights(), "v2"), other_weights())),
    ]));
    home.pull(&named, &[MODEL]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), other_weights());
    assert_eq!(home.pinned(), Some(sha256(other_weights())));
    assert_eq!(home.files(), ["manifest.json", FILE]);

    // Without, the digest does: what is put together from two versions is thrown away, and the whole is asked for.
    let home = Home::new();
    let piece = |request: &Request, bytes: &[u8]| {
        let mut reply = Reply::file(request, bytes, "");
        reply.headers.retain(|(name, _)| *name != "ETag");
        stated(reply, other_weights())
    };
    let mut garbage = weights().to_vec();
    garbage[500_000] ^= 1;
    let nameless = hub(in_turn(vec![
        Box::new(move |request| piece(request, &garbage).cut_after(3_000_000)),
        Box::new(move |request| piece(request, other_weights())),
    ]));
    home.pull(&nameless, &[MODEL]).with(0, &["thrown away"]);
    assert_eq!(std::fs::read(home.file()).unwrap(), other_weights());
    let asked: Vec<bool> = nameless.requests().iter().map(|request| request.from().is_some()).collect();
    assert_eq!(asked.last(), Some(&false), "{asked:?}");
}

#[test]
fn wrong_bytes_are_refused_and_leave_nothing() {
    let home = Home::new();
    let lying = hub(|request| stated(Reply::file(request, other_weights(), "v1"), weights()));
    home.pull(&lying, &[MODEL]).with(3, &[&sha256(weights()), &sha256(other_weights()), "thrown away"]);
    assert!(home.files().is_empty(), "{:?}", home.files());

    // The right bytes of the wrong network.
    let osnet = std::fs::read(random_osnet()).unwrap();
    let mistaken = hub(move |request| stated(Reply::file(request, &osnet, "v1"), &osnet));
    home.pull(&mistaken, &[MODEL]).with(3, &[MODEL, "is it the weights of another model"]);
    assert!(home.files().is_empty(), "{:?}", home.files());

    // A digest of the catalogue, which no server can talk away.
    let osnet = std::fs::read(random_osnet()).unwrap();
    let sha256_of_osnet = sha256(&osnet);
    let mirror = Server::start(move |request| Reply::file(request, &osnet, "v1"));
    let from_mirror = |args: &[&str]| {
        let mut command = home.command(&["models", "pull", "osnet-x0.25"]);
        Ended::of(&command.env("FRAMEFAN_MODELS_URL", mirror.url()).args(args).output().unwrap())
    };
    from_mirror(&[]).with(3, &["cf55163d78fc44c6", "thrown away"]);
    from_mirror(&["--sha256", &sha256_of_osnet]).with(3, &["the catalogue states", "--repin"]);
    assert!(home.files().is_empty(), "{:?}", home.files());
    from_mirror(&["--sha256", &sha256_of_osnet, "--repin"]).with(0, &[]);
    assert_eq!(mirror.requests()[0].path, "/osnet-x0.25.pth");
    assert_eq!(home.files(), ["manifest.json", "osnet-x0.25.pth"]);
}

#[test]
fn another_file_than_the_pinned_one_is_refused_until_it_is_wanted() {
    let home = Home::new();
    let first = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    home.pull(&first, &[MODEL]).with(0, &[]);
    std::fs::remove_file(home.file()).unwrap();
    // The hub is changed: file and statement agree with each other.
    let changed = hub(|request| stated(Reply::file(request, other_weights(), "v2"), other_weights()));
    home.pull(&changed, &[MODEL]).with(3, &[&sha256(weights()), &sha256(other_weights()), "was pinned", "--repin"]);
    assert!(!home.file().exists());
    assert_eq!(home.pinned(), Some(sha256(weights())));
    home.pull(&changed, &[MODEL, "--repin"]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), other_weights());
    assert_eq!(home.pinned(), Some(sha256(other_weights())));
}

#[test]
fn without_any_digest_the_user_must_give_one() {
    let home = Home::new();
    let silent = hub(|request| Reply::file(request, weights(), "v1"));
    home.pull(&silent, &[MODEL]).with(2, &["neither the catalogue nor the server", "--sha256"]);
    assert!(home.files().is_empty(), "{:?}", home.files());
    home.pull(&silent, &[MODEL, "--sha256", "abc"]).with(2, &["64 hexadecimal digits"]);
    home.pull(&silent, &[MODEL, "--sha256", &sha256(other_weights())]).with(3, &["thrown away"]);
    home.pull(&silent, &[MODEL, "--sha256", &sha256(weights())]).with(0, &[]);
    // From now on it is pinned.
    std::fs::remove_file(home.file()).unwrap();
    home.pull(&silent, &[MODEL]).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
}

#[test]
fn what_a_server_refuses_has_a_reason_and_an_exit_code() {
    let home = Home::new();
    for (status, code, says) in
        [(404, 4, "not there"), (401, 4, "HF_TOKEN"), (403, 4, "HF_TOKEN"), (204, 3, "not an answer")]
    {
        home.pull(&hub(move |_| Reply::status(status)), &[MODEL]).with(code, &[&status.to_string(), says, MODEL]);
    }
    // Passing trouble passes.
    let tired = hub(in_turn(vec![
        Box::new(|_| Reply::status(503).with("Retry-After", "0")),
        Box::new(|_| Reply::status(429).with("Retry-After", "0")),
        Box::new(|request| stated(Reply::file(request, weights(), "v1"), weights())),
    ]));
    home.pull(&tired, &[MODEL]).with(0, &["503", "429"]);
    // Nobody listens there.
    let gone = Home::new();
    let mut command = gone.command(&["models", "pull", "--accept-licence", MODEL]);
    Ended::of(&command.env("HF_ENDPOINT", "http://127.0.0.1:9").output().unwrap()).with(5, &["127.0.0.1", "given up"]);
}

#[test]
fn a_huge_file_is_refused_before_it_is_taken() {
    let home = Home::new();
    for status in [200, 206] {
        let huge = hub(move |_| {
            let reply = Reply { body: vec![0; 100], ..Reply::status(status) };
            stated(reply.with("Content-Length", (1u64 << 40).to_string()), weights())
        });
        home.pull(&huge, &[MODEL]).with(3, &[]);
        assert!(home.files().is_empty(), "{:?}", home.files());
    }
}

#[test]
fn redirects_are_followed_within_reason() {
    let home = Home::new();
    let around = hub(|request| Reply::redirect(&request.path));
    home.pull(&around, &[MODEL]).with(3, &["redirects more than 8 times"]);
    assert_eq!(around.requests().len(), 9);
    for (to, says) in [
        ("http://192.0.2.1/weights", "only https://"),
        ("ftp://127.0.0.1/weights", "only https://"),
        ("file:///etc/passwd", "only https://"),
        ("http://", "no address"),
    ] {
        home.pull(&hub(move |_| Reply::redirect(to)), &[MODEL]).with(3, &[says]);
    }
    home.pull(&hub(|_| Reply::status(302)), &[MODEL]).with(3, &["redirects to nowhere"]);
    // A repository that was renamed: to a path of the same server, which then states the digest.
    let renamed = Server::start(|request| match request.path.as_str() {
        "/new/name" => stated(Reply::file(request, weights(), "v1"), weights()),
        _ => Reply { status: 307, ..Reply::redirect("/new/name") },
    });
    let output = home.pulling(&renamed, &[MODEL]).env("HF_TOKEN", "hf_private").output().unwrap();
    Ended::of(&output).with(0, &[]);
    assert_eq!(renamed.requests()[1].header("authorization"), Some("Bearer hf_private"));

    // A digest that another host states is no statement of the hub.
    let home = Home::new();
    let elsewhere = Server::start(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    let to = elsewhere.url();
    home.pull(&hub(move |_| Reply::redirect(&to)), &[MODEL]).with(2, &["--sha256"]);
}

#[test]
fn two_pulls_at_once_do_the_work_of_one() {
    let home = Home::new();
    let hub = Arc::new(hub(|request| {
        let reply = stated(Reply::file(request, weights(), "v1"), weights());
        Reply { pause: Duration::from_secs(2), ..reply }
    }));
    let ended: Vec<Ended> = thread::scope(|scope| {
        let pulls: Vec<_> = (0..3).map(|_| scope.spawn(|| home.pull(&hub, &[MODEL]))).collect();
        pulls.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    for one in &ended {
        assert_eq!(one.code, Some(0), "{one:?}");
    }
    assert_eq!(hub.requests().len(), 1);
    assert!(ended.iter().any(|one| one.err.contains("waiting for another process")), "{ended:?}");
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
}

#[test]
fn what_is_damaged_is_found_and_not_used() {
    let home = Home::new();
    let hub = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    let built_in = home.run(&["models", "verify"]).with(0, &[]).out;
    assert!(built_in.starts_with("right  pose-synth") && built_in.lines().count() == 1, "{built_in}");
    home.run(&["models", "pull", "pose-synth"]).with(2, &["part of the program"]);
    home.pull(&hub, &[MODEL]).with(0, &[]);
    let right = home.run(&["models", "verify", "--json"]).json();
    let right = right["checked"].as_array().unwrap().iter().find(|checked| checked["name"] == MODEL).unwrap();
    assert_eq!(right["network"], "YOLOv8 pose, 17 landmarks");
    assert_eq!(right["sha256"], sha256(weights()));

    std::fs::write(home.file(), other_weights()).unwrap();
    let wrong = home.run(&["models", "verify", MODEL]).with(3, &["1 of 1 weights file"]);
    assert!(wrong.out.starts_with("WRONG") && wrong.out.contains(&sha256(weights())), "{wrong:?}");
    let video = videos::path("h264.mp4");
    let out = home.folder.path().join("out");
    let mut run = home.command(&["run", "--analyzer", "pose", "--param", "pose.model=yolov8s-pose", "--out"]);
    let output = run.arg(&out).arg(&video).output().unwrap();
    Ended::of(&output).with(3, &["manifest.json", "framefan models pull yolov8s-pose"]);
    // The advice helps.
    home.pull(&hub, &[MODEL]).with(0, &[]);
    home.run(&["models", "verify"]).with(0, &[]);

    std::fs::remove_file(home.file()).unwrap();
    home.run(&["models", "verify"]).with(3, &[]);
    home.run(&["models", "verify", "yolox-s"]).with(4, &["framefan models pull yolox-s"]);
    home.run(&["models", "pull", "yolov9"]).with(2, &["framefan models list"]);
}

#[test]
fn a_folder_for_images_is_made_and_found() {
    let home = Home::new();
    let hub = hub(|request| stated(Reply::file(request, weights(), "v1"), weights()));
    let models = home.folder.path().join("models");
    home.pull(&hub, &[MODEL, "--to", models.to_str().unwrap()]).with(0, &[]);
    assert!(home.files().is_empty(), "{:?}", home.files());
    let baked =
        |args: &[&str], folder: &Path| Ended::of(&home.command(args).env("FRAMEFAN_MODELS", folder).output().unwrap());
    let listed = baked(&["models", "list", "--json"], &models).json();
    let model = listed["models"].as_array().unwrap().iter().find(|model| model["name"] == MODEL).unwrap().clone();
    assert_eq!((&model["found"]["place"], &model["found"]["sha256"]), (&"baked".into(), &sha256(weights()).into()));
    baked(&["models", "verify", MODEL], &models).with(0, &[]);
    baked(&["models", "list"], home.folder.path()).with(2, &["FRAMEFAN_MODELS", "manifest.json"]);
}

#[test]
fn https_wants_a_certificate_that_is_trusted_and_never_leads_to_http() {
    let test = "https_wants_a_certificate_that_is_trusted_and_never_leads_to_http";
    let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
    let home = Home::new();
    python.args(["-c", include_str!("support/tls_server.py")]).arg(home.folder.path()).arg(random_weights());
    let mut server = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let hub = format!("https://localhost:{}", port.trim());
    let authority = home.folder.path().join("authority.pem");
    let pull = |hub: &str, trusted: bool| {
        let mut command = home.command(&["models", "pull", "--accept-licence", MODEL]);
        command.env("HF_ENDPOINT", hub).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        if trusted {
            command.env("SSL_CERT_FILE", &authority);
        }
        Ended::of(&command.output().unwrap())
    };
    pull(&hub, false).with(4, &["localhost", "SSL_CERT_FILE"]);
    assert!(home.files().is_empty(), "{:?}", home.files());
    pull(&format!("{hub}/DOWN"), true).with(3, &["redirects to http://127.0.0.1", "only https://"]);
    pull(&hub, true).with(0, &[]);
    assert_eq!(std::fs::read(home.file()).unwrap(), weights());
    drop(server.stdin.take());
    server.wait().unwrap();
}
