//! Comma-separated values as RFC 4180 has them, UTF-8, with a header; lines end in a line feed. A number is written with
//! the fewest digits that give it back exactly; one that is missing is empty.

use std::path::Path;

use framefan_contract::Result;
use tempfile::NamedTempFile;

use super::Output;
use super::tables::{Cell, Column, Table};

/// Begins a table.
pub(super) fn create(scratch: &Path, columns: Vec<Column>) -> Result<Box<dyn Table>> {
    let mut output = Output::create(scratch)?;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    output.put(names.join(",") + "\n")?;
    Ok(Box::new(Csv { output }))
}

struct Csv {
    output: Output,
}

impl Table for Csv {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        let fields: Vec<String> = cells.iter().map(field).collect();
        self.output.put(fields.join(",") + "\n")
    }

    fn finish(self: Box<Self>) -> Result<NamedTempFile> {
        self.output.finish()
    }
}

fn field(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Integer(value) => value.to_string(),
        Cell::Count(value) => value.map_or_else(String::new, |value| value.to_string()),
        Cell::Number(value) => {
            value.filter(|value| value.is_finite()).map_or_else(String::new, |value| value.to_string())
        }
        Cell::Text(text) if text.contains(['"', ',', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Cell::Text(text) => (*text).to_owned(),
    }
}
