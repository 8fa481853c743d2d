"""The logged runs follow the journal: what a project's runs did is there when somebody looks."""

import os
from collections.abc import Sequence
from contextlib import closing

from sqlalchemy import Connection

from outdo.core.digest import whole_run_id
from outdo.core.record import Run
from outdo.core.stagelog import stage_logs, whole_log
from outdo.store.folded import NAME, Folded
from outdo.store.journal import Journal
from outdo.store.ledger import Ledger
from outdo.store.tracking import stageruns
from outdo.store.tracking.points import Keys

AT_ONCE = 200
"""Runs that are taken over in one transaction."""
_ASKED = 500


class Follower:
    """What of a project's journal the logged runs do not have yet; to be used by one thread at a time."""

    def __init__(self, state: str) -> None:
        """`state` is the project's folder for state; without a journal in it there is nothing to follow."""
        self._state = state
        self._journal = Journal(os.path.join(state, NAME))
        self._size = 0
        self._done: set[str] = set()
        """Runs that have ended, here and there."""
        self._told: set[str] = set()
        """Ids of stage runs that were taken over after their end."""
        self._waiting = False
        """Whether some run has not ended."""

    def give_up(self) -> None:
        """What the journal has now can't be read, and is not looked at again until there is more."""
        self._size, self._waiting = self._journal.size(), False

    @property
    def is_behind(self) -> bool:
        """Whether there may be news; costs some microseconds."""
        return self._journal.size() != self._size or (self._waiting and self._journal.nobody_records())

    def catch_up(self, connection: Connection, keys: Keys) -> None:
        """The logged runs have what the journal has; `is_behind` where that was too much for one transaction."""
        size = self._journal.size()
        found = self._news(connection)
        taken = found[:AT_ONCE]
        logs = [told for run in taken for told in stage_logs(run) if told.id not in self._told]
        stageruns.put(connection, keys, [*logs, *map(whole_log, taken)])
        self._told.update(told.id for told in logs if told.ended is not None)
        self._done.update(run.id for run in taken if run.status != "running")
        if len(found) <= AT_ONCE:
            self._size = size
            self._waiting = any(run.status == "running" for run in found)

    def _news(self, connection: Connection) -> Sequence[Run]:
        """The runs that have not ended there, oldest first."""
        with closing(Folded.open(self._state) or Ledger.open(self._state)) as ledger:
            new = {whole_run_id(id_): id_ for id_ in ledger.ids() if id_ not in self._done}
            for start in range(0, len(new), _ASKED):
                over = stageruns.ended(connection, list(new)[start : start + _ASKED])
                self._done.update(new[name] for name in over)
            left = [id_ for id_ in new.values() if id_ not in self._done]
            return ledger.runs_named(left[: AT_ONCE + 1])
