"""How alike strangers are: the figures that go with a table of vectors."""

from __future__ import annotations

import pytest

from pipeline.curation.strangers import stranger_likeness, stranger_metadata
from pipeline.errors import DatasetError


def test_fewer_strangers_reach_a_higher_likeness() -> None:
    metadata = stranger_metadata((0.3, 0.1))
    assert stranger_likeness(metadata, 0.5) == pytest.approx(0.3)
    assert stranger_likeness(metadata, 0.1587) == pytest.approx(0.4, abs=1e-3)
    assert stranger_likeness(metadata, 0.01) > stranger_likeness(metadata, 0.1)


def test_strangers_are_more_alike_to_who_has_more_photos_within_what_was_measured() -> None:
    reached = [stranger_likeness(stranger_metadata((0.3, 0.1, 0.01)), 0.01, photos) for photos in (1, 5, 10, 40, 400)]
    assert reached[0] == reached[1] < reached[2] < reached[3] == reached[4]
    unmeasured = stranger_metadata((0.3, 0.1))
    assert stranger_likeness(unmeasured, 0.01, 5) == stranger_likeness(unmeasured, 0.01, 40)


@pytest.mark.parametrize("metadata", [stranger_metadata(()), {}], ids=["not measured", "not said"])
def test_what_nobody_measured_is_asked_for(metadata: dict[str, str]) -> None:
    with pytest.raises(DatasetError, match=r"of the embedder mine: 'python bench/strangers\.py") as caught:
        stranger_likeness(metadata | {"embedder": "mine"}, 0.01)
    assert "\n" not in str(caught.value)
