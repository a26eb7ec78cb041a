"""What the options of a command say together: the configuration, and the columns of the batches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from topocraft.cli.options import DEFAULT
from topocraft.config import IntegrationConfig
from topocraft.config.checked import distinct_keys
from topocraft.errors import FileError, shown_name

LARGEST_CONFIG = 2**24
"""Bytes; what stands in one takes some thousand."""


def batch_columns(files: Sequence[Path], batch_key: list[str] | None) -> list[str]:
    """Return the columns that hold the batches: those that are named, or with several files the one that tells them."""
    if not batch_key and len(files) == 1:
        raise typer.BadParameter("one file needs the column that holds its batches.", param_hint="--batch-key")
    return batch_key or ["file"]


def configured(
    file: Path | None, settings: Sequence[str], fields: Mapping[str, Any], base: IntegrationConfig = DEFAULT
) -> IntegrationConfig:
    """Return ``base``, changed by ``--config``, then by each ``--set``, then by the options of their own.

    Raises
    ------
    FileError
        The configuration file cannot be read.
    ConfigError
        A name is unknown, or a value outside its range.
    """
    config = base if file is None else IntegrationConfig.from_json(_text(file))
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"NAME=VALUE is due, as in epochs=20; got '{setting}'.", param_hint="--set")
        config = _with_setting(config, name.strip(), _parsed(value.strip()))
    return config.with_values(**{name: value for name, value in fields.items() if value is not None})


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if not file.is_file() or size > LARGEST_CONFIG:
            held = f"it has {size:,} bytes, of at most {LARGEST_CONFIG:,}" if file.is_file() else "it is no plain file"
            raise FileError(f"--config must be a JSON file; '{shown_name(file)}' is not: {held}. Name another.")
        return file.read_text(encoding="utf-8")
    except FileError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise FileError(
            f"--config must be a JSON file that can be read; '{shown_name(file)}' is not: {reason}. Name another."
        ) from error


def _parsed(value: str) -> Any:
    try:
        return json.loads(value, object_pairs_hook=distinct_keys)
    except (ValueError, RecursionError):  # no JSON, or numbers and lists beyond what Python reads
        return value


def _with_setting(config: IntegrationConfig, name: str, value: Any) -> IntegrationConfig:
    section, dot, field = name.partition(".")
    if not dot:
        return config.with_values(**{name: value})
    values = config.to_dict()
    held = values.get(section)
    return config.from_dict({**values, section: {**(held if isinstance(held, dict) else {}), field: value}})
