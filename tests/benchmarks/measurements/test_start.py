"""Fresh processes keep nothing. Times are not tested."""

import os

from benchmarks.machine import run_python
from benchmarks.measurements import start


def test_everything_that_is_kept_goes_into_the_folder(tmp_path):
    code = "import matplotlib, os; print(matplotlib.get_cachedir()); print(os.path.expanduser('~'))"
    for line in run_python(code, environment=start.homes(tmp_path)).splitlines():
        assert os.path.commonpath([line, tmp_path]) == str(tmp_path)


def test_imports_take_time():
    assert 0 < start.import_seconds("import json") < 60
