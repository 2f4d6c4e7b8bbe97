"""python -m resnet export: a model's weights for another program."""

import argparse
from pathlib import Path

from resnet.commands.console import Subcommands, print_json

FORMATS = {
    "onnx": "a file for ONNX Runtime and others, any number of pictures at a time (pip install .[export])",
    "torchvision": "a state dict that torchvision's net takes strictly",
    "timm": "a folder that timm.create_model loads as local-dir:FOLDER, or as hf_hub:OWNER/NAME once it is there",
    "web": "batch norm folded, fp16, for the page's own script; small CIFAR-style nets only",
    "torch_export": "a .pt2 file of torch.export, any number of pictures at a time",
}


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("export", help="a model's weights for another program")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, a Hub repository, a folder or a .safetensors file")
    parser.add_argument("--to", choices=tuple(FORMATS), required=True,
                        help="; ".join(f"{name}: {told}" for name, told in FORMATS.items()))
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="the file to write; for timm a folder")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write it, and say how large it is and how it was checked."""
    from resnet.commands.console import load_with_bar

    loaded = load_with_bar(args.model)
    from resnet.inference.export import export

    done = export(loaded, args.to, args.out)
    sizes = {str(file): file.stat().st_size for file in done.files}
    if args.json:
        print_json({"model": args.model, "format": args.to, "files": sizes, "checked": done.told.sentence()})
        return
    for name, size in sizes.items():
        print(f"{name}  {size:,} bytes")
    print(done.told.sentence())
