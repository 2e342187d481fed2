//! Neural networks: what runs them, where their weights come from, and what their outputs mean.
//!
//! A network is written once, over the operations of a `Backend`. On the CPU these are the fused kernels of [`kernels`], in
//! `f32` or, where there is AMX, in `bf16`; everywhere else, and as the reference in tests, they are candle's own. Tensors
//! go in and come out as candle tensors either way. Nothing here knows of videos or jobs.

mod architecture;
mod backend;
pub mod catalogue;
pub mod decode;
pub mod device;
pub mod folder;
pub mod kernels;
pub mod lookup;
pub mod nms;
pub mod osnet;
pub mod srvgg;
pub mod weights;
pub mod yolov8;
pub mod yolox;

pub use architecture::Architecture;
pub use backend::Kernels;
pub use decode::{BoxDetection, COCO_SIGMAS, PoseDetection, decode_boxes, decode_poses};
pub use device::ComputeDevice;
pub use folder::ModelsFolder;
pub use lookup::{Found, Lookup, Place};
pub use osnet::Osnet;
pub use srvgg::Srvgg;
pub use weights::{Weights, WeightsSource};
pub use yolov8::{Task, Yolov8};
pub use yolox::Yolox;
