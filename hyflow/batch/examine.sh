# What a job sees: run as one by examining.py. Arguments: the workdir, a file in it that the login node has made, what that says.
seen=
{ read -r seen <"$2"; } 2>/dev/null
if [ "$seen" = "$3" ]; then echo sees; else echo blind; fi
uname -n
df -Pk "$1" | tail -n 1
(umask 077 && echo "$3" >"$2.answer" && mv "$2.answer" "$2.answered") 2>/dev/null && echo writes
exit 0
