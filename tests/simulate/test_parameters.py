"""Splat's parameters: Splatter's defaults, ranges, and what an error says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from topocraft.errors import ConfigError
from topocraft.simulate.parameters import SplatParams


def test_the_defaults_are_those_that_splatter_documents() -> None:
    documented = {
        "n_genes": 10_000,
        "batch_cells": [100],
        "batch_fac_loc": [0.1],
        "batch_fac_scale": [0.1],
        "mean_rate": 0.3,
        "mean_shape": 0.6,
        "lib_loc": 11,
        "lib_scale": 0.2,
        "lib_norm": False,
        "out_prob": 0.05,
        "out_fac_loc": 4,
        "out_fac_scale": 0.5,
        "group_prob": [1],
        "de_prob": [0.1],
        "de_down_prob": [0.5],
        "de_fac_loc": [0.1],
        "de_fac_scale": [0.4],
        "bcv_common": 0.1,
        "bcv_df": 60,
        "dropout_type": "none",
        "dropout_mid": [0],
        "dropout_shape": [-1],
        "path_from": [0],
        "path_n_steps": [100],
        "path_skew": [0.5],
        "path_nonlinear_prob": 0.1,
        "path_sigma_fac": 0.8,
    }
    values = SplatParams().to_dict()
    assert {name: values[name] for name in documented} == documented


def test_parameters_survive_json() -> None:
    params = SplatParams(method="groups", batch_cells=(3, 4), group_prob=(0.25, 0.75), de_prob=(0.1, 0.2), bcv_df=5)
    assert SplatParams.from_dict(json.loads(json.dumps(params.to_dict()))) == params


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"n_genes": 0}, "n_genes must be a whole number between 1 and 100,000,000; got 0"),
        ({"n_genes": 1.5}, "n_genes must be a whole number"),
        ({"batch_cells": (10, -3)}, "batch_cells must be a whole number between 1 and 100,000,000; got -3"),
        ({"batch_cells": ()}, "batch_cells must hold at least one number"),
        ({"mean_shape": 0}, "mean_shape must be a number, above 0"),
        ({"lib_scale": float("nan")}, "lib_scale must be a number, at least 0; got nan"),
        ({"lib_loc": float("inf")}, "lib_loc must be a number; got inf"),
        ({"bcv_df": True}, "bcv_df must be"),
        ({"out_prob": 1.2}, "out_prob must be a number between 0 and 1; got 1.2"),
        ({"de_prob": "x"}, "de_prob must be a number between 0 and 1; got 'x'"),
        ({"method": "groups", "group_prob": (0.5, 0.6)}, "group_prob must sum to 1; got a sum of 1.1"),
        ({"group_prob": (0.5, 0.5)}, "method 'single' has one group; group_prob has 2"),
        ({"batch_fac_loc": (0.1, 0.2)}, r"batch_fac_loc must hold 1 number or 1 \(batches"),
        ({"method": "groups", "group_prob": (0.5, 0.5), "de_prob": (0.1,) * 3}, "de_prob must hold 1 number or 2"),
        (
            {"batch_cells": (5, 5), "dropout_type": "batch", "dropout_mid": (1, 2, 3)},
            "dropout_mid must hold 1 number or 2",
        ),
        ({"dropout_type": "expriment"}, "dropout_type must be one of .* Did you mean 'experiment'"),
        ({"method": "paths", "path_from": (1,)}, "path_from must be 0 or the number of an earlier path"),
        ({"path_n_steps": 1}, "path_n_steps must be a whole number, at least 2"),
    ],
)
def test_what_is_impossible_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        SplatParams(**changes)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'lib_locc' is not a parameter of Splat. Did you mean 'lib_loc'"):
        SplatParams.from_dict({"lib_locc": 1})
