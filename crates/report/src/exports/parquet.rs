//! Apache Parquet: the tables with typed columns (64-bit integers and floats, UTF-8 text), compressed with Snappy.
//!
//! Rows are gathered until they fill a row group, and written column by column, so memory is that of one group.

use std::path::Path;
use std::sync::Arc;

use framefan_contract::{Error, Result};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use tempfile::NamedTempFile;

use super::tables::{Cell, Column, Kind, Table};
use super::unwritten;

/// Cells of a row group: 8 MB of numbers.
const GROUP_CELLS: usize = 1 << 20;

/// Begins a table.
pub(super) fn create(scratch: &Path, columns: Vec<Column>) -> Result<Box<dyn Table>> {
    let file = NamedTempFile::new_in(scratch).map_err(|e| Error::io(scratch.display(), e))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("framefan {}", env!("CARGO_PKG_VERSION")))
        .build();
    let schema = Arc::new(schema(&columns).map_err(failed)?);
    let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(failed)?;
    let group_rows = GROUP_CELLS / columns.len().max(1);
    let columns = columns.iter().map(|column| Buffer::new(column.kind)).collect();
    Ok(Box::new(Parquet { writer, columns, rows: 0, group_rows }))
}

fn schema(columns: &[Column]) -> Result<Type, ParquetError> {
    let fields: Result<Vec<TypePtr>, ParquetError> = columns.iter().map(|column| field(column).map(Arc::new)).collect();
    Type::group_type_builder("framefan").with_fields(fields?).build()
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical, repetition) = match column.kind {
        Kind::Integer => (Physical::INT64, None, Repetition::REQUIRED),
        Kind::Count => (Physical::INT64, None, Repetition::OPTIONAL),
        Kind::Number => (Physical::DOUBLE, None, Repetition::OPTIONAL),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
    };
    let builder = Type::primitive_type_builder(&column.name, physical);
    builder.with_logical_type(logical).with_repetition(repetition).build()
}

struct Parquet {
    writer: SerializedFileWriter<NamedTempFile>,
    columns: Vec<Buffer>,
    /// Rows in the buffers.
    rows: usize,
    group_rows: usize,
}

/// The values of a column that are not written yet.
enum Buffer {
    Integers(Vec<i64>),
    /// The counts that are there, and for each row whether it has one: 1 or 0, Parquet's definition levels.
    Counts(Vec<i64>, Vec<i16>),
    /// The same of numbers.
    Numbers(Vec<f64>, Vec<i16>),
    Texts(Vec<ByteArray>),
}

impl Buffer {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Buffer::Integers(Vec::new()),
            Kind::Count => Buffer::Counts(Vec::new(), Vec::new()),
            Kind::Number => Buffer::Numbers(Vec::new(), Vec::new()),
            Kind::Text => Buffer::Texts(Vec::new()),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) -> Result<()> {
        match (self, cell) {
            (Buffer::Integers(values), Cell::Integer(value)) => values.push(*value),
            (Buffer::Counts(values, levels), Cell::Count(value)) => {
                levels.push(i16::from(value.is_some()));
                values.extend(value);
            }
            (Buffer::Numbers(values, levels), Cell::Number(value)) => {
                let value = value.filter(|value| value.is_finite());
                levels.push(i16::from(value.is_some()));
                values.extend(value);
            }
            (Buffer::Texts(values), Cell::Text(text)) => values.push(ByteArray::from(*text)),
            (_, cell) => return Err(Error::defect(format!("{cell:?} is not of its column's kind"))),
        }
        Ok(())
    }

    /// Writes the values and forgets them.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Buffer::Integers(values) => {
                column.typed::<Int64Type>().write_batch(values, None, None)?;
                values.clear();
            }
            Buffer::Counts(values, levels) => {
                column.typed::<Int64Type>().write_batch(values, Some(levels), None)?;
                values.clear();
                levels.clear();
            }
            Buffer::Numbers(values, levels) => {
                column.typed::<DoubleType>().write_batch(values, Some(levels), None)?;
                values.clear();
                levels.clear();
            }
            Buffer::Texts(values) => {
                column.typed::<ByteArrayType>().write_batch(values, None, None)?;
                values.clear();
            }
        }
        Ok(())
    }
}

impl Parquet {
    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for buffer in &mut self.columns {
            let column = group.next_column()?;
            let mut column = column.ok_or_else(|| ParquetError::General("a row group lacks a column".to_owned()))?;
            buffer.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Table for Parquet {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        if cells.len() != self.columns.len() {
            return Err(Error::defect(format!("a row of {} cells has {}", self.columns.len(), cells.len())));
        }
        for (buffer, cell) in self.columns.iter_mut().zip(cells) {
            buffer.push(cell)?;
        }
        self.rows += 1;
        if self.rows == self.group_rows { self.write_group().map_err(failed) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<NamedTempFile> {
        if self.rows > 0 {
            self.write_group().map_err(failed)?;
        }
        self.writer.into_inner().map_err(failed)
    }
}

/// A full disk is worth another try; anything else cannot be the table's fault.
fn failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => unwritten(*error),
            Err(other) => Error::defect(format!("writing Parquet: {other}")),
        },
        error => Error::defect(format!("writing Parquet: {error}")),
    }
}
