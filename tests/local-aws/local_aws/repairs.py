"""All that is done to moto, each repair by name. Every module says what moto does and what AWS does.

A server may be started without some of them (`--without NAME`): that is how the tests prove that each is needed.
"""

from moto.core.config import default_user_config

from local_aws import s3_reads
from local_aws.batch import api as batch_api
from local_aws.batch import job as batch_job
from local_aws.events import api as events_api
from local_aws.events import s3 as s3_events
from local_aws.functions import invoke
from local_aws.states import (
    batch_task,
    clients,
    distributed_map,
    errors,
    executions,
    grammar,
    jsonata,
    tracing,
    waits,
)

REPAIRS = {
    "lambda": invoke.apply,
    "batch-process": batch_job.apply,
    "batch-api": batch_api.apply,
    "events": events_api.apply,
    "s3-events": s3_events.apply,
    "s3-reads": s3_reads.apply,
    "jsonata": jsonata.apply,
    "grammar": grammar.apply,
    "state-errors": errors.apply,
    "retry-waits": waits.apply,
    "distributed-map": distributed_map.apply,
    "batch-task": batch_task.apply,
    "executions": executions.apply,
}
# Not a change of moto's code, but a layer before it: see atomic.py.
LAYERS = ("atomic",)


def apply(without: list[str]) -> None:
    """Makes moto what the tests need. Raises ValueError for a name that is no repair."""
    if unknown := set(without) - set(REPAIRS) - set(LAYERS):
        raise ValueError(f"no such repair: {', '.join(sorted(unknown))} (there are {', '.join([*REPAIRS, *LAYERS])})")
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["lambda"] = {"use_docker": False}
    clients.apply()
    for name, repair in REPAIRS.items():
        if name not in without:
            repair()
    tracing.apply()
