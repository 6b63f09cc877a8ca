"""What is kept of a failure says which code failed, not where a machine keeps it."""

import sys
import traceback

import pandas as pd
import pytest

from benchmark.failures import code_by_module
from benchmark.paths import CHECKOUT


def test_a_traceback_names_files_below_the_path():
    with pytest.raises(KeyError) as caught:
        pd.DataFrame()["missing"]
    text = code_by_module("".join(traceback.format_exception(caught.value)))
    assert 'File "pandas/core/frame.py", line ' in text
    assert str(CHECKOUT) not in text


def test_the_longest_folder_of_the_path_decides(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/a", "/a/site-packages"])
    assert code_by_module('File "/a/site-packages/x/y.py"') == 'File "x/y.py"'
    assert code_by_module('File "/a/x.py" of "/a/data"') == 'File "x.py" of "/a/data"'
    assert code_by_module('File "/elsewhere/plugin.py"') == 'File "/elsewhere/plugin.py"'
