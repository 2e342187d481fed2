"""A stand-in for the network: puts the shard's finished artifacts into the bucket and lets the real worker do the rest.

usage: prepared_worker.py GPU_JOB FOLDER --job-id ID --shard N --first-chunk A --end-chunk B
"""

import os
import pathlib
import sys
import urllib.request

gpu_job, folder, *arguments = sys.argv[1:]
given = dict(zip(arguments[::2], arguments[1::2]))
for index in range(int(given["--first-chunk"]), int(given["--end-chunk"])):
    name = f"chunk_{index:04d}.json"
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{os.environ['FRAMEFAN_BUCKET']}/jobs/{given['--job-id']}/chunks/{name}"
    # The local AWS takes requests without a signature.
    body = pathlib.Path(folder, name).read_bytes()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="PUT")
    urllib.request.urlopen(request).read()
os.execv(gpu_job, [gpu_job, *arguments])
