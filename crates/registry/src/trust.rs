//! Which bytes are the right ones: the digest that a download must have.
//!
//! It is the one that the user gives, the catalogue states, or was pinned when the model was first downloaded; without any
//! of these, the one that the hub states before it sends the file. They must agree, or the user must say that the new one
//! is right. Whoever can change a file on a server can change what that server states, but not what was pinned.

use framefan_contract::{Error, Result};

/// What is known of a model's digest.
#[derive(Clone, Debug)]
pub(crate) struct Trust<'a> {
    pub model: &'a str,
    /// By `--sha256`.
    pub given: Option<String>,
    /// By the catalogue.
    pub entry: Option<&'a str>,
    /// By the manifest of the folder that is downloaded to.
    pub pinned: Option<String>,
    /// Whether the user wants other bytes than those that were pinned.
    pub repin: bool,
}

impl Trust<'_> {
    /// The digest that the file must have, when the server states `stated` of it; `None` when nothing says.
    pub fn expected(&self, stated: Option<&str>) -> Result<Option<String>> {
        let (given, pinned) = (self.given.as_deref(), self.pinned.as_deref());
        if self.repin {
            return Ok(given.or(stated).or(self.entry).map(str::to_owned));
        }
        let known = [("--sha256 says", given), ("the catalogue states", self.entry), ("was pinned", pinned)];
        let mut known = known.into_iter().filter_map(|(by, digest)| Some((by, digest?)));
        let Some((by, digest)) = known.next() else { return Ok(stated.map(str::to_owned)) };
        let mut others = known.chain(stated.map(|digest| ("the server states", digest)));
        if let Some((other, different)) = others.find(|(_, other)| *other != digest) {
            return Err(Error::bad_input(format!(
                "{}: SHA-256 {digest} ({by}) is not {different} ({other}). Somebody has changed the file or one of the \
                 digests: find out who and why; --repin takes the new one",
                self.model
            )));
        }
        Ok(Some(digest.to_owned()))
    }

    /// As [`Trust::expected`], when there is no more to ask.
    pub fn settled(&self, stated: Option<&str>) -> Result<String> {
        self.expected(stated)?.ok_or_else(|| {
            Error::usage(format!(
                "{}: neither the catalogue nor the server states the file's SHA-256; give the one it must have with \
                 --sha256",
                self.model
            ))
        })
    }
}

/// `--sha256`: 64 hexadecimal digits.
pub(crate) fn parse_digest(text: &str) -> Result<String> {
    digest_in(text).ok_or_else(|| Error::usage(format!("--sha256 {text}: not 64 hexadecimal digits")))
}

/// The digest in the value of an `ETag` or `X-Linked-ETag` header. Files that are small enough for Git have an ETag of another
/// kind, with 40 digits.
pub(crate) fn digest_in(header: &str) -> Option<String> {
    let tag = header.trim().trim_matches('"');
    let is_digest = tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| tag.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    fn trust<'a>(given: Option<&str>, entry: Option<&'a str>, pinned: Option<&str>) -> Trust<'a> {
        Trust { model: "m", given: given.map(str::to_owned), entry, pinned: pinned.map(str::to_owned), repin: false }
    }

    #[test]
    fn what_is_known_must_agree() {
        let (a, b) = (Some("a"), Some("b"));
        for (given, entry, pinned, stated) in [
            (a, None, None, None),
            (None, a, None, None),
            (None, None, a, None),
            (None, None, None, a),
            (a, a, a, a),
            (None, a, None, a),
        ] {
            assert_eq!(trust(given, entry, pinned).expected(stated).unwrap().as_deref(), a);
        }
        for (given, entry, pinned, stated) in [
            (a, b, None, None),
            (None, a, b, None),
            (a, None, b, None),
            (a, None, None, b),
            (None, None, a, b),
            (None, a, a, b),
        ] {
            let error = trust(given, entry, pinned).expected(stated).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadInput);
            assert!(error.message().contains("--repin"), "{error}");
        }
        assert_eq!(trust(None, None, None).expected(None).unwrap(), None);
        assert_eq!(trust(None, None, None).settled(None).unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn who_pins_anew_forgets_the_pin_and_not_what_he_says_himself() {
        let repin = |trust: Trust<'static>| Trust { repin: true, ..trust };
        assert_eq!(repin(trust(None, None, Some("old"))).expected(Some("new")).unwrap().as_deref(), Some("new"));
        assert_eq!(
            repin(trust(Some("mine"), None, Some("old"))).expected(Some("new")).unwrap().as_deref(),
            Some("mine")
        );
        assert_eq!(repin(trust(None, Some("entry"), Some("old"))).expected(None).unwrap().as_deref(), Some("entry"));
        assert_eq!(repin(trust(None, None, Some("old"))).expected(None).unwrap(), None);
    }

    #[test]
    fn a_digest_is_64_digits() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_in(&format!("\"{digest}\"")).as_deref(), Some(digest));
        assert_eq!(digest_in(&digest.to_uppercase()).as_deref(), Some(digest));
        for wrong in ["", "\"a94a8fe5ccb19ba61c4c0873d391e987982fbbd3\"", &format!("W/\"{digest}\""), &digest[1..]] {
            assert_eq!(digest_in(wrong), None, "{wrong}");
        }
        assert_eq!(parse_digest("abc").unwrap_err().kind(), ErrorKind::Usage);
    }
}
