"""What is searched: ranges that hold the start, settings that are configurations, and what is refused."""

from __future__ import annotations

import pytest

from topocraft import IntegrationConfig
from topocraft.errors import ConfigError
from topocraft.tuning.space import RANGES, RESOLUTIONS, make_space


def test_the_space_is_widened_to_hold_the_configuration_to_start_from() -> None:
    base = IntegrationConfig().with_values(lambda_adversary=9.0, kl_coefficient=1e-5, low_resolution=0.42)
    space = make_space(base)
    assert space.ranges["lambda_adversary"] == (RANGES["lambda_adversary"][0], 9.0)
    assert space.ranges["kl_coefficient"] == (1e-5, RANGES["kl_coefficient"][1])
    assert space.ranges["lambda_triplet"] == RANGES["lambda_triplet"]
    assert space.resolutions == tuple(sorted({*RESOLUTIONS, 0.42}))
    assert space.config(space.start()) == base


def test_settings_go_into_optunas_words_and_come_back_to_three_figures() -> None:
    space = make_space(IntegrationConfig().with_values(lambda_triplet=1.23456), ["scope", "head"])
    assert space.decode(space.encode(space.start())) == space.start()
    settings = {**space.start(), "lambda_adversary": 0.123456, "low_resolution": 1.5, "scope": "batch"}
    back = space.decode(space.encode(settings))
    assert back == {**settings, "lambda_adversary": 0.123}
    config = space.config(back)
    assert (config.training.lambda_adversary, config.topology.low_resolution) == (0.123, 1.5)
    assert (config.topology.scope, config.model.head, config.training.lambda_triplet) == ("batch", "trunk", 1.23456)


def test_the_order_of_the_resolutions_is_known_to_the_sampler() -> None:
    space = make_space(IntegrationConfig(), ["head"])
    found = space.distributions()
    assert tuple(found) == space.names == (*RANGES, "low_resolution", "head")
    assert (found["low_resolution"].low, found["low_resolution"].high) == (0, len(RESOLUTIONS) - 1)  # type: ignore[attr-defined]
    assert all(found[name].log for name in RANGES)  # type: ignore[attr-defined]


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--also\) must be of 'scope', 'head'; got 'margin'"):
        make_space(IntegrationConfig(), ["scope", "margin"])
    with pytest.raises(ConfigError, match=r"lambda_triplet must be above 0 to be tuned.*has 0"):
        make_space(IntegrationConfig().with_values(lambda_triplet=0.0))
