"""A first look at some files: which, and by how many threads."""

import numpy as np

from weights.data.files.sample import take_sample
from weights.data.image.medium import IMAGES


def threads_for(place):
    return take_sample([place], most_bytes=IMAGES.most_bytes, small_bytes=IMAGES.small_bytes).n_threads


def test_small_pictures_are_read_by_one_thread_and_larger_ones_by_several():
    assert threads_for(np.zeros((8, 8), np.uint8)) == 1
    assert threads_for(np.zeros((80, 80), np.uint8)) >= 2
    assert threads_for(None) >= 2


def test_a_sample_is_spread_evenly_and_looked_at_in_order():
    places = [np.full(3, i) for i in range(1_000)]
    sample = take_sample(places, most_bytes=100, small_bytes=0)
    looks = list(sample.probe(lambda content: int(content[0])))
    assert (len(looks), looks[0], looks[-1], sample.n_files) == (200, 0, 999, 1_000)
    assert looks == sorted(looks)


def test_what_cannot_be_read_gives_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"too much")
    sample = take_sample([tmp_path / "a", tmp_path / "b", tmp_path / "gone", None], most_bytes=3, small_bytes=0)
    assert list(sample.probe(len)) == [3, None, None, None]
