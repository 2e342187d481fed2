"""Makes in the local AWS what the tests of the other services use, and says it as JSON.

usage: make_services.py CONTROL_URL   with the SDK's variables in the environment
"""

import json
import sys
import urllib.request

import boto3

control = sys.argv[1]
IMAGES = {
    "waits": ["sleep", "600"],
    "fails": ["sh", "-c", "for n in 1 2 3; do echo line $n; done; exit 3"],
}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {
        "Service": ["batch.amazonaws.com", "states.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}

body = json.dumps({"images": {name: {"argv": argv} for name, argv in IMAGES.items()}}).encode()
urllib.request.urlopen(urllib.request.Request(f"{control}/programs", body, {"Content-Type": "application/json"})).read()
role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]

batch, logs = boto3.client("batch"), boto3.client("logs")
logs.create_log_group(logGroupName="/jobs")
environment = batch.create_compute_environment(
    computeEnvironmentName="machines", type="UNMANAGED", state="ENABLED", serviceRole=role)["computeEnvironmentArn"]
queue = batch.create_job_queue(jobQueueName="q", state="ENABLED", priority=1, computeEnvironmentOrder=[
    {"order": 1, "computeEnvironment": environment}])["jobQueueArn"]
for image in IMAGES:
    batch.register_job_definition(jobDefinitionName=image, type="container", containerProperties={
        "image": image, "vcpus": 1, "memory": 100, "logConfiguration": {
            "logDriver": "awslogs", "options": {"awslogs-group": "/jobs", "awslogs-stream-prefix": "t"}}})

machine = boto3.client("stepfunctions").create_state_machine(name="m", roleArn=role, definition=json.dumps(
    {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}))["stateMachineArn"]

events, sqs = boto3.client("events"), boto3.client("sqs")
bus = events.create_event_bus(Name="bus")["EventBusArn"]
sink = sqs.create_queue(QueueName="sink")["QueueUrl"]
sink_arn = sqs.get_queue_attributes(QueueUrl=sink, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
events.put_rule(Name="all", EventBusName="bus", EventPattern=json.dumps({"source": ["framefan"]}))
events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "sink", "Arn": sink_arn}])

boto3.client("cloudformation").create_stack(StackName="a-stack", TemplateBody=json.dumps({
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-a-stack"}}},
    "Outputs": {"BucketName": {"Value": "some-bucket"}, "QueueName": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}}}))

print(json.dumps({"machine": machine, "queue": queue, "bus": bus, "sink": sink}))
