//! What an execution's input asks for: an upload's event, or a request by hand.

use std::collections::BTreeMap;

use framefan_analyzers::params::Params;
use framefan_contract::request::{ExportFormat, Precision};
use framefan_contract::{Error, Rational, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::Defaults;
use crate::accept::Ask;

/// The prefix whose uploads start jobs.
const UPLOADS: &str = "uploads/";
/// More shards than this would not fit a state's payload.
const MOST_SHARDS: u32 = 500;

/// Which queue works on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// Machines with a GPU.
    Gpu,
    /// Machines without.
    Cpu,
}

impl Compute {
    /// The compute called `gpu` or `cpu`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "gpu" => Some(Compute::Gpu),
            "cpu" => Some(Compute::Cpu),
            _ => None,
        }
    }
}

/// A request by hand, as `aws stepfunctions start-execution --input` takes it. Only bucket and key are needed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudRequest {
    /// The video's bucket.
    pub bucket: String,
    /// The video's key.
    pub key: String,
    /// Its version; the latest when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Analyzer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analyzers: Option<Vec<String>>,
    /// Parameters by analyzer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Params>,
    /// Frames per second to look at: a number, or text such as `30000/1001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_fps: Option<Value>,
    /// Long side of the network's input, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u32>,
    /// Wanted length of a chunk, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_seconds: Option<Value>,
    /// Forms in which the results are also written: `all`, `mot`, `coco`, `csv`, `parquet`, `webvtt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<Vec<String>>,
    /// Which queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
    /// Number format; what the queue's machines are set to when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// How many shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// Start over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// The part of an upload's event that may be relied on.
#[derive(Deserialize)]
struct UploadEvent {
    detail: UploadDetail,
}

#[derive(Deserialize)]
struct UploadDetail {
    bucket: Named,
    object: Keyed,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl CloudRequest {
    /// Reads an execution's input.
    pub fn read(input: &Value) -> Result<Self> {
        if input.get("detail").is_none() {
            return serde_json::from_value(input.clone()).map_err(|e| {
                Error::usage(format!(
                    "the input is no request ({e}); it should look like {{\"bucket\": \"…\", \"key\": \"…\", \"analyzers\": [\"pose\"]}}"
                ))
            });
        }
        let event = UploadEvent::deserialize(input)
            .map_err(|e| Error::usage(format!("the input has a detail but is no event of an upload to S3 ({e})")))?;
        let key = event.detail.object.key;
        let analyzers = analyzer_of_folder(&key)?.map(|name| vec![name]);
        Ok(CloudRequest { bucket: event.detail.bucket.name, key, analyzers, ..CloudRequest::default() })
    }

    /// The number of shards that was asked for.
    pub(super) fn checked_shards(&self) -> Result<Option<u32>> {
        match self.shards {
            Some(n) if n == 0 || n > MOST_SHARDS => {
                Err(Error::usage(format!("shards {n}: must be from 1 to {MOST_SHARDS}")))
            }
            shards => Ok(shards),
        }
    }

    /// The ask, with the deployment's defaults, and the queue that it is for.
    pub(super) fn ask(&self, defaults: &Defaults) -> Result<(Ask, Compute)> {
        let compute = self.compute.unwrap_or(defaults.compute);
        let (device_class, precision) = device_class(compute, self.precision, defaults)?;
        let sample_fps = self.sample_fps.clone().unwrap_or_else(|| Value::String(defaults.sample_fps.clone()));
        let common = Params::from([
            ("sample_fps".to_owned(), sample_fps),
            ("max_width".to_owned(), Value::from(self.max_width.unwrap_or(defaults.max_width))),
        ]);
        let ask = Ask {
            analyzers: self.analyzers.clone().unwrap_or_else(|| defaults.analyzers.clone()),
            params: self.params.clone(),
            common,
            exports: match &self.exports {
                Some(exports) => ExportFormat::parse_list(exports.iter().map(String::as_str))?,
                None => defaults.exports.clone(),
            },
            precision,
            device_class,
            chunk_seconds: self.chunk_seconds(defaults)?,
        };
        Ok((ask, compute))
    }

    fn chunk_seconds(&self, defaults: &Defaults) -> Result<Rational> {
        let text = match &self.chunk_seconds {
            None => return Ok(defaults.chunk_seconds),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let seconds = Rational::parse(&text).map_err(|e| e.context("chunk_seconds"))?;
        if !seconds.is_positive() {
            return Err(Error::usage(format!("chunk_seconds {text}: must be greater than 0")));
        }
        Ok(seconds)
    }
}

/// `uploads/NAME/…` asks for analyzer NAME; what lies directly under `uploads/` says nothing.
fn analyzer_of_folder(key: &str) -> Result<Option<String>> {
    let Some((folder, _)) = key.strip_prefix(UPLOADS).and_then(|rest| rest.split_once('/')) else { return Ok(None) };
    framefan_analyzers::find(folder).map_err(|e| {
        e.context(format!(
            "{key} lies under {UPLOADS}{folder}/, which asks for the analyzer '{folder}' (upload directly under {UPLOADS} for \
             the default analyzers)"
        ))
    })?;
    Ok(Some(folder.to_owned()))
}

/// The class that the queue's machines have in the asked precision. A class ends in its precision: `cuda-sm86-f16`.
fn device_class(compute: Compute, precision: Option<Precision>, defaults: &Defaults) -> Result<(String, Precision)> {
    let (class, variable) = match compute {
        Compute::Gpu => (&defaults.gpu_class, "GPU_DEVICE_CLASS"),
        Compute::Cpu => (&defaults.cpu_class, "CPU_DEVICE_CLASS"),
    };
    let class = class.as_ref().ok_or_else(|| {
        let name = if compute == Compute::Gpu { "gpu" } else { "cpu" };
        Error::usage(format!("this deployment has no {name} queue ({variable} is not set)"))
    })?;
    let known = [Precision::F32, Precision::Bf16, Precision::F16];
    let (device, own) = class
        .rsplit_once('-')
        .and_then(|(device, name)| known.into_iter().find(|p| p.as_str() == name).map(|p| (device, p)))
        .ok_or_else(|| Error::usage(format!("{variable}={class}: must end in -f32, -bf16 or -f16")))?;
    let precision = precision.unwrap_or(own);
    let class = match (compute, own, precision) {
        (Compute::Gpu, ..) => format!("{device}-{}", precision.as_str()),
        (Compute::Cpu, own, asked) if own == asked => class.clone(),
        // What has AMX has AVX-512.
        (Compute::Cpu, Precision::Bf16, Precision::F32) => "cpu-avx512-f32".to_owned(),
        (Compute::Cpu, _, asked) => {
            let asked = asked.as_str();
            return Err(Error::usage(format!("precision {asked}: the machines of the cpu queue are of class {class}")));
        }
    };
    Ok((class, precision))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use serde_json::json;

    use super::super::settings::Variables;
    use super::*;

    fn defaults() -> Defaults {
        let set = |name: &str| match name {
            "GPU_DEVICE_CLASS" => Some("cuda-sm86-f16".to_owned()),
            "CPU_DEVICE_CLASS" => Some("cpu-avx512-f32".to_owned()),
            _ => None,
        };
        Defaults::read(Variables(&set)).unwrap()
    }

    fn upload(key: &str) -> Value {
        // As S3 sends it to EventBridge, shortened: the key is not URL-encoded.
        json!({"version": "0", "detail-type": "Object Created", "source": "aws.s3", "region": "eu-west-1",
               "detail": {"version": "0", "bucket": {"name": "videos"}, "object": {"key": key, "size": 5, "etag": "b1"},
                          "request-id": "x", "reason": "PutObject"}})
    }

    #[test]
    fn an_upload_names_the_video_and_perhaps_the_analyzer() {
        let plain = CloudRequest::read(&upload("uploads/a match & more.mp4")).unwrap();
        assert_eq!((plain.bucket.as_str(), plain.key.as_str()), ("videos", "uploads/a match & more.mp4"));
        assert_eq!(plain.analyzers, None);
        assert_eq!(plain.ask(&defaults()).unwrap().0.analyzers, ["pose"]);
        let named = CloudRequest::read(&upload("uploads/pose/2026/a.mp4")).unwrap();
        assert_eq!(named.analyzers.as_deref(), Some(&["pose".to_owned()][..]));
        let wrong = CloudRequest::read(&upload("uploads/poze/a.mp4")).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Usage);
        assert!(wrong.message().contains("uploads/poze/"), "{wrong}");
    }

    #[test]
    fn a_request_by_hand_is_read_strictly() {
        let full = json!({"bucket": "b", "key": "k", "analyzers": ["pose"], "params": {"pose": {"score": 0.4}},
                          "sample_fps": 5, "max_width": 320, "chunk_seconds": 2.5, "compute": "cpu", "shards": 3});
        let request = CloudRequest::read(&full).unwrap();
        let (ask, compute) = request.ask(&defaults()).unwrap();
        assert_eq!(compute, Compute::Cpu);
        assert_eq!(ask.device_class, "cpu-avx512-f32");
        assert_eq!(ask.chunk_seconds, Rational::parse("2.5").unwrap());
        assert_eq!(ask.common["sample_fps"], json!(5));
        // What is written is read again as the same.
        assert_eq!(CloudRequest::read(&serde_json::to_value(&request).unwrap()).unwrap(), request);
        for wrong in [
            json!({"bucket": "b"}),
            json!({"bucket": "b", "key": "k", "analyzer": "pose"}),
            json!({"bucket": "b", "key": "k", "compute": "tpu"}),
            json!({"detail": {"bucket": {"name": "b"}}}),
            json!([]),
            json!("s3://b/k"),
        ] {
            let error = CloudRequest::read(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}: {error}");
        }
        for shards in [0, 501] {
            let request = CloudRequest { shards: Some(shards), ..request.clone() };
            assert!(request.checked_shards().is_err());
        }
    }

    #[test]
    fn the_class_follows_from_queue_and_precision() {
        let class = |compute, precision| device_class(compute, precision, &defaults()).unwrap().0;
        assert_eq!(class(Compute::Gpu, None), "cuda-sm86-f16");
        assert_eq!(class(Compute::Gpu, Some(Precision::F32)), "cuda-sm86-f32");
        assert_eq!(class(Compute::Cpu, None), "cpu-avx512-f32");
        let error = device_class(Compute::Cpu, Some(Precision::Bf16), &defaults()).unwrap_err();
        assert!(error.message().contains("bf16") && error.message().contains("cpu-avx512-f32"), "{error}");
        let tiles = Defaults { cpu_class: Some("cpu-amx-bf16".to_owned()), ..defaults() };
        for (asked, class) in [(None, "cpu-amx-bf16"), (Some(Precision::F32), "cpu-avx512-f32")] {
            assert_eq!(device_class(Compute::Cpu, asked, &tiles).unwrap().0, class);
        }
        let none = Defaults { gpu_class: None, ..defaults() };
        assert!(device_class(Compute::Gpu, None, &none).unwrap_err().message().contains("GPU_DEVICE_CLASS"));
        let bad = Defaults { cpu_class: Some("cpu".to_owned()), ..defaults() };
        assert!(device_class(Compute::Cpu, None, &bad).is_err());
    }
}
