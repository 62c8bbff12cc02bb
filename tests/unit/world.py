"""A host in memory that does with actions what the kernel and Docker do, side effects included.

It refuses what a correct plan never asks for: something put on a shim that is not there, a route before the neighbour
that keeps the shim from asking the LAN, anything done to what is not ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

from macvland.action import Action, Add, Change, Delete, Disconnect, Failure, Finish, Prove, Reconnect, Replace
from macvland.error import ApplyError
from macvland.model import (
    IPV6_MTU,
    Address,
    Attachment,
    Dad,
    Engine,
    Host,
    Link,
    Neighbour,
    Network,
    Promiscuity,
    Proof,
    Proxy,
    Route,
    Shim,
    ShimAddress,
    Vlan,
)
from tests.conditions import said

Thing = TypeVar("Thing")

DOCKER = Engine(version="26.1.5", api=(1, 45))


class ImpossibleError(BaseException):
    """No correct plan contains this. Not an Exception: what survives defects must not survive it."""


@dataclass
class World:
    """The host, and both its sides as edges."""

    host: Host
    elsewhere: frozenset[Address] = frozenset()  # the addresses that other devices on the LAN have

    @property
    def kernel(self) -> "Side":
        """The kernel's side."""
        return Side(self._observe_kernel, self._apply_kernel)

    @property
    def engine(self) -> "Side":
        """Docker's side."""
        return Side(self._observe_engine, self._apply_engine)

    def _observe_kernel(self, host: Host) -> Host:
        mine = self.host
        return replace(
            host,
            links=mine.links,
            default_link=mine.default_link,
            vlans=mine.vlans,
            shims=mine.shims,
            addresses=mine.addresses,
            routes=mine.routes,
            neighbours=mine.neighbours,
            proxies=mine.proxies,
            promiscuous=mine.promiscuous,
        )

    def _observe_engine(self, host: Host) -> Host:
        mine = self.host
        if mine.engine is None:
            return replace(host, absent=mine.absent or said("Docker is not there"))
        return replace(
            host,
            engine=mine.engine,
            networks=mine.networks,
            attachments=mine.attachments,
            unfinished=mine.unfinished,
            proofs=mine.proofs,
            losses=mine.losses,
        )

    # The kernel

    def _apply_kernel(self, action: Action) -> None:  # noqa: C901, PLR0912 - one case for each verb and thing
        match action:
            case Add(Shim() as shim):
                self._create(shim)
            case Change(Shim() as shim, Shim() as seen):
                self._change(shim, seen)
            case Change(ShimAddress() as address, ShimAddress() as seen):
                self._delete_address(seen)
                self._add_address(address)
            case Add(Vlan()) | Change(Vlan(), Vlan()) | Delete(Vlan()):
                self._apply_vlan(action)
            case Delete(Shim() as shim):
                self._destroy(self._shim(shim.name))
            case Add(ShimAddress() as address):
                self._add_address(address)
            case Delete(ShimAddress() as address):
                self._delete_address(address)
            case Add(Route() as route):
                self._add_route(route)
            case Change(Route() as route, Route() as seen):
                self._set(routes=self.host.routes - {present(seen, self.host.routes)})
                self._add_route(route)
            case Delete(Route() as route):
                self._set(routes=self.host.routes - {present(route, self.host.routes)})
            case Add(Neighbour() as neighbour):
                self._shim(neighbour.shim)
                at = (neighbour.shim, neighbour.address)
                others = frozenset(one for one in self.host.neighbours if (one.shim, one.address) != at)
                self._set(neighbours=others | {neighbour})
            case Delete(Neighbour() as neighbour):
                self._set(neighbours=self.host.neighbours - {present(neighbour, self.host.neighbours)})
            case Add(Proxy() as proxy):
                self._add_proxy(proxy)
            case Delete(Proxy() as proxy):
                self._set(proxies=self.host.proxies - {present(proxy, self.host.proxies)})
            case Add(Promiscuity() as promiscuity):
                self._link(promiscuity.parent)
                rest = frozenset(one for one in self.host.promiscuous if one.parent != promiscuity.parent)
                self._set(promiscuous=rest | {promiscuity})
            case Delete(Promiscuity() as promiscuity):
                self._set(promiscuous=self.host.promiscuous - {present(promiscuity, self.host.promiscuous)})
            case _:
                raise ImpossibleError(f"not the kernel's: {action}")

    def _apply_vlan(self, action: Action) -> None:
        match action:
            case Add(Vlan() as vlan):
                self._add_vlan(vlan)
            case Change(Vlan() as vlan, Vlan() as before):
                self._set_vlan(vlan, present(before, self.host.vlans))
            case Delete(Vlan() as vlan):
                self._delete_vlan(present(vlan, self.host.vlans))

    def _add_vlan(self, vlan: Vlan) -> None:
        """A VLAN link has the MAC of its parent, and no VLAN is on a parent twice."""
        below = self._link(vlan.parent)
        if any(link.name == vlan.name or (link.below, link.vlan) == (vlan.parent, vlan.id) for link in self.host.links):
            raise ImpossibleError(f"{vlan}: it is there")
        index = max(link.index for link in self.host.links) + 1
        link = Link(name=vlan.name, index=index, kind="vlan", mac=below.mac, below=below.name, vlan=vlan.id)
        self._set(links=self.host.links | {link}, vlans=self.host.vlans | {vlan})
        self._set_vlan(vlan, vlan)

    def _set_vlan(self, vlan: Vlan, before: Vlan) -> None:
        below, link = self._link(vlan.parent), self._link(vlan.name)
        if vlan.mtu > below.mtu or (vlan.up and not below.up):
            raise ImpossibleError(f"{vlan}: not above its parent")
        changed = replace(link, mtu=vlan.mtu, up=vlan.up, carrier=below.carrier)
        self._set(links=self.host.links - {link} | {changed}, vlans=self.host.vlans - {before} | {vlan})

    def _delete_vlan(self, vlan: Vlan) -> None:
        if any(shim.parent == vlan.name for shim in self.host.shims):
            raise ImpossibleError(f"{vlan}: a shim is on it")
        if any(network.parent == vlan.name for network in self.host.networks):
            raise ImpossibleError(f"{vlan}: a network is on it")
        self._set(links=self.host.links - {self._link(vlan.name)}, vlans=self.host.vlans - {vlan})

    def _create(self, shim: Shim) -> None:
        taken = {link.name for link in self.host.links} | {one.name for one in self.host.shims}
        if shim.name in taken:
            raise ImpossibleError(f"{shim}: the name is taken")
        if shim.mtu > self._link(shim.parent).mtu:
            raise ImpossibleError(f"{shim}: MTU above its parent's")
        self._set(shims=self.host.shims | {shim})

    def _change(self, shim: Shim, seen: Shim) -> None:
        """A new MAC empties the neighbour table; a shim that goes down loses its routes."""
        if present(seen, self.host.shims).parent != shim.parent or shim.mtu > self._link(shim.parent).mtu:
            raise ImpossibleError(f"{shim} cannot become so in place")
        self._set(shims=self.host.shims - {seen} | {shim})
        bounced = seen.mtu < IPV6_MTU <= shim.mtu
        if shim.mac != seen.mac or bounced:
            self._set(neighbours=frozenset(one for one in self.host.neighbours if one.shim != shim.name))
        if not shim.up or bounced:
            self._set(routes=frozenset(one for one in self.host.routes if one.shim != shim.name))
            self._set(proxies=frozenset(one for one in self.host.proxies if one.shim != shim.name))

    def _destroy(self, shim: Shim) -> None:
        """Take a link away, and with it its addresses, routes and neighbours."""
        mine = self.host
        self._set(
            shims=mine.shims - {shim},
            addresses=frozenset(one for one in mine.addresses if one.shim != shim.name),
            routes=frozenset(one for one in mine.routes if one.shim != shim.name),
            neighbours=frozenset(one for one in mine.neighbours if one.shim != shim.name),
            proxies=frozenset(one for one in mine.proxies if one.shim != shim.name),
        )
        self._drop_sourceless_routes()

    def _add_address(self, address: ShimAddress) -> None:
        """Put an address on a shim; IPv6 has it once, and asks the LAN first."""
        shim = self._shim(address.shim)
        if address.dad is not Dad.DONE or address.prefix_length is not None:
            raise ImpossibleError(f"nobody wants {address} so")
        if address.address.version == 6:
            if shim.mtu < IPV6_MTU:
                raise ImpossibleError(f"{address}: there is no IPv6 on the link")
            if any((one.shim, one.address) == (address.shim, address.address) for one in self.host.addresses):
                raise ImpossibleError(f"{address}: it is there, in whatever state")
            address = replace(address, dad=Dad.TENTATIVE)
        self._set(addresses=self.host.addresses | {address})

    def _add_proxy(self, proxy: Proxy) -> None:
        if not self._shim(proxy.shim).proxy_ndp or not proxy.macs:
            raise ImpossibleError(f"{proxy}: nobody would be answered, or everybody")
        if proxy.address not in {interface.ip for link in self.host.links for interface in link.addresses}:
            raise ImpossibleError(f"{proxy}: the host has no such address")
        at = (proxy.shim, proxy.address)
        self._set(proxies=frozenset(one for one in self.host.proxies if (one.shim, one.address) != at) | {proxy})

    def _delete_address(self, address: ShimAddress) -> None:
        self._set(addresses=self.host.addresses - {present(address, self.host.addresses)})
        self._drop_sourceless_routes()
        self._disable_bare(address.shim)

    def _add_route(self, route: Route) -> None:
        if not self._shim(route.shim).up:
            raise ImpossibleError(f"{route}: network is down")
        if route.source not in self._local():
            raise ImpossibleError(f"{route}: no such address here")
        if any(one.destination == route.destination for one in self.host.routes):
            raise ImpossibleError(f"{route}: there is one already")
        if not any((one.shim, one.address) == (route.shim, route.destination) for one in self.host.neighbours):
            raise ImpossibleError(f"{route}: the shim would ask the LAN for it")
        self._set(routes=self.host.routes | {route})

    def _local(self) -> frozenset[Address]:
        borrowed = {one.ip for link in self.host.links for one in link.addresses if one.ip not in link.tentative}
        return frozenset({*borrowed, *(it.address for it in self.host.addresses if it.dad is Dad.DONE)})

    def _drop_sourceless_routes(self) -> None:
        """The kernel drops routes with the last address they speak from, or with IPv6 only forgets the address."""
        local = self._local()
        lost = {one for one in self.host.routes if one.source is not None and one.source not in local}
        nameless = {replace(one, source=None) for one in lost if one.destination.version == 6}
        self._set(routes=self.host.routes - lost | nameless)

    def _disable_bare(self, shim: str) -> None:
        """With the last IPv4 address of a link go all its IPv4 routes and neighbours."""
        if any(one.shim == shim and one.address.version == 4 for one in self.host.addresses):
            return
        mine = self.host
        self._set(
            routes=frozenset(one for one in mine.routes if one.shim != shim or one.destination.version != 4),
            neighbours=frozenset(one for one in mine.neighbours if one.shim != shim or one.address.version != 4),
        )

    # Docker

    def _apply_engine(self, action: Action) -> None:
        match action:
            case Add(Network() as network):
                self._create_network(network)
            case Delete(Network() as network):
                if not present(network, self.host.networks).spec:
                    raise ImpossibleError(f"{network} is not ours")
                if any(one.network_id == network.id for one in self.host.attachments):
                    raise ImpossibleError(f"{network} is in use")
                self._set(networks=self.host.networks - {network})
            case Replace(new, old):
                self._replace_network(new, old)
            case Prove(proof):
                self._set(proofs=self.host.proofs | {proof})
            case Reconnect(attachment):
                others = (one for one in self.host.attachments if one.container != attachment.container)
                self._set(attachments=frozenset((*others, attachment)))
            case Disconnect(attachment):
                self._set(attachments=self.host.attachments - {present(attachment, self.host.attachments)})
            case Finish(unfinished):
                self._set(unfinished=self.host.unfinished - {present(unfinished, self.host.unfinished)})
            case _:
                raise ImpossibleError(f"not Docker's: {action}")

    def _create_network(self, network: Network) -> None:
        if self.host.engine is None:
            raise ImpossibleError(f"{network}: no Docker")
        if any(one.name == network.name for one in self.host.networks):
            raise ImpossibleError(f"{network}: the name is taken")
        pools = [pool for one in (*self.host.networks, network) for pool in one.subnets]
        for one, other in combinations((pool.range or pool.cidr for pool in pools), 2):
            if one.version == other.version and one.overlaps(other):
                raise ApplyError(f"{network}: Pool overlaps with other one on this address space")
        made = replace(network, id=f"id-of-{network.name}")
        self._set(
            networks=self.host.networks | {made},
            proofs=self.host.proofs | {Proof(network=made.name, id=made.id)},
            losses=frozenset(loss for loss in self.host.losses if loss.id != made.id),
        )

    def _replace_network(self, new: Network, old: Network) -> None:
        """The containers come along; a fixed address must have a place in the new one."""
        if not present(old, self.host.networks).spec:
            raise ImpossibleError(f"{old} is not ours")
        users = frozenset(one for one in self.host.attachments if one.network_id == old.id)
        if any(not any(address in pool.cidr for pool in new.subnets) for one in users for address in one.fixed):
            raise ImpossibleError(f"{new}: a container could not be connected again")
        self._set(networks=self.host.networks - {old})
        self._create_network(new)
        moved = frozenset(replace(one, network_id=f"id-of-{new.name}") for one in users)
        self._set(attachments=self.host.attachments - users | moved)

    # What happens without us

    def answer(self) -> None:
        """Let the LAN say whether the addresses it was asked for are free."""
        said = {True: Dad.FAILED, False: Dad.DONE}
        self._set(
            addresses=frozenset(
                replace(it, dad=said[it.address in self.elsewhere]) if it.dad is Dad.TENTATIVE else it
                for it in self.host.addresses
            )
        )

    def rearrange(self, links: frozenset[Link], default_link: str | None) -> None:
        """Give the host *links*: shims go with their parent, take its lower MTU, lose what spoke from its address.

        VLAN links of ours stay on those that do.
        """
        below = {link.name: link for link in links}
        vlans = frozenset(
            replace(vlan, mtu=min(vlan.mtu, below[vlan.parent].mtu), up=below[vlan.parent].up)
            for vlan in self.host.vlans
            if vlan.parent in below
        )
        tagged = {vlan.name: vlan for vlan in vlans}
        links |= frozenset(
            replace(link, mtu=vlan.mtu, up=vlan.up, carrier=below[vlan.parent].carrier)
            for link in self.host.links
            if (vlan := tagged.get(link.name))
        )
        mtus = {link.name: link.mtu for link in links}
        for shim in self.host.shims:
            if shim.parent not in mtus:
                self._destroy(shim)
            elif shim.mtu > mtus[shim.parent]:
                lower = replace(shim, mtu=mtus[shim.parent])
                if lower.mtu < IPV6_MTU:
                    self._drop_ipv6(shim.name)
                    lower = replace(lower, proxy_ndp=False)
                self._set(shims=self.host.shims - {shim} | {lower})
        kept = frozenset(one for one in self.host.promiscuous if one.parent in mtus)
        self._set(links=links, vlans=vlans, default_link=default_link, promiscuous=kept)
        self._drop_sourceless_routes()

    def _drop_ipv6(self, shim: str) -> None:
        mine = self.host
        self._set(
            addresses=frozenset(it for it in mine.addresses if (it.shim, it.address.version) != (shim, 6)),
            routes=frozenset(it for it in mine.routes if (it.shim, it.destination.version) != (shim, 6)),
            neighbours=frozenset(it for it in mine.neighbours if (it.shim, it.address.version) != (shim, 6)),
            proxies=frozenset(it for it in mine.proxies if it.shim != shim),
        )

    def run(self, containers: frozenset[Attachment]) -> None:
        """Let exactly *containers* run, as far as their networks exist."""
        ids = {network.name: network.id for network in self.host.networks}
        self._set(
            attachments=frozenset(replace(one, network_id=ids[one.network]) for one in containers if one.network in ids)
        )

    def _set(self, **parts: object) -> None:
        self.host = replace(self.host, **parts)  # type: ignore[arg-type]  # each part by its name

    def _shim(self, name: str) -> Shim:
        for shim in self.host.shims:
            if shim.name == name:
                return shim
        raise ImpossibleError(f"no shim '{name}'")

    def _link(self, name: str) -> Link:
        for link in self.host.links:
            if link.name == name:
                return link
        raise ImpossibleError(f"no link '{name}'")


@dataclass(frozen=True)
class Side:
    """An edge over one side of a world."""

    look: Callable[[Host], Host]
    do: Callable[[Action], None]

    def observe(self, host: Host) -> Host:
        """Return *host* with this side's part."""
        return self.look(host)

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do *actions* in order."""
        failures = []
        for action in actions:
            try:
                self.do(action)
            except ApplyError as error:
                failures.append(Failure(action=action, condition=error.condition, passing=error.passing))
        return tuple(failures)


def present(thing: Thing, things: frozenset[Thing]) -> Thing:
    """Return *thing*, which must be there."""
    if thing not in things:
        raise ImpossibleError(f"{thing} is not there")
    return thing
