//! Objects in an S3 bucket.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use framefan_contract::{Error, Result};

use super::body::Body;
use super::errors::{code, failed, status};
use super::random::{fraction, unique};
use super::{Aws, content_type};
use crate::objects::{Created, ObjectInfo, ObjectStore, check_key, check_prefix};

/// Tries of a conditional write that another writer disturbs.
const CONFLICTS: u32 = 8;

/// Metadata under which an object says which write made it.
const WRITE: &str = "framefan-write";

/// An [`ObjectStore`] in an S3 bucket. Several processes may use one bucket.
#[derive(Clone)]
pub struct S3Store {
    aws: Aws,
    bucket: String,
}

impl S3Store {
    pub(super) fn new(aws: Aws, bucket: &str) -> Self {
        S3Store { aws, bucket: bucket.to_owned() }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Whether the object there was made by the write of that name.
    fn is_made_by(&self, key: &str, write: &str) -> Result<bool> {
        match self.aws.block_on(self.aws.s3().head_object().bucket(&self.bucket).key(key).send()) {
            Ok(head) => Ok(head.metadata.is_some_and(|metadata| metadata.get(WRITE).is_some_and(|by| by == write))),
            Err(e) if status(&e) == Some(404) => Ok(false),
            Err(e) => Err(failed(format!("cannot read {}", self.url(key)), e)),
        }
    }
}

impl ObjectStore for S3Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        let Some(mut body) = Body::open(&self.aws, &self.bucket, key)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(body.size()).unwrap_or(0));
        body.read_to_end(&mut bytes).map_err(|e| match e.downcast::<Error>() {
            Ok(error) => error,
            Err(e) => Error::io(format!("cannot read {}", self.url(key)), e),
        })?;
        Ok(Some(bytes))
    }

    fn open(&self, key: &str) -> Result<Option<Box<dyn Read + Send>>> {
        check_key(key)?;
        Ok(Body::open(&self.aws, &self.bucket, key)?.map(|body| Box::new(body) as Box<dyn Read + Send>))
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        check_key(key)?;
        // An answer can be lost and the request repeated, which then finds the object it made itself.
        let write = unique();
        let mut pause = Duration::from_millis(20);
        for _ in 0..CONFLICTS {
            let request = self
                .aws
                .s3()
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .if_none_match("*")
                .metadata(WRITE, &write)
                .content_type(content_type::of(key))
                .body(ByteStream::from(bytes.to_vec()))
                .send();
            match self.aws.block_on(request) {
                Ok(_) => return Ok(Created::New),
                Err(e) if status(&e) == Some(412) => {
                    let own = self.is_made_by(key, &write)?;
                    return Ok(if own { Created::New } else { Created::Existed });
                }
                // Somebody else writes or deletes it at this moment.
                Err(e) if status(&e) == Some(409) || code(&e) == Some("NoSuchKey") => {
                    std::thread::sleep(pause.mul_f64(fraction()));
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(e) => return Err(failed(format!("cannot create {}", self.url(key)), e)),
            }
        }
        Err(Error::retryable(format!("cannot create {}: other writers disturb each try", self.url(key))))
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        check_key(key)?;
        self.aws.put(&self.bucket, key, bytes.to_vec())
    }

    fn replace_from_file(&self, key: &str, path: &Path) -> Result<()> {
        check_key(key)?;
        self.aws.upload(&self.bucket, key, path, &|_, _| {})?;
        std::fs::remove_file(path).map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        check_prefix(prefix)?;
        let mut pages = self.aws.s3().list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = self.aws.block_on(pages.next()) {
            let page = page.map_err(|e| failed(format!("cannot list {}", self.url(prefix)), e))?;
            found.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                Some(ObjectInfo { key: object.key?, size })
            }));
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<bool> {
        check_key(key)?;
        let what = || format!("cannot delete {}", self.url(key));
        match self.aws.block_on(self.aws.s3().head_object().bucket(&self.bucket).key(key).send()) {
            Ok(_) => {}
            Err(e) if status(&e) == Some(404) => {
                // The answer has no body to say whether it is the object or the bucket that is missing.
                let bucket = self.aws.block_on(self.aws.s3().head_bucket().bucket(&self.bucket).send());
                return bucket.map(|_| false).map_err(|e| failed(what(), e));
            }
            Err(e) => return Err(failed(what(), e)),
        }
        self.aws
            .block_on(self.aws.s3().delete_object().bucket(&self.bucket).key(key).send())
            .map(|_| true)
            .map_err(|e| failed(what(), e))
    }
}
