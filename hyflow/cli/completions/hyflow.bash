# Completion of hyflow and cwl-runner for bash, printed by: hyflow completion bash
# It asks hyflow what may stand at the cursor, and evaluates neither what was typed nor the answer.

_hyflow() {
    local IFS=$' \t\n' rest=${COMP_LINE:0:COMP_POINT} before= piece= space i
    local -a words=()
    # readline breaks words at = and :, hyflow does not: pieces with nothing between them are one word again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        space=${rest%%[![:space:]]*}
        rest=${rest:${#space}}
        [[ $rest == "$piece"* ]] || piece=$rest
        rest=${rest:${#piece}}
        if ((i > 0)) && [[ -z $space && -n $piece ]]; then
            before=${words[${#words[@]} - 1]}
            words[${#words[@]} - 1]+=$piece
        else
            before=
            words+=("$piece")
        fi
    done
    [[ $piece != [=:]* ]] || before=${words[${#words[@]} - 1]}

    local wanted value word
    COMPREPLY=()
    {
        IFS= read -r wanted
        IFS= read -r value
        while IFS= read -r word; do
            word=${word%%$'\t'*}
            COMPREPLY+=("${word#"$before"}")
        done
    } < <(command hyflow completion bash -- "${words[@]}" 2>/dev/null)
    case $wanted in
        directories | files*)
            compopt -o filenames 2>/dev/null
            _hyflow_files "$wanted" "$value" "${before#--*=}"
            ;;
    esac
    [[ ${#COMPREPLY[@]} != 1 || $wanted != words || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

# Adds the files that begin with $2: directories, and those whose names end as $1 says; all, if none does.
_hyflow_files() {
    local start=$2 file end shown
    local -a all=() fitting=()
    [[ $start != "~/"* ]] || start=$HOME/${start:2}
    for file in "$start"*; do
        [[ -e $file || -L $file ]] || continue
        shown=$file
        [[ $2 != "~/"* ]] || shown="~/${file#"$HOME/"}"
        shown=${shown#"$3"}
        [[ -d $file ]] && { fitting+=("$shown"); continue; }
        all+=("$shown")
        [[ $1 != files ]] || fitting+=("$shown")
        for end in ${1#* }; do
            [[ $file != *."$end" ]] || fitting+=("$shown")
        done
    done
    [[ $1 == directories ]] || ((${#fitting[@]})) || fitting=("${all[@]}")
    COMPREPLY+=("${fitting[@]}")
}

complete -F _hyflow hyflow cwl-runner
