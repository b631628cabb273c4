"""Byte-compiles the modules of a folder and removes their sources. Run by the Python of the target:

    python -I -X no_debug_ranges local/byte_code.py FOLDER PREFIX

The byte code is all that Python loads, and a third of the size. Tracebacks still name the lines, of files below PREFIX.
Docstrings are dropped, which no function reads. Those of classes become a dash: `dataclasses` writes a docstring for
each class without, at each start. `assert` statements stay, unlike with `-OO`.

`-X no_debug_ranges` omits the columns of each instruction, a fifth of the byte code.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from pathlib import Path

_UNCHECKED_HASH = 0b01
"""The flags of byte code that is valid without a look at its source (PEP 552): sources cannot change on Lambda."""


def compile_folder(folder: Path, prefix: str) -> list[str]:
    """Compile all modules below a folder; return the names of those that do not compile, which keep their sources."""
    refused = []
    for source in sorted(folder.rglob("*.py")):
        name = source.relative_to(folder).as_posix()
        try:
            source.with_suffix(".pyc").write_bytes(compile_module(source.read_bytes(), f"{prefix}/{name}"))
        except SyntaxError as error:
            refused.append(f"{name}: {error}")
        else:
            source.unlink()
    return refused


def compile_module(source: bytes, name: str) -> bytes:
    """Return the content of a module's `.pyc` file. Raises SyntaxError."""
    tree = _without_docstrings(ast.parse(source, name))
    code = compile(tree, name, "exec", dont_inherit=True)
    flags = _UNCHECKED_HASH.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None:
                node.body[:1] = [] if len(node.body) > 1 else [ast.copy_location(ast.Pass(), first)]
        elif isinstance(node, ast.ClassDef) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            node.body[0] = ast.copy_location(ast.Expr(ast.copy_location(ast.Constant("-"), first)), first)
    return tree


if __name__ == "__main__":
    failures = compile_folder(Path(sys.argv[1]), sys.argv[2])
    sys.exit("\n".join(failures) or None)
