"""AWS on one machine, for tests: moto in one process, where a Lambda function and a Batch job are real processes.

`main` starts it; `repairs` lists what is done to moto, and why; `control` is what tests ask and order.
"""
