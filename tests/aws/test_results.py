"""The tools of these tests: a section is cut out as it was written."""

import pytest

from results import section


def test_a_section_is_cut_out_as_it_was_written():
    text = '{"a": {"b": [1, 2.50]},"pose":{"x": "}\\"", "y" : 1e3 }, "c":null}\n'
    assert section(text, "a") == '{"b": [1, 2.50]}'
    assert section(text, "pose") == '{"x": "}\\"", "y" : 1e3 }'
    assert section(text, "c") == "null"
    with pytest.raises(KeyError):
        section(text, "b")
