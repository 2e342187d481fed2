"""The deployment: framefan's bucket, table, functions, queues, state machine and rules, as its stack makes them in AWS."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local_aws.clients import client
from local_aws.settings import ACCOUNT, REGION, SETTINGS

PROJECT = Path(__file__).resolve().parents[3]
MACHINE = PROJECT / "statemachine" / "pipeline.asl.json"
JOB_RETRY = PROJECT / "statemachine" / "job-retry.json"
COMPUTE = ("gpu", "cpu")
DEFAULT_TIMEOUT_S = 60


@dataclass
class Names:
    """What things are called in a deployment."""

    stack: str

    @property
    def bucket(self) -> str:
        return f"{self.stack}-{ACCOUNT}-{REGION}"

    @property
    def table(self) -> str:
        return f"{self.stack}-jobs"

    @property
    def job_log_group(self) -> str:
        return f"/{self.stack}/jobs"

    def image(self, compute: str) -> str:
        return f"{self.stack}/gpu-job:{compute}"


def deploy(config: dict) -> dict:
    """Makes everything; returns names and ARNs, for tests."""
    names = Names(config.get("name", "framefan"))
    place = {"FRAMEFAN_BUCKET": names.bucket, "FRAMEFAN_TABLE": names.table, **config.get("env", {})}
    _make_bucket(names)
    _make_table(names)
    functions = {role: _make_function(names, role, entry, place) for role, entry in config["functions"].items()}
    queues, definitions = _make_batch(names, config, place)
    machine = _make_machine(names, config.get("machine", {}), functions, queues, definitions)
    _make_rules(names, machine, functions)
    outputs = {
        "BucketName": names.bucket, "TableName": names.table, "StateMachineArn": machine,
        "JobLogGroup": names.job_log_group, "GpuJobQueueArn": queues["gpu"], "CpuJobQueueArn": queues["cpu"],
        "EventBusName": "default",
    }
    _make_stack(names, outputs)
    return {"stack": names.stack, "region": REGION, "outputs": outputs, "functions": functions,
            "job_definitions": definitions, "events_queue": f"{names.stack}-events"}


def _make_bucket(names: Names) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=names.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=names.bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=names.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})


def _make_table(names: Names) -> None:
    dynamodb = client("dynamodb")
    attribute = "AttributeName"
    dynamodb.create_table(
        TableName=names.table, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{attribute: name, "AttributeType": kind} for name, kind in
                              (("pk", "S"), ("sk", "S"), ("stage", "S"), ("created_at", "N"))],
        KeySchema=[{attribute: "pk", "KeyType": "HASH"}, {attribute: "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by_stage", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{attribute: "stage", "KeyType": "HASH"}, {attribute: "created_at", "KeyType": "RANGE"}]}])
    dynamodb.update_time_to_live(
        TableName=names.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})


def _role(name: str, service: str) -> str:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    return client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def _make_function(names: Names, role: str, entry: dict, place: dict[str, str]) -> str:
    name = f"{names.stack}-{role}"
    SETTINGS.functions[name] = {"argv": entry["argv"], "faults": entry.get("faults", False)}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("bootstrap", "the program stands in the server's configuration")
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    return client("lambda").create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=_role(name, "lambda.amazonaws.com"),
        Timeout=entry.get("timeout", DEFAULT_TIMEOUT_S), MemorySize=entry.get("memory", 1024),
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {**place, **entry.get("env", {})}})["FunctionArn"]


def _make_batch(names: Names, config: dict, place: dict[str, str]) -> tuple[dict, dict]:
    """Queues and job definitions by kind of compute."""
    batch = client("batch")
    client("logs").create_log_group(logGroupName=names.job_log_group)
    service_role = _role(f"{names.stack}-batch", "batch.amazonaws.com")
    job_role = _role(f"{names.stack}-job", "ecs-tasks.amazonaws.com")
    queues, definitions = {}, {}
    for compute in COMPUTE:
        name, entry = f"{names.stack}-{compute}", {**config["job"], **config.get("jobs", {}).get(compute, {})}
        SETTINGS.images[names.image(compute)] = {"argv": entry["argv"], "faults": entry.get("faults", False)}
        if "slots" in entry:
            SETTINGS.queue_slots[name] = entry["slots"]
        # Unmanaged: the machines are this one.
        environment = batch.create_compute_environment(
            computeEnvironmentName=name, type="UNMANAGED", state="ENABLED", serviceRole=service_role)
        queues[compute] = batch.create_job_queue(
            jobQueueName=name, state="ENABLED", priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}],
        )["jobQueueArn"]
        needs = [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "14000"}]
        variables = {**place, **entry.get("env", {})}
        definitions[compute] = batch.register_job_definition(
            jobDefinitionName=name, type="container", retryStrategy=json.loads(JOB_RETRY.read_text()),
            containerProperties={
                "image": names.image(compute), "jobRoleArn": job_role, "command": [],
                "resourceRequirements": needs + ([{"type": "GPU", "value": "1"}] if compute == "gpu" else []),
                "environment": [{"name": key, "value": value} for key, value in variables.items()],
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": names.job_log_group, "awslogs-region": REGION,
                    "awslogs-stream-prefix": names.stack}},
            })["jobDefinitionArn"]
    return queues, definitions


def substitute(definition: str, values: dict[str, str]) -> str:
    """Puts values where the definition has `${Name}`, as CloudFormation's DefinitionSubstitutions do."""
    for name, value in values.items():
        definition = definition.replace(f"${{{name}}}", value)
    if "${" in definition:
        rest = definition[definition.index("${"):].split("}")[0]
        raise ValueError(f"the state machine has a substitution that nobody fills: {rest}}}")
    return definition


def patch(value: object, changes: object) -> object:
    """RFC 7386: members of `changes` replace those of the same name, all the way down; null takes one away."""
    if not isinstance(changes, dict):
        return changes
    patched = dict(value) if isinstance(value, dict) else {}
    for name, change in changes.items():
        if change is None:
            patched.pop(name, None)
        else:
            patched[name] = patch(patched.get(name), change)
    return patched


def _make_machine(names: Names, entry: dict, functions: dict, queues: dict, definitions: dict) -> str:
    values = {f"{role.capitalize()}Arn": arn for role, arn in functions.items()}
    for compute in COMPUTE:
        values[f"{compute.capitalize()}JobQueueArn"] = queues[compute]
        values[f"{compute.capitalize()}JobDefinitionArn"] = definitions[compute]
    definition = json.loads(substitute(Path(entry.get("definition", MACHINE)).read_text(), values))
    definition = patch(definition, entry.get("patch", {}))
    return client("stepfunctions").create_state_machine(
        name=names.stack, definition=json.dumps(definition),
        roleArn=_role(f"{names.stack}-machine", "states.amazonaws.com"))["stateMachineArn"]


def _make_rules(names: Names, machine: str, functions: dict) -> None:
    events, sqs = client("events"), client("sqs")
    queue = sqs.create_queue(QueueName=f"{names.stack}-events")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    start_role = _role(f"{names.stack}-upload-rule", "events.amazonaws.com")
    rules = {
        "upload": (
            {"source": ["aws.s3"], "detail-type": ["Object Created"],
             "detail": {"bucket": {"name": [names.bucket]}, "object": {"key": [{"prefix": "uploads/"}]}}},
            {"Arn": machine, "RoleArn": start_role}),
        "execution-ended": (
            {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"],
             "detail": {"stateMachineArn": [machine], "status": ["FAILED", "TIMED_OUT", "ABORTED"]}},
            {"Arn": functions.get("closer")}),
        # Only here: tests read what was announced from a queue.
        "announcements": ({"source": ["framefan"]}, {"Arn": queue_arn}),
    }
    for rule, (pattern, target) in rules.items():
        if target["Arn"]:
            events.put_rule(Name=f"{names.stack}-{rule}", EventPattern=json.dumps(pattern))
            events.put_targets(Rule=f"{names.stack}-{rule}", Targets=[{"Id": "1", **target}])


def _make_stack(names: Names, outputs: dict[str, str]) -> None:
    """A stack that holds nothing but the outputs by which the command line finds a deployment."""
    template = {
        "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client("cloudformation").create_stack(StackName=names.stack, TemplateBody=json.dumps(template))
