"""JSON Schemas of a folder's files, generated from their types, for tools/write_schemas.py."""

from __future__ import annotations

import json

from edgehands.config.schema import json_schema
from edgehands.dataset.format import Annotation, Dataset, RecordedFrame


def dataset_schemas() -> dict[str, str]:
    """JSON Schema of every file of the format, as text, by name."""
    kinds = {
        "dataset": (Dataset, "edgehands dataset.json"),
        "datasetFrame": (RecordedFrame, "a line of edgehands frames.jsonl"),
        "annotation": (Annotation, "an edgehands annotation"),
    }
    return {
        name: json.dumps(json_schema(kind, title), indent=2) + "\n"
        for name, (kind, title) in kinds.items()
    }
