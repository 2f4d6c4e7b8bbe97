"""Many pictures -> a parquet file, a row a picture, by one process or several that share a folder.

Each unit of a source becomes a part, a file that appears whole or not at all: a kill costs the parts that were being
made. A part is called by its place, its pictures and what was asked, so that only what belongs together is put
together. What is in memory are some hundred pictures and a thousand rows, however many there are.
"""

import copy
import hashlib
import json
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from resnet.data import normalise
from resnet.hub.loaded import LoadedModel
from resnet.inference.batches import most_at_once
from resnet.inference.decoder import Picture
from resnet.inference.fast import fast
from resnet.inference.placement import placed
from resnet.inference.pool import Decoders
from resnet.inference.predict import see
from resnet.inference.probabilities import probabilities
from resnet.inference.sources import ROWS, Given, Source, Unit
from resnet.util.errors import InputError
from resnet.util.files import remove_partials, replacing

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 256  # pictures in a batch
SINGLE = ".parquet"  # what the name of one file ends with; anything else names a folder for the parts
ABOUT = b"resnet"  # the key under which a file tells what was asked
Item = TypeVar("Item")


@dataclass(frozen=True)
class Asked:
    """What is wanted of each picture: the top k answers of a net on a device, and what its classifier reads."""

    loaded: LoadedModel
    device: torch.device
    top_k: int = 5
    features: bool = False
    precision: str = "auto"
    test_size: bool = False

    @cached_property
    def told(self) -> dict[str, Any]:
        """As the file tells it; `weights` is a hash of them all."""
        weights = hashlib.sha256()
        for tensor in self.loaded.model.state_dict().values():
            weights.update(tensor.contiguous().numpy().reshape(-1).view(np.uint8).data)
        return {"model": str(self.loaded.ref), "set": list(self.loaded.by_hand), "weights": weights.hexdigest(),
                "precision": self.precision, "top_k": self.top_k, "features": self.features,
                "test_size": self.test_size}



class Net:
    """A net split where its classifier begins, in the quickest form that this machine has; batches of one shape."""

    def __init__(self, asked: Asked):
        self.asked, model = asked, asked.loaded.model
        steps = (asked.test_size and asked.loaded.test_steps) or asked.loaded.steps
        self.size = steps.size if steps else model.config.input_size
        self.batch = min(MOST, most_at_once(model.config, self.size, asked.device))
        body = copy.deepcopy(placed(asked.loaded, asked.device).model)
        self.head = body.fc
        body.add_module("fc", nn.Identity())
        self.body = fast(body, asked.device, asked.precision, self.size)

    def shown(self, picture: Picture) -> Tensor:
        return see(picture, self.asked.loaded, self.asked.test_size).pixels

    @torch.inference_mode()
    def features_and_logits(self, pixels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """uint8 [c, h, w] each, at most a batch of them -> fp32 [n, d] and [n, classes] on the CPU."""
        images = torch.zeros(self.batch, *pixels[0].shape, dtype=torch.uint8)
        torch.stack(tuple(pixels), out=images[:len(pixels)])
        features = self.body(normalise(images.to(self.asked.device), self.asked.loaded.info))[:len(pixels)]
        return features.cpu(), self.head(features).cpu()


@dataclass(frozen=True)
class Table:
    """Where the rows of `asked` of a source come together: a file, by way of a folder beside it, or a folder."""

    out: Path
    source: Source
    asked: Asked

    @property
    def parts(self) -> Path:
        return parts_of(self.out)

    def place(self, unit: Unit) -> Path:
        return self.parts / f"{unit.name}{self.ending}"

    @cached_property
    def told(self) -> dict[str, Any]:
        return self.asked.told | {"from": self.source.name, "commit": self.source.commit}

    @cached_property
    def ending(self) -> str:
        """Of the names of this table's parts, whatever pictures they hold."""
        return f"-{hashlib.sha256(json.dumps(self.told).encode()).hexdigest()[:8]}{SINGLE}"

    @cached_property
    def schema(self) -> "pa.Schema":
        import pyarrow as pa

        answer = pa.struct([("label", pa.string()), ("probability", pa.float32())])
        fields = [("image", pa.string()), ("label", pa.string()), ("probability", pa.float32()),
                  ("predictions", pa.list_(answer)), ("error", pa.string())]
        if self.source.has_targets:
            fields.insert(1, ("target", pa.string()))
        if self.asked.features:
            fields.append(("features", pa.list_(pa.float32(), self.asked.loaded.model.fc.in_features)))
        return pa.schema(fields, {ABOUT: json.dumps(self.told, ensure_ascii=False).encode()})

    def write(self, net: Net, decoders: Decoders, rank: int = 0,
              world: int = 1) -> Generator[tuple[int, bool], None, None]:
        """Makes the parts of every world-th unit that are not there yet; yields (pictures, whether they were)."""
        for unit in islice(self.source.units(), rank, None, world):
            if self.place(unit).exists():
                yield unit.size, True
            else:
                for n in self._make(unit, net, decoders):
                    yield n, False

    def _make(self, unit: Unit, net: Net, decoders: Decoders) -> Iterator[int]:
        pictures = decoders.prepared(unit.pictures(), net.shown)
        with replacing(self.place(unit)) as partial, _writer(partial, self.schema) as writer:
            while block := list(islice(pictures, ROWS)):
                rows = []
                for batch in _batches(block, net.batch):
                    rows.append(self._rows(batch, net))
                    yield len(batch)
                writer.write_table(_joined(rows, self.schema))

    def _rows(self, batch: "Sequence[tuple[Given, Tensor | InputError]]", net: Net) -> "pa.RecordBatch":
        """A bad picture's row has its sentence, and nothing else."""
        import pyarrow as pa

        sound = {i: seen for i, (_, seen) in enumerate(batch) if isinstance(seen, Tensor)}
        answers: list = [None] * len(batch)
        features = torch.zeros(len(batch), net.head.in_features)
        if sound:
            features[list(sound)], logits = net.features_and_logits(list(sound.values()))
            for i, answer in zip(sound, self._answers(logits), strict=True):
                answers[i] = answer
        columns = {
            "image": [given.name for given, _ in batch],
            "target": [given.target for given, _ in batch],
            "label": [answer and answer[0]["label"] for answer in answers],
            "probability": [answer and answer[0]["probability"] for answer in answers],
            "predictions": answers,
            "error": [str(seen) if isinstance(seen, InputError) else None for _, seen in batch],
            "features": _vectors(features, [answer is None for answer in answers]),
        }
        return pa.record_batch([columns[name] if name == "features" else pa.array(columns[name], kind)
                                for name, kind in zip(self.schema.names, self.schema.types, strict=True)],
                               schema=self.schema)

    def _answers(self, logits: Tensor) -> list[list[dict]]:
        """The k most probable classes of each row of [n, classes]."""
        labels = self.asked.loaded.info.labels
        values, indices = probabilities(logits).topk(min(self.asked.top_k, logits.shape[1]))
        return [[{"label": labels[i], "probability": p} for i, p in zip(*pair, strict=True)]
                for pair in zip(indices.tolist(), values.tolist(), strict=True)]

    def is_finished(self) -> bool:
        """Whether the file is there, made of all these pictures in this way.

        Raises:
            InputError: another one is there, or another one's parts.
        """
        if any(not part.name.endswith(self.ending) for part in self.parts.glob(f"*{SINGLE}")):
            raise InputError("out_exists", file=str(self.parts))
        if not (_is_single(self.out) and self.out.exists()):
            return False
        from pyarrow.parquet import read_schema

        try:
            about = (read_schema(self.out).metadata or {}).get(ABOUT, b"{}")
            same = json.loads(about).get("of") == self._mark_of_all()
        except (OSError, ValueError) as error:
            raise InputError("out_exists", file=str(self.out)) from error
        if not same:
            raise InputError("out_exists", file=str(self.out))
        return True

    def _mark_of_all(self) -> str:
        found = hashlib.sha256(self.ending.encode())
        for unit in self.source.units():
            found.update(unit.name.encode())
        return found.hexdigest()

    def counted(self) -> tuple[int, int]:
        """(rows, those of them that are bad pictures) of the file."""
        return _counted([self.out])

    def finish(self) -> tuple[int, int]:
        """As `counted`, with the parts put together in one file, where one was wanted."""
        places = [self.place(unit) for unit in self.source.units()]
        for other in set(self.parts.glob(f"*{self.ending}")) - set(places):  # of a folder that has changed since
            other.unlink()
        remove_partials(self.parts)
        if not _is_single(self.out):
            return _counted(places)
        self._join(places)
        shutil.rmtree(self.parts)
        return self.counted()

    def _join(self, places: Iterable[Path]) -> None:
        from pyarrow.parquet import ParquetFile

        told = self.told | {"of": self._mark_of_all()}
        schema = self.schema.with_metadata({ABOUT: json.dumps(told, ensure_ascii=False).encode()})
        with replacing(self.out) as partial, _writer(partial, schema) as writer:
            for place in places:
                for batch in ParquetFile(place).iter_batches(ROWS):
                    writer.write_batch(batch.cast(schema))


def parts_of(out: Path) -> Path:
    """The folder of a table's parts."""
    return out.with_name(f"{out.name}.parts") if _is_single(out) else out


def _is_single(out: Path) -> bool:
    return out.suffix == SINGLE


def _writer(path: Path, schema: "pa.Schema") -> Any:
    from pyarrow.parquet import ParquetWriter

    words: Any = [name for name in schema.names if name != "features"]
    return ParquetWriter(path, schema, compression="zstd", use_dictionary=words)


def _joined(rows: "Sequence[pa.RecordBatch]", schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_batches(rows, schema).combine_chunks()


def _counted(places: Iterable[Path]) -> tuple[int, int]:
    """(rows, those with an error), from the files' footers."""
    from pyarrow.parquet import read_metadata

    rows = sound = 0
    for footer in map(read_metadata, places):
        for group in map(footer.row_group, range(footer.num_row_groups)):
            column = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "error")
            rows, sound = rows + group.num_rows, sound + column.statistics.null_count
    return rows, rows - sound


def _vectors(features: Tensor, missing: Sequence[bool]) -> "pa.FixedSizeListArray":
    """fp32 [n, d] -> a list of d numbers each, none where it is missing."""
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(features.numpy().reshape(-1)), features.shape[1],
                                             mask=pa.array(missing))


def _batches(items: Sequence[Item], n: int) -> Iterator[Sequence[Item]]:
    return (items[start:start + n] for start in range(0, len(items), n))
