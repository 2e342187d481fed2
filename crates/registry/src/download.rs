//! Getting one file whole: from where an earlier attempt ended, again when the connection is cut, and never in place before
//! its digest is right.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Duration;

use framefan_contract::{Error, ErrorKind, Result};
use ureq::Body;
use ureq::http::Response;

use crate::client::{Client, header, redirect};
use crate::part::{Part, digest_of};
use crate::places::Address;
use crate::trust::{Trust, digest_in};

/// The largest file that is taken: YOLOv8x is 140 MB.
const MOST_BYTES: u64 = 2 << 30;

/// Redirects that are followed for one file. The hub sends a renamed repository's files to the new name, and those to a
/// network of caches.
const MOST_REDIRECTS: usize = 8;

/// Attempts in a row that bring nothing.
const FRUITLESS: u32 = 5;

/// Attempts in all: a server that cuts every connection is given up on.
const ATTEMPTS: u32 = 100;

const FIRST_DELAY: Duration = Duration::from_millis(500);
const LAST_DELAY: Duration = Duration::from_secs(30);

/// What happens while a file is downloaded.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Another process is downloading the same model; we wait for it.
    Waiting,
    /// So much is there, of so much where the server says.
    Bytes {
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole file.
        all: Option<u64>,
    },
    /// Something went wrong that may pass; it is tried again after this time.
    Again {
        /// What went wrong.
        why: String,
        /// How long until the next attempt.
        after: Duration,
    },
}

/// One file to get.
pub(crate) struct Download<'a> {
    pub address: Address,
    pub trust: Trust<'a>,
    pub folder: &'a Path,
    /// Where it is to stand.
    pub target: &'a Path,
    /// Looks into the file before it is put in its place.
    pub look: &'a dyn Fn(&Path) -> Result<()>,
    pub step: &'a dyn Fn(Step),
}

/// A file that is in its place.
pub(crate) struct Downloaded {
    pub sha256: String,
    /// Whether it was there already.
    pub was_there: bool,
}

/// Why an attempt ended without the file.
struct Trouble {
    error: Error,
    /// How long the server asks us to wait.
    wait: Option<Duration>,
    /// Whether another attempt may help.
    passes: bool,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble { error, wait: None, passes: false }
    }
}

/// Trouble on the way, which may pass.
fn on_the_way(error: Error) -> Trouble {
    Trouble { passes: error.kind() == ErrorKind::Retryable, error, wait: None }
}

/// A server's last answer, after all redirects.
struct Answer {
    response: Response<Body>,
    host: String,
    expected: String,
    part: Part,
    /// Whether we asked for the rest of the part.
    asked_rest: bool,
}

impl Download<'_> {
    /// Downloads until the file is there.
    ///
    /// # Errors
    /// `Retryable` when it did not work out after several attempts: what is there is kept for the next call. `BadInput` for
    /// wrong bytes, and for a server that is not to be followed. `NotFound` when the server has no such file or does not give
    /// it to us. `Usage` when nothing says what the digest must be.
    pub fn run(&self, client: &Client) -> Result<Downloaded> {
        let (mut fruitless, mut delay) = (0, FIRST_DELAY);
        for _ in 0..ATTEMPTS {
            let mut received = 0;
            let trouble = match self.attempt(client, &mut received) {
                Ok(downloaded) => return Ok(downloaded),
                Err(trouble) => trouble,
            };
            if !trouble.passes {
                return Err(trouble.error);
            }
            if received > 0 {
                (fruitless, delay) = (0, FIRST_DELAY);
            }
            fruitless += 1;
            if fruitless >= FRUITLESS {
                return Err(self.given_up(&trouble.error, fruitless));
            }
            let after = trouble.wait.unwrap_or(delay).min(LAST_DELAY);
            (self.step)(Step::Again { why: trouble.error.message().to_owned(), after });
            thread::sleep(after);
            delay *= 2;
        }
        Err(self.given_up(&Error::retryable("the connection is cut again and again"), ATTEMPTS))
    }

    fn given_up(&self, error: &Error, attempts: u32) -> Error {
        Error::retryable(format!(
            "{}: given up after {attempts} attempts: {error}; what has come is kept, the same command goes on from there",
            self.trust.model
        ))
    }

    fn attempt(&self, client: &Client, received: &mut u64) -> std::result::Result<Downloaded, Trouble> {
        let Some(answer) = self.ask(client)? else {
            return Ok(Downloaded { sha256: digest_of(self.target)?, was_there: true });
        };
        let Answer { response, host, expected, mut part, asked_rest } = answer;
        let (all, goes_on) = match self.extent(&response, &host, &part, asked_rest) {
            Ok(extent) => extent,
            Err(trouble) => {
                // A server that sends another piece than asked, or has none after the part, is asked for the whole.
                if trouble.passes {
                    part.discard();
                }
                return Err(trouble);
            }
        };
        let tag = header(&response, "etag").filter(|tag| !tag.starts_with("W/"));
        let mut file = part.writer(!goes_on, tag)?;
        let resumed = part.length > 0;
        self.copy(response.into_body(), &host, &mut part, &mut file, all, received)?;
        drop(file);
        let digest = part.digest()?;
        if digest != expected {
            part.discard();
            let error = Error::bad_input(format!(
                "{}: what {host} sent has SHA-256 {digest}, not {expected}: it was thrown away",
                self.trust.model
            ));
            // What was there before may have been of another version.
            return Err(Trouble { error, wait: Some(Duration::ZERO), passes: resumed });
        }
        if let Err(error) = (self.look)(part.path()) {
            part.discard();
            return Err(error.into());
        }
        part.finish(self.target)?;
        Part::discard_all(self.folder, self.trust.model);
        Ok(Downloaded { sha256: digest, was_there: false })
    }

    /// Asks for the file, or for the rest of it, and follows redirects. `None`: the right file is in its place already.
    fn ask(&self, client: &Client) -> std::result::Result<Option<Answer>, Trouble> {
        let start = &self.address.url;
        let (mut url, mut stated) = (start.clone(), None::<String>);
        for _ in 0..=MOST_REDIRECTS {
            // The token, and what is believed of the file, are between us and the first server.
            let is_first = url.origin() == start.origin();
            let known = self.trust.expected(stated.as_deref())?;
            let part = known.as_deref().map(|digest| Part::of(self.folder, self.trust.model, digest));
            let part = part.filter(|part| part.length > 0);
            let mut headers = Vec::new();
            if let Some(part) = &part {
                headers.push(("Range", format!("bytes={}-", part.length)));
                headers.extend(part.tag().map(|tag| ("If-Range", tag)));
            }
            if let Some(token) = self.address.token.as_ref().filter(|_| is_first) {
                headers.push(("Authorization", format!("Bearer {token}")));
            }
            let response = client.get(&url, &headers).map_err(on_the_way)?;
            if is_first {
                stated = header(&response, "x-linked-etag").and_then(digest_in).or(stated);
            }
            if let Some(next) = redirect(&url, &response)? {
                url = next;
                continue;
            }
            let host = url.host_str().unwrap_or_default().to_owned();
            refusal(&response, &host, self.trust.model)?;
            let expected = self.trust.settled(stated.as_deref())?;
            if self.target.is_file() && digest_of(self.target)? == expected {
                return Ok(None);
            }
            let whole_part = Part::of(self.folder, self.trust.model, &expected);
            let asked_rest = part.is_some() && known.as_ref() == Some(&expected);
            if response.status().as_u16() == 206 && !asked_rest {
                return Err(
                    Error::bad_input(format!("{host} sent a piece of the file when asked for all of it")).into()
                );
            }
            // Only now we know which file it is, and that we have a part of it: ask once more, for the rest.
            if whole_part.length > 0 && !asked_rest && known.as_ref() != Some(&expected) {
                continue;
            }
            return Ok(Some(Answer { response, host, expected, part: whole_part, asked_rest }));
        }
        Err(Error::bad_input(format!(
            "{} redirects more than {MOST_REDIRECTS} times",
            start.host_str().unwrap_or_default()
        ))
        .into())
    }

    /// How large the whole file is, if the server says, and whether the answer goes on where the part ends.
    fn extent(
        &self,
        response: &Response<Body>,
        host: &str,
        part: &Part,
        asked_rest: bool,
    ) -> std::result::Result<(Option<u64>, bool), Trouble> {
        let again = |what: String| Trouble { error: Error::retryable(what), wait: Some(Duration::ZERO), passes: true };
        let (all, goes_on) = match response.status().as_u16() {
            206 => {
                let range = header(response, "content-range").and_then(ContentRange::parse);
                let range = range.ok_or_else(|| again(format!("{host} sent a piece without saying which")))?;
                if range.first != part.length {
                    return Err(again(format!("{host} sent the piece from byte {}, not {}", range.first, part.length)));
                }
                (range.all, true)
            }
            // The rest of what is whole already, or of a file that is shorter now.
            416 if asked_rest => return Err(again(format!("{host} has nothing after byte {}", part.length))),
            _ => (header(response, "content-length").and_then(|length| length.trim().parse().ok()), false),
        };
        if all.is_some_and(|all| all > MOST_BYTES) {
            return Err(Error::bad_input(format!(
                "{host}: a file of {} bytes, more than the {MOST_BYTES} that are taken",
                all.unwrap_or_default()
            ))
            .into());
        }
        Ok((all, goes_on))
    }

    fn copy(
        &self,
        body: Body,
        host: &str,
        part: &mut Part,
        file: &mut File,
        all: Option<u64>,
        received: &mut u64,
    ) -> std::result::Result<(), Trouble> {
        let mut reader = body.into_with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 1 << 16];
        (self.step)(Step::Bytes { done: part.length, all });
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) => return Err(on_the_way(Error::retryable(format!("{host}: the connection was cut: {e}")))),
            };
            if part.length + count as u64 > all.unwrap_or(MOST_BYTES) {
                part.discard();
                return Err(Error::bad_input(format!("{host} sends more than it said, or than is taken")).into());
            }
            // A full disk is no trouble of the way: trying again at once would not help.
            part.append(file, &buffer[..count])?;
            *received += count as u64;
            (self.step)(Step::Bytes { done: part.length, all });
        }
        match all {
            Some(all) if part.length < all => {
                let at = part.length;
                Err(on_the_way(Error::retryable(format!("{host}: the connection was cut after {at} of {all} bytes"))))
            }
            _ => Ok(()),
        }
    }
}

/// What a status means that brings no file.
fn refusal(response: &Response<Body>, host: &str, model: &str) -> std::result::Result<(), Trouble> {
    let status = response.status();
    let says = Named { host, status: status.as_u16(), reason: status.canonical_reason().unwrap_or("no known status") };
    let wait = header(response, "retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    match status.as_u16() {
        200 | 206 | 416 => Ok(()),
        401 | 403 => Err(Error::not_found(format!(
            "{model}: {says}: the file is not public; HF_TOKEN holds a token of the hub that may read it"
        ))
        .into()),
        408 | 425 | 429 | 500 | 502 | 503 | 504 => {
            Err(Trouble { error: Error::retryable(says.to_string()), wait, passes: true })
        }
        400..500 => Err(Error::not_found(format!("{model}: {says}: the file is not there")).into()),
        _ => Err(Error::bad_input(format!("{model}: {says}: not an answer to a download")).into()),
    }
}

struct Named<'a> {
    host: &'a str,
    status: u16,
    reason: &'a str,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers {} {}", self.host, self.status, self.reason)
    }
}

/// `bytes 100-199/1000`: RFC 9110, 14.4.
struct ContentRange {
    first: u64,
    all: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<ContentRange> {
        let (range, all) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (first, _last) = range.split_once('-')?;
        Some(ContentRange { first: first.trim().parse().ok()?, all: all.trim().parse().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read() {
        let read = |text| ContentRange::parse(text).map(|range| (range.first, range.all));
        assert_eq!(read("bytes 100-199/1000"), Some((100, Some(1000))));
        assert_eq!(read("bytes 0-0/*"), Some((0, None)));
        for wrong in ["", "bytes */1000", "bytes 100/1000", "items 1-2/3", "bytes a-b/c"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
