//! One member of a JSON object as a stream of its own, without reading the others into memory.

use std::io::{self, BufRead, BufReader, Read};

use framefan_contract::{Error, Result};

/// The bytes of a member's value, with the white space around it.
pub(super) struct Member<R> {
    from: BufReader<R>,
    span: Span,
    ended: bool,
}

/// The value of the member called `name` of the object that `from` holds, or `None` when there is none. What comes before
/// it is passed over as it is: only its brackets and strings are looked at.
///
/// # Errors
/// `BadInput` when it is not an object; `Retryable` and others when it cannot be read.
pub(super) fn find<R: Read>(from: R, name: &str) -> Result<Option<Member<R>>> {
    let mut from = BufReader::with_capacity(1 << 16, from);
    let malformed = || Error::bad_input("the result is not a JSON object");
    if next(&mut from)? != Some(b'{') {
        return Err(malformed());
    }
    loop {
        match next(&mut from)? {
            Some(b'}') => return Ok(None),
            Some(b',') => continue,
            Some(b'"') => {}
            _ => return Err(malformed()),
        }
        let key = key(&mut from)?.ok_or_else(malformed)?;
        if next(&mut from)? != Some(b':') {
            return Err(malformed());
        }
        let mut member = Member { from, span: Span::default(), ended: false };
        if key == name.as_bytes() {
            return Ok(Some(member));
        }
        io::copy(&mut member, &mut io::sink()).map_err(failed)?;
        if !member.ended {
            return Err(malformed());
        }
        from = member.from;
    }
}

/// The next byte that is not white space, taken.
fn next(from: &mut impl BufRead) -> Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match from.read(&mut byte).map_err(failed)? {
            0 => return Ok(None),
            _ if byte[0].is_ascii_whitespace() => {}
            _ => return Ok(Some(byte[0])),
        }
    }
}

/// The rest of a key up to its closing quote, escapes as they stand.
fn key(from: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let (mut key, mut escaped) = (Vec::new(), false);
    for byte in from.bytes() {
        match (byte.map_err(failed)?, escaped) {
            (b'"', false) => return Ok(Some(key)),
            (byte, _) => {
                escaped = byte == b'\\' && !escaped;
                key.push(byte);
            }
        }
    }
    Ok(None)
}

fn failed(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io("reading the result", error),
    }
}

impl<R: Read> Read for Member<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended || buf.is_empty() {
            return Ok(0);
        }
        let bytes = self.from.fill_buf()?;
        let bytes = &bytes[..bytes.len().min(buf.len())];
        let (count, ended) = match self.span.end(bytes) {
            Some(end) => (end, true),
            None => (bytes.len(), false),
        };
        buf[..count].copy_from_slice(&bytes[..count]);
        self.from.consume(count);
        self.ended = ended;
        Ok(count)
    }
}

/// How far a value reaches, told as its bytes come by.
#[derive(Default)]
struct Span {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Span {
    /// How many of the next bytes belong to the value, when it ends among them.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = byte == b'\\' && !self.escaped;
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // A number or a word ends where the object goes on.
                b'}' | b',' if self.depth == 0 => return Some(place),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(place + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    /// Gives one byte at a time, so that every state is met at the edge of a buffer.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buf.len()).min(1);
            buf[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn member(text: &str, name: &str) -> Option<String> {
        let mut value = String::new();
        find(Trickle(text.as_bytes()), name).unwrap()?.read_to_string(&mut value).unwrap();
        Some(value.trim().to_owned())
    }

    const TEXT: &str = r#" {"a": 1, "b\"}": "x\\", "nested": {"c": {"d": "}]\""}}, "word" : true,
        "c": {"e": [{"f": "{[\\\""}, []], "g": "\\"}, "last": {} } "#;

    #[test]
    fn a_member_is_cut_out_exactly() {
        assert_eq!(member(TEXT, "c").unwrap(), r#"{"e": [{"f": "{[\\\""}, []], "g": "\\"}"#);
        assert_eq!(member(TEXT, "nested").unwrap(), r#"{"c": {"d": "}]\""}}"#);
        assert_eq!((member(TEXT, "last").unwrap().as_str(), member(TEXT, "a").unwrap().as_str()), ("{}", "1"));
        for nested in ["d", "e", "none"] {
            assert_eq!(member(TEXT, nested), None, "{nested}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in ["", "[]", "{", "{\"a\"", "{\"a\": {", "{\"a\": 1", "{7: 1}"] {
            let error = find(wrong.as_bytes(), "c").err().expect("this is refused");
            assert_eq!(error.kind(), ErrorKind::BadInput, "{wrong}");
        }
    }
}
