//! The HTTP client: one request at a time, and redirects that are followed by our rules.
//!
//! ureq, because it is small, blocking, well kept and brings rustls without a second asynchronous runtime.

use std::sync::Arc;
use std::time::Duration;

use framefan_contract::{Error, Result};
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};
use url::Url;

use crate::places::{is_allowed, is_this_machine};

/// How long to wait for a connection, for an answer, and for the next bytes of a file.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(60);
const READ: Duration = Duration::from_secs(60);

/// Makes requests.
pub(crate) struct Client {
    agent: Agent,
}

impl Client {
    /// With the certificates that this machine trusts (`SSL_CERT_FILE` names others) and the proxy of the environment.
    pub fn new() -> Client {
        let roots: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
            .collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("framefan/", env!("CARGO_PKG_VERSION")))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(READ))
            .build();
        Client { agent: config.new_agent() }
    }

    /// Asks for what is at `url`. Whatever status the server answers with is an answer.
    ///
    /// # Errors
    /// `Retryable` for what may pass: connections that fail or are cut, names that are not found. `NotFound` for a server that
    /// cannot prove who it is.
    pub fn get(&self, url: &Url, headers: &[(&str, String)]) -> Result<Response<Body>> {
        let mut request = self.agent.get(url.as_str());
        if is_this_machine(url) {
            request = request.config().proxy(None).build();
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.call().map_err(|e| failure(url, e))
    }
}

fn failure(url: &Url, error: ureq::Error) -> Error {
    let host = url.host_str().unwrap_or_default();
    let message = format!("{host}: {error}");
    let untrusted = match &error {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => true,
        // What rustls finds wrong during a handshake.
        ureq::Error::Io(e) => e.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    match error {
        _ if untrusted => Error::not_found(format!("{message} (SSL_CERT_FILE names other certificates to trust)")),
        // A header that cannot be sent is a token with a line break in it.
        ureq::Error::Http(_) => Error::usage(format!("{message}: is HF_TOKEN whole, and one line?")),
        ureq::Error::BadUri(_) => Error::bad_input(message),
        _ => Error::retryable(message),
    }
}

/// Where an answer sends us, if it does.
///
/// # Errors
/// `BadInput` for a redirect to nowhere, or from HTTPS to something else.
pub(crate) fn redirect(from: &Url, answer: &Response<Body>) -> Result<Option<Url>> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    // Addresses of downloads may hold signatures: only hosts are named.
    let host = from.host_str().unwrap_or_default();
    let location =
        header(answer, "location").ok_or_else(|| Error::bad_input(format!("{host} redirects to nowhere")))?;
    let to =
        from.join(location).map_err(|e| Error::bad_input(format!("{host} redirects to what is no address: {e}")))?;
    if !is_allowed(&to) || (from.scheme() == "https" && to.scheme() != "https") {
        let (scheme, target) = (to.scheme(), to.host_str().unwrap_or_default());
        return Err(Error::bad_input(format!("{host} redirects to {scheme}://{target}: only https:// is followed")));
    }
    Ok(Some(to))
}

/// A header's value, when it is text.
pub(crate) fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    fn redirected(from: &str, status: u16, location: Option<&str>) -> Result<Option<String>> {
        let mut answer = Response::builder().status(status);
        if let Some(location) = location {
            answer = answer.header("Location", location);
        }
        let answer = answer.body(Body::builder().data("")).unwrap();
        Ok(redirect(&Url::parse(from).unwrap(), &answer)?.map(|url| url.to_string()))
    }

    #[test]
    fn https_leads_to_https_only() {
        let hub = "https://hub.example.com/a/b";
        for (to, wanted) in [
            ("https://cdn.example.com/x?y=z", "https://cdn.example.com/x?y=z"),
            ("/c", "https://hub.example.com/c"),
            ("//cdn.example.com/x", "https://cdn.example.com/x"),
        ] {
            assert_eq!(redirected(hub, 302, Some(to)).unwrap().as_deref(), Some(wanted));
        }
        // Not even to this machine, where http would do otherwise.
        for to in ["http://cdn.example.com", "http://localhost/x", "http://127.0.0.1/x", "ftp://example.com", "data:,x"]
        {
            assert_eq!(redirected(hub, 302, Some(to)).unwrap_err().kind(), ErrorKind::BadInput, "{to}");
        }
        assert_eq!(
            redirected("http://localhost/a", 307, Some("http://127.0.0.1/b")).unwrap().as_deref(),
            Some("http://127.0.0.1/b")
        );
        assert_eq!(redirected(hub, 200, Some("https://example.com")).unwrap(), None);
        assert_eq!(redirected(hub, 301, None).unwrap_err().kind(), ErrorKind::BadInput);
    }

    #[test]
    fn errors_name_no_signature() {
        let error = redirected(
            "https://cdn.example.com/x?signature=secret",
            302,
            Some("http://other.example.com/?signature=secret"),
        );
        let message = error.unwrap_err().to_string();
        assert!(message.contains("cdn.example.com") && !message.contains("secret"), "{message}");
    }
}
