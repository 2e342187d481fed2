//! Whether EC2 is about to take this machine back.

use std::time::Duration;

use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;
use framefan_contract::{Error, Result};

use super::Aws;

/// The machine's metadata answers within milliseconds, where there is any.
const PATIENCE: Duration = Duration::from_millis(900);

const INSTANCE_ACTION: &str = "/latest/meta-data/spot/instance-action";

impl Aws {
    /// What the machine's metadata says of its interruption, as JSON (`{"action": "terminate", "time": …}`); `None` while
    /// none is planned, and where there is no metadata within a second. A container reaches it on the host's network, or
    /// where the host lets answers travel two hops.
    ///
    /// # Errors
    /// `Retryable` when the metadata answers with an error of its own.
    pub fn spot_notice(&self) -> Result<Option<String>> {
        let disabled = std::env::var("AWS_EC2_METADATA_DISABLED");
        if disabled.is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let answer = self.block_on(async {
            // All of it, the token included, within the second.
            tokio::time::timeout(PATIENCE, self.imds().get(INSTANCE_ACTION)).await
        });
        match answer {
            Ok(Ok(notice)) => Ok(Some(notice.into())),
            Ok(Err(ImdsError::ErrorResponse(response))) => match response.response().status().as_u16() {
                404 => Ok(None),
                status => {
                    Err(Error::retryable(format!("the machine's metadata answers {INSTANCE_ACTION} with {status}")))
                }
            },
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    fn imds(&self) -> &aws_config::imds::Client {
        self.0.imds.get_or_init(|| {
            let mut provider = ProviderConfig::default();
            if let Some(http) = self.0.config.http_client() {
                provider = provider.with_http_client(http);
            }
            aws_config::imds::Client::builder()
                .configure(&provider)
                .max_attempts(1)
                .connect_timeout(PATIENCE)
                .read_timeout(PATIENCE)
                .build()
        })
    }
}
