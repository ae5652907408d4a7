"""Python modules of a user's own that take part: named in the project in whose folder the user works, and loaded once.

Which they are is said in `netspec.toml`, `plugins = ["mylab.parts"]`, or under `[tool.netspec]` in `pyproject.toml`, in
the working directory or the nearest folder above it that has either. A spec names no modules, and where it lies does
not matter: it may come from a stranger.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import place_outside

FILES = ("netspec.toml", "pyproject.toml")


def load_plugins(start: Path | None = None) -> tuple[str, ...]:
    """Imports the modules that the project around a folder names, the working directory if not given; their names.

    What they register is known from then on. Raises NetspecError (E0009) where one cannot be loaded.
    """
    folder = (start or Path.cwd()).absolute()
    for home in (folder, *folder.parents):
        for path in (home / name for name in FILES):
            if path.is_file() and (names := _plugin_names(path)) is not None:
                return tuple(_loaded(name, home, path) for name in names)
    return ()


def _plugin_names(path: Path) -> list[str] | None:
    """The modules that a file names; None where it does not speak of netspec. Raises NetspecError (E0009)."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        if path.name == "pyproject.toml" and "tool.netspec" not in text:
            return None
        content: dict[str, Any] = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise _refused(path, f"{path.name} cannot be read: {error}") from None
    table = content if path.name == "netspec.toml" else content.get("tool", {}).get("netspec", {})
    names = table.get("plugins", []) if isinstance(table, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refused(path, "plugins is a list of names of Python modules", 'plugins = ["mylab.parts"]')
    return names


def _loaded(name: str, home: Path, path: Path) -> str:
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    try:
        import_module(name)
    except Exception as error:  # whatever a module of the user's raises
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise _refused(path, f"the plugin {name} cannot be loaded", notes=(reason,)) from error
    return name


def _refused(path: Path, message: str, help: str = "", notes: tuple[str, ...] = ()) -> NetspecError:
    return NetspecError((Diagnostic("E0009", message, place_outside(path), notes=notes, help=help),))
