"""Step Functions: moto's interpreter of the Amazon States Language, where it differs from AWS."""
