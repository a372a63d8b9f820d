"""linkMerge, pickValue and defaults, as the standard's tables have them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.engine.links import LinkError, flow
from hyflow.model.workflow import Link, Source

VALUES = st.lists(st.none() | st.integers(), max_size=5)


def through(*values: Any, **more: Any) -> Any:
    """What arrives when the sources give these values."""
    sources = tuple(Source(None, str(number)) for number in range(len(values)))
    return flow(Link("port", sources, **more), lambda source: values[int(source.port)])


@pytest.mark.parametrize(
    ("values", "more", "expected"),
    [
        ([], {}, None),
        ([], {"has_default": True, "default": 3}, 3),
        ([None], {"has_default": True, "default": 3}, 3),
        ([None], {"has_default": True, "default": None}, None),
        ([False], {"has_default": True, "default": 3}, False),
        ([[]], {"has_default": True, "default": 3}, []),
        ([[1, 2]], {}, [1, 2]),
        ([1], {"listed": True}, [1]),
        ([[1]], {"listed": True}, [[1]]),
        ([1, [2]], {"listed": True}, [1, [2]]),
        ([1, [2, [3]], []], {"listed": True, "merge": "merge_flattened"}, [1, 2, [3]]),
        ([None, [1]], {"listed": True, "merge": "merge_flattened"}, [None, 1]),
        ([None, 2, 3], {"listed": True, "pick": "first_non_null"}, 2),
        ([None, 2], {"listed": True, "pick": "the_only_non_null"}, 2),
        ([None, 2, None, 3], {"listed": True, "pick": "all_non_null"}, [2, 3]),
        ([None], {"listed": True, "pick": "all_non_null"}, []),
        ([[None, 1], [2]], {"listed": True, "merge": "merge_flattened", "pick": "all_non_null"}, [1, 2]),
        ([[None, 1]], {"pick": "first_non_null"}, 1),
        ([1], {"pick": "first_non_null"}, 1),
        ([0, 1], {"listed": True, "pick": "first_non_null"}, 0),
    ],
)
def test_what_arrives(values: list[Any], more: dict[str, Any], expected: Any) -> None:
    assert through(*values, **more) == expected


@pytest.mark.parametrize(
    ("values", "pick", "message"),
    [
        ([None, None], "first_non_null", "port: all values are null"),
        ([], "first_non_null", "all values are null"),
        ([None], "the_only_non_null", "all values are null"),
        ([1, None, 2], "the_only_non_null", "2 values are not null, expected one"),
    ],
)
def test_what_cannot_be_picked(values: list[Any], pick: Any, message: str) -> None:
    with pytest.raises(LinkError, match=message):
        through(*values, listed=True, pick=pick)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_flattening_keeps_everything_in_order(values: list[list[int | None]]) -> None:
    assert through(*values, listed=True, merge="merge_flattened") == [item for value in values for item in value]
    assert through(*values, listed=True) == values


@given(VALUES)
def test_the_three_ways_to_pick_agree(values: list[int | None]) -> None:
    present = through(*values, listed=True, pick="all_non_null")
    assert present == [value for value in values if value is not None]
    if present:
        assert through(*values, listed=True, pick="first_non_null") == present[0]
    if len(present) == 1:
        assert through(*values, listed=True, pick="the_only_non_null") == present[0]
