"""A trained net as a user has it in hand: tested, asked about files, looked into, written for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from netspec.train.after.restored import Restored

if TYPE_CHECKING:
    from netspec.train.after.activation_maps import ActivationMap, MapOptions
    from netspec.train.after.evaluate import EvaluateOptions, Evaluation
    from netspec.train.after.export import Exported, Format
    from netspec.train.after.predict import Prediction
    from netspec.train.after.sampling import SampleOptions


class TrainedNet(Restored):
    """A trained net and what is done with it; torch and the rest are loaded when a method needs them."""

    def evaluate(self, **options: Unpack[EvaluateOptions]) -> Evaluation:
        """Loss and metrics over the test data, or over others; see `netspec.train.after.evaluate.evaluate`."""
        from netspec.train.after.evaluate import evaluate

        return evaluate(self, **options)

    def predict(self, *paths: str | Path) -> list[Prediction]:
        """What the net says about pictures, arrays or tables; raises NetspecError (E0653, E0654).

        A net of several inputs takes a file for each of them in turn, or an .npz with an array for each.
        """
        from netspec.train.after import inputs
        from netspec.train.after.predict import predict

        return list(predict(self, inputs.read(paths, self)))

    def sample(self, prompt: str, count: int = 200, **options: Unpack[SampleOptions]) -> str:
        """The text that a net trained on `tokens` goes on with after a prompt; see `netspec.train.after.sampling`."""
        from netspec.train.after.sampling import sample

        return sample(self, prompt, count, **options)

    def activation_map(self, path: str | Path, **options: Unpack[MapOptions]) -> ActivationMap:
        """Where in the first sample of a file the net sees a class; see `netspec.train.after.activation_maps`."""
        from netspec.train.after import inputs
        from netspec.train.after.activation_maps import activation_map
        from netspec.train.after.predict import entered

        return activation_map(self, *entered(self, [inputs.first(path, self)]), **options)

    def export(
        self,
        path: str | Path,
        format: Format | None = None,  # noqa: A002
        *,
        input: Mapping[str, Sequence[int | str]] | None = None,
    ) -> Exported:
        """Writes the net for other programs, in the format that the file's end names; raises NetspecError (E0656).

        Sizes that the spec leaves open stay open, but for those that `input` gives.
        """
        from netspec.train.after.export import export

        return export(self, Path(path), format, input=input)
