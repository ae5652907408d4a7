"""A trained net of two inputs: tested, asked about files, written for others, looked at."""

from __future__ import annotations

import json
import re

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from after_specs import TWINS
from PIL import Image
from sklearn.datasets import load_digits

import netspec
from netspec import NetspecError
from netspec.train import restore
from netspec.train.after import report
from netspec.train.data.pairs import Pairing
from netspec.train.plan.job import job_of, samples_of
from netspec.train.randomness import SAMPLE, stream
from netspec.train.rehearsal.memory import needs, step_of
from netspec.train.rehearsal.preview import preview


@pytest.fixture(scope="module")
def twins(made):
    """A net that says whether two digits are the same, its samples normalised."""
    return restore(made(TWINS).folder, device="cpu")


@pytest.fixture(scope="module")
def images():
    return np.float32(load_digits().images[:, None] / 16)


def distances(run, left, right):
    """What the net says, with the normalisation done by hand."""
    (step,) = run.settings.augment.steps
    x = [torch.from_numpy((side - step.mean[0]) / step.std[0]).float() for side in (left, right)]
    with torch.no_grad():
        found = run.model(*x).numpy()
    assert found.shape == (len(left),)
    return found


def test_the_figures_are_those_of_the_test_pairs(twins, data, place):
    """The pairs drawn once more, the net called by hand, accuracy and loss counted in numpy."""
    digits = data("digits").load(place).test
    found = twins.evaluate()
    (first, second), y = Pairing(digits.y, 0.5).drawn(stream(0, SAMPLE, 0))
    d = distances(twins, digits.x[first], digits.x[second])
    assert found.count == 359
    assert found.figures["accuracy"] == pytest.approx(np.mean((d < 0.5) == (y == 1)), abs=1e-6)
    assert found.figures["loss"] == pytest.approx(
        np.mean(np.where(y == 1, d**2, np.maximum(0, 1 - d) ** 2)) / 2, rel=1e-4
    )
    last = json.loads((twins.folder / "run.json").read_text())["test"]
    assert found.figures == pytest.approx(last, abs=1e-6)
    table = [[np.sum((y == i) & ((d < 0.5) == j)) for j in (0, 1)] for i in (0, 1)]
    assert found.confusion.tolist() == np.array(table).tolist()
    assert found.signature.names == ("different", "same")
    assert twins.evaluate(part="train").count == 1438


def test_pictures_two_by_two(twins, images, tmp_path):
    for index in (0, 1, 10):
        Image.fromarray(np.uint8(images[index, 0] * 255)).save(tmp_path / f"{index}.png")
    files = [tmp_path / f"{index}.png" for index in (0, 10, 0, 1)]
    said = twins.predict(*files)
    assert [one.name for one in said] == [f"{files[0]}, {files[1]}", f"{files[2]}, {files[3]}"]
    content = [np.uint8(images[[index]] * 255) / np.float32(255) for index in (0, 10, 1)]
    expected = [distances(twins, content[0], other)[0] for other in content[1:]]
    for one, distance in zip(said, expected, strict=True):
        assert dict(one.ranked)["same"] == pytest.approx(2 ** (-2 * distance), abs=1e-5)
        assert one.ranked[0][0] == ("same" if distance < 0.5 else "different")


def test_arrays_and_archives(twins, images, tmp_path):
    np.save(tmp_path / "left.npy", images[:3])
    np.save(tmp_path / "right.npy", images[10:13])
    np.savez(tmp_path / "both.npz", left=images[:3], right=images[10:13])
    np.savez(tmp_path / "tests.npz", left_test=images[0], right_test=images[10])
    arrays = twins.predict(tmp_path / "left.npy", tmp_path / "right.npy", tmp_path / "tests.npz")
    archive = twins.predict(tmp_path / "both.npz")
    for one, other in zip(arrays, [*archive, archive[0]], strict=True):
        assert one.shares == pytest.approx(other.shares, abs=1e-6), "the files lie in batches of other sizes"
    assert [one.name.rpartition("/")[2] for one in archive] == ["both.npz[0]", "both.npz[1]", "both.npz[2]"]
    same = 2 ** (-2 * distances(twins, images[:3], images[10:13]))
    assert [one.shares[1] for one in archive] == pytest.approx(same.tolist(), abs=1e-5)


def test_files_that_do_not_make_samples(twins, images, tmp_path):
    np.save(tmp_path / "three.npy", images[:3])
    np.save(tmp_path / "two.npy", images[:2])
    np.save(tmp_path / "large.npy", np.zeros((1, 9, 9), np.float32))
    np.savez(tmp_path / "lone.npz", left=images[:3])
    three, two, large, lone = (tmp_path / name for name in ("three.npy", "two.npy", "large.npy", "lone.npz"))
    for files, code, message in [
        ([three], "E0654", "takes a file for each of its inputs left, right, and there is none for right"),
        ([three, three, two], "E0654", "and there is none for right"),
        ([three, two], "E0654", "the inputs of Twins are given different numbers of samples by"),
        ([three, large], "E0654", r"holds \[1, 9, 9\], and the input right of Twins takes \[1, 8, 8\]"),
        ([lone], "E0653", "holds no array right or right_test"),
    ]:
        with pytest.raises(NetspecError, match=message) as error:
            twins.predict(*files)
        assert error.value.diagnostics[0].code == code


def test_a_map_is_of_one_input(twins, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(
        NetspecError, match="Twins has 2 inputs, and a map lies over what a single one is given"
    ) as error:
        twins.activation_map(tmp_path / "a.png")
    assert error.value.diagnostics[0].code == "E0655"


def test_onnxruntime_says_what_the_net_says(twins, images, tmp_path):
    made = twins.export(tmp_path / "twins.onnx")
    assert (made.inputs, made.outputs) == (("left", "right"), ("distance",))
    assert made.difference < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "twins.onnx")
    for count in (1, 5):
        left, right = images[:count], images[7 : 7 + count]
        (found,) = session.run(["distance"], {"left": left, "right": right})
        with torch.no_grad():
            expected = twins.model(torch.from_numpy(left), torch.from_numpy(right)).numpy()
        assert np.allclose(found, expected, atol=1e-5)
    known = {entry.key: entry.value for entry in onnx.load(tmp_path / "twins.onnx").metadata_props}
    assert json.loads(known["samples"]) == {"left": [1, 8, 8], "right": [1, 8, 8]}
    assert (known["task"], known["margin"], json.loads(known["classes"])) == ("binary", "1.0", ["different", "same"])


def test_a_program_of_torch_export(twins, images, tmp_path):
    assert twins.export(tmp_path / "twins.pt2").difference < 1e-5
    program = torch.export.load(tmp_path / "twins.pt2").module()
    left, right = torch.from_numpy(images[:3]), torch.from_numpy(images[3:6])
    assert torch.allclose(program(left, right), twins.model(left, right), atol=1e-5)


def test_the_page_shows_both_of_each_pair(twins):
    page = report.write(twins).read_text()
    for name in ("left", "right"):
        assert len(re.findall(f'alt="{name} of sample', page)) >= 12
    assert "different" in page


def test_a_sheet_with_a_column_for_each_input(tmp_path):
    opened = netspec.parse(TWINS.replace("augment   normalize", "augment random_crop(8, pad=2) -> normalize"))
    preview(samples_of(job_of(opened), opened), tmp_path / "sheet.svg", samples=2, variants=3)
    drawn = (tmp_path / "sheet.svg").read_text()
    titles = re.findall(r"<!-- (original|step \d) (left|right) -->", drawn)
    assert [title for title, _ in titles] == sorted(2 * ["original", "step 0", "step 1", "step 2"])
    assert {side for _, side in titles} == {"left", "right"}


def test_memory_is_that_of_both_inputs():
    """The step done for real: what autograd keeps for the backward pass, and both inputs."""
    opened = netspec.parse(TWINS)
    step = step_of(job_of(opened), opened)
    one, other = needs(step, 64), needs(step, 128)
    assert one.weights == 4 * step.graph.parameters
    graph = step.graph
    x = [torch.randn(64, 1, 8, 8) for _ in range(2)]
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model = graph.compile()
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        distance = model(*x)
    known = sum(size for pointer, size in kept.items() if pointer not in own)
    assert one.activations == pytest.approx(known, rel=0.15)
    assert other.activations == pytest.approx(2 * one.activations, rel=0.02)
    assert distance.shape == (64,)
