"""python -m resnet publish: the bundled models and the Space, to the Hub."""

import argparse

from resnet.commands.console import Subcommands, print_json


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("publish", help="create or update the model repositories and the Space on the Hub")
    parser.add_argument("--owner", help="user or organisation; the token's own account")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="bundled names; all of them")
    parser.add_argument("--space", default="resnet-space", metavar="NAME", help="the Space's name; '' publishes none")
    parser.add_argument("--private", action="store_true", help="repositories that are created are private")
    parser.add_argument("--dry-run", action="store_true", help="show every file and its size, send nothing")
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per repository")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what is sent, or would be."""
    from resnet.hub.publish import owner_of_token, plan, publish

    owner = args.owner or owner_of_token()
    uploads = plan(owner, None if args.models is None else tuple(args.models), args.space)
    if args.dry_run:
        _print_plan(uploads, args.json)
        return
    for done in publish(uploads, args.private):
        if args.json:
            print_json({"repository": done.upload.repository, "url": done.url, "commit": done.commit})
        else:
            print(f"{done.url}  {len(done.upload.files):,} files, {done.upload.size:,} bytes, commit {done.commit[:7]}")


def _print_plan(uploads, as_json: bool) -> None:
    from resnet.hub.publish import PLAIN_LIMIT

    if as_json:
        print_json([{"repository": upload.repository, "kind": upload.kind, "files": upload.sizes()}
                    for upload in uploads])
        return
    for upload in uploads:
        print(f"{upload.kind} {upload.repository}: {len(upload.files):,} files, {upload.size:,} bytes")
        for name, size in upload.sizes().items():
            print(f"  {size:>12,}  {name}{'  (large file storage)' if size > PLAIN_LIMIT else ''}")
