//! Videos in S3, read by range.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use framefan_contract::ErrorKind;
use framefan_store::ObjectStore;
use framefan_store::aws::Video;

use crate::proxy::{self, Fault};
use crate::support::{Admin, bytes, connect, url_or_skip};

const KEY: &str = "uploads/film.mp4";
const MIB: u64 = 1 << 20;

/// A bucket with a video of so many bytes.
fn film(url: &str, versioned: bool, size: u64) -> (String, Vec<u8>) {
    let bucket = Admin::new(url).make_bucket(versioned);
    let content = bytes(size as usize);
    connect(url).objects(&bucket).replace(KEY, &content).unwrap();
    (bucket, content)
}

fn read(video: &Video, offset: u64, length: usize) -> framefan_contract::Result<Vec<u8>> {
    let mut buf = vec![0; length];
    let count = video.read_at(offset, &mut buf)?;
    buf.truncate(count);
    Ok(buf)
}

/// Reads a range in the pieces that FFmpeg asks for, and compares.
fn read_through(video: &Video, content: &[u8], [start, end]: [u64; 2]) {
    let mut at = start;
    while at < end {
        let length = (end - at).min(64 << 10) as usize;
        let part = read(video, at, length).unwrap();
        assert!(part == content[at as usize..][..length], "wrong bytes at {at}");
        at += length as u64;
    }
}

#[test]
fn reads_are_exact_and_short_only_at_the_end() {
    let Some(url) = url_or_skip("reads_are_exact_and_short_only_at_the_end") else { return };
    let size = 7 * MIB + 123;
    let (bucket, content) = film(url, false, size);
    let video = connect(url).video(&bucket, KEY, None).unwrap();
    assert_eq!((video.size(), video.bucket(), video.key()), (size, bucket.as_str(), KEY));
    assert_eq!(video.name(), format!("s3://{bucket}/{KEY}"));
    assert_eq!(read(&video, 0, 0).unwrap(), b"");
    video.read_ahead(&[[MIB, 2 * MIB], [5 * MIB, size + 99], [MIB / 2, MIB + 1], [9, 9]]);
    for (offset, length) in [
        (0, 1),
        (size - 1, 1),
        (size - 10, 100),
        (MIB - 5, 10),
        (2 * MIB - 1, 3 * MIB as usize + 2),
        (size, 10),
        (size + 5, 10),
        (u64::MAX - 1, 10),
        (0, size as usize + 10),
    ] {
        let from = offset.min(size) as usize;
        let expected = &content[from..(from + length).min(content.len())];
        assert!(read(&video, offset, length).unwrap() == expected, "{length} bytes at {offset}");
    }
    assert_eq!(video.fetched(), size, "no byte came twice");

    let empty = connect(url);
    empty.objects(&bucket).replace("empty", b"").unwrap();
    let empty = empty.video(&bucket, "empty", None).unwrap();
    assert_eq!((empty.size(), read(&empty, 0, 5).unwrap(), empty.fetched()), (0, vec![], 0));
}

#[test]
fn threads_read_at_the_same_time() {
    let Some(url) = url_or_skip("threads_read_at_the_same_time") else { return };
    let size = 12 * MIB;
    let (bucket, content) = film(url, false, size);
    let video = connect(url).video(&bucket, KEY, None).unwrap();
    video.read_ahead(&[[0, size]]);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (video, content) = (&video, &content);
            scope.spawn(move || read_through(video, content, [thread % 3 * MIB * 4, size]));
        }
    });
    assert_eq!(video.fetched(), size, "no byte came twice");
}

#[test]
fn four_workers_and_their_indexes_cost_little_more_than_the_video() {
    let Some(url) = url_or_skip("four_workers_and_their_indexes_cost_little_more_than_the_video") else { return };
    const INDEX: u64 = 300_000;
    let size = 32 * MIB;
    let (bucket, content) = film(url, false, size);
    // As an MP4 whose index is at its end: a look at the start, the index, then a quarter of the media data. Each
    // quarter is several ranges, with something in between that is not wanted.
    let quarter = (size - INDEX - 4096) / 4;
    let fetched: u64 = (0..4)
        .map(|worker| {
            let video = connect(url).video(&bucket, KEY, None).unwrap();
            let start = 4096 + worker * quarter;
            let ranges: Vec<[u64; 2]> =
                (0..4).map(|part| [start + part * quarter / 4, start + (part + 1) * quarter / 4 - 10_000]).collect();
            read_through(&video, &content, [0, 4096]);
            read_through(&video, &content, [size - INDEX, size]);
            video.read_ahead(&ranges);
            for range in ranges {
                read_through(&video, &content, range);
            }
            video.fetched()
        })
        .sum();
    println!("fetched {:.3} of the video", fetched as f64 / size as f64);
    assert!(fetched as f64 <= 1.15 * size as f64, "{fetched} of {size}");
}

#[test]
fn a_look_at_the_index_fetches_the_index() {
    let Some(url) = url_or_skip("a_look_at_the_index_fetches_the_index") else { return };
    let size = 24 * MIB;
    let (bucket, content) = film(url, false, size);
    // Indexes of several sizes, at the end, at the start and in the middle; and a few frames elsewhere.
    for index in [20_000, 700_000, 5 * MIB] {
        for start in [32, 10 * MIB, size - index] {
            let video = connect(url).video(&bucket, KEY, None).unwrap();
            read_through(&video, &content, [0, 32]);
            read_through(&video, &content, [start, start + index]);
            read_through(&video, &content, [20 * MIB - 300_000, 20 * MIB - 200_000]);
            assert!(video.fetched() <= index + MIB, "{} for an index of {index} at {start}", video.fetched());
        }
    }
}

#[test]
fn blocks_are_on_their_way_before_they_are_asked_for() {
    let Some(url) = url_or_skip("blocks_are_on_their_way_before_they_are_asked_for") else { return };
    let size = 40 * MIB;
    let (bucket, content) = film(url, false, size);
    let asked = Arc::new(AtomicU64::new(0));
    let furthest = Arc::clone(&asked);
    let aws = connect(&proxy::start(url, move |request| {
        if let Some((_, end)) = request.header("range").and_then(|range| range.split_once('-')) {
            furthest.fetch_max(end.parse().unwrap(), Ordering::Relaxed);
        }
        Fault::Pass
    }));
    let video = aws.video(&bucket, KEY, None).unwrap();
    let range = [MIB, 30 * MIB];
    video.read_ahead(&[range]);
    read_through(&video, &content, [MIB, MIB + 100]);
    let begun = Instant::now();
    while asked.load(Ordering::Relaxed) < 9 * MIB - 1 {
        assert!(begun.elapsed().as_secs() < 20, "only {} was asked for", asked.load(Ordering::Relaxed));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(asked.load(Ordering::Relaxed), 9 * MIB - 1, "eight MiB ahead, no more");
    read_through(&video, &content, range);
    assert_eq!(asked.load(Ordering::Relaxed), range[1] - 1, "not past the range");
    assert_eq!(video.fetched(), 29 * MIB);
}

#[test]
fn a_replaced_video_is_refused() {
    let Some(url) = url_or_skip("a_replaced_video_is_refused") else { return };
    let (bucket, content) = film(url, false, 3 * MIB);
    let aws = connect(url);
    let video = aws.video(&bucket, KEY, None).unwrap();
    let version = video.version().to_owned();
    assert!(!version.contains('"'), "{version}");
    read_through(&video, &content, [0, 1000]);
    // The version opens again while it is there.
    read_through(&aws.video(&bucket, KEY, Some(&version)).unwrap(), &content, [0, 1000]);
    aws.objects(&bucket).replace(KEY, &bytes(3 * MIB as usize + 1)).unwrap();
    read_through(&video, &content, [500, 1000]);
    for error in [read(&video, 2 * MIB, 10).err(), aws.video(&bucket, KEY, Some(&version)).err()] {
        let error = error.expect("the video has changed");
        assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
        assert!(error.message().contains("changed since the job was accepted"), "{error}");
        assert!(error.message().contains(&format!("s3://{bucket}/{KEY}")), "{error}");
    }
    aws.objects(&bucket).delete(KEY).unwrap();
    let error = read(&video, 2 * MIB, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn a_bucket_with_versions_keeps_the_one_that_was_named() {
    let Some(url) = url_or_skip("a_bucket_with_versions_keeps_the_one_that_was_named") else { return };
    let (bucket, content) = film(url, true, 3 * MIB);
    let aws = connect(url);
    let video = aws.video(&bucket, KEY, None).unwrap();
    let version = video.version().to_owned();
    let latest = bytes(2 * MIB as usize);
    aws.objects(&bucket).replace(KEY, &latest).unwrap();
    read_through(&video, &content, [0, 3 * MIB]);
    read_through(&aws.video(&bucket, KEY, Some(&version)).unwrap(), &content, [0, 3 * MIB]);
    assert_ne!(aws.video(&bucket, KEY, None).unwrap().version(), version);
    aws.objects(&bucket).delete(KEY).unwrap();
    read_through(&aws.video(&bucket, KEY, Some(&version)).unwrap(), &content, [MIB, 2 * MIB]);
    assert_eq!(aws.video(&bucket, KEY, None).err().unwrap().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_not_there_is_not_found() {
    let Some(url) = url_or_skip("what_is_not_there_is_not_found") else { return };
    let bucket = Admin::new(url).make_bucket(false);
    for (bucket, key, version) in
        [(&*bucket, "none", None), (&*bucket, "none", Some("v")), ("no-such-bucket", "none", None)]
    {
        let error = connect(url).video(bucket, key, version).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains(&format!("s3://{bucket}/{key}")), "{error}");
    }
    let denied = connect(&proxy::start(url, |_| Fault::Answer(403, String::new())));
    let error = denied.video("b", "k", None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("s3:GetObject"), "{error}");
}

#[test]
fn broken_connections_cost_only_what_was_not_there() {
    let Some(url) = url_or_skip("broken_connections_cost_only_what_was_not_there") else { return };
    let size = 10 * MIB;
    let (bucket, content) = film(url, false, size);
    let number = AtomicU32::new(0);
    let aws = connect(&proxy::start(url, move |request| match number.fetch_add(1, Ordering::Relaxed) {
        _ if request.method == "HEAD" => Fault::Pass,
        n if n % 3 == 1 => Fault::Truncate(300_000),
        n if n % 7 == 2 => Fault::Refuse,
        _ => Fault::Pass,
    }));
    let video = aws.video(&bucket, KEY, None).unwrap();
    video.read_ahead(&[[0, size]]);
    read_through(&video, &content, [0, size]);
    assert_eq!(video.fetched(), size);
}

#[test]
fn a_service_that_stays_away_is_an_error_and_the_next_read_asks_again() {
    let Some(url) = url_or_skip("a_service_that_stays_away_is_an_error_and_the_next_read_asks_again") else { return };
    let (bucket, content) = film(url, false, MIB);
    let away = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let aws = connect(&proxy::start(url, move |_| match is_away.load(Ordering::Relaxed) {
        true => Fault::Truncate(0),
        false => Fault::Pass,
    }));
    let video = aws.video(&bucket, KEY, None).unwrap();
    away.store(true, Ordering::Relaxed);
    let error = read(&video, 0, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable, "{error}");
    assert!(error.message().contains(&bucket), "{error}");
    away.store(false, Ordering::Relaxed);
    read_through(&video, &content, [0, MIB]);
}

#[test]
fn a_slow_block_is_asked_for_twice() {
    let Some(url) = url_or_skip("a_slow_block_is_asked_for_twice") else { return };
    let size = 40 * MIB;
    let (bucket, content) = film(url, false, size);
    const SLOW: &str = "bytes=25165824-27262975";
    let requests = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&requests);
    let aws = connect(&proxy::start(url, move |request| {
        let Some(range) = request.header("range") else { return Fault::Pass };
        let mut log = log.lock().unwrap();
        log.push(range.to_owned());
        // The first answer for one block stops in its middle.
        match range == SLOW && log.iter().filter(|r| *r == SLOW).count() == 1 {
            true => Fault::Stall(MIB as usize, Duration::from_secs(60)),
            false => Fault::Pass,
        }
    }));
    let video = aws.video(&bucket, KEY, None).unwrap();
    video.read_ahead(&[[0, size]]);
    let begun = Instant::now();
    read_through(&video, &content, [0, size]);
    assert!(begun.elapsed() < Duration::from_secs(30), "it waited for the slow answer");
    let requests = requests.lock().unwrap();
    assert!(requests.contains(&SLOW.to_owned()));
    assert!(requests.contains(&"bytes=26214400-27262975".to_owned()), "only what had not arrived: {requests:?}");
    assert_eq!(video.fetched(), size);
}
