"""Which files of a medium a folder or a zip holds, and what their places say: the class, and the part of a split.

`list_files` is the entrance. Both kinds of source are walked to the same tree, so that they are arranged by the same
rules.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from weights.data.files.medium import Medium
from weights.data.files.places import Place
from weights.data.files.walking import Located, Steps, Tree, check_number, open_zip, walk_folder, walk_zip
from weights.errors import DataError, NotFoundError, listed, printable, suggest

PARTS = {
    **{"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "development": "val"},
    **{"test": "test", "testing": "test", "eval": "test", "evaluation": "test", "holdout": "test"},
}
"""Folders, and cells of a column of a table, that say which part of an official split files or rows belong to."""

_OF_PARTS = re.compile(r"(?<![a-z])(" + "|".join(sorted(PARTS, key=len, reverse=True)) + r")(?:_?(?:set|data))?(?![a-z])")
"""Where the name of a folder, in lower case, says so within others: train_set, seg_test, testing-data."""

ORDER_OF_PARTS = ("train", "val", "test", "")


class Entry(NamedTuple):
    """A file that is of the medium by its name.

    Attributes:
        name: relative to the source, with slashes.
        place: where its content is.
        label: its class; None where it is in no class folder.
        part: "train", "val" or "test"; empty where the source is not split.
    """

    name: str
    place: Place
    label: str | None = None
    part: str = ""


class Listing(NamedTuple):
    """The files of a source, in the order in which they become rows, and what was remarked while listing them."""

    entries: list[Entry]
    remarks: list[str]


@contextlib.contextmanager
def list_files(path: Path, medium: Medium[Any]) -> Iterator[Listing]:
    """The files of a folder, a zip or a single file; their content can be read until the context ends.

    Raises:
        NotFoundError: there is no such file or folder.
        DataError: it cannot be read, or holds no file of the medium.
    """
    check_exists(path, medium.plural)
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            tree = _open_zips_within(walk_folder(path), medium, stack)
        elif path.suffix.lower() == ".zip":
            tree = walk_zip(stack.enter_context(open_zip(path)))
        else:
            yield Listing([Entry(path.name, path)], [])
            return
        yield _arrange(tree, path, medium)


def check_exists(path: Path, plural: str) -> None:
    """Refuse a source that is not there.

    Args:
        path: of the source.
        plural: what it was to hold.

    Raises:
        NotFoundError: it is not, with the name that may have been meant.
    """
    if path.exists():
        return
    if not path.parent.is_dir():
        missing = f"the folder '{path.parent}' does not exist either"
        raise NotFoundError(f"There is no file or folder '{path}': {missing}. Check the path.")
    neighbours = [file.name for file in itertools.islice(path.parent.iterdir(), 500)]
    hint = suggest(path.name, neighbours) if neighbours else "Its folder is empty."
    raise NotFoundError(f"There is no file or folder '{path}' to read {plural} from. {hint}")


# Zips within a folder


def _open_zips_within(tree: Tree, medium: Medium[Any], stack: contextlib.ExitStack) -> Tree:
    """The files of a folder with those within its zips beside them, as if each zip had been unpacked where it lies."""
    files, folders = [], tree.folders
    for file in tree.files:
        if len(file.steps) > 1 or not file.name.lower().endswith(".zip") or not isinstance(file.place, Path):
            files.append(file)
            continue
        inside = _enter_root(walk_zip(stack.enter_context(open_zip(file.place))), medium)
        above = _choose_folder(file.name[:-4], inside.files, medium)
        files += [Located(f"{file.name}/{within.name}", above + within.steps, within.place) for within in inside.files]
        folders |= {above + steps for steps in inside.folders}
        check_number(len(files), file.name)
    return Tree(files, folders)


def _choose_folder(stem: str, inside: Sequence[Located], medium: Medium[Any]) -> Steps:
    """The folder that a zip's name stands for: train for x_train.zip of class folders, cats for cats.zip of files."""
    tops = {file.steps[0] for file in inside if medium.recognises(file.steps[-1]) and len(file.steps) > 1}
    if any(top.lower() in PARTS for top in tops):
        return ()
    words = [word for word in re.split(r"[^a-z0-9]+", stem.lower()) if word in PARTS]
    if words:
        return (words[-1],)
    return () if tops else (stem,)


# Arranging


def _arrange(tree: Tree, source: Path, medium: Medium[Any]) -> Listing:
    """What the files' places say, in order: training, validation and test files, each by name."""
    others = [file for file in tree.files if not medium.recognises(file.steps[-1])]
    if len(others) == len(tree.files):
        raise _explain_emptiness(tree, source, medium)
    files, folders = _enter_root(tree, medium)
    candidates = [file for file in files if medium.recognises(file.steps[-1])]
    parts = _find_parts({file.steps[0] for file in candidates if len(file.steps) > 1})
    is_split = bool(parts)
    # In a split source the class is the folder below the part's.
    depth = 1 if is_split else 0
    entries, beside = [], []
    for file in candidates:
        part = parts.get(file.steps[0], "")
        if is_split and (not part or len(file.steps) == 1):
            beside.append(file.name)
        else:
            label = file.steps[depth] if len(file.steps) > depth + 1 else None
            entries.append(Entry(file.name, file.place, label, part))
    entries.sort(key=lambda entry: (ORDER_OF_PARTS.index(entry.part), entry.name))
    class_folders = {steps[depth] for steps in folders if len(steps) == depth + 1}
    remarks = [
        *_remark_on_beside(beside, medium),
        *_remark_on_classes(entries, class_folders, medium),
        *_remark_on_folders_within(entries),
        *_remark_on_others(others, medium),
    ]
    return Listing(entries, remarks)


def _enter_root(tree: Tree, medium: Medium[Any]) -> Tree:
    """Files and folders as seen from within the one folder that holds all files, unless it is a part of a split.

    An empty folder beside it is a class without files, and it another class; one of files of no interest is none.
    """
    files, folders = tree
    while True:
        candidates = [file for file in files if medium.recognises(file.steps[-1])]
        empty = {steps[0] for steps in folders} - {file.steps[0] for file in files if len(file.steps) > 1}
        roots = {file.steps[0] if len(file.steps) > 1 else "" for file in candidates} | empty
        if len(roots) != 1 or "" in roots or min(roots).lower() in PARTS:
            return Tree(files, folders)
        below = [file for file in files if len(file.steps) > 1 and file.steps[0] in roots]
        files = [file._replace(steps=file.steps[1:]) for file in below]
        folders = {steps[1:] for steps in folders if len(steps) > 1 and steps[0] in roots}


def _find_parts(tops: set[str]) -> dict[str, str]:
    """Of which part of a split each of the uppermost folders is; empty where they are none.

    They are if all are called so, or one to train and one to judge by. Where these words are within longer names, each part must be there
    once, and the rest of the names be one, or classes called test_positive and test_negative would be parts.
    """
    plain = {top: PARTS[top.lower()] for top in tops if top.lower() in PARTS}
    if plain and (len(plain) == len(tops) or _can_be_judged(plain)):
        return plain
    within = {top: words for top in tops if len(words := _OF_PARTS.findall(top.lower())) == 1}
    parts = {top: PARTS[word] for top, [word] in within.items()}
    rests = {re.sub(r"[^a-z0-9]", "", _OF_PARTS.sub("", top.lower())) for top in parts}
    return parts if _can_be_judged(parts) and len({*parts.values()}) == len(parts) and len(rests) == 1 else {}


def _can_be_judged(parts: dict[str, str]) -> bool:
    return "train" in parts.values() and bool({"val", "test"} & {*parts.values()})


# Remarks and refusals


def _remark_on_beside(names: list[str], medium: Medium[Any]) -> list[str]:
    said = f"{medium.say_count(len(names))} beside the folders of the split were left out"
    return [f"{said}: {_quote(sorted(names))}"] if names else []


def _remark_on_classes(entries: list[Entry], class_folders: set[str], medium: Medium[Any]) -> list[str]:
    labels = {entry.label for entry in entries}
    if labels == {None}:
        return []
    remarks = []
    without = sorted(entry.name for entry in entries if entry.label is None)
    if without:
        remarks.append(f"{medium.say_count(len(without))} in no class folder and so without a class: {_quote(without)}")
    empty = sorted(class_folders - labels)
    if empty:
        where = "the class folder" if len(empty) == 1 else f"{len(empty)} class folders"
        remarks.append(f"no {medium.name} in {where} {_quote(empty)}")
    return remarks


def _remark_on_folders_within(entries: list[Entry]) -> list[str]:
    """A remark where classes hold folders of the same names, which then may be the classes."""
    within: dict[str, set[str]] = {}
    for entry in entries:
        steps = entry.name.split("/")
        if entry.label in steps:
            below = steps[steps.index(entry.label) + 1 : -1]
            within.setdefault(entry.label, set()).update(below[:1])
    names = [*within.values()]
    if len(names) < 2 or not names[0] or any(other != names[0] for other in names):
        return []
    both = "both class folders" if len(within) == 2 else f"all {len(within)} class folders"
    return [
        f"{both}, {_quote(sorted(within))}, hold folders of the same names, {_quote(sorted(names[0]))}: if these are the classes, and "
        "the others parts to learn from and to test, call those train and test"
    ]


def _remark_on_others(files: list[Located], medium: Medium[Any]) -> list[str]:
    """Remarks on files that are not of the medium."""
    zips = sorted(file.name for file in files if file.name.lower().endswith(".zip"))
    n_others = len(files) - len(zips)
    are = "file that is" if n_others == 1 else "files that are"
    remarks = [f"zips within were not opened: {_quote(zips)}"] if zips else []
    return remarks + ([f"{n_others:,} {are} no {medium.name} ignored"] if n_others else [])


def _explain_emptiness(tree: Tree, source: Path, medium: Medium[Any]) -> DataError:
    """The error for a source without any file of the medium."""
    kind = "folder" if source.is_dir() else "zip"
    elsewhere = f"Name the {kind} that holds them, or the file if it is a table."
    needed = f"{medium.plural.capitalize()} ({medium.needed}) were needed, but the {kind} '{source}'"
    if not tree.files and tree.folders:
        folders = _quote(["/".join(steps) for steps in sorted(tree.folders)])
        hint = f"Put the {medium.plural} into them, or name another {kind}."
        return DataError(f"{needed} holds only empty folders: {folders}. {hint}")
    if not tree.files:
        return DataError(f"{needed} is empty. {elsewhere}")
    names = [file.name for file in tree.files]
    bundles = [name for name in names if name.lower().endswith(medium.bundles)]
    hint = f"Name the file within: '{source / bundles[0]}'." if bundles and kind == "folder" else elsewhere
    return DataError(f"{needed} holds none: it holds {_quote(sorted(names))}. {hint}")


def _quote(names: list[str]) -> str:
    return listed([f"'{printable(name)}'" for name in names[:3]] + names[3:], 3)
