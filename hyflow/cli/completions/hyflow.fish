# Completion of hyflow and cwl-runner for fish, printed by: hyflow completion fish
# It asks hyflow what may stand at the cursor, and evaluates neither what was typed nor the answer.

function __hyflow_complete
    set -l lines (command hyflow completion fish -- (commandline -opc) (commandline -ct) 2>/dev/null)
    set -l wanted $lines[1]
    set -l value $lines[2]
    if set -q lines[3]
        printf '%s\n' $lines[3..-1]
    end
    set -l option (string match -r -- '^--[^=]*=' (commandline -ct))
    switch "$wanted"
        case directories
            for file in (__fish_complete_directories "$value" "")
                printf '%s\n' "$option$file"
            end
        case 'files*'
            set -l all (__fish_complete_path "$value")
            set -l ends (string join '|' (string split ' ' -- (string replace -r '^files ?' '' -- $wanted)))
            set -l fitting
            if test -n "$ends"
                set fitting (string match -r -- '^.*(?:/|\.(?:'$ends'))(?:\t.*)?$' $all)
            end
            set -q fitting[1]; or set fitting $all
            for file in $fitting
                printf '%s\n' "$option$file"
            end
    end
end

complete -c hyflow -f -k -a '(__hyflow_complete)'
complete -c cwl-runner -f -k -a '(__hyflow_complete)'
