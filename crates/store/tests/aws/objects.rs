//! Objects in S3: the common suite, large files, and connections that break.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use framefan_contract::ErrorKind;
use framefan_store::aws::S3Store;
use framefan_store::{Created, ObjectStore, conformance};

use crate::proxy::{self, Fault};
use crate::support::{Admin, bytes, connect, url_or_skip};

fn through_proxy(url: &str, bucket: &str, rule: impl Fn(&proxy::Request) -> Fault + Send + Sync + 'static) -> S3Store {
    connect(&proxy::start(url, rule)).objects(bucket)
}

fn file(folder: &Path, name: &str, content: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(content).unwrap();
    path
}

#[test]
fn s3_does_what_every_store_must() {
    let Some(url) = url_or_skip("s3_does_what_every_store_must") else { return };
    let (admin, aws) = (Admin::new(url), connect(url));
    conformance::objects(&|| Box::new(aws.objects(&admin.make_bucket(false))));
    conformance::objects(&|| Box::new(aws.objects(&admin.make_bucket(true))));
}

#[test]
fn long_listings_are_whole() {
    let Some(url) = url_or_skip("long_listings_are_whole") else { return };
    let store = connect(url).objects(&Admin::new(url).make_bucket(false));
    let keys: Vec<String> = (0..1003).map(|number| format!("many/{number:04}")).collect();
    std::thread::scope(|scope| {
        for part in keys.chunks(126) {
            scope.spawn(|| part.iter().for_each(|key| store.replace(key, b"x").unwrap()));
        }
    });
    let listed: Vec<String> = store.list("many/").unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(listed, keys);
}

#[test]
fn large_files_travel_in_parts() {
    let Some(url) = url_or_skip("large_files_travel_in_parts") else { return };
    let (admin, aws) = (Admin::new(url), connect(url));
    let bucket = admin.make_bucket(false);
    let folder = tempfile::tempdir().unwrap();
    let content = bytes(21_000_000);
    let path = file(folder.path(), "film.mp4", &content);
    let told = Mutex::new(Vec::new());
    aws.upload(&bucket, "uploads/film.mp4", &path, &|sent, total| told.lock().unwrap().push((sent, total))).unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.iter().all(|t| t.1 == content.len() as u64), "{told:?}");
    assert_eq!((told[0].0, told.last().unwrap().0, told.len()), (0, content.len() as u64, 4));
    assert!(path.exists(), "an upload leaves the file");
    let head = admin.wait(admin.s3.head_object().bucket(&bucket).key("uploads/film.mp4").send()).unwrap();
    assert_eq!(head.content_type.as_deref(), Some("video/mp4"));
    assert!(head.e_tag.unwrap().contains("-3"), "not sent in three parts");

    let back = folder.path().join("made/here/back.mp4");
    assert!(aws.download(&bucket, "uploads/film.mp4", &back).unwrap());
    assert!(std::fs::read(&back).unwrap() == content);
    assert!(!aws.download(&bucket, "uploads/none.mp4", &back).unwrap());
    assert!(std::fs::read(&back).unwrap() == content, "nothing was there to replace it");
    let others = std::fs::read_dir(back.parent().unwrap()).unwrap().count();
    assert_eq!(others, 1, "a temporary file was left");

    // Small ones, empty ones, and the store's own way.
    let small = file(folder.path(), "page.html", b"");
    aws.upload(&bucket, "page.html", &small, &|_, _| {}).unwrap();
    let head = admin.wait(admin.s3.head_object().bucket(&bucket).key("page.html").send()).unwrap();
    assert_eq!((head.content_type.as_deref(), head.content_length), (Some("text/html; charset=utf-8"), Some(0)));
    let store = aws.objects(&bucket);
    store.replace_from_file("big", &path).unwrap();
    assert!(!path.exists() && store.get("big").unwrap().unwrap() == content);
}

#[test]
fn an_upload_that_fails_leaves_nothing() {
    let Some(url) = url_or_skip("an_upload_that_fails_leaves_nothing") else { return };
    let admin = Admin::new(url);
    let bucket = admin.make_bucket(false);
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "film.mp4", &bytes(17_000_000));
    let denied = "<Error><Code>AccessDenied</Code><Message>no s3:PutObject</Message></Error>";
    let aws = connect(&proxy::start(url, move |request| match request.target.contains("partNumber=2") {
        true => Fault::Answer(403, denied.to_owned()),
        false => Fault::Pass,
    }));
    let error = aws.upload(&bucket, "film.mp4", &path, &|_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains(&format!("s3://{bucket}/film.mp4")) && error.message().contains("s3:PutObject"));
    let left = admin.wait(admin.s3.list_multipart_uploads().bucket(&bucket).send()).unwrap().uploads;
    assert!(left.unwrap_or_default().is_empty());
    assert_eq!(aws.objects(&bucket).list("").unwrap(), []);
}

#[test]
fn a_broken_connection_does_not_show() {
    let Some(url) = url_or_skip("a_broken_connection_does_not_show") else { return };
    let bucket = Admin::new(url).make_bucket(false);
    let content = bytes(3_000_000);
    connect(url).objects(&bucket).replace("k", &content).unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&requests);
    let store = through_proxy(url, &bucket, move |request| {
        let mut log = log.lock().unwrap();
        log.push(request.header("range").map(str::to_owned));
        if log.len() < 4 { Fault::Truncate(700_000) } else { Fault::Pass }
    });
    assert!(store.get("k").unwrap().unwrap() == content);
    let ranges = std::mem::take(&mut *requests.lock().unwrap());
    // What had arrived is not asked for again.
    let starts: Vec<Option<&str>> = ranges
        .iter()
        .map(|range| range.as_deref().map(|r| r.strip_prefix("bytes=").unwrap().split('-').next().unwrap()))
        .collect();
    assert_eq!(starts, [None, Some("700000"), Some("1400000"), Some("2100000")]);

    let mut stream = store.open("k").unwrap().unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert!(back == content);
}

#[test]
fn a_stream_that_breaks_does_not_mix_versions() {
    let Some(url) = url_or_skip("a_stream_that_breaks_does_not_mix_versions") else { return };
    let admin = Admin::new(url);
    for versioned in [false, true] {
        let bucket = admin.make_bucket(versioned);
        let plain = connect(url).objects(&bucket);
        let content = bytes(400_000);
        plain.replace("k", &content).unwrap();
        let first = AtomicU32::new(0);
        let store = through_proxy(url, &bucket, move |_| match first.fetch_add(1, Ordering::Relaxed) {
            0 => Fault::Truncate(200_000),
            _ => Fault::Pass,
        });
        let mut stream = store.open("k").unwrap().unwrap();
        plain.replace("k", &vec![0; 400_000]).unwrap();
        let mut back = Vec::new();
        let outcome = stream.read_to_end(&mut back);
        if versioned {
            outcome.unwrap();
            assert!(back == content);
        } else {
            let message = outcome.unwrap_err().to_string();
            assert!(message.contains("replaced"), "{message}");
        }
    }
}

#[test]
fn a_creation_whose_answer_is_lost_is_known_as_ones_own() {
    let Some(url) = url_or_skip("a_creation_whose_answer_is_lost_is_known_as_ones_own") else { return };
    let bucket = Admin::new(url).make_bucket(false);
    let puts = AtomicU32::new(0);
    let conflict = "<Error><Code>ConditionalRequestConflict</Code><Message>conflict</Message></Error>";
    let store = through_proxy(url, &bucket, move |request| match &*request.method {
        "PUT" => match puts.fetch_add(1, Ordering::Relaxed) {
            // Made, but told so only at the third try; then somebody disturbs.
            0 | 1 => Fault::LoseAnswer,
            3 => Fault::Answer(409, conflict.to_owned()),
            _ => Fault::Pass,
        },
        _ => Fault::Pass,
    });
    assert_eq!(store.create("a", b"mine").unwrap(), Created::New);
    assert_eq!(store.create("b", b"mine").unwrap(), Created::New);
    assert_eq!(store.create("a", b"mine").unwrap(), Created::Existed);
}

#[test]
fn refusals_say_what_is_wrong() {
    let Some(url) = url_or_skip("refusals_say_what_is_wrong") else { return };
    let absent = connect(url).objects("no-such-bucket");
    let errors = [
        absent.get("k").err(),
        absent.open("k").err(),
        absent.create("k", b"").err(),
        absent.replace("k", b"").err(),
        absent.list("").err(),
        absent.delete("k").err(),
    ];
    for error in errors {
        let error = error.expect("there is no such bucket");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains("no-such-bucket"), "{error}");
    }
    for (code, status, kind, word) in [
        ("AccessDenied", 403, ErrorKind::NotFound, "access is denied"),
        ("ExpiredToken", 400, ErrorKind::NotFound, "sign in"),
        ("SlowDown", 503, ErrorKind::Retryable, "SlowDown"),
        ("InternalError", 500, ErrorKind::Retryable, "InternalError"),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>said S3</Message></Error>");
        let store = through_proxy(url, "bucket", move |_| Fault::Answer(status, body.clone()));
        let error = store.get("some/key").expect_err("it is refused");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(word) && error.message().contains("s3://bucket/some/key"), "{error}");
    }
}
