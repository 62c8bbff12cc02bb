"""macvlanctl show where it is pure: what hangs on what, the tree of it, and the picture."""

import json
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from itertools import combinations, pairwise
from xml.etree.ElementTree import Element, fromstring

import pytest

from macvland.cli.show.svg import svg
from macvland.cli.show.topology import Node, Sight, topology, troubles
from macvland.cli.show.tree import tree
from macvland.cli.text.cells import width
from macvland.cli.text.terminal import RED, coloured
from macvland.condition.parent import NO_CARRIER, PARENT_MISSING
from macvland.model import Goal, Host, Link, Loss, Mode, Network, Route, Shim, Subnet
from macvland.status import AttachmentStatus, State
from tests.conditions import because, said
from tests.unit.samples import HOST, LAB, LAN, container, declaration, declared, goal
from tests.unit.test_status import READY
from tests.unit.world import DOCKER

LONG = "camera-recorder-with-a-very-long-name-that-goes-on-<&>-and-on"


def link(name: str, index: int, *addresses: str) -> Link:
    mac = f"02:00:00:00:00:{index:02x}"
    return Link(name=name, index=index, mac=mac, addresses=frozenset(map(ip_interface, addresses)))


ETH0 = link("eth0", 2, "192.168.1.50/24", "2001:db8:1::50/64")
VLAN = replace(link("eth0.50", 5), kind="vlan", vlan=50, below="eth0")
UNPLUGGED = replace(link("eth1", 3), carrier=False)
HAND_MADE = replace(link("shim0", 9, "192.168.1.222/32"), kind="macvlan", below="eth0")
LAN6 = Subnet(cidr=ip_network("2001:db8:1::/64"), gateway=ip_address("2001:db8:1::1"))
CAMERAS = Subnet(cidr=ip_network("10.50.0.0/16"), gateway=ip_address("10.50.0.1"))
PUB_NET = Network(name="pub_net", parent="eth0", subnets=frozenset({LAN, LAN6}), id="id-of-pub_net", spec="1:x")
CAMS = Network(name="cams", parent="eth0.50", mode=Mode.PRIVATE, subnets=frozenset({CAMERAS}), id="id-of-cams")
LAB_NET = Network(name="lab", parent="eth1", subnets=frozenset({LAB}), id="id-of-lab", spec="1:y")
ALONE = Network(
    name="alone", parent=None, internal=True, subnets=frozenset({Subnet(cidr=ip_network("172.30.0.0/24"))}), id="4"
)
SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:aa", mtu=1500)
STOPPED = replace(
    container("old", "192.168.1.195"), addresses=frozenset(), fixed=frozenset({ip_address("192.168.1.195")})
)
SEEN = Host(
    links=frozenset({ETH0, VLAN, UNPLUGGED, HAND_MADE}),
    shims=frozenset({SHIM}),
    routes=frozenset(
        {Route(shim=SHIM.name, destination=ip_address("192.168.1.193"), source=ip_address("192.168.1.50"))}
    ),
    engine=DOCKER,
    networks=frozenset({PUB_NET, CAMS, LAB_NET, ALONE}),
    attachments=frozenset(
        {
            container("web", "192.168.1.193"),
            container("db", "192.168.1.194", mac="02:42:c0:a8:01:c2"),
            STOPPED,
            replace(container(LONG, "10.50.0.2", "cams"), cut=True),
        }
    ),
)
OBSTACLES = frozenset(
    {
        NO_CARRIER("lab", parent="eth1"),
        PARENT_MISSING("gone", parent="usb0"),
    }
)
CONFIG = declared(
    declaration("pub_net"),
    declaration("lab", LAB, "eth1"),
    declaration("gone", Subnet(cidr=ip_network("172.20.0.0/24")), "usb0"),
)
SIGHT = Sight(config=CONFIG, seen=SEEN, goal=Goal(host=Host(), obstacles=OBSTACLES))
NODES = topology(SIGHT)

GOLDEN = {
    80: """\
LAN
├─ eth0  NIC  02:00:00:00:00:02  192.168.1.50/24  2001:db8:1::50/64
│  ├─ network pub_net  ready  bridge  192.168.1.0/24 via 192.168.1.1
│  │  │  2001:db8:1::/64 via 2001:db8:1::1
│  │  ├─ shim mv-pub_net  02:00:00:00:00:aa  as 192.168.1.50
│  │  ├─ container db  192.168.1.194  02:42:c0:a8:01:c2
│  │  ├─ container old  192.168.1.195  does not run
│  │  └─ container web  192.168.1.193  02:42:c0:a8:01:c1
│  ├─ link shim0  not macvland's  02:00:00:00:00:09  192.168.1.222/32
│  └─ eth0.50  VLAN 50  02:00:00:00:00:05
│     └─ network cams  not declared  private  10.50.0.0/16 via 10.50.0.1
│        └─ container
│              camera-recorder-with-a-very-long-name-that-goes-on-<&>-and-on
│              10.50.0.2  02:42:c0:a8:01:c1
│              ! its NIC has vanished with the parent
├─ eth1  NIC  02:00:00:00:00:03
│  │  ! has no carrier
│  └─ network lab  waiting  bridge  10.0.0.0/24 via 10.0.0.1
│        ! its parent 'eth1' has no carrier
└─ usb0
   │  ! does not exist
   └─ network gone  waiting  bridge  172.20.0.0/24
         ! waits for its parent 'usb0', which does not exist yet
no parent
└─ network alone  not declared  bridge  172.30.0.0/24
""",
    120: """\
LAN
├─ eth0  NIC  02:00:00:00:00:02  192.168.1.50/24  2001:db8:1::50/64
│  ├─ network pub_net  ready  bridge  192.168.1.0/24 via 192.168.1.1  2001:db8:1::/64 via 2001:db8:1::1
│  │  ├─ shim mv-pub_net  02:00:00:00:00:aa  as 192.168.1.50
│  │  ├─ container db  192.168.1.194  02:42:c0:a8:01:c2
│  │  ├─ container old  192.168.1.195  does not run
│  │  └─ container web  192.168.1.193  02:42:c0:a8:01:c1
│  ├─ link shim0  not macvland's  02:00:00:00:00:09  192.168.1.222/32
│  └─ eth0.50  VLAN 50  02:00:00:00:00:05
│     └─ network cams  not declared  private  10.50.0.0/16 via 10.50.0.1
│        └─ container camera-recorder-with-a-very-long-name-that-goes-on-<&>-and-on  10.50.0.2  02:42:c0:a8:01:c1
│              ! its NIC has vanished with the parent
├─ eth1  NIC  02:00:00:00:00:03
│  │  ! has no carrier
│  └─ network lab  waiting  bridge  10.0.0.0/24 via 10.0.0.1
│        ! its parent 'eth1' has no carrier
└─ usb0
   │  ! does not exist
   └─ network gone  waiting  bridge  172.20.0.0/24
         ! waits for its parent 'usb0', which does not exist yet
no parent
└─ network alone  not declared  bridge  172.30.0.0/24
""",
}


def nodes_of(nodes: tuple[Node, ...]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in nodes:
        found |= {node.name: node} | nodes_of(node.children)
    return found


@pytest.mark.parametrize("columns", [80, 120])
def test_the_tree_fits_the_terminal(columns: int) -> None:
    shown = tree(NODES, columns)
    assert shown == GOLDEN[columns].rstrip("\n")
    assert max(map(len, shown.splitlines())) <= columns


def test_problems_are_red_where_there_are_colours_and_nothing_else_is() -> None:
    red = [line for line in tree(NODES, 120, coloured).splitlines() if f"\x1b[{RED}m" in line]
    assert len(red) == troubles(NODES) == 5
    assert "\x1b" not in tree(NODES, 120)


def test_a_vlan_inside_of_a_vlan_hangs_on_it() -> None:
    inner = replace(VLAN, name="eth0.50.7", index=9, vlan=7, below="eth0.50")
    seen = replace(
        SEEN,
        links=frozenset({ETH0, VLAN, inner}),
        networks=frozenset({replace(CAMS, parent=inner.name)}),
        shims=frozenset(),
    )
    (eth0,) = topology(Sight(config=declared(), seen=seen, goal=Goal(host=Host())))
    (outer,) = eth0.children
    assert [(child.kind, child.name) for child in outer.children] == [("VLAN", "eth0.50.7")]


def test_a_vlan_hangs_on_its_parent_although_nothing_else_does() -> None:
    seen = replace(SEEN, links=frozenset({ETH0, VLAN}), networks=frozenset({CAMS}), shims=frozenset())
    (eth0,) = topology(Sight(config=declared(), seen=seen, goal=Goal(host=Host())))
    assert [(child.kind, child.name) for child in eth0.children] == [("VLAN", "eth0.50")]


def test_a_network_says_what_is_to_do_for_it() -> None:
    config = declared(declaration())
    asked = goal(config, HOST)
    from macvland.plan import plan

    sight = Sight(config=config, seen=HOST, goal=asked, actions=plan(asked.host, HOST))
    node = nodes_of(topology(sight))["pub_net"]
    assert node.details[0] == "to do"
    assert "to do: add shim 'mv-pub_net' on 'eth0'" in node.problems


def test_what_the_daemon_failed_at_and_what_docker_lost_are_problems() -> None:
    failed = replace(
        READY, name="pub_net", state=State.FAILED, conditions=because(State.FAILED, "add shim: File exists")
    )
    lost = Loss(network="pub_net", id="id-of-pub_net", condition=said("Docker's driver has forgotten it"))
    sight = replace(SIGHT, seen=replace(SEEN, losses=frozenset({lost})), failed=[failed])
    node = nodes_of(topology(sight))["pub_net"]
    assert (node.details[0], node.problems) == ("failed", ("add shim: File exists", "Docker's driver has forgotten it"))


def test_without_docker_what_the_status_file_knows_is_shown() -> None:
    attached = AttachmentStatus(container="web", addresses=("192.168.1.193",), mac="02:42:c0:a8:01:c1")
    last = replace(READY, name="pub_net", link="eth0", attachments=(attached,))
    seen = replace(SEEN, engine=None, networks=frozenset(), attachments=frozenset())
    nodes = nodes_of(topology(replace(SIGHT, seen=seen, remembered=[last])))
    assert nodes["web"].details == ("192.168.1.193", "02:42:c0:a8:01:c1")


def test_a_host_without_networks_says_so() -> None:
    assert tree((), 80) == "no macvlan network, and no file that declares one"


# The picture

CODE = Node(
    kind="parent", name="eth0", children=(Node(kind="network", name="a\x1b[31m\u202e<b>&\"'", details=("x" * 500,)),)
)
WORST = Node(
    kind="parent",
    name="p" * 60,
    problems=("a problem that needs many words to be told, and some more of them " * 4,),
    children=(
        Node(
            kind="network", name="n" * 80, children=(Node(kind="shim", name="s"), Node(kind="container", name="c" * 90))
        ),
        Node(kind="link", name="漢字" * 40),
        Node(kind="VLAN", name="v" * 15, children=(Node(kind="network", name="m", problems=("no",)),)),
    ),
)
MANY = tuple(Node(kind="container", name=f"c{number}") for number in range(5))
CROWDED = Node(kind="parent", name="eth0", children=tuple(Node(kind="network", name=it, children=MANY) for it in "ab"))
PICTURES = {
    "a crowd": (CROWDED,),
    "a sample": NODES,
    "the worst": (WORST, WORST),
    "what is no text": (CODE,),
    "nothing": (),
}
SVG = "{http://www.w3.org/2000/svg}"


def picture(nodes: tuple[Node, ...]) -> Element:
    return fromstring(svg(nodes, "macvlan networks of host"))  # noqa: S314 - our own


def rectangle(box: Element) -> tuple[float, float, float, float]:
    x, y, wide, high = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + wide, y + high


@pytest.mark.parametrize("nodes", PICTURES.values(), ids=PICTURES.keys())
def test_no_text_leaves_its_box_and_no_box_meets_another(nodes: tuple[Node, ...]) -> None:
    root = picture(nodes)
    boxes = []
    for group in root.findall(f"{SVG}g"):
        if (box := group.find(f"{SVG}rect")) is None:
            continue
        left, top, right, bottom = rectangle(box)
        boxes.append((left, top, right, bottom))
        lines = [(float(it.attrib["x"]), float(it.attrib["y"]), it.text or "") for it in group.findall(f"{SVG}text")]
        assert all(left < x and x + 0.61 * 13 * width(text) < right and top + 13 < y < bottom for x, y, text in lines)
        heights = [y for _, y, _ in lines]
        assert all(after - before >= 16 for before, after in pairwise(heights))
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(right < wide and bottom < high for _, _, right, bottom in boxes)


def test_each_box_has_all_that_is_known_in_its_title() -> None:
    titles = [group.findtext(f"{SVG}title") or "" for group in picture(NODES).findall(f"{SVG}g")]
    names = nodes_of(NODES)
    assert len([title for title in titles if title]) == len(names)
    assert f"container {LONG}\n10.50.0.2\n02:42:c0:a8:01:c1\nits NIC has vanished with the parent" in titles


def test_a_picture_holds_no_character_that_does_not_print_and_no_markup_of_others() -> None:
    text = svg((CODE,), "x")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<b>" not in text
    assert "a\ufffd[31m\ufffd<b>&\"'" in "".join(picture((CODE,)).itertext())


def test_a_picture_needs_nothing_from_elsewhere_and_has_colours_for_the_dark() -> None:
    text = svg(NODES, "x")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "@media (prefers-color-scheme: dark)" in text


def test_boxes_with_problems_have_a_red_border() -> None:
    red = [box for box in picture(NODES).iter(f"{SVG}rect") if "bad" in box.attrib.get("class", "").split()]
    assert len(red) == len([node for node in nodes_of(NODES).values() if node.problems]) == 5
    assert {box.attrib["stroke"] for box in red} == {"#c62828"}


def test_the_wire_of_a_network_without_a_parent_leads_to_no_lan() -> None:
    (apart,) = (node for node in NODES if node.kind == "apart")
    lone = picture((apart,))
    assert "LAN" not in [it.text for it in lone.iter(f"{SVG}text")]
    assert json.dumps([it.text for it in lone.iter(f"{SVG}text")]).count("no parent") == 1
