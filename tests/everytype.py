"""A column of every Arrow type that can be made, and of every pandas and polars type."""

from __future__ import annotations

import datetime
import decimal
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

N = 40
_NUMBERS = [float(v) for v in np.random.default_rng(0).permutation(N) % 17 / 1]
_WHOLE = [int(v) for v in _NUMBERS]
_WORDS = ["abc"[v % 3] for v in _WHOLE]
_DAYS = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=v, hours=v) for v in _WHOLE]
_ZONED = [day.replace(tzinfo=datetime.UTC) for day in _DAYS]


def arrow_columns() -> dict[str, pa.Array]:
    """By name of the type an array of N cells, the third missing."""
    made: dict[str, pa.Array] = {}

    def add(kind, values, name=None):
        made[name or str(kind)] = pa.array([*values[:2], None, *values[3:]], kind)

    for make in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        add(getattr(pa, make)(), _WHOLE)
    add(pa.float16(), [np.float16(v) for v in _NUMBERS])
    for make in ("float32", "float64"):
        add(getattr(pa, make)(), _NUMBERS)
    for make, digits in (("decimal32", 5), ("decimal64", 12), ("decimal128", 30), ("decimal256", 70)):
        add(getattr(pa, make)(digits, 2), [decimal.Decimal(v) for v in _WHOLE])
    add(pa.decimal128(20, -2), [decimal.Decimal(v * 100) for v in _WHOLE], "decimal of negative scale")
    add(pa.decimal256(60, 0), [decimal.Decimal(v) + decimal.Decimal(2) ** 70 for v in _WHOLE], "decimal beyond 64 bits")
    add(pa.bool_(), [v % 2 == 0 for v in _WHOLE])
    for make in ("string", "large_string", "string_view"):
        add(getattr(pa, make)(), _WORDS)
    for make in ("binary", "large_binary", "binary_view"):
        add(getattr(pa, make)(), [w.encode() for w in _WORDS])
    add(pa.binary(1), [w.encode() for w in _WORDS])
    add(pa.date32(), [day.date() for day in _DAYS])
    add(pa.date64(), [day.date() for day in _DAYS])
    for unit in ("s", "ms", "us", "ns"):
        add(pa.timestamp(unit), _DAYS)
        add(pa.timestamp(unit, "Europe/Berlin"), _ZONED)
        add(pa.duration(unit), [datetime.timedelta(hours=v) for v in _WHOLE])
    for unit in ("s", "ms"):
        add(pa.time32(unit), [day.time() for day in _DAYS])
    for unit in ("us", "ns"):
        add(pa.time64(unit), [day.time() for day in _DAYS])
    nanoseconds = [v * 3_600_000_000_000 + 123 for v in _WHOLE]
    for kind in (pa.time64("ns"), pa.timestamp("ns"), pa.duration("ns")):
        made[f"{kind} with nanoseconds"] = pa.array([*nanoseconds[:2], None, *nanoseconds[3:]], pa.int64()).cast(kind)
    add(pa.month_day_nano_interval(), [(v, 1, 1) for v in _WHOLE])
    add(pa.null(), [None] * N)
    for kind in (
        pa.list_(pa.int8()),
        pa.large_list(pa.int8()),
        pa.list_view(pa.int8()),
        pa.large_list_view(pa.int8()),
        pa.list_(pa.int8(), 1),
    ):
        add(kind, [[v] for v in _WHOLE])
    add(pa.map_(pa.string(), pa.int8()), [[("a", v)] for v in _WHOLE])
    add(pa.struct([("a", pa.int8())]), [{"a": v} for v in _WHOLE])
    for values in ("int64", "string", "float64", "timestamp[us]", "bool", "decimal128(30, 2)", "binary", "date32[day]", "large_string"):
        made[f"dictionary of {values}"] = made[
            {"float64": "double", "large_string": "large_string"}.get(values, values)
        ].dictionary_encode()
    for values in ("int64", "string", "double"):
        ends = pa.array(range(1, N + 1), pa.int32())
        made[f"run-end encoded {values}"] = pa.RunEndEncodedArray.from_arrays(ends, made[values])
    codes = pa.array([v % 2 for v in _WHOLE], pa.int8())
    made["sparse union"] = pa.UnionArray.from_sparse(codes, [made["int64"], made["string"]])
    made["dense union"] = pa.UnionArray.from_dense(codes, pa.array(range(N), pa.int32()), [made["int64"], made["string"]])
    made["uuid"] = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=v).bytes for v in _WHOLE], pa.binary(16)))
    made["json"] = pa.ExtensionArray.from_storage(pa.json_(), made["string"])
    made["bool8"] = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([v % 2 for v in _WHOLE], pa.int8()))
    made["opaque"] = pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "t", "v"), made["int64"])
    tensor = pa.fixed_shape_tensor(pa.int8(), (1,))
    made["tensor"] = pa.ExtensionArray.from_storage(tensor, pa.array([[v] for v in _WHOLE], pa.list_(pa.int8(), 1)))
    made["interval of pandas"] = pa.array(pd.cut(_NUMBERS, [-1, 4, 9, 20]))
    made["period of pandas"] = pa.array(pd.PeriodIndex(_DAYS, freq="D"))
    made["dictionary of an extension"] = pa.DictionaryArray.from_arrays(pa.array(_WHOLE), made["uuid"].slice(0, N))
    return made


def pandas_columns() -> dict[str, pd.Series]:
    """By name of the type a series of N cells."""
    halves = pd.Series(_NUMBERS)
    made = {
        "interval": pd.Series(pd.cut(halves, 3)),
        "interval as such": pd.Series(pd.arrays.IntervalArray.from_breaks([*range(N + 1)])),
        "period": pd.Series(pd.PeriodIndex(_DAYS, freq="M")),
        "quarters": pd.Series(pd.PeriodIndex(_DAYS, freq="Q")),
        "sparse": pd.Series(pd.arrays.SparseArray([v if v > 8 else 0.0 for v in _NUMBERS])),
        "sparse whole": pd.Series(pd.arrays.SparseArray([v if v > 8 else 0 for v in _WHOLE])),
        "sparse flags": pd.Series(pd.arrays.SparseArray([v > 8 for v in _WHOLE])),
        "category of words": pd.Series(_WORDS, dtype="category"),
        "category of whole numbers": pd.Series([v % 4 for v in _WHOLE], dtype="category"),
        "category of numbers": pd.Series([v % 4 / 2 for v in _WHOLE], dtype="category"),
        "category of moments": pd.Series([_DAYS[0] if v % 2 else _DAYS[1] for v in _WHOLE], dtype="category"),
        "category of flags": pd.Series([v % 2 == 0 for v in _WHOLE], dtype="category"),
        "category of intervals": pd.cut(halves, 4),
        "category of mixed cells": pd.Series([1 if v % 2 else "a" for v in _WHOLE], dtype="category"),
        "ordered category": pd.Series(pd.Categorical(_WORDS, categories=["c", "b", "a"], ordered=True)),
        "objects with NA": pd.Series([pd.NA if v % 5 == 0 else v for v in _WHOLE], dtype=object),
        "words with NA": pd.Series([pd.NA if v % 5 == 0 else "abc"[v % 3] for v in _WHOLE], dtype=object),
        "flags with NA": pd.Series([pd.NA if v % 5 == 0 else v % 2 == 0 for v in _WHOLE], dtype=object),
        "moments with NaT": pd.Series([pd.NaT if v % 5 == 0 else _DAYS[v] for v in _WHOLE], dtype=object),
        "mixed cells with NA": pd.Series([[pd.NA, 1, "a", None, 2.5, pd.NaT][v % 6] for v in _WHOLE], dtype=object),
        "decimals": pd.Series([decimal.Decimal(v) / 4 for v in _WHOLE], dtype=object),
        "whole numbers beyond 64 bits": pd.Series([v + 2**70 for v in _WHOLE], dtype=object),
        "days": pd.Series([day.date() for day in _DAYS], dtype=object),
        "lists": pd.Series([[v] for v in _WHOLE], dtype=object),
        "mappings": pd.Series([{"a": v} for v in _WHOLE], dtype=object),
        "sets": pd.Series([{v} for v in _WHOLE], dtype=object),
        "arrays": pd.Series([np.ones(2) * v for v in _WHOLE], dtype=object),
        "complex": pd.Series([complex(v, 1) for v in _WHOLE]),
        "uuids": pd.Series([uuid.UUID(int=v) for v in _WHOLE], dtype=object),
        "bytes": pd.Series([w.encode() for w in _WORDS], dtype=object),
        "intervals with gaps": pd.Series([pd.NA if v % 5 == 0 else pd.Interval(v, v + 1) for v in _WHOLE], dtype=object),
        "time spans": pd.Series([pd.Timedelta(hours=v) for v in _WHOLE]),
        "zoned": pd.Series(pd.DatetimeIndex(_DAYS, tz="US/Eastern")),
        "zones that differ": pd.Series([pd.Timestamp(d, tz=["UTC", "US/Eastern"][i % 2]) for i, d in enumerate(_DAYS)], dtype=object),
    }
    for dtype in ("Int8", "UInt64", "Float32", "boolean", "string", "int8", "uint64", "float16", "float32", "bool"):
        made[dtype] = halves.mod(2).eq(0).astype(dtype) if dtype.startswith("bool") else halves.astype(dtype)
    for kind in (pa.int8(), pa.decimal128(10, 2), pa.string(), pa.timestamp("ns"), pa.date32(), pa.time64("ns"), pa.list_(pa.int8())):
        values = next(
            array for array in arrow_columns().values() if array.type in (kind, pa.decimal128(30, 2)) and array.type.id == kind.id
        )
        made[f"Arrow {kind}"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([values.cast(kind)])))
    return made


def polars_columns() -> dict[str, pl.Series]:
    """By name of the type a series of N cells."""
    whole = pl.Series(_WHOLE)
    kinds = (pl.Int8, pl.Int128, pl.UInt64, pl.Float32, pl.Float64, pl.Decimal(38, 2), pl.String, pl.Boolean)
    made = {str(kind): (whole.cast(pl.Int64) if kind != pl.Boolean else whole % 2).cast(kind) for kind in kinds}
    for name in ("UInt128", "Float16"):
        if hasattr(pl, name):
            made[name] = whole.cast(getattr(pl, name))
    made["Int128 beyond 64 bits"] = pl.Series([v + 2**70 for v in _WHOLE], dtype=pl.Int128)
    made["Categorical"] = pl.Series(_WORDS, dtype=pl.Categorical)
    made["Enum"] = pl.Series(_WORDS, dtype=pl.Enum(["a", "b", "c"]))
    made["Date"] = pl.Series([day.date() for day in _DAYS])
    made["Time"] = pl.Series([day.time() for day in _DAYS])
    made["Duration"] = pl.Series([datetime.timedelta(hours=v) for v in _WHOLE])
    made["Datetime ns"] = pl.Series(_DAYS).cast(pl.Datetime("ns"))
    made["Binary"] = pl.Series([w.encode() for w in _WORDS])
    made["List"] = pl.Series([[v] for v in _WHOLE])
    made["Array"] = pl.Series([[v] for v in _WHOLE], dtype=pl.Array(pl.Int64, 1))
    made["Struct"] = pl.Series([{"a": v} for v in _WHOLE])
    made["Object"] = pl.Series([uuid.UUID(int=v) for v in _WHOLE], dtype=pl.Object)
    made["Null"] = pl.Series([None] * N)
    return made
