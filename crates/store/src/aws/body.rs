//! An object as a stream that survives a broken connection.

use std::io::{self, Read};
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use framefan_contract::{Error, Result};

use super::Aws;
use super::errors::{chain, code, failed, status};

/// Times that a stream may break in a row without a byte in between.
const BREAKS: u32 = 5;

/// How long to wait after the first break; doubled after each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// The bytes of one version of an object. Where the connection breaks, the rest is asked for again, of that version.
pub(super) struct Body {
    aws: Aws,
    bucket: String,
    key: String,
    etag: Option<String>,
    version: Option<String>,
    size: u64,
    /// Bytes received.
    position: u64,
    stream: ByteStream,
    /// Received and not yet read.
    pending: Vec<u8>,
    taken: usize,
}

impl Body {
    /// Opens an object; `None` where there is none.
    pub(super) fn open(aws: &Aws, bucket: &str, key: &str) -> Result<Option<Body>> {
        let answer = match aws.block_on(aws.s3().get_object().bucket(bucket).key(key).send()) {
            Ok(answer) => answer,
            Err(e) if code(&e) == Some("NoSuchKey") => return Ok(None),
            Err(e) => return Err(failed(format!("cannot read s3://{bucket}/{key}"), e)),
        };
        let size = content_length(&answer);
        Ok(Some(Body {
            aws: aws.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            etag: answer.e_tag,
            version: answer.version_id.filter(|version| version != "null"),
            size,
            position: 0,
            stream: answer.body,
            pending: Vec::new(),
            taken: 0,
        }))
    }

    /// Bytes in all.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes to come; none at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut breaks = 0;
        loop {
            let why = match self.aws.block_on(self.stream.try_next()) {
                Ok(Some(bytes)) => {
                    self.position += bytes.len() as u64;
                    return Ok(Some(bytes.into()));
                }
                Ok(None) if self.position == self.size => return Ok(None),
                Ok(None) => "the connection ended early".to_owned(),
                Err(e) => chain(&e),
            };
            breaks += 1;
            if breaks > BREAKS || self.position >= self.size {
                let at = self.position;
                return Err(Error::retryable(format!(
                    "cannot read s3://{}/{} at byte {at}: {why}",
                    self.bucket, self.key
                )));
            }
            std::thread::sleep(PAUSE * (1 << (breaks - 1)));
            self.stream = self.rest()?;
        }
    }

    /// What has not been received yet, of the same version.
    fn rest(&self) -> Result<ByteStream> {
        let request = self
            .aws
            .s3()
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.version.clone())
            .set_if_match(self.etag.clone())
            .range(format!("bytes={}-{}", self.position, self.size - 1))
            .send();
        let what = || format!("cannot go on reading s3://{}/{}", self.bucket, self.key);
        match self.aws.block_on(request) {
            Ok(answer) if content_length(&answer) == self.size - self.position => Ok(answer.body),
            Ok(_) => Err(Error::retryable(format!("{}: the answer has another range than asked for", what()))),
            Err(e) if status(&e) == Some(412) => {
                Err(Error::retryable(format!("{}: it was replaced meanwhile", what())))
            }
            Err(e) => Err(failed(what(), e)),
        }
    }
}

fn content_length(answer: &GetObjectOutput) -> u64 {
    answer.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.pending.len() {
            match self.next().map_err(io::Error::other)? {
                Some(bytes) => (self.pending, self.taken) = (bytes, 0),
                None => return Ok(0),
            }
        }
        let count = buf.len().min(self.pending.len() - self.taken);
        buf[..count].copy_from_slice(&self.pending[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}
