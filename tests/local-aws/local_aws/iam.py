"""The IAM actions that a call needs, and on which resources: what a policy is compared with.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from local_aws.operations import Operation
from local_aws.settings import ACCOUNT, REGION

# Operations of S3 whose action has another name.
S3_ACTIONS = {
    "HeadObject": "GetObject", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket", "HeadBucket": "ListBucket",
    "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject", "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject", "DeleteObjects": "DeleteObject", "ListParts": "ListMultipartUploadParts",
    "ListObjectVersions": "ListBucketVersions", "GetBucketNotificationConfiguration": "GetBucketNotification",
}
TRANSACTION_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem",
                       "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
BATCH_WRITE_ACTIONS = {"PutRequest": "PutItem", "DeleteRequest": "DeleteItem"}


def actions(operation: Operation) -> list[tuple[str, str]]:
    """Pairs of action and resource ARN; `*` where the action knows no resource."""
    special = {"s3": _s3, "dynamodb": _dynamodb}.get(operation.service)
    if special:
        return sorted(set(special(operation)))
    prefix, name = operation.service, operation.name
    if (prefix, name) == ("lambda", "Invoke"):
        name = "InvokeFunction"
    return [(f"{prefix}:{name}", resource) for resource in _resources(operation)]


def _s3(operation: Operation) -> list[tuple[str, str]]:
    bucket, name = f"arn:aws:s3:::{operation.bucket}", operation.name
    action = S3_ACTIONS.get(name, name)
    found = []
    if "versionId" in operation.parameters and action in ("GetObject", "DeleteObject"):
        action += "Version"
    if name == "DeleteObjects":
        # The keys stand in the body, which is not read here.
        return [(f"s3:{action}", f"{bucket}/*")]
    found.append((f"s3:{action}", f"{bucket}/{operation.key}" if operation.key else bucket))
    return found


def _dynamodb(operation: Operation) -> list[tuple[str, str]]:
    body, name = operation.parameters, operation.name
    if name in ("TransactWriteItems", "TransactGetItems"):
        return [(f"dynamodb:{TRANSACTION_ACTIONS[kind]}", _table(part["TableName"]))
                for item in body.get("TransactItems", []) for kind, part in item.items()]
    if name in ("BatchWriteItem", "BatchGetItem"):
        return [(f"dynamodb:{name}", _table(table)) for table in body.get("RequestItems", {})]
    resource = _table(body["TableName"]) if "TableName" in body else "*"
    if "IndexName" in body:
        resource += f"/index/{body['IndexName']}"
    return [(f"dynamodb:{name}", resource)]


def _table(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _resources(operation: Operation) -> list[str]:
    given, name = operation.parameters, operation.name
    where = f"{REGION}:{ACCOUNT}"
    match operation.service:
        case "lambda" if "FunctionName" in given:
            # A name, or an ARN, which may end with a version.
            function = given["FunctionName"].rsplit(":function:", 1)[-1]
            return [f"arn:aws:lambda:{where}:function:{function}"]
        case "states":
            return [given.get("executionArn") or given.get("stateMachineArn") or given.get("mapRunArn") or "*"]
        case "batch" if name == "SubmitJob":
            return [given.get("jobQueue", "*"), given.get("jobDefinition", "*")]
        case "batch" if name in ("TerminateJob", "CancelJob"):
            return [f"arn:aws:batch:{where}:job/{given.get('jobId')}"]
        case "events" if name == "PutEvents":
            buses = {entry.get("EventBusName", "default").rsplit("/", 1)[-1] for entry in given.get("Entries", [])}
            return [f"arn:aws:events:{where}:event-bus/{bus}" for bus in sorted(buses)]
        case "logs" if given.get("logGroupName"):
            return [f"arn:aws:logs:{where}:log-group:{given['logGroupName']}"]
        case "cloudformation" if given.get("StackName"):
            return [f"arn:aws:cloudformation:{where}:stack/{given['StackName']}"]
    return ["*"]
