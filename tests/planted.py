"""Tables and pictures whose answer is known, since it was planted in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

RULES = {
    "line": lambda x: x[:, 0] - x[:, 1] + 0.5 * x[:, 2],
    "bend": lambda x: x[:, 0] - x[:, 1] + x[:, 2] ** 2,
    "product": lambda x: x[:, 0] * x[:, 1],
}


def planted(n: int = 300, rule: str = "line", *, seed: int = 0, noise: float = 0.5) -> dict[str, np.ndarray]:
    """A target y that follows a rule in two or three of four inputs, x0 to x3."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return {f"x{j}": x[:, j] for j in range(4)} | {"y": RULES[rule](x) + noise * rng.normal(size=n)}


def stripes(upright: bool, seed: int, side: int = 16) -> np.ndarray:
    """Stripes of random phase and width in noise, uint8, shape (side, side)."""
    rng = np.random.default_rng(seed)
    place = np.arange(side) * rng.uniform(0.25, 0.4) * 2 * np.pi + rng.uniform(0, 2 * np.pi)
    grey = 127 + 80 * np.sin(place)[None if upright else slice(None), slice(None) if upright else None] * np.ones((side, side))
    return np.clip(grey + rng.normal(0, 15, (side, side)), 0, 255).astype(np.uint8)


def write_folder(root: Path, n: int = 30, first: int = 0, **classes: bool) -> Path:
    """A folder of stripes, so many of each class; which are upright is said of each."""
    for name, upright in (classes or {"lying": False, "upright": True}).items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            Image.fromarray(stripes(upright, 1000 * upright + first + i)).save(root / name / f"{i:03}.png")
    return root


def save_stripes(folder: Path, n: int = 60, *, noise: float = 0.0) -> Path:
    """The path of an .npz in a folder: small grey pictures, lying and upright stripes, with more noise than they have."""
    y = np.arange(n) % 2
    clear = np.stack([stripes(upright == 1, i) for i, upright in enumerate(y)])
    images = clear + np.random.default_rng(1).normal(0, noise, clear.shape)
    np.savez(folder / "stripes.npz", images=images.clip(0, 255).astype(np.uint8), labels=y)
    return folder / "stripes.npz"


def marked(n: int, *, seed: int, place: tuple[int, int] | None = None, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Noisy grey pictures, the second half with a cross of 5 x 5 pixels somewhere, or at a place; and their classes."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(110, 12, (n, side, side))
    y = np.arange(n) >= n // 2
    for i in np.flatnonzero(y):
        row, column = rng.integers(2, side - 2, 2) if place is None else place
        pictures[i, row - 2 : row + 3, column] += 90
        pictures[i, row, column - 2 : column + 3] += 90
    return pictures.clip(0, 255).astype(np.uint8), np.where(y, "marked", "plain")


OF_MARKS = {"members": 3, "n_folds": 3, "n_steps": 120, "batch_size": 32, "widths": (8, 16), "blocks": (0, 0)}
"""Settings by which 200 marked pictures are learned, the same wherever they are, so that the programs are compiled once."""


def weekly(n: int = 84, *, noise: float = 1.0, seed: int = 0, begin: str = "2024-01-01", **columns: object) -> dict[str, object]:
    """Days, `day`, and what was sold on each, `sold`: 20 and a weekly rhythm of 3 up and down, in noise."""
    rng = np.random.default_rng(seed)
    sold = 20 + 3 * np.sin(2 * np.pi * np.arange(n) / 7) + noise * rng.normal(size=n)
    return {"day": np.datetime64(begin) + np.arange(n), "sold": sold, **columns}


def weekly_counts(n: int, *, seed: int = 0) -> dict[str, object]:
    """Days and small counts sold on each, more at the end of the week, many of them zero."""
    expected = 0.8 + 0.7 * np.sin(2 * np.pi * np.arange(n) / 7)
    return weekly(n) | {"sold": np.random.default_rng(seed).poisson(expected).astype(float)}


def rows_of(table: dict[str, object], rows: object) -> dict[str, object]:
    """Some rows of a table, by a slice or by their numbers."""
    return {name: np.asarray(values)[rows] for name, values in table.items()}


def stacked(*tables: dict[str, object]) -> dict[str, object]:
    """The rows of tables one below the other."""
    return {name: np.concatenate([np.asarray(table[name]) for table in tables]) for name in tables[0]}


def bent(n_days: int = 640, n_shops: int = 24, *, seed: int = 0) -> dict[str, object]:
    """What shops sold on each day: a weekly rhythm, and a rest that falls the further the day before was from usual, whichever way."""
    tables = []
    for shop in range(n_shops):
        noise, rest = 0.3 * np.random.default_rng([seed, shop]).normal(size=n_days), np.zeros(n_days)
        for t in range(1, n_days):
            rest[t] = 1.5 - 1.2 * abs(rest[t - 1]) + noise[t]
        days = weekly(n_days, noise=0.0, shop=[f"s{shop:02}"] * n_days)
        tables.append(days | {"sold": np.asarray(days["sold"]) + rest})
    return stacked(*tables)


def traded(
    n_days: int = 420, n_shares: int = 4, *, seed: int = 0, follows: float = 0.0, persistence: float = 0.97, **columns: object
) -> dict[str, object]:
    """Prices of shares on days of trading: heavy tails, volatility that changes slowly and for all shares, returns that nothing tells of.

    With `follows` a column "signal" tells of the next day: so many standard deviations of its return for one of the signal.
    """
    moves, own, told = (np.random.default_rng([seed, part]) for part in range(3))  # each by itself, so that more days begin like fewer
    logs = np.zeros((n_days, 1))
    for t in range(1, n_days):
        logs[t] = persistence * logs[t - 1] + 0.15 * moves.normal()
    signal = told.normal(size=(n_days, n_shares))
    shocks = own.standard_t(5, size=(n_days, n_shares)) + follows * np.vstack([np.zeros((1, n_shares)), signal[:-1]])
    close = 100 * np.exp(np.cumsum(0.01 * np.exp(logs) * shocks, axis=0))
    days = np.busday_offset("2020-01-01", np.arange(n_days), roll="forward")
    return {
        "day": np.repeat(days, n_shares),
        "share": np.tile([f"S{s}" for s in range(n_shares)], n_days),
        "close": close.ravel(),
        **({"signal": signal.ravel()} if follows else {}),
        **columns,
    }
