"""`resnet classify FOLDER --out`: pictures per second and memory, up to 100,000 pictures.

    RESNET_DATA=... python -m benchmarks.many [--model resnet20_cifar10] [--features] [--json FILE]

CIFAR-10's training images, twice, as PNG files in folders of a thousand; each number of them is asked for by a process
of its own, whose resident memory, with that of the processes that decode for it, is read each second. The
accuracy says that the rows are the right ones. At the end the same from the parquet file itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resnet.data import data_spec

NUMBERS = (10_000, 25_000, 50_000, 100_000)
HALF = 0.5  # of the time: what the memory is then, it should be in the end
ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="resnet20_cifar10")
    parser.add_argument("--features", action="store_true")
    parser.add_argument("--numbers", type=int, nargs="+", default=NUMBERS)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    spec = data_spec("cifar10")
    file = Path(os.environ["RESNET_DATA"]) / spec.repository / spec.folder / "train-00000-of-00001.parquet"
    rows = []
    print("".join(f"{name:>10}" for name in ("source", "pictures", "seconds", "a second", "MB, half", "MB, most",
                                              "accuracy")))
    with tempfile.TemporaryDirectory() as scratch:
        made = 0
        for n in args.numbers:
            made = write_pictures(file, Path(scratch) / "pictures", made, n)
            rows.append(measured("folder", n, [str(Path(scratch) / "pictures")], args, Path(scratch)))
        rows.append(measured("parquet", 50_000, ["--from", "cifar10", "--split", "train"], args, Path(scratch)))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


def write_pictures(file: Path, folder: Path, made: int, n: int) -> int:
    """Files made ... n, called by their class and place; returns n."""
    from pyarrow.parquet import read_table

    table = read_table(file, columns=["img", "label"])
    pictures, labels = table["img"].combine_chunks().field("bytes"), table["label"].to_pylist()
    for i in range(made, n):
        place = folder / f"{i // 1000:04}" / f"{labels[i % len(labels)]}-{i:06}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(pictures[i % len(labels)].as_py())
    return n


def measured(source: str, n: int, pictures: list[str], args: argparse.Namespace, scratch: Path) -> dict:
    out = scratch / f"{source}-{n}.parquet"
    command = [sys.executable, "-m", "resnet", "classify", *pictures, "--model", args.model, "--out", str(out),
               "--json", *(["--features"] if args.features else [])]
    started, sizes = time.perf_counter(), []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        sizes.append(sum(map(resident, family(process.pid))) / 1e6)
        time.sleep(1)
    seconds = time.perf_counter() - started
    assert process.returncode == 0 and process.stdout and json.load(process.stdout)["n"] == n
    row = {"source": source, "pictures": n, "seconds": round(seconds, 1), "per_second": round(n / seconds),
           "half_mb": round(sizes[int(HALF * len(sizes))]), "most_mb": round(max(sizes)),
           "accuracy": round(accuracy(out), 4)}
    print(f"{source:>10}{n:>10,}{seconds:>10.1f}{row['per_second']:>10,}{row['half_mb']:>10,}{row['most_mb']:>10,}"
          f"{row['accuracy']:>10.2%}", flush=True)
    return row


def family(pid: int) -> list[int]:
    """A process and those that it started, and they."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [pid, *(one for child in children.read_text().split() for one in family(int(child)))]
    except OSError:
        return []


def resident(pid: int) -> int:
    """Bytes; what processes share is divided among them (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def accuracy(out: Path) -> float:
    from pyarrow.parquet import read_table

    classes = data_spec("cifar10").classes
    table = read_table(out)
    truth = table["target"].to_pylist() if "target" in table.schema.names else [
        Path(name).name.partition("-")[0] for name in table["image"].to_pylist()]
    answers = table["label"].to_pylist()
    return sum(classes[int(true)] == answer for true, answer in zip(truth, answers, strict=True)) / len(answers)


if __name__ == "__main__":
    main()
