//! A pose network trained on photographs sees people in the drawn figures, with their joints where the truth has them.

use std::fs;
use std::path::Path;

use framefan_scene::{VideoOptions, still, write_video};
use framefan_testkit::{data_or_skip, python_or_skip, run};

#[test]
fn a_network_trained_on_photographs_finds_the_people() {
    const TEST: &str = "a network trained on photographs finds the people";
    let (Some(data), Some(mut python)) = (data_or_skip(TEST), python_or_skip(TEST)) else { return };
    let folder = tempfile::tempdir().unwrap();
    for seed in 5000..5050 {
        let picture = folder.path().join(format!("{seed}.png"));
        let truth =
            write_video(&still(seed, 256).unwrap(), &picture, &VideoOptions::of("-c:v png -pix_fmt rgb24")).unwrap();
        fs::write(picture.with_extension("json"), serde_json::to_string(&truth).unwrap()).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/pose_recall.py");
    let output = run(python.arg(script).arg(data.join("weights/yolov8n-pose-640.onnx")).arg(folder.path()));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{result}");
    assert!(result["people"].as_u64() > Some(50), "{result}");
    // Pictures that were dim, blurred or small on purpose are among them.
    assert!(result["recall_50"].as_f64() > Some(0.85), "{result}");
    assert!(result["mean_oks_of_found"].as_f64() > Some(0.77), "{result}");
}
