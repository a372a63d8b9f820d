"""The engine: a pure core that turns events into actions (`state`, `links`, `scatter`, `placement`) and the driver around it."""
