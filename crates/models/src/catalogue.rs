//! The models that framefan knows by name: where their weights come from and under which licence.

/// A model with published weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// The name used in requests and in `--model NAME=PATH`.
    pub name: &'static str,
    /// Repository on the Hugging Face hub.
    pub repository: &'static str,
    /// File in the repository.
    pub file: &'static str,
    /// SPDX name of the weights' licence.
    pub licence: &'static str,
}

const YOLOV8_REPOSITORY: &str = "lmz/candle-yolo-v8";

const fn yolov8(name: &'static str, file: &'static str) -> KnownModel {
    KnownModel { name, repository: YOLOV8_REPOSITORY, file, licence: "AGPL-3.0" }
}

/// YOLOX weights republished as safetensors; the authors publish PyTorch checkpoints only.
const fn yolox(name: &'static str, repository: &'static str) -> KnownModel {
    KnownModel { name, repository, file: "model.safetensors", licence: "Apache-2.0" }
}

/// Every known model, sorted by name.
pub const KNOWN_MODELS: [KnownModel; 13] = [
    yolov8("yolov8l", "yolov8l.safetensors"),
    yolov8("yolov8l-pose", "yolov8l-pose.safetensors"),
    yolov8("yolov8m", "yolov8m.safetensors"),
    yolov8("yolov8m-pose", "yolov8m-pose.safetensors"),
    yolov8("yolov8n", "yolov8n.safetensors"),
    yolov8("yolov8n-pose", "yolov8n-pose.safetensors"),
    yolov8("yolov8s", "yolov8s.safetensors"),
    yolov8("yolov8s-pose", "yolov8s-pose.safetensors"),
    yolov8("yolov8x", "yolov8x.safetensors"),
    yolov8("yolov8x-pose", "yolov8x-pose.safetensors"),
    yolox("yolox-nano", "RomDev2/yolox-nano"),
    yolox("yolox-s", "RomDev2/yolox-small"),
    yolox("yolox-tiny", "RomDev2/yolox-tiny"),
];

/// The known model of this name.
pub fn find(name: &str) -> Option<&'static KnownModel> {
    KNOWN_MODELS.iter().find(|model| model.name == name)
}

impl KnownModel {
    /// Where the file can be downloaded.
    pub fn url(&self) -> String {
        format!("https://huggingface.co/{}/resolve/main/{}", self.repository, self.file)
    }

    /// How a person gets the weights: one line, for error messages.
    pub fn how_to_get(&self) -> String {
        format!("download {} (licence {}) and name it with `--model {}=PATH`", self.url(), self.licence, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(KNOWN_MODELS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn the_advice_names_the_url_and_the_option() {
        let advice = find("yolov8n-pose").unwrap().how_to_get();
        assert!(advice.contains("lmz/candle-yolo-v8/resolve/main/yolov8n-pose.safetensors"), "{advice}");
        assert!(advice.contains("--model yolov8n-pose=PATH"), "{advice}");
        assert!(find("yolov9").is_none());
    }
}
