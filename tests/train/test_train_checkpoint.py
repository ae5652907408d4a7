"""Checkpoints as files: what is written comes back, and what is not whole is noticed."""

from __future__ import annotations

import pytest
import torch

from netspec.train.runs.checkpoint import KEPT, Checkpoints, Damaged, read, write


def test_a_state_comes_back_as_it_was(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    state = {
        "numbers": [0, -1, 2.5, 1e-310, True, None, "text", []],
        "tensors": {
            "half": torch.tensor([1.5, -0.0, float("nan")], dtype=torch.bfloat16),
            "none": torch.empty(0, 3),
            "one": torch.tensor(7),
            "bools": torch.tensor([True, False]),
            "turned": shared.T,
            "images": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        },
        "again": [shared, {"row": shared[0]}, shared],
    }
    write(tmp_path / "state.safetensors", state)
    back = read(tmp_path / "state.safetensors")
    assert back["numbers"] == state["numbers"]
    for name, tensor in state["tensors"].items():
        assert (back["tensors"][name].dtype, back["tensors"][name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(back["tensors"][name].nan_to_num(), tensor.nan_to_num())
    assert torch.equal(back["again"][0], shared)
    assert torch.equal(back["again"][1]["row"], shared[0])
    assert back["again"][0] is back["again"][2]


def test_every_bit_of_a_checkpoint_counts(tmp_path):
    path = tmp_path / "state.safetensors"
    write(path, {"tensor": torch.arange(5.0), "text": "so"})
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        try:
            back = read(path)
        except Damaged:
            continue
        assert (back["tensor"].tolist(), back["text"]) == ([0, 1, 2, 3, 4], "so")


def test_the_last_ones_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() == (None, [])
    for step in (8, 9, 10, 11):
        checkpoints.save({"step": step}, step)
    assert [path.name for path in checkpoints.files()] == ["000000011.safetensors", "000000010.safetensors"]
    assert len(checkpoints.files()) == KEPT
    assert read(checkpoints.files()[0]) == {"step": 11}
    state, passed = checkpoints.newest()
    assert (state, len(passed)) == (None, KEPT), "they are whole, and of no training"


def test_a_file_without_a_record_is_damaged(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(Damaged, match="does not agree with its checksum"):
        read(tmp_path / "a.safetensors")
