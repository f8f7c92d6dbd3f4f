"""Moments as text: UTC, ISO 8601, microseconds, so that earlier sorts before later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def moment(at: datetime, *, plus: timedelta = timedelta()) -> str:
    """Write a moment down.

    Examples
    --------
    >>> moment(datetime(2024, 5, 1, 9, 30, tzinfo=UTC), plus=timedelta(hours=2))
    '2024-05-01T11:30:00.000000+00:00'
    """
    return (at + plus).astimezone(UTC).isoformat(timespec="microseconds")
