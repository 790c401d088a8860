"""The layout of the package: what `lint-imports` cannot say about folders and files (see `pyproject.toml`)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kscope

ROOT = Path(kscope.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FOLDERS = sorted({file.parent for file in FILES})
MOST_FILES = 15
MOST_LINES = 400


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT.parent))


def _is_private(folder: Path) -> bool:
    return any(part.startswith("_") for part in folder.relative_to(ROOT).parts)


@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_a_folder_is_small(folder):
    """A folder holds at most 15 files beside its `__init__.py`."""
    files = [file.name for file in folder.glob("*.py") if file.name != "__init__.py"]
    assert len(files) <= MOST_FILES, files


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_file_is_short(file):
    """A file has at most 400 lines."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_a_folder_says_what_it_holds(folder):
    """The `__init__.py` of a folder has a docstring; in a private folder, of three to six lines and little else."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    said = ast.get_docstring(tree)
    assert said
    if _is_private(folder):
        assert 3 <= len([line for line in said.splitlines() if line]) <= 6


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if _is_private(folder)], ids=_name)
def test_a_private_folder_exports_nothing(folder):
    """Names are imported from the file in which they are; `_keras` alone lists what is used everywhere."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    assert folder.name == "_keras" or len(tree.body) == 1


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_files_do_not_import_the_package_itself(file):
    """A file imports the file that it needs, and not `kscope`, whose names come from every folder."""
    itself = file == ROOT / "__main__.py"
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "kscope" not in [name.name for name in node.names]
        if isinstance(node, ast.ImportFrom) and node.module == "kscope" and not itself:
            for name in node.names:
                assert (ROOT / name.name).is_dir() or (ROOT / f"{name.name}.py").is_file(), name.name
