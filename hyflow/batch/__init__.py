"""What all batch systems share: sites whose jobs a queue starts. `system` says what one of them must add; see docs/batch-systems.md."""
