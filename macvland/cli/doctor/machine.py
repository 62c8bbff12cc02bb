"""Findings about what the host runs on: whose virtual switch lets through which MACs. Pure, but for `read_machine`.

Containers have MACs of their own. A cloud's switch knows only the MAC it gave; a hypervisor's has to be told.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Machine, Snapshot

SYS = Path("/sys")
AZURE = "7783-7084-3265-9085-8269-3286-77"  # chassis_asset_tag of every virtual machine there


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What a platform's virtual switch does to unknown MACs, and what opens it."""

    name: str
    rule: str
    remedy: tuple[str, ...]  # on the hypervisor
    cloud: bool = False
    strict: bool = True  # unless somebody opened it; else only where somebody closed it


IPVLAN = "docker network create --driver ipvlan --opt parent={parent} --subnet {cidr} --gateway {gateway} {name}-ipvlan"
CLOUD = (
    "its network delivers only to MACs and addresses that it gave to the instance, and nothing on the host opens that"
)
AWS = Switch(name="Amazon EC2", rule=CLOUD, remedy=(IPVLAN,), cloud=True)
GOOGLE = Switch(name="Google Compute Engine", rule=CLOUD, remedy=(IPVLAN,), cloud=True)
MICROSOFT_CLOUD = Switch(name="Microsoft Azure", rule=CLOUD, remedy=(IPVLAN,), cloud=True)
ESXCLI = (
    "esxcli network vswitch standard portgroup policy security set --portgroup-name PORTGROUP "
    "--allow-promiscuous true --allow-forged-transmits true --allow-mac-change true"
)
VMWARE = Switch(
    name="VMware",
    rule="its port group has to accept promiscuous mode and forged transmits (or MAC learning)",
    remedy=(ESXCLI,),
)
HYPER_V = Switch(
    name="Hyper-V",
    rule="its virtual NIC has to allow MAC address spoofing",
    remedy=("Get-VM VMNAME | Set-VMNetworkAdapter -MacAddressSpoofing On",),
)
VIRTUALBOX = Switch(
    name="VirtualBox",
    rule="its bridged adapter has to allow promiscuous mode for all",
    remedy=("VBoxManage controlvm VMNAME nicpromisc1 allow-all",),
)
QEMU = Switch(
    name="QEMU or KVM",
    rule="a bridge lets all MACs through, unless there is a libvirt filter against MAC spoofing, a macvtap interface "
    "without trustGuestRxFilters, or Proxmox' firewall with its MAC filter",
    remedy=(
        "virsh dumpxml VMNAME | grep -e filterref -e trustGuestRxFilters -e 'type=.direct'",
        "pvesh set /nodes/NODE/qemu/VMID/firewall/options --macfilter 0",
    ),
    strict=False,
)
XEN = Switch(
    name="Xen",
    rule="its bridge lets all MACs through, unless the virtual interface is locked",
    remedy=("xe vif-list vm-name-label=VMNAME params=uuid,locking-mode",),
    strict=False,
)


def switch_of(machine: Machine) -> Switch | None:
    """Return whose switch the machine hangs on; None for a real one, and where nothing tells."""
    vendor, product = machine.vendor.lower(), machine.product.lower()
    microsoft = vendor.startswith("microsoft") and product == "virtual machine"
    signs = (
        (AWS, "amazon" in vendor or "amazon" in machine.bios.lower()),
        (GOOGLE, vendor == "google" and "compute engine" in product),
        (MICROSOFT_CLOUD, microsoft and machine.asset == AZURE),
        (HYPER_V, microsoft),
        (VMWARE, vendor.startswith("vmware")),
        (VIRTUALBOX, product == "virtualbox" or vendor.startswith("innotek")),
        (QEMU, vendor == "qemu" or product == "kvm"),
        (XEN, machine.hypervisor == "xen" or vendor == "xen"),
    )
    return next((switch for switch, sign in signs if sign), None)


def read_machine(sys: Path = SYS) -> Machine:
    """Return what the firmware below *sys* tells; nothing where there is none, as on most boards and in containers."""

    def word(name: str) -> str:
        with suppress(OSError, UnicodeDecodeError):
            return (sys / name).read_text().strip()
        return ""

    return Machine(
        vendor=word("class/dmi/id/sys_vendor"),
        product=word("class/dmi/id/product_name"),
        asset=word("class/dmi/id/chassis_asset_tag"),
        bios=word("class/dmi/id/bios_version"),
        hypervisor=word("hypervisor/type"),
    )


def dropping(shot: Snapshot) -> Iterator[Finding]:
    """Find a switch that drops what containers send, as far as no container was answered from the LAN."""
    switch = switch_of(shot.machine)
    if switch is None or not switch.strict:
        return
    for network in sorted(shot.seen.networks, key=lambda it: it.name):
        link = shot.carrier_of(network)
        if link is None or _answered(shot, network.id):
            continue
        pool = min(network.subnets, key=lambda it: (it.cidr.version, str(it.cidr)), default=None)
        words = {
            "name": network.name,
            "parent": link.name,
            "cidr": str(pool.cidr) if pool else "CIDR",
            "gateway": str(pool.gateway) if pool and pool.gateway else "GATEWAY",
        }
        yield Finding(
            code="MV401" if switch.cloud else "MV402",
            network=network.name,
            symptom="host and containers reach each other, and nobody else answers the containers",
            evidence=(f"this machine runs on {switch.name}: {switch.rule}", "no container was answered from there yet"),
            remedy=tuple(one.format(**words) for one in switch.remedy),
        )


def _answered(shot: Snapshot, network: str) -> bool:
    """Tell whether a container on *network* knows the MAC of somebody who is not on this host."""
    own = {it.ip for link in shot.seen.links for it in link.addresses}
    own |= {it.address for it in shot.seen.addresses}
    own |= {address for one in shot.seen.attachments for address in one.addresses}
    cidrs = [subnet.cidr for one in shot.seen.networks if one.id == network for subnet in one.subnets]
    heard = {address for one in shot.contained if network in one.networks for address in one.inside.heard}
    return any(address in cidr for address in heard - own for cidr in cidrs)


def notes(shot: Snapshot) -> list[str]:
    """Return what is to be known of a switch that opens by default."""
    switch = switch_of(shot.machine)
    if switch is None or switch.strict:
        return []
    return [f"this machine runs on {switch.name}: {switch.rule}. On the hypervisor: {one}" for one in switch.remedy]


FINDERS = (dropping,)
