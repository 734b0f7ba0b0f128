"""What reports say of the measures of tasks."""

import pytest

from isogloss import registry
from isogloss.measure.catalogue import MEASURES


@pytest.mark.parametrize("name", registry.names("task"))
def test_every_measure_of_a_task_is_explained(name):
    measures = registry.get("task", name).measures
    for measure in measures:
        assert MEASURES[measure].better and MEASURES[measure].meaning and MEASURES[measure].title
    assert MEASURES[measures[0]].better == "higher"
