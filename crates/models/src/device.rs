//! Where networks run, and the device class: the name of all devices that compute the same bits.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use crate::backend::Amx;
use crate::kernels::Isa;

/// A processor that can run networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComputeDevice {
    /// This machine's processor; as many threads as the current rayon pool has.
    Cpu,
    /// The NVIDIA GPU of this ordinal.
    Cuda(usize),
}

/// Most pixels at once on a CPU: each takes some 400 bytes in the layers of a small network. A larger picture alone has work for
/// every core.
const MOST_CPU_PIXELS: usize = 8 * 640 * 640;
/// Pictures at once on a GPU.
const GPU_PICTURES: usize = 16;

impl ComputeDevice {
    /// Opens the device. Call it once and share the result: candle takes two handles of one GPU for different devices.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when the program was built without CUDA,
    /// [`NotFound`](framefan_contract::ErrorKind::NotFound) when there is no such GPU.
    pub fn candle(&self) -> Result<Device> {
        match self {
            ComputeDevice::Cpu => Ok(Device::Cpu),
            #[cfg(feature = "cuda")]
            ComputeDevice::Cuda(ordinal) => Device::new_cuda(*ordinal).map_err(|e| cuda_error(*ordinal, e)),
            #[cfg(not(feature = "cuda"))]
            ComputeDevice::Cuda(_) => Err(without_cuda()),
        }
    }

    /// The device class: all devices of one class compute the same bits. Examples: `cpu-avx512-f32`, `cpu-amx-bf16`,
    /// `cuda-sm75-f16`.
    ///
    /// # Errors
    /// As [`ComputeDevice::candle`]; [`Usage`](framefan_contract::ErrorKind::Usage) for a precision that this processor does not
    /// have.
    pub fn class(&self, precision: Precision) -> Result<String> {
        match self {
            ComputeDevice::Cpu => {
                let kernels = match precision {
                    Precision::F32 => Isa::detect().as_str(),
                    Precision::Bf16 => {
                        Amx::require()?;
                        "amx"
                    }
                    Precision::F16 => {
                        return Err(Error::usage(
                            "precision f16 is for GPUs: use f32 on a CPU, or bf16 on one with AMX",
                        ));
                    }
                };
                Ok(format!("cpu-{kernels}-{}", precision.as_str()))
            }
            #[cfg(feature = "cuda")]
            ComputeDevice::Cuda(ordinal) => {
                let (major, minor) =
                    cuda_context(*ordinal)?.compute_capability().map_err(|e| cuda_error(*ordinal, e))?;
                Ok(format!("cuda-sm{major}{minor}-{}", precision.as_str()))
            }
            #[cfg(not(feature = "cuda"))]
            ComputeDevice::Cuda(_) => Err(without_cuda()),
        }
    }

    /// Pictures of so many pixels that a detector is given at once: on the CPU one for each thread, so that none waits while
    /// another ends a layer, as far as memory allows; on a GPU enough to fill its many units. Results do not depend on it.
    pub fn detector_batch(&self, pixels: usize) -> usize {
        match self {
            ComputeDevice::Cpu => (MOST_CPU_PIXELS / pixels.max(1)).clamp(1, rayon::current_num_threads()),
            ComputeDevice::Cuda(_) => GPU_PICTURES,
        }
    }

    /// The device for a person to read: the processor's model and how many threads are used, or the GPU's name.
    pub fn describe(&self) -> String {
        match self {
            ComputeDevice::Cpu => {
                let threads = rayon::current_num_threads();
                let plural = if threads == 1 { "" } else { "s" };
                format!("{}, {threads} thread{plural}, {}", cpu_model(), Isa::detect().as_str())
            }
            #[cfg(feature = "cuda")]
            ComputeDevice::Cuda(ordinal) => match cuda_context(*ordinal).map(|context| context.name()) {
                Ok(Ok(name)) => format!("{name} ({self})"),
                _ => self.to_string(),
            },
            #[cfg(not(feature = "cuda"))]
            ComputeDevice::Cuda(_) => self.to_string(),
        }
    }
}

impl fmt::Display for ComputeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComputeDevice::Cpu => f.write_str("cpu"),
            ComputeDevice::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for ComputeDevice {
    type Err = Error;

    /// Reads `cpu`, `cuda` (the first GPU) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self> {
        let ordinal = match text {
            "cpu" => return Ok(ComputeDevice::Cpu),
            "cuda" => Some(0),
            _ => text.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
        };
        ordinal
            .map(ComputeDevice::Cuda)
            .ok_or_else(|| Error::usage(format!("unknown device {text:?}: use cpu, cuda or cuda:N")))
    }
}

/// The processor's name as the system tells it, or its architecture.
fn cpu_model() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    for line in cpuinfo.lines() {
        if let Some((key, value)) = line.split_once(':')
            && key.trim() == "model name"
        {
            return value.trim().to_owned();
        }
    }
    std::env::consts::ARCH.to_owned()
}

#[cfg(not(feature = "cuda"))]
fn without_cuda() -> Error {
    Error::usage("this program was built without CUDA: build it with `make cuda`, or use `--device cpu`")
}

#[cfg(feature = "cuda")]
fn cuda_error(ordinal: usize, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::not_found(format!("cannot use GPU cuda:{ordinal}: {source}")).with_source(source)
}

#[cfg(feature = "cuda")]
fn cuda_context(ordinal: usize) -> Result<std::sync::Arc<candle_core::cuda_backend::cudarc::driver::CudaContext>> {
    candle_core::cuda_backend::cudarc::driver::CudaContext::new(ordinal).map_err(|e| cuda_error(ordinal, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, device) in [("cpu", ComputeDevice::Cpu), ("cuda:1", ComputeDevice::Cuda(1))] {
            assert_eq!(text.parse::<ComputeDevice>().unwrap(), device);
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse::<ComputeDevice>().unwrap(), ComputeDevice::Cuda(0));
        for text in ["", "gpu", "cuda:", "cuda:-1", "CPU"] {
            let error = text.parse::<ComputeDevice>().unwrap_err();
            assert_eq!(error.kind(), framefan_contract::ErrorKind::Usage, "{text}");
        }
    }

    #[test]
    fn the_cpu_class_names_instruction_set_and_precision() {
        let class = ComputeDevice::Cpu.class(Precision::F32).unwrap();
        assert!(["cpu-avx512-f32", "cpu-avx2-f32", "cpu-portable-f32"].contains(&class.as_str()), "{class}");
        assert!(ComputeDevice::Cpu.describe().contains("thread"));
        match ComputeDevice::Cpu.class(Precision::Bf16) {
            Ok(class) => assert_eq!(class, "cpu-amx-bf16"),
            Err(error) => assert!(error.message().contains("AMX"), "{error}"),
        }
        assert!(ComputeDevice::Cpu.class(Precision::F16).unwrap_err().message().contains("GPU"));
    }

    #[test]
    fn large_pictures_go_through_a_detector_one_by_one() {
        let batch = |threads: usize, width: usize, height: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ComputeDevice::Cpu.detector_batch(width * height))
        };
        assert_eq!([batch(1, 640, 384), batch(3, 640, 384), batch(16, 640, 640)], [1, 3, 8]);
        assert_eq!([batch(16, 1280, 736), batch(16, 4096, 2304)], [3, 1]);
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cuda_without_the_feature_says_how_to_get_it() {
        let error = ComputeDevice::Cuda(0).candle().unwrap_err();
        assert_eq!(error.kind(), framefan_contract::ErrorKind::Usage);
        assert!(error.message().contains("make cuda"));
        assert!(ComputeDevice::Cuda(0).class(Precision::F16).is_err());
    }
}
