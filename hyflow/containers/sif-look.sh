# Is the image file there? Arguments: its path, the file in which sif-fetch.sh keeps its digest and its script that runs, then apptainer's
# command. Output: the path, the digest, and the script. Where the machine has no apptainer, what is kept is all that can be told.
file=$1 kept=$2
shift 2
[ -f "$file" ] || exit 1
if [ -s "$kept" ] && [ ! "$file" -nt "$kept" ]; then
    read -r digest <"$kept"
else
    kept=
    digest=$(sha256sum "$file") || exit 1
    digest=sha256:${digest%% *}
fi
if [ -n "$kept" ] && [ "$(wc -l <"$kept")" -gt 1 ]; then
    printf '%s\n' "$file"
    exec cat "$kept"
fi
command -v "$1" >/dev/null || exit 1
printf '%s\n%s\n' "$file" "$digest"
"$@" --quiet inspect --runscript "$file" 2>/dev/null
exit 0
