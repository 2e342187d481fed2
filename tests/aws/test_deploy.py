"""The template that is deployed: CloudFormation takes it, as far as the local server's goes; what came up is as it should
be, asked by the services' own APIs; and an upload to its bucket becomes a result.

What the local server cannot do is listed in template_stack.py, and the lists must be exact.
"""

import datetime
import json
import os
import re
import subprocess

import pytest
import system
import template_stack
from local_aws_client.server import wait_until
from template_stack import ACCOUNT, REGION, STACK, Stack
from test_policies import allows

# What moto makes otherwise than the template says, by the name of the fact below: a gap of the local server's.
INCOMPLETE = {
    "functions are traced": "moto's CloudFormation does not pass on TracingConfig",
    "functions are images with a command": "nor PackageType and ImageConfig",
    "the reducer has room for its merge": "nor EphemeralStorage",
    "functions log to groups of the stack": "nor LoggingConfig",
    "attempts of jobs end in time": "moto's CloudFormation does not pass on a job definition's Timeout",
    "machines talk HTTPS and nothing else": "moto gives every group its rule that lets all out",
}


@pytest.fixture(scope="module")
def template() -> dict:
    return template_stack.template()


@pytest.fixture(scope="module")
def stack(template):
    with Stack(template) as stack:
        yield stack


@pytest.fixture(scope="module")
def whole(stack):
    """With what CloudFormation left out."""
    stack.complete()
    return stack


def test_cloudformation_makes_all_but_what_is_listed(stack, template):
    assert stack.described["StackStatus"] == "CREATE_COMPLETE"
    made = stack.made()
    assert set(made) == set(template["Resources"]) - set(stack.left_out)
    assert {status for _, status in made.values()} == {"CREATE_COMPLETE"}
    assert all(made[name][0] == template["Resources"][name]["Type"] for name in made)
    assert len(made) > 70
    # The other way round: all that is listed is in the template, and CloudFormation passes it over.
    assert set(stack.left_out.values()) == set(template_stack.LEFT_OUT)
    assert stack.passed_over() == set(template_stack.LEFT_OUT)


@pytest.mark.parametrize("name", template_stack.REWRITTEN)
def test_each_rewriting_of_the_template_is_needed(template, name):
    try:
        with Stack(template, without=name) as stack:
            machine = next(name for name in stack.resolved if name.startswith("WorkflowPipeline"))
            assert "" in stack.resolved[machine]["DefinitionSubstitutions"].values()
    except Exception as error:  # the server's answer is an error page
        assert "stack" in str(error).lower() or "response" in str(error), error


def test_buckets_have_no_settings_before_they_are_given_them(template):
    """moto's CloudFormation makes a bucket's name and tags only: why `set_up_bucket` is needed."""
    with Stack(template) as stack:
        s3 = stack.client("s3")
        for properties in stack.buckets().values():
            name = properties["BucketName"]
            s3.put_object(Bucket=name, Key="uploads/x", Body=b"")
            assert "Status" not in s3.get_bucket_versioning(Bucket=name)
            for operation in ("get_public_access_block", "get_bucket_lifecycle_configuration",
                              "get_bucket_ownership_controls", "get_bucket_policy"):
                with pytest.raises(s3.exceptions.ClientError, match="NoSuch|NotFound"):
                    getattr(s3, operation)(Bucket=name)
        assert stack.events("aws.s3") == []


def test_the_table(whole):
    dynamodb = whole.client("dynamodb")
    table = dynamodb.describe_table(TableName=whole.table)["Table"]
    keys = lambda schema: [(key["AttributeName"], key["KeyType"]) for key in schema]
    assert keys(table["KeySchema"]) == [("pk", "HASH"), ("sk", "RANGE")]
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], keys(index["KeySchema"])) == ("by_stage", [("stage", "HASH"), ("created_at", "RANGE")])
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST" and table["DeletionProtectionEnabled"]
    live = dynamodb.describe_time_to_live(TableName=whole.table)["TimeToLiveDescription"]
    assert live == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=whole.table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_buckets(whole):
    s3 = whole.client("s3")
    names = {properties["BucketName"] for properties in whole.buckets().values()}
    assert whole.bucket in names and len(names) == 2
    for name in names:
        rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules] == ["AES256"]
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        assert len(block) == 4 and all(block.values())
        (owner,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        assert owner["ObjectOwnership"] == "BucketOwnerEnforced"
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        denied = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [statement["Condition"] for statement in denied]
        assert all(f"arn:aws:s3:::{name}/*" in statement["Resource"] for statement in denied)
    # That it sends events, moto does not tell: the upload below shows it.
    assert s3.get_bucket_versioning(Bucket=whole.bucket)["Status"] == "Enabled"
    assert s3.get_bucket_logging(Bucket=whole.bucket)["LoggingEnabled"]["TargetBucket"] in names - {whole.bucket}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=whole.bucket)["Rules"]
    # No video and no result is deleted by default.
    assert "Days" not in rule.get("Expiration", {}) and rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}


def test_the_state_machine_is_the_file_with_the_arns_of_what_came_up(whole):
    batch, functions, states = whole.client("batch"), whole.client("lambda"), whole.client("stepfunctions")
    values = {}
    for name in ("planner", "reducer", "closer"):
        versions = functions.list_versions_by_function(FunctionName=f"{STACK}-{name}")["Versions"]
        values[f"{name.capitalize()}Arn"] = versions[-1]["FunctionArn"]
    for kind in ("gpu", "cpu"):
        (queue,) = batch.describe_job_queues(jobQueues=[f"{STACK}-{kind}"])["jobQueues"]
        (definition,) = batch.describe_job_definitions(jobDefinitionName=f"{STACK}-{kind}")["jobDefinitions"]
        values |= {f"{kind.capitalize()}JobQueueArn": queue["jobQueueArn"],
                   f"{kind.capitalize()}JobDefinitionArn": definition["jobDefinitionArn"]}
    text = (system.ROOT / "statemachine" / "pipeline.asl.json").read_text()
    expected = re.sub(r"\$\{(\w+)\}", lambda match: values.pop(match[1]), text)
    assert values == {}
    machine = states.describe_state_machine(stateMachineArn=whole.machine)
    assert json.loads(machine["definition"]) == json.loads(expected)
    assert machine["loggingConfiguration"]["level"] == "ALL" and machine["tracingConfiguration"]["enabled"]
    assert trusts(whole, machine["roleArn"]) == "states.amazonaws.com"


def trusts(stack, role_arn: str) -> str:
    """The service that may take on a role."""
    role = stack.client("iam").get_role(RoleName=role_arn.rsplit("/", 1)[1])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return statement["Principal"]["Service"]


def test_the_queues_and_their_machines(whole):
    batch = whole.client("batch")
    environments = {found["computeEnvironmentArn"]: found["computeResources"]
                    for found in batch.describe_compute_environments()["computeEnvironments"]}
    for kind, families in (("gpu", {"g5"}), ("cpu", {"c6i", "c7i", "m6i", "m7i"})):
        (queue,) = batch.describe_job_queues(jobQueues=[f"{STACK}-{kind}"])["jobQueues"]
        order = [environments[place["computeEnvironment"]] for place in queue["computeEnvironmentOrder"]]
        assert [(found["type"], found["minvCpus"], found["maxvCpus"]) for found in order] == [
            ("SPOT", 0, 160), ("EC2", 0, 32)]
        assert {size.split(".")[0] for found in order for size in found["instanceTypes"]} == families
        assert all(len(found["subnets"]) == 3 for found in order)
        profile = order[0]["instanceRole"].rsplit("/", 1)[1]
        (role,) = whole.client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        assert trusts(whole, role["Arn"]) == "ec2.amazonaws.com"


def test_the_job_definitions(whole):
    rules = json.loads((system.ROOT / "statemachine" / "job-retry.json").read_text())
    for kind, gpus in (("gpu", ["1"]), ("cpu", [])):
        (found,) = whole.client("batch").describe_job_definitions(jobDefinitionName=f"{STACK}-{kind}")["jobDefinitions"]
        container = found["containerProperties"]
        needs = [need["value"] for need in container["resourceRequirements"] if need["type"] == "GPU"]
        variables = {variable["name"]: variable["value"] for variable in container["environment"]}
        assert needs == gpus and variables["FRAMEFAN_DEVICE"] == {"gpu": "cuda", "cpu": "cpu"}[kind]
        assert variables["FRAMEFAN_BUCKET"] == whole.bucket and variables["FRAMEFAN_TABLE"] == whole.table
        assert variables["FRAMEFAN_STACK"] == STACK and variables["AWS_REGION"] == REGION
        assert container["user"] == "65532:65532" and container["readonlyRootFilesystem"]
        assert re.fullmatch(rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/cdk-\S+:[0-9a-f]{{64}}", container["image"])
        assert container["logConfiguration"]["options"]["awslogs-group"] == whole.outputs["JobLogGroup"]
        assert found["retryStrategy"]["attempts"] == rules["attempts"]
        actions = [{**rule, "action": rule["action"].upper()} for rule in found["retryStrategy"]["evaluateOnExit"]]
        assert actions == rules["evaluateOnExit"]
        assert trusts(whole, container["jobRoleArn"]) == "ecs-tasks.amazonaws.com"


def test_the_rules_start_and_close_jobs(whole):
    events, lambda_ = whole.client("events"), whole.client("lambda")
    (queue,) = whole.client("sqs").list_queues()["QueueUrls"]
    attributes = whole.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    targets = {}
    for rule in events.list_rules()["Rules"]:
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        targets[json.loads(rule["EventPattern"])["source"][0]] = (json.loads(rule["EventPattern"]), target, rule["Arn"])
    assert set(targets) == {"aws.s3", "aws.states", "aws.batch"}
    pattern, upload, upload_arn = targets["aws.s3"]
    assert pattern["detail"] == {"bucket": {"name": [whole.bucket]},
                                 "object": {"key": [{"prefix": "uploads/"}], "size": [{"numeric": [">", 0]}]}}
    assert upload["Arn"] == whole.machine and trusts(whole, upload["RoleArn"]) == "events.amazonaws.com"
    pattern, closer, closer_arn = targets["aws.states"]
    assert pattern["detail"] == {"stateMachineArn": [whole.machine], "status": ["FAILED", "TIMED_OUT", "ABORTED"]}
    assert closer["Arn"] == lambda_.get_function(FunctionName=f"{STACK}-closer")["Configuration"]["FunctionArn"]
    assert upload["DeadLetterConfig"] == closer["DeadLetterConfig"] == {"Arn": attributes["QueueArn"]}
    # Only these two rules may leave dead letters there, and only events may call the closer.
    allowed = [statement["Condition"] for statement in json.loads(attributes["Policy"])["Statement"]
               if statement["Effect"] == "Allow"]
    assert allowed == [{"ArnEquals": {"aws:SourceArn": arn}} for arn in (upload_arn, closer_arn)]
    (statement,) = json.loads(lambda_.get_policy(FunctionName=f"{STACK}-closer")["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"} and closer_arn in str(statement["Condition"])
    assert targets["aws.batch"][1]["Arn"] == whole.outputs["AlarmTopicArn"]
    config = lambda_.get_function_event_invoke_config(FunctionName=f"{STACK}-closer")
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == attributes["QueueArn"]


def test_who_watches(whole):
    topic = whole.outputs["AlarmTopicArn"]
    alarms = whole.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 6 and {tuple(alarm["AlarmActions"]) for alarm in alarms} == {(topic,)}
    (dead,) = (alarm for alarm in alarms if alarm["AlarmName"] == f"{STACK}-dead-letters")
    (queue,) = whole.client("sqs").list_queues()["QueueUrls"]
    assert dead["Dimensions"] == [{"Name": "QueueName", "Value": queue.rsplit("/", 1)[1]}]
    publishers = json.loads(whole.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    services = {found["Principal"]["Service"] for found in publishers if found["Effect"] == "Allow"}
    assert services == {f"{name}.amazonaws.com" for name in ("cloudwatch", "budgets", "events")}
    (budget,) = whole.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert (budget["BudgetName"], float(budget["BudgetLimit"]["Amount"])) == (f"{STACK}-month", 200)
    (listed,) = whole.client("scheduler").list_schedules()["Schedules"]
    schedule = whole.client("scheduler").get_schedule(Name=listed["Name"])
    assert schedule["ScheduleExpression"] == "rate(5 minutes)" and schedule["Target"]["Arn"] == f"{whole.machine}-queue-depth"
    assert trusts(whole, schedule["Target"]["RoleArn"]) == "scheduler.amazonaws.com"
    groups = {group["logGroupName"]: group.get("retentionInDays") for group in
              whole.client("logs").describe_log_groups()["logGroups"]}
    assert len(groups) == 7 and set(groups.values()) == {30}


def test_what_comes_up_otherwise_than_the_template_says_is_listed(whole):
    lambda_, batch, ec2 = whole.client("lambda"), whole.client("batch"), whole.client("ec2")
    functions = {name: lambda_.get_function(FunctionName=f"{STACK}-{name}")["Configuration"]
                 for name in ("planner", "reducer", "closer")}
    definitions = batch.describe_job_definitions()["jobDefinitions"]
    (group,) = (found for found in ec2.describe_security_groups()["SecurityGroups"] if found["GroupName"] != "default"
                and "Machines" in found["GroupName"])
    facts = {
        "functions have their memory": [functions[name]["MemorySize"] for name in functions] == [2048, 3008, 512],
        "functions have their time": [functions[name]["Timeout"] for name in functions] == [900, 900, 240],
        "functions are for x86": {tuple(found["Architectures"]) for found in functions.values()} == {("x86_64",)},
        "functions know where things are": all(
            found["Environment"]["Variables"].items() >= {
                "FRAMEFAN_STACK": STACK, "FRAMEFAN_BUCKET": whole.bucket, "FRAMEFAN_TABLE": whole.table}.items()
            for found in functions.values()),
        "functions have roles": {trusts(whole, found["Role"]) for found in functions.values()} == {"lambda.amazonaws.com"},
        "functions are traced": {found["TracingConfig"]["Mode"] for found in functions.values()} == {"Active"},
        "functions are images with a command": all(
            found.get("ImageConfigResponse", {}).get("ImageConfig", {}).get("Command") == [f"/usr/local/bin/framefan-{name}"]
            for name, found in functions.items()),
        "the reducer has room for its merge": functions["reducer"]["EphemeralStorage"] == {"Size": 4096},
        "functions log to groups of the stack": all(
            found.get("LoggingConfig", {}).get("LogGroup") == f"/aws/lambda/{STACK}-{name}"
            for name, found in functions.items()),
        "attempts of jobs end in time": all(
            found.get("timeout") == {"attemptDurationSeconds": 7200} for found in definitions),
        "machines let nothing in": group["IpPermissions"] == [],
        "machines talk HTTPS and nothing else": [
            (rule.get("FromPort"), rule.get("ToPort")) for rule in group["IpPermissionsEgress"]] == [(443, 443)],
    }
    assert {name for name, is_so in facts.items() if not is_so} == set(INCOMPLETE)


@pytest.fixture(scope="module")
def running(whole):
    """With programs in place of images, and without the buckets' policies: moto denies everything to everybody when a policy
    denies something on a condition."""
    for properties in whole.buckets().values():
        whole.client("s3").delete_bucket_policy(Bucket=properties["BucketName"])
    whole.run_programs()
    return whole


@pytest.fixture(scope="module")
def job(running) -> str:
    """A job that an upload to the stack's bucket has started, and that is done."""
    # As the console makes a folder: nothing starts.
    running.client("s3").put_object(Bucket=running.bucket, Key="uploads/pose/", Body=b"")
    running.upload(system.video(), "uploads/clip.mp4")
    return system.done(running, running.wait_for_start())


def test_an_upload_becomes_the_result_that_one_machine_gives(running, job):
    system.assert_whole(running, job)
    assert running.section(job, "pose") == system.local_section(system.video(), "--max-width", "96")
    (announced,) = running.events("framefan", "Job Done")
    assert announced["detail"]["bucket"] == running.bucket


def test_the_command_finds_its_deployment_by_the_stack(running, job):
    env = {**os.environ, **running.server.env(), "FRAMEFAN_STACK": STACK}
    done = subprocess.run([system.program("framefan"), "status", job, "--json"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["job"]["stage"] == "DONE"


def with_small_letters(definition: str) -> str:
    """A state machine with Batch's names as Batch has them. In Step Functions they begin with a capital letter, which moto
    does not translate."""
    names = ("JobQueue", "JobStatus", "MaxResults", "NextToken", "JobSummaryList", "JobId", "Jobs", "Container", "Command")

    def change(state: dict) -> dict:
        if not state.get("Resource", "").startswith("arn:aws:states:::aws-sdk:batch:"):
            return state
        text = re.sub(rf"\b({'|'.join(names)})\b", lambda name: name[1][0].lower() + name[1][1:], json.dumps(state))
        return json.loads(text)

    return json.dumps(template_stack.replace(json.loads(definition), change))


@pytest.fixture(scope="module")
def counted(running, job):
    """The deployment after a count of the queues while jobs wait: three shards of two chunks, and one machine. The count ran
    as a standard state machine, because the local server has no express ones."""
    running.upload(system.video("six", seconds=6), "videos/six.mp4")
    execution = running.start({"key": "videos/six.mp4", "compute": "gpu", "shards": 3})
    batch, queue = running.client("batch"), running.outputs["GpuJobQueueArn"]
    wait_until(lambda: len(batch.list_jobs(jobQueue=queue, jobStatus="RUNNABLE")["jobSummaryList"]) == 2, 60, "jobs wait")
    states, scheduler = running.client("stepfunctions"), running.client("scheduler")
    (schedule,) = scheduler.list_schedules()["Schedules"]
    target = scheduler.get_schedule(Name=schedule["Name"])["Target"]
    described = states.describe_state_machine(stateMachineArn=target["Arn"])
    standard = states.create_state_machine(
        name="count", definition=with_small_letters(described["definition"]), roleArn=described["roleArn"])
    arn = states.start_execution(stateMachineArn=standard["stateMachineArn"], input=target["Input"])["executionArn"]
    ended = running.wait(arn, 90)
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    running.stop_execution(execution)
    return running


def published(stack) -> dict[tuple, float]:
    """What was put into CloudWatch: name and dimensions of each metric, and its value."""
    data = stack.client("cloudwatch").list_metrics(Namespace="framefan")["Metrics"]
    found = {}
    for metric in data:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
        points = stack.client("cloudwatch").get_metric_statistics(
            Namespace="framefan", MetricName=metric["MetricName"], Dimensions=metric["Dimensions"], Period=3600,
            Statistics=["Maximum"], StartTime=end - datetime.timedelta(hours=1), EndTime=end)["Datapoints"]
        dimensions = tuple((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
        found[metric["MetricName"], dimensions] = points[0]["Maximum"]
    return found


def test_the_count_of_the_queues(counted):
    assert published(counted) == {
        ("JobsWaiting", (("Queue", "framefan-gpu"),)): 2,
        ("ChunksWaiting", (("Queue", "framefan-gpu"),)): 4,
        ("JobsWaiting", (("Queue", "framefan-cpu"),)): 0,
        ("ChunksWaiting", (("Queue", "framefan-cpu"),)): 0,
        ("JobsAtStage", (("Stack", STACK), ("Stage", "QUEUED"))): 1,
    }


@pytest.fixture(scope="module")
def failed(running, tmp_path_factory) -> str:
    """An execution that has failed, because its video is none."""
    bad = tmp_path_factory.mktemp("bad") / "bad.mp4"
    bad.write_bytes(b"no video at all")
    running.upload(bad, "videos/bad.mp4")
    arn = running.start({"key": "videos/bad.mp4"})
    ended = running.wait(arn)
    assert (ended["status"], ended["error"]) == ("FAILED", "BadInput")
    return arn


def test_each_metric_of_the_dashboard_and_the_alarms_is_written_by_something(counted, failed):
    """In the logs, as CloudWatch reads them, after a job that was done and one that failed; or by the count."""
    written = {(name, tuple(dimension for dimension, _ in dimensions)) for name, dimensions in published(counted)}
    groups = [counted.outputs["JobLogGroup"], *(f"/aws/lambda/{STACK}-{name}" for name in ("planner", "reducer", "closer"))]
    for line in (line for group in groups for line in counted.logs(group) if '"_aws"' in line):
        line = json.loads(line)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "framefan"
            for dimensions in directive["Dimensions"]:
                assert all(line[name] in (STACK, f"{STACK}-cpu") for name in dimensions)
                written |= {(metric["Name"], tuple(dimensions)) for metric in directive["Metrics"]}
    asked = set()
    body = json.loads(counted.client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"])
    for widget in body["widgets"]:
        for namespace, name, *rest in (m for m in widget["properties"].get("metrics", []) if len(m) > 1):
            words = [word for word in rest if isinstance(word, str)]
            asked |= {(name, tuple(words[::2]))} if namespace == "framefan" else set()
    for alarm in counted.client("cloudwatch").describe_alarms()["MetricAlarms"]:
        metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        asked |= {(metric["MetricName"], tuple(dimension["Name"] for dimension in metric["Dimensions"]))
                  for metric in metrics if metric["Namespace"] == "framefan"}
    assert len(asked) > 20 and asked - written == set()


def test_every_call_is_one_that_the_roles_of_the_stack_allow(running, counted, failed):
    """By the policies as CloudFormation resolved them, with the names that it gave. The platform's own calls are not seen."""
    functions = {f"{STACK}-{name}": running.client("lambda").get_function(FunctionName=f"{STACK}-{name}")["Configuration"]["Role"]
                 for name in ("planner", "reducer", "closer")}
    (definition,) = running.client("batch").describe_job_definitions(jobDefinitionName=f"{STACK}-cpu")["jobDefinitions"]
    job_role = definition["containerProperties"]["jobRoleArn"]
    states = running.client("stepfunctions")
    roles = [states.describe_state_machine(stateMachineArn=f"{running.machine}{rest}")["roleArn"]
             for rest in ("", "-queue-depth")]
    # Its calls are recorded under the name of the role.
    machines = {arn.rsplit("/", 1)[1]: arn for arn in roles}
    granted = {arn: grants(running, arn) for arn in (*functions.values(), *machines.values(), job_role)}
    seen = set()
    for call in running.calls():
        name = call["caller"]["name"]
        role = {"function": functions.get(name), "state-machine": machines.get(name), "job": job_role}.get(
            call["caller"]["kind"])
        for action, resource in call["actions"] if role else []:
            # IAM knows CloudWatch by another name than signatures do.
            seen.add((role, action.replace("monitoring:", "cloudwatch:"), resource))
    refused = sorted(call for call in seen if not any(allows(grant, *call[1:]) for grant in granted[call[0]]))
    assert refused == [] and {role for role, *_ in seen} == set(granted)


def grants(stack, role_arn: str) -> list[tuple[str, str]]:
    """Actions and patterns of ARNs of a role's policies."""
    iam, role = stack.client("iam"), role_arn.rsplit("/", 1)[1]
    found = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            as_list = lambda value: value if isinstance(value, list) else [value]
            found += [(action, resource) for action in as_list(statement["Action"])
                      for resource in as_list(statement["Resource"])]
    return found
