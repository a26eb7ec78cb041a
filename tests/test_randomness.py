"""Streams: independent of each other, of every global generator, and the same on every machine."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from topocraft.errors import ConfigError
from topocraft.randomness import numpy_stream, python_stream, stream_seed, torch_stream

NAMES = ("sampler", "triplets", "noise", "weights", "communities", "neighbors")


def test_the_streams_are_the_same_in_every_process() -> None:
    show = "from topocraft.randomness import stream_seed; print(stream_seed(0, 'weights'), stream_seed(7, 'noise'))"
    fresh = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    assert fresh.split() == ["3751781932", "642241134"]
    assert numpy_stream(0, "sampler").integers(0, 1000, 4).tolist() == [949, 223, 614, 524]
    assert python_stream(0, "communities").randrange(10**6) == 984755
    assert torch_stream(0, "noise").initial_seed() == stream_seed(0, "noise") == 1230665055


def test_every_name_and_every_seed_has_a_stream_of_its_own() -> None:
    seeds = [stream_seed(seed, name) for seed in (0, 1, 2**32 - 1) for name in NAMES]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_streams_do_not_follow_each_other() -> None:
    drawn = np.stack([numpy_stream(seed, name).normal(size=4000) for seed in (0, 1) for name in NAMES])
    apart = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(apart).max() < 0.08  # five standard errors


def test_drawing_from_one_stream_leaves_another_as_it_was() -> None:
    expected = numpy_stream(3, "triplets").random(5)
    first, second = numpy_stream(3, "sampler"), numpy_stream(3, "triplets")
    first.random(1000)
    assert np.array_equal(second.random(5), expected)


def test_a_stream_begins_anew_at_every_call() -> None:
    assert np.array_equal(numpy_stream(1, "a").random(3), numpy_stream(1, "a").random(3))
    assert python_stream(1, "a").random() == python_stream(1, "a").random()
    first, again = (torch.rand(3, generator=torch_stream(1, "a")) for _ in range(2))
    assert torch.equal(first, again)


def test_no_global_generator_is_read_or_set() -> None:
    random.seed(1)
    np.random.seed(1)
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    drawn = numpy_stream(0, "a").random(), python_stream(0, "a").random(), torch_stream(0, "a").initial_seed()
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
    random.seed(2)
    np.random.seed(2)
    again = numpy_stream(0, "a").random(), python_stream(0, "a").random(), torch_stream(0, "a").initial_seed()
    assert drawn == again


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a"])
def test_a_seed_below_zero_or_that_is_no_whole_number_is_refused(seed: object) -> None:
    for stream in (numpy_stream, python_stream, torch_stream):
        with pytest.raises(ConfigError, match="seed must be a whole number of at least 0; got"):
            stream(seed, "a")
    assert numpy_stream(np.int64(3), "a").random() == numpy_stream(3, "a").random()
