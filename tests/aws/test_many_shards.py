"""Two hundred shards at once: state machine, table and reducer hold. The worker is the real one, but finds the network's
work done (`prepared_worker.py`), as two cores could not run two hundred networks."""

import pathlib
import sys
import time

import system
from system import assert_whole, done

SHARDS = 200
HERE = pathlib.Path(__file__).resolve().parent


def test_two_hundred_shards(tmp_path):
    clip = system.video("many", seconds=20, size="160x90", gop=2)
    gpu_job = system.program("gpu-job")
    stand_in = [sys.executable, str(HERE / "prepared_worker.py"), gpu_job, str(tmp_path)]
    # The same job on both queues: the processor's queue works, the other one has the stand-in.
    jobs = {"gpu": {"argv": stand_in, "slots": 8}}
    with system.deploy(jobs=jobs) as cloud:
        cloud.upload(clip, "videos/many.mp4")
        request = {"key": "videos/many.mp4", "chunk_seconds": 0.1, "max_width": 32}
        job_id = done(cloud, cloud.start({**request, "compute": "cpu", "shards": 1}), 300)
        expected = cloud.section(job_id, "pose")
        total = cloud.job(job_id)["total_chunks"]
        assert total >= SHARDS
        for key in cloud.keys(f"jobs/{job_id}/chunks/"):
            (tmp_path / key.rsplit("/", 1)[1]).write_bytes(cloud.read(key))
        for key in cloud.keys("chunks-by-digest/"):
            cloud.client("s3").delete_object(Bucket=cloud.bucket, Key=key)

        started = time.monotonic()
        again = done(cloud, cloud.start({**request, "compute": "gpu", "shards": SHARDS, "force": True}), 400)
        took = time.monotonic() - started
        print(f"{SHARDS} shards in {took:.1f} s: {1000 * took / SHARDS:.0f} ms a shard")
        assert again == job_id
        assert_whole(cloud, job_id)
        assert cloud.section(job_id, "pose") == expected
        names = {job["jobName"] for job in cloud.batch_jobs(job_id)}
        assert names >= {f"framefan-{job_id}-{shard}" for shard in range(SHARDS)}
