"""The invented users of the store's measurements, and one small measurement."""

import numpy as np
import pytest

from benchmarks.store import draw_users, invent_items, measure_sqlite, name_user, quantiles


def test_users_have_twenty_items_on_average_and_the_same_each_time():
    counts = [len(invent_items(name_user(user))) for user in range(3000)]
    assert 19 < np.mean(counts) < 21
    assert min(counts) >= 1
    assert max(counts) <= 512
    first, second = invent_items(name_user(7)), invent_items(name_user(7))
    assert [item.item_id for item in first] == [item.item_id for item in second]
    assert all((a.vector == b.vector).all() for a, b in zip(first, second, strict=True))


def test_quantiles_and_draws():
    assert quantiles("get", [3.0, 1.0, 2.0])["get_p50_ms"] == 2.0
    assert draw_users(5, 10, 1) == draw_users(5, 10, 1)
    assert set(draw_users(5, 100, 1)) == {name_user(user) for user in range(5)}


@pytest.mark.slow
def test_a_small_store_is_measured(tmp_path):
    figures = measure_sqlite(50, tmp_path)
    wanted = {"get_p50_ms", "get_p99_ms", "get_ratio_vs_bare_read", "append_p99_ms"}
    assert wanted | {"bytes_per_user", "clients8_gets_per_second"} <= figures.keys()
    assert all(figure > 0 for figure in figures.values())
    assert not list(tmp_path.iterdir())
