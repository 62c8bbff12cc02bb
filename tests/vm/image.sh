#!/bin/bash
# Make what the virtual machine boots from, unless it is there: Debian SUITE with its own cloud kernel, as disk, kernel
# and initrd in .cache/vm/<suite>-<hash of all that these are made from>.   image.sh [--where] SUITE
# --where: only print that directory
set -eu
cd "$(dirname "$0")/../.."
. tests/lab/debian.sh

suite=${!#}
here=tests/vm
made_from=$(cd $here && find image.sh init packages root -type f -exec sha256sum {} + | sort | sha256sum | cut -c1-12)
image=$PWD/.cache/vm/$suite-$made_from
new=$PWD/.cache/vm/new.$suite

# Its dependencies are tools that make an initrd, for 20 s: it is unpacked, not installed.
fetch_kernel='chroot "$1" sh -c "cd /tmp && apt-get -qq download \
    \$(apt-cache depends linux-image-cloud-amd64 | sed -n \"s/.*Depends: //p\" | head -1)" && mv "$1"/tmp/*.deb "$1/../kernel.deb"'
# Nobody logs in, and nothing is mended or cleaned in a machine that lives for minutes.
idle=(getty@tty1.service serial-getty@ttyS0.service e2scrub_reap.service e2scrub_all.timer apt-daily.timer
    apt-daily-upgrade.timer fstrim.timer dpkg-db-backup.timer systemd-binfmt.service sys-kernel-debug.mount
    sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount systemd-tpm2-setup-early.service
    systemd-tpm2-setup.service systemd-pcrmachine.service)

make_tree() {
    local unit
    bootstrap "$suite" "$new/tree" "$(paste -sd, $here/packages)" --format=directory --customize-hook="$fetch_kernel"
    tree=$new/tree
    dpkg -x "$new/kernel.deb" "$new/kernel"
    version=$(basename "$new"/kernel/boot/vmlinuz-*); version=${version#vmlinuz-}
    mv "$new/kernel/boot/vmlinuz-$version" "$new/vmlinuz"
    mkdir -p "$tree/usr/lib/modules"
    mv "$(find "$new/kernel" -path "*/lib/modules/$version" -prune)" "$tree/usr/lib/modules/"
    chroot "$tree" depmod -a "$version"
    for unit in "${idle[@]}"; do ln -sf /dev/null "$tree/etc/systemd/system/$unit"; done
    cp -r $here/root/. "$tree/"
    # Docker is the tests' to start.
    rm -f "$tree"/etc/systemd/system/*.wants/{containerd,docker}.*
    ln -sf ../check.service "$tree/etc/systemd/system/multi-user.target.wants/"
    : >"$tree/etc/machine-id"; : >"$tree/etc/fstab"
    touch "$tree/etc/.updated" "$tree/var/.updated"   # else the first boot rebuilds caches
}

# busybox, and the modules with which the disk is found
make_initrd() {
    local root=$new/initrd module number=10 file
    mkdir -p "$root"/{bin,dev,modules,proc,root,sys}
    cp "$tree/bin/busybox" "$root/bin/"
    for module in virtio_pci virtio_blk ext4; do
        chroot "$tree" modprobe --set-version "$version" --show-depends "$module" | sed -n 's/^insmod //p'
    done | awk '!seen[$1]++ {print $1}' | while read -r module; do
        file=$root/modules/$number-$(basename "${module%%.ko*}").ko; number=$((number + 1))
        case $module in
        *.xz) busybox xzcat "$tree$module" >"$file";;
        *) cp "$tree$module" "$file";;
        esac
    done
    cp $here/init "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$new/initrd.gz"
}

[ "$1" != --where ] || { echo "$image"; exit; }
[ ! -e "$image" ] || exit 0
echo "vm: making a $suite"
mkdir -p "$new"
make_tree
make_initrd
mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -d "$tree" "$new/disk" 2G >/dev/null
rm -rf --one-file-system "$new"/{tree,kernel,kernel.deb,initrd} .cache/vm/"$suite"-*
mv "$new" "$image"
