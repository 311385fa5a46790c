"""What changed between two versions of an activity report, line by line.

Lines are the plain dicts of ``cra.report._get_content()``.
"""

from collections import defaultdict
from dataclasses import dataclass

#: What the customer reads of a line. Another timesheet behind the same words and the
#: same hours is no difference.
SHOWN = (
    "date",
    "employee_label",
    "project_label",
    "task_label",
    "description",
    "unit_amount",
)
#: What makes two lines the same piece of time when the timesheet was replaced.
LIKENESS = ("date", "project_label", "task_label", "employee_label")
#: Hours that differ by less are equal: the digest writes six decimals.
HOUR_DIGITS = 6


@dataclass(frozen=True)
class LineDifference:
    """One line that was added, removed or changed; ``old`` or ``new`` may be None."""

    old: dict | None
    new: dict | None
    #: Names of what reads differently; empty when a whole line came or went.
    changed: frozenset = frozenset()

    @property
    def kind(self):
        """``added``, ``removed`` or ``changed``."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

    @property
    def line(self):
        """The line as it is now, else as it was."""
        return self.new if self.new is not None else self.old

    @property
    def old_hours(self):
        return self.old["unit_amount"] if self.old else 0.0

    @property
    def new_hours(self):
        return self.new["unit_amount"] if self.new else 0.0

    @property
    def hours(self):
        """Hours this difference adds to the total, negative if it takes some away."""
        return round(self.new_hours - self.old_hours, HOUR_DIGITS)


@dataclass(frozen=True)
class Comparison:
    """All lines of two versions: what differs, and the pairs that read the same."""

    differences: tuple
    unchanged: tuple

    def __bool__(self):
        return bool(self.differences)

    @property
    def added(self):
        return self._of_kind("added")

    @property
    def removed(self):
        return self._of_kind("removed")

    @property
    def changed(self):
        return self._of_kind("changed")

    @property
    def hours(self):
        """Hours by which the total differs."""
        return round(sum(d.hours for d in self.differences), HOUR_DIGITS)

    def _of_kind(self, kind):
        return tuple(d for d in self.differences if d.kind == kind)


def compare_lines(old, new, also=()):
    """Compare the lines of two versions.

    Lines belong together if they show the same timesheet. Of those left over, lines of
    the same day, project, task and consultant do, the most similar ones first:
    somebody deleted time and entered it again.

    :param list old: lines of the older version
    :param list new: lines of the newer version
    :param also: names of values to compare besides those the customer reads
    :return: :class:`Comparison`, differences in the order of their days
    """
    pairs, old, new = _pair(old, new, lambda line: line.get("timesheet") or None)
    for key in (_get_reading, _get_likeness):
        more, old, new = _pair(old, new, key)
        pairs += more
    differences = [
        *(LineDifference(line, None) for line in old),
        *(LineDifference(None, line) for line in new),
    ]
    unchanged = []
    for before, after in pairs:
        changed = frozenset(
            name
            for name in (*SHOWN, *also)
            if _get_shown(before, name) != _get_shown(after, name)
        )
        if changed:
            differences.append(LineDifference(before, after, changed))
        else:
            unchanged.append((before, after))
    order = ("removed", "changed", "added")
    differences.sort(
        key=lambda d: (
            d.line["date"],
            d.line["employee_label"] or "",
            order.index(d.kind),
        )
    )
    return Comparison(tuple(differences), tuple(unchanged))


def _pair(old, new, key):
    """Pair lines whose keys are equal, in order; a key of None pairs with nothing.

    :return: list of pairs, the old lines and the new ones that are left over
    """
    waiting = defaultdict(list)
    for line in old:
        waiting[key(line)].append(line)
    unpaired = waiting.pop(None, [])
    pairs, added = [], []
    for line in new:
        candidates = waiting.get(key(line))
        if candidates:
            pairs.append((candidates.pop(0), line))
        else:
            added.append(line)
    for candidates in waiting.values():
        unpaired += candidates
    return pairs, unpaired, added


def _get_likeness(line):
    return tuple(line[name] or "" for name in LIKENESS)


def _get_reading(line):
    return tuple(_get_shown(line, name) for name in SHOWN)


def _get_shown(line, name):
    if name == "unit_amount":
        return round(line[name], HOUR_DIGITS)
    return line[name] or ""
