//! SQLite's errors as ours.

use framefan_contract::Error;
use rusqlite::ErrorCode;

/// What SQLite says about `what`, with the kind that fits.
pub fn sqlite_error(what: &str, error: rusqlite::Error) -> Error {
    let message = format!("{what}: {error}");
    let error_of_kind = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::bad_input(message),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Error::not_found(message),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::retryable(message),
        _ => Error::defect(message),
    };
    error_of_kind.with_source(error)
}
