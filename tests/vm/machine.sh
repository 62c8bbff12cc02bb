#!/bin/bash
# Be the virtual machine: its report goes to standard output. In namespaces of its own, see run.sh.
#   machine.sh SUITE SECONDS [arguments of pytest]
# It gets this tree's files as a tar on its second disk. It has no way out: its two NICs are joined to each other.
# The port "monitor" leads it to QEMU's own console, where its cables are pulled.
set -eu
cd "$(dirname "$0")/../.."
image=$(tests/vm/image.sh --where "$1")
shift

scratch=.cache/vm/scratch   # not /tmp, where the project itself may be; relative, for a socket has 108 characters
mkdir -p "$scratch"
mount -t tmpfs tmpfs "$scratch"
git ls-files -z --cached --others --exclude-standard | tar -cf $scratch/tree.tar --ignore-failed-read --null --files-from=-
{ echo '#!/bin/sh'; printf '%q ' exec /root/macvland/tests/vm/guest.sh "$@"; echo; } >$scratch/check
chmod +x $scratch/check
tar -rf $scratch/tree.tar -C $scratch check

machine=(-name macvland-vm -M q35 -smp 2 -m 1024 -nodefaults -no-user-config -display none -no-reboot)
# The fastest found without KVM, which the machines that run this seldom have: an accelerator that only claims to work
# would be a machine that hangs.
machine+=(-accel tcg,thread=multi,tb-size=512 -cpu Nehalem)
kernel=(-kernel "$image/vmlinuz" -initrd "$image/initrd.gz" -serial file:.cache/vm/console
    -append "console=ttyS0 root=/dev/vda quiet panic=-1 mitigations=off nokaslr apparmor=0 random.trust_cpu=on systemd.hostname=vm")
disks=(-drive "if=none,id=disk,file=$image/disk,format=raw,snapshot=on,cache=unsafe" -device virtio-blk-pci,drive=disk
    -drive if=none,id=tree,file=$scratch/tree.tar,format=raw,readonly=on -device virtio-blk-pci,drive=tree)
nics=()
for nic in 0 1; do   # not a stream: QEMU 7.2 connects one end while it begins to listen at the other, and tries once
    nics+=(-netdev "dgram,id=port$nic,local.type=unix,local.path=$scratch/cable$nic,remote.type=unix,remote.path=$scratch/cable$((1 - nic))"
        -device "virtio-net-pci,id=nic$nic,netdev=port$nic,mac=02:1a:b0:00:00:0$nic,romfile=")
done
ports=(-device virtio-serial-pci -device virtio-rng-pci
    -chardev file,id=report,path=/dev/stdout -device virtserialport,chardev=report,name=report
    -chardev socket,id=monitor,path=$scratch/monitor,server=on,wait=off -mon chardev=monitor
    -chardev socket,id=cable,path=$scratch/monitor -device virtserialport,chardev=cable,name=monitor)
TMPDIR=$PWD/$scratch exec qemu-system-x86_64 "${machine[@]}" "${kernel[@]}" "${disks[@]}" "${nics[@]}" "${ports[@]}"
