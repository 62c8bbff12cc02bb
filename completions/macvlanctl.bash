# bash completion for macvlanctl(1)

_macvlanctl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'status plan apply try check wait doctor adopt arp schema show --help --version' -- "$cur")
    elif [[ $prev == --timeout || $prev == --range || $prev == --rate || $prev == --host ]]; then
        return
    elif [[ $prev == --output || $prev == --fleet ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    elif [[ $prev == --compose || $prev == --inspect || $prev == --svg ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $cur == -* ]]; then
        case $verb in
            show) mapfile -t COMPREPLY < <(compgen -W '--help --json --svg' -- "$cur") ;;
            arp) mapfile -t COMPREPLY < <(compgen -W '--help --json --probe --range --rate' -- "$cur") ;;
            adopt) mapfile -t COMPREPLY < <(compgen -W '--help --json --output --shim --compose --inspect' -- "$cur") ;;
            apply | wait) mapfile -t COMPREPLY < <(compgen -W '--help --json --timeout' -- "$cur") ;;
            try) mapfile -t COMPREPLY < <(compgen -W '--help --json --timeout --keep' -- "$cur") ;;
            status) mapfile -t COMPREPLY < <(compgen -W '--help --json --watch' -- "$cur") ;;
            check) mapfile -t COMPREPLY < <(compgen -W '--help --json --host --fleet' -- "$cur") ;;
            plan | schema | doctor) mapfile -t COMPREPLY < <(compgen -W '--help --json' -- "$cur") ;;
        esac
    elif [[ $verb == check || $verb == try ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- "$cur"; compgen -d -- "$cur")
    elif [[ $verb == status || $verb == wait || $verb == arp || $verb == doctor ]]; then
        local file names=()
        for file in /{etc,run,usr/lib}/macvlan.d/*.toml; do
            [[ -e $file ]] && file=${file##*/} && names+=("${file%.toml}")
        done
        mapfile -t COMPREPLY < <(compgen -W "${names[*]}" -- "$cur")
    fi
} && complete -F _macvlanctl macvlanctl
