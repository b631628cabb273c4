"""Functions' processes are forked with their packages imported, and share code that is unpacked once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime

from local.emulator_functions import ForkedProcess, Forks, UnpackedCode
from local.function_forks import PACKAGES
from local.sources import ROOT

WORKER = """
import json, os, sys
print(json.dumps({
    "environment": dict(os.environ), "directory": os.getcwd(), "arguments": sys.argv, "name": __name__,
    "path": sys.path[0], "modules": list(sys.modules), "parent": os.getppid(),
}), flush=True)
print("a line of the log", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    made = Forks(tmp_path_factory.mktemp("label"))
    made.start()
    yield made
    made.close()


def start(forks: Forks, folder: Path, **environment: str) -> tuple[ForkedProcess, dict[str, Any]]:
    """Start the worker; return its process and what it says of itself."""
    script = folder / "worker.py"
    script.write_text(WORKER)
    process = forks.fork(str(script), str(folder), environment)
    return process, json.loads(process.stdout.readline())


def test_a_process_has_its_own_environment_folder_and_arguments(forks: Forks, tmp_path: Path) -> None:
    process, found = start(forks, tmp_path, TABLE_NAME="contacts", EMPTY="")
    assert found["environment"] == {"TABLE_NAME": "contacts", "EMPTY": ""}
    assert (found["directory"], found["path"], found["name"]) == (str(tmp_path), str(tmp_path), "__main__")
    assert found["arguments"] == [str(tmp_path / "worker.py")]
    process.kill()


def test_a_process_starts_with_its_packages_and_without_modules_of_this_repository(
    forks: Forks, tmp_path: Path
) -> None:
    process, found = start(forks, tmp_path)
    assert set(PACKAGES) <= set(found["modules"])
    assert {name.split(".")[0] for name in found["modules"]} & {"functions", "shared", "local"} == set()
    process.kill()


def test_the_packages_are_those_that_functions_import() -> None:
    named = (ROOT / "requirements/runtime.in").read_text().replace("-", "_")
    assert [name for name in PACKAGES if name.split(".")[0].removeprefix("py") not in named] == []


def test_a_process_answers_until_its_input_ends(forks: Forks, tmp_path: Path) -> None:
    process, _ = start(forks, tmp_path)
    process.stdin.write("ä\n")
    assert process.stdout.readline() == "Ä\n"
    assert process.stderr.readline() == "a line of the log\n"
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(60) == -1
    assert process.stdout.read() == ""


@pytest.mark.parametrize("end", [ForkedProcess.terminate, ForkedProcess.kill])
def test_a_process_ends_on_a_signal_and_the_others_run_on(forks: Forks, tmp_path: Path, end: Any) -> None:
    first, _ = start(forks, tmp_path)
    second, _ = start(forks, tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.01)
    end(first)
    assert first.wait(60) == -1
    end(first)  # harmless when it has ended
    assert second.poll() is None
    second.kill()


def test_the_forking_process_is_started_again_when_it_was_killed(tmp_path: Path) -> None:
    forks = Forks(tmp_path)
    before, found = start(forks, tmp_path)
    os.kill(found["parent"], signal.SIGKILL)
    after, found_after = start(forks, tmp_path)
    assert found_after["parent"] != found["parent"]
    before.stdin.write("still here\n")
    assert before.stdout.readline() == "STILL HERE\n"
    for process in (before, after):
        process.kill()
    forks.close()


def test_code_is_unpacked_and_compiled_once_for_each_zip(forks: Forks, tmp_path: Path) -> None:
    code = UnpackedCode(tmp_path / "code")
    (tmp_path / "code").mkdir()
    folders = []
    for number, text in enumerate(("X = 1", "X = 1", "X = 2")):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.writestr("module.py", text, zipfile.ZIP_STORED)
            archive.filelist[0].date_time = (1980, 1, 1, 0, 0, 0)
        folder = tmp_path / f"place-{number}"
        folder.mkdir()
        with zipfile.ZipFile(tmp_path / f"{number}.zip") as archive:
            code.place(archive, folder)
        folders.append(folder)
        script = tmp_path / f"{number}.py"
        script.write_text(
            f"import sys; sys.path.insert(0, {str(folder)!r}); import module; print(module.X, module.__file__)"
        )
        process = forks.fork(str(script), str(folder), {})
        assert process.stdout.read() == f"{text[-1]} {folder / 'module.py'}\n"
    assert folders[0].resolve() == folders[1].resolve() != folders[2].resolve()
    assert len(list((tmp_path / "code").glob("*/__pycache__/module.*.pyc"))) == 2

    later = UnpackedCode(tmp_path / "code")
    folder = tmp_path / "later"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "2.zip") as archive:
        later.place(archive, folder)
    later.remove_unused()
    assert list((tmp_path / "code").iterdir()) == [folders[2].resolve()]


def test_the_emulator_starts_functions_by_the_names_that_are_replaced(tmp_path: Path) -> None:
    """Its own code calls `subprocess.Popen` and `zipfile.ZipFile` of its module, as they are replaced."""
    source = Path(lambda_runtime.__file__).read_text()
    assert "zf.extractall(code_dir)" in source
    assert "self._proc = subprocess.Popen(\n            [binary, worker_path]," in source
    assert lambda_runtime._detect_runtime_binary("python3.13")[0] == sys.executable
