//! The networks that detect: YOLOv8 for boxes or poses, and YOLOX, behind one output `[B, C, A]`.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use framefan_contract::{Error, Result};
use framefan_models::{BoxDetection, Task, Weights, Yolov8, Yolox, decode_boxes, decode_poses, yolox};

use super::NAME;
use super::classes;
use super::params::ChunkParams;
use crate::analyzer::ChunkContext;
use crate::tensor_error;

/// A detector.
pub struct Detector {
    network: Network,
    name: String,
    device: Device,
}

enum Network {
    Yolov8(Arc<Yolov8>),
    Yolox(Arc<Yolox>),
}

impl Detector {
    /// Loads the network that the parameters name, or shares it with a stage that has done so.
    ///
    /// # Errors
    /// What loading says; `BadInput` for a network of other classes than COCO's.
    pub fn new(context: &ChunkContext<'_>, params: &ChunkParams) -> Result<Self> {
        let path = context.model(&params.model)?;
        let device = context.device.candle()?;
        let weights = || Weights::load(path, &device);
        let (network, name, found) = if params.model.starts_with("yolox") {
            let name = format!("yolox {}", params.model);
            let load = || Yolox::load(&weights()?, &device, context.precision);
            let network = context.networks.get(&name, load)?;
            let classes = network.config().classes;
            (Network::Yolox(network), name, classes)
        } else {
            // As the analyzer pose names it, so that both share one inference.
            let name = format!("yolov8 {}", params.model);
            let load = || Yolov8::load(&weights()?, &device, context.precision);
            let network = context.networks.get(&name, load)?;
            let classes = match network.config().task {
                Task::Detect { classes } => classes,
                // A pose network's only class is the person.
                Task::Pose { .. } => classes::COUNT,
            };
            (Network::Yolov8(network), name, classes)
        };
        if found != classes::COUNT {
            return Err(Error::bad_input(format!(
                "{} is a network of {found} classes, wanted the {} of COCO",
                path.display(),
                classes::COUNT
            )));
        }
        Ok(Detector { network, name, device })
    }

    /// The network's name: whoever has the same one may share its output.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// RGB pictures `[B, 3, H, W]`, 0 to 1, on the host → `[B, C, A]` on the host.
    ///
    /// # Errors
    /// As the networks.
    pub fn infer(&self, batch: &Tensor) -> Result<Tensor> {
        let input = batch.to_device(&self.device).map_err(tensor_error(NAME))?;
        let output = match &self.network {
            Network::Yolov8(network) => network.forward(&input)?,
            Network::Yolox(network) => network.forward(&yolox::from_rgb(&input)?)?,
        };
        output.to_device(&Device::Cpu).map_err(tensor_error(NAME))
    }

    /// One picture's output `[C, A]` to detections in input pixels, by falling score.
    ///
    /// # Errors
    /// `Defect` when the output is not one of the network.
    pub fn decode(&self, output: &Tensor, params: &ChunkParams) -> Result<Vec<BoxDetection>> {
        let (channels, anchors) = output.dims2().map_err(tensor_error(NAME))?;
        let values = output.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(tensor_error(NAME))?;
        let poses =
            matches!(&self.network, Network::Yolov8(network) if matches!(network.config().task, Task::Pose { .. }));
        if !poses {
            return Ok(decode_boxes(&values, channels, anchors, params.score, params.iou));
        }
        let people = decode_poses(&values, channels, anchors, params.score, params.iou);
        let person = usize::from(classes::PERSON);
        Ok(people.into_iter().map(|pose| BoxDetection { class: person, score: pose.score, bbox: pose.bbox }).collect())
    }
}
