"""The writing half of the stand-in Hub: repositories are created, files come by commit or by LFS.

    with StandInHub() as hub:
        commits = Commits(hub, "tester", "hf_token")
"""

import base64
import hashlib
import json

from tests.hub import StandInHub

KINDS = {"models": "", "spaces": "spaces/", "datasets": "datasets/"}
BINARY = (".safetensors", ".png")


class Commits:
    """Adds the commit API to a stand-in Hub; `messages` are the commits, `plain` and `stored` the files' paths by way.

    Files of more than `limit` bytes, and binary ones, must come by LFS, and a commit that carries more is refused.
    """

    def __init__(self, hub: StandInHub, user: str = "tester", limit: int = 10_000_000):
        self.hub, self.user, self.limit = hub, user, limit
        self.created, self.messages, self.plain, self.stored = {}, [], {}, {}
        self.blobs: dict[str, bytes] = {}
        repo = r"/api/(models|spaces)/([^/]+/[^/]+)"
        hub.route("GET", r"/api/whoami-v2", lambda match, body: (200, {"name": user, "type": "user"}))
        hub.route("POST", r"/api/validate-yaml", lambda match, body: (200, {"errors": [], "warnings": []}))
        hub.route("POST", r"/api/repos/create", self._create)
        hub.route("POST", repo + r"/preupload/main", self._preupload)
        hub.route("POST", r"/(?:(spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch)
        hub.route("PUT", r"/lfs/([0-9a-f]{64})", self._put)
        hub.route("POST", repo + r"/commit/main", self._commit)

    def files(self, repo: str, kind: str = "models") -> dict[str, bytes]:
        """What the repository's main branch holds."""
        repository = self.hub.repositories[f"{kind}/{repo}"]
        return repository.commits[repository.heads["main"]]

    def _create(self, match, body):
        asked = json.loads(body)
        owner = asked.get("organization") or self.user
        if owner not in (self.user, "tutors"):
            return 403, {"error": f"You don't have the rights to create a repository under {owner}"}
        kind, repo = f"{asked.get('type') or 'model'}s", f"{owner}/{asked['name']}"
        if (kind, repo) in self.created:
            return 409, {"error": "You already created this repo", "url": f"{self.hub.url}/{KINDS[kind]}{repo}"}
        self.created[kind, repo] = asked
        self.hub.add(repo, {}, kind)
        return 200, {"url": f"{self.hub.url}/{KINDS[kind]}{repo}"}

    def _preupload(self, match, body):
        kind, repo = match.groups()
        have = self.files(repo, kind)

        def told(file):
            large = file["size"] > self.limit or file["path"].endswith(BINARY)
            old = have.get(file["path"])
            oid = None if old is None else hashlib.sha256(old).hexdigest() if large else _git_oid(old)
            mode = "lfs" if large else "regular"
            return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}

        return 200, {"files": [told(file) for file in json.loads(body)["files"]]}

    def _batch(self, match, body):
        objects = [{"oid": one["oid"], "size": one["size"]}
                   | ({} if one["oid"] in self.blobs else
                      {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}})
                   for one in json.loads(body)["objects"]]
        return 200, {"transfer": "basic", "objects": objects}

    def _put(self, match, body):
        if hashlib.sha256(body).hexdigest() != match[1]:
            return 400, {"error": "the content is not what its name says"}
        self.blobs[match[1]] = body
        return 200, {}

    def _commit(self, match, body):
        kind, repo = match.groups()
        lines = [json.loads(line) for line in body.splitlines()]
        files = dict(self.files(repo, kind))
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                self.plain[repo, value["path"]] = len(files[value["path"]])
                if len(files[value["path"]]) > self.limit:
                    return 400, {"error": f"{value['path']} is too large for a plain commit"}
            else:
                files[value["path"]] = self.blobs[value["oid"]]
                self.stored[repo, value["path"]] = value["size"]
        self.messages.append((repo, lines[0]["value"]["summary"]))
        oid = self.hub.add(repo, files, kind)
        return 200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{KINDS[kind]}{repo}/commit/{oid}"}


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
