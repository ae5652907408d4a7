"""Which words are settings of a train section, asked where a text is wrong: a table of training says it."""

from __future__ import annotations


def is_setting(word: str) -> bool:
    """Whether a line of a train section may begin with a word."""
    from netspec.train.section.settings import KEYS

    return word in KEYS
