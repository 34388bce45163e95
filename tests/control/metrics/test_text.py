"""
The text formats, read by prometheus-client.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, SUMMARY, Family
from txbalancer.control.metrics.text import header, label, samples
from txbalancer.core.meters import BOUNDS, COARSE, Histogram

FORMATS = st.booleans()
"""Whether it is OpenMetrics."""
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r"))


def family(kind: str, name: str = "x", by: str = "") -> Family:
    """
    Make a family that reads nothing.
    """
    return Family(name, kind, 'What "x" is', lambda view: view, by)


def read(of: Family, labels: str, reading: object, openmetrics: bool):
    """
    Write the samples of one thing and read them.
    """
    text = header(of, openmetrics) + "".join(samples(of, labels, reading))
    (found,) = (read_openmetrics if openmetrics else read_plain)(
        text + ("# EOF\n" if openmetrics else "")
    )
    assert found.type == of.kind
    assert found.documentation == 'What "x" is.'
    return found


@given(FORMATS, NAMES)
def test_labels_may_have_any_text(openmetrics: bool, text: str) -> None:
    """
    Quotes, backslashes and ends of lines in a label come back as they were.
    """
    of = family(GAUGE)
    (sample,) = read(of, label("member", text), 3, openmetrics).samples
    assert sample.labels == {"member": text}
    assert sample.value == 3


@given(FORMATS, st.dictionaries(NAMES, st.integers(0, 2**53), min_size=1), st.booleans())
def test_a_number_for_each_value_of_a_label(openmetrics: bool, numbers, labelled: bool) -> None:
    """
    A family by a label has a sample for each of its values; counters are called totals.
    """
    of = family(COUNTER, by="reason")
    found = read(of, 'b="1"' if labelled else "", numbers, openmetrics)
    assert {sample.name for sample in found.samples} == {"x_total"}
    got = {sample.labels.pop("reason"): sample.value for sample in found.samples}
    assert got == {text: float(number) for text, number in numbers.items()}
    assert all(sample.labels == ({"b": "1"} if labelled else {}) for sample in found.samples)


@given(FORMATS, st.lists(st.floats(0, 1000)))
def test_histogram(openmetrics: bool, spans: list[float]) -> None:
    """
    Each bucket counts the spans that are not longer than its end.
    """
    histogram = Histogram()
    for each in spans:
        histogram.add(each)
    found = read(family(HISTOGRAM, "x_seconds"), 'b="1"', histogram, openmetrics)
    buckets = {
        float(sample.labels["le"]): sample.value
        for sample in found.samples
        if sample.name == "x_seconds_bucket"
    }
    ends = [BOUNDS[index] for index in COARSE]
    assert list(buckets) == pytest.approx([*ends, float("inf")])
    assert list(buckets.values())[:-1] == [sum(span <= end for span in spans) for end in ends]
    rest = {sample.name: sample.value for sample in found.samples if "le" not in sample.labels}
    assert rest == {"x_seconds_count": len(spans), "x_seconds_sum": pytest.approx(sum(spans))}


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("labels", ["", 'b="1"'])
def test_summary(openmetrics: bool, labels: str) -> None:
    """
    A summary is a sum, and of how many; it has the unit of its name.
    """
    found = read(family(SUMMARY, "x_seconds"), labels, (1.5, 3), openmetrics)
    assert {sample.name: sample.value for sample in found.samples} == {
        "x_seconds_sum": 1.5,
        "x_seconds_count": 3,
    }
    assert found.unit == ("seconds" if openmetrics else "")
