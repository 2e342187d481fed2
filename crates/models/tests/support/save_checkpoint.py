"""Writes weights as torch.save would, with Python's own pickle and zipfile: an independent writer where there is no PyTorch.

usage: save_checkpoint.py zip|legacy KEY PREFIX IN.safetensors OUT.pth

KEY is the dictionary the tensors are nested under, or '-' for none; PREFIX is put before each name, or '-'.
Sources: torch/serialization.py (_save, _legacy_save), torch/_utils.py (_rebuild_tensor_v2).
"""

import collections
import json
import pickle
import struct
import sys
import types
import zipfile

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})
STORAGES = {"F32": ("FloatStorage", 4), "F16": ("HalfStorage", 2), "BF16": ("BFloat16Storage", 2), "I64": ("LongStorage", 8)}
for name, _ in STORAGES.values():
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


def _rebuild_tensor_v2(*_):
    """Only its name is written."""


_rebuild_tensor_v2.__module__ = "torch._utils"
utils._rebuild_tensor_v2 = _rebuild_tensor_v2


class Storage:
    def __init__(self, key, dtype, data):
        self.key, (self.name, size), self.data = key, STORAGES[dtype], data
        self.count = len(data) // size


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, tuple(shape)

    def __reduce__(self):
        strides, step = [], 1
        for side in reversed(self.shape):
            strides.insert(0, step)
            step *= side
        return _rebuild_tensor_v2, (self.storage, 0, self.shape, tuple(strides), False, collections.OrderedDict())


def pickler(file, legacy):
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if not isinstance(obj, Storage):
                return None
            base = ("storage", getattr(torch, obj.name), obj.key, "cpu", obj.count)
            return base + (None,) if legacy else base

    return Pickler(file, protocol=2)


def main(kind, key, prefix, source, target):
    with open(source, "rb") as file:
        raw = file.read()
    length = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    header.pop("__metadata__", None)
    storages, tensors = [], collections.OrderedDict()
    for number, (name, about) in enumerate(header.items()):
        start, end = about["data_offsets"]
        storages.append(Storage(str(number), about["dtype"], data[start:end]))
        tensors[("" if prefix == "-" else prefix) + name] = Tensor(storages[-1], about["shape"])
    # As an nn.Module's state_dict has it.
    tensors._metadata = collections.OrderedDict({"": {"version": 1}})
    whole = tensors if key == "-" else {"epoch": 3, "loss": 0.25, key: tensors, "optimizer": {"state": {}, "lr": [1e-4]}}
    if kind == "legacy":
        with open(target, "wb") as file:
            pickle.dump(0x1950A86A20F9469CFC6C, file, protocol=2)
            pickle.dump(1001, file, protocol=2)
            pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}, file, protocol=2)
            pickler(file, True).dump(whole)
            keys = sorted(storage.key for storage in storages)
            pickle.dump(keys, file, protocol=2)
            by_key = {storage.key: storage for storage in storages}
            for storage in map(by_key.get, keys):
                file.write(struct.pack("<q", storage.count) + storage.data)
        return
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("archive/data.pkl", "w") as file:
            pickler(file, False).dump(whole)
        archive.writestr("archive/byteorder", "little")
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.data)
        archive.writestr("archive/version", "3\n")


main(*sys.argv[1:])
