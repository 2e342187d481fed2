"""What tests use of the local AWS: `Server` starts and ends one, `Cloud` is framefan deployed on one."""

from local_aws_client.cloud import Cloud
from local_aws_client.server import Control, Server

__all__ = ["Cloud", "Control", "Server"]
