"""A stand-in for the planner, the reducer or the closer: its argument says which. Its errors are told by the input.

A request holds `test`: {"plan": {...}, "planner": [ERROR, ...], "reducer": [...], "closer": [...]}. The n-th call of a
step within an execution meets the n-th error of its list, if there is one: {"type", "message"}, "crash" or "hang".
The planner keeps the request where reducer and closer find it, and puts the shards where the Map reads them.
"""

import json
import os
import sys
import time
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "local-aws"))
from function_runtime import Failure, serve  # noqa: E402

ROLE = sys.argv[1]
BUCKET = os.environ["FRAMEFAN_BUCKET"]
s3 = boto3.client("s3")


def remember(execution: str, test: dict) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"tests/{execution}/test.json", Body=json.dumps(test))


def recall(execution: str) -> dict:
    return json.load(s3.get_object(Bucket=BUCKET, Key=f"tests/{execution}/test.json")["Body"])


def meet_error(execution: str, test: dict) -> None:
    """Counts this call, and fails as the test says for a call of this number."""
    prefix = f"tests/{execution}/{ROLE}/"
    number = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"]
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}{number}", Body=b"")
    errors = test.get(ROLE, [])
    error = errors[number] if number < len(errors) else None
    if error == "crash":
        os._exit(9)
    if error == "hang":
        time.sleep(60)
    if error:
        raise Failure(error["type"], error.get("message", "as the test says"))


def planner(event: dict) -> dict:
    execution, request = event["execution"], event["input"]
    test = request.get("test", {})
    if not test and "detail" in request:
        # An upload: its name is the job's.
        test = {"plan": {"job_id": request["detail"]["object"]["key"].rsplit("/", 1)[-1].split(".")[0]}}
    remember(execution, test)
    meet_error(execution, test)
    plan = test["plan"]
    job_id, shards = plan["job_id"], plan.get("shards", 1)
    answer = {"job_id": job_id, "status": "planned", "bucket": BUCKET, "shards_key": f"jobs/{job_id}/shards.json",
              "shards": shards, "max_concurrency": 8, "compute": "gpu", "chunks": 2 * shards, **plan.get("answer", {})}
    items = [{"job_id": job_id, "shard": n, "first_chunk": 2 * n, "end_chunk": 2 * n + 2} for n in range(shards)]
    if not plan.get("no_file"):
        s3.put_object(Bucket=BUCKET, Key=answer["shards_key"], Body=json.dumps(items))
    return answer


def reducer(event: dict) -> dict:
    meet_error(event["execution"], recall(event["execution"]))
    job_id = event["job_id"]
    return {"job_id": job_id, "results_key": f"jobs/{job_id}/final_results.json",
            "report_key": f"jobs/{job_id}/report.html", "frames_processed": 42, "trimmed": "x" * 1000}


def closer(event: dict) -> dict:
    if "detail" in event:
        execution = event["detail"]["executionArn"]
        s3.put_object(Bucket=BUCKET, Key=f"tests/{execution}/ended", Body=json.dumps(event))
        return {"job_id": None, "kind": "Cancelled", "message": event["detail"]["status"]}
    meet_error(event["execution"], recall(event["execution"]))
    return {"job_id": event.get("job_id"), "kind": "BadInput", "message": "what the closer made of it"}


serve({"planner": planner, "reducer": reducer, "closer": closer}[ROLE])
