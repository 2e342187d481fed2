//! Objects.

use std::io::{Read, Write};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use framefan_contract::ErrorKind;

use crate::{Created, ObjectInfo, ObjectStore};

fn read(store: &dyn ObjectStore, key: &str) -> Option<Vec<u8>> {
    let bytes = store.get(key).unwrap();
    let streamed = store.open(key).unwrap().map(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    assert_eq!(bytes, streamed, "get and open differ on {key}");
    bytes
}

pub(super) fn round_trips(store: &dyn ObjectStore) {
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i * 31 / 7) as u8).collect();
    for (key, bytes) in [("a", &b""[..]), ("jobs/x/chunk_0001.json", b"\0\xff{}"), ("jobs/ü é/~.bin", &large)] {
        assert_eq!(read(store, key), None);
        assert!(!store.delete(key).unwrap());
        store.replace(key, bytes).unwrap();
        assert_eq!(read(store, key).as_deref(), Some(bytes));
        store.replace(key, b"other").unwrap();
        assert_eq!(read(store, key).as_deref(), Some(&b"other"[..]));
        assert!(store.delete(key).unwrap());
        assert!(!store.delete(key).unwrap());
        assert_eq!(read(store, key), None);
    }
    // What only starts a key is no object.
    store.replace("p/q/r", b"1").unwrap();
    assert_eq!(read(store, "p/q"), None);
    assert_eq!(read(store, "p/q/r/s"), None);
    assert!(!store.delete("p/q").unwrap());
}

pub(super) fn creates_once(store: &dyn ObjectStore) {
    assert_eq!(store.create("jobs/a/k", b"first").unwrap(), Created::New);
    assert_eq!(store.create("jobs/a/k", b"second").unwrap(), Created::Existed);
    assert_eq!(read(store, "jobs/a/k").unwrap(), b"first");
    store.replace("jobs/a/k", b"third").unwrap();
    assert_eq!(store.create("jobs/a/k", b"fourth").unwrap(), Created::Existed);
    assert_eq!(read(store, "jobs/a/k").unwrap(), b"third");
    store.delete("jobs/a/k").unwrap();
    assert_eq!(store.create("jobs/a/k", b"fifth").unwrap(), Created::New);
}

pub(super) fn creates_once_under_races(store: &dyn ObjectStore) {
    const THREADS: usize = 8;
    const KEYS: usize = 25;
    let content = |thread: usize| vec![thread as u8; 10_000];
    let barrier = Barrier::new(THREADS);
    // What each thread was told, for each key. Nothing panics between barriers, where the others would wait for ever.
    let outcomes: Vec<Vec<framefan_contract::Result<Created>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let creates = (0..KEYS).map(|key| {
                        barrier.wait();
                        store.create(&format!("race/{key}/object"), &content(thread))
                    });
                    creates.collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for key in 0..KEYS {
        let told = outcomes.iter().map(|of_thread| *of_thread[key].as_ref().unwrap());
        let winners: Vec<usize> = told.enumerate().filter(|o| o.1 == Created::New).map(|o| o.0).collect();
        let [winner] = winners[..] else { panic!("object {key} was made by {winners:?}") };
        assert_eq!(store.get(&format!("race/{key}/object")).unwrap(), Some(content(winner)));
    }
    assert_eq!(store.list("race/").unwrap().len(), KEYS, "something else was left behind");
}

pub(super) fn replaces_whole(store: &dyn ObjectStore) {
    const SIZE: usize = 200_000;
    store.replace("whole", &vec![0; SIZE]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (1..4u8)
            .map(|writer| {
                scope.spawn(move || {
                    for _ in 0..20 {
                        store.replace("whole", &vec![writer; SIZE]).unwrap();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let bytes = store.get("whole").unwrap().unwrap();
                assert!(bytes.len() == SIZE && bytes.iter().all(|&b| b == bytes[0]), "a reader saw half an object");
                assert_eq!(store.list("").unwrap(), [ObjectInfo { key: "whole".into(), size: SIZE as u64 }]);
            }
        });
        let outcomes: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::SeqCst);
        assert!(outcomes.iter().all(|o| o.is_ok()), "a writer failed");
    });

    let mut stream = store.open("whole").unwrap().unwrap();
    let mut half = vec![0; SIZE / 2];
    stream.read_exact(&mut half).unwrap();
    store.replace("whole", b"new").unwrap();
    stream.read_to_end(&mut half).unwrap();
    assert!(half.len() == SIZE && half.iter().all(|&b| b == half[0]), "a replacement disturbed a reader");
}

pub(super) fn takes_files(store: &dyn ObjectStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result");
    for content in ["one", "two"] {
        std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
        store.replace_from_file("jobs/f/result", &path).unwrap();
        assert_eq!(read(store, "jobs/f/result").unwrap(), content.as_bytes());
        assert!(!path.exists(), "the file is still there");
    }
    let missing = store.replace_from_file("jobs/f/result", &path).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(read(store, "jobs/f/result").unwrap(), b"two");
}

pub(super) fn lists_by_prefix(store: &dyn ObjectStore) {
    assert_eq!(store.list("").unwrap(), []);
    assert_eq!(store.list("nothing/here/").unwrap(), []);
    for key in ["jobs/b/plan.json", "jobs/a/chunks/chunk_0010.json", "jobs/a/chunks/chunk_0002.json", "jobs/a-b/x", "x"]
    {
        store.replace(key, key.as_bytes()).unwrap();
    }
    let keys = |prefix: &str| {
        let listed = store.list(prefix).unwrap();
        assert!(listed.iter().all(|o| o.size == o.key.len() as u64));
        listed.into_iter().map(|o| o.key).collect::<Vec<_>>()
    };
    let (two, ten) = ("jobs/a/chunks/chunk_0002.json", "jobs/a/chunks/chunk_0010.json");
    assert_eq!(keys("jobs/a/"), [two, ten]);
    assert_eq!(keys("jobs/a"), ["jobs/a-b/x", two, ten]);
    assert_eq!(keys("jobs/a/chunks/chunk_00"), [two, ten]);
    assert_eq!(keys("jobs/a/chunks/chunk_001"), [ten]);
    assert_eq!(keys(ten), [ten]);
    assert_eq!(keys("x/"), [""; 0]);
    assert_eq!(keys(""), ["jobs/a-b/x", two, ten, "jobs/b/plan.json", "x"]);
}

pub(super) fn refuses_bad_keys(store: &dyn ObjectStore) {
    let bad = ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "a\0b", "a\nb"];
    for key in bad {
        let kinds = [
            store.get(key).err(),
            store.open(key).err(),
            store.create(key, b"").err(),
            store.replace(key, b"").err(),
            store.replace_from_file(key, std::path::Path::new("missing")).err(),
            store.delete(key).err(),
        ]
        .map(|error| error.map(|e| e.kind()));
        assert_eq!(kinds, [Some(ErrorKind::Usage); 6], "{key:?}");
    }
    for prefix in ["../", "a/../", "/etc/", "a//", "a\\"] {
        assert_eq!(store.list(prefix).unwrap_err().kind(), ErrorKind::Usage, "{prefix:?}");
    }
}
