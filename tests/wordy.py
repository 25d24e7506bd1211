"""Texts that are made up like real ones: words of topics, of all, and rare ones."""

import numpy as np

COMMON = np.asarray([f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(120)])
"""Words, the first the most frequent; those at the same place of ten topics go along with each other."""


def write_texts(seed, n):
    """Texts of about twelve words: of a topic, of all, and rare ones of which each stands in a few texts; some always come in pairs."""
    rng = np.random.default_rng(seed)
    chances = 1 / (1 + np.arange(120))
    texts = []
    for _ in range(n):
        topic = rng.integers(10)
        own = np.where(np.arange(120) % 10 == topic, 6.0, 1.0) * chances
        words = [*rng.choice(COMMON, rng.integers(5, 15), p=own / own.sum())]
        words += [f"r{rng.integers(2_000)}x" for _ in range(4)]
        texts.append(" ".join([*words, *(["hong kong"] if rng.random() < 0.06 else [])]))
    return texts
