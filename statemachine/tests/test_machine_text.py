"""The state machine as a text: its language, its expressions against the reference implementation, its sizes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deployed import ROOT, traces

from local_aws.batch import retry_rules
from local_aws.states.query import evaluate

FOLDER = ROOT / "statemachine"
TEXT = (FOLDER / "pipeline.asl.json").read_text()
MACHINE = json.loads(TEXT)
EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
SUBSTITUTIONS = {"PlannerArn", "ReducerArn", "CloserArn", "GpuJobQueueArn", "GpuJobDefinitionArn", "CpuJobQueueArn",
                 "CpuJobDefinitionArn"}
# AWS's limit on a payload, a variable and an input of a function.
PAYLOAD_LIMIT = 262_144
MOST_SHARDS = 500


def states(machine: dict) -> dict[str, dict]:
    """All states by name, those of the Map's children included."""
    found = {}
    for name, state in machine["States"].items():
        found[name] = state
        if "ItemProcessor" in state:
            found |= states(state["ItemProcessor"])
    return found


def expressions(value: object) -> set[str]:
    """All JSONata expressions in a part of the definition, without the space around them."""
    match value:
        case dict():
            return set().union(*map(expressions, value.values()))
        case list():
            return set().union(*map(expressions, value)) if value else set()
        case str() if found := EXPRESSION.fullmatch(value):
            return {found[1].strip()}
    return set()


def following(state: dict) -> set[str]:
    """The states that may come after this one."""
    found = {state[name] for name in ("Next", "Default") if name in state}
    return found | {branch["Next"] for branch in [*state.get("Choices", []), *state.get("Catch", [])]}


def from_npm(name: str) -> Path:
    path = FOLDER / "node_modules" / name
    assert path.exists() and shutil.which("node"), "needs node and `npm ci` in statemachine: make setup"
    return path


def test_asl_validator_finds_nothing():
    validator = from_npm(".bin/asl-validator")
    done = subprocess.run([validator, "--json-path", FOLDER / "pipeline.asl.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def lint(text: str, folder: Path) -> str:
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": {
        "Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/r", "DefinitionString": text,
            "DefinitionSubstitutions": {name: f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
                                        for name in SUBSTITUTIONS}}}}}
    (folder / "template.json").write_text(json.dumps(template))
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, folder / "template.json"], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_cfn_lint_finds_nothing(tmp_path):
    # Its schema knows MaxConcurrency as a number only; AWS takes an expression in JSONata states.
    concurrency = '"{% $states.input.max_concurrency %}"'
    assert TEXT.count(concurrency) == 1
    assert lint(TEXT.replace(concurrency, "1"), tmp_path) == ""
    # It does look: a state that nobody knows.
    assert "E3601" in lint(TEXT.replace('"Type": "Succeed"', '"Type": "Suceed"').replace(concurrency, "1"), tmp_path)


def test_the_substitutions_are_those_of_the_stack():
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == SUBSTITUTIONS


def test_every_state_can_be_reached_and_every_task_ends():
    found = states(MACHINE)
    starts = {MACHINE["StartAt"], MACHINE["States"]["Analyze shards"]["ItemProcessor"]["StartAt"]}
    assert starts.union(*(following(state) for state in found.values())) == set(found)
    assert MACHINE["TimeoutSeconds"]
    for name, state in found.items():
        assert len(name) <= 80
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] and state["Comment"], name
            # Without States.ALL at its end, an error would end the execution without a word in the job.
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
            assert all(retrier["JitterStrategy"] == "FULL" for retrier in state["Retry"]), name


def test_results_and_errors_are_used_where_they_exist():
    # AWS: $states.result in Output and Assign of Task and Map, $states.errorOutput in Catch; moto looks the other way.
    for name, state in states(MACHINE).items():
        for field, part in state.items():
            if field == "ItemProcessor":
                continue
            text = "".join(expressions(part))
            assert "$states.errorOutput" not in text or field == "Catch", f"{name}: {field}"
            assert "$states.result" not in text or (
                field in ("Output", "Assign") and state["Type"] in ("Task", "Map")), f"{name}: {field}"
    # Children of a Distributed Map see no variables from outside.
    children = MACHINE["States"]["Analyze shards"]["ItemProcessor"]
    outer = {name for state in MACHINE["States"].values() for part in (state, *state.get("Catch", []))
             for name in part.get("Assign", {})}
    assert outer == {"job_id", "error", "to_close"}
    for expression in expressions(children):
        for name in outer - {"error"}:
            assert f"${name}" not in expression


def test_all_functions_are_retried_alike():
    retries = [state["Retry"][0] | {"Comment": ""} for state in states(MACHINE).values()
               if state["Type"] == "Task" and "lambda" in state["Resource"]]
    assert len(retries) == 3 and retries.count(retries[0]) == 3


def test_the_retry_rules_are_what_batch_takes():
    strategy = json.loads((FOLDER / "job-retry.json").read_text())
    assert retry_rules.problem(strategy) is None
    again = {code: retry_rules.retries(strategy, 1, code, None, "Essential container in task exited")
             for code in (1, 2, 3, 4, 5, 70, 101, 130, 137, 143)}
    assert {code for code, retried in again.items() if retried} == {5, 137, 143}
    # What has no exit code never ran to its end.
    for reason, status_reason in ((None, "Host EC2 (instance i-1) terminated."),
                                  ("CannotPullContainerError: x", "Task failed to start"),
                                  ("CannotInspectContainerError: x", "Task failed to start"),
                                  ("DockerTimeoutError: x", "Task failed to start")):
        assert retry_rules.retries(strategy, 1, None, reason, status_reason)
    assert not retry_rules.retries(strategy, 3, 5, None, None)


def the_expression(part: object) -> str:
    [expression] = expressions(part)
    return expression


class TestSizes:
    """No payload comes near the limit with as many shards as there may ever be."""

    LINE = {"exit_code": 137, "reason": "\\" * 200}

    def lines(self, count: int) -> list[dict]:
        return [{"shard": n, "failed": self.LINE} for n in range(count)]

    def failed_shards(self, lines: list, shards: int) -> list[dict]:
        expression = the_expression(MACHINE["States"]["Analyze shards"]["Output"])
        return evaluate(expression, {"states": {"input": {"shards": shards}, "result": lines}})

    def test_all_shards_fail_with_the_longest_reason(self):
        lines = self.lines(MOST_SHARDS)
        # A reason of backslashes, which JSON doubles, is the worst case.
        assert len(json.dumps(lines)) < PAYLOAD_LIMIT
        failed = self.failed_shards(lines, MOST_SHARDS)
        assert len(failed) == MOST_SHARDS
        payload = {"execution": "x" * 200, "job_id": "y" * 64, "failed_shards": failed}
        assert len(json.dumps(payload)) < 0.95 * PAYLOAD_LIMIT

    def test_a_reason_is_cut(self):
        state = MACHINE["States"]["Analyze shards"]["ItemProcessor"]["States"]["Shard failed"]
        line = evaluate(the_expression(state), {"states": {"input": {
            "shard": 3, "error": {"Error": "E", "Cause": "x" * 32768}}}})
        assert line == {"shard": 3, "failed": {"exit_code": None, "reason": "E: " + "x" * 197}}

    @pytest.mark.parametrize("shards", [1, 2, 3])
    def test_lines_of_children_that_died_may_be_missing_or_null(self, shards):
        # What AWS puts in the place of a child that failed is not documented.
        dead = [{"shard": n, "exit_code": None, "reason": "its execution failed, see the map run"} for n in range(shards)]
        ok = [{"shard": n} for n in range(shards)]
        assert self.failed_shards(ok, shards) == []
        assert self.failed_shards([], shards) == dead
        assert self.failed_shards([None] * shards, shards) == dead
        assert self.failed_shards(ok[:-1], shards) == self.failed_shards([*ok[:-1], None], shards) == dead[-1:]
        mixed = [*self.lines(1), *ok[2:]]
        assert self.failed_shards(mixed, shards) == [{"shard": 0, **self.LINE}, *dead[1:2]]


def as_deployed(expression: str) -> re.Pattern:
    """Where the definition has a substitution, the machine that ran has an ARN."""
    return re.compile("[^']*".join(map(re.escape, re.split(r"\$\{\w+\}", expression))))


@pytest.mark.usefixtures("all_runs")
class TestCoverage:
    """What the runs of test_machine_runs.py, which come before, reached."""

    def test_every_expression_was_evaluated(self):
        evaluated = {entry["expression"].strip() for trace in traces for entry in trace["expressions"]}
        missing = [e for e in expressions(MACHINE) if not any(as_deployed(e).fullmatch(found) for found in evaluated)]
        assert missing == []

    def test_every_path_was_taken(self):
        taken = {tuple(pair) for trace in traces for pair in trace["transitions"]}
        wanted = {(name, target) for name, state in states(MACHINE).items() for target in following(state)}
        assert wanted - taken == set()

    def test_outputs_stayed_small(self):
        largest = {name: size for trace in traces for name, size in trace["largest_output_bytes"].items()}
        assert max(largest.values()) < PAYLOAD_LIMIT / 10, largest

    def test_expressions_agree_with_the_reference_implementation(self, tmp_path):
        # Step Functions has JSONata 2.0.6, of which jsonata.org's own is run here on what the tests evaluated.
        from_npm("jsonata")
        samples = [{"expression": entry["expression"], **sample}
                   for trace in traces for entry in trace["expressions"] for sample in entry["samples"]]
        (tmp_path / "samples.json").write_text(json.dumps(samples))
        done = subprocess.run(["node", Path(__file__).parent / "programs" / "jsonata.js", tmp_path / "samples.json"],
                              capture_output=True, text=True, cwd=FOLDER)
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout.split()[0]) == len(samples) > len(expressions(MACHINE))
