"""What the project asks of S3 and DynamoDB: conditions that hold among many writers, versions, and parts of objects."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def table(aws):
    aws.client("dynamodb").create_table(
        TableName="items", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
    return "items"


def succeeds(call) -> bool:
    try:
        call()
        return True
    except ClientError as error:
        assert error.response["Error"]["Code"] in (
            "ConditionalCheckFailedException", "TransactionCanceledException", "PreconditionFailed"), error
        return False


def test_of_many_who_create_an_item_one_succeeds(aws, table):
    def create(key):
        return succeeds(lambda: aws.client("dynamodb").put_item(
            TableName=table, Item={"pk": {"S": key}}, ConditionExpression="attribute_not_exists(pk)"))
    with ThreadPoolExecutor(16) as pool:
        for number in range(20):
            assert sum(pool.map(create, [f"item-{number}"] * 16)) == 1


@pytest.mark.repair("atomic")
def test_no_update_is_lost(aws, table):
    # moto's tables have no lock: without the repair about six updates of a thousand are lost.
    dynamodb, key = aws.client("dynamodb"), {"pk": {"S": "counter"}}

    def add(_):
        dynamodb.update_item(TableName=table, Key=key, UpdateExpression="ADD n :one",
                             ExpressionAttributeValues={":one": {"N": "1"}})
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(1500)))
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["n"] == {"N": "1500"}


def test_a_transaction_counts_once_however_many_try(aws, table):
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "job"}, "done": {"N": "0"}})
    for number in range(10):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": f"chunk-{number}"}, "status": {"S": "processing"}})

    def complete(number):
        return succeeds(lambda: dynamodb.transact_write_items(TransactItems=[
            {"Update": {"TableName": table, "Key": {"pk": {"S": f"chunk-{number}"}},
                        "UpdateExpression": "SET #s = :done", "ConditionExpression": "#s = :processing",
                        "ExpressionAttributeNames": {"#s": "status"},
                        "ExpressionAttributeValues": {":done": {"S": "completed"}, ":processing": {"S": "processing"}}}},
            {"Update": {"TableName": table, "Key": {"pk": {"S": "job"}}, "UpdateExpression": "ADD done :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}}}}]))
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(complete, [n % 10 for n in range(80)])) == 10
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "job"}})["Item"]
    assert item["done"] == {"N": "10"}


def test_of_many_who_create_an_object_one_succeeds(aws):
    bucket, body = aws.bucket(), bytes(100_000)

    def create(number):
        return succeeds(lambda: aws.client("s3").put_object(
            Bucket=bucket, Key=f"object-{number}", Body=body, IfNoneMatch="*"))
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, [n // 8 for n in range(40)])) == 5


def test_reads_are_pinned_to_a_version_or_an_etag(aws):
    s3, bucket = aws.client("s3"), aws.bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="v", Body=b"old")
    new = s3.put_object(Bucket=bucket, Key="v", Body=b"new")
    assert s3.get_object(Bucket=bucket, Key="v", VersionId=old["VersionId"])["Body"].read() == b"old"
    assert s3.get_object(Bucket=bucket, Key="v", IfMatch=new["ETag"], Range="bytes=1-")["Body"].read() == b"ew"
    with pytest.raises(ClientError) as failed:
        s3.get_object(Bucket=bucket, Key="v", IfMatch=old["ETag"], Range="bytes=0-0")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


@pytest.mark.repair("s3-reads")
def test_reading_a_part_of_an_object_does_not_cost_all_of_it(aws):
    s3, bucket, size = aws.client("s3"), aws.bucket(), 100 << 20
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(size))
    s3.get_object(Bucket=bucket, Key="large", Range="bytes=0-0")
    began = time.monotonic()
    for start in range(0, size, size // 20):
        assert len(s3.get_object(Bucket=bucket, Key="large", Range=f"bytes={start}-{start + 999}")["Body"].read()) == 1000
    # moto copies 100 MB twice for each: about 2 s in all.
    assert time.monotonic() - began < 1
