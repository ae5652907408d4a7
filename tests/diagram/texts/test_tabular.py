"""LaTeX's own table: it says what the table style says, in commands of LaTeX and booktabs alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import netspec

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NAMES = (
    "resnet",
    "inception_modules",
    "gpt2",
    "vit",
    "unet",
    "highway_mnist",
    "densenet",
    "wavenet",
    "vnet",
    "siamese",
)
KNOWN = {
    *(r"\begin", r"\end", r"\begingroup", r"\endgroup", r"\par", r"\fontsize", r"\fontfamily", r"\selectfont"),
    *(r"\setlength", r"\tabcolsep", r"\toprule", r"\midrule", r"\bottomrule", r"\addlinespace", r"\noalign", r"\vskip"),
    *(r"\textbf", r"\slshape", r"\left", r"\right", r"\mbox", r"\times", r"\char"),
}


def table(name: str, **options: object) -> str:
    return str(netspec.load(EXAMPLES / f"{name}.net").graph().render(format="tex", style="table", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_well_formed(name: str) -> None:
    written = table(name)
    opened: list[str] = []
    for word, environment in re.findall(r"\\(begin|end)\{(\w+)\}", written):
        if word == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened
    bare = re.sub(r"\\[{}$%&#_]", "", written)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    body = written.split("\n", 2)[2]
    commands = set(re.findall(r"\\[A-Za-z]+", body))
    assert {word for word in commands - KNOWN if not word.startswith(r"\text")} <= {
        r"\rightarrow",
        r"\ldots",
        r"\cdot",
        r"\leq",
        r"\surd",
    }
    assert written.isascii()


@pytest.mark.parametrize("name", ["resnet", "lenet5", "unet", "highway_mnist", "densenet"])
def test_a_row_has_a_cell_for_every_column(name: str) -> None:
    """Outside of nested tables there is one & less than columns in each row."""
    written = table(name, width="17.4cm")
    columns = re.search(r"\\begin\{tabular\}\{@\{\}(\w+)@\{\}\}\n\\toprule", written)
    assert columns
    inside = written.split(r"\toprule", 1)[1].rsplit(r"\bottomrule", 1)[0]
    while (
        flat := re.sub(r"\\begin\{tabular\}(?:(?!\\begin\{tabular\}).)*?\\end\{tabular\}", "", inside, flags=re.DOTALL)
    ) != inside:
        inside = flat
    rows = [row for row in inside.split(r"\\") if "&" in row]
    assert len(rows) > 4
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns[1]) - 1}


def test_a_table_says_what_the_picture_says() -> None:
    written = table("lenet5")
    for words in (
        "conv 5$\\times$5, 16",
        "48.12",
        "61.71",
        r"parameters (k)",
        "61,706 parameters, 416,520 MACs in all.",
    ):
        assert words in written


def test_letters_are_as_large_as_asked() -> None:
    assert r"\fontsize{9bp}" in table("lenet5", width="column", font_size=9)
    assert r"\fontsize{7bp}" in table("unet", width="column")


def test_names_are_no_commands() -> None:
    graph = netspec.parse('net N { input x [4]\n a_b = linear(2)\n rearrange("(c d) -> c d", c=1) }').graph()
    written = str(graph.render(format="tex", style="table"))
    assert r"a\_b" in written
    assert r"{\fontfamily{cmtt}\selectfont\char34}(c d) -\textgreater{} c d" in written


def test_it_stands_alone_where_it_is_to() -> None:
    assert table("lenet5", standalone=True).count(r"\usepackage{booktabs}") == 2  # the comment says it, too
    assert r"\documentclass" not in table("lenet5")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
@pytest.mark.parametrize("name", ["resnet", "inception_modules", "gpt2", "unet", "highway_mnist"])
def test_latex_sets_it_within_the_text(name: str, tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(table(name), encoding="utf-8")
    article = r"\documentclass{article}\usepackage{booktabs}\begin{document}\noindent\input{table}\end{document}"
    (tmp_path / "article.tex").write_text(article, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "article.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    if "booktabs.sty' not found" in done.stdout:
        pytest.skip("this LaTeX has no booktabs")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
