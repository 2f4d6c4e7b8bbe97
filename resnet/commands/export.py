"""python -m resnet export: a model's weights for another program."""

from pathlib import Path

FORMATS = ("web",)


def add(commands) -> None:
    parser = commands.add_parser("export", help="a model's weights for another program")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, a Hub repository, a folder or a .safetensors file")
    parser.add_argument("--to", choices=FORMATS, required=True,
                        help="web: batch norm folded, fp16, for the page's own script; small CIFAR-style nets only")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="the file to write")
    parser.set_defaults(run=run)


def run(args) -> None:
    """Write the file, and say how large it is."""
    from resnet.commands.console import load_with_bar
    from resnet.inference.web import web_file
    from resnet.util.files import write_file

    data = web_file(load_with_bar(args.model))
    write_file(args.out, data)
    print(f"{args.out}  {len(data):,} bytes")
