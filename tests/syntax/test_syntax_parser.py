"""What is read: every example of the language, precedence as Python's, layout, keywords, spans."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syntax_trees import files, walk

from netspec.diagnostics import render
from netspec.format import print_tree
from netspec.syntax import Source, parse, tree


def read(text: str) -> tree.File:
    file, diagnostics = parse(Source("t.net", text))
    assert not diagnostics, render(diagnostics[0])
    return file


def body(text: str) -> tuple[tree.Statement, ...]:
    (net,) = read(f"net X {{\n{text}\n}}").items
    assert isinstance(net, tree.Definition)
    return net.body.statements


def expression(text: str) -> tree.Expr:
    (let,) = read(f"let x = {text}").items
    assert isinstance(let, tree.Let)
    (element,) = let.flow.elements
    assert not isinstance(element, tree.Group | tree.Wiring)
    return element


def stage(*elements: tree.Element, label: str = "") -> tree.Stage:
    return tree.Stage((tree.Label((label,)),) if label else (), tree.Flow(elements))


def call(name: str, *values: int) -> tree.Call:
    return tree.Call(tree.Name(name), tuple(tree.Argument(None, tree.Number(value)) for value in values))


A, B, C = tree.Name("a"), tree.Name("b"), tree.Name("c")


LENET = """\
# LeNet-5, LeCun et al. 1998
net LeNet5(classes: int = 10) {
  input image [1, 32, 32]              # batch is implied; channels first

  c1 = conv(6, 5) -> tanh              # channels, kernel
  s2 = avgpool(2)
  c3 = conv(16, 5) -> tanh
  s4 = avgpool(2)
  c5 = conv(120, 5) -> tanh
  flatten
  f6 = linear(84) -> tanh
  linear(classes)
}

train {
  data      mnist
  loss      cross_entropy
  optimizer sgd(lr=0.01, momentum=0.9)
  schedule  cosine(warmup=1)
  epochs    20
  batch     128
}
"""
RESNET = """\
default conv(bias=false)                     # lexical

block Bottleneck(width, stride = 1) {
  let out = 4 * width
  residual {
    conv1 = conv(width, 1);                 bn1 = batchnorm;  relu
    conv2 = conv(width, 3, stride, pad=1);  bn2 = batchnorm;  relu
    conv3 = conv(out, 1);                   bn3 = batchnorm
  } shortcut {
    if stride != 1 or in.channels != out {
      downsample = conv(out, 1, stride) -> batchnorm
    }
  }
  relu
}

net ResNet(classes = 1000, depths = [3, 4, 6, 3]) {
  input image [3, 224, 224]
  conv1 = conv(64, 7, stride=2, pad=3);  bn1 = batchnorm;  relu
  maxpool(3, stride=2, pad=1)
  for i, n in enumerate(depths, 1) {
    layer$i = {
      Bottleneck(64 * 2**(i - 1), stride = 1 if i == 1 else 2)
      repeat n - 1 { Bottleneck(64 * 2**(i - 1)) }
    }
  }
  global_avgpool -> flatten
  fc = linear(classes)
}
"""
STATEMENTS = [
    "relu",
    "conv(64, 3) -> batchnorm -> relu",
    "conv(64, 3)\n\n  # a remark\n  -> batchnorm\n  -> relu",
    "c1 = conv(64, 3)",
    "c1 = conv(64, 3) -> relu",
    "c1 = { relu }",
    "c1 =\n  conv(64, 3) ->\n  relu",
    "e3 -> conv(8, 1)",
    "concat(e4, _)",
    "_ * gate",
    "in",
    "let z = f * g",
    "shared head = { relu }",
    "p3 -> head",
    "h, skip = Layer(8)",
    "a + b; a * b; 1 - t; tanh(a)",
    "conv(x, 64, 3)",
    "residual { relu }",
    "residual { relu } shortcut { tanh }",
    "highway  { relu } gate { relu } carry { relu }",
    "highway { relu }\n  gate { relu }\n  carry { relu }",
    "concat { a  b  c }",
    "add { a  b }      mul { a  b }",
    "dense { a  b  c }",
    "{ relu }",
    "repeat n { relu }",
    "for i, n in enumerate([3, 4, 6, 3]) { layer$i = conv(n, 3) }",
    "if stride != 1 or in.channels != out { relu } else { tanh }",
    "if a { relu }\nelse if b { tanh }\nelse { }",
    "add { conv(64, 3, pad=1)  { } }",
    "concat(center_crop(skip, like=_), _)",
    "Up(e4, 256)",
    "return a, b",
    "backbone.layer3",
    "input tokens: int [1014]",
    "input image [3, H, W]",
    "input x []",
    "output logits = linear(10)",
    "output aux1 = AuxHead(classes) when training",
    "output linear(10) when training",
    "conv(64, [1, 7], pad=[[0, 1], [3, 3]], pad_mode=reflect)",
    "conv(64, 3, pad=same_lower)",
]


@pytest.mark.parametrize("text", [LENET, RESNET], ids=["lenet", "resnet"])
def test_the_tour_is_read(text: str) -> None:
    file = read(text)
    assert [type(item).__name__ for item in file.items][-1] in ("Train", "Definition")
    assert read(print_tree(file)) == file


@pytest.mark.parametrize("text", STATEMENTS)
def test_each_way_to_write_a_statement_is_read(text: str) -> None:
    statements = body(text)
    assert statements
    (net,) = read(f"net X {{\n{text}\n}}").items
    assert read(print_tree(tree.File((net,)))) == tree.File((net,))


def test_the_tree_of_a_definition() -> None:
    (block,) = read("block Up(skip: tensor, w, sizes: list[int] = [1], rate = 0.5,) { relu }").items
    assert block == tree.Definition(
        "block",
        "Up",
        (
            tree.Parameter("skip", tree.TypeName("tensor"), None),
            tree.Parameter("w", None, None),
            tree.Parameter("sizes", tree.TypeName("list", "int"), tree.List((tree.Number(1),))),
            tree.Parameter("rate", None, tree.Number(0.5)),
        ),
        tree.Body((stage(tree.Name("relu")),)),
    )


def test_imports_and_settings() -> None:
    imports = read(
        'from "blocks.net" import SE, CBAM\nfrom std.resnet import Bottleneck\ntrain { default 3; input -x }'
    )
    assert imports.items == (
        tree.Import(tree.String("blocks.net"), (tree.Name("SE"), tree.Name("CBAM"))),
        tree.Import(tree.Name("std.resnet"), (tree.Name("Bottleneck"),)),
        tree.Train(
            (
                tree.Setting("default", tree.Flow((tree.Number(3),))),
                tree.Setting("input", tree.Flow((tree.Unary("-", tree.Name("x")),))),
            )
        ),
    )


def test_labels_are_templates() -> None:
    labels = [s.labels[0].parts for s in body("a$i = x\na${i + 1}_b = x\nblock$i$j = x\nif$i = x\na$in = x")]
    assert labels == [
        ("a", tree.Name("i")),
        ("a", tree.Binary("+", tree.Name("i"), tree.Number(1)), "_b"),
        ("block", tree.Name("i"), tree.Name("j")),
        ("if", tree.Name("i")),
        ("a", tree.Name("in")),
    ]


def test_statements_need_no_separator_and_expressions_go_on() -> None:
    assert body("concat { a  b  c }") == body("concat {\na\nb;c\n}")
    assert body("a (b)  c -1  a [0]") == body("a(b); c - 1; a[0]")
    assert body("a\n(b)") == (stage(A), stage(B))
    assert body("a\n-b") == (stage(A), stage(tree.Unary("-", B)))
    assert body("{ }  if a { }") == body("{ }\nif a { }")


def test_line_ends_within_brackets_do_not_count() -> None:
    assert body("conv(\n64, # channels\n\n3\n)") == (stage(call("conv", 64, 3)),)
    assert expression("[\n1,\n2,\n]") == tree.List((tree.Number(1), tree.Number(2)))


def test_line_ends_of_any_system() -> None:
    assert read(LENET.replace("\n", "\r\n")) == read(LENET)
    assert read("\ufeff" + LENET) == read(LENET)
    assert read(LENET.rstrip("\n")) == read(LENET)


def test_words_are_keywords_only_where_they_act_as_such() -> None:
    words = (
        "residual highway concat add mul dense shortcut gate carry input output let shared default "
        "train net block return repeat from import when training"
    )
    for word in words.split():
        assert body(f"{word} = conv(8, 3)") == (stage(call("conv", 8, 3), label=word),)
        assert body(f"a -> {word}\n{word} -> a") == (stage(A, tree.Name(word)), stage(tree.Name(word), A))
        assert expression(f"{word}({word}={word})") == tree.Call(
            tree.Name(word), (tree.Argument(word, tree.Name(word)),)
        )
        assert body(f"if {word} {{ }}\nfor i in {word} {{ }}\nrepeat {word} {{ }}")
        assert read(f"block {word}({word}: {word} = {word}) {{ }}\nnet {word} {{ }}")
        assert read(f"train {{ {word} {word} }}")


def test_the_word_before_a_brace_on_the_next_line_is_a_name() -> None:
    assert body("add\n{ a }") == (stage(tree.Name("add")), stage(tree.Group(tree.Body((stage(A),)))))


_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.And: "and", ast.Or: "or", ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Eq: "==", ast.NotEq: "!=",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def _from_python(node: Any) -> Any:
    """Python's tree of an expression as ours."""
    match node:
        case None:
            return None
        case ast.Constant():
            return tree.Number(node.value)
        case ast.Name():
            return tree.Name(node.id)
        case ast.List():
            return tree.List(tuple(map(_from_python, node.elts)))
        case ast.UnaryOp():
            return tree.Unary(_BINARY[type(node.op)], _from_python(node.operand))  # type: ignore[arg-type]
        case ast.BinOp():
            return tree.Binary(_BINARY[type(node.op)], _from_python(node.left), _from_python(node.right))
        case ast.BoolOp():
            first, *rest = map(_from_python, node.values)
            for other in rest:
                first = tree.Binary(_BINARY[type(node.op)], first, other)
            return first
        case ast.Compare():
            signs = tuple(_BINARY[type(op)] for op in node.ops)
            return tree.Compare(signs, tuple(map(_from_python, [node.left, *node.comparators])))
        case ast.IfExp():
            return tree.Conditional(*map(_from_python, (node.body, node.test, node.orelse)))
        case ast.Call():
            named = [tree.Argument(k.arg, _from_python(k.value)) for k in node.keywords]
            positional = [tree.Argument(None, _from_python(a)) for a in node.args]
            return tree.Call(_from_python(node.func), (*positional, *named))
        case ast.Attribute():
            return tree.Attribute(_from_python(node.value), node.attr)
        case ast.Subscript(slice=ast.Slice() as s):
            return tree.Slice(_from_python(node.value), *map(_from_python, (s.lower, s.upper, s.step)))
        case ast.Subscript():
            return tree.Index(_from_python(node.value), _from_python(node.slice))
    raise AssertionError(node)


_operators = st.sampled_from(
    re.findall(r"\S+", "+ - * / // % ** == != < <= > >= in and or not_in +_- **_- and_not -_+")
).map(lambda text: text.replace("_", " "))
_atoms = st.sampled_from(["a", "b", "_", "1", "2.5", "1e-3", "x.y", "f(a, k=b)", "a[1:]", "a[::2]", "[1, 2]", "a[-1]"])
_python = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, _operators, inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("not {}".format, inner),
        st.builds("{} if {} else {}".format, inner, inner, inner),
        st.builds("f({}, {})".format, inner, inner),
        st.builds("({})[{}:{}]".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(_python)
def test_expressions_group_as_in_python(text: str) -> None:
    try:
        wanted = _from_python(ast.parse(text, mode="eval").body)
    except SyntaxError:
        assert parse(Source("t", f"let x = {text}"))[1]
        return
    assert expression(text) == wanted


@pytest.mark.parametrize("text", ["f(a // b, c)", "f(a // b, c, k=d)", "[a // b, c if d else e]"])
def test_a_quotient_before_a_comma_is_no_comment(text: str) -> None:
    assert expression(text) == _from_python(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10_000", 10000), ("1e-3", 0.001), (".5", 0.5), ("1.", 1.0), ("007", 7), ("1_0.5", 10.5),
        (r'"a\n\t\\\"\'\u00e9"', "a\n\t\\\"'é"), ("'é #'", "é #"), ("true", True), ("none", None),
    ],
)  # fmt: skip
def test_constants(text: str, value: object) -> None:
    constant = expression(text)
    assert isinstance(constant, tree.Number | tree.String | tree.Constant)
    assert constant.value == value
    assert type(constant.value) is type(value)


def _covers_its_text(node: tree.Tree) -> None:
    text = node.span.text
    if isinstance(node, tree.Expr):
        if not (isinstance(node, tree.Name) and "." in node.id):
            assert expression(f"({text})") == node
    elif isinstance(node, tree.Statement):
        assert body(text) == (node,)
    elif isinstance(node, tree.Flow):
        assert body(f"x = {text}")[0].flow == node  # type: ignore[union-attr]
    elif isinstance(node, tree.Label):
        assert body(f"{text} = x")[0].labels == (node,)  # type: ignore[union-attr]
    elif isinstance(node, tree.Body | tree.Group):
        assert text[0] + text[-1] == "{}"
    elif isinstance(node, tree.Definition | tree.Train | tree.Import):
        assert read(text).items == (node,)
    elif isinstance(node, tree.Argument | tree.Setting | tree.Parameter | tree.Clause | tree.Wiring):
        assert text == text.strip() != ""


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(files)
def test_every_span_covers_exactly_its_node(file: tree.File) -> None:
    for node in walk(read(print_tree(file))):
        _covers_its_text(node)


def test_spans_of_a_page() -> None:
    for text in (LENET, RESNET, f"net X {{\n{'; '.join(STATEMENTS)}\n}}"):
        for node in walk(read(text)):
            _covers_its_text(node)


def test_the_signature_and_the_bracketed() -> None:
    (net,) = read("net  X ( a ) { (a + b) (1) }").items
    assert isinstance(net, tree.Definition)
    assert net.signature.text == "net  X ( a )"
    (found,) = net.body.statements
    assert isinstance(found, tree.Stage)
    applied = found.flow.elements[0]
    assert isinstance(applied, tree.Call)
    assert applied.span.text == "(a + b) (1)"
    assert applied.callee.span.text == "a + b"


def test_parsing_does_without_lark() -> None:
    program = "import sys, netspec.syntax.parser, netspec.format; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("opening", ["residual {", "c = add {", "if true {"])
def test_the_deepest_trees_are_compared_hashed_shown_copied_and_pickled(opening: str) -> None:
    """As deep as may be, and from deep within a program."""
    depth = 62
    for negations in range(80, 0, -1):
        inner = f"let a = {'not ' * negations}true\nrelu"
        text = f"net N {{\n{opening}\n" + f"{opening}\n" * (depth - 1) + f"{inner}\n" + "}\n" * (depth + 1)
        if not parse(Source("t.net", text))[1]:
            break
    one, other, shallower = read(text), read(text), read(text.replace("not ", "", 1))
    assert one == other != shallower
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert repr(one).count("Unary(") == negations > 20
    assert copy.deepcopy(one) == copy.copy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one


def test_trees_tell_types_apart() -> None:
    assert tree.Number(1) == tree.Number(1) != tree.Number(1.0)
    assert tree.Number(1) != tree.Constant(True)
    assert tree.List((tree.Number(1),)) != tree.List((tree.Number(1), tree.Number(1)))
    assert tree.Name("a") != "a"
    assert repr(tree.Slice(tree.Name("a"), None, None, tree.Number(2))) == (
        "Slice(value=Name(id='a'), start=None, stop=None, step=Number(value=2))"
    )
