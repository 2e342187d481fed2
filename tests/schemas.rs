//! The published JSON Schemas are those of the code, and real output matches them.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::path::Path;

use framefan_testkit::{videos, workspace_root};
use serde_json::Value;
use support::{Small, random_weights};

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// `FRAMEFAN_WRITE_SCHEMAS=1 cargo test -p framefan --test schemas` writes them.
#[test]
fn published_schemas_are_current() {
    let folder = workspace_root().join("docs/schemas");
    for (name, schema) in framefan_jobs::schemas() {
        let path = folder.join(format!("{name}.schema.json"));
        if std::env::var_os("FRAMEFAN_WRITE_SCHEMAS").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        }
        assert_eq!(read(&path), schema, "docs/schemas/{name}.schema.json is out of date: make schemas");
    }
}

fn check(schema: &str, instance: &Value) {
    let schema = read(&workspace_root().join(format!("docs/schemas/{schema}.schema.json")));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn real_output_matches() {
    let folder = tempfile::tempdir().unwrap();
    let (video, weights) = (videos::path("h264.avi"), random_weights());
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: folder.path(),
        chunk_seconds: "1",
        shards: 2,
        workers: 1,
    };
    let summary = run.run();
    let job = folder.path().join("jobs").join(summary["job_id"].as_str().unwrap());
    check("request", &read(&job.join("manifest.json")));
    check("plan", &read(&job.join("plan.json")));
    let shards = read(&job.join("shards.json"));
    for shard in shards.as_array().unwrap() {
        check("shard", shard);
    }
    for chunk in 0..summary["chunks"].as_u64().unwrap() {
        check("artifact", &read(&job.join(format!("chunks/chunk_{chunk:04}.json"))));
    }
    let results = read(&job.join("final_results.json"));
    check("results", &results);
    for run in std::fs::read_dir(job.join("runs")).unwrap() {
        check("run", &read(&run.unwrap().path()));
    }
    // The schema must refuse what is not a result, or matching it means nothing.
    let schema = read(&workspace_root().join("docs/schemas/results.schema.json"));
    let mut wrong = results.clone();
    wrong["pose"]["frames"][0]["frame"] = Value::String("first".to_owned());
    assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&wrong));
}
