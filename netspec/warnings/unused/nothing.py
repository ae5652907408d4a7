"""W0001: a file that describes no net: nothing is checked of it.

Why: an empty file and a train section alone are right, and so is a file of blocks for others to import. One without any
of these has probably not been saved.
Example: a file that holds `train { epochs 3 }` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.syntax import tree
from netspec.syntax.source import Span
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    if any(isinstance(item, tree.Definition | tree.Let | tree.Import) for item in subject.file.items):
        return
    train = next((item for item in subject.file.items if isinstance(item, tree.Train)), None)
    start = train.span.start if train is not None else 0
    yield Diagnostic(
        "W0001",
        "this train section has no net to train" if train is not None else "this file describes no net",
        Span(subject.source, start, start + len("train") if train is not None else 0),
        help="a net starts like this: net Name { input image [3, 224, 224] ... }",
    )
