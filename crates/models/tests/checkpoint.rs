//! Checkpoints of PyTorch: what PyTorch itself wrote, what an independent writer wrote, and what somebody made to do harm.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use framefan_contract::ErrorKind;
use framefan_models::{Weights, WeightsSource};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fn made_by_pytorch(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints").join(file)
}

fn load(file: &str) -> Weights {
    Weights::load(&made_by_pytorch(file), &Device::Cpu).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
    error.message().to_owned()
}

fn read(bytes: &[u8]) -> framefan_contract::Result<Weights> {
    Weights::from_bytes(&WeightsSource::File("made.pth".into()), bytes, &Device::Cpu)
}

/// An archive as `torch.save` makes it.
fn archive(pickle: &[u8], storages: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    zip.start_file("archive/data.pkl", options).unwrap();
    zip.write_all(pickle).unwrap();
    for (key, bytes) in storages {
        zip.start_file(format!("archive/data/{key}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// `{"t": a tensor}`, protocol 2: `storage` is what comes in the place of the storage's type.
fn tensor_pickle(storage: &str, offset: u8, shape: &[u32], strides: &[u32]) -> Vec<u8> {
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let numbers = |numbers: &[u32]| {
        let each = numbers.iter().flat_map(|number| [&b"J"[..], &number.to_le_bytes()].concat());
        [&b"("[..], &each.collect::<Vec<u8>>(), b"t"].concat()
    };
    [
        &b"\x80\x02}"[..],
        &text("t"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        format!("ctorch\n{storage}\n").as_bytes(),
        &text("0"),
        &text("cpu"),
        b"K\x04tQK",
        &[offset],
        &numbers(shape),
        &numbers(strides),
        b"\x89}tRs.",
    ]
    .concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn what_pytorch_wrote_is_read() {
    for file in ["ordered_dict.pt", "nested.pt"] {
        let tensor = load(file).tensor("test", &[2, 4]).unwrap();
        assert_eq!(tensor.to_vec2::<i64>().unwrap(), [[1, 2, 3, 4], [5, 6, 7, 8]], "{file}");
    }
    let transposed = load("transposed.pth").tensor("tensor_fortran", &[2, 3, 4]).unwrap();
    let counted = Tensor::arange(1i64, 25, &Device::Cpu).unwrap().reshape((2, 3, 4)).unwrap();
    assert_eq!(transposed.to_vec3::<i64>().unwrap(), counted.to_vec3::<i64>().unwrap());
    assert_eq!(load("float16.pt").values("tensor", &[3]).unwrap(), [1.5, -2.25, 3.125]);
    assert_eq!(load("bfloat16.pt").values("tensor", &[3]).unwrap(), [1.5, -2.5, 3.5]);
    assert_eq!(load("parameter.pt").names().collect::<Vec<_>>(), ["param"]);
    let checkpoint = load("checkpoint.pt");
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"]);
    assert_eq!(checkpoint.shape("fc1.weight").unwrap(), [10, 5]);
}

#[test]
fn bytes_of_the_program_are_read_as_a_file_is() {
    let bytes = include_bytes!("checkpoints/float16.pt");
    let built_in = WeightsSource::BuiltIn { name: "made".into(), bytes };
    let weights = Weights::load(&built_in, &Device::Cpu).unwrap();
    assert!(weights.names().eq(load("float16.pt").names()));
    assert_eq!(weights.values("tensor", &[3]).unwrap(), [1.5, -2.25, 3.125]);
    assert!(weights.tensor("tensor", &[4]).unwrap_err().message().contains("built-in made"));
}

#[test]
fn candles_own_reader_reads_the_same() {
    for (file, key) in [
        ("ordered_dict.pt", None),
        ("nested.pt", Some("model_state_dict")),
        ("transposed.pth", None),
        ("float16.pt", None),
        ("parameter.pt", None),
        ("checkpoint.pt", Some("model_state_dict")),
    ] {
        let weights = load(file);
        let reference = candle_core::pickle::read_all_with_key(made_by_pytorch(file), key).unwrap();
        assert_eq!(reference.len(), weights.names().count(), "{file}");
        for (name, tensor) in reference {
            let ours = weights.tensor(&name, tensor.dims()).unwrap();
            assert_eq!(ours.dtype(), tensor.dtype(), "{file}");
            let difference = (ours.to_dtype(DType::F64).unwrap() - tensor.to_dtype(DType::F64).unwrap()).unwrap();
            assert_eq!(difference.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap(), 0.0, "{file}, {name}");
        }
    }
}

#[test]
fn what_pytorch_wrote_before_1_6_is_read() {
    let weights = load("legacy.pt");
    assert_eq!(weights.names().collect::<Vec<_>>(), ["bias", "running_mean", "weight"]);
    assert_eq!(weights.values("bias", &[2]).unwrap(), [1.0, 1.0]);
    assert_eq!(weights.values("running_mean", &[2]).unwrap(), [0.0, 0.0]);
    assert!(weights.values("weight", &[2, 3]).unwrap().iter().all(|value| value.abs() < 6.0 && *value != 0.0));
    let weights = load("legacy_values.pt");
    for (name, first, step, count) in [("tensor1", 1.0, 0.01, 10), ("tensor2", 2.0, 0.1, 5), ("tensor3", 3.0, 0.1, 5)] {
        for (place, value) in weights.values(name, &[count]).unwrap().into_iter().enumerate() {
            assert!((value - (first + step * place as f32)).abs() < 1e-5, "{name} {place}: {value}");
        }
    }
    // Two views of one storage of 0, 1, … 99.
    let weights = load("legacy_views.pt");
    for (name, first) in [("tensor1", 10), ("tensor2", 50)] {
        let wanted: Vec<f32> = (first..first + 10).map(|value| value as f32).collect();
        assert_eq!(weights.values(name, &[10]).unwrap(), wanted);
    }
}

#[test]
fn real_weights_are_the_same_in_every_form() {
    let test = "real_weights_are_the_same_in_every_form";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let original = data.join("weights/realesr-animevideov3-x4.safetensors");
    let reference = Weights::load(&original, &Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (kind, key, prefix) in
        [("zip", "params", "-"), ("zip", "-", "module."), ("legacy", "state_dict", "module."), ("legacy", "-", "-")]
    {
        let Some(python) = framefan_testkit::python_or_skip(test) else { return };
        let path = folder.path().join(format!("{kind}.pth"));
        let arguments = [Path::new(kind), Path::new(key), Path::new(prefix), &original, &path];
        support::run_python(python, include_str!("support/save_checkpoint.py"), &arguments);
        let weights = Weights::load(&path, &Device::Cpu).unwrap();
        assert!(weights.names().eq(reference.names()), "{kind} {key} {prefix}");
        for name in reference.names() {
            let shape = reference.shape(name).unwrap();
            assert_eq!(weights.values(name, shape).unwrap(), reference.values(name, shape).unwrap(), "{kind} {name}");
        }
    }
}

#[test]
fn strides_are_followed() {
    let bytes = archive(
        &tensor_pickle("FloatStorage", 1, &[2, 2], &[1, 2]),
        &[("0", &floats(&[9.0, 1.0, 2.0, 3.0, 4.0]))],
        CompressionMethod::Stored,
    );
    assert_eq!(read(&bytes).unwrap().values("t", &[2, 2]).unwrap(), [1.0, 3.0, 2.0, 4.0]);
    let scalar =
        archive(&tensor_pickle("FloatStorage", 0, &[], &[]), &[("0", &floats(&[7.0]))], CompressionMethod::Stored);
    assert_eq!(read(&scalar).unwrap().values("t", &[]).unwrap(), [7.0]);
    let empty = archive(&tensor_pickle("FloatStorage", 0, &[3, 0], &[1, 1]), &[("0", &[])], CompressionMethod::Stored);
    assert_eq!(read(&empty).unwrap().shape("t").unwrap(), [3, 0]);
}

#[test]
fn what_reaches_beyond_its_values_is_refused_without_taking_memory() {
    let values = floats(&[1.0, 2.0, 3.0, 4.0]);
    let made = |storage, offset, shape: &[u32], strides: &[u32]| {
        archive(&tensor_pickle(storage, offset, shape, strides), &[("0", &values)], CompressionMethod::Stored)
    };
    assert!(read(&made("FloatStorage", 0, &[2, 2], &[2, 1])).is_ok());
    for (what, bytes, says) in [
        ("offset", made("FloatStorage", 1, &[2, 2], &[2, 1]), "beyond its values"),
        ("stride", made("FloatStorage", 0, &[2, 2], &[3, 1]), "beyond its values"),
        ("wider type", made("DoubleStorage", 0, &[2, 2], &[2, 1]), "beyond its values"),
        ("repeated", made("FloatStorage", 0, &[0x7fff_ffff, 0x7fff_ffff], &[0, 0]), "larger than"),
        ("overflow", made("FloatStorage", 0, &[0x7fff_ffff; 4], &[0; 4]), "larger than"),
        ("far", made("FloatStorage", 0, &[2, 2], &[0x7fff_ffff, 1]), "beyond its values"),
        ("negative", made("FloatStorage", 0, &[0xffff_ffff], &[1]), "no list of sizes"),
        ("uneven", made("FloatStorage", 0, &[2, 2], &[1]), "do not fit together"),
    ] {
        let message = refused(&bytes);
        assert!(
            message.contains(says) && message.contains("tensor t") && message.contains("made.pth"),
            "{what}: {message}"
        );
    }
    let gone = archive(&tensor_pickle("FloatStorage", 0, &[4], &[1]), &[], CompressionMethod::Stored);
    assert!(refused(&gone).contains("values are missing"));
}

#[test]
fn nothing_in_a_checkpoint_runs() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("ran");
    let call = format!("touch {}", proof.display());
    let pickle =
        [&b"\x80\x02cposix\nsystem\nX"[..], &(call.len() as u32).to_le_bytes(), call.as_bytes(), b"\x85R."].concat();
    let message = refused(&archive(&pickle, &[], CompressionMethod::Stored));
    assert!(message.contains("posix.system") && message.contains("state_dict()"), "{message}");
    assert!(!proof.exists());
    // The test can fail: Python does run it.
    if let Some(python) = framefan_testkit::python_or_skip("nothing_in_a_checkpoint_runs, Python's half") {
        let file = folder.path().join("data.pkl");
        std::fs::write(&file, &pickle).unwrap();
        support::run_python(python, "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))", &[&file]);
        assert!(proof.exists());
    }
}

#[test]
fn what_is_no_checkpoint_says_what_it_is() {
    let module = b"\x80\x02}X\x05\x00\x00\x00modelcultralytics.nn.tasks\nPoseModel\n)\x81}bs.";
    let message = refused(&archive(module, &[], CompressionMethod::Stored));
    assert!(message.contains("ultralytics.nn.tasks.PoseModel") && message.contains("safetensors"), "{message}");
    assert!(refused(&archive(b"\x80\x02}.", &[], CompressionMethod::Stored)).contains("no dictionary of tensors"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("readme.txt", SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
    zip.write_all(b"hello").unwrap();
    assert!(refused(&zip.finish().unwrap().into_inner()).contains("no data.pkl"));
    assert!(refused(b"PK\x03\x04 and then nothing").contains("damaged"));
}

#[test]
fn what_is_cut_or_changed_is_refused_or_read_but_never_a_panic() {
    for file in ["ordered_dict.pt", "legacy.pt", "legacy_views.pt"] {
        let whole = std::fs::read(made_by_pytorch(file)).unwrap();
        for length in 0..whole.len() {
            refused(&whole[..length]);
        }
        for place in 0..whole.len() {
            for change in [0x00, 0x28, 0x2e, 0x52, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[place] = change;
                if let Err(error) = read(&changed) {
                    assert_eq!(error.kind(), ErrorKind::BadInput, "{file} {place}: {error}");
                }
            }
        }
    }
}

#[test]
fn compressed_entries_are_refused_before_they_are_unpacked() {
    let stored =
        archive(&tensor_pickle("FloatStorage", 0, &[4], &[1]), &[("0", &floats(&[0.0; 4]))], CompressionMethod::Stored);
    // Method 8, deflate, in both headers of the first entry: the local one and the central one.
    let mut deflated = stored.clone();
    deflated[8] = 8;
    let central = stored.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    deflated[central + 10] = 8;
    let message = refused(&deflated);
    assert!(message.contains("compress") || message.contains("damaged"), "{message}");
}
