//! What AWS answers, as the errors of this workspace.

use std::error::Error as StdError;
use std::fmt::Display;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use framefan_contract::{Error, ErrorKind};

/// Refused because of who asks.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "Forbidden",
    "NotAuthorized",
    "UnauthorizedOperation",
];

/// Refused because the credentials are stale or wrong.
const BAD_CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// What is named does not exist.
const MISSING: &[&str] = &[
    "ActivityDoesNotExist",
    "ExecutionDoesNotExist",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "NotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
    "TableNotFoundException",
];

/// May go well later.
const BUSY: &[&str] = &[
    "BandwidthLimitExceeded",
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "ExecutionLimitExceeded",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "OperationAborted",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The request itself is wrong, as far as the caller chose it: a name, an ARN, an input.
const WRONG: &[&str] = &[
    "ExecutionAlreadyExists",
    "InvalidArn",
    "InvalidBucketName",
    "InvalidExecutionInput",
    "InvalidName",
    "InvalidParameterException",
    "InvalidParameterValue",
    "KeyTooLongError",
];

/// The error code of an answer, where the service gave one.
pub(super) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// The HTTP status of an answer, where there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// An error of kind and text that fit. `what` says what was tried, with the name of what it was tried on:
/// `cannot read s3://bucket/key`.
pub(super) fn failed<E>(what: impl Display, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let (kind, why) = match &error {
        SdkError::TimeoutError(_) => (ErrorKind::Retryable, "AWS did not answer in time".to_owned()),
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => unsent(&error),
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => answered(&error),
        _ => (ErrorKind::Retryable, chain(&error)),
    };
    Error::new(kind, format!("{what}: {why}")).with_source(error)
}

/// A request that never was answered.
fn unsent<E>(error: &SdkError<E, HttpResponse>) -> (ErrorKind, String)
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let chain = chain(error);
    if let Some(cause) = credentials_failure(error) {
        return (
            ErrorKind::NotFound,
            format!("no usable AWS credentials ({cause}); sign in (aws sso login, aws configure) or set AWS_PROFILE"),
        );
    }
    let never = matches!(error, SdkError::ConstructionFailure(_))
        || error.as_service_error().is_none() && matches!(error, SdkError::DispatchFailure(f) if f.is_user());
    if never { (ErrorKind::Usage, chain) } else { (ErrorKind::Retryable, format!("AWS cannot be reached ({chain})")) }
}

/// The link of the chain that tells of credentials.
fn credentials_failure(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(link) = cause {
        let text = link.to_string();
        if text.contains("credential") || text.contains("SSO") {
            return Some(chain(link));
        }
        cause = link.source();
    }
    None
}

fn answered<E>(error: &SdkError<E, HttpResponse>) -> (ErrorKind, String)
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let status = status(error).unwrap_or(0);
    let Some(service) = error.as_service_error() else {
        return (ErrorKind::Retryable, format!("an answer that makes no sense (HTTP {status}): {}", chain(error)));
    };
    let code = service.code().unwrap_or_default();
    let said = match service.message() {
        Some(message) if !message.is_empty() && !code.is_empty() => format!("{code}: {message}"),
        Some(message) if !message.is_empty() => message.to_owned(),
        _ if !code.is_empty() => code.to_owned(),
        _ => format!("HTTP {status}"),
    };
    let is = |list: &[&str]| list.contains(&code);
    if is(BAD_CREDENTIALS) {
        let advice = "the AWS credentials have expired or are wrong: sign in again (aws sso login, aws configure)";
        (ErrorKind::NotFound, format!("{advice} ({said})"))
    } else if is(DENIED) {
        (ErrorKind::NotFound, format!("access is denied ({said})"))
    } else if is(MISSING) || ["does not exist", "not found"].iter().any(|words| said.contains(words)) {
        (ErrorKind::NotFound, said)
    } else if is(BUSY) || status >= 500 || status == 429 {
        (ErrorKind::Retryable, format!("AWS is busy ({said})"))
    } else if is(WRONG) {
        (ErrorKind::Usage, said)
    } else if matches!(status, 401 | 403) {
        (ErrorKind::NotFound, format!("access is denied ({said})"))
    } else if status == 404 {
        (ErrorKind::NotFound, said)
    } else {
        (ErrorKind::Defect, format!("AWS refuses the request ({said})"))
    }
}

/// The error and its causes in one line; a cause that only repeats what stands above it is left out.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(link) = cause {
        let said = link.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = link.source();
    }
    text
}
