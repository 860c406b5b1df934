"""A second implementation of docs/protocol.md that checks what the first one writes down."""
