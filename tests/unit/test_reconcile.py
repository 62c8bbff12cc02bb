"""One pass over a host in memory: what it tries, what it gives up, and whose fault it says it is."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from macvland.action import Action, Add, Change, Failure, Part, Replace
from macvland.condition.daemon import DEFECT
from macvland.condition.files import GONE_IN_USE
from macvland.config import ShimDeclaration
from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Goal, Host, Network
from macvland.reconcile import ROUNDS, Edge, Pass, attempts, converge
from tests.conditions import said
from tests.unit.samples import HOST, OTHER, PUB, container, declared, goal
from tests.unit.world import World

BOTH = declared(PUB, OTHER)


@dataclass
class Between:
    """An edge over another one that does something of its own with the actions."""

    edge: Edge
    instead: Callable[[Sequence[Action]], tuple[Failure, ...]]
    asked: list[tuple[Action, ...]] = field(default_factory=list)

    def observe(self, host: Host) -> Host:
        return self.edge.observe(host)

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        self.asked.append(tuple(actions))
        return self.instead(actions)


def one_pass(world: World, kernel: Edge | None = None, engine: Edge | None = None) -> Pass:
    return converge(lambda seen: goal(BOTH, seen), kernel or world.kernel, engine or world.engine, lambda *_: True)


def failures(ended: Pass) -> list[tuple[str, str]]:
    return [(failure.action.network, failure.reason) for failure in ended.failures]


def test_a_pass_does_what_is_planned_and_ends_when_nothing_is_left() -> None:
    world = World(HOST)
    ended = one_pass(world)
    assert [str(action) for action in ended.done] == [
        "add shim 'mv-lab' on 'eth1'",
        "add shim 'mv-pub_net' on 'eth0'",
        "add Docker network 'lab' on 'eth1' with 10.0.0.0/24",
        "add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
    ]
    assert (ended.converged, ended.left, ended.failures, ended.seen) == (True, (), (), world.host)


def test_a_converged_host_is_looked_at_and_left_alone() -> None:
    world = World(HOST)
    one_pass(world)
    kernel, engine = Between(world.kernel, lambda _: ()), Between(world.engine, lambda _: ())
    assert one_pass(world, kernel, engine).done == ()
    assert (kernel.asked, engine.asked) == ([], [()])


def test_what_one_network_fails_at_does_not_stop_the_other() -> None:
    world = World(HOST)

    def refuse(actions: Sequence[Action]) -> tuple[Failure, ...]:
        ours = [action for action in actions if action.network == "pub_net"]
        world.kernel.apply([action for action in actions if action.network == "lab"])
        return tuple(Failure(action=action, condition=said("busy")) for action in ours)

    ended = one_pass(world, Between(world.kernel, refuse))
    assert failures(ended) == [("pub_net", "busy")]
    assert {action.network for action in ended.left} == {"pub_net"}
    assert [str(action) for action in ended.done if action.network == "lab"] == [
        "add shim 'mv-lab' on 'eth1'",
        "add Docker network 'lab' on 'eth1' with 10.0.0.0/24",
    ]


def test_a_network_that_failed_is_not_tried_again_in_the_same_pass() -> None:
    world = World(HOST)
    engine = Between(world.engine, lambda actions: tuple(Failure(action=one, condition=said("no")) for one in actions))
    one_pass(world, engine=engine)
    assert [len(actions) for actions in engine.asked] == [0, 2]


def test_an_edge_that_refuses_everything_fails_every_action() -> None:
    world = World(HOST)

    def refuse(actions: Sequence[Action]) -> tuple[Failure, ...]:
        if actions:
            raise EngineAbsentError("gone", passing=False)
        return ()

    ended = one_pass(world, engine=Between(world.engine, refuse))
    assert failures(ended) == [("lab", "gone"), ("pub_net", "gone")]
    assert not any(failure.passing for failure in ended.failures)


@pytest.mark.fault("A4")
def test_a_defect_that_one_networks_action_meets_is_that_networks_alone() -> None:
    world = World(HOST)

    def stumble(actions: Sequence[Action]) -> tuple[Failure, ...]:
        if any(action.network == "pub_net" for action in actions):
            raise ZeroDivisionError("division by zero")
        return world.kernel.apply(actions)

    ended = one_pass(world, Between(world.kernel, stumble))
    reason = "macvland failed on it: ZeroDivisionError('division by zero'); please report this"
    assert failures(ended) == [("pub_net", reason)]
    assert {shim.network for shim in ended.seen.shims} == {"lab"}
    assert {action.network for action in ended.done} == {"lab", "pub_net"}  # of the latter, Docker's part
    assert {str(action) for action in ended.left} == {"add shim 'mv-pub_net' on 'eth0'"}


@pytest.mark.fault("A4")
def test_a_declaration_that_our_code_fails_on_stays_as_it_is_and_the_others_are_served() -> None:
    world = World(HOST)
    converge(lambda seen: goal(declared(PUB), seen), world.kernel, world.engine, lambda *_: True)
    before = world.host
    broken = declared(replace(PUB, shim=cast(ShimDeclaration, "no table")), OTHER)
    ended = converge(lambda seen: goal(broken, seen), world.kernel, world.engine, lambda *_: True)
    assert [(one.network, one.kind) for one in ended.goal.obstacles] == [("pub_net", DEFECT)]
    assert {shim.network for shim in world.host.shims} == {"lab", "pub_net"}
    assert before.shims < world.host.shims
    assert before.networks < world.host.networks


@pytest.mark.fault("C51")
def test_an_action_without_effect_is_undone_and_not_tried_again_in_the_same_pass() -> None:
    world = World(HOST)
    kernel = Between(world.kernel, lambda _: ())
    ended = one_pass(world, kernel)
    assert list(map(str, ended.undone)) == ["add shim 'mv-lab' on 'eth1'", "add shim 'mv-pub_net' on 'eth0'"]
    assert (ended.failures, ended.pending, ended.converged) == ((), (), False)
    assert len(kernel.asked) == 1
    assert all(isinstance(action.thing, Network) for action in ended.done)


@pytest.mark.fault("C51")
def test_what_somebody_keeps_undoing_waits_with_what_rests_on_it_and_the_rest_goes_on() -> None:
    world = World(HOST)
    one_pass(world)
    world.run(frozenset({container("web", "192.168.1.193")}))
    whole = world.host
    world.host = replace(HOST, networks=whole.networks, attachments=whole.attachments, proofs=whole.proofs)
    ended = converge(
        lambda seen: goal(BOTH, seen),
        world.kernel,
        world.engine,
        due=lambda *_: True,
        held=lambda action, _: str(action) == "add shim 'mv-pub_net' on 'eth0'",
    )
    assert list(map(str, ended.done)) == ["add shim 'mv-lab' on 'eth1'"]
    assert list(map(str, ended.held)) == [
        "add shim 'mv-pub_net' on 'eth0'",
        "add neighbour 192.168.1.193 at 02:42:c0:a8:01:c1 on shim 'mv-pub_net'",
        "add route to 192.168.1.193 over shim 'mv-pub_net' from 192.168.1.50",
    ]
    assert (ended.left, ended.pending, ended.failures, ended.undone) == (ended.held, (), (), ())


def test_a_shim_that_is_deleted_while_a_pass_goes_on_is_made_again_in_it() -> None:
    world = World(HOST)
    one_pass(world)
    world.run(frozenset({container("web", "192.168.1.193")}))

    def lose_the_shim(actions: Sequence[Action]) -> tuple[Failure, ...]:
        if len(kernel.asked) > 1:
            return world.kernel.apply(actions)
        world.host = replace(world.host, shims=frozenset(s for s in world.host.shims if s.network == "lab"))
        return (Failure(action=actions[0], condition=said("no such device")),)

    kernel = Between(world.kernel, lose_the_shim)
    ended = one_pass(world, kernel)
    assert (ended.converged, ended.failures) == (True, ())
    assert "mv-pub_net" in {route.shim for route in world.host.routes}


def test_what_a_start_of_docker_makes_unknown_while_a_pass_goes_on_is_proved_again_in_it() -> None:
    world = World(HOST)
    one_pass(world)
    world.host = replace(world.host, proofs=frozenset())

    def start_again(actions: Sequence[Action]) -> tuple[Failure, ...]:
        failed = world.engine.apply(actions)
        if len(engine.asked) == 2:  # the first asks only how an earlier pass went
            world.host = replace(world.host, proofs=frozenset())
        return failed

    engine = Between(world.engine, start_again)
    ended = one_pass(world, engine=engine)
    assert (ended.converged, ended.failures, len(world.host.proofs)) == (True, (), 2)


@pytest.mark.fault("C51")
def test_a_pass_ends_though_there_is_always_more_to_do() -> None:
    """Each look finds the shim with another MTU."""
    world = World(HOST)

    def undo(actions: Sequence[Action]) -> tuple[Failure, ...]:
        failed = world.kernel.apply(actions)
        world.host = replace(
            world.host, shims=frozenset(replace(shim, mtu=1000 + len(kernel.asked)) for shim in world.host.shims)
        )
        return failed

    kernel = Between(world.kernel, undo)
    ended = converge(lambda seen: goal(declared(PUB), seen), kernel, world.engine, lambda *_: True)
    assert len(kernel.asked) == ROUNDS
    assert (ended.failures, len(ended.undone), ended.left) == ((), 1, ended.undone)


def test_what_a_change_takes_with_it_comes_back_in_the_same_pass() -> None:
    """A new MAC empties the neighbour table of a link."""
    world = World(HOST)
    one_pass(world)
    world.run(frozenset({container("web", "192.168.1.193")}))
    one_pass(world)
    whole = world.host
    (shim,) = (shim for shim in world.host.shims if shim.network == "pub_net")
    world.host = replace(world.host, shims=world.host.shims - {shim} | {replace(shim, mac="02:00:00:00:00:99")})
    ended = one_pass(world)
    assert [type(action) for action in ended.done] == [Change, Add]
    assert (ended.converged, world.host) == (True, whole)


def test_a_network_that_is_not_due_is_left_alone() -> None:
    world = World(HOST)
    asked: dict[Part, Hashable] = {}

    def due(part: Part, attempt: Hashable) -> bool:
        asked[part] = attempt
        return part.network == "lab"

    ended = converge(lambda seen: goal(BOTH, seen), world.kernel, world.engine, due)
    assert {action.network for action in ended.done} == {"lab"}
    assert {action.network for action in ended.left} == {"pub_net"}
    assert ended.failures == ()
    assert not ended.converged
    assert asked == attempts((*ended.done, *ended.left), HOST) | attempts(ended.left, ended.seen)


def test_an_attempt_is_another_one_once_its_parent_is_another() -> None:
    left = (Add(next(iter(goal(declared(PUB), HOST).host.shims))),)
    replugged = replace(HOST, links=frozenset(replace(link, index=link.index + 10) for link in HOST.links))
    assert attempts(left, HOST) == attempts(left, HOST)
    assert attempts(left, HOST) != attempts(left, replugged)


def test_an_attempt_is_another_one_once_docker_answers_differently() -> None:
    left = (Add(next(iter(goal(declared(PUB), HOST).host.networks))),)
    foreign = Network(name="foreign", parent="eth1", id="f")
    assert attempts(left, HOST) != attempts(left, replace(HOST, networks=frozenset({foreign})))


def test_an_attempt_to_replace_what_had_to_be_brought_back_is_the_same_one() -> None:
    new = next(iter(goal(declared(PUB), HOST).host.networks))
    old, back = (replace(new, spec="1:old", id=identifier) for identifier in ("old", "back"))
    assert Replace(new, old, ("web",)) == Replace(new, back, ("web",))  # nor has `macvlanctl apply` done it
    first, second = (
        attempts((Replace(new, one, ("web",)),), replace(HOST, networks=frozenset({one}))) for one in (old, back)
    )
    assert first == second
    moved = replace(HOST, networks=frozenset({replace(back, parent="eth1")}))
    assert attempts((Replace(new, back, ("web",)),), moved) != second


def test_a_failure_of_an_earlier_pass_counts_for_the_next_one() -> None:
    world = World(HOST)
    late = Failure(action=Add(next(iter(goal(declared(PUB), HOST).host.networks))), condition=said("pool overlaps"))
    engine = Between(world.engine, lambda actions: world.engine.apply(actions) if actions else (late,))
    ended = one_pass(world, engine=engine)
    assert ended.failures == (late,)
    assert {network.name for network in world.host.networks} == {"lab"}
    assert {shim.network for shim in world.host.shims} == {"lab", "pub_net"}  # no shim waits for Docker


def test_a_failure_that_is_told_while_the_engine_does_not_say_what_is_left_counts_once_it_does() -> None:
    world = World(HOST)
    answers = world.host.engine
    network = next(iter(goal(declared(PUB), HOST).host.networks))
    late = Failure(action=Add(network), condition=said("pool overlaps"))
    outcome = [(late,)]

    def wants(seen: Host) -> Goal:
        return goal(declared(PUB), seen)

    world.host = replace(HOST, engine=None)
    silent = Between(world.engine, lambda _: outcome.pop() if outcome else ())
    first = converge(wants, world.kernel, silent, lambda *_: True)
    assert (first.failures, first.unheard) == ((), (late,))
    world.host = replace(world.host, engine=answers)
    second = converge(wants, world.kernel, world.engine, lambda *_: True, before=first)
    assert (second.failures, second.unheard, second.left) == ((late,), (), (late.action,))
    third = converge(wants, world.kernel, world.engine, lambda *_: True, before=second)
    assert (third.failures, third.converged) == ((), True)


def test_a_failure_that_was_late_counts_for_its_very_action_only() -> None:
    world = World(HOST)
    gone = Failure(
        action=Add(Network(name="pub_net", parent="eth9", spec="1:another")), condition=said("no"), passing=False
    )
    engine = Between(world.engine, lambda actions: world.engine.apply(actions) if actions else (gone,))
    before = replace(one_pass(world), pending=(gone.action,))
    ended = converge(lambda seen: goal(BOTH, seen), world.kernel, engine, lambda *_: True, before=before)
    assert (ended.failures, ended.converged, ended.done) == ((), True, ())


def test_what_the_kernel_has_to_do_makes_no_other_try_of_what_the_engine_failed_at() -> None:
    host = goal(declared(PUB), HOST).host
    network, shim = next(iter(host.networks)), next(iter(host.shims))
    part = Part("pub_net", engine=True)
    assert attempts((Add(network),), HOST)[part] == attempts((Add(shim), Add(network)), HOST)[part]


@pytest.mark.fault("B33")
def test_a_failure_is_none_once_it_is_not_wanted_any_more() -> None:
    """Docker refuses to remove a network that a container joined after the look."""
    world = World(HOST)
    converge(lambda seen: goal(declared(PUB), seen), world.kernel, world.engine, lambda *_: True)

    def join(actions: Sequence[Action]) -> tuple[Failure, ...]:
        if actions:
            world.run(frozenset({container("web", "192.168.1.193")}))
        return tuple(Failure(action=action, condition=said("has active endpoints")) for action in actions)

    engine = Between(world.engine, join)
    ended = converge(lambda seen: goal(declared(), seen), world.kernel, engine, lambda *_: True)
    assert (ended.failures, ended.left, ended.converged) == ((), (), True)
    assert [one.kind for one in ended.goal.obstacles] == [GONE_IN_USE]
    assert [str(action) for action in ended.done] == ["delete shim 'mv-pub_net' on 'eth0'"]


def test_shims_are_done_before_docker_is_asked() -> None:
    world = World(HOST)
    order: list[str] = []

    def noting(name: str, edge: Edge) -> Between:
        def act(actions: Sequence[Action]) -> tuple[Failure, ...]:
            order.extend(name for _ in actions[:1])
            return edge.apply(actions)

        return Between(edge, act)

    one_pass(world, noting("kernel", world.kernel), noting("engine", world.engine))
    assert order == ["kernel", "engine"]


def test_a_kernel_that_cannot_be_looked_at_ends_the_pass() -> None:
    def refuse(_: Host) -> Host:
        raise ApplyError("no netlink socket")

    world = World(HOST)
    with pytest.raises(ApplyError, match="no netlink socket"):
        one_pass(world, replace(world.kernel, look=refuse))


def test_a_goal_is_made_anew_for_each_look() -> None:
    world = World(HOST)
    hosts: list[Host] = []

    def want(seen: Host) -> Goal:
        hosts.append(seen)
        return goal(BOTH, seen)

    converge(want, world.kernel, world.engine, lambda *_: True)
    assert hosts == [HOST, world.host]


def test_what_the_engine_has_not_answered_yet_is_done_only_when_it_has() -> None:
    world = World(HOST)
    engine = world.host.engine

    def begin(actions: Sequence[Action]) -> tuple[Failure, ...]:
        if actions:
            world.engine.apply(actions)
            world.host = replace(world.host, engine=None)
        return ()

    first = one_pass(world, engine=Between(world.engine, begin))
    assert {action.network for action in first.pending} == {"lab", "pub_net"}
    assert all("Docker" not in str(action) for action in first.done)
    world.host = replace(world.host, engine=engine)
    second = converge(lambda seen: goal(BOTH, seen), world.kernel, world.engine, lambda *_: True, before=first)
    assert (second.done, second.pending, second.converged) == (first.pending, (), True)
