//! Files to S3 and back.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use framefan_contract::{Error, Result};
use tokio::task::JoinSet;

use super::body::Body;
use super::errors::failed;
use super::{Aws, CONNECT, content_type};

/// Larger files travel in parts.
const WHOLE: u64 = 16 << 20;

/// Bytes of a part, at least.
const PART: u64 = 8 << 20;

/// Parts that S3 takes for one object.
const PARTS: u64 = 10_000;

/// Parts that travel at the same time.
const PARTS_AT_ONCE: usize = 4;

/// How long a part may travel: uplinks can be slow. A part that does not move at all is given up much earlier.
const TRAVEL: Duration = Duration::from_secs(900);

impl Aws {
    /// Makes a file an object, in several parts at a time where it is large, with checksums that S3 verifies.
    /// `progress` is told the bytes sent and the bytes in all, on the calling thread.
    ///
    /// # Errors
    /// `NotFound` when the file or the bucket does not exist or access is denied; `BadInput` when the file changes
    /// meanwhile.
    pub fn upload(&self, bucket: &str, key: &str, path: &Path, progress: &dyn Fn(u64, u64)) -> Result<()> {
        let io_failed = |e| Error::io(format!("cannot read {}", path.display()), e);
        let file = File::open(path).map_err(io_failed)?;
        let metadata = file.metadata().map_err(io_failed)?;
        if !metadata.is_file() {
            return Err(Error::not_found(format!("cannot read {}: not a regular file", path.display())));
        }
        let source = Source { file, size: metadata.len(), name: path.display().to_string() };
        progress(0, source.size);
        if source.size <= WHOLE {
            let bytes = source.part(0, source.size)?;
            self.put(bucket, key, bytes)?;
            progress(source.size, source.size);
            return Ok(());
        }
        Multipart::new(self, bucket, key)?.send(&source, progress)
    }

    /// Makes an object a file, which appears whole or not at all; false when there is no such object.
    ///
    /// # Errors
    /// `NotFound` when the bucket does not exist, access is denied or the file's folder cannot be written to.
    pub fn download(&self, bucket: &str, key: &str, path: &Path) -> Result<bool> {
        let Some(mut body) = Body::open(self, bucket, key)? else { return Ok(false) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write_failed = |e| Error::io(format!("cannot write {}", path.display()), e);
        std::fs::create_dir_all(folder).map_err(write_failed)?;
        let mut file = tempfile::Builder::new();
        {
            use std::os::unix::fs::PermissionsExt;
            file.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = file.tempfile_in(folder).map_err(write_failed)?;
        io::copy(&mut body, &mut file).and_then(|_| file.flush()).map_err(|e| {
            // What the body reports is one of ours already.
            match e.downcast::<Error>() {
                Ok(error) => error,
                Err(e) => write_failed(e),
            }
        })?;
        file.persist(path).map_err(|e| write_failed(e.error))?;
        Ok(true)
    }

    /// Writes an object in one request.
    pub(super) fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<()> {
        let request = self
            .s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .content_type(content_type::of(key))
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(travel()))
            .send();
        self.block_on(request).map_err(|e| failed(format!("cannot write s3://{bucket}/{key}"), e))?;
        Ok(())
    }
}

fn travel() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(TRAVEL).build()
}

/// The file that is sent.
struct Source {
    file: File,
    size: u64,
    name: String,
}

impl Source {
    fn part(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Error::defect("a part is larger than memory"))?];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Error::bad_input(format!("{} became shorter while it was read", self.name)),
            _ => Error::io(format!("cannot read {}", self.name), e),
        })?;
        Ok(bytes)
    }
}

/// An upload in parts, begun and neither completed nor given up.
struct Multipart<'a> {
    aws: &'a Aws,
    bucket: &'a str,
    key: &'a str,
    id: String,
}

impl<'a> Multipart<'a> {
    fn new(aws: &'a Aws, bucket: &'a str, key: &'a str) -> Result<Self> {
        let request = aws
            .s3()
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .content_type(content_type::of(key))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send();
        let what = || format!("cannot write s3://{bucket}/{key}");
        let begun = aws.block_on(request).map_err(|e| failed(what(), e))?;
        let id = begun.upload_id.ok_or_else(|| Error::retryable(format!("{}: S3 gave no upload id", what())))?;
        Ok(Multipart { aws, bucket, key, id })
    }

    /// Sends all parts. What was sent of an upload that fails is removed.
    fn send(&self, source: &Source, progress: &dyn Fn(u64, u64)) -> Result<()> {
        let outcome = self.aws.block_on(self.parts(source, progress)).and_then(|parts| self.complete(parts));
        if outcome.is_err() {
            let abort = self.aws.s3().abort_multipart_upload();
            // The first failure is the one to tell. Where this one fails too, the bucket's lifecycle rule cleans up.
            let _ = self.aws.block_on(abort.bucket(self.bucket).key(self.key).upload_id(&self.id).send());
        }
        outcome
    }

    async fn parts(&self, source: &Source, progress: &dyn Fn(u64, u64)) -> Result<Vec<CompletedPart>> {
        let part_size = PART.max(source.size.div_ceil(PARTS));
        let mut sent = 0;
        let mut done = Vec::new();
        let mut travelling: JoinSet<Result<(CompletedPart, u64)>> = JoinSet::new();
        let mut offset = 0;
        for number in 1.. {
            while travelling.len() >= PARTS_AT_ONCE || (offset >= source.size && !travelling.is_empty()) {
                let joined = travelling.join_next().await.expect("there are some");
                let (part, length) = joined.map_err(|e| Error::defect(format!("an upload's task failed: {e}")))??;
                done.push(part);
                sent += length;
                progress(sent, source.size);
            }
            if offset >= source.size {
                break;
            }
            let length = part_size.min(source.size - offset);
            let bytes = source.part(offset, length)?;
            travelling.spawn(send_part(
                self.aws.s3().clone(),
                (self.bucket.to_owned(), self.key.to_owned(), self.id.clone()),
                number,
                bytes,
            ));
            offset += length;
        }
        done.sort_by_key(|part| part.part_number);
        Ok(done)
    }

    fn complete(&self, parts: Vec<CompletedPart>) -> Result<()> {
        let request = self
            .aws
            .s3()
            .complete_multipart_upload()
            .bucket(self.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(travel()))
            .send();
        self.aws.block_on(request).map_err(|e| failed(format!("cannot write s3://{}/{}", self.bucket, self.key), e))?;
        Ok(())
    }
}

async fn send_part(
    client: Client,
    (bucket, key, upload_id): (String, String, String),
    number: i32,
    bytes: Vec<u8>,
) -> Result<(CompletedPart, u64)> {
    let length = bytes.len() as u64;
    let what = format!("cannot write part {number} of s3://{bucket}/{key}");
    let answer = client
        .upload_part()
        .bucket(bucket)
        .key(key)
        .upload_id(upload_id)
        .part_number(number)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .body(ByteStream::from(bytes))
        .customize()
        .config_override(aws_sdk_s3::config::Config::builder().timeout_config(travel()))
        .send()
        .await
        .map_err(|e| failed(what, e))?;
    let part = CompletedPart::builder()
        .part_number(number)
        .set_e_tag(answer.e_tag)
        .set_checksum_crc32(answer.checksum_crc32)
        .build();
    Ok((part, length))
}
