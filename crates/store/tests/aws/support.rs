//! A local AWS for the tests of this crate, and what is made in it before a test: buckets and tables of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use framefan_store::aws::{Aws, Endpoint};
use framefan_testkit::local_aws::LocalAws;

/// The server of this process, which ends with it.
fn server(start: impl FnOnce() -> Option<LocalAws>) -> Option<&'static LocalAws> {
    static SERVER: OnceLock<Option<LocalAws>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

/// The local AWS; records a skip of `test` when there is none.
pub fn local_or_skip(test: &str) -> Option<&'static LocalAws> {
    let mut is_first = false;
    let server = server(|| {
        is_first = true;
        LocalAws::start(test)
    });
    // Starting it records the skip of the first test.
    if server.is_none() && !is_first {
        framefan_testkit::skip(test, "a local AWS (make setup)");
    }
    server
}

/// The local AWS's URL; records a skip of `test` when there is none.
pub fn url_or_skip(test: &str) -> Option<&'static str> {
    local_or_skip(test).map(LocalAws::endpoint)
}

fn region() -> &'static str {
    server(|| None).expect("the test was not skipped").region()
}

/// A connection to the local AWS, or to a proxy in front of it.
pub fn connect(url: &str) -> Aws {
    Aws::connect_to(&Endpoint { url, region: region(), access_key: "test", secret_key: "test" }).unwrap()
}

/// A name that no other test of this process uses.
pub fn name(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// So many bytes without a pattern that a wrong offset could hide behind; differs with the length.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = length as u64 | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// Plain clients, for what the store does not do: making tables and buckets, looking at them, breaking them.
pub struct Admin {
    runtime: tokio::runtime::Runtime,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
}

impl Admin {
    pub fn new(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(region()))
            .endpoint_url(url)
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(
                aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test"),
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(aws_sdk_s3::config::SharedAsyncSleep::new(Sleep))
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Admin { runtime, s3: aws_sdk_s3::Client::from_conf(s3), dynamodb: aws_sdk_dynamodb::Client::new(&config) }
    }

    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn make_bucket(&self, versioned: bool) -> String {
        let bucket = name("bucket");
        self.make_bucket_named(&bucket, versioned);
        bucket
    }

    pub fn make_bucket_named(&self, bucket: &str, versioned: bool) {
        let place =
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region())).build();
        self.wait(self.s3.create_bucket().bucket(bucket).create_bucket_configuration(place).send()).unwrap();
        if versioned {
            let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let request = self.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(enabled);
            self.wait(request.send()).unwrap();
        }
    }

    /// A table as the stack has it.
    pub fn make_table(&self) -> String {
        let table = name("table");
        let attribute = |name: &str, kind: ScalarAttributeType| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let element = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("by_stage")
            .key_schema(element("stage", KeyType::Hash))
            .key_schema(element("created_at", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap();
        let request = self
            .dynamodb
            .create_table()
            .table_name(&table)
            .attribute_definitions(attribute("pk", ScalarAttributeType::S))
            .attribute_definitions(attribute("sk", ScalarAttributeType::S))
            .attribute_definitions(attribute("stage", ScalarAttributeType::S))
            .attribute_definitions(attribute("created_at", ScalarAttributeType::N))
            .key_schema(element("pk", KeyType::Hash))
            .key_schema(element("sk", KeyType::Range))
            .global_secondary_indexes(index)
            .billing_mode(BillingMode::PayPerRequest);
        self.wait(request.send()).unwrap();
        table
    }
}

/// Tokio's clock for the plain clients.
#[derive(Debug)]
struct Sleep;

impl aws_sdk_s3::config::AsyncSleep for Sleep {
    fn sleep(&self, duration: std::time::Duration) -> aws_sdk_s3::config::Sleep {
        aws_sdk_s3::config::Sleep::new(tokio::time::sleep(duration))
    }
}
