"""Raw tokens to the terminals of the grammar: where a line end ends a statement, and which words are keywords."""

from __future__ import annotations

from netspec.syntax.lexer import Token
from netspec.syntax.report import Report

LONGEST = 200
"""Tokens that may follow each other without `,` `;` `->`, a brace or a new line. It bounds the depth of an expression,
and with it the recursion of whatever walks the tree."""

WIRINGS = frozenset(("residual", "highway", "concat", "add", "mul", "dense"))
CLAUSES = frozenset(("shortcut", "gate", "carry"))

_ENDS_OPERAND = frozenset(("NAME", "NUMBER", "QUANTITY", "STRING", "CONSTANT", "RPAR", "RSQB", "HOLE", "RHOLE", "TAIL"))
_BEFORE_STATEMENT = _ENDS_OPERAND | {"SEP", "LBRACE", "RBRACE", "CLAUSE"}
_BEFORE_ELEMENT = _BEFORE_STATEMENT | {"ARROW", "EQUAL", "OUTPUT", "KEY"}
_BEGINS_EXPRESSION = frozenset(
    ("NAME", "NUMBER", "STRING", "CONSTANT", "PART", "HOLE", "LHOLE", "LPAR", "LSQB", "SIGN", "NOT", "IN")
)
_LABELS = frozenset(("NAME", "NUMBER", "STRING", "PART", "HOLE", "LHOLE"))
KEYWORDS: dict[str, tuple[str, frozenset[str]]] = {
    "let": ("LET", frozenset(("NAME",))),
    "shared": ("SHARED", _LABELS),
    "default": ("DEFAULT", frozenset(("NAME",))),
    "input": ("INPUT", frozenset(("NAME",))),
    "output": ("OUTPUT", _BEGINS_EXPRESSION | {"LBRACE"}),
    "assert": ("ASSERT", frozenset(("NAME",))),
    "return": ("RETURN", _BEGINS_EXPRESSION | {"LBRACE"}),
    "repeat": ("REPEAT", _BEGINS_EXPRESSION | {"LBRACE"}),
}
"""A word, its terminal where it begins a statement, and what must follow it on its line."""

AT_TOP: dict[str, tuple[str, frozenset[str]]] = {
    "net": ("NET", frozenset(("NAME", "LBRACE", "LPAR"))),
    "block": ("BLOCK", frozenset(("NAME", "LBRACE", "LPAR"))),
    "train": ("TRAIN", frozenset(("LBRACE",))),
    "from": ("FROM", frozenset(("NAME", "STRING"))),
}
IN_TRAIN: dict[str, tuple[str, ...]] = {"step": ("STEP", "NAME", "LBRACE"), "draw": ("DRAW", "NAME")}
"""A word of a train section that is more than a key, its terminal, and what must follow it."""
_SOFT = frozenset((*KEYWORDS, *AT_TOP, *WIRINGS, *CLAUSES, "import", "when"))


def lay_out(tokens: list[Token], report: Report) -> list[Token]:
    """The terminals that the parser reads; `tokens` are balanced and end with END."""
    return _Layout(tokens, report).run()


class _Layout:
    def __init__(self, tokens: list[Token], report: Report) -> None:
        self.tokens = tokens
        self.report = report
        self.out: list[Token] = []
        self.contexts = ["file"]
        self.last = "SEP"
        self.importing = False
        self.outputting = False
        self.refused = False
        self.length = 0
        self.lengths = [0]

    def run(self) -> list[Token]:
        for index, token in enumerate(self.tokens):
            kind = token.kind
            if kind == "NAME":
                if self.last == "WHEN":
                    continue
                if self.contexts[-1] != "paren":
                    token = self._word(index, token)
            elif kind == "NEWLINE":
                if self._separates(index):
                    self._emit(Token("SEP", "\n", token.start, token.start + 1))
                continue
            elif kind == "ELIF":
                self._elif(token)
                continue
            elif kind == "SEP" and self.contexts[-1] != "paren":
                self.importing = False
            self._emit(token)
        return self.out

    def _emit(self, token: Token) -> None:
        kind = token.kind
        self._measure(kind, token)
        if kind in ("LPAR", "LSQB", "LHOLE"):
            self.contexts.append("paren")
        elif kind == "LBRACE":
            self.contexts.append("train" if self.last == "TRAIN" or self._opens_step() else "body")
        elif kind in ("RPAR", "RSQB", "RHOLE", "RBRACE"):
            self.contexts.pop()
        if kind in ("OUTPUT", "SEP", "LBRACE", "RBRACE"):
            self.outputting = kind == "OUTPUT"
        self.out.append(token)
        self.last = kind

    def _opens_step(self) -> bool:
        return self.last == "NAME" and len(self.out) > 1 and self.out[-2].kind == "STEP"

    def _measure(self, kind: str, token: Token) -> None:
        """Count the tokens on the way down to this one since the last that begins a new expression.

        Each body around the expression counts for two, so that the bound holds for the way from the top of the file.
        """
        if kind in ("LPAR", "LSQB", "LHOLE"):
            self.length += 1
            self.lengths.append(self.length)
        elif kind in ("RPAR", "RSQB", "RHOLE"):
            self.length = self.lengths.pop() + 1
        elif kind == "LBRACE":
            self.length = 2 * len(self.contexts)
            self.lengths.append(self.length)
        elif kind == "RBRACE":
            self.lengths.pop()
            self.length = self.lengths[-1]
        elif kind == "COMMA" or kind == "SEP" or kind == "ARROW":
            self.length = self.lengths[-1]
        else:
            self.length += 1
        if self.length > LONGEST and not self.refused:
            self._too_long(token)
        if kind in ("SEP", "LBRACE", "RBRACE"):
            self.refused = False

    def _too_long(self, token: Token) -> None:
        self.refused = True
        self.report.add(
            "E0106",
            "this expression is too long",
            token.start,
            token.end,
            label=f"more than {LONGEST} tokens by here",
            help="name its parts with let, or use a for",
        )
        self.out.append(Token("ERROR", "", token.start, token.start))

    def _separates(self, index: int) -> bool:
        """Whether the line end at `index` ends a statement."""
        if self.contexts[-1] == "paren" or self.last in ("SEP", "LBRACE", "ARROW", "EQUAL"):
            return False
        following = self.tokens[index + 1]
        if following.kind in ("ARROW", "RBRACE", "END"):
            return False
        if self.last == "RBRACE" and self.contexts[-1] != "train":
            clause = following.text in CLAUSES and self.tokens[index + 2].kind == "LBRACE"
            if clause or following.kind in ("ELSE", "ELIF"):
                return False
        self.importing = False
        return True

    def _word(self, index: int, token: Token) -> Token:
        """The NAME `token` as the keyword that it is here, if it is one."""
        context, last, text = self.contexts[-1], self.last, token.text
        if context == "train" and last in ("SEP", "LBRACE"):
            return token._replace(kind=self._in_train(index, text))
        if text not in _SOFT:
            return token
        following = self.tokens[index + 1].kind
        if text in WIRINGS:
            opens = following == "LBRACE" or (text == "residual" and self._opens_conditionally(index + 1))
            return token._replace(kind="WIRING") if opens and last in _BEFORE_ELEMENT else token
        if text in CLAUSES:
            return token._replace(kind="CLAUSE") if following == "LBRACE" and last == "RBRACE" else token
        if text == "import":
            return token._replace(kind="IMPORT") if self.importing else token
        if text == "when":
            return self._when(index, token) if last in _ENDS_OPERAND | {"RBRACE", "IN"} else token
        if text == "repeat" and last == "EQUAL" and following in ("NAME", "NUMBER"):
            return token._replace(kind="REPEAT")
        if last not in _BEFORE_STATEMENT or self.importing:
            return token
        if text in AT_TOP:
            return self._item(index, token)
        kind, begins = KEYWORDS[text]
        return token._replace(kind=kind) if following in begins else token

    def _in_train(self, index: int, text: str) -> str:
        """The terminal of the first word of a line in a train section."""
        kind, *begins = IN_TRAIN.get(text, ("KEY",))
        following = [token.kind for token in self.tokens[index + 1 : index + 1 + len(begins)]]
        return kind if following == begins else "KEY"

    def _opens_conditionally(self, index: int) -> bool:
        """Whether `if c {` begins here, and not the `if c else d` of an expression."""
        if self.tokens[index].kind != "IF":
            return False
        depth = choices = 0
        for token in self.tokens[index + 1 :]:
            depth += (token.kind in ("LPAR", "LSQB", "LHOLE")) - (token.kind in ("RPAR", "RSQB", "RHOLE"))
            if depth < 0 or (depth == 0 and token.kind in ("LBRACE", "NEWLINE", "SEP", "END", "RBRACE")):
                return depth == 0 and token.kind == "LBRACE"
            if depth == 0:
                choices += (token.kind == "IF") - (token.kind == "ELSE")
            if choices < 0:
                return False
        return False

    def _when(self, index: int, token: Token) -> Token:
        """`when training`, one terminal: the word after it is not read again."""
        following = self.tokens[index + 1]
        if following.text != "training":
            if not self.outputting or following.kind != "NAME":
                return token
            self.report.add(
                "E0101",
                f"`when {following.text}` is not known",
                following.start,
                following.end,
                help="an output is computed always, or `when training`",
                mend=((following.start, following.end), "training"),
            )
        return Token("WHEN", "when training", token.start, following.end)

    def _item(self, index: int, token: Token) -> Token:
        """`net`, `block`, `train` and `from`: keywords at file level; a definition is known in a body, to refuse it."""
        kind, begins = AT_TOP[token.text]
        following = self.tokens[index + 1].kind
        if self.contexts[-1] == "file":
            self.importing = kind == "FROM" and following in begins
            return token._replace(kind=kind) if following in begins else token
        alone = kind in ("NET", "BLOCK") and self.last in ("SEP", "LBRACE")
        has_name = following == "NAME" and self.tokens[index + 2].kind in ("LPAR", "LBRACE")
        return token._replace(kind=kind) if alone and has_name else token

    def _elif(self, token: Token) -> None:
        self.report.add(
            "E0101",
            "`elif` is written `else if` here",
            token.start,
            token.end,
            help="write else if",
            mend=((token.start, token.end), "else if"),
        )
        self._emit(Token("ELSE", "else", token.start, token.end))
        self._emit(Token("IF", "if", token.start, token.end))
