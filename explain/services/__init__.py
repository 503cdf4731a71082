"""What explanations do with rows: work them out, keep them, examine runs."""
