# image: registry/hyflow/tiny:1
# on: busybox
# config: {"Cmd": ["cat", "/tiny"], "Env": ["PATH=/bin"]}
# is: Something to pull.
echo "pulled from the lab's registry" >"$1/tiny"
