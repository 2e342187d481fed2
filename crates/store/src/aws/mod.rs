//! AWS: objects in S3, job state in DynamoDB, videos read by range, and the other services that a job uses.
//!
//! Everything here is synchronous outside: calls block on a runtime that belongs to [`Aws`], from any thread that may
//! block. The SDK repeats a request that failed on the way or was throttled (five times in all); what this module adds are
//! the repeats that need to know what was asked.

mod batch;
mod batch_attempts;
mod body;
mod content_type;
mod errors;
mod events;
mod execution_state;
mod executions;
mod jobs;
mod logs;
mod objects;
mod random;
mod runtime;
mod spot;
mod stack;
mod transfer;
mod video;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use framefan_contract::{Error, Result};

pub use batch::BatchJob;
pub use batch_attempts::BatchAttempt;
pub use execution_state::ExecutionState;
pub use jobs::DynamoJobs;
pub use logs::{LogEvent, LogPage};
pub use objects::S3Store;
pub use video::Video;

use runtime::Runtime;

/// Tries of one request, the first included.
const ATTEMPTS: u32 = 5;

/// How long a request may take until its answer begins. Answers of S3 may then take as long as bytes keep coming.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection to AWS: configuration, clients and the runtime they work on. Clones share it.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    config: SdkConfig,
    s3: OnceLock<aws_sdk_s3::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sfn: OnceLock<aws_sdk_sfn::Client>,
    batch: OnceLock<aws_sdk_batch::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    cloudformation: OnceLock<aws_sdk_cloudformation::Client>,
    imds: OnceLock<aws_config::imds::Client>,
}

/// An endpoint other than Amazon's, and who asks there.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// Its URL.
    pub url: &'a str,
    /// The region it calls itself.
    pub region: &'a str,
    /// The access key's id.
    pub access_key: &'a str,
    /// The secret that belongs to it.
    pub secret_key: &'a str,
}

impl Aws {
    /// Takes region, credentials and endpoint from where all AWS tools take them: the environment (`AWS_REGION`,
    /// `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …), the user's AWS files, the container or the machine. With another endpoint
    /// than Amazon's, S3 is addressed by path.
    ///
    /// # Errors
    /// `Usage` when no region is set. Credentials are asked for at the first request.
    pub fn connect() -> Result<Aws> {
        Aws::connect_by(|loader| loader)
    }

    /// Like [`Aws::connect`], with all of that given here instead: for who talks to more than one.
    ///
    /// # Errors
    /// As [`Aws::connect`].
    pub fn connect_to(endpoint: &Endpoint<'_>) -> Result<Aws> {
        let Endpoint { url, region, access_key, secret_key } = *endpoint;
        let credentials = Credentials::new(access_key, secret_key, None, None, "given");
        let region = Region::new(region.to_owned());
        Aws::connect_by(|loader| loader.endpoint_url(url).region(region).credentials_provider(credentials))
    }

    fn connect_by(adjust: impl FnOnce(ConfigLoader) -> ConfigLoader) -> Result<Aws> {
        let runtime = Runtime::start()?;
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(Duration::from_millis(100))
            .with_max_backoff(Duration::from_secs(5));
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Ok(name) = AppName::new("framefan") {
            loader = loader.app_name(name);
        }
        let config = runtime.block_on(adjust(loader).load());
        if config.region().is_none() {
            return Err(Error::usage(
                "no AWS region is set: set AWS_REGION, or a region in the profile (aws configure)",
            ));
        }
        Ok(Aws(Arc::new(Inner {
            runtime,
            config,
            s3: OnceLock::new(),
            dynamodb: OnceLock::new(),
            sfn: OnceLock::new(),
            batch: OnceLock::new(),
            events: OnceLock::new(),
            logs: OnceLock::new(),
            cloudformation: OnceLock::new(),
            imds: OnceLock::new(),
        })))
    }

    /// The objects of a bucket.
    pub fn objects(&self, bucket: &str) -> S3Store {
        S3Store::new(self.clone(), bucket)
    }

    /// The jobs of a table.
    pub fn jobs(&self, table: &str) -> DynamoJobs {
        DynamoJobs::new(self.clone(), table)
    }

    /// Waits for a future on the connection's runtime.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.runtime.block_on(future)
    }

    fn s3(&self) -> &aws_sdk_s3::Client {
        self.0.s3.get_or_init(|| {
            let elsewhere = self.0.config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
            let config = aws_sdk_s3::config::Builder::from(&self.0.config).force_path_style(elsewhere).build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.0.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.0.config))
    }

    fn sfn(&self) -> &aws_sdk_sfn::Client {
        self.0.sfn.get_or_init(|| aws_sdk_sfn::Client::new(&self.0.config))
    }

    fn batch(&self) -> &aws_sdk_batch::Client {
        self.0.batch.get_or_init(|| aws_sdk_batch::Client::new(&self.0.config))
    }

    fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.0.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.0.config))
    }

    fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.0.logs.get_or_init(|| aws_sdk_cloudwatchlogs::Client::new(&self.0.config))
    }

    fn cloudformation(&self) -> &aws_sdk_cloudformation::Client {
        self.0.cloudformation.get_or_init(|| aws_sdk_cloudformation::Client::new(&self.0.config))
    }
}
