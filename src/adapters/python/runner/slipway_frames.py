"""Frames of the runner protocol (src/adapters/runner/README.md) over a connected socket. Standard library only; numpy where it is."""

import functools
import json
import struct
import sys

MAX_FRAME_BYTES = 2**30
# datatype -> (size, letter of array and struct)
DATATYPES = {
    "BOOL": (1, "B"), "UINT8": (1, "B"), "UINT16": (2, "H"), "UINT32": (4, "I"), "UINT64": (8, "Q"),
    "INT8": (1, "b"), "INT16": (2, "h"), "INT32": (4, "i"), "INT64": (8, "q"),
    "FP16": (2, "e"), "FP32": (4, "f"), "FP64": (8, "d"),
}
NUMPY_NAMES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
}


class FrameError(Exception):
    """The peer broke the protocol, or a frame is beyond the limit."""


class Tensor:
    """`data` is a numpy array of the shape for numbers, where numpy is there, else a flat list; BYTES is a flat list of str."""

    __slots__ = ("name", "datatype", "shape", "data")

    def __init__(self, name, datatype, shape, data):
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self.data = data


@functools.cache
def numpy_or_none():
    """The environment's numpy, None without one; asked for when the environment is in the path, not before."""
    try:
        import numpy

        return numpy
    except ImportError:
        return None


def align(position):
    return (position + 7) & ~7


def count_of(shape):
    count = 1
    for dimension in shape:
        count *= dimension
    return count


class FrameSocket:
    def __init__(self, connection):
        self._connection = connection

    def receive(self):
        """(header, tensors), or None when the server closed its end."""
        prefix = self._exactly(4, may_end=True)
        if prefix is None:
            return None
        length = struct.unpack("<I", prefix)[0] + 4
        if length < 8 or length % 8 != 0 or length > MAX_FRAME_BYTES:
            raise FrameError(f"A frame cannot have {length} bytes")
        # Fresh memory for each frame: the tensors are views on it, and a model may keep them.
        frame = bytearray(length)
        view = memoryview(frame)
        self._fill(view[4:])
        header_bytes = struct.unpack_from("<I", frame, 4)[0]
        if 8 + header_bytes > length:
            raise FrameError("A header is longer than its frame")
        header = json.loads(bytes(view[8 : 8 + header_bytes]))
        position = align(8 + header_bytes)
        tensors = []
        for descriptor in header.get("tensors") or []:
            end = position + descriptor["bytes"]
            if end > length:
                raise FrameError("A blob is longer than its frame")
            tensors.append(read_tensor(descriptor, view[position:end]))
            position = align(end)
        if position != length:
            raise FrameError("A frame is longer than its blobs")
        return header, tensors

    def send(self, header, tensors=()):
        """Raises FrameError beyond the limit, before anything is sent."""
        blobs = [blob_of(tensor) for tensor in tensors]
        if tensors:
            descriptors = [
                {"name": tensor.name, "datatype": tensor.datatype, "shape": [int(one) for one in tensor.shape], "bytes": len(blob)}
                for tensor, blob in zip(tensors, blobs)
            ]
            header = {**header, "tensors": descriptors}
        text = json.dumps(header, separators=(",", ":")).encode()
        start = align(8 + len(text))
        length = start + sum(align(len(blob)) for blob in blobs)
        if length > MAX_FRAME_BYTES:
            raise FrameError(f"A frame of {length} bytes is beyond the limit of {MAX_FRAME_BYTES}")
        pieces = [struct.pack("<II", length - 4, len(text)), text, bytes(start - 8 - len(text))]
        for blob in blobs:
            pieces += [blob, bytes(align(len(blob)) - len(blob))]
        if length <= 65536:
            self._connection.sendall(b"".join(pieces))
        else:
            for piece in pieces:
                self._connection.sendall(piece)

    def _exactly(self, count, may_end):
        data = bytearray(count)
        return data if self._fill(memoryview(data), may_end) else None

    def _fill(self, view, may_end=False):
        filled = 0
        while filled < len(view):
            received = self._connection.recv_into(view[filled:])
            if received == 0:
                if may_end and filled == 0:
                    return False
                raise FrameError("The connection ended within a frame")
            filled += received
        return True


def read_tensor(descriptor, blob):
    name, datatype, shape = descriptor["name"], descriptor["datatype"], descriptor["shape"]
    count = count_of(shape)
    if datatype == "BYTES":
        return Tensor(name, datatype, shape, read_texts(blob, count))
    if datatype not in DATATYPES:
        raise FrameError("A tensor has an unknown datatype")
    size, letter = DATATYPES[datatype]
    if count * size != len(blob):
        raise FrameError("A blob's length contradicts its tensor's shape")
    numpy = numpy_or_none()
    if numpy is not None:
        array = numpy.frombuffer(blob, dtype=numpy.dtype(NUMPY_NAMES[datatype]).newbyteorder("<"))
        return Tensor(name, datatype, shape, array.astype(NUMPY_NAMES[datatype], copy=False).reshape(shape))
    values = list(struct.unpack(f"<{count}{letter}", blob))
    return Tensor(name, datatype, shape, [bool(value) for value in values] if datatype == "BOOL" else values)


def read_texts(blob, count):
    texts = []
    position = 0
    for _ in range(count):
        if position + 4 > len(blob):
            raise FrameError("A BYTES blob is too short")
        end = position + 4 + struct.unpack_from("<I", blob, position)[0]
        if end > len(blob):
            raise FrameError("A BYTES element is longer than its blob")
        texts.append(bytes(blob[position + 4 : end]).decode("utf-8", "replace"))
        position = end
    if position != len(blob):
        raise FrameError("A BYTES blob is longer than its elements")
    return texts


def blob_of(tensor):
    if tensor.datatype == "BYTES":
        pieces = []
        for text in tensor.data:
            encoded = text.encode("utf-8", "replace")
            pieces += [struct.pack("<I", len(encoded)), encoded]
        return b"".join(pieces)
    if isinstance(tensor.data, list):
        return struct.pack(f"<{len(tensor.data)}{DATATYPES[tensor.datatype][1]}", *tensor.data)
    array = numpy_or_none().ascontiguousarray(tensor.data)
    if sys.byteorder == "big":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.tobytes() if array.size == 0 else memoryview(array).cast("B")
