# Sourced by what makes Debian trees: how this machine reaches its mirror, a new tree must do as well.
mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+:\/\//) {print $i; exit}}' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || :)
acquire=$(grep -ls '^Acquire' /etc/apt/apt.conf.d/* || :)

# bootstrap SUITE TARGET PACKAGE,PACKAGE… [options of mmdebstrap]
bootstrap() {
    local suite=$1 target=$2 packages=$3 options=(--quiet --variant=minbase) file; shift 3
    for file in $acquire; do options+=(--aptopt="$file"); done
    options+=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*')
    mmdebstrap "${options[@]}" --include="$packages" "$@" "$suite" "$target" ${mirror:+"$mirror"}
}
