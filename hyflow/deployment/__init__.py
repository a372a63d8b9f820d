"""The deployment file: reading and checking it, bindings, plug-in lookup."""

from hyflow.deployment.binding import Binding, Override, Target
from hyflow.deployment.reading import default, read
from hyflow.deployment.values import Deployment, Site

__all__ = ["Binding", "Deployment", "Override", "Site", "Target", "default", "read"]
