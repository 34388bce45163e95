"""
Tables that fit the terminal: where it is narrow, the columns that matter least are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import click
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from txbalancer.control.cli.plain import plain
from txbalancer.control.cli.world import UNBOUND

_GAP = 2
_LEAST_TEXT = 24
"""Characters in a line that a column of words may be squeezed to."""

_LEAST_NAME = 16
"""Characters that a name may always take; longer ones may be broken into lines."""

TONES = {"good": "green", "watch": "yellow", "bad": "bold red", "off": "magenta"}
"""Colours of the tones of a member's state."""


class Column(NamedTuple):
    """
    @ivar name: its heading.
    @ivar keep: how much it matters; those with the least go first. 100 stays.
    @ivar number: whether it is set to the right.
    @ivar words: whether it may be broken into lines.
    """

    name: str
    keep: int = 100
    number: bool = False
    words: bool = False


NONE = "-"
"""What stands where there is nothing to tell."""

Cell = str | Text


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> Table:
    """
    Lay out rows in at most C{width} characters.

    A column in which all cells are empty is left out; but for programs, who read what is no
    terminal, each column is there at any time, and nothing is C{NONE}.
    """
    if width >= UNBOUND:
        rows = [[cell if len(cell) else NONE for cell in row] for row in rows]
    shown = _fitting(columns, rows, width)
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for each in shown:
        column = columns[each]
        made.add_column(
            column.name,
            justify="right" if column.number else "left",
            no_wrap=column.number,
            overflow="ellipsis" if column.number else "fold",
            max_width=None if column.words else _most(width),
        )
    for row in rows:
        made.add_row(*(_text(row[each]) for each in shown))
    return made


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(plain(cell))


def toned(text: str, tone: str) -> Text:
    """
    Give words the colour of their tone.
    """
    return Text(plain(text), style=TONES.get(tone, ""))


def _fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int
) -> list[int]:  # fmt: skip
    shown = [place for place in range(len(columns)) if any(len(row[place]) for row in rows)]
    if width >= UNBOUND:
        return list(range(len(columns)))
    widths = {place: _width(columns[place], [row[place] for row in rows], width) for place in shown}
    while shown and sum(widths[each] + _GAP for each in shown) - _GAP > width:
        least = min(shown, key=lambda each: columns[each].keep)
        if columns[least].keep >= 100:
            break
        shown.remove(least)
    return shown


def _most(width: int) -> int:
    """
    Return what one name may take of a line: a long URL must not push out the state.
    """
    return max(_LEAST_NAME, width * 2 // 5)


def _width(column: Column, cells: Sequence[Cell], width: int) -> int:
    longest = max((cell_len(str(each)) for each in cells), default=0)
    longest = min(longest, _LEAST_TEXT if column.words else _most(width))
    return max(longest, cell_len(column.name))


def hang(console: Console, head: Text, body: Text) -> None:
    """
    Print a line of which what is too long goes on below C{body}, not below C{head}; outside a
    terminal it stays one line.
    """
    if not console.is_terminal or console.width < head.cell_len + _LEAST_TEXT:
        show(console, Text.assemble(head, " ", body))
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(head, body)
    console.print(grid)


def show(console: Console, *parts: RenderableType) -> None:
    """
    Print parts one below the other; outside a terminal without blanks at the end of lines.
    """
    if console.is_terminal:
        for each in parts:
            console.print(each)
        return
    with console.capture() as captured:
        for each in parts:
            console.print(each, soft_wrap=isinstance(each, Text))
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
