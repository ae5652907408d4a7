"""What `run.json` says of a run: which net it was, with which arguments and settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.spec import Spec
from netspec.syntax import tree
from netspec.syntax.source import place_outside
from netspec.train.plan.signature import Signature
from netspec.train.runs.folder import RECORD

if TYPE_CHECKING:
    from netspec.train.section.settings import Settings


class Start(BaseModel):
    """How a run was started, as far as it is read without being taken up."""

    model_config = ConfigDict(frozen=True, extra="allow")

    input: dict[str, list[int | str]] = {}


class Record(BaseModel):
    """What `run.json` says that is needed to take a run up again; the rest of it is for people."""

    model_config = ConfigDict(frozen=True, extra="allow")

    net: str
    arguments: dict[str, Any] = {}
    input: dict[str, list[int | str]] = {}
    settings: dict[str, str] = {}
    signature: Signature = Field(default=Signature(), alias="meaning")
    status: str = "finished"
    epochs: int = 0
    steps: int = 0
    job: Start | None = None
    environment: dict[str, Any] = {}
    kept_epoch: int | None = None
    """The epoch whose weights are kept; none before the first, and in folders of older releases."""


def read_record(folder: Path) -> Record:
    """What a run's folder says of the run; raises NetspecError (E0614, E0650)."""
    path = folder / RECORD
    try:
        return Record.model_validate_json(regular(path).read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise no_run("E0614", path, f"{path} cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = f"{path} is damaged: {f'{place}: ' if place else ''}{first['msg'].lower()}"
        raise no_run("E0650", path, message) from None


def recorded_settings(spec: Spec, record: Record) -> Settings:
    """The settings of a run: those of its spec, with what the command line said in their place."""
    from netspec.train.plan.job import override
    from netspec.train.section.settings import settings

    overrides = {key: override(key, text) for key, text in record.settings.items()}
    return settings(spec.train or tree.Train((), span=spec.source.beginning), overrides)


def no_run(code: str, path: Path, message: str, notes: list[str] | tuple[str, ...] = ()) -> NetspecError:
    """That a path is not, or not wholly, the folder of a run."""
    help = "name the folder of a run, such as runs/mnist1d_conv"
    return NetspecError((Diagnostic(code, message, place_outside(path), notes=tuple(notes), help=help),))
