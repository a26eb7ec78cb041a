"""Cells as nobody would want them: AnnData objects for hypothesis, made of one drawn choice per trait."""

from __future__ import annotations

import datetime
import decimal
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from hypothesis import strategies as st
from scipy import sparse

LONG = "x" * 10_000
TEXTS = ("a", "b", "=1+1", "\x1b[31mred", "ünïcödé 细胞", "a|b", "\\", "‮txt", "a\x00", "a\x00\x00", " ", "1", "\ud800")
DENSE_ONLY = ("float16", "object", "U8")
"""What scipy stores in no sparse matrix."""
DTYPES = (
    "float32",
    "float64",
    "float16",
    "int64",
    "int32",
    "uint16",
    "uint8",
    "int8",
    "bool",
    "complex64",
    "object",
    "U8",
)


def _counts(draws: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return draws.poisson(draws.choice([0.05, 0.5, 3.0]), shape).astype(np.float64)


def _planted(value: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    def plant(draws: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        values = _counts(draws, shape)
        if values.size:
            values.flat[draws.integers(values.size, size=1 + values.size // 50)] = value
        return values

    return plant


PLANTED = (np.nan, np.inf, -np.inf, -1.0, -0.0, 0.5, 1e-45, 1e-300, 2.0**24 + 1, 3e9, 1e30, 3e38, 1e300)
VALUES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "counts": _counts,
    "all zero": lambda draws, shape: np.zeros(shape),
    "all one": lambda draws, shape: np.ones(shape),
    "all huge": lambda draws, shape: np.full(shape, 3e38),
    "all tiny": lambda draws, shape: np.full(shape, 1e-44),
    "logged": lambda draws, shape: np.log1p(_counts(draws, shape)),
    "fractions": lambda draws, shape: 100 * draws.random(shape),
    "one gene": lambda draws, shape: _counts(draws, shape) * (np.arange(shape[1]) == 0),
    "one cell": lambda draws, shape: _counts(draws, shape) * (np.arange(shape[0]) == 0)[:, None],
    "cells alike": lambda draws, shape: np.repeat(_counts(draws, (1, shape[1])), shape[0], axis=0),
    "powers": lambda draws, shape: np.exp(draws.uniform(-90, 88, shape)),
    **{f"planted {value!r}": _planted(value) for value in PLANTED},
}


def backwards(matrix: np.ndarray) -> sparse.csr_matrix:
    """Store the columns of each row backwards, zeros too."""
    columns = np.indices(matrix.shape)[1]
    stored = [part[:, ::-1].ravel() for part in (matrix, columns)]
    start = np.arange(matrix.shape[0] + 1) * matrix.shape[1]
    return sparse.csr_matrix((*stored, start), shape=matrix.shape)


def doubled(matrix: np.ndarray) -> sparse.csr_matrix:
    """Store each value as two that sum to it, where its type can hold them."""
    columns = np.indices(matrix.shape)[1]
    parts = np.stack([matrix, np.zeros_like(matrix)], axis=-1)
    start = 2 * np.arange(matrix.shape[0] + 1) * matrix.shape[1]
    return sparse.csr_matrix((parts.ravel(), np.repeat(columns.ravel(), 2), start), shape=matrix.shape)


def _spoilt(part: str, value: int) -> Callable[[np.ndarray], Any]:
    """Spoil an index, as a flipped bit in a file does."""

    def spoil(matrix: np.ndarray) -> Any:
        values = sparse.csr_matrix(matrix)
        held = getattr(values, part)
        if len(held):
            held[len(held) // 2] = value
        return values

    return spoil


def _wide(matrix: np.ndarray) -> sparse.csr_matrix:
    values = sparse.csr_matrix(matrix)
    values.indices, values.indptr = values.indices.astype(np.int64), values.indptr.astype(np.int64)
    return values


FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "dense": np.asarray,
    "Fortran": np.asfortranarray,
    "masked": lambda matrix: np.ma.masked_array(matrix, mask=np.arange(matrix.size).reshape(matrix.shape) % 3 == 0),
    "csr": sparse.csr_matrix,
    "csr array": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "csc array": sparse.csc_array,
    "backwards": backwards,
    "doubled": doubled,
    "int64 indices": _wide,
    "index too large": _spoilt("indices", 2**30),
    "index negative": _spoilt("indices", -1),
    "pointer negative": _spoilt("indptr", -5),
    "pointer too large": _spoilt("indptr", 2**30),
}
SPOILT = ("index too large", "index negative", "pointer negative", "pointer too large")
"""Forms that compiled code must never see."""

DAY = datetime.date(2020, 1, 1)
COLUMNS: dict[str, Callable[[np.ndarray], Any]] = {
    "text": lambda codes: np.char.add("batch ", codes.astype(str)).astype(object),
    "categories": lambda codes: pd.Categorical.from_codes(
        codes, [f"b{code}" for code in range(codes.max(initial=0) + 1)]
    ),
    "unused categories": lambda codes: pd.Categorical(codes, categories=[*range(1000, 0, -1), *range(0, -50, -1)]),
    "mixed categories": lambda codes: pd.Categorical([code if code % 2 else str(code) for code in codes]),
    "mixed twins": lambda codes: pd.Series([1 if code % 2 else "1" for code in codes], dtype=object),
    "odd texts": lambda codes: pd.Series([TEXTS[code % len(TEXTS)] for code in codes], dtype=object),
    "long": lambda codes: pd.Series([LONG + str(code) for code in codes], dtype=object),
    "string": lambda codes: pd.array(codes.astype(str), dtype="string"),
    "arrow": lambda codes: pd.array(codes.astype(str), dtype="string[pyarrow]"),
    "int": lambda codes: codes,
    "Int64": lambda codes: pd.array(codes, dtype="Int64"),
    "Int64 missing": lambda codes: pd.array([None if code == 0 else int(code) for code in codes], dtype="Int64"),
    "float": lambda codes: codes / 3,
    "float NaN": lambda codes: np.where(codes == 0, np.nan, codes),
    "float inf": lambda codes: np.where(codes == 0, np.inf, codes),
    "bool": lambda codes: codes % 2 == 0,
    "boolean": lambda codes: pd.array(codes % 2 == 0, dtype="boolean"),
    "complex": lambda codes: codes * 1j,
    "datetime": lambda codes: pd.to_datetime(codes, unit="D"),
    "zoned": lambda codes: pd.to_datetime(codes, unit="D", utc=True),
    "timedelta": lambda codes: pd.to_timedelta(codes, unit="D"),
    "period": lambda codes: pd.PeriodIndex.from_ordinals(codes, freq="D"),
    "interval": lambda codes: pd.IntervalIndex.from_arrays(codes, codes + 1),
    "sparse": lambda codes: pd.arrays.SparseArray(codes),
    "bytes": lambda codes: pd.Series([str(code).encode() for code in codes], dtype=object),
    "tuples": lambda codes: pd.Series([(int(code), "x") for code in codes], dtype=object),
    "lists": lambda codes: pd.Series([[int(code)] for code in codes], dtype=object),
    "dates": lambda codes: pd.Series([DAY + datetime.timedelta(int(code)) for code in codes], dtype=object),
    "decimals": lambda codes: pd.Series([decimal.Decimal(int(code)) for code in codes], dtype=object),
    "None": lambda codes: pd.Series([None] * len(codes), dtype=object),
    "empty": lambda codes: pd.Series([""] * len(codes), dtype=object),
    "NaT": lambda codes: pd.Series([pd.NaT] * len(codes)),
}
NAMES: dict[str, Callable[[int], list[str]]] = {
    "plain": lambda n: [f"n{place}" for place in range(n)],
    "odd": lambda n: [TEXTS[place % len(TEXTS)] + str(place) for place in range(n)],
    "empty": lambda n: [""] * n,
    "one empty": lambda n: ["" if place == 0 else f"n{place}" for place in range(n)],
    "twice": lambda n: [f"n{place // 2}" for place in range(n)],
    "long": lambda n: [LONG + str(place) for place in range(n)],
    "zero bytes": lambda n: ["a" + "\x00" * place for place in range(n)],
    "numbers": lambda n: [str(place) for place in range(n)],
    "surrogates": lambda n: [f"\ud800{place}" for place in range(n)],
}


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int]:
    """Draw cells × genes: none, one, a few, and now and then many."""
    few = st.sampled_from([0, 1, 2, 3, 4, 5, 7, 12, 30, 60])
    return draw(few | st.sampled_from([300, 1000])), draw(few)


@st.composite
def batch_codes(draw: st.DrawFn, n_cells: int) -> np.ndarray:
    """Draw 1 to 1,000 batches of 1 to n cells, in runs or mixed."""
    n_batches = min(draw(st.sampled_from([2, 3, 2, 1, 5, 40, 1000])), max(n_cells, 1))
    codes = np.sort(np.arange(n_cells) % n_batches)
    return codes if draw(st.booleans()) else np.arange(n_cells) % n_batches


@st.composite
def hostile_cells(draw: st.DrawFn) -> AnnData:
    """Draw an AnnData with batches in ``obs["batch"]``; every trait is harmless in three of four examples."""
    n_cells, n_genes = draw(shapes())
    draws = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = VALUES[draw(_mostly("counts", VALUES))](draws, (n_cells, n_genes))
    form = draw(_mostly("csr", FORMS))
    matrix = typed(values, draw(_mostly("float32", DTYPES)))
    if matrix.dtype in DENSE_ONLY and form not in ("Fortran", "masked"):
        form = "dense"
    matrix = FORMS[form](matrix)
    codes = draw(batch_codes(n_cells))
    obs = pd.DataFrame(index=pd.Index(NAMES[draw(_mostly("plain", NAMES))](n_cells), dtype=object))
    for name, usual in (("batch", "text"), ("other", "text")):
        obs[name] = as_column(draw(_mostly(usual, COLUMNS)), codes if name == "batch" else codes[::-1])
    twice = draw(st.integers(0, 20)) == 20
    if twice:
        obs = pd.concat([obs, obs[[draw(st.sampled_from(["batch", "other"]))]]], axis=1)
    var = pd.DataFrame(index=pd.Index(NAMES[draw(_mostly("plain", NAMES))](n_genes), dtype=object))
    var["mask"] = as_column(draw(_mostly("bool", COLUMNS)), np.arange(n_genes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of anndata, on names
        adata = AnnData(matrix, obs=obs, var=var)
        if draw(st.integers(0, 9)) == 9:
            adata = AnnData(obs=obs, var=var, layers={"counts": matrix})
        elif form not in SPOILT and not twice and draw(st.integers(0, 9)) == 9:
            adata = adata[np.arange(n_cells)]
    return adata


def typed(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values in another type; what whole numbers cannot hold becomes what they can."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if np.dtype(dtype).kind in "iub":
            values = np.nan_to_num(np.clip(values, -128, 127))
        return values.astype(dtype)


def as_column(kind: str, codes: np.ndarray) -> Any:
    """Return a column of one kind, with a label per code."""
    column = COLUMNS[kind](codes)
    return column.to_numpy() if isinstance(column, pd.Series) else column


def _mostly(usual: str, every: Iterable[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 3).flatmap(lambda die: st.sampled_from(sorted(every)) if die == 3 else st.just(usual))
