"""Texts with variables: what administrators write into annexes and file names.

A text is Jinja2 over plain values, and little of it: names that are documented, listed
filters, conditions. Anything else is refused when it is saved and again when it is
printed, so that a text that came in another way reads no more than others.
"""

from datetime import date

import babel.dates
from jinja2 import TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_LENGTH, MAX_RESULT = 20_000, 100_000  # characters
MAX_DEPTH = 50  # of parts within parts: Python has its limits, too
FILTERS = ("capitalize", "date", "default", "lower", "title", "trim", "upper")
#: What a text may be made of. Loops, calls, tests, macros and imports are not in it.
STRUCTURE = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr)
LOGIC = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand)
ALLOWED = (*STRUCTURE, *LOGIC, nodes.Const, nodes.Name, nodes.Getattr, nodes.Filter)


class AnnexTextError(Exception):
    """A text may not be used. ``args``: kind, what is wrong, line.

    Kinds: ``syntax`` with Jinja2's own words, ``variable``, ``filter``, ``pattern`` and
    ``element`` with the name of the offender, ``length`` with the number of characters,
    ``depth``.
    """

    def __init__(self, kind, name, line):
        super().__init__(kind, name, line)
        self.kind, self.name, self.line = kind, name, line


def check_text(source, variables):
    """Refuse a text that holds more than variables, filters and conditions.

    :param str source: the text
    :param variables: names that may be used, such as ``customer.name``
    :raise AnnexTextError: says what is wrong and in which line
    """
    _parse(_make_environment(None), source, frozenset(variables))


def render_text(source, values, locale):
    """Fill in a text. The result is plain text: what prints it escapes it.

    :param str source: the text
    :param dict values: plain values by name, such as ``customer.name``
    :param locale: babel locale in which dates are written
    :rtype: str
    :raise AnnexTextError: the text may not be used, or cannot be filled in
    """
    environment = _make_environment(locale)
    tree = _parse(environment, source, values.keys())
    try:
        text = environment.from_string(tree).render(_nest(values))
    except (TemplateError, TypeError, ValueError) as error:
        raise AnnexTextError("syntax", str(error), 1) from error
    if len(text) > MAX_RESULT:
        raise AnnexTextError("length", str(len(text)), 1)
    return text


def _make_environment(locale):
    def write_date(value, pattern="medium"):
        if not isinstance(value, date):
            return value or ""
        return babel.dates.format_date(value, pattern, locale=locale)

    def finalize(value):
        if isinstance(value, date):
            return write_date(value)
        return "" if value is None or value is False else value

    environment = ImmutableSandboxedEnvironment(
        finalize=finalize, autoescape=False, keep_trailing_newline=True
    )
    known = environment.filters
    environment.filters = {name: known[name] for name in FILTERS if name in known}
    environment.filters["date"] = write_date
    environment.globals.clear()
    return environment


def _parse(environment, source, variables):
    """Return the tree of a text that holds nothing but what is allowed."""
    if len(source) > MAX_LENGTH:
        raise AnnexTextError("length", str(len(source)), 1)
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise AnnexTextError("syntax", error.message, error.lineno) from error
    except RecursionError as error:
        raise AnnexTextError("depth", "", 1) from error
    _check(tree, variables)
    return tree


def _check(node, variables, depth=0):
    if depth > MAX_DEPTH:
        raise AnnexTextError("depth", "", node.lineno)
    if isinstance(node, (nodes.Name, nodes.Getattr)):
        name = _get_path(node)
        if name not in variables:
            raise AnnexTextError("variable", name[:80], node.lineno)
        return
    if type(node) not in ALLOWED:
        name = type(node).__name__
        raise AnnexTextError("element", name, getattr(node, "lineno", 1))
    if isinstance(node, nodes.Filter):
        _check_filter(node)
    for child in node.iter_child_nodes():
        _check(child, variables, depth + 1)


def _check_filter(node):
    if node.name not in FILTERS or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise AnnexTextError("filter", node.name, node.lineno)
    arguments = [arg.value for arg in node.args if isinstance(arg, nodes.Const)]
    limit = {"date": 1, "default": 2}.get(node.name, 0)
    if len(arguments) < len(node.args) or len(arguments) > limit:
        raise AnnexTextError("filter", node.name, node.lineno)
    if node.name == "date" and arguments:
        try:
            babel.dates.format_date(date(2026, 1, 31), arguments[0], locale="en")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            pattern = str(arguments[0])
            raise AnnexTextError("pattern", pattern, node.lineno) from error


def _get_path(node):
    """Return the dotted name of a variable, or of what is done to something else."""
    names = []
    while isinstance(node, nodes.Getattr):
        names.append(node.attr)
        node = node.node
    if not isinstance(node, nodes.Name):
        names.append("")
    else:
        # Only read: a text sets nothing.
        names.append(node.name if node.ctx == "load" else f"={node.name}")
    return ".".join(reversed(names))


def _nest(values):
    """Return values by dotted names as dicts in dicts."""
    nested = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return nested
