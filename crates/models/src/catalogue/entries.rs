//! The entries of the catalogue.
//!
//! The digests are those that several independent public projects state for the file at the very address; they were not
//! computed from a download of our own. Where there is none, the hub states one when the file is downloaded.

use super::{KnownModel, Origin, Tried};
use crate::architecture::Architecture;

/// Every known model, sorted by name.
pub const KNOWN_MODELS: [KnownModel; 17] = [
    KnownModel {
        name: "osnet-x0.25",
        architecture: Architecture::Osnet,
        input: "256×128",
        purpose: "knowing people again (track)",
        origin: Origin::Hub {
            repository: "kaiyangzhou/osnet",
            revision: "a5c5cc037c24235cda3b21085b93ad77c9616224",
            file: "osnet_x0_25_msmt17_combineall_256x128_amsgrad_ep150_stp60_lr0.0015_b64_fb10_softmax_labelsmooth_flip_jitter.pth",
        },
        sha256: Some("cf55163d78fc44c62c82f85ab62d39f10438679b5abe8c698ae08cfa84aa6e18"),
        licence: "MIT",
        tried: Tried::Copy,
    },
    KnownModel {
        name: "pose-synth",
        architecture: Architecture::Yolov8Pose,
        input: "288×512",
        purpose: "drawn people: trying out (pose, track)",
        origin: Origin::BuiltIn { bytes: include_bytes!("../../shipped/pose-synth.safetensors") },
        sha256: None,
        licence: "Apache-2.0 OR MIT",
        tried: Tried::Bytes,
    },
    real_esrgan(
        "realesr-animevideov3",
        "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.5.0/realesr-animevideov3.pth",
        "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
    ),
    KnownModel {
        tried: Tried::Copy,
        ..real_esrgan(
            "realesr-general-x4v3",
            "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.5.0/realesr-general-x4v3.pth",
            "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
        )
    },
    yolov8("yolov8l", "yolov8l.safetensors"),
    yolov8_pose("yolov8l-pose", "yolov8l-pose.safetensors"),
    yolov8("yolov8m", "yolov8m.safetensors"),
    yolov8_pose("yolov8m-pose", "yolov8m-pose.safetensors"),
    KnownModel { tried: Tried::Copy, ..yolov8("yolov8n", "yolov8n.safetensors") },
    KnownModel {
        sha256: Some("08c76047b41744c027c8150e81d1dbbd94f996656cf5be266491367ae7fad072"),
        tried: Tried::Copy,
        ..yolov8_pose("yolov8n-pose", "yolov8n-pose.safetensors")
    },
    yolov8("yolov8s", "yolov8s.safetensors"),
    yolov8_pose("yolov8s-pose", "yolov8s-pose.safetensors"),
    yolov8("yolov8x", "yolov8x.safetensors"),
    yolov8_pose("yolov8x-pose", "yolov8x-pose.safetensors"),
    KnownModel {
        tried: Tried::Copy,
        ..yolox(
            "yolox-nano",
            "416×416",
            "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.pth",
            "cd28f55fbbc1829f99d9ac9b38a16d259a22889739c8728ea877610201feff7b",
        )
    },
    yolox(
        "yolox-s",
        "640×640",
        "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_s.pth",
        "f55ded7181e1b0c13285c56e7790b8f0e8f8db590fe4edb37f0b7f345c913a30",
    ),
    yolox(
        "yolox-tiny",
        "416×416",
        "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_tiny.pth",
        "9de513de589ac98bb92d3bca53b5af7b9acfa9b0bacb831f7999d0f7afaee8f0",
    ),
];

/// Ultralytics' weights with the tensor names of candle's example, in half precision.
const fn yolov8(name: &'static str, file: &'static str) -> KnownModel {
    KnownModel {
        name,
        architecture: Architecture::Yolov8,
        input: "640×640",
        purpose: "objects of 80 classes (track)",
        origin: Origin::Hub {
            repository: "lmz/candle-yolo-v8",
            revision: "be388c6fab95ae3035a039070e1b883b9c5a1325",
            file,
        },
        sha256: None,
        licence: "AGPL-3.0-only",
        tried: Tried::Shape,
    }
}

const fn yolov8_pose(name: &'static str, file: &'static str) -> KnownModel {
    KnownModel {
        architecture: Architecture::Yolov8Pose,
        purpose: "people and their landmarks (pose, track)",
        ..yolov8(name, file)
    }
}

/// The authors' checkpoints.
const fn yolox(name: &'static str, input: &'static str, url: &'static str, sha256: &'static str) -> KnownModel {
    KnownModel {
        name,
        architecture: Architecture::Yolox,
        input,
        purpose: "objects of 80 classes (track)",
        origin: Origin::Web { url },
        sha256: Some(sha256),
        licence: "Apache-2.0",
        tried: Tried::Shape,
    }
}

/// The authors' checkpoints of the compact networks.
const fn real_esrgan(name: &'static str, url: &'static str, sha256: &'static str) -> KnownModel {
    KnownModel {
        name,
        architecture: Architecture::Srvgg,
        input: "any",
        purpose: "enlarging pictures 4 times",
        origin: Origin::Web { url },
        sha256: Some(sha256),
        licence: "BSD-3-Clause",
        tried: Tried::Shape,
    }
}
