"""
The package polices itself: layers, purity, documentation and extension points.

Everything here reads source text or declarations; nothing is started.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from zope.interface import implementedBy, providedBy
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyObject

from txbalancer import interfaces
from txbalancer.core import specs

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "txbalancer"
ADR = ROOT / "docs/adr"

# Imports go down only, and never sideways between two names of one level; see
# docs/adr/0003-layers.rst.
# txbalancer.plugins is an empty folder for other people's code: anyone may search it.
LEVELS = {
    "": 0,
    "errors": 0,
    "interfaces": 0,
    "plugins": 0,
    "core": 1,
    "http1": 1,
    "ajp": 1,
    "fastcgi": 1,
    "http2": 2,
    "config": 2,
    "net": 2,
    "tls": 3,
    "proxy": 4,
    "probes": 4,
    "discovery": 4,
    "stream": 5,
    "control": 6,
    "workers": 6,
    "services": 7,
    "__main__": 8,
    "tap": 8,
    "testing": 8,
    "demo": 9,
    "manpages": 9,
}

PURE = ("core", "http1", "ajp", "fastcgi", "http2", "errors")
# What a pure layer may import: nothing here has a clock, a socket, a file or a dice.
PURE_IMPORTS = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "bcrypt",
        "binascii",
        "bisect",
        "collections",
        "dataclasses",
        "decimal",
        "difflib",
    }
    | {
        "enum",
        "errno",
        "fnmatch",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "http",
        "importlib",
    }
    | {
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "pkgutil",
        "re",
        "statistics",
        "string",
        "struct",
        "warnings",
    }
    | {"txbalancer", "types", "typing", "urllib", "zlib", "zope"}
)

LINES_WITHOUT_ADR = 400

SPECS = (
    specs.MemberSpec,
    specs.BalancerSpec,
    specs.SourceSpec,
    specs.MountSpec,
    specs.ListenerSpec,
    specs.GlobalSpec,
    specs.LimitSpec,
)
OPTIONS = [
    pytest.param(spec, attribute, found, id=f"{spec.__name__}.{found.name}")
    for spec in SPECS
    for attribute, found in specs.options(spec)
]
INTERFACES = [
    each
    for each in vars(interfaces).values()
    if isinstance(each, InterfaceClass) and each.__module__ == interfaces.__name__
]
EXTENSIONS = [
    ("core.lbmethods", interfaces.ILBMethodFactory),
    ("core.stickiness", interfaces.IStickySchemeFactory),
    ("probes", interfaces.IProbe),
    ("discovery", interfaces.IMemberSourceFactory),
]


@dataclass(frozen=True)
class Module:
    """
    One source file of the package.

    @ivar name: dotted name without C{txbalancer.}; empty for the package itself.
    """

    path: Path
    name: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        """
        Return the first part of the name, the key of LEVELS.
        """
        return self.name.partition(".")[0]

    @property
    def package(self) -> str:
        """
        Return the dotted name that a relative import of one dot starts from.
        """
        full = f"txbalancer.{self.name}".rstrip(".")
        return full if self.path.name == "__init__.py" else full.rpartition(".")[0]


@functools.cache
def modules() -> tuple[Module, ...]:
    """
    Parse every file under txbalancer/.
    """
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        found.append(Module(path, name, ast.parse(path.read_text(), str(path))))
    return tuple(found)


def each_module() -> list[object]:
    """
    Return the modules as parameters, with readable test ids.
    """
    return [pytest.param(module, id=module.name or "txbalancer") for module in modules()]


def imported(module: Module, node: ast.AST) -> Iterator[str]:
    """
    Yield the absolute names that an import statement may refer to.
    """
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            start = module.package.split(".")
            base = ".".join([*start[: len(start) - node.level + 1], *filter(None, [base])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """
    Yield the nodes that run when the module is imported.
    """
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from outside_functions(node)


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """
    Yield every node but those under C{if TYPE_CHECKING}.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from runtime_nodes(node)


@pytest.mark.parametrize("module", each_module())
def test_imports_go_down_only(module: Module) -> None:
    """
    A module imports its own package and lower layers, nothing above and nothing beside.
    """
    assert module.layer in LEVELS, f"give {module.layer} a place among the layers"
    wrong = set()
    for node in ast.walk(module.tree):
        for name in imported(module, node):
            top, _, rest = name.partition(".")
            if top != "txbalancer":
                continue
            layer = rest.partition(".")[0]
            layer = layer if layer in LEVELS else ""
            if layer != module.layer and LEVELS[layer] >= max(LEVELS[module.layer], 1):
                wrong.add(name)
    assert not wrong


@pytest.mark.parametrize("module", [m for m in each_module() if m.values[0].layer in PURE])
def test_pure_layers_import_no_io_clock_or_dice(module: Module) -> None:
    """
    core, http1 and errors run without Twisted, files, sockets, clocks and module-level randomness.
    """
    found = {
        name.partition(".")[0]
        for node in runtime_nodes(module.tree)
        for name in imported(module, node)
        if name != "random.Random"  # the type; its instances are handed in
    }
    assert found <= PURE_IMPORTS


@pytest.mark.parametrize("module", each_module())
def test_no_reactor_at_import(module: Module) -> None:
    """
    No module imports the reactor when it is itself imported: that would install one.
    """
    for node in outside_functions(module.tree):
        assert "twisted.internet.reactor" not in set(imported(module, node))


@pytest.mark.parametrize("module", each_module())
def test_public_names_have_docstrings(module: Module) -> None:
    """
    Every public module, class, function and method of our own naming says what it is for.

    Methods in camelCase are Twisted's to name and document; a method that one of our
    interfaces or another class of the module documents is documented once.
    """
    if not module.tree.body:
        return
    missing = [] if ast.get_docstring(module.tree) else ["the module itself"]
    missing += undocumented(module.tree, documented_methods(module.tree))
    assert not missing


def undocumented(parent: ast.Module | ast.ClassDef, promised: frozenset[str]) -> Iterator[str]:
    """
    Yield the names of public definitions directly under a node that have no docstring.
    """
    for node in parent.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.name.startswith("_") or node.name in promised:
            continue
        is_class = isinstance(node, ast.ClassDef)
        if not is_class and node.name.lower() != node.name:
            continue
        if not is_class and isinstance(parent, ast.ClassDef) and is_half(node):
            continue
        if not ast.get_docstring(node):
            yield node.name
        if is_class:
            yield from undocumented(node, promised | promised_by(node))


def is_half(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """
    Tell whether a method is a setter, an overload or a declaration without a body.
    """
    decorators = [ast.unparse(each) for each in node.decorator_list]
    return ast.unparse(node.body[0]) == "..." or any(
        each.endswith((".setter", "overload")) for each in decorators
    )


def documented_methods(tree: ast.Module) -> frozenset[str]:
    """
    Return the names of methods that some class of the module documents.
    """
    return frozenset(
        method.name
        for each in tree.body
        if isinstance(each, ast.ClassDef)
        for method in each.body
        if isinstance(method, ast.FunctionDef) and ast.get_docstring(method)
    )


def promised_by(node: ast.ClassDef) -> frozenset[str]:
    """
    Return the methods that the interfaces of a class document for it.
    """
    names = set()
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "implementer":
            for argument in decorator.args:
                found = getattr(interfaces, ast.unparse(argument).rpartition(".")[2], None)
                names |= set(found.names(all=True)) if found is not None else set()
    return frozenset(names)


@pytest.mark.parametrize("module", each_module())
def test_long_files_are_argued_for(module: Module) -> None:
    """
    A file of more than 400 lines is named in a decision record that says why.
    """
    lines = len(module.path.read_text().splitlines())
    if lines > LINES_WITHOUT_ADR:
        name = str(module.path.relative_to(ROOT))
        assert any(name in adr.read_text() for adr in ADR.glob("*.rst")), f"{name}: {lines} lines"


@pytest.mark.parametrize(("spec", "attribute", "found"), OPTIONS)
def test_every_option_is_described(spec: type, attribute: str, found: specs.Option) -> None:
    """
    An option has one line of documentation, lower-case names and two hashable defaults.
    """
    assert found.doc.endswith((".", "…"))
    assert "\n" not in found.doc
    assert found.name == found.name.lower()
    hash((found.modern, found.apache))
    assert next(f for f in dataclasses.fields(spec) if f.name == attribute).default == (
        found.modern
    )


@pytest.mark.parametrize("spec", SPECS)
def test_option_names_are_unique(spec: type) -> None:
    """
    No two options of one section share a key.
    """
    names = Counter(found.name for _, found in specs.options(spec))
    assert max(names.values()) == 1


@pytest.mark.parametrize(("spec", "attribute", "found"), OPTIONS)
def test_no_option_is_accepted_and_ignored(spec: type, attribute: str, found: specs.Option) -> None:
    """
    Something outside the configuration layer reads each option.
    """
    assert attribute in read_attributes(), f"nothing reads {attribute}"


@functools.cache
def read_attributes() -> frozenset[str]:
    """
    Return every attribute name that code below configuration or above it reads.
    """
    return frozenset(
        node.attr
        for module in modules()
        if module.layer != "config"
        and not module.name.startswith(("core.specs", "demo", "testing"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    )


def built_in(folder: str, interface: InterfaceClass) -> Iterator[tuple[str, object]]:
    """
    Yield (module, object) for each provider of an interface that a folder's modules define.
    """
    package = importlib.import_module(f"txbalancer.{folder}")
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if interface in providedBy(value):
                yield info.name, value


@pytest.mark.parametrize(("folder", "interface"), EXTENSIONS)
def test_registered_names_are_unique_and_documented(folder: str, interface: InterfaceClass) -> None:
    """
    Each built-in extension has a lower-case name of its own that the manual mentions.
    """
    manual = "".join(path.read_text() for path in (ROOT / "docs").glob("*.rst"))
    objects = {id(value): value for _, value in built_in(folder, interface)}
    names = Counter(value.name for value in objects.values())  # type: ignore[attr-defined]
    assert names, f"nothing in {folder} provides {interface.__name__}"
    for name, count in names.items():
        assert count == 1, f"{name!r} is registered twice in {folder}"
        assert name == name.lower()
        assert f"``{name}``" in manual, f"{name!r} of {folder} is not in docs/"


@pytest.mark.parametrize(("folder", "interface"), EXTENSIONS)
def test_built_in_extensions_keep_their_interface(folder: str, interface: InterfaceClass) -> None:
    """
    Each built-in extension has the attributes and signatures that its interface demands.
    """
    for _, value in built_in(folder, interface):
        assert verifyObject(interface, value)


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda each: each.__name__)
def test_extension_interfaces_have_a_fake(interface: InterfaceClass) -> None:
    """
    Plugin authors find a fake of each extension point in txbalancer.testing.
    """
    testing = pytest.importorskip("txbalancer.testing", exc_type=ModuleNotFoundError)
    fakes = [
        value
        for value in vars(testing).values()
        if inspect.isclass(value) and interface in implementedBy(value)
    ]
    assert fakes, f"no fake of {interface.__name__}"
    for fake in fakes:
        assert verifyObject(interface, fake())


def test_every_layer_has_a_mirror_in_the_tests() -> None:
    """
    Each package of the balancer has its folder of tests.
    """
    for package in sorted(PACKAGE.iterdir()):
        if (package / "__init__.py").exists() and package.name != "plugins":
            assert (ROOT / "tests" / package.name).is_dir(), package.name
