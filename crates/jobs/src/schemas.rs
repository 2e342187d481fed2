//! JSON Schemas of everything that is written for others to read.

use framefan_contract::artifact::Artifact;
use framefan_contract::plan::{Plan, Shard};
use framefan_contract::request::JobRequest;
use framefan_contract::results::{ResultsHeader, SectionFile};
use framefan_contract::run::RunRecord;
use schemars::{Schema, schema_for};
use serde_json::{Value, json};

/// Name and schema of each document, sorted by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("artifact", schema_for!(Artifact).to_value()),
        ("plan", schema_for!(Plan).to_value()),
        ("request", schema_for!(JobRequest).to_value()),
        ("results", results_schema()),
        ("run", schema_for!(RunRecord).to_value()),
        ("shard", schema_for!(Shard).to_value()),
    ]
}

/// The envelope, with each analyzer's section, or the file that holds it, under the analyzer's name.
fn results_schema() -> Value {
    let mut schema = schema_for!(ResultsHeader).to_value();
    schema["title"] = json!("Results");
    for analyzer in framefan_analyzers::REGISTRY {
        let section = embed(&mut schema, analyzer.section_schema());
        let file = embed(&mut schema, schema_for!(SectionFile));
        schema["properties"][analyzer.name()] = json!({"anyOf": [section, file]});
    }
    schema
}

/// Moves a schema's definitions to those of the schema it becomes a part of; references to them stay as they are.
fn embed(whole: &mut Value, part: Schema) -> Value {
    let mut part = part.to_value();
    if let Some(fields) = part.as_object_mut() {
        fields.remove("$schema");
        if let Some(Value::Object(definitions)) = fields.remove("$defs") {
            for (name, definition) in definitions {
                whole["$defs"][name] = definition;
            }
        }
    }
    part
}
