//! One error type for all crates. Its kind says who must act, whether a retry can help, and the process's exit code.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, as far as the caller's next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line or the request is wrong: unknown analyzer, parameter out of range.
    Usage,
    /// The input is bad: not a video, a container or codec that is not on the list, truncated, over a limit.
    BadInput,
    /// Something named does not exist, or access to it is refused.
    NotFound,
    /// The same call may succeed later: a full disk, a throttled service, a lost lease.
    Retryable,
    /// The user or the platform asked to stop.
    Cancelled,
    /// A defect of framefan: an invariant does not hold.
    Defect,
}

impl ErrorKind {
    /// The exit code of a process that ends with this kind of error.
    pub const fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Usage => 2,
            ErrorKind::BadInput => 3,
            ErrorKind::NotFound => 4,
            ErrorKind::Retryable => 5,
            ErrorKind::Defect => 70,
            ErrorKind::Cancelled => 130,
        }
    }

    /// Every kind.
    pub const ALL: [ErrorKind; 6] = [
        ErrorKind::Usage,
        ErrorKind::BadInput,
        ErrorKind::NotFound,
        ErrorKind::Retryable,
        ErrorKind::Cancelled,
        ErrorKind::Defect,
    ];

    /// The name by which functions and the state machine know the kind: `BadInput`.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::Usage => "Usage",
            ErrorKind::BadInput => "BadInput",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Retryable => "Retryable",
            ErrorKind::Cancelled => "Cancelled",
            ErrorKind::Defect => "Defect",
        }
    }

    /// The kind of this [`ErrorKind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that makes a process end with this exit code.
    pub fn from_exit_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.exit_code()) == code)
    }

    /// Whether the same call may succeed when it is made again.
    pub const fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Retryable)
    }
}

/// An error with its kind, a message for a person, and the cause below it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind. The message is lower-case, without a full stop, and says what is wrong and where.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// [`ErrorKind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// [`ErrorKind::BadInput`].
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Retryable`].
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retryable, message)
    }

    /// [`ErrorKind::Cancelled`].
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Cancelled, message)
    }

    /// [`ErrorKind::Defect`].
    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Defect, message)
    }

    /// An I/O error: missing or forbidden things are [`ErrorKind::NotFound`], the rest may pass.
    pub fn io(context: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::NotFound | Io::PermissionDenied | Io::IsADirectory | Io::NotADirectory => ErrorKind::NotFound,
            _ => ErrorKind::Retryable,
        };
        Error { kind, message: format!("{context}: {source}"), source: Some(Box::new(source)) }
    }

    /// Adds the cause, which [`std::error::Error::source`] then returns. The message should already tell what matters.
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Puts `context: ` before the message, keeping the kind.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Who must act, and whether a retry can help.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
