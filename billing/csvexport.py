"""CSV files, sent as they are read: a million rows take no more memory than a thousand."""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from billing.pricing import money

ROWS_AT_ONCE = 2000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> Any:
    """A value as it goes into a cell.

    A spreadsheet takes text that begins like a formula for one and runs it: such text gets an
    apostrophe in front. Numbers are no text: a negative amount stays a number. Amounts have
    all their digits: nobody reads 1E-7.
    """
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + value
    return "" if value is None else value


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The file in pieces of up to ROWS_AT_ONCE rows, the names of the columns first."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_AT_ONCE)):
        writer.writerows([cell(value) for value in row] for row in batch)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    if rest := buffer.getvalue():  # no rows at all
        yield rest


def csv_response(
    filename: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A download. `rows` is read while it is sent, in the thread that has the connection."""
    pieces = lines(columns, rows)

    async def stream() -> AsyncIterator[str]:
        while (piece := await sync_to_async(next)(pieces, None)) is not None:
            yield piece

    response = StreamingHttpResponse(stream(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
