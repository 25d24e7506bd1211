"""Recordings as a column: what says that one holds some."""

import numpy as np
import pyarrow as pa

from weights.data.audio.column import ENDED, count_samples, is_sound, sound_field, sound_form


def test_a_field_says_how_it_was_sampled():
    field = sound_field(800, 8000, name="call")
    assert is_sound(field)
    assert sound_form(field) == (800, 8000)


def test_lists_of_16_bits_are_no_recordings_unless_they_say_so():
    assert not is_sound(pa.field("x", pa.list_(pa.int16(), 4)))
    assert not is_sound(pa.field("x", pa.list_(pa.uint8(), 4), metadata={"sample_rate": "8000"}))


def test_samples_are_counted_up_to_the_end():
    assert count_samples(np.array([[0, 0, 0], [1, ENDED, ENDED], [ENDED] * 3], np.int16)).tolist() == [3, 1, 0]
