//! The networks that weights can be of, and whether given weights are.

use candle_core::Device;
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use crate::yolov8::Task;
use crate::{Osnet, Srvgg, Weights, Yolov8, Yolox};

/// A network that weights can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// YOLOv8 with landmarks.
    Yolov8Pose,
    /// YOLOv8 with boxes of classes.
    Yolov8,
    /// YOLOX.
    Yolox,
    /// OSNet.
    Osnet,
    /// SRVGGNetCompact, the small networks of Real-ESRGAN.
    Srvgg,
}

impl Architecture {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::Yolov8Pose => "YOLOv8 pose",
            Architecture::Yolov8 => "YOLOv8",
            Architecture::Yolox => "YOLOX",
            Architecture::Osnet => "OSNet",
            Architecture::Srvgg => "SRVGGNetCompact",
        }
    }

    /// Loads the weights as this network on the CPU, which finds every tensor that is missing or has another shape. Returns
    /// what the network is, e.g. `YOLOv8 pose, 17 landmarks`.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when they are weights of something else.
    pub fn check(self, weights: &Weights) -> Result<String> {
        let (device, precision) = (Device::Cpu, Precision::F32);
        let detail = match self {
            Architecture::Yolov8Pose | Architecture::Yolov8 => {
                match (self, Yolov8::load(weights, &device, precision)?.config().task) {
                    (Architecture::Yolov8Pose, Task::Pose { keypoints }) => format!("{keypoints} landmarks"),
                    (Architecture::Yolov8, Task::Detect { classes }) => format!("{classes} classes"),
                    _ => {
                        return Err(Error::bad_input(format!(
                            "{} is a YOLOv8 for another task than {} is for",
                            weights.path().display(),
                            self.name()
                        )));
                    }
                }
            }
            Architecture::Yolox => {
                format!("{} classes", Yolox::load(weights, &device, precision)?.config().classes)
            }
            Architecture::Osnet => {
                Osnet::load(weights, &device, precision)?;
                return Ok(self.name().to_owned());
            }
            Architecture::Srvgg => format!("{} ×", Srvgg::load(weights, &device, precision)?.scale()),
        };
        Ok(format!("{}, {detail}", self.name()))
    }
}
