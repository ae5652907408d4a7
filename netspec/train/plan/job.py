"""A job: all that a run is a function of, as plain data, so that a run can be begun, shared out and taken up again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Project, project_root
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph
from netspec.spec import Spec, parse
from netspec.syntax import tree
from netspec.syntax.parser import parse as parse_tree
from netspec.syntax.source import Source, Span, place_outside
from netspec.train.augment import Chain
from netspec.train.data import Data, DataSet
from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError, Place
from netspec.train.literals import Word
from netspec.train.parts import written
from netspec.train.plan.drawn import with_draws
from netspec.train.plan.inputs import sample_shapes
from netspec.train.plan.objects import fitted_to_objects
from netspec.train.plan.ownership import wrong_patterns
from netspec.train.plan.training_plan import TrainingPlan, training_plan, wanted_targets
from netspec.train.section.beginning import section_for
from netspec.train.section.settings import KEYS, Settings, settings
from netspec.train.setup import Setup

NEEDED = ("torch", "accelerate", "torchmetrics", "safetensors", "matplotlib")


class Job(BaseModel):
    """What is trained, and how.

    `text` is the spec, `name` what messages call it, `path` its file, where it has one. `settings` are those that
    replace the train section's, by key, as a spec would write them; `arguments` and `input` are those of the net. Paths
    of data begin at `data`, where that is given, else at the spec's folder; `dataset` is one from Python.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(exclude=True)
    name: str
    path: Path | None = None
    net: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    input: dict[str, list[int | str]] = Field(default_factory=dict)
    data: Path | None = None
    skip_bad: bool = False
    dataset: InstanceOf[DataSet] | None = Field(default=None, exclude=True)
    setup: Setup = Setup()

    def spec(self) -> Spec:
        """The spec as the text has it, with imports from where its file lies; raises NetspecError."""
        if self.path is None:
            return parse(self.text, self.name)
        project = Project(project_root(self.path), opening=[self.path])
        return Spec(project.read(Source(self.name, self.text), self.path), self.path)

    @property
    def place(self) -> Place:
        """Where the paths of the data begin, and the folder that they do not leave."""
        if self.data is not None:
            return Place(self.data, self.data, named=True, skip_bad=self.skip_bad)
        folder = self.path.parent if self.path is not None else Path.cwd()
        return Place(folder, project_root(self.path) if self.path is not None else folder, skip_bad=self.skip_bad)


class Samples(NamedTuple):
    """How samples come to a net, whatever is trained on them: as `encodings` say, and then augmented."""

    settings: Settings
    graph: Graph
    data: Data
    encodings: tuple[Encoding, ...]
    augment: Chain


class Prepared(NamedTuple):
    """A job of which all that can be known before the first step has been found to be right."""

    job: Job
    spec: Spec
    settings: Settings
    graph: Graph
    plan: TrainingPlan


def job_of(
    spec: Spec,
    *,
    net: str | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    input: Mapping[str, Sequence[int | str]] | None = None,
    data: Any = None,
    skip_bad: bool = False,
    setup: Setup | None = None,
) -> Job:
    """The job of training a net of a spec; of what `set` gives, names that begin with `train.` are settings.

    `data` is the folder where paths of data begin, or a data set from Python, or a pair of them.
    """
    mark = "train."
    folder, dataset = folder_or_dataset(data)
    overrides = {**(set or {}), **({} if dataset is None else {"train.data": dataset.name})}
    return Job(
        text=spec.source.text,
        name=spec.source.name,
        path=spec.path,
        net=net,
        arguments={key: value for key, value in overrides.items() if not key.startswith(mark)},
        settings={key.removeprefix(mark): as_text(value) for key, value in overrides.items() if key.startswith(mark)},
        input={name: list(shape) for name, shape in (input or {}).items()},
        data=folder,
        skip_bad=skip_bad,
        dataset=dataset,
        setup=setup or Setup(),
    )


def folder_or_dataset(data: Any) -> tuple[Path | None, DataSet | None]:
    """The folder that `data` names, or the data set that it is; raises TypeError where it is neither."""
    from netspec.train.data.python_data import PythonData

    if data is None or isinstance(data, str | Path):
        return (None if data is None else Path(data).resolve()), None
    return None, PythonData.of(data)


def prepare(job: Job, spec: Spec, *, outlined: bool = False, names: Sequence[str] = ()) -> Prepared:
    """Settings, data and net brought together; raises NetspecError with what keeps them from it.

    With `outlined` the data are not loaded where what they are like is known without. `names` are the classes that a
    trained net knows: data may lack some of them.
    """
    _require_packages(("tensorboard",) if job.setup.tensorboard else ())
    chosen = settings(_section(spec), {key: override(key, value) for key, value in job.settings.items()})
    if job.dataset is not None:
        chosen = chosen.model_copy(update={"data": job.dataset})
    _check_settings(job, spec)
    graph = spec.graph(job.net, inputs=job.input, **job.arguments)
    data = (chosen.data.outline() if outlined else None) or _load(chosen, job.place, graph)
    data = with_draws(data, chosen, graph)
    if data.names and set(data.names) < set(names):
        data = replace(data, exact=False)
    graph = _closed(job, spec, chosen, graph, data)
    plan = training_plan(chosen, graph, data)
    if wrong := wrong_patterns(chosen, graph):
        raise NetspecError(tuple(wrong))
    if chosen.stop is not None:
        chosen.stop.check(chosen.span("stop"), plan.figures)
    chosen.schedule.check(chosen.span("schedule"), plan.figures)
    for rule in chosen.keep:
        rule.check(chosen.span("keep"), plan.figures)
    return Prepared(job, spec, chosen, graph, plan)


def samples_of(job: Job, spec: Spec) -> Samples:
    """How the samples of a job come to its net; raises NetspecError with what keeps them from it.

    Pictures with objects need no loss for that.
    """
    chosen = settings_of(job, spec)
    if not type(chosen.data).of_objects:
        _, _, chosen, graph, plan = prepare(job, spec)
        return Samples(chosen, graph, plan.data, plan.encodings, plan.augment)
    _require_packages(())
    _check_settings(job, spec)
    graph = spec.graph(job.net, inputs=job.input, **job.arguments)
    data = _load(chosen, job.place, graph)
    try:
        return Samples(chosen, graph, data, (Encoding(),), fitted_to_objects(chosen, graph, data))
    except Problem as problem:
        raise NetspecError((problem.diagnostic,)) from None


def settings_of(job: Job, spec: Spec) -> Settings:
    """The settings of a job; raises NetspecError (E0601 to E0605)."""
    return settings(_section(spec), {key: override(key, value) for key, value in job.settings.items()})


def as_text(value: Any) -> str:
    """The value of a setting as a spec would write it; text is that already."""
    return value if isinstance(value, str) else value.text if isinstance(value, Word) else written(value)


def override(key: str, value: Any) -> tree.Setting | tree.Step:
    """A setting as if the spec said so: the value is text as a spec has it, or data; raises NetspecError."""
    text = as_text(value)
    source = Source(f"--set train.{key}", f"train {{\n  {key} {text}\n}}\n")
    file, mistakes = parse_tree(source)
    items = [item.settings for item in file.items if isinstance(item, tree.Train)]
    if not mistakes and len(file.items) == 1 and items and len(items[0]) == 1 and items[0][0].key == key:
        return items[0][0]
    here = Span(source, len("train {\n  "), len(source.text) - len("\n}\n"))
    raise NetspecError(tuple(mistakes) or (Diagnostic("E0604", f"{text} is no value of a setting", here),))


def _check_settings(job: Job, spec: Spec) -> None:
    """Raises NetspecError where a setting of the train section is given as if it were a parameter of the net."""
    name = job.net or spec.nets[-1] if spec.nets else ""
    template = spec.module.environment.templates.get(name)
    parameters = {parameter.name for parameter in template.definition.parameters} if template is not None else set(KEYS)
    for key, value in job.arguments.items():
        if key in KEYS and key not in parameters:
            span = Span(Source("--set", f"{key}={as_text(value)}"), 0, len(key))
            message = f"the net {name} has no parameter {key}"
            help = f"it is a setting of the train section: --set train.{key}={as_text(value)}"
            raise NetspecError((Diagnostic("E0210", message, span, help=help),))


def _section(spec: Spec) -> tree.Train:
    section: tree.Train | None = spec.train
    if section is not None:
        return section
    end = len(spec.source.text)
    try:
        example = section_for(spec.graph())
    except NetspecError:
        example = "train {\n  data mnist1d\n  loss cross_entropy\n  optimizer adam\n  epochs 20\n}"
    message = f"{spec.source.name} has no train section"
    mend = (Span(spec.source, end, end), f"\n{example}\n")
    raise NetspecError((Diagnostic("E0605", message, spec.source.beginning, help=example, mend=mend),))


def _require_packages(others: tuple[str, ...]) -> None:
    missing = [name for name in (*NEEDED, *others) if find_spec(name) is None]
    if missing:
        here = place_outside("netspec train")
        message = f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed"
        extras = ",".join(["train", *others])
        raise NetspecError((Diagnostic("E0613", message, here, help=f"pip install 'netspec-nn[{extras}]'"),))


def _load(chosen: Settings, place: Place, graph: Graph) -> Data:
    """The data for a net, or a diagnostic at their setting, or at the input for which there are none."""
    span = chosen.span("data")
    fed = [value.name for value in graph.inputs if value.name not in chosen.draws]
    try:
        return chosen.data.load_for(place, fed, wanted_targets(chosen, graph))
    except DataError as error:
        value = next((value for value in graph.inputs if value.name == error.input and value.span is not None), None)
        if value is None or value.span is None:
            raise error.at(span) from None
        raise NetspecError(
            (
                Diagnostic(
                    "E0606",
                    error.message,
                    value.span,
                    "has no data",
                    related=((span, "the data"),),
                    notes=error.notes,
                    help=error.help,
                ),
            )
        ) from None
    except MemoryError:
        message = f"the data of {chosen.data.name} do not fit into memory"
        raise NetspecError((Diagnostic("E0609", message, span),)) from None
    except ImportError as error:
        message = f"{chosen.data.name} needs the package {error.name}, which is not installed"
        raise NetspecError((Diagnostic("E0613", message, span, help="pip install 'netspec-nn[train]'"),)) from None


def _closed(job: Job, spec: Spec, chosen: Settings, graph: Graph, data: Data) -> Graph:
    """The graph for samples of the data's size, where the spec leaves sizes open."""
    opened = {value.name for value in graph.inputs if value.shape.is_open}
    shapes = sample_shapes(chosen, graph, data) if opened else {}
    closed = {name: list(shape) for name, shape in shapes.items() if name in opened}
    return spec.graph(job.net, inputs={**job.input, **closed}, **job.arguments) if closed else graph
