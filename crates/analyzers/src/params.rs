//! Parameters of analyzers: tables with defaults and allowed ranges, and the check of what a user gave against them.

use std::collections::BTreeMap;

use framefan_contract::{Error, Rational, Result};
use serde_json::Value;

/// Parameters of an analyzer: defaults filled in, names and values checked.
pub type Params = BTreeMap<String, Value>;

/// The tables of an analyzer's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Specs {
    /// The analyzer.
    pub analyzer: &'static str,
    /// Parameters of the chunk stage. Another value means new inference.
    pub chunk: &'static [Spec],
    /// Parameters of the reduce stage. Another value reuses all inference.
    pub reduce: &'static [Spec],
}

/// What values a parameter takes, and its default.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// A fraction in `min..=max`, written as a number or as `30000/1001`.
    Fraction {
        /// Default.
        default: &'static str,
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
    },
    /// A real number in `min..=max`.
    Real {
        /// Default.
        default: f64,
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
    },
    /// An integer in `min..=max`, rounded up to a multiple of `step`.
    Integer {
        /// Default.
        default: u32,
        /// Smallest allowed.
        min: u32,
        /// Largest allowed.
        max: u32,
        /// What the value is rounded up to a multiple of.
        step: u32,
    },
    /// One of these names; the first is the default.
    Name(&'static [&'static str]),
    /// Some of these names, or all of them: written `all`, or with commas between them.
    Names {
        /// Default: `all`, or names with commas between them.
        default: &'static str,
        /// What there is.
        all: &'static [&'static str],
    },
    /// Yes or no, and the default.
    Flag(bool),
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Name, without the analyzer's.
    pub key: &'static str,
    /// Values and default.
    pub domain: Domain,
    /// What it does, for people.
    pub about: &'static str,
}

/// A parameter that is a real number in `min..=max`.
pub const fn real(key: &'static str, default: f64, min: f64, max: f64, about: &'static str) -> Spec {
    Spec { key, domain: Domain::Real { default, min, max }, about }
}

impl Specs {
    /// All parameters, the chunk stage's first.
    pub fn all(&self) -> impl Iterator<Item = &'static Spec> {
        self.chunk.iter().chain(self.reduce)
    }

    /// Whether there is a parameter of this name.
    pub fn has(&self, key: &str) -> bool {
        self.all().any(|spec| spec.key == key)
    }

    /// Checks what the user gave and fills in defaults: the chunk stage's and the reduce stage's parameters, each value
    /// in one spelling (`"0.3"` and `0.3` are the same request).
    ///
    /// # Errors
    /// `Usage`, naming the parameter, the value and what is allowed.
    pub fn check(&self, given: &Params) -> Result<(Params, Params)> {
        if let Some(key) = given.keys().find(|key| !self.has(key)) {
            let known: Vec<_> = self.all().map(|spec| spec.key).collect();
            let name = self.analyzer;
            return Err(Error::usage(format!("{name}.{key} is not a parameter; there is: {}", known.join(", "))));
        }
        Ok((self.fill(self.chunk, given)?, self.fill(self.reduce, given)?))
    }

    fn fill(&self, specs: &[Spec], given: &Params) -> Result<Params> {
        let mut filled = Params::new();
        for spec in specs {
            let value = match given.get(spec.key) {
                Some(value) => self.parse(spec, value)?,
                None => default(&spec.domain),
            };
            filled.insert(spec.key.to_owned(), value);
        }
        Ok(filled)
    }

    /// The value in its one spelling, or an error that names the parameter, the value and what is allowed.
    fn parse(&self, spec: &Spec, value: &Value) -> Result<Value> {
        let written = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            other => other.to_string(),
        };
        let wrong = |allowed: String| {
            Error::usage(format!("{}.{} is '{written}'; allowed is {allowed}", self.analyzer, spec.key))
        };
        match spec.domain {
            Domain::Fraction { min, max, .. } => {
                let allowed = || wrong(format!("a number from {min} to {max}, such as 10, 2.5 or 30000/1001"));
                let fraction = Rational::parse(&written).map_err(|_| allowed())?;
                if !(min..=max).contains(&fraction.as_f64()) {
                    return Err(allowed());
                }
                Ok(Value::from(fraction.to_string()))
            }
            Domain::Real { min, max, .. } => match written.parse::<f64>() {
                Ok(real) if (min..=max).contains(&real) => Ok(Value::from(real + 0.0)),
                _ => Err(wrong(format!("a number from {min} to {max}"))),
            },
            Domain::Integer { min, max, step, .. } => match written.parse::<f64>() {
                Ok(n) if n.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&n) => {
                    Ok(Value::from((n as u32).next_multiple_of(step)))
                }
                _ => Err(wrong(format!("an integer from {min} to {max}"))),
            },
            Domain::Name(names) if names.contains(&written.as_str()) => Ok(Value::from(written)),
            Domain::Name(names) => Err(wrong(format!("one of {}", names.join(", ")))),
            Domain::Names { all, .. } => {
                let allowed = || wrong(format!("'all', or some of these with commas between them: {}", all.join(", ")));
                let given: Vec<&str> = written.split(',').map(str::trim).collect();
                if given == ["all"] {
                    return Ok(Value::from("all"));
                }
                if given.iter().any(|name| !all.contains(name)) {
                    return Err(allowed());
                }
                // In the table's order, so that one choice has one spelling.
                let chosen: Vec<&str> = all.iter().copied().filter(|name| given.contains(name)).collect();
                Ok(Value::from(if chosen.len() == all.len() { "all".to_owned() } else { chosen.join(",") }))
            }
            Domain::Flag(_) => match written.as_str() {
                "true" => Ok(Value::from(true)),
                "false" => Ok(Value::from(false)),
                _ => Err(wrong("true or false".to_owned())),
            },
        }
    }
}

fn default(domain: &Domain) -> Value {
    match *domain {
        Domain::Fraction { default, .. } => Value::from(default),
        Domain::Real { default, .. } => Value::from(default),
        Domain::Integer { default, .. } => Value::from(default),
        Domain::Name(names) => Value::from(names[0]),
        Domain::Names { default, .. } => Value::from(default),
        Domain::Flag(default) => Value::from(default),
    }
}

/// A number that the check has put there.
pub fn number(params: &Params, key: &str) -> Result<f64> {
    params.get(key).and_then(Value::as_f64).ok_or_else(|| missing(key))
}

/// A text that the check has put there.
pub fn text(params: &Params, key: &str) -> Result<String> {
    params.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| missing(key))
}

/// A yes or no that the check has put there.
pub fn flag(params: &Params, key: &str) -> Result<bool> {
    params.get(key).and_then(Value::as_bool).ok_or_else(|| missing(key))
}

fn missing(key: &str) -> Error {
    Error::defect(format!("{key} is missing or of the wrong type in parameters that should have been checked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: Specs = Specs {
        analyzer: "any",
        chunk: &[Spec {
            key: "classes",
            domain: Domain::Names { default: "person", all: &["person", "car", "dog"] },
            about: "what is looked for",
        }],
        reduce: &[Spec { key: "reid", domain: Domain::Flag(true), about: "whether" }],
    };

    fn checked(key: &str, value: impl Into<Value>) -> Result<Value> {
        let (mut chunk, mut reduce) = SPECS.check(&Params::from([(key.to_owned(), value.into())]))?;
        chunk.append(&mut reduce);
        Ok(chunk[key].clone())
    }

    #[test]
    fn choices_have_one_spelling() {
        assert_eq!(checked("classes", "dog, person").unwrap(), "person,dog");
        assert_eq!(checked("classes", "dog,person,car").unwrap(), "all");
        assert_eq!(checked("reid", "false").unwrap(), false);
        assert_eq!(checked("reid", true).unwrap(), true);
        let (chunk, reduce) = SPECS.check(&Params::new()).unwrap();
        assert_eq!((text(&chunk, "classes").unwrap(), flag(&reduce, "reid").unwrap()), ("person".to_owned(), true));
    }

    #[test]
    fn other_values_are_refused_with_what_is_allowed() {
        let cat = checked("classes", "cat").unwrap_err();
        assert!(cat.message().starts_with("any.classes is 'cat'") && cat.message().contains("car"), "{cat}");
        assert!(checked("classes", "").is_err());
        assert!(checked("reid", "yes").unwrap_err().message().contains("true or false"));
    }
}
