import json
import math

import pytest
from pydantic import ValidationError

from benchmark.results.keys import KEY_DIGITS, cell_key, digest
from benchmark.results.schema import Record, Score


def test_a_record_survives_its_file_exactly(make_record):
    record = make_record(value=100 / 3)  # a value that decimal digits cannot hold
    again = Record.model_validate_json(record.to_json())
    assert again == record
    assert again.primary.value == 100 / 3


def test_unknown_fields_are_refused_at_every_depth(make_record):
    text = json.loads(make_record().to_json())
    for place in (text, text["task"], text["scores"]["top1"], text["env"]):
        place["surprise"] = 1
        with pytest.raises(ValidationError, match="surprise"):
            Record.model_validate(text)
        del place["surprise"]
    assert Record.model_validate(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_score_is_nan_or_infinite(value):
    with pytest.raises(ValidationError, match="finite"):
        Score(value=value, n=1)


def test_nan_cannot_hide_in_free_form_parts(make_record):
    with pytest.raises(ValidationError, match=r"recipe\.config\.lr"):
        make_record(recipe={"config": {"lr": [math.nan]}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": None}, "needs `task`"),
        ({"status": "failed"}, "needs `failure`"),
        ({"scores": {}}, "lack the primary metric 'top1'"),
        ({"cell_key": "XYZ"}, "cell_key"),
        ({"run_id": "../up"}, "run_id"),
    ],
)
def test_contradictions_are_refused(make_record, change, message):
    fields = make_record().model_dump()
    with pytest.raises(ValidationError, match=message):
        Record.model_validate({**fields, **change})


def test_records_do_not_change(make_record):
    with pytest.raises(ValidationError, match="frozen"):
        make_record().status = "failed"


def test_key_is_the_hash_of_canonical_json():
    # sha256 of the text {"a":1,"b":[1,2]}, computed with coreutils' sha256sum
    expected = "8baa73198470c7bb"
    assert cell_key({"b": (1, 2), "a": 1}) == expected
    assert len(expected) == KEY_DIGITS


@pytest.mark.parametrize("other", [{"a": 1.5}, {"a": "1"}, {"a": None}, {"a": 1, "b": None}, {}])
def test_other_mappings_have_other_keys(other):
    assert cell_key(other) != cell_key({"a": 1})


def test_keys_that_json_would_merge_are_refused():
    with pytest.raises(TypeError, match=r"key\.inner: mapping key 1"):
        cell_key({"inner": {1: "x"}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"a": math.nan})
