"""What reports say of the measures of tasks."""

import pytest

from isogloss import registry
from isogloss.measure.catalogue import MEASURES


@pytest.mark.parametrize("name", registry.names("task"))
def test_every_measure_of_a_task_is_explained(name):
    for measure in registry.get("task", name).measures:
        about = MEASURES[measure]
        assert about.better == "higher" and about.meaning and about.title
