"""The deployment where there is no file. Apart from `reading`, so that a run without one need not load what checks them."""

from __future__ import annotations

import json

from hyflow.deployment import plugins
from hyflow.deployment.values import Deployment, Site
from hyflow.errors import DeploymentError

DOCUMENT = {"version": 1, "sites": {"local": {"type": "local"}}}


def default() -> Deployment:
    """Everything runs on this machine. Raises DeploymentError when the plug-in for it is not installed."""
    plugin = plugins.load({"local"}).get("local")
    if plugin is None:
        raise DeploymentError("the plug-in for sites of type local is not installed", hint="install hyflow anew")
    return Deployment({"local": Site("local", plugin, plugin.settings())}, (), None, json.dumps(DOCUMENT))
