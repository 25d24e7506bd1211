"""Where records of users lie: a file for each in the folder `users` of a run, named after a hash, so that no id becomes a path."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from weights.errors import CorruptError
from weights.recommending.userrecords import UserRecord, wrong_in_record
from weights.store.disk import read_file, write_within

USERS = "users"
_LARGEST = 16 << 20


class UserRecords:
    """Records of users of a run; kept in memory as long as the run has no folder.

    Attributes:
        folder: of the run; None where it has none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._kept: dict[int | str, UserRecord] = {}

    def read(self, user: int | str) -> UserRecord | None:
        """The record of a user; None where there is none.

        Raises:
            CorruptError: it is damaged. StorageError: it cannot be read.
        """
        if self.folder is None:
            return self._kept.get(user)
        path = self.folder / USERS / _name(user)
        return _decode(path) if path.exists() else None

    def read_all(self) -> list[UserRecord]:
        """All records there are; errors as `read`."""
        if self.folder is None:
            return [*self._kept.values()]
        folder = self.folder / USERS
        return [_decode(folder / name) for name in sorted(os.listdir(folder))] if folder.is_dir() else []

    def write(self, record: UserRecord) -> None:
        """Keep a record in place of the one there was; one without steps is removed.

        Raises:
            StorageError: the disk does not take it; what was there is as it was.
        """
        if self.folder is None:
            self._kept.pop(record.user, None)
            if record.steps:
                self._kept[record.user] = record
            return
        write_within(
            self.folder, USERS, _name(record.user), msgspec.json.format(msgspec.json.encode(record), indent=1) if record.steps else None
        )

    def move_to(self, folder: Path) -> None:
        """Keep what was in memory, or in another folder, with a run that was saved to a folder."""
        records = self.read_all() if folder != self.folder else []
        self.folder = folder
        for record in records:
            self.write(record)
        self._kept = {}


def _name(user: int | str) -> str:
    return f"{hashlib.sha256(msgspec.json.encode(user)).hexdigest()}.json"


def _decode(path: Path) -> UserRecord:
    """The record in a file.

    Raises:
        CorruptError: it is none, or not that of the user after whom it is named.
    """
    try:
        record = msgspec.json.decode(read_file(path, _LARGEST), type=UserRecord)
    except msgspec.MsgspecError as error:
        raise CorruptError(f"'{path}' is no record of a user ({error}). Remove it, or restore it from a copy.") from error
    wrong = wrong_in_record(record) or ("" if _name(record.user) == path.name else "another user than its name says")
    if wrong:
        raise CorruptError(f"'{path}' holds {wrong}. Remove it, or restore it from a copy.")
    return record
