"""How many examples generated tests take: few and always the same ones in `make test`, many and new ones in `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
FACTOR = int(os.environ.get("HYFLOW_SOAK_FACTOR", "20"))


def examples(number: int) -> settings:
    """Settings for `number` examples; FACTOR times as many when soaking. Nothing is shrunk in a soak: the first that is found is told."""
    phases = [Phase.explicit, Phase.generate] if SOAK else [Phase.explicit, Phase.generate, Phase.shrink]
    return settings(max_examples=number * (FACTOR if SOAK else 1), deadline=None, derandomize=not SOAK, database=None, phases=phases,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much,
                                           HealthCheck.large_base_example])
