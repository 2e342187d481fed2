//! Puts a video where the deployment finds it, and names the execution that is to work on it.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use framefan_contract::{Error, Result, digest};
use framefan_store::ObjectStore;
use sha2::{Digest, Sha256};

use super::{Deployment, Part, VideoInput};

/// The prefix of videos put here by hand: unlike `uploads/`, it starts nothing.
const VIDEOS: &str = "videos/";

/// Step Functions' limit of an execution's name.
const LONGEST_NAME: usize = 80;

/// Bytes hashed at a time.
const BLOCK: usize = 1 << 20;

/// What is being done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// It is read, for its digest.
    Reading,
    /// It is sent.
    Uploading,
}

/// Where a video is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Whether it was sent now.
    pub uploaded: bool,
}

/// Makes sure that the video is in S3. A file is named after its content, so the same file is sent once. `progress` is told
/// what is done, and bytes done and in all.
pub fn place(deployment: &Deployment, video: &VideoInput, progress: &dyn Fn(Placing, u64, u64)) -> Result<Placed> {
    let path = match video {
        VideoInput::File(path) => path,
        VideoInput::Object { bucket, key } => {
            return Ok(Placed { bucket: bucket.clone(), key: key.clone(), uploaded: false });
        }
    };
    let bucket = deployment.name(Part::Bucket)?;
    let (digest, size) = digest_of(path, &|done, all| progress(Placing::Reading, done, all))?;
    let key = video_key(path, &digest);
    let is_there = deployment.objects()?.list(&key)?.iter().any(|object| object.key == key && object.size == size);
    if !is_there {
        deployment.aws.upload(bucket, &key, path, &|done, all| progress(Placing::Uploading, done, all))?;
    }
    Ok(Placed { bucket: bucket.to_owned(), key, uploaded: !is_there })
}

/// SHA-256 and length of a file.
fn digest_of(path: &Path, progress: &dyn Fn(u64, u64)) -> Result<(String, u64)> {
    let failed = |e| Error::io(path.display(), e);
    let mut file = File::open(path).map_err(failed)?;
    let all = file.metadata().map_err(failed)?.len();
    let (mut hash, mut done, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        let count = file.read(&mut block).map_err(failed)?;
        if count == 0 {
            break;
        }
        hash.update(&block[..count]);
        done += count as u64;
        progress(done, all);
    }
    if done == 0 {
        return Err(Error::bad_input(format!("{}: the file is empty", path.display())));
    }
    Ok((digest::hex(&hash.finalize()), done))
}

/// `videos/{digest}/{name}`: the name is for people.
fn video_key(path: &Path, digest: &str) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let safe: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    format!("{VIDEOS}{}/{safe}", &digest[..16])
}

/// A name for an execution that people recognise in the console: the video's, the time, and a few random digits.
pub fn execution_name(key: &str) -> String {
    let random = std::hash::RandomState::new().build_hasher().finish();
    name_at(key, SystemTime::now(), random)
}

fn name_at(key: &str, now: SystemTime, random: u64) -> String {
    // 2026-11-21T04:55:01Z → 20261121-045501
    let time: String = humantime::format_rfc3339_seconds(now)
        .to_string()
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == 'T')
        .map(|c| if c == 'T' { '-' } else { c })
        .collect();
    let tail = format!("-{time}-{:06x}", random & 0xff_ffff);
    let file = key.rsplit('/').next().unwrap_or(key);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut name = String::new();
    for c in stem.chars() {
        // Step Functions forbids spaces, brackets and much more; what logs and metrics take is less.
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
        if name.len() >= LONGEST_NAME - tail.len() {
            break;
        }
    }
    let name = name.trim_matches('-');
    format!("{}{tail}", if name.is_empty() { "video" } else { name })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use framefan_contract::ErrorKind;

    use super::*;

    #[test]
    fn a_file_is_named_after_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a match.mp4");
        std::fs::write(&path, b"abc").unwrap();
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        let (digest, size) = digest_of(&path, &|_, _| {}).unwrap();
        assert_eq!((digest.as_str(), size), ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3));
        assert_eq!(video_key(&path, &digest), "videos/ba7816bf8f01cfea/a match.mp4");
        assert_eq!(video_key(Path::new("a\\b\n.mp4"), &digest), "videos/ba7816bf8f01cfea/a_b_.mp4");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(digest_of(&path, &|_, _| {}).unwrap_err().kind(), ErrorKind::BadInput);
    }

    #[test]
    fn names_of_executions_are_readable_and_allowed() {
        // 2026-11-21T04:55:01Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_236_901);
        let name = |key: &str| name_at(key, now, 0xabcd_ef01_2345_6789);
        assert_eq!(name("videos/x/Final match (1st half).mp4"), "Final-match-1st-half-20261121-045501-456789");
        assert_eq!(name("видео.mp4"), "video-20261121-045501-456789");
        let long = name(&format!("{}.mp4", "ab ".repeat(80)));
        assert!(long.len() <= LONGEST_NAME && long.ends_with("-20261121-045501-456789"), "{long}");
        assert_ne!(execution_name("a.mp4"), execution_name("a.mp4"));
    }
}
