"""What `make package` does to modules and libraries, and which function is deployed from which package."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from local import byte_code, elf, package, template

_MODULE = '''"""A module."""


def join(a, b):
    """Return both."""
    assert a, "asserted"
    return a + b


def empty():
    """Do nothing."""


class Kept:
    """A class."""
'''


def _load(folder: Path, statement: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {statement}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_compiled_modules_drop_docstrings_and_keep_all_else(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one.py").write_text(_MODULE)
    assert byte_code.compile_folder(tmp_path, "/var/task") == []
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["one.pyc"]
    done = _load(
        tmp_path,
        "from parts import one; print([one.__doc__, one.join.__doc__, one.empty(), one.Kept.__doc__]); one.join('', 1)",
    )
    assert done.stdout.strip() == "[None, None, None, '-']"
    assert 'File "/var/task/parts/one.py", line 6, in join' in done.stderr
    assert "AssertionError: asserted" in done.stderr


def test_a_module_that_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "bad.py").write_text("x = = 1\n")
    (refused,) = byte_code.compile_folder(tmp_path, "/var/task")
    assert refused.startswith("bad.py: ")
    assert (tmp_path / "bad.py").exists()


def test_the_same_module_makes_the_same_bytes() -> None:
    source = Path(byte_code.__file__).read_bytes()
    assert byte_code.compile_module(source, "x.py") == byte_code.compile_module(source, "x.py")


def test_only_docstrings_are_dropped() -> None:
    """A text that is used, or that is no docstring, stays."""
    source = b'def f():\n    x = """value"""\n    return x\n\ndef g():\n    return """value"""\n'
    namespace: dict[str, object] = {}
    tree = byte_code._without_docstrings(ast.parse(source))
    exec(compile(tree, "x", "exec"), namespace)
    assert namespace["f"]() == namespace["g"]() == "value"  # type: ignore[operator]


def test_a_stripped_library_loads_and_has_no_more_symbols(tmp_path: Path) -> None:
    site = Path(sysconfig.get_path("platlib"))
    (library,) = (site / "cryptography" / "hazmat" / "bindings").glob("_rust*.so")
    shutil.copytree(site / "cryptography", tmp_path / "cryptography")
    stripped = tmp_path / library.relative_to(site)
    removed = elf.strip(stripped)
    assert removed == library.stat().st_size - stripped.stat().st_size > 0
    assert elf.strip(stripped) == 0
    done = _load(
        tmp_path,
        "from cryptography.hazmat.bindings import _rust; assert _rust.__file__.startswith(sys.path[0]); "
        "print(_rust.openssl.openssl_version_text())",
    )
    assert done.stdout.startswith("OpenSSL"), done.stderr


def test_other_files_are_not_stripped(tmp_path: Path) -> None:
    other = tmp_path / "x.so"
    other.write_bytes(b"\x7fELF\x01\x01" + bytes(100))
    with pytest.raises(ValueError, match="not a 64-bit ELF file"):
        elf.strip(other)


def test_each_function_is_deployed_from_one_package() -> None:
    handlers = [handler for one in package.PACKAGES for handler in one.handlers()]
    assert sorted(handlers) == sorted(one["Handler"] for one in template.functions().values())
    assert all(one.handlers() for one in package.PACKAGES)


def test_only_the_second_package_has_the_libraries_for_spreadsheets() -> None:
    extra = {"python-calamine", "xlsxwriter"}

    def names(one: package.Package) -> set[str]:
        return {line.split("==")[0] for line in package.requirements(one).splitlines() if "==" in line}

    assert not names(package.FUNCTIONS) & extra
    assert names(package.WITH_SPREADSHEETS) == names(package.FUNCTIONS) | extra


def test_all_code_of_the_template_is_replaced(tmp_path: Path) -> None:
    filled = template.parse(template.fill_in_code("s3://bucket/code.zip"))
    sources = {
        one["Properties"].get("CodeUri") for one in filled["Resources"].values() if "Properties" in one
    }
    assert sources == {None, "s3://bucket/code.zip"}
    other = tmp_path / "template.yaml"
    other.write_text("Resources: {A: {CodeUri: ../elsewhere.zip}}\n")
    with pytest.raises(ValueError, match="no package"):
        template.fill_in_code("s3://bucket/code.zip", other)
