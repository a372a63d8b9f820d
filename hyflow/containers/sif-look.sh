# Is the image file there? Arguments: its path, then apptainer's command. Output: the path, its digest, and its script that runs.
file=$1
shift
[ -f "$file" ] || exit 1
if [ -s "$file.digest" ]; then
    digest=$(cat "$file.digest")
else
    digest=$(sha256sum "$file") || exit 1
    digest=sha256:${digest%% *}
fi
printf '%s\n%s\n' "$file" "$digest"
"$@" --quiet inspect --runscript "$file" 2>/dev/null
exit 0
