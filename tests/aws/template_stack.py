"""The deployment's template, made by the local server's CloudFormation, as far as that goes.

moto's CloudFormation skips some types of resources, makes others only in part, and refuses a few properties that AWS takes.
Everything it does not do is listed with the reason: `LEFT_OUT` (types) and `REWRITTEN` (parts of the template) here, and in
test_deploy.py, which holds the lists to be exact, `INCOMPLETE` (properties). What is left out is then made by the API of its own
service, from the properties as CloudFormation resolves them.
"""

import copy
import json
import os
import pathlib
import subprocess
import tempfile

import stand_ins
import system
from local_aws_client import Cloud
from local_aws_client.server import Server

CDK = system.ROOT / "infra" / "cdk"
# As the local server has them (tests/local-aws/local_aws/settings.py).
REGION, ACCOUNT = "eu-central-1", "123456789012"
STACK = "framefan"
# What bootstrapping leaves in an account, which a template of CDK's asks for.
BOOTSTRAP = ("/cdk-bootstrap/hnb659fds/version", "31")

# Types that moto's CloudFormation passes over without an error: it says that the stack is complete.
LEFT_OUT = {
    "AWS::Budgets::Budget": "not known to it",
    "AWS::CloudWatch::Alarm": "not known to it",
    "AWS::DynamoDB::GlobalTable": "not known to it (AWS::DynamoDB::Table is)",
    "AWS::Lambda::EventInvokeConfig": "not known to it",
    "AWS::S3::BucketPolicy": "not known to it",
    "AWS::SNS::TopicPolicy": "not known to it",
    "AWS::SQS::QueuePolicy": "not known to it",
    "AWS::Scheduler::Schedule": "not known to it",
    "AWS::StepFunctions::StateMachine": "made where the API that runs executions does not look",
}


def synthesize(folder: pathlib.Path, **settings: str) -> dict:
    """The template that `cdk deploy` would send, with settings as on its command line."""
    given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = ["npm", "exec", "--silent", "--", "cdk", "synth", "--quiet", "--no-staging", "--output", str(folder), *given]
    done = subprocess.run(command, cwd=CDK, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / f"{STACK}.template.json").read_text())


def _batch_arns(template: dict) -> dict:
    """`Fn::GetAtt` of a Batch resource's ARN as `Ref`, which is the ARN too."""
    arns = ("ComputeEnvironmentArn", "JobQueueArn")
    return replace(template, lambda value: {"Ref": value["Fn::GetAtt"][0]}
                    if "Fn::GetAtt" in value and value["Fn::GetAtt"][1] in arns else value)


def _managed_environments(template: dict) -> dict:
    """Compute environments with a role for the service, of a type in capitals."""
    template = copy.deepcopy(template)
    a_role = next(name for name, found in template["Resources"].items() if found["Type"] == "AWS::IAM::Role")
    for found in template["Resources"].values():
        if found["Type"] == "AWS::Batch::ComputeEnvironment":
            found["Properties"]["Type"] = found["Properties"]["Type"].upper()
            found["Properties"]["ServiceRole"] = {"Fn::GetAtt": [a_role, "Arn"]}
    return template


def _function_versions(template: dict) -> dict:
    """`Ref` of a function's version as the ARN of its first version."""
    versions = {name: found["Properties"]["FunctionName"]["Ref"] for name, found in template["Resources"].items()
                if found["Type"] == "AWS::Lambda::Version"}
    return replace(template, lambda value: {"Fn::Join": [":", [{"Fn::GetAtt": [versions[value["Ref"]], "Arn"]}, "1"]]}
                    if value.get("Ref") in versions else value)


# What moto's CloudFormation would stumble over, put in other words.
REWRITTEN = {
    "batch-arns": ("it knows no attributes of Batch's resources", _batch_arns),
    "managed-environments": ("it wants MANAGED in capitals, and a service role where AWS takes its own", _managed_environments),
    "function-versions": ("its Ref of a function's version is empty", _function_versions),
}


def replace(value, change):
    """The value with `change` done to each of its objects, from the outside in."""
    if isinstance(value, dict):
        return {name: replace(member, change) for name, member in change(value).items()}
    return [replace(member, change) for member in value] if isinstance(value, list) else value


class Stack(Cloud):
    """The template's stack on a new local server; then, by `complete`, what CloudFormation left out of it. There is one
    machine with a GPU.

    `without` leaves out one of REWRITTEN."""

    def __init__(self, template: dict, without: str | None = None) -> None:
        self.server = Server({"waits": {"retry_scale": 0.1}, "queue_slots": {f"{STACK}-gpu": 1}})
        self.control, self.client = self.server.control, self.server.client
        self.template = template
        for name, (_, rewrite) in REWRITTEN.items():
            template = rewrite(template) if name != without else template
        everything = template["Resources"]
        #: Names that CloudFormation does not make, by logical id.
        self.left_out = {name: found["Type"] for name, found in everything.items() if found["Type"] in LEFT_OUT}
        try:
            self._deploy(self._without_left_out(template))
        except Exception:
            self.stop()
            raise

    def _without_left_out(self, template: dict) -> dict:
        """The template without the types that CloudFormation cannot make. Outputs say what its references come to in the
        properties of those, and of the buckets."""
        left_out = {name: template["Resources"][name] for name in self.left_out}
        known = {name: stand_ins.identity(found["Type"], name, found["Properties"]) for name, found in left_out.items()}

        def change(value: dict) -> dict:
            if value.get("Ref") in known:
                return {"Fn::Sub": known[value["Ref"]]["Ref"]}
            if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in known:
                name, attribute = value["Fn::GetAtt"]
                return {"Fn::Sub": known[name][attribute]}
            if "DependsOn" in value:
                there = [name for name in value["DependsOn"] if name not in known]
                return {**value, "DependsOn": there}
            return value

        template = replace(template, change)
        asked = {name: found["Properties"] for name, found in template["Resources"].items()
                 if name in known or found["Type"] == "AWS::S3::Bucket"}
        # The text of state machines is theirs: its ${Name} are not CloudFormation's.
        self._texts = {name: found.pop("DefinitionString") for name, found in asked.items() if "DefinitionString" in found}
        template["Resources"] = {name: found for name, found in template["Resources"].items() if name not in known}
        for name, properties in asked.items():
            template["Outputs"][f"Properties{name}"] = {"Value": {"Fn::ToJsonString": properties}}
        return template

    def _deploy(self, template: dict) -> None:
        name, value = BOOTSTRAP
        self.client("ssm").put_parameter(Name=name, Value=value, Type="String")
        # By way of a bucket, as `cdk deploy` does: a template in the call must not be larger than 51,200 bytes.
        assets = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=assets, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=assets, Key="template.json", Body=json.dumps(template).encode())
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK, Capabilities=["CAPABILITY_NAMED_IAM"],
            TemplateURL=f"https://{assets}.s3.{REGION}.amazonaws.com/template.json")
        (self.described,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in self.described.get("Outputs", [])}
        prefix = "Properties"
        #: Resolved properties of buckets and of what was left out, by logical id.
        self.resolved = {name.removeprefix(prefix): json.loads(value) for name, value in outputs.items()
                         if name.startswith(prefix)}
        for name, text in self._texts.items():
            self.resolved[name]["DefinitionString"] = text
        self.outputs = {name: value for name, value in outputs.items() if not name.startswith(prefix)}
        self.bucket, self.table = self.outputs["BucketName"], self.outputs["TableName"]
        self.machine = self.outputs["StateMachineArn"]
        self.deployment = {"stack": STACK, "outputs": self.outputs}

    def made(self) -> dict[str, tuple[str, str]]:
        """Type and status of all that CloudFormation says it made, by logical id."""
        return {item["LogicalResourceId"]: (item["ResourceType"], item["ResourceStatus"]) for item in self._summaries(STACK)}

    def passed_over(self) -> set[str]:
        """The types, of those that were left out, that CloudFormation passes over when it is given them."""
        resources = {name: {"Type": kind, "Properties": self.resolved[name]} for name, kind in self.left_out.items()}
        self.client("cloudformation").create_stack(
            StackName="left-out", TemplateBody=json.dumps({"Resources": resources}))
        machines = self.client("stepfunctions").list_state_machines()["stateMachines"]
        unseen = {"AWS::StepFunctions::StateMachine"} if not machines else set()
        listed = {item["ResourceType"] for item in self._summaries("left-out")}
        self.client("cloudformation").delete_stack(StackName="left-out")
        return set(self.left_out.values()) - listed | unseen

    def _summaries(self, stack: str) -> list[dict]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return [item for page in pages for item in page["StackResourceSummaries"]]

    def complete(self) -> None:
        """Makes what CloudFormation left out, and gives the buckets their settings."""
        for name, kind in self.left_out.items():
            made = stand_ins.MAKE[kind](self.client, name, self.resolved[name])
            expected = stand_ins.identity(kind, name, self.resolved[name]).get("Arn")
            assert made is None or made == self._written(expected), (made, expected)
        for properties in self.buckets().values():
            stand_ins.set_up_bucket(self.client, properties)

    def buckets(self) -> dict[str, dict]:
        """Properties of the buckets, by logical id, with the name that CloudFormation gave them."""
        kinds = self.template["Resources"]
        names = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in self._summaries(STACK)}
        return {name: {**properties, "BucketName": names[name]} for name, properties in self.resolved.items()
                if kinds[name]["Type"] == "AWS::S3::Bucket"}

    @staticmethod
    def _written(text: str) -> str:
        return text.replace("${AWS::Region}", REGION).replace("${AWS::AccountId}", ACCOUNT)

    def run_programs(self) -> None:
        """The programs that Cargo built are the functions' and the jobs' images, and the stack's machines have this processor."""
        models = {"FRAMEFAN_MODELS": str(system.models())}
        functions = {f"{STACK}-{name}": {"argv": [system.program(f"framefan-{name}")], "env": models}
                     for name in ("planner", "reducer", "closer")}
        definitions = self.client("batch").describe_job_definitions()["jobDefinitions"]
        images = {found["containerProperties"]["image"]: {"argv": [system.program("gpu-job")], "env": models}
                  for found in definitions}
        # The one machine with a GPU is busy, so that others wait for it.
        (gpu,) = (found for found in definitions if found["jobDefinitionName"] == f"{STACK}-gpu")
        images[gpu["containerProperties"]["image"]] = {"argv": ["/bin/sh", "-c", "exec sleep 120", "gpu-job"]}
        self.control.post("/programs", functions=functions, images=images)
        planner = {"FunctionName": f"{STACK}-planner"}
        variables = self.client("lambda").get_function_configuration(**planner)["Environment"]["Variables"]
        variables["CPU_DEVICE_CLASS"] = system.device_class()
        self.client("lambda").update_function_configuration(**planner, Environment={"Variables": variables})


def template() -> dict:
    """The template of the default settings, but with what suits a small video on a processor."""
    with tempfile.TemporaryDirectory() as folder:
        return synthesize(pathlib.Path(folder), **{
            "defaults.compute": "cpu", "defaults.maxWidth": "96", "defaults.chunkSeconds": "1", "fanOut.shardSeconds": "3"})
