"""Commands over a run: test it, ask it, look into it, write it for others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from netspec.commands.command import command
from netspec.commands.options.assignments import read_inputs, read_settings
from netspec.commands.options.shared import Data, Device, Folder, Force, Inputs, Output, Weights
from netspec.commands.printing import display_path, write
from netspec.commands.spared import spare


@command
def report(
    run: Folder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page; report.html in RUN if not given.")
    ] = None,
    data: Data = None,
    device: Device = None,
    weights: Weights = None,
    force: Force = False,
) -> None:
    """Write a run as one page: figures, curves, mistakes, samples, the diagram, what it was made with."""
    from netspec.train import restore
    from netspec.train.after import report as page

    path = output or run / page.REPORT
    spare({"weights": weights, "force": force}, path)
    print(f"written to {display_path(page.write(restore(run, device=device, weights=weights), path, data=data))}")


@command
def eval_(
    run: Folder,
    data: Data = None,
    part: Annotated[Literal["test", "val", "train", "all"], typer.Option(help="The samples to look at.")] = "test",
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting: --set train.metrics=[accuracy,f1]."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged samples.")] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Processes that read samples ahead; chosen if not given.")
    ] = None,
    device: Device = None,
    weights: Weights = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="The form of the figures.")] = "text",
) -> None:
    """Print how good a trained net is: loss, metrics, and which class was taken for which."""
    from netspec.train import restore
    from netspec.train.after import evaluate

    net, settings = restore(run, device=device, weights=weights), read_settings(set, train=True)
    evaluation = evaluate.evaluate(net, part=part, data=data, set=settings, skip_bad=skip_bad, workers=workers)
    print(evaluate.json_text(evaluation) if format == "json" else evaluate.text(evaluation))


@command
def predict(
    run: Folder,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT...]",
            help="Pictures or folders of them, .npy, .npz, .csv, .txt. For each of several inputs one, in turn.",
            show_default=False,
        ),
    ] = None,
    output: Output = "-",
    top: Annotated[int, typer.Option(metavar="N", min=1, help="So many classes of each, the likeliest first.")] = 3,
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the class of each pixel as a picture into this folder.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Go on with this text, of a net that was trained on tokens.")
    ] = None,
    tokens: Annotated[int, typer.Option(metavar="N", min=1, help="So many tokens after the prompt.")] = 200,
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0, help="Below 1 the likelier tokens are drawn more often; 0: always.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(metavar="N", min=1, help="Draw among so many likeliest tokens.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="What is drawn from.")] = 0,
    device: Device = None,
    weights: Weights = None,
    format: Annotated[Literal["text", "json", "csv"], typer.Option(help="The form of what is prediction.")] = "text",
    force: Force = False,
) -> None:
    """Print what a trained net says about files, or the text that it goes on with."""
    from netspec.train import restore
    from netspec.train.after import inputs as files
    from netspec.train.after import predict as answers

    if (prompt is None) == (not inputs):
        raise typer.BadParameter("name the files to ask about, or a text to go on with: --prompt TEXT")
    net = restore(run, device=device, weights=weights)
    if prompt is not None:
        write(prompt + net.sample(prompt, tokens, temperature=temperature, top=top_k, seed=seed) + "\n", output)
        return
    predictions = list(answers.predict(net, files.read(inputs or [], net)))
    for note in dict.fromkeys(prediction.changed for prediction in predictions if prediction.changed):
        print(f"note: {note}", file=sys.stderr)
    if masks is not None:
        for path in answers.mask_paths(predictions, masks):
            spare({"inputs": inputs, "force": force}, path)
        answers.save_masks(predictions, masks)
    match format:
        case "json":
            write(answers.json_text(predictions) + "\n", output)
        case "csv":
            write(answers.csv_text(predictions), output)
        case "text":
            write(answers.text(predictions, top) + "\n", output)


@command
def cam(
    run: Folder,
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="A picture; or a signal: .npy, .npz, .csv.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The picture; .npy for the numbers of the map.")
    ] = Path("cam.png"),
    target: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="By name or number; the likeliest if not given.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The stage whose maps Grad-CAM looks at; the last if not given.")
    ] = None,
    method: Annotated[
        Literal["cam", "grad-cam"] | None,
        typer.Option(help="cam if not given where the net ends in global average pooling and linear, else grad-cam."),
    ] = None,
    device: Device = None,
    weights: Weights = None,
    force: Force = False,
) -> None:
    """Draw where in a picture or signal a trained net sees a class."""
    from netspec.diagnostics import printable
    from netspec.train import restore
    from netspec.train.after import activation_maps, activation_picture, inputs, predict

    net = restore(run, device=device, weights=weights)
    sample = inputs.first(image, net)
    (x,) = predict.entered(net, [sample])
    activation = activation_maps.activation_map(net, x, target=target, method=method, layer=layer)
    activation_picture.draw(activation, activation_picture.net_view(net, sample), net.signature, output)
    title = activation_picture.title(activation, net.signature)
    print(f"{printable(title)}: {activation.method} of {activation.layer}, drawn to {display_path(output)}")


@command
def export(
    run: Folder,
    format: Annotated[
        Literal["onnx", "pt2", "safetensors"] | None,
        typer.Option(help="As the end of --output names it, or onnx, if not given."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file; RUN's name if not given.")
    ] = None,
    input: Inputs = None,
    device: Device = None,
    weights: Weights = None,
    force: Force = False,
) -> None:
    """Write a trained net for other programs: ONNX, torch.export's pt2, or its weights alone."""
    from netspec.train import restore

    path = output or Path(f"{Path(os.path.realpath(run)).name}.{format or 'onnx'}")
    spare({"weights": weights, "force": force}, path)
    net = restore(run, device=device or "cpu", weights=weights)
    export_ = net.export(path, format, input=read_inputs(input))
    checked = (
        "" if export_.difference is None else f", within {export_.difference:.1g} of the net where it was run again"
    )
    names = f"{', '.join(export_.inputs)} -> {', '.join(export_.outputs)}"
    opened = f", {' and '.join(export_.sizes)} open" if export_.sizes and export_.difference is not None else ""
    print(f"{display_path(path)}: {names}{opened}{checked}")
