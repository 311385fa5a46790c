"""French and Spanish are complete, and the template is what the sources say."""

import re
import sys
from collections import Counter

import polib

from .. import cache, lists
from ..odoo import MODULE

TITLE = "Translations into French and Spanish"

FOLDER = cache.ROOT / "i18n"
TEMPLATE = FOLDER / f"{MODULE}.pot"
LANGUAGES = ("fr", "es")
SAME = "i18n_same.txt"

_MARKS = re.compile(
    r"%\(\w+\)[sdf]|%[sdf]|\{\{.*?\}\}|\{%.*?%\}|</?[a-zA-Z][^>]*>|&\w+;", re.DOTALL
)


def export(env, path):
    """Write the template of the addon's terms to ``path`` (runs inside Odoo)."""
    from odoo.tools.translate import trans_export

    with open(path, "wb") as output:
        trans_export(False, [MODULE], output, "po", env)


def exported(workbench):
    """Return the template as the installed addon gives it."""
    odoo = workbench.odoo
    source = workbench.installed("plain")
    if not source:
        sys.exit("The addon could not be installed.")
    path = odoo.work / f"{MODULE}.pot"
    odoo.call(source, export, path=str(path))
    return polib.pofile(str(path))


def places(catalog):
    """Return {msgid: where Odoo uses the term}; translations are loaded by place."""
    return {
        entry.msgid: {place for place, _line in entry.occurrences}
        for entry in catalog
        if not entry.obsolete
    }


def template_problems(ours, fresh):
    """Return the terms by which the committed template is behind the sources."""
    ours, fresh = places(ours), places(fresh)
    problems = [f"missing: {msgid!r}" for msgid in sorted(fresh.keys() - ours.keys())]
    problems += [f"obsolete: {msgid!r}" for msgid in sorted(ours.keys() - fresh.keys())]
    problems += [
        f"other places: {msgid!r}"
        for msgid in sorted(ours.keys() & fresh.keys())
        if ours[msgid] != fresh[msgid]
    ]
    return problems


def marks(text):
    """Return what a translation must repeat: placeholders, tags, entities."""
    return Counter(_MARKS.findall(text))


def problem_of(entry, same):
    """Return what is wrong with one translation, if anything."""
    if entry is None:
        return "not in the file"
    if not entry.msgstr.strip():
        return "empty"
    if entry.fuzzy:
        return "fuzzy"
    if entry.msgstr == entry.msgid and entry.msgid not in same:
        return f"equal to the English (if it must be, add it to dev/lists/{SAME})"
    if marks(entry.msgid) != marks(entry.msgstr):
        return "placeholders or tags differ"
    return None


def language_problems(catalog, template, same):
    """Return what is wrong with a language's file, term by term."""
    entries = {entry.msgid: entry for entry in catalog if not entry.obsolete}
    wanted, there = places(template), places(catalog)
    problems = []
    for msgid in wanted:
        problem = problem_of(entries.get(msgid), same)
        if not problem and wanted[msgid] != there[msgid]:
            problem = "other places than in the template: dev/test --update-pot"
        if problem:
            problems.append(f"{msgid!r}: {problem}")
    unknown = sorted(entries.keys() - wanted.keys())
    return problems + [f"{msgid!r}: no such term" for msgid in unknown]


def run(workbench, report):
    fresh = exported(workbench)
    if not TEMPLATE.exists():
        report.failed(TEMPLATE.name, "It is missing: dev/test --update-pot writes it.")
        return
    problems = template_problems(polib.pofile(str(TEMPLATE)), fresh)
    if problems:
        problems.append("Bring it up to date with dev/test --update-pot.")
    report.that(f"{TEMPLATE.name} is up to date", problems)
    same = set(lists.read(SAME))
    for language in LANGUAGES:
        path = FOLDER / f"{language}.po"
        if path.exists():
            found = language_problems(polib.pofile(str(path)), fresh, same)
        else:
            found = [f"i18n/{language}.po is missing."]
        report.that(f"{language}.po: {len(fresh)} terms translated", found)
    used = {entry.msgid for entry in fresh}
    stale = sorted(same - used)
    report.that(f"{SAME} lists only terms that exist", stale)


def _stable(catalog):
    """Drop from a fresh export what changes without any term changing."""
    for field in ("POT-Creation-Date", "PO-Revision-Date"):
        catalog.metadata.pop(field, None)
    catalog.sort(key=lambda entry: (entry.msgid, entry.msgctxt or ""))


def update(workbench):
    """Write the template anew and merge it into the languages."""
    FOLDER.mkdir(exist_ok=True)
    fresh = exported(workbench)
    _stable(fresh)
    fresh.save(str(TEMPLATE))
    for language in LANGUAGES:
        path = FOLDER / f"{language}.po"
        catalog = polib.pofile(str(path)) if path.exists() else polib.POFile()
        catalog.metadata = {**fresh.metadata, "Language": language}
        catalog.merge(fresh)
        for entry in list(catalog):
            if entry.obsolete:
                catalog.remove(entry)
        catalog.sort(key=lambda entry: (entry.msgid, entry.msgctxt or ""))
        catalog.save(str(path))
        todo = [entry for entry in catalog if not entry.msgstr or entry.fuzzy]
        cache.step(f"{path.name}: {len(todo)} of {len(catalog)} terms to translate")
