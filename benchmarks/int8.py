"""The bundled nets in eight bits: ranges from training images, held against fp32 on their whole test sets.

    RESNET_DATA=... python -m benchmarks.int8 [NAME ...] [--dry-run]

Ranges from 512 training images, the margin of the second look from 2,000 others: the largest error there of the
first answer's lead over another class. The test set then tells what int8.json keeps beside the weights: accuracy
and agreement in eight bits alone, how many pictures lie within the margin, and how many first answers are those
of fp32 once these are asked again. About eight minutes of a core for all.
"""

import argparse

import torch
from torch import Tensor

from resnet.data import Split, load_split, normalise
from resnet.hub.load import bundled, load
from resnet.hub.ref import WEIGHTS
from resnet.inference.fast import fast
from resnet.inference.int8 import Run, int8, seen_ranges, supported
from resnet.inference.int8_record import Int8Record, compared, margin_error, save
from resnet.training.evaluate import as_seen
from resnet.training.experiment import hardware, versions

SEED, RANGES, OTHERS, BATCH = 0, 512, 2000, 200


def measure(name: str, images: int = OTHERS, limit: int | None = None) -> Int8Record:
    """The record of a bundled net; of the first `limit` test images."""
    loaded = load(name)
    train, test = (as_seen(load_split(loaded.info.data, part), loaded.info) for part in ("train", "test"))
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED))
    seen, others = train.images[order[:RANGES]], train.images[order[RANGES:RANGES + images]]
    ranges = seen_ranges(loaded.model, list(normalise(seen, train.spec).split(128)))
    size, cpu = loaded.info.architecture.input_size, torch.device("cpu")
    pair = int8(loaded.model, ranges, size)[0], fast(loaded.model, cpu, "fp32", size).run
    margin = float(margin_error(*_logits(pair, others, train)).max())
    test = test.first(limit)
    found, exact = _logits(pair, test.images, test)
    return compared(ranges, margin, RANGES + len(others), found, exact, test.labels)


@torch.inference_mode()
def _logits(pair: tuple[Run, Run], images: Tensor, split: Split) -> tuple[Tensor, ...]:
    """In eight bits and in fp32."""
    batches = [normalise(part, split.spec) for part in images.split(BATCH)]
    return tuple(torch.cat([run(batch) for batch in batches]) for run in pair)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    args = parser.parse_args()
    how = {"seed": SEED, "hardware": hardware(torch.device("cpu")), **versions(), "script": "python -m benchmarks.int8"}
    print(f"{'model':28}{'n':>7}{'fp32':>9}{'int8':>9}{'agree':>9}{'again':>9}{'shown':>9}{'margin':>9}")
    for name in args.names or list(bundled()):
        if not supported(load(name).model.config):
            raise SystemExit(f"{name}: not in eight bits on this machine")
        record = measure(name)
        if not args.dry_run:
            save(WEIGHTS / name, record, how)
        rates = (*record.accuracy, record.agreement, record.again, record.shown)
        print(f"{name:28}{record.n:7,}" + "".join(f"{100 * rate:9.2f}" for rate in rates)
              + f"{record.margin:9.3f}  {'admitted' if record.admitted else 'stays in float'}", flush=True)


if __name__ == "__main__":
    main()
