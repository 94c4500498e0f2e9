"""The dashboard's table of days and models, which its chart is drawn from."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from billing.admin.shared import ledger_url, usd
from billing.pricing import money
from billing.reports import DayModel, Filter

MOST_SERIES = 7
"""So many colours can be told apart; the models that cost least share the last one."""
MOST_DAYS = 62
OTHERS = "other models"


@dataclass
class Cell:
    """What one model, or all, cost on a day or in a month; `value` for the chart."""

    value: str
    words: str
    url: str


@dataclass
class Row:
    label: str
    total: Cell
    cells: list[Cell]


@dataclass
class Table:
    """`step` is day or month; a row for each that is not after today, without spend too."""

    step: str
    models: list[str]
    rows: list[Row] = field(default_factory=list)


def table_of(cells: list[DayModel], chosen: Filter) -> Table:
    """Days as rows and models as columns, what cost most first; months when days are many."""
    assert chosen.from_day
    assert chosen.to_day
    names, rest = _columns(cells)
    step = "day" if (chosen.to_day - chosen.from_day).days < MOST_DAYS else "month"
    sums: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for cell in cells:
        start = cell.day if step == "day" else cell.day.replace(day=1)
        sums[start, cell.model if cell.model in names else OTHERS] += cell.totals.amount
    columns = names + ([OTHERS] if rest else [])
    table = Table(step, columns)
    for start, end in _steps(chosen.from_day, chosen.to_day, step):
        day = start if step == "day" else start.replace(day=1)
        span = replace(chosen, from_day=start, to_day=end)
        row = [_cell(sums[day, name], span, name, rest) for name in columns]
        total = sum((sums[day, name] for name in columns), Decimal(0))
        label = f"{start:%-d %b}" if step == "day" else f"{start:%b %Y}"
        table.rows.append(Row(label, Cell(money(total), usd(total), ledger_url(span)), row))
    return table


def _columns(cells: list[DayModel]) -> tuple[list[str], list[str]]:
    """The models with a column of their own, and those that share one."""
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for cell in cells:
        spent[cell.model] += cell.totals.amount
    names = sorted(spent, key=lambda name: (-spent[name], name))
    most = len(names) if len(names) <= MOST_SERIES else MOST_SERIES - 1
    return names[:most], names[most:]


def _cell(amount: Decimal, span: Filter, name: str, rest: list[str]) -> Cell:
    if name == OTHERS:
        url = ledger_url(span, model__in=",".join(rest))
    else:
        url = ledger_url(replace(span, model=name))
    return Cell(money(amount), usd(amount), url)


def _steps(first: date, last: date, step: str) -> list[tuple[date, date]]:
    """First and last day of each row."""
    steps = []
    start = first
    while start <= last:
        after = start + timedelta(days=1)
        if step == "month":
            after = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        steps.append((start, min(after - timedelta(days=1), last)))
        start = after
    return steps
