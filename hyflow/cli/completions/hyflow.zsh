#compdef hyflow cwl-runner
# Completion of hyflow and cwl-runner for zsh, printed by: hyflow completion zsh
# It asks hyflow what may stand at the cursor, and evaluates neither what was typed nor the answer.

_hyflow() {
    local -a lines names shown
    local wanted line
    lines=("${(@f)$(command hyflow completion zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    wanted=${lines[1]}
    for line in "${(@)lines[3,-1]}"; do
        names+=("${line%%$'\t'*}")
        shown+=("${line%%$'\t'*}${${line#*$'\t'}:+  -- ${line#*$'\t'}}")
    done
    if [[ $names[1] == *= ]]; then
        compadd -S '' -l -d shown -a names
    elif (( $#names )); then
        compadd -l -d shown -a names
    fi
    case $wanted in
        directories)
            compset -P '--*='
            _files -/
            ;;
        files)
            compset -P '--*='
            _files
            ;;
        files\ *)
            compset -P '--*='
            _files -g "*.(${${wanted#files }// /|})(-.)"
            ;;
    esac
}

# Found on fpath, the file is the function; sourced, it says which commands the function is for.
if [[ $funcstack[1] == _hyflow ]]; then
    _hyflow "$@"
else
    compdef _hyflow hyflow cwl-runner
fi
