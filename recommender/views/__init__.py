"""Pages. Views are thin: read what the address says, ask a selector or a service, hand rows to a template."""
