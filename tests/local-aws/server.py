"""The local AWS as a program: server.py --port 0 [--config deployment.json]; see README.md."""

import sys

from local_aws.main import main

if __name__ == "__main__":
    sys.exit(main())
