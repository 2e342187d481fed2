"""Repair `batch-task`: `batch:submitJob.sync` reaches Batch, waits for the job, and fails as it does in AWS.

moto sends the Arguments' PascalCase names, which Batch does not know, so no job is ever submitted; a retried task times
out at once; and unknown parameters are dropped. In AWS a job that fails is States.TaskFailed with DescribeJobs' answer
as the cause; an error of Batch's API has a name of its own; and when the execution is stopped or times out, the job is
terminated. (Whether AWS ends the job of a task that ran into its own TimeoutSeconds is not documented. Here it goes on,
which is the harder case for a worker.)
"""

import json

import botocore.session
import botocore.validate
from botocore.exceptions import ClientError
from moto.batch import batch_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

from local_aws.settings import ACCOUNT
from local_aws.states.failures import task_failure

BATCH = botocore.session.get_session().get_service_model("batch")
PARAMETERS = {name[0].upper() + name[1:] for name in BATCH.operation_model("SubmitJob").input_shape.members}
# Errors that Batch's API model knows keep their names; everything else, throttling included, comes as one.
MODELLED = {"ClientException", "ServerException"}
LONGEST_CAUSE = 32768
POLL_S = 0.1


def apply() -> None:
    cls = StateTaskServiceBatch
    cls._get_supported_parameters = lambda self: None if self.resource.api_action.lower() != "submitjob" else {"*"}
    cls._eval_parameters = _eval_parameters
    cls._normalise_parameters = _normalise_parameters
    cls._normalise_response = _normalise_response
    global _integration_pattern, _from_error
    _integration_pattern, _from_error = cls._eval_integration_pattern, cls._from_error
    cls._eval_integration_pattern = _wait_for_job
    cls._from_error = _error


def _eval_parameters(self, env) -> dict:
    self.parargs.eval(env=env)
    parameters = env.stack.pop()
    if unknown := set(parameters) - PARAMETERS:
        raise task_failure(env, "States.Runtime", f"submitJob does not have the parameters {', '.join(sorted(unknown))}")
    return parameters


def _normalise_parameters(self, parameters, boto_service_name=None, service_action_name=None) -> None:
    shape = BATCH.operation_model("SubmitJob").input_shape
    self._to_boto_request(parameters, shape)
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise ValueError(f"submitJob's parameters are wrong: {report.generate_report()}")


def _normalise_response(self, response, boto_service_name=None, service_action_name=None) -> None:
    operation = "DescribeJobs" if service_action_name else "SubmitJob"
    self._from_boto_response(response, BATCH.operation_model(operation).output_shape)


def _wait_for_job(self, env, resource_runtime_part, normalised_parameters, state_credentials) -> None:
    if self.resource.condition != ResourceCondition.Sync:
        return _integration_pattern(self, env, resource_runtime_part, normalised_parameters, state_credentials)
    job_id = env.stack.pop()["JobId"]
    region = resource_runtime_part.region
    client = boto_client_for(service="batch", region=region, state_credentials=state_credentials)
    # AWS learns of the end from an event; here the job object tells it.
    job = batch_backends[ACCOUNT][region].get_job_by_id(job_id)
    while not job.finished.wait(POLL_S):
        if not env.is_running():
            if not isinstance(env.program_state(), ProgramEnded):
                _terminate(client, env, job_id)
            return env.stack.append(None)
    answer = client.describe_jobs(jobs=[job_id])
    described = answer["jobs"][0]
    self._normalise_response(answer, service_action_name="describe_jobs")
    if described["Status"] != "SUCCEEDED":
        cause = json.dumps(described, separators=(",", ":"), sort_keys=True)[:LONGEST_CAUSE]
        raise task_failure(env, "States.TaskFailed", cause, self._get_sfn_resource(), self._get_sfn_resource_type())
    env.stack.append(described)


def _terminate(client, env, job_id: str) -> None:
    execution = env.states.context_object.context_object_data["Execution"]["Id"]
    client.terminate_job(jobId=job_id, reason=(
        f"The Task state in AWS Step Functions execution [{execution}] which was managing this resource was aborted"))


def _error(self, env, ex):
    if isinstance(ex, ClientError):
        code, metadata = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
        name = f"Batch.{code}" if code in MODELLED else "Batch.AWSBatchException"
        cause = (f"{ex.response['Error']['Message']} (Service: AWSBatch; Status Code: {metadata['HTTPStatusCode']}; "
                 f"Error Code: {code}; Request ID: {metadata.get('RequestId')}; Proxy: null)")
        return task_failure(env, name, cause, self._get_sfn_resource(), self._get_sfn_resource_type()).failure_event
    return _from_error(self, env=env, ex=ex)
