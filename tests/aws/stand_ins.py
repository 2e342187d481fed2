"""Resources of the template by the APIs of their services, in place of CloudFormation: from the same properties, of which
the SDK checks the names and types against AWS's own description of each API."""

import json

ACCOUNT = "123456789012"
_HERE = "${AWS::Region}:${AWS::AccountId}"


def identity(kind: str, logical_id: str, properties: dict) -> dict[str, str]:
    """What `Ref` and the attributes of a resource are, for `Fn::Sub`."""
    match kind:
        case "AWS::DynamoDB::GlobalTable":
            return {"Ref": f"framefan-{logical_id}", "Arn": f"arn:aws:dynamodb:{_HERE}:table/framefan-{logical_id}"}
        case "AWS::StepFunctions::StateMachine":
            name = properties["StateMachineName"]
            arn = f"arn:aws:states:{_HERE}:stateMachine:{name}"
            return {"Ref": arn, "Arn": arn, "Name": name}
        case "AWS::CloudWatch::Alarm":
            return {"Arn": f"arn:aws:cloudwatch:{_HERE}:alarm:{properties['AlarmName']}"}
    return {}


def make_table(client, logical_id: str, properties: dict) -> str:
    """Of a global table with one replica, here."""
    properties = dict(properties)
    ttl = properties.pop("TimeToLiveSpecification")
    # False is the key that AWS owns.
    assert properties.pop("SSESpecification") == {"SSEEnabled": False}
    (replica,) = properties.pop("Replicas")
    name = identity("AWS::DynamoDB::GlobalTable", logical_id, properties)["Ref"]
    dynamodb = client("dynamodb")
    made = dynamodb.create_table(
        TableName=name, DeletionProtectionEnabled=replica["DeletionProtectionEnabled"], Tags=replica["Tags"], **properties)
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification=replica["PointInTimeRecoverySpecification"])
    return made["TableDescription"]["TableArn"]


def make_state_machine(client, _: str, properties: dict) -> str:
    definition = properties["DefinitionString"]
    for name, value in properties["DefinitionSubstitutions"].items():
        definition = definition.replace(f"${{{name}}}", value)
    return client("stepfunctions").create_state_machine(
        name=properties["StateMachineName"], type=properties.get("StateMachineType", "STANDARD"), definition=definition,
        roleArn=properties["RoleArn"], loggingConfiguration=_camel(properties["LoggingConfiguration"]),
        tracingConfiguration=_camel(properties["TracingConfiguration"]), tags=_camel(properties["Tags"]))["stateMachineArn"]


def make_alarm(client, _: str, properties: dict) -> None:
    client("cloudwatch").put_metric_alarm(**properties)


def make_schedule(client, logical_id: str, properties: dict) -> None:
    client("scheduler").create_schedule(Name=logical_id, **properties)


def make_budget(client, _: str, properties: dict) -> None:
    limit = properties["Budget"]["BudgetLimit"]
    budget = {**properties["Budget"], "BudgetLimit": {**limit, "Amount": str(limit["Amount"])}}
    client("budgets").create_budget(
        AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=properties["NotificationsWithSubscribers"],
        ResourceTags=properties["ResourceTags"])


def make_invoke_config(client, _: str, properties: dict) -> None:
    client("lambda").put_function_event_invoke_config(**properties)


def make_bucket_policy(client, _: str, properties: dict) -> None:
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))


def make_queue_policy(client, _: str, properties: dict) -> None:
    for queue in properties["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])})


def make_topic_policy(client, _: str, properties: dict) -> None:
    for topic in properties["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(properties["PolicyDocument"]))


# Each returns the ARN, where others name it.
MAKE = {
    "AWS::Budgets::Budget": make_budget,
    "AWS::CloudWatch::Alarm": make_alarm,
    "AWS::DynamoDB::GlobalTable": make_table,
    "AWS::Lambda::EventInvokeConfig": make_invoke_config,
    "AWS::S3::BucketPolicy": make_bucket_policy,
    "AWS::SNS::TopicPolicy": make_topic_policy,
    "AWS::SQS::QueuePolicy": make_queue_policy,
    "AWS::Scheduler::Schedule": make_schedule,
    "AWS::StepFunctions::StateMachine": make_state_machine,
}


def set_up_bucket(client, properties: dict) -> None:
    """The settings of a bucket, of which moto's CloudFormation makes the name and the tags only."""
    s3, bucket = client("s3"), properties["BucketName"]
    rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]} for rule in rules]})
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=properties["OwnershipControls"])
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
        "Rules": [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]})
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"])
    if properties.get("NotificationConfiguration") == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    if "LoggingConfiguration" in properties:
        target = properties["LoggingConfiguration"]["DestinationBucketName"]
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": target, "TargetPrefix": ""}})


def _lifecycle_rule(rule: dict) -> dict:
    """CloudFormation says in one member what the API says in two."""
    rule = {"Filter": {"Prefix": ""}, **rule}
    rule["ID"] = rule.pop("Id")
    for name, member in (("ExpirationInDays", "Days"), ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker")):
        if name in rule:
            rule["Expiration"] = {member: rule.pop(name)}
    return rule


def _camel(value):
    """Names with a small first letter, as Step Functions' API has them."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _camel(member) for name, member in value.items()}
    return [_camel(member) for member in value] if isinstance(value, list) else value
