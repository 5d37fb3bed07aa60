"""The operators of a .tflite file, parsed as far as the heads need.

TensorFlow Lite's files are flatbuffers: tables whose fields are found through offsets. Field names
and numbers are those of ``tensorflow/lite/schema/schema.fbs``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

FULLY_CONNECTED: Final = 9
DEQUANTIZE: Final = 6
LOGISTIC: Final = 14
MEAN: Final = 40

_MODEL_CODES, _MODEL_SUBGRAPHS, _MODEL_SIGNATURES = 1, 2, 7
_GRAPH_OUTPUTS, _GRAPH_OPERATORS = 2, 3
_CODE_OLD, _CODE_NEW = 0, 3
_OPERATOR_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _OPERATOR_OPTIONS = 0, 1, 2, 4
_CONNECTED_ACTIVATION = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a model.

    Attributes:
        code: its kind: ``BuiltinOperator``.
        inputs: numbers of its input tensors.
        outputs: numbers of its output tensors.
        plain: no activation is fused into it; only set for FULLY_CONNECTED.
    """

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    plain: bool


class GraphFile:
    """The only graph of a model.

    Args:
        content: of a .tflite file.

    Raises:
        ValueError: it isn't such a file, or has several graphs.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            if content[4:8] != b"TFL3":
                raise ValueError("not a TensorFlow Lite model")
            self._model = self._follow(0)
            graphs = self._tables(self._model, _MODEL_SUBGRAPHS)
            if len(graphs) != 1:
                raise ValueError(f"a model with {len(graphs)} graphs")
            self._graph = graphs[0]
            self._codes = [self._code(code) for code in self._tables(self._model, _MODEL_CODES)]
            self.operators = tuple(
                self._operator(place) for place in self._tables(self._graph, _GRAPH_OPERATORS)
            )
            self.outputs = self._numbers(self._graph, _GRAPH_OUTPUTS)
        except (struct.error, IndexError) as error:
            raise ValueError(f"a damaged TensorFlow Lite model: {error}") from error

    def ended_before(self, operator: int, output: int) -> bytes:
        """The file without an operator and all later ones, with one tensor as its output.

        Both lists are only shortened in place; nothing reads beyond their ends.
        """
        content = bytearray(self._content)
        outputs = self._vector(self._graph, _GRAPH_OUTPUTS)
        struct.pack_into("<Ii", content, outputs, 1, output)
        struct.pack_into("<I", content, self._vector(self._graph, _GRAPH_OPERATORS), operator)
        # Signatures name the removed outputs.
        if self._field(self._model, _MODEL_SIGNATURES):
            struct.pack_into("<I", content, self._vector(self._model, _MODEL_SIGNATURES), 0)
        return bytes(content)

    def _operator(self, place: int) -> Operator:
        code = self._codes[self._scalar(place, _OPERATOR_CODE, "<I")]
        options = self._field(place, _OPERATOR_OPTIONS)
        plain = not (
            code == FULLY_CONNECTED
            and options
            and self._scalar(self._follow(options), _CONNECTED_ACTIVATION, "<b")
        )
        inputs = self._numbers(place, _OPERATOR_INPUTS)
        return Operator(code, inputs, self._numbers(place, _OPERATOR_OUTPUTS), plain)

    def _code(self, place: int) -> int:
        """An operator's kind; files for old readers use the old field."""
        old = self._scalar(place, _CODE_OLD, "<b")
        return max(old, self._scalar(place, _CODE_NEW, "<i"))

    def _field(self, table: int, number: int) -> int:
        """Offset of a field; 0 if the table doesn't have it."""
        names = table - self._read("<i", table)
        entry = 4 + 2 * number
        offset = self._read("<H", names + entry) if entry < self._read("<H", names) else 0
        return table + offset if offset else 0

    def _scalar(self, table: int, number: int, form: str) -> int:
        place = self._field(table, number)
        return self._read(form, place) if place else 0

    def _vector(self, table: int, number: int) -> int:
        """Offset of a list: its length, then its items."""
        place = self._field(table, number)
        if not place:
            raise ValueError("a model without what every model has")
        return self._follow(place)

    def _tables(self, table: int, number: int) -> list[int]:
        vector = self._vector(table, number)
        first = vector + 4
        return [self._follow(first + 4 * n) for n in range(self._read("<I", vector))]

    def _numbers(self, table: int, number: int) -> tuple[int, ...]:
        vector = self._vector(table, number)
        return struct.unpack_from(f"<{self._read('<I', vector)}i", self._content, vector + 4)

    def _follow(self, place: int) -> int:
        return place + self._read("<I", place)

    def _read(self, form: str, place: int) -> int:
        value: int = struct.unpack_from(form, self._content, place)[0]
        return value
