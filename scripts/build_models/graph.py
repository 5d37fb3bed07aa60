"""A .tflite file as plain values: read it, change it, write it.

Only single-subgraph models without control flow are meant; that is what MediaPipe's hand models
are. Everything a transformation needs is a :class:`Graph` of named tensors and a list of
operators in execution order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]

NONE, RELU, RELU6 = 0, 1, 3
"""Values of ``fused_activation``, as in TFLite's ActivationFunctionType."""

SAME, VALID = 0, 1
"""Values of ``padding``, as in TFLite's Padding."""

_DTYPES: dict[int, str] = {
    schema.TensorType.FLOAT32: "float32",
    schema.TensorType.FLOAT16: "float16",
    schema.TensorType.INT8: "int8",
    schema.TensorType.UINT8: "uint8",
    schema.TensorType.INT16: "int16",
    schema.TensorType.INT32: "int32",
    schema.TensorType.INT64: "int64",
}
_TYPE_CODES = {name: code for code, name in _DTYPES.items()}
_KINDS: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
_CODES = {name: code for code, name in _KINDS.items()}
_OPTIONS: dict[str, str] = {
    "ADD": "AddOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "QUANTIZE": "QuantizeOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SLICE": "SliceOptions",
    "SUB": "SubOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
}


@dataclass
class Tensor:
    """One tensor.

    Attributes:
        shape: all dimensions, batch first.
        dtype: numpy's name of the element type.
        data: the constant's values, or None where the tensor is computed.
        scale: quantisation scales: none (float), one, or one for each entry of ``axis``.
        zero_point: as many as scales.
        axis: dimension the scales belong to.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    data: Array | None = None
    scale: Array | None = None
    zero_point: Array | None = None
    axis: int = 0


@dataclass
class Op:
    """One operator: TFLite's name for it, tensor names, and its options under TFLite's names."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass
class Graph:
    """A model: named tensors, operators in execution order, names of inputs and outputs."""

    tensors: dict[str, Tensor]
    ops: list[Op]
    inputs: list[str]
    outputs: list[str]

    def copy(self) -> Graph:
        """A graph that can be changed without changing this one (constants are shared)."""
        return Graph(
            {name: replace(tensor) for name, tensor in self.tensors.items()},
            [replace(o, inputs=[*o.inputs], outputs=[*o.outputs], options={**o.options})
             for o in self.ops],
            [*self.inputs],
            [*self.outputs],
        )  # fmt: skip

    def const(self, name: str) -> Array:
        """The values of a constant tensor; raises KeyError where it isn't one."""
        data = self.tensors[name].data
        if data is None:
            raise KeyError(f"{name} is not a constant")
        return data

    def is_const(self, name: str) -> bool:
        """Whether the tensor's values stand in the file."""
        return self.tensors[name].data is not None

    def producer(self, name: str) -> Op | None:
        """The operator that computes a tensor; None for inputs and constants."""
        return next((op for op in self.ops if name in op.outputs), None)

    def consumers(self, name: str) -> list[Op]:
        """The operators that read a tensor."""
        return [op for op in self.ops if name in op.inputs]

    def weighted(self) -> Iterator[Op]:
        """The operators with weights and bias, in execution order."""
        for op in self.ops:
            if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
                yield op

    def weights(self) -> int:
        """How many weights its convolutions have."""
        kinds = {"CONV_2D", "DEPTHWISE_CONV_2D"}
        return sum(self.const(op.inputs[1]).size for op in self.ops if op.kind in kinds)

    def drop_unused(self) -> None:
        """Forget tensors that no operator reads or writes."""
        used = {*self.inputs, *self.outputs}
        for op in self.ops:
            used.update(op.inputs, op.outputs)
        self.tensors = {name: t for name, t in self.tensors.items() if name in used}


def read(source: Path | bytes) -> Graph:
    """Read a .tflite file; float16 constants behind DEQUANTIZE become float32 constants."""
    blob = source if isinstance(source, bytes) else source.read_bytes()
    if blob[4:8] != b"TFL3":
        raise ValueError("no TFLite model")
    model = schema.ModelT.InitFromPackedBuf(blob, 0)
    if len(model.subgraphs) != 1:
        raise ValueError(f"the model has {len(model.subgraphs)} subgraphs: only one is understood")
    sub = model.subgraphs[0]
    tensors = {f"t{i}": _read_tensor(model, tensor) for i, tensor in enumerate(sub.tensors)}
    ops = []
    for raw in sub.operators:
        code = model.operatorCodes[raw.opcodeIndex]
        options = dict(vars(raw.builtinOptions)) if raw.builtinOptions else {}
        op = Op(
            _KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)],
            [f"t{i}" if i >= 0 else "" for i in raw.inputs],
            [f"t{i}" for i in raw.outputs],
            {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in options.items()},
            code.version,
        )
        source_tensor = tensors[op.inputs[0]] if op.inputs[0] else None
        if op.kind == "DEQUANTIZE" and source_tensor is not None and source_tensor.data is not None:
            if source_tensor.dtype != "float16":
                raise ValueError(f"{op.inputs[0]} is {source_tensor.dtype}: only float16 is folded")
            tensors[op.outputs[0]].data = source_tensor.data.astype(np.float32)
            continue
        ops.append(op)
    graph = Graph(tensors, ops, [f"t{i}" for i in sub.inputs], [f"t{i}" for i in sub.outputs])
    graph.drop_unused()
    _unshare(graph)
    return graph


def _unshare(graph: Graph) -> None:
    """Give every operator weights and bias of its own, so that changing one changes no other."""
    seen: set[str] = set()
    for op in graph.weighted():
        for i, name in enumerate(op.inputs[1:], 1):
            if name in seen:
                op.inputs[i] = f"{name}_{op.outputs[0]}"
                graph.tensors[op.inputs[i]] = replace(graph.tensors[name])
            seen.add(op.inputs[i])


def _read_tensor(model: Any, raw: Any) -> Tensor:
    dtype = _DTYPES[raw.type]
    shape = tuple(int(n) for n in raw.shape) if raw.shape is not None else ()
    buffer = model.buffers[raw.buffer].data
    data = None
    if buffer is not None and len(buffer):
        data = np.frombuffer(bytes(buffer), dtype=dtype).reshape(shape)
    tensor = Tensor(shape, dtype, data)
    quantization = raw.quantization
    if quantization is not None and quantization.scale is not None and len(quantization.scale):
        tensor.scale = np.array(quantization.scale, np.float32)
        tensor.zero_point = np.array(quantization.zeroPoint, np.int64)
        tensor.axis = int(quantization.quantizedDimension)
    return tensor


def write(graph: Graph, metadata: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of a .tflite file; the same graph always gives the same bytes.

    Args:
        graph: what to write.
        metadata: what else the file is to say, by the name under which runtimes look for it.
    """
    model = schema.ModelT()
    model.version = 3
    model.description = "edgehands"
    model.buffers = [schema.BufferT()]
    sub = schema.SubGraphT()
    sub.name = "main"
    index: dict[str, int] = {}
    sub.tensors = []
    for name, tensor in graph.tensors.items():
        index[name] = len(sub.tensors)
        sub.tensors.append(_write_tensor(model, name, tensor))
    codes: dict[tuple[str, int], int] = {}
    model.operatorCodes = []
    sub.operators = []
    for op in graph.ops:
        key = (op.kind, op.version)
        if key not in codes:
            codes[key] = len(codes)
            code = schema.OperatorCodeT()
            code.builtinCode = _CODES[op.kind]
            code.deprecatedBuiltinCode = min(_CODES[op.kind], 127)
            code.version = op.version
            model.operatorCodes.append(code)
        raw = schema.OperatorT()
        raw.opcodeIndex = codes[key]
        raw.inputs = [index[i] if i else -1 for i in op.inputs]
        raw.outputs = [index[o] for o in op.outputs]
        if op.kind in _OPTIONS:
            raw.builtinOptionsType = getattr(schema.BuiltinOptions, _OPTIONS[op.kind])
            raw.builtinOptions = getattr(schema, _OPTIONS[op.kind] + "T")()
            for key_name, value in op.options.items():
                setattr(raw.builtinOptions, key_name, value)
        sub.operators.append(raw)
    sub.inputs = [index[name] for name in graph.inputs]
    sub.outputs = [index[name] for name in graph.outputs]
    model.subgraphs = [sub]
    if metadata:
        model.metadata = [_write_metadata(model, *entry) for entry in metadata.items()]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _write_metadata(model: Any, name: str, content: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry = schema.MetadataT()
    entry.name = name
    entry.buffer = len(model.buffers)
    model.buffers.append(buffer)
    return entry


def _write_tensor(model: Any, name: str, tensor: Tensor) -> Any:
    raw = schema.TensorT()
    raw.name = name
    raw.shape = list(tensor.shape)
    raw.type = _TYPE_CODES[tensor.dtype]
    raw.buffer = 0
    if tensor.data is not None:
        buffer = schema.BufferT()
        contents = np.ascontiguousarray(tensor.data, dtype=tensor.dtype)
        buffer.data = np.frombuffer(contents.tobytes(), np.uint8)
        raw.buffer = len(model.buffers)
        model.buffers.append(buffer)
    if tensor.scale is not None and tensor.zero_point is not None:
        quantization = schema.QuantizationParametersT()
        quantization.scale = np.atleast_1d(tensor.scale).astype(np.float32)
        quantization.zeroPoint = np.atleast_1d(tensor.zero_point).astype(np.int64)
        quantization.quantizedDimension = tensor.axis
        raw.quantization = quantization
    return raw
