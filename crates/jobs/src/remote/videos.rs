//! What a user gives as videos: files, folders, objects.

use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result};

/// Names of files in a folder that are taken for videos. Whether they are is seen when they are opened.
const EXTENSIONS: [&str; 15] =
    ["3g2", "3gp", "avi", "m2ts", "m4v", "mkv", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "ts", "vob", "webm"];

/// A video to submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoInput {
    /// A file on this machine.
    File(PathBuf),
    /// An object in S3.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
}

impl std::fmt::Display for VideoInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VideoInput::File(path) => write!(f, "{}", path.display()),
            VideoInput::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

/// Videos, and what lay beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedVideos {
    /// In the order given, those of a folder sorted by name.
    pub videos: Vec<VideoInput>,
    /// What a folder has besides: other files, and folders, which are not gone through.
    pub skipped: Vec<PathBuf>,
}

/// The videos that a user's words name: files, folders, `s3://bucket/key`.
///
/// # Errors
/// `NotFound` when a path leads nowhere, or a folder has no video; `Usage` for a malformed address.
pub fn list_videos(texts: &[String]) -> Result<ListedVideos> {
    let mut listed = ListedVideos::default();
    for text in texts {
        if let Some(place) = text.strip_prefix("s3://") {
            listed.videos.push(object(text, place)?);
            continue;
        }
        let path = Path::new(text);
        let metadata = path.metadata().map_err(|e| Error::io(text, e))?;
        if metadata.is_dir() {
            list_folder(path, &mut listed)?;
        } else if metadata.is_file() {
            listed.videos.push(VideoInput::File(path.to_owned()));
        } else {
            return Err(Error::not_found(format!("{text}: neither a file nor a folder")));
        }
    }
    Ok(listed)
}

fn object(text: &str, place: &str) -> Result<VideoInput> {
    match place.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() && !key.ends_with('/') => {
            Ok(VideoInput::Object { bucket: bucket.to_owned(), key: key.to_owned() })
        }
        _ => Err(Error::usage(format!("{text}: not of the form s3://bucket/key"))),
    }
}

fn list_folder(folder: &Path, listed: &mut ListedVideos) -> Result<()> {
    let failed = |e| Error::io(format!("cannot list the folder {}", folder.display()), e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let before = listed.videos.len();
    for path in paths {
        if path.is_file() && is_video_name(&path) {
            listed.videos.push(VideoInput::File(path));
        } else {
            listed.skipped.push(path);
        }
    }
    if listed.videos.len() == before {
        return Err(Error::not_found(format!(
            "{}: no file there has a video's extension ({})",
            folder.display(),
            EXTENSIONS.join(", ")
        )));
    }
    Ok(())
}

fn is_video_name(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    !is_hidden && extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    fn of(texts: &[&str]) -> Result<ListedVideos> {
        list_videos(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_folder_gives_its_videos_sorted_and_says_what_it_skips() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.MP4", "a.mkv", "notes.txt", ".hidden.mp4", "plain"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(folder.path().join("more.mp4")).unwrap();
        let listed = of(&[folder.path().to_str().unwrap()]).unwrap();
        let names = |paths: &[PathBuf]| -> Vec<String> {
            paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        let videos: Vec<PathBuf> = listed
            .videos
            .iter()
            .map(|video| match video {
                VideoInput::File(path) => path.clone(),
                VideoInput::Object { .. } => panic!("an object in a folder"),
            })
            .collect();
        assert_eq!(names(&videos), ["a.mkv", "b.MP4"]);
        assert_eq!(names(&listed.skipped), [".hidden.mp4", "more.mp4", "notes.txt", "plain"]);
    }

    #[test]
    fn a_named_file_is_a_video_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, b"x").unwrap();
        assert_eq!(of(&[path.to_str().unwrap()]).unwrap().videos, [VideoInput::File(path)]);
    }

    #[test]
    fn what_leads_nowhere_is_said() {
        let empty = tempfile::tempdir().unwrap();
        let error = of(&[empty.path().to_str().unwrap()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("mp4"), "{error}");
        assert_eq!(of(&["no-such-file.mp4"]).unwrap_err().kind(), ErrorKind::NotFound);
        for wrong in ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/folder/"] {
            assert_eq!(of(&[wrong]).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
        let object = VideoInput::Object { bucket: "b".into(), key: "a b/c.mp4".into() };
        assert_eq!(of(&["s3://b/a b/c.mp4"]).unwrap().videos, [object]);
    }
}
