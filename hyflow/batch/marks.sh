# What has happened to batches, by one listing of each one's marks; see job.sh. Arguments: the directory of all bundles, the run's directory of
# batches, at most how many results at a time. Input: lines `rm BATCH MARK` (that is known: it need not be told again), `in BATCH` (look there),
# `key KEY` (say how it stands, by its bundle). Output: lines `E KEY`, `R KEY EPOCH NODE`, `D KEY WORDS` (its runner died, and said that last), `M BATCH KIND INDEX`, for keys that were asked for
# also `Q KEY`, `C KEY`, `G KEY` and `W KEY BATCH INDEX` (that is where it was claimed); then, by
# results.sh, what is left of those that ended.
cd "$1" || exit 1
own=$2 most=$3
ended= count=0
end() {
    [ "$count" -lt "$most" ] || return 0
    case " $ended " in *" $1 "*) return 0 ;; esac
    if [ -e "$1/exit" ]; then
        ended="$ended $1"
        count=$((count + 1))
        echo "E $1"
    fi
}
listed() {
    cd "$own/$1/marks" 2>/dev/null || return 0
    set -- "$1" *
    cd "$base" || exit 1
    batch=$1
    shift
    for mark; do
        what=${mark#?:}
        case $mark in
        e:*) end "$what" ;;
        d:*) echo "D $what $(tail -n 1 "$what/log" 2>/dev/null | head -c 300)" ;;
        [pxb]:*) echo "M $batch ${mark%%:*} $what" ;;
        r:*)
            at=${what%%:*}
            what=${what#*:}
            echo "R ${what%%:*} $at ${what#*:}"
            ;;
        esac
    done
}
stands() {
    if [ -e "$1/exit" ]; then
        end "$1"
    elif [ -d "$1/claim" ]; then
        where= pid=
        { read -r where element rest <"$1/claim/job"; } 2>/dev/null
        { read -r pid born its_boot at its_host <"$1/claim/runner"; } 2>/dev/null
        if [ -n "$pid" ]; then echo "R $1 $at $its_host"; else echo "C $1"; fi
        [ -z "$where" ] || echo "W $1 $where $element"
    elif [ -d "$1" ]; then
        echo "Q $1"
    else
        echo "G $1"
    fi
}
base=$PWD
while read -r what first second; do
    case $what in
    rm) rm -f "$own/$first/marks/$second" ;;
    in) listed "$first" ;;
    key) stands "$first" ;;
    esac
done
