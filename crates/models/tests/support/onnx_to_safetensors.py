"""Writes the weights of an ONNX file as safetensors, under the names that the authors' PyTorch code gives them.

    python onnx_to_safetensors.py yolox-nano|osnet MODEL.onnx OUT.safetensors

Exporters fold batch normalisation into the convolutions before it and may forget the layers' names. What is folded gets the
name of the convolution's bias. For YOLOX the names are dealt out in the order in which the network runs its convolutions.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

FLOAT = 1


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a protobuf message: number and value."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            size = {1: 8, 5: 4}[kind]
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def dimensions(value):
    if isinstance(value, int):
        return [value]
    sizes, at = [], 0
    while at < len(value):
        size, at = varint(value, at)
        sizes.append(size)
    return sizes


def tensor(data, folder):
    """Name and values of a TensorProto; None for values that are no floats."""
    shape, kind, name, raw, floats, external = [], 0, "", None, b"", {}
    for number, value in fields(data):
        if number == 1:
            shape += dimensions(value)
        elif number == 2:
            kind = value
        elif number == 4:
            floats += value
        elif number == 8:
            name = value.decode()
        elif number == 9:
            raw = value
        elif number == 13:
            entry = dict(fields(value))
            external[entry[1].decode()] = entry[2].decode()
    if kind != FLOAT:
        return name, None
    if external:
        start = int(external.get("offset", 0))
        raw = (folder / external["location"]).read_bytes()[start : start + int(external["length"])]
    return name, np.frombuffer(floats if raw is None else raw, "<f4").reshape(shape)


def load(path):
    """Initializers by name, and the inputs of each convolution in order."""
    graph = next(value for number, value in fields(path.read_bytes()) if number == 7)
    weights, convolutions = {}, []
    for number, value in fields(graph):
        if number == 5:
            name, values = tensor(value, path.parent)
            if values is not None:
                weights[name] = values
        elif number == 1:
            node = list(fields(value))
            if (4, b"Conv") in node:
                convolutions.append([text.decode() for part, text in node if part == 1][1:])
    return weights, convolutions


def yolox_nano_names():
    """The convolutions of YOLOX-nano in the order in which they run."""
    separable = lambda name: [f"{name}.dconv.conv", f"{name}.pconv.conv"]

    def csp(name, depth):
        chain = [part for i in range(depth) for part in [f"{name}.m.{i}.conv1.conv", *separable(f"{name}.m.{i}.conv2")]]
        return [f"{name}.conv1.conv", f"{name}.conv2.conv", *chain, f"{name}.conv3.conv"]

    body = "backbone.backbone"
    names = [f"{body}.stem.conv.conv"]
    for stage, depth in [("dark2", 1), ("dark3", 3), ("dark4", 3)]:
        names += separable(f"{body}.{stage}.0") + csp(f"{body}.{stage}.1", depth)
    names += separable(f"{body}.dark5.0") + [f"{body}.dark5.1.conv{i}.conv" for i in (1, 2)] + csp(f"{body}.dark5.2", 1)
    names += ["backbone.lateral_conv0.conv"] + csp("backbone.C3_p4", 1)
    names += ["backbone.reduce_conv1.conv"] + csp("backbone.C3_p3", 1)
    names += separable("backbone.bu_conv2") + csp("backbone.C3_n3", 1)
    names += separable("backbone.bu_conv1") + csp("backbone.C3_n4", 1)
    for level in range(3):
        names.append(f"head.stems.{level}.conv")
        names += [part for i in (0, 1) for part in separable(f"head.cls_convs.{level}.{i}")] + [f"head.cls_preds.{level}"]
        names += [part for i in (0, 1) for part in separable(f"head.reg_convs.{level}.{i}")]
        names += [f"head.reg_preds.{level}", f"head.obj_preds.{level}"]
    return names


def yolox_nano(weights, convolutions):
    names = yolox_nano_names()
    assert len(names) == len(convolutions), f"{len(convolutions)} convolutions, not {len(names)}"
    named = {}
    for name, (weight, bias) in zip(names, convolutions):
        # Where the exporter kept a name, it must be the one that the order gives.
        assert not weight.startswith("head.") or weight == f"{name}.weight", f"{weight} is not {name}"
        named[f"{name}.weight"], named[f"{name}.bias"] = weights[weight], weights[bias]
    return named


def osnet(weights, _):
    return {name.replace(".weight_bias", ".bias"): values for name, values in weights.items()}


def write(path, tensors):
    header, place = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [place, place + values.nbytes]}
        place += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(values.tobytes() for values in tensors.values()))


if __name__ == "__main__":
    network, model, out = sys.argv[1:]
    write(Path(out), {"yolox-nano": yolox_nano, "osnet": osnet}[network](*load(Path(model))))
