//! Where a connection takes its settings from, and from where it may be used.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use framefan_contract::{ErrorKind, Result};
use framefan_store::ObjectStore;
use framefan_store::aws::Aws;

use crate::support::{Admin, connect, local_or_skip, url_or_skip};

/// What the process below is to do; without it, its test does nothing.
const TASK: &str = "FRAMEFAN_TEST_TASK";

/// Not a test of its own: what a process with an environment of its own does.
#[test]
fn child_connects() {
    let Ok(task) = std::env::var(TASK) else { return };
    let outcome = match &*task {
        "read" => {
            let bucket = std::env::var("FRAMEFAN_TEST_BUCKET").unwrap_or("from-environment".to_owned());
            Aws::connect().and_then(|aws| aws.objects(&bucket).get("k")).map(|_| String::new())
        }
        "spot" => Aws::connect().and_then(|aws| spot(&aws)),
        other => panic!("what is {other}"),
    };
    match outcome {
        Ok(text) => println!("outcome: ok {text}"),
        Err(error) => println!("outcome: {:?} {error}", error.kind()),
    }
}

fn spot(aws: &Aws) -> Result<String> {
    let begun = Instant::now();
    let notice = aws.spot_notice()?;
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
    Ok(format!("{notice:?}"))
}

/// The outcome of a process with this environment and no other settings of AWS.
fn outcome(task: &str, environment: &[(&str, &str)]) -> String {
    let Output { status, stdout, stderr } = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "connection::child_connects", "--nocapture"])
        .env_clear()
        .envs([("HOME", "/nonexistent"), (TASK, task), ("AWS_EC2_METADATA_DISABLED", "true")])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{text}{}", String::from_utf8_lossy(&stderr));
    text.lines().find_map(|line| line.split_once("outcome: ")).expect("it says so").1.to_owned()
}

#[test]
fn settings_come_from_the_environment() {
    let Some(local) = local_or_skip("settings_come_from_the_environment") else { return };
    let admin = Admin::new(local.endpoint());
    admin.make_bucket_named("from-environment", false);
    let environment = local.env();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(outcome("read", &environment), "ok ");

    let without = |left_out: &str| {
        let rest: Vec<_> = environment.iter().copied().filter(|(name, _)| !name.starts_with(left_out)).collect();
        outcome("read", &rest)
    };
    let no_region = without("AWS_REGION");
    assert!(no_region.starts_with("Usage") && no_region.contains("AWS_REGION"), "{no_region}");
    let no_credentials = without("AWS_ACCESS");
    assert!(no_credentials.starts_with("NotFound") && no_credentials.contains("sign in"), "{no_credentials}");
}

#[test]
fn connections_are_encrypted_and_the_server_must_be_known() {
    let Some(local) = local_or_skip("connections_are_encrypted_and_the_server_must_be_known") else { return };
    Admin::new(local.endpoint()).make_bucket_named("encrypted", false);
    let folder = tempfile::tempdir().unwrap();
    let plain_port = local.endpoint().rsplit_once(':').unwrap().1;
    let mut server = framefan_testkit::python()
        .unwrap()
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/tls.py"))
        .args([plain_port.as_ref(), folder.path().as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("https://localhost:{}", port.trim());
    let authority = folder.path().join("ca.pem");
    let read = |known: &[(&str, &str)]| {
        let mut environment = local.env();
        environment.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
        let environment = environment.iter().map(|(name, value)| (&**name, &**value));
        let rest = [("AWS_ENDPOINT_URL", &*url), ("FRAMEFAN_TEST_BUCKET", "encrypted")];
        outcome("read", &environment.chain(rest).chain(known.iter().copied()).collect::<Vec<_>>())
    };
    // Certificates of authorities come from the system, or from where this variable says.
    assert_eq!(read(&[("SSL_CERT_FILE", authority.to_str().unwrap())]), "ok ");
    let unknown = read(&[]);
    assert!(unknown.starts_with("Retryable") && unknown.contains("certificate"), "{unknown}");
    drop(server.stdin.take());
    server.wait().unwrap();
}

#[test]
fn a_spot_notice_is_seen_in_the_machines_metadata() {
    let Some(local) = local_or_skip("a_spot_notice_is_seen_in_the_machines_metadata") else { return };
    let environment = local.env();
    let mut environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    environment.push(("AWS_EC2_METADATA_DISABLED", "false"));
    let seen = |endpoint: &str| {
        outcome("spot", &[&environment[..], &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)]].concat())
    };
    let notice = r#"{"action": "terminate", "time": "2026-01-01T00:00:00Z"}"#;
    assert_eq!(seen(&metadata(Some(notice))), format!("ok Some({notice:?})"));
    assert_eq!(seen(&metadata(None)), "ok None");
    assert_eq!(seen("http://127.0.0.1:9"), "ok None", "nobody listens");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(seen(&format!("http://{}", silent.local_addr().unwrap())), "ok None", "nobody answers");
}

/// A machine's metadata, version 2: a token first, then the notice or 404. Lasts as long as the process.
fn metadata(notice: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let (status, body) = match (head.split_whitespace().next(), notice) {
                (Some("put"), _) if head.contains("/latest/api/token") => (200, "the-token"),
                (Some("get"), _) if !head.contains("x-aws-ec2-metadata-token: the-token") => (401, ""),
                (Some("get"), Some(notice)) if head.contains("/latest/meta-data/spot/instance-action") => (200, notice),
                _ => (404, ""),
            };
            let length = body.len();
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 600";
            let answer =
                format!("HTTP/1.1 {status} X\r\n{ttl}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = client.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_connection_is_used_and_dropped_inside_another_runtime() {
    let Some(url) = url_or_skip("a_connection_is_used_and_dropped_inside_another_runtime") else { return };
    let bucket = Admin::new(url).make_bucket(false);
    let aws = connect(url);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let (store, clone) = (aws.objects(&bucket), aws.clone());
        let read = tokio::task::spawn_blocking(move || {
            store.replace("k", b"v").unwrap();
            let video = clone.video(store.bucket(), "k", None).unwrap();
            let mut buf = [0; 1];
            (video.read_at(0, &mut buf).unwrap(), buf, video)
        });
        let (count, buf, video) = read.await.unwrap();
        assert_eq!((count, &buf), (1, b"v"));
        drop(aws);
        // The last owner of the connection goes inside an asynchronous task.
        drop(video);
    });
    let error = connect("http://127.0.0.1:9").objects("b").get("k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable, "{error}");
}
