"""What functions, job and state machine called in all tests before this one, held against the roles of the deployment: no
call that its role does not allow, nothing allowed that nobody called."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import system

HERE = pathlib.Path(__file__).resolve().parent
# The names that the local deployment gives (tests/local-aws/local_aws/deployment.py).
REGION, ACCOUNT, TABLE = "eu-central-1", "123456789012", "framefan-jobs"
BUCKET = f"framefan-{ACCOUNT}-{REGION}"
CDK = system.ROOT / "infra" / "cdk"
# What is allowed and cannot be seen here, with the reason: role (`*`: any) and start of the action.
UNSEEN = {
    ("*", "ecr:"): "the platform pulls images",
    ("*", "logs:"): "the platform writes logs",
    ("*", "xray:"): "the platform writes traces",
    ("*", "sqs:"): "the platform keeps what could not be delivered",
    ("stateMachine", "events:"): "Step Functions hears of the end of Batch jobs through a rule of its own",
    ("stateMachine", "batch:DescribeJobs"): "as AWS asks of `batch:submitJob.sync`; this server watches jobs by itself",
    ("stateMachine", "batch:TerminateJob"): "likewise",
    ("stateMachine", "states:"): "as AWS asks of a Distributed Map, whose children are executions of the machine itself",
    ("job", "s3:ListBucket"): "without it S3 says that a missing object is forbidden",
    ("reducer", "s3:AbortMultipartUpload"): "called when a large upload fails half-way",
}
# Those whose programs run here. The others start containers and machines, count what waits, and deliver events.
ROLES = ("planner", "reducer", "closer", "job", "stateMachine")


@pytest.fixture(scope="module")
def calls(request) -> set[tuple[str, str, str]]:
    modules = {item.path.name for item in request.session.items}
    wanted = {path.name for path in HERE.glob("test_*.py")}
    if missing := wanted - modules:
        pytest.skip(f"only a part of the end-to-end tests runs, without {', '.join(sorted(missing))}")
    return system.calls_by_role()


@pytest.fixture(scope="module")
def grants() -> dict[str, list[tuple[str, str]]]:
    """By role: actions and patterns of ARNs, from the synthesized template."""
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT,
              "BucketName": BUCKET, "TableName": TABLE}
    command = ["npm", "run", "--silent", "policies", "--", *(f"{name}={value}" for name, value in values.items())]
    printed = subprocess.run(command, cwd=CDK, check=True, capture_output=True, text=True, env=os.environ).stdout
    return {role: [(action, resource) for grant in found for action in grant["actions"] for resource in grant["resources"]]
            for role, found in json.loads(printed).items()}


def allows(granted: tuple[str, str], action: str, resource: str) -> bool:
    pattern = ".*".join(map(re.escape, granted[1].split("*")))
    return granted[0] == action and re.fullmatch(pattern, resource) is not None


def test_every_call_is_allowed(calls, grants):
    refused = sorted(call for call in calls if not any(allows(granted, *call[1:]) for granted in grants[call[0]]))
    assert not refused, "\n".join(map(str, refused))
    assert {role for role, *_ in calls} == set(ROLES)


def test_nothing_is_allowed_that_nobody_calls(calls, grants):
    unused = sorted(
        (role, *granted) for role in ROLES for granted in grants[role]
        if not any(granted[0].startswith(start) for who, start in UNSEEN if who in ("*", role))
        and not any(called[0] == role and allows(granted, *called[1:]) for called in calls))
    assert not unused, "\n".join(map(str, unused))
