"""Hooks of the site: pages that lie beside `docs`, links as they are in a checkout, specs in colour."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.lexers import LEXERS

from netspec.editors.pygments_lexer import NetspecLexer

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "action.yml", ".pre-commit-hooks.yaml")
FOLDERS = ("examples/*.net", "benchmarks/README.md", "benchmarks/results/*.md")
_LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)")


def on_startup(**_: Any) -> None:
    """Makes fences of specs known by our lexer, also where the package is not installed anew."""
    lexer = NetspecLexer
    known = (lexer.__module__, lexer.name, tuple(lexer.aliases), tuple(lexer.filenames), tuple(lexer.mimetypes))
    LEXERS[lexer.__name__] = known


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what the pages lead to outside of the folder; the README is the first page."""
    found = [ROOT / name for name in BESIDE] + [path for pattern in FOLDERS for path in sorted(ROOT.glob(pattern))]
    for path in found:
        name = path.relative_to(ROOT).as_posix().removeprefix(".")
        files.append(File.generated(config, name, abs_src_path=str(path)))
    files.append(File.generated(config, "index.md", abs_src_path=str(ROOT / "README.md")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links as they lead on the site, where the folder `docs` is the root."""
    source = Path("README.md" if page.file.src_uri == "index.md" else page.file.src_uri)
    inside = "docs" if (ROOT / "docs" / source).is_file() else ""
    here = ROOT / inside / source.parent

    def moved(link: re.Match[str]) -> str:
        target, mark, anchor = link[1].partition("#")
        path = (here / target).resolve()
        if not path.is_relative_to(ROOT):
            return link[0]
        name = path.relative_to(ROOT).as_posix().removeprefix("docs/").removeprefix(".")
        name = {"README.md": "index.md", "examples": "zoo.md"}.get(name, name)
        return f"]({'../' * (len(source.parts) - 1)}{name}{mark}{anchor}"

    return _LINK.sub(moved, markdown)
