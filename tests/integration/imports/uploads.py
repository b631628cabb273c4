"""Imports that a caller creates, uploads and starts, as tests of several kinds need them."""

from __future__ import annotations

from typing import Any

from tests.integration.imports.drop_folder import DropFolder
from tests.support.gateway import Response


class Uploader:
    """A caller who imports files by uploads. `token`: by default that of the tenant's admin."""

    def __init__(self, folder: DropFolder, token: str | None = None) -> None:
        self.folder = folder
        self._token = token

    def send(self, method: str, path: str, body: Any = None, **how: Any) -> Response:
        return self.folder.world.send(method, path, body, token=self._token, **how)

    def upload(self, body: bytes | str, name: str = "people.csv", **options: Any) -> str:
        """Create an import with some options, and upload its file. Returns the id of the import."""
        given = {"file_name": name, "options": options} if options else {"file_name": name}
        answer = self.send("POST", "/imports", given)
        assert answer.status == 201, answer.text
        self.replace_file(answer.json["id"], body)
        return str(answer.json["id"])

    def replace_file(self, import_id: str, body: bytes | str) -> None:
        """Put a file in the place of an import's file, and deliver the event of S3."""
        self.folder.deliver(self.folder.put(body, key=f"uploads/{self.folder.tenant_id}/{import_id}"))

    def read(self, import_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.send("GET", f"/imports/{import_id}").json
        return found

    def start(self, import_id: str, **options: Any) -> Response:
        """Ask for the start of an import."""
        return self.send("POST", f"/imports/{import_id}/start", {"options": options} if options else None)

    def run(self, import_id: str, **options: Any) -> dict[str, Any]:
        """Start an import and run it to its end. Returns it as the API shows it."""
        answer = self.start(import_id, **options)
        assert answer.status == 202, answer.text
        self.folder.work()
        return self.read(import_id)

    def ask_for_preview(self, import_id: str, **options: Any) -> Response:
        """Ask for a preview of an import."""
        return self.send("POST", f"/imports/{import_id}/preview", {"options": options} if options else None)

    def preview(self, import_id: str, **options: Any) -> dict[str, Any]:
        """Make a preview of an import to its end. Returns it as the API shows it."""
        answer = self.ask_for_preview(import_id, **options)
        assert answer.status == 202, answer.text
        self.folder.work()
        return self.read_preview(import_id)

    def read_preview(self, import_id: str) -> dict[str, Any]:
        answer = self.send("GET", f"/imports/{import_id}/preview")
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found
