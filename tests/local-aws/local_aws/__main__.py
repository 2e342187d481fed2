"""`python -m local_aws` is server.py."""

import sys

from local_aws.main import main

sys.exit(main())
