//! Results as streams: JSON whose arrays may be gigabytes, handed on element by element.
//!
//! [`Members`] says what to do with the members of an object; [`read`] parses one document and calls it. Whatever nobody
//! asks for is skipped while parsing, never collected.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

use framefan_contract::{Error, Result};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// What to do with the members of a JSON object, in whatever order they come.
pub trait Members {
    /// Takes the value of `key`: exactly one of [`Value`]'s methods must be called.
    ///
    /// # Errors
    /// What [`Value`]'s methods return.
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error>;
}

/// A member's value that is still to be read.
pub struct Value<'a, A> {
    map: &'a mut A,
    failure: &'a mut Option<Error>,
}

impl<'de, A: MapAccess<'de>> Value<'_, A> {
    /// The value as a whole.
    ///
    /// # Errors
    /// When it is something else than a `T`.
    pub fn get<T: DeserializeOwned>(self) -> Result<T, A::Error> {
        self.map.next_value()
    }

    /// The value, an array, element by element.
    ///
    /// # Errors
    /// When it is something else than an array of `T`; what `take` returns.
    pub fn each<T: DeserializeOwned>(self, take: impl FnMut(T) -> Result<()>) -> Result<(), A::Error> {
        self.map.next_value_seed(Each { take, failure: self.failure, element: PhantomData })
    }

    /// The value, an object, member by member.
    ///
    /// # Errors
    /// When it is something else than an object; what `members` returns.
    pub fn object(self, members: &mut impl Members) -> Result<(), A::Error> {
        self.map.next_value_seed(Object { members, failure: self.failure })
    }

    /// Nothing of it.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn ignore(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Parses a document, one object, to its end. `what` names it in messages.
///
/// # Errors
/// [`BadInput`](framefan_contract::ErrorKind::BadInput) when it is not what `members` expects; what `members` and the
/// stream return.
pub fn read(from: impl Read, what: &str, members: &mut impl Members) -> Result<()> {
    let mut failure = None;
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, from));
    let parsed = Object { members, failure: &mut failure }.deserialize(&mut json).and_then(|()| json.end());
    parsed.map_err(|error| {
        if let Some(failure) = failure {
            return failure;
        }
        if !error.is_io() {
            return Error::bad_input(format!("{what} is not what its schema says: {error}")).with_source(error);
        }
        // An error of ours travels inside the one of the stream.
        match io::Error::from(error).downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::io(format!("reading {what}"), error),
        }
    })
}

/// An object; an error of `members` that is not the parser's waits in `failure`.
struct Object<'a, M> {
    members: &'a mut M,
    failure: &'a mut Option<Error>,
}

impl<'de, M: Members> DeserializeSeed<'de> for Object<'_, M> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Members> Visitor<'de> for Object<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.members.member(&key, Value { map: &mut map, failure: self.failure })?;
        }
        Ok(())
    }
}

struct Each<'a, T, F> {
    take: F,
    failure: &'a mut Option<Error>,
    element: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<()>> DeserializeSeed<'de> for Each<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<()>> Visitor<'de> for Each<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<T>()? {
            if let Err(error) = (self.take)(element) {
                *self.failure = Some(error);
                return Err(A::Error::custom("an element could not be taken"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    #[derive(Default)]
    struct Sums {
        sum: i64,
        name: String,
        most: i64,
    }

    impl Members for Sums {
        fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
            match key {
                "numbers" => value.each(|number: i64| {
                    self.sum += number;
                    if number > self.most { Err(Error::defect(format!("{number} is too much"))) } else { Ok(()) }
                }),
                "inner" => value.object(self),
                "name" => value.get().map(|name| self.name = name),
                _ => value.ignore(),
            }
        }
    }

    fn sums(text: &str, most: i64) -> Result<Sums> {
        let mut sums = Sums { most, ..Sums::default() };
        read(text.as_bytes(), "the text", &mut sums)?;
        Ok(sums)
    }

    #[test]
    fn elements_arrive_from_anywhere_in_the_document() {
        let text = r#"{"other": [{"numbers": [100]}], "numbers": [1, 2], "inner": {"name": "a", "numbers": [3]}}"#;
        let sums = sums(text, 9).unwrap();
        assert_eq!((sums.sum, sums.name.as_str()), (6, "a"));
    }

    #[test]
    fn errors_keep_their_kind() {
        let error = |text, most| sums(text, most).err().expect("this is refused");
        let own = error(r#"{"numbers": [1, 2, 3]}"#, 2);
        assert_eq!((own.kind(), own.message()), (ErrorKind::Defect, "3 is too much"));
        for wrong in [r#"{"numbers": [1"#, r#"{"numbers": 1}"#, r#"{"numbers": ["1"]}"#, "{} {}", "[]", ""] {
            let error = error(wrong, 9);
            assert_eq!(error.kind(), ErrorKind::BadInput, "{wrong}");
            assert!(error.message().starts_with("the text is not what its schema says"), "{error}");
        }
    }
}
