"""Container engines: pure functions that turn tasks and images into the commands of docker, podman and apptainer, and read their answers.

Knows no site and runs nothing: the same functions serve this machine, one behind SSH and a batch job.
"""
