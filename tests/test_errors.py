"""Names in messages: short, in one line, and obeyed by no terminal."""

from __future__ import annotations

import pytest

from topocraft.errors import list_names, nearest_name, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nError: all is lost", r"a\nError: all is lost"),
        ("txt\u202efdp", r"txt\u202efdp"),
        ("\ud800", r"\ud800"),
        ("CD4⁺ T, naïve 细胞 γδ", "CD4⁺ T, naïve 细胞 γδ"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert list_names([text, 3]) == f"'{shown}', '3'"


def test_long_names_are_cut() -> None:
    assert list_names(["x" * 10_000]) == f"'{'x' * 200}…'"
    assert list_names(["x" * 200]) == f"'{'x' * 200}'"


def test_the_nearest_name_is_shown_in_the_same_way() -> None:
    assert nearest_name("cell\ttype", ["cell\x07type"]) == r" Did you mean 'cell\x07type'?"


def test_the_beginning_of_a_name_is_near_it_if_nothing_is_nearer() -> None:
    names = ["ablation", "fig2-simulated", "fig3"]
    assert nearest_name("abl", names) == " Did you mean 'ablation'?"
    assert nearest_name("fig4", names) == " Did you mean 'fig3'?"
    assert nearest_name("a", names) == nearest_name("xyz", names) == ""
