"""Repair `s3-reads`: a read of a part of an object costs a part of it.

moto reads and copies the whole object for every request, ranged or not; a worker that reads its chunks of a video would
take the time of reading the video once per request.
"""

from moto.s3.models import FakeKey


def apply() -> None:
    global _original
    _original = FakeKey.value
    FakeKey.value = property(_value, _set_value)


def _value(self) -> bytes:
    # Bytes never change, so all readers may share them.
    if getattr(self, "_bytes", None) is None:
        self._bytes = _original.fget(self)
    return self._bytes


def _set_value(self, value: bytes | str) -> None:
    _original.fset(self, value)
    self._bytes = None
