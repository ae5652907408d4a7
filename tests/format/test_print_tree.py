"""What is printed reads back as the same tree, and is printed in one way."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from syntax_trees import exprs, files, statements

from netspec.diagnostics import render
from netspec.format import format_source, print_tree
from netspec.syntax import Source, parse, tree


def _calm(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def _reads_back(file: tree.File) -> None:
    text = print_tree(file)
    again, diagnostics = parse(Source("printed", text))
    assert not diagnostics, render(diagnostics[0])
    assert again == file, text
    assert print_tree(again) == text
    assert format_source(Source("printed", text)) == text


@_calm(200)
@given(exprs)
def test_expressions_read_back(expr: tree.Expr) -> None:
    _reads_back(tree.File((tree.Let(("x",), tree.Flow((expr,))),)))


@_calm(100)
@given(statements, statements)
def test_statements_read_back(first: tree.Statement, second: tree.Statement) -> None:
    _reads_back(tree.File((tree.Definition("net", "X", (), tree.Body((first, second))),)))


@_calm(50)
@given(files)
def test_files_read_back(file: tree.File) -> None:
    _reads_back(file)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("((a + b)) * (c)", "(a + b) * c"),
        ("(-2)**2 + -(2**2)", "(-2) ** 2 + -2**2"),
        ("a**(b**c) - (a**b)**c", "a**b**c - (a**b) ** c"),
        ("not (a and b) or (c)", "not (a and b) or c"),
        ("(a if b else c) if (d) else (e if f else g)", "(a if b else c) if d else e if f else g"),
        ("f( 1,x = 2 , )[ : -1 ]", "f(1, x=2)[:-1]"),
        ("'it\\'s' ", '"it\'s"'),
        ('"\\u0007\\\\"', '"\\u0007\\\\"'),
        ("0.10 + 1_000 + 1e3", "0.10 + 1_000 + 1e3"),
        ("'\"'  + '\\\\'", '"\\"" + "\\\\"'),
        ("1.E-3 + .5 + 1E+2", "1.0e-3 + 0.5 + 1e+2"),
        ("a**-b + a.b**2 + a**(b-1)", "a**-b + a.b**2 + a ** (b - 1)"),
        ("f(x = (a or b), y = -c)", "f(x = a or b, y=-c)"),
        ("(3).shape", "(3).shape"),
    ],
)
def test_expressions_print_in_one_way(written: str, printed: str) -> None:
    file, diagnostics = parse(Source("t", f"let x = {written}\n"))
    assert not diagnostics
    assert print_tree(file) == f"let x = {printed}\n"


def test_a_page_prints_as_a_reader_would_lay_it_out() -> None:
    text = """\
from std.resnet import Bottleneck, Basic

default conv(bias=false)
let width = 64

block Up(skip: tensor, sizes: list[int] = [1, 2], rate = 0.5) {
  layer$i, a${i + 1}_b, b${i}c = conv(8, 3) -> relu
  residual {
    conv(8, 3)
  } shortcut {
    { }
  }
  if a {
    relu
  } else if b {
    for i, n in enumerate(sizes) {
      tanh
    }
  } else {
    repeat 2 { }
  }
  return a, b
}

net X {
  input tokens: int [1014]
  shared head = {
    linear(10)
  }
  output aux = head when training
}

train {
  data      mnist
  optimizer sgd(lr=0.01)
}
"""
    file, diagnostics = parse(Source("t", text))
    assert not diagnostics, render(diagnostics[0])
    assert print_tree(file) == text
