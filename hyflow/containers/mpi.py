"""The processes of an MPI program that are each in a container of their own, as the launcher's: what they must see of it and of each other.

They find each other by variables that the launcher sets, by its files in the attempt's temporary directory, by the machine's network,
and in its shared memory.
"""

from __future__ import annotations

PREFIXES = ("OMPI_", "PMI", "MPI", "HYDRA_", "PRTE_", "SLURM_", "PALS_", "FI_", "UCX_")
"""With which the variables begin by which launchers, and what sends the messages, are steered and speak to each other."""

PASS_ON = f"""
for name in $(env | cut -d= -f1); do
    case $name in
        *[!A-Za-z0-9_]*) ;;
        {" | ".join(f"{prefix}*" for prefix in PREFIXES)})
            eval "export APPTAINERENV_$name=\\"\\$$name\\" SINGULARITYENV_$name=\\"\\$$name\\"" ;;
    esac
done
exec "$@"
"""
"""A script for sh that starts a client of Apptainer, its arguments, so that it passes these variables on."""
