"""EventBridge: what is published reaches the targets of the rules that match."""
