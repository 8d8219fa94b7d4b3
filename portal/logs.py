"""The two forms of a line of the log, both masked and both with the ids of what it is about."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from lifecycle import logcontext
from portal.masking import Formatter, masked


class Line(Formatter):
    """For people: `… portal.errors request=5f0c2a… operation=17 machine=4 What happened`. Tracebacks follow below."""

    def format(self, record: logging.LogRecord) -> str:
        named = {logcontext.REQUEST: "-"} | logcontext.ids()
        record.ids = " ".join(f"{name}={value}" for name, value in named.items())
        return super().format(record)


class Json(Formatter):
    """For programs: one object a line. Masked before it is written as JSON, whose escapes would hide what to mask."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | int] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **logcontext.ids(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: masked(value) if isinstance(value, str) else value for name, value in line.items()})
