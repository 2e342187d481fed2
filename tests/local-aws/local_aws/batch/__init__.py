"""AWS Batch: a job's attempts are processes; what happens after each is decided by the retry strategy, as in AWS."""
