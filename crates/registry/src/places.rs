//! Where weights are downloaded from: their publishers, or a mirror that the environment names.

use framefan_contract::{Error, Result};
use framefan_models::catalogue::{HUB, KnownModel, Origin};
use url::{Host, Url};

/// The variable that names a folder on the web that has every model's file: a mirror of one's own.
const FILES_VARIABLE: &str = "FRAMEFAN_MODELS_URL";

/// The variable by which tools of the Hugging Face hub know a mirror of it.
const HUB_VARIABLE: &str = "HF_ENDPOINT";

/// The variable with the user's token for the hub.
const TOKEN_VARIABLE: &str = "HF_TOKEN";

/// Where weights are downloaded from.
#[derive(Clone, Debug, Default)]
pub struct Places {
    files: Option<String>,
    hub: Option<String>,
    token: Option<String>,
}

/// Where one file is, and the token that its server, and no other one, may see.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub url: Url,
    pub token: Option<String>,
}

impl Places {
    /// As the environment says: `FRAMEFAN_MODELS_URL`, `HF_ENDPOINT` and `HF_TOKEN`.
    pub fn from_env() -> Places {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Places { files: set(FILES_VARIABLE), hub: set(HUB_VARIABLE), token: set(TOKEN_VARIABLE) }
    }

    /// Where the file of a model is.
    pub(crate) fn address(&self, model: &KnownModel) -> Result<Address> {
        let (text, said_by) = match (&self.files, &self.hub, model.origin) {
            (_, _, Origin::BuiltIn { .. }) => {
                return Err(Error::usage(format!(
                    "{} is part of the program: there is nothing to download",
                    model.name
                )));
            }
            (Some(files), ..) => {
                (Some(format!("{}/{}", files.trim_end_matches('/'), model.file_name())), FILES_VARIABLE)
            }
            (None, Some(hub), Origin::Hub { .. }) => (model.origin.url(hub), HUB_VARIABLE),
            _ => (model.origin.url(HUB), "the catalogue"),
        };
        let text = text.unwrap_or_default();
        let url = Url::parse(&text).map_err(|e| Error::usage(format!("{said_by}: {text} is no address: {e}")))?;
        if !is_allowed(&url) {
            return Err(Error::usage(format!(
                "{said_by}: {url}: weights are downloaded over https:// only (http:// from this machine itself)"
            )));
        }
        let is_hub = self.files.is_none() && matches!(model.origin, Origin::Hub { .. });
        Ok(Address { url, token: self.token.clone().filter(|_| is_hub) })
    }
}

/// Whether anything may be asked of this address: over HTTPS, or from this machine itself.
pub(crate) fn is_allowed(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_this_machine(url),
        _ => false,
    }
}

/// Whether the address is this machine's own.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_models::catalogue::find;

    use super::*;

    fn places(files: Option<&str>, hub: Option<&str>) -> Places {
        Places { files: files.map(str::to_owned), hub: hub.map(str::to_owned), token: Some("secret".to_owned()) }
    }

    #[test]
    fn a_mirror_takes_the_publishers_place() {
        let (hub, web) = (find("yolov8n").unwrap(), find("yolox-s").unwrap());
        let of = |places: Places, model| places.address(model).unwrap();
        let published = of(places(None, None), hub);
        assert!(published.url.as_str().starts_with("https://huggingface.co/lmz/candle-yolo-v8/resolve/"));
        assert_eq!(published.token.as_deref(), Some("secret"));
        let mirrored = of(places(None, Some("http://localhost:8080/hub/")), hub);
        assert!(mirrored.url.as_str().starts_with("http://localhost:8080/hub/lmz/candle-yolo-v8/resolve/"));
        // The hub's mirror is none of another publisher, who sees no token.
        let other = of(places(None, Some("http://localhost:8080")), web);
        assert_eq!((other.url.host_str(), other.token), (Some("github.com"), None));
        let own = of(places(Some("https://models.example.com/framefan/"), Some("https://hub.example.com")), hub);
        assert_eq!(own.url.as_str(), "https://models.example.com/framefan/yolov8n.safetensors");
        assert_eq!(own.token, None);
        assert_eq!(of(places(Some("http://127.0.0.1:1"), None), web).url.as_str(), "http://127.0.0.1:1/yolox-s.pth");
    }

    #[test]
    fn only_https_leaves_this_machine() {
        for wrong in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "file:///tmp",
            "models",
            "http://10.0.0.1",
        ] {
            let error = places(Some(wrong), None).address(find("yolov8n").unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
            assert!(error.message().contains("FRAMEFAN_MODELS_URL"), "{error}");
        }
        for right in ["https://example.com", "http://localhost", "http://127.0.0.1:9", "http://[::1]:9"] {
            assert!(places(Some(right), None).address(find("yolov8n").unwrap()).is_ok(), "{right}");
        }
    }
}
