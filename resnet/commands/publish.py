"""python -m resnet publish: the bundled models and the Space, or a net of one's own, to the Hub."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands, print_json

if TYPE_CHECKING:
    from resnet.hub.publish import Upload


def add(commands: Subcommands) -> None:
    parser = commands.add_parser(
        "publish", help="create or update repositories on the Hub: of a net in FOLDER, or of the models and the Space")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER",
                        help="a trained net of your own, as `train` leaves it; nothing else is published then")
    parser.add_argument("--name", default="", metavar="NAME", help="the repository's name for FOLDER; the folder's own")
    parser.add_argument("--owner", help="user or organisation; the token's own account")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="bundled names; all of them")
    parser.add_argument("--space", default="resnet-space", metavar="NAME", help="the Space's name; '' publishes none")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--private", action="store_true", default=True,
                      help="repositories that are created are private: this is so unless --public")
    seen.add_argument("--public", dest="private", action="store_false",
                      help="repositories that are created can be seen by all")
    parser.add_argument("--dry-run", action="store_true", help="show every file and its size; asks and sends nothing")
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per repository")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what is sent, or would be."""
    from resnet.hub.publish import SOMEONE, owner_of_token, plan, plan_folder, publish

    owner = args.owner or (SOMEONE if args.dry_run else owner_of_token())
    if args.folder:
        uploads = [plan_folder(owner, args.folder, args.name)]
    else:
        uploads = plan(owner, None if args.models is None else tuple(args.models), args.space)
    if args.dry_run:
        _print_plan(uploads, args.json)
        return
    for done in publish(uploads, args.private):
        if args.json:
            print_json({"repository": done.upload.repository, "url": done.url, "commit": done.commit})
        else:
            print(f"{done.url}  {len(done.upload.files):,} files, {done.upload.size:,} bytes, commit {done.commit[:7]}")


def _print_plan(uploads: "Sequence[Upload]", as_json: bool) -> None:
    from resnet.hub.publish import PLAIN_LIMIT

    if as_json:
        print_json([{"repository": upload.repository, "kind": upload.kind, "files": upload.sizes()}
                    for upload in uploads])
        return
    for upload in uploads:
        print(f"{upload.kind} {upload.repository}: {len(upload.files):,} files, {upload.size:,} bytes")
        for name, size in upload.sizes().items():
            print(f"  {size:>12,}  {name}{'  (large file storage)' if size > PLAIN_LIMIT else ''}")
