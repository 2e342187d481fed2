"""A two-hour video with five people in every frame: the functions hold little of it in memory, however large the result.

The network's work is made up here: one chunk of a real job, repeated. That also writes down the digest by which a chunk is
known, in another language.
"""

import hashlib
import json
import pathlib

import system
from system import BY_HAND, SMALL, done

HOURS = 2
# A Lambda function's memory in the deployment.
LAMBDA_BYTES = 1 << 30


def canonical(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(manifest: dict, chunk: dict) -> str:
    """SHA-256 of everything that decides what a chunk's records are."""
    analyzers = [
        {"name": a["name"], "version": a["chunk_version"], "params": a["chunk_params"], "models": a["models"]}
        for a in manifest["analyzers"]
    ]
    decides = {"schema": "framefan.artifact/1", "analyzers": analyzers, "start_pts": chunk["start_pts"],
               "end_pts": chunk["end_pts"], **{k: manifest[k] for k in ("source", "precision", "device_class")}}
    return hashlib.sha256(canonical(decides)).hexdigest()


def artifact(manifest: dict, chunk: dict, data: list[dict]) -> dict:
    """A chunk's artifact, with `data` in turn as what was found in its frames."""
    frames = chunk["frames"]
    step = (chunk["end_pts"] - chunk["start_pts"]) // frames
    times = [chunk["start_pts"] + i * step for i in range(frames)]
    records = [{"pts": pts, "offset": i, "data": data[i % len(data)]} for i, pts in enumerate(times)]
    return {"schema": "framefan.artifact/1", "digest": digest(manifest, chunk), "chunk": chunk["index"],
            "start_pts": chunk["start_pts"], "end_pts": chunk["end_pts"], "frames": frames, "first_pts": times[0],
            "last_pts": times[-1], "damaged": [], "records": {"pose": records}}


def peak_bytes(cloud, function: str) -> int:
    """The most memory that a function's process ever had."""
    (process,) = [p for p in cloud.processes("function") if function in p["name"]]
    status = pathlib.Path(f"/proc/{process['pid']}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def test_functions_hold_little_of_a_long_video():
    long = system.video("two-hours", seconds=HOURS * 3600, size="64x64", fps=10, gop=50)
    with system.deploy() as cloud:
        cloud.upload(system.video(), "videos/short.mp4")
        short = done(cloud, cloud.start({"key": "videos/short.mp4", **SMALL}))

        def read(job_id: str, name: str):
            return json.loads(cloud.read(f"jobs/{job_id}/{name}"))

        real = read(short, "chunks/chunk_0001.json")
        assert real["digest"] == digest(read(short, "manifest.json"), read(short, "plan.json")["chunks"][1])
        data = [record["data"] for record in real["records"]["pose"]]

        cloud.upload(long, "videos/long.mp4")
        request = {"bucket": cloud.bucket, "key": "videos/long.mp4", "chunk_seconds": 30, "max_width": 96, "compute": "cpu"}
        call = {"execution": BY_HAND, "input": request}
        planned = cloud.invoke("planner", call)
        assert planned["status"] == "planned"
        job_id = planned["job_id"]
        manifest, plan = read(job_id, "manifest.json"), read(job_id, "plan.json")
        assert sum(chunk["frames"] for chunk in plan["chunks"]) == HOURS * 3600 * 10
        for chunk in plan["chunks"]:
            name = f"jobs/{job_id}/chunks/chunk_{chunk['index']:04d}.json"
            body = json.dumps(artifact(manifest, chunk, data))
            cloud.client("s3").put_object(Bucket=cloud.bucket, Key=name, Body=body)

        # The planner finds the chunks that are there already.
        assert cloud.invoke("planner", call)["status"] == "reduce"
        merged = cloud.invoke("reducer", {"execution": BY_HAND, "job_id": job_id})
        assert merged["frames_processed"] == HOURS * 3600 * 10
        key = f"jobs/{job_id}/final_results.pose.json"
        size = cloud.client("s3").head_object(Bucket=cloud.bucket, Key=key)["ContentLength"]
        peaks = {name: peak_bytes(cloud, name) for name in ("planner", "reducer")}
        print(f"a result of {size / 1e6:.0f} MB; " + ", ".join(f"{n} held {b / 1e6:.0f} MB" for n, b in peaks.items()))
        assert size > 100e6, "too small a result to tell anything"
        assert max(peaks.values()) < min(size, LAMBDA_BYTES)
