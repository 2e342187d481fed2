"""JSONata as Step Functions has it; unrepaired moto crashes on every expression."""

import pytest

pytestmark = pytest.mark.repair("jsonata")


@pytest.mark.parametrize(("expression", "value", "expected"), [
    ("$states.input.a + 1", {"a": 1}, 2),
    # Strings are values, not source text: moto would paste them into the expression.
    ("$states.input.s", {"s": 'he said "a\\b"\n'}, 'he said "a\\b"\n'),
    ("$states.input.n = null", {"n": None}, True),
    ("{'a': $states.input.n, 'b': $states.input.nothing}", {"n": None}, {"a": None}),
    ("[$states.input.list[$exists(x)].{'x': x}]", {"list": [{"x": 1}, {"y": 2}]}, [{"x": 1}]),
    ("[$states.input.list[z]]", {"list": []}, []),
    ("4 / 2", {}, 2),
    ("[1..3]", {}, [1, 2, 3]),
    ("$parse($states.input.json).a[0]", {"json": '{"a": [null, 1]}'}, None),
    ("$partition([1, 2, 3], 2)", {}, [[1, 2], [3]]),
    ("$range(0, 4, 2)", {}, [0, 2, 4]),
    ("$hash('a', 'MD5')", {}, "0cc175b9c0f1b6a831c399e269772661"),
    ("$length($uuid())", {}, 36),
    ("$substring($states.context.Execution.Id, 0, 11)", {}, "arn:aws:sta"),
])
def test_expressions(aws, expression, value, expected):
    execution = aws.evaluate(expression, value)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert execution["output"] == expected


@pytest.mark.parametrize(("expression", "words"), [
    # AWS: an expression that gives nothing is an error, wherever it stands.
    ("$states.input.missing", "returned nothing (undefined)"),
    ("$eval('1')", "$eval is not available"),
    ("$parse('{')", "not JSON"),
    ("$sum('a')", "threw an error"),
    ("$sum", "unsupported result type"),
])
def test_what_cannot_be_evaluated_fails_the_state(aws, expression, words):
    execution = aws.evaluate(expression)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert words in execution["cause"]


def test_a_state_sees_the_variables_as_they_were_when_it_began(aws):
    # AWS: "all expressions ... use the values on state entry"; moto shows Output what Assign just set.
    execution = aws.run({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Assign": {"x": 1}, "Next": "Second"},
        "Second": {"Type": "Pass", "Assign": {"x": 2}, "Output": {"now": "{% $x %}"}, "Next": "Third"},
        "Third": {"Type": "Pass", "Output": {"second": "{% $states.input.now %}", "third": "{% $x %}"}, "End": True}}})
    assert execution["output"] == {"second": 1, "third": 2}


def test_a_caught_error_is_no_result(aws):
    function = aws.function()
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function, "Payload": {"do": "fail", "type": "Mine"}}, "End": True}

    def caught(output):
        return aws.run({"StartAt": "T", "States": {"T": task | {"Catch": [
            {"ErrorEquals": ["Mine"], "Output": output, "Next": "C"}]}, "C": {"Type": "Succeed"}}})
    assert caught("{% $states.errorOutput.Error %}")["output"] == "Mine"
    assert caught("{% $exists($states.result) %}")["output"] is False
