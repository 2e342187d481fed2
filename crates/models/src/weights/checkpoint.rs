//! Checkpoints as `torch.save` writes them: a zip archive (since PyTorch 1.6) or a row of pickles (before), with the tensors'
//! values beside the pickle that says what they are.
//!
//! Nothing that a file says is trusted: nothing in it runs, every range is checked, compressed entries are refused (PyTorch
//! writes none), and all tensors together may take at most [`MOST_COPIES`] times the file's size.
//!
//! Source of the formats: `torch/serialization.py` (`_save`, `_legacy_save`) and `torch/_utils.py` (`_rebuild_tensor_v2`).

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;

use candle_core::{DType, Device, Tensor};
use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Object, Pickle, Place};

/// How often a file's values may be used: tensors can share them.
const MOST_COPIES: usize = 4;

/// The most entries of an archive: one for each tensor, and a few.
const MOST_ENTRIES: usize = 100_000;

/// Where a checkpoint keeps its tensors when they are not its outermost dictionary, the better ones first: averages over the
/// training (`params_ema`) are what authors publish.
const NESTED: [&str; 6] = ["params_ema", "params", "state_dict", "model_state_dict", "model", "net"];

/// The prefix of all names of a network that was trained with `DataParallel`.
const PARALLEL: &str = "module.";

/// How the pickle of the older format begins: its magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Whether these bytes begin as one of the two formats does.
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(LEGACY)
}

/// The tensors of a checkpoint by name, on `device`. The error is a sentence without the file's name.
pub fn read(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>, String> {
    if bytes.starts_with(LEGACY) { read_legacy(bytes, device) } else { read_archive(bytes, device) }
}

/// `NAME/data.pkl`, and each storage as `NAME/data/KEY`.
fn read_archive(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>, String> {
    let entries = entries(bytes)?;
    let mut pickles = entries.keys().filter_map(|name| name.strip_suffix("/data.pkl"));
    let folder = pickles.next().ok_or("there is no data.pkl in the archive, so torch.save did not write it")?;
    if pickles.next().is_some() {
        return Err("there is more than one data.pkl in the archive".to_owned());
    }
    let of = |name: &str| entries.get(&format!("{folder}/{name}")).map(|range| &bytes[range.clone()]);
    if of("byteorder").is_some_and(|order| order != b"little") {
        return Err("its values are not little-endian".to_owned());
    }
    let pickle = Pickle::read(of("data.pkl").unwrap_or_default())?;
    tensors(&pickle, bytes.len(), device, |key| of(&format!("data/{key}")))
}

/// The ranges of an archive's entries by name.
fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Range<usize>>, String> {
    let broken = |e: zip::result::ZipError| format!("the archive is damaged: {e}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > MOST_ENTRIES {
        return Err(format!("the archive has {} entries, more than {MOST_ENTRIES}", archive.len()));
    }
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(format!("entry {name} of the archive is compressed, which torch.save never does"));
        }
        let range = entry.data_start().and_then(|start| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(entry.compressed_size()).ok()?)?;
            (end <= bytes.len()).then_some(start..end)
        });
        let range = range.ok_or_else(|| format!("entry {name} lies outside the archive"))?;
        entries.insert(name, range);
    }
    Ok(entries)
}

/// Five pickles (magic number, version, system, object, keys of storages), then each storage: the number of its elements in 8
/// bytes, and its values.
fn read_legacy(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>, String> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle<'_>, String> {
        let pickle = Pickle::read(rest)?;
        rest = &rest[pickle.length..];
        Ok(pickle)
    };
    let (_magic, _version, system, object, keys) = (next()?, next()?, next()?, next()?, next()?);
    let mut facts = system.entries(system.root).into_iter().flatten();
    if facts.any(|(key, value)| key == "little_endian" && matches!(system.get(value), Object::Bool(false))) {
        return Err("its values are not little-endian".to_owned());
    }
    let sizes = storage_sizes(&object);
    let mut storages: HashMap<&str, &[u8]> = HashMap::new();
    for &key in keys.sequence(keys.root).ok_or("the list of storages is missing")? {
        let key = keys.text(key).ok_or("a storage without a key")?;
        let &size = sizes.get(key).ok_or_else(|| format!("storage {key} belongs to no tensor of a known type"))?;
        let (count, after) = rest.split_first_chunk::<8>().ok_or("the file ends in the middle of its values")?;
        let length = usize::try_from(u64::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(size));
        let values = length.and_then(|length| after.split_at_checked(length));
        let (values, after) = values.ok_or("the file ends in the middle of its values")?;
        storages.insert(key, values);
        rest = after;
    }
    tensors(&object, bytes.len(), device, |key| storages.get(key).copied())
}

/// Bytes of an element of each storage that the pickle names.
fn storage_sizes<'a>(pickle: &Pickle<'a>) -> HashMap<&'a str, usize> {
    let storages = pickle.persistent_ids().filter_map(|id| Storage::read(pickle, id));
    storages.filter_map(|storage| Some((storage.key, storage.kind?.size()))).collect()
}

/// A type of values, as a storage names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float(DType),
    Int { bytes: usize, signed: bool },
}

impl Kind {
    fn of(storage: &str) -> Option<Kind> {
        Some(match storage {
            "FloatStorage" => Kind::Float(DType::F32),
            "DoubleStorage" => Kind::Float(DType::F64),
            "HalfStorage" => Kind::Float(DType::F16),
            "BFloat16Storage" => Kind::Float(DType::BF16),
            "LongStorage" => Kind::Int { bytes: 8, signed: true },
            "IntStorage" => Kind::Int { bytes: 4, signed: true },
            "ShortStorage" => Kind::Int { bytes: 2, signed: true },
            "CharStorage" => Kind::Int { bytes: 1, signed: true },
            "ByteStorage" | "BoolStorage" => Kind::Int { bytes: 1, signed: false },
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Kind::Float(dtype) => dtype.size_in_bytes(),
            Kind::Int { bytes, .. } => bytes,
        }
    }
}

/// What a pickle says of a storage.
struct Storage<'a> {
    key: &'a str,
    /// `None`: a type that no weights have.
    kind: Option<Kind>,
}

impl<'a> Storage<'a> {
    /// `("storage", torch.FloatStorage, key, device, number of elements)`, in the older format with a sixth part: what other
    /// storage it is a view of. Views of storages ended with PyTorch 0.4 and are not read.
    fn read(pickle: &Pickle<'a>, id: Place) -> Option<Storage<'a>> {
        let [_what, kind, key, _device, _count, view @ ..] = pickle.sequence(id)? else { return None };
        if view.first().is_some_and(|&view| pickle.sequence(view).is_some()) {
            return None;
        }
        let (_module, kind) = pickle.global(*kind)?;
        Some(Storage { key: pickle.text(*key)?, kind: Kind::of(kind) })
    }
}

/// Finds the dictionary of tensors and reads them; `storage` gives a storage's bytes.
fn tensors<'s>(
    pickle: &Pickle<'_>,
    file_length: usize,
    device: &Device,
    storage: impl Fn(&str) -> Option<&'s [u8]>,
) -> Result<BTreeMap<String, Tensor>, String> {
    let named = find_tensors(pickle)?;
    let parallel = named.iter().all(|(name, _)| name.starts_with(PARALLEL));
    let mut left = file_length.saturating_mul(MOST_COPIES);
    let mut tensors = BTreeMap::new();
    for (name, place) in named {
        let wrong = |what: &str| format!("tensor {name}: {what}");
        let Some(view) = View::read(pickle, place).map_err(&wrong)? else { continue };
        let bytes = storage(view.key).ok_or_else(|| wrong("its values are missing"))?;
        let values = view.gather(bytes, &mut left).map_err(&wrong)?;
        let tensor = to_tensor(view.kind, &values, &view.shape, device).map_err(|e| wrong(&e.to_string()))?;
        tensors.insert(if parallel { name[PARALLEL.len()..].to_owned() } else { name.to_owned() }, tensor);
    }
    Ok(tensors)
}

/// Names and places of the tensors of the outermost dictionary, or else of one of those it usually lies in.
fn find_tensors<'a>(pickle: &Pickle<'a>) -> Result<Vec<(&'a str, Place)>, String> {
    let of = |place: Place| -> Vec<(&'a str, Place)> {
        let entries = pickle.entries(place).into_iter().flatten();
        entries.filter(|&(_, value)| matches!(View::read(pickle, value), Ok(Some(_)) | Err(_))).collect()
    };
    let outer: BTreeMap<&str, Place> = pickle.entries(pickle.root).into_iter().flatten().collect();
    let inner = NESTED.iter().filter_map(|name| outer.get(name));
    for place in std::iter::once(&pickle.root).chain(inner) {
        let found = of(*place);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let module = outer.get("model").copied().unwrap_or(pickle.root);
    Err(match pickle.call(module) {
        Some(((module, name), _)) => format!(
            "it holds a Python object ({module}.{name}) and not a dictionary of tensors: save its state_dict(), best as \
             safetensors"
        ),
        None => format!("there is no dictionary of tensors, neither outermost nor under {}", NESTED.join(", ")),
    })
}

/// A tensor as the pickle describes it: a view of a storage.
struct View<'a> {
    key: &'a str,
    kind: Kind,
    /// Elements before the first one.
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl<'a> View<'a> {
    /// `None` for what is no tensor, or one of a type that no weights have.
    fn read(pickle: &Pickle<'a>, place: Place) -> Result<Option<View<'a>>, &'static str> {
        let Some((callable, arguments)) = pickle.call(place) else { return Ok(None) };
        let arguments = match (callable, arguments) {
            (("torch._utils", "_rebuild_tensor_v2"), arguments) => arguments,
            // A parameter is a tensor and how it is trained. It may not be one of a parameter: that would be recursion.
            (("torch._utils", "_rebuild_parameter"), [tensor, ..]) => match pickle.call(*tensor) {
                Some((("torch._utils", "_rebuild_tensor_v2"), arguments)) => arguments,
                _ => return Err("a parameter of something that is no tensor"),
            },
            _ => return Ok(None),
        };
        let [storage, offset, shape, strides, ..] = arguments else { return Err("its description is incomplete") };
        let Object::Persistent(id) = pickle.get(*storage) else { return Err("it has no values") };
        let storage = Storage::read(pickle, *id).ok_or("its values are not described as PyTorch does")?;
        let Some(kind) = storage.kind else { return Ok(None) };
        let offset = pickle.size(*offset).ok_or("its offset is no size")?;
        let shape = pickle.sizes(*shape).ok_or("its shape is no list of sizes")?;
        let strides = pickle.sizes(*strides).ok_or("its strides are no list of sizes")?;
        if shape.len() != strides.len() || shape.len() > 8 {
            return Err("its shape and its strides do not fit together");
        }
        Ok(Some(View { key: storage.key, kind, offset, shape, strides }))
    }

    /// Its values, row-major, as bytes. `left` is how many bytes all tensors may still take.
    fn gather(&self, storage: &[u8], left: &mut usize) -> Result<Vec<u8>, &'static str> {
        let size = self.kind.size();
        let count = self.shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        let length = count.and_then(|count| count.checked_mul(size)).filter(|length| *length <= *left);
        let length = length.ok_or("it is larger than the file's values can make it")?;
        *left -= length;
        if length == 0 {
            return Ok(Vec::new());
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |at, (&side, &stride)| at.checked_add((side - 1).checked_mul(stride)?));
        let end = last.and_then(|last| last.checked_add(1)).and_then(|end| end.checked_mul(size));
        if end.is_none_or(|end| end > storage.len()) {
            return Err("it reaches beyond its values");
        }
        let mut values = Vec::with_capacity(length);
        let mut index = vec![0; self.shape.len()];
        // The last dimension's elements often lie side by side.
        let (row, row_stride) = match (self.shape.last(), self.strides.last()) {
            (Some(&row), Some(&stride)) => (row, stride),
            _ => (1, 1),
        };
        while values.len() < length {
            let outer = index.iter().zip(&self.strides).take(self.shape.len().saturating_sub(1));
            let start = self.offset + outer.map(|(&at, &stride)| at * stride).sum::<usize>();
            if row_stride == 1 {
                values.extend_from_slice(&storage[start * size..(start + row) * size]);
            } else {
                for element in 0..row {
                    let at = (start + element * row_stride) * size;
                    values.extend_from_slice(&storage[at..at + size]);
                }
            }
            for dimension in (0..self.shape.len().saturating_sub(1)).rev() {
                index[dimension] += 1;
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                index[dimension] = 0;
            }
        }
        Ok(values)
    }
}

/// Whole numbers become 64-bit ones: networks only count with them.
fn to_tensor(kind: Kind, values: &[u8], shape: &[usize], device: &Device) -> candle_core::Result<Tensor> {
    match kind {
        Kind::Float(dtype) => Tensor::from_raw_buffer(values, dtype, shape, device),
        Kind::Int { bytes, signed } => {
            let number = |value: &[u8]| {
                let negative = signed && value.last().is_some_and(|byte| byte & 0x80 != 0);
                let mut wide = if negative { [0xff; 8] } else { [0; 8] };
                wide[..bytes].copy_from_slice(value);
                i64::from_le_bytes(wide)
            };
            Tensor::from_vec(values.chunks_exact(bytes).map(number).collect::<Vec<i64>>(), shape, device)
        }
    }
}
