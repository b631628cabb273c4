"""Builds the packages that are deployed to AWS, for Python 3.13 on arm64: `build/functions.zip`, and
`build/functions-with-spreadsheets.zip` for the functions that read or write spreadsheets.

Both contain `functions/`, `shared/` and the locked run-time dependencies, as wheels of that platform with checked
hashes, without the parts that no function loads; the second also the libraries for spreadsheets, and the files of
Swagger UI. The template names the package of each function (`CodeUri`). Every module is byte-compiled if a Python 3.13
is available: on `PATH`, in pyenv, or named by `PACKAGE_PYTHON`; otherwise only sources are packed, with a warning. The
same inputs make the same bytes.

Then the handlers of each package are imported from a build of the same parts for this machine, with nothing else on the
path, which shows that the omitted parts are not needed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local import template
from local.package_parts import AWS_SERVICES, prune
from local.sources import ROOT, add_file, source_files

BUILD = ROOT / "build"
REQUIREMENTS = ROOT / "requirements"
TARGET_PYTHON = "3.13"
TARGET_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


@dataclass(frozen=True, slots=True)
class Package:
    """A zip that functions are deployed from: its name, its lock files, the most bytes that it may have, and patterns
    of the files that it does not have and another package has.
    """

    name: str
    locks: tuple[str, ...]
    zip_budget: int
    check: str
    """Statements that use what only this package has."""
    without: tuple[str, ...] = ()

    @property
    def archive(self) -> Path:
        return BUILD / f"{self.name}.zip"

    def handlers(self) -> list[str]:
        """Return the handlers of the functions that the template deploys from this package."""
        return sorted(
            function["Handler"]
            for function in template.functions().values()
            if Path(function["CodeUri"]).name == self.archive.name
        )


LEFT_OUT = {
    # chalice's command line and its prompts; the authorizer needs only chalice.app.
    "blessed", "click", "editor", "inquirer", "jinxed", "pip", "pyyaml", "readchar", "runs", "setuptools", "wcwidth",
    "wheel", "xmod",
    # Needed only at build time.
    "packaging", "pycparser",
    # Look-ups of e-mail domains, which are switched off.
    "dnspython",
}  # fmt: skip
"""Locked distributions that no function loads."""

_SPREADSHEETS = """
import io, xlsxwriter
from shared.files.spreadsheets import open_workbook
made = io.BytesIO()
book = xlsxwriter.Workbook(made, {"in_memory": True, "constant_memory": True})
book.add_worksheet().write_row(0, 0, ["a", 1.5])
book.close()
with open_workbook([made.getvalue()]) as sheet:
    read = sheet.read()
assert read == b"a,1.5\\n", read
from functions.system import docs_page
assert docs_page.page("/v1/docs")
"""
_SWAGGER_UI = "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*"
"""The files of Swagger UI, which one function serves: a twentieth of a package."""
FUNCTIONS = Package("functions", ("runtime.txt",), 10_000_000, "", without=(_SWAGGER_UI,))
WITH_SPREADSHEETS = Package(
    "functions-with-spreadsheets", ("runtime.txt", "spreadsheets.txt"), 12_000_000, _SPREADSHEETS
)
PACKAGES = (FUNCTIONS, WITH_SPREADSHEETS)

_BYTE_CODE = Path(__file__).with_name("byte_code.py")
_CLIENT = re.compile(r"""(?:\b|_)client\(\s*["']([a-z0-9-]+)["']""")


class PackageFailed(Exception):
    """The package would not work; the message says why."""


def main() -> int:
    """Build, check and measure the packages; return the exit status."""
    try:
        _refuse_unknown_services()
        _refuse_unknown_packages()
        compiler = _find_compiler()
        for package in PACKAGES:
            folder = BUILD / "package" / package.name
            _assemble(
                folder,
                package,
                ["--python-version", TARGET_PYTHON, "--implementation", "cp", *_platforms()],
            )
            if compiler is not None:
                _compile(folder, compiler)
            modules, compiled = _pack(folder, package.archive)
            loaded = _check_imports(package)
            _report(folder, package, modules, compiled, loaded)
    except PackageFailed as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def _platforms() -> list[str]:
    return [part for platform in TARGET_PLATFORMS for part in ("--platform", platform)]


def requirements(package: Package) -> str:
    """Return the lock files of a package without the distributions that no function loads."""
    locked = "".join((REQUIREMENTS / name).read_text(encoding="utf-8") for name in package.locks)
    blocks = re.split(r"^(?=[A-Za-z0-9])", locked, flags=re.MULTILINE)
    names = {block.split("==")[0].lower() for block in blocks if "==" in block.split("\n")[0]}
    if unknown := LEFT_OUT - names:
        raise PackageFailed(f"left out, but not in the lock: {', '.join(sorted(unknown))}")
    kept = [block for block in blocks if "==" in block and block.split("==")[0].lower() not in LEFT_OUT]
    return "".join(re.sub(r"^ *#.*\n", "", block, flags=re.MULTILINE) for block in kept)


def _refuse_unknown_services() -> None:
    used = {
        service
        for path in source_files()
        if path.suffix == ".py"
        for service in _CLIENT.findall((ROOT / path).read_text(encoding="utf-8"))
    }
    if more := used - AWS_SERVICES:
        raise PackageFailed(
            f"clients of {', '.join(sorted(more))} are made, but their descriptions are not packed"
        )


def _refuse_unknown_packages() -> None:
    known = {package.archive.name for package in PACKAGES}
    for name, function in template.functions().items():
        if Path(function["CodeUri"]).name not in known:
            raise PackageFailed(f"{name} is deployed from {function['CodeUri']}, which is not built here")


def _assemble(folder: Path, package: Package, platform: list[str]) -> None:
    """Fill a folder with a package's dependencies for a platform (by default this machine's) and the sources."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = folder.with_suffix(".requirements.txt")
    wanted.write_text(requirements(package), encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
        "--only-binary", ":all:", "--require-hashes", "--target", str(folder), *platform, "-r", str(wanted),
    ]  # fmt: skip
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if outcome.returncode:
        raise PackageFailed(f"pip could not install the dependencies:\n{outcome.stderr[-3000:]}")
    prune(folder, package.without)
    for path in source_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / path).read_bytes())


def _find_compiler() -> str | None:
    """Return a Python of the target's version, whose byte code Lambda's interpreter accepts; None if there is none."""
    for candidate in _candidates():
        probe = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            found = subprocess.run(
                [candidate, "-c", probe], capture_output=True, text=True, timeout=30, check=False
            )
        except OSError:
            continue
        if found.returncode == 0 and found.stdout.strip() == TARGET_PYTHON:
            return candidate
    return None


def _candidates() -> Iterator[str]:
    if named := os.environ.get("PACKAGE_PYTHON"):
        yield named
    yield sys.executable
    yield f"python{TARGET_PYTHON}"
    if pyenv := shutil.which("pyenv"):
        listed = subprocess.run(
            [pyenv, "versions", "--bare"], capture_output=True, text=True, timeout=30, check=False
        )
        for version in listed.stdout.split():
            if version.startswith(f"{TARGET_PYTHON}."):
                place = subprocess.run(
                    [pyenv, "prefix", version], capture_output=True, text=True, timeout=30, check=False
                )
                yield str(Path(place.stdout.strip()) / "bin" / "python")


def _compile(folder: Path, python: str) -> None:
    command = [python, "-I", "-X", "no_debug_ranges", str(_BYTE_CODE), str(folder), "/var/task"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if outcome.returncode:
        raise PackageFailed(f"not every module compiles:\n{outcome.stdout[-3000:]}{outcome.stderr[-3000:]}")


def _pack(folder: Path, archive: Path) -> tuple[int, int]:
    """Write the zip; return the number of modules, and of those with byte code."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    archive.unlink(missing_ok=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for path in paths:
            add_file(packed, path.as_posix(), (folder / path).read_bytes())
    modules, compiled = set(), set()
    for path in paths:
        in_cache = path.parent.name == "__pycache__"
        module = (path.parent.parent if in_cache else path.parent) / path.name.split(".")[0]
        if path.suffix in (".py", ".pyc"):
            modules.add(module)
        if path.suffix == ".pyc":
            compiled.add(module)
    return len(modules), len(compiled)


def build_for_this_machine(package: Package = FUNCTIONS) -> Path:
    """Build the same parts for this machine; return the folder, which checks and benchmarks load from."""
    folder = BUILD / "check" / package.name
    _assemble(folder, package, [])
    _compile(folder, sys.executable)
    return folder


_IMPORT = """
import importlib, sys
folder, services, *handlers = sys.argv[1:]
sys.path.insert(0, folder)
for handler in handlers:
    module, _, name = handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name)), handler
import botocore.session
for service in services.split(","):
    botocore.session.get_session().create_client(service, region_name="us-east-1")
import email_validator, phonenumbers, jwt
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
assert jwt.decode(jwt.encode({"sub": "x"}, key, "RS256"), key.public_key(), ["RS256"]) == {"sub": "x"}
email_validator.validate_email("someone@example.com", check_deliverability=False)
assert phonenumbers.is_valid_number(phonenumbers.parse("+12025550143"))
"""
_NOTHING_ELSE = """
elsewhere = [m.__file__ for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", None) or "")]
assert not elsewhere, elsewhere
"""


def _check_imports(package: Package) -> int:
    """Import a package's handlers from a build of the same parts for this machine, and nothing else.

    Returns their number.
    """
    folder = build_for_this_machine(package)
    names = package.handlers()
    script = _IMPORT + package.check + _NOTHING_ELSE
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, str(folder), ",".join(sorted(AWS_SERVICES)), *names],
        capture_output=True, text=True, timeout=120, check=False, cwd=folder, env={"AWS_DEFAULT_REGION": "us-east-1"},
    )  # fmt: skip
    if outcome.returncode:
        raise PackageFailed(
            f"a handler of {package.name} does not load from only its package:\n{outcome.stderr[-3000:]}"
        )
    return len(names)


def _report(folder: Path, package: Package, modules: int, compiled: int, loaded: int) -> None:
    unpacked = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    size = package.archive.stat().st_size
    digest = hashlib.sha256(package.archive.read_bytes()).hexdigest()
    print(f"{package.archive.relative_to(ROOT)}  sha256 {digest}")
    print(f"zip            {size / 1e6:6.2f} MB   (budget {package.zip_budget / 1e6:.0f} MB)")
    print(f"unpacked       {unpacked / 1e6:6.2f} MB")
    print(f"byte-compiled  {compiled} of {modules} modules")
    print(f"handlers       {loaded} load from only the package's parts")
    if compiled < modules:
        print(
            f"WARNING: {modules - compiled} modules are not byte-compiled, which doubles a cold start. "
            f"Install Python {TARGET_PYTHON} or name one: PACKAGE_PYTHON=... make package",
            file=sys.stderr,
        )
    if size > package.zip_budget:
        raise PackageFailed(f"{package.archive.name} is over its budget")


if __name__ == "__main__":
    sys.exit(main())
