"""What a user can mend, said so that they can: what, where, how.

One class per kind of mistake. Its docstring is what `outdo why CODE` prints. Codes: E1 the file, E2 the graph,
E3 a run, E4 the store, E5 the ledger, E6 checks and gates, E7 keys and promotion, E8 the server, E9 the command line.
"""

from collections.abc import Iterable
from typing import ClassVar

from outdo.core.model import Phrase, Place


class UserError(Exception):
    """Something you can mend."""

    code: ClassVar[str] = "E000"
    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: Place | Phrase | str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f" {self.where}:" if str(self.where) else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{self.code}{place} {self.what}{fix}"


class Mistakes(UserError):
    """Several mistakes, all found in one reading."""

    code = "E100"

    def __init__(self, mistakes: Iterable[UserError]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(f"{len(self.mistakes)} mistakes")

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


# ------------------------------------------------------------------ E1: the file


class NotYaml(UserError):
    """The file is not well-formed YAML, so nothing in it could be read. The place is where the parser gave up;
    the cause is often one line above: a missing colon, a tab, an open quote or bracket."""

    code = "E101"


class UnknownKey(UserError):
    """A key stands where no such key is known. Outdo refuses it rather than ignore it, as a misspelt key that is
    ignored changes what the pipeline does without a word."""

    code = "E102"


class WrongType(UserError):
    """A value is of another kind than what its key takes: a text where a list was expected, a number that is
    negative, a duration that is none."""

    code = "E103"


class MissingKey(UserError):
    """A section lacks a key it can't do without, such as a stage without `cmd`."""

    code = "E104"


class DuplicateKey(UserError):
    """A key stands twice in one mapping. YAML would silently keep the last one."""

    code = "E105"


class TooDeep(UserError):
    """The file nests or repeats itself (by aliases) beyond any honest use, so it was not read to its end."""

    code = "E106"


class BadTemplate(UserError):
    """A `${…}` can't be resolved: the name is in none of `vars`, `params.yaml`, `item` or `key`, or the braces do
    not close."""

    code = "E107"


class BadParams(UserError):
    """A params file can't be read, or does not hold the key that a stage tracks."""

    code = "E108"


class NoProject(UserError):
    """There is no `outdo.yaml` (nor `dvc.yaml`) here or in any folder above. `outdo init` writes a first one."""

    code = "E109"


class BadPath(UserError):
    """A path can't be used: an output outside the project's folder, an empty one, or one inside `.outdo` or `.git`."""

    code = "E110"


class UnknownName(UserError):
    """A section names a model or an environment that the file does not declare."""

    code = "E111"


class BadRemote(UserError):
    """A remote is not written as one: a folder, `s3://bucket/prefix`, `gs://…`, `az://…`, or `https://…` to read only.
    Credentials never stand in the file; they come from the environment."""

    code = "E112"


class BadPlot(UserError):
    """A plot can't be drawn: its file is no CSV, TSV, JSON or YAML, lacks the column that is asked for, or holds no
    numbers there; or its template is none that Outdo draws. The other plots are drawn all the same."""

    code = "E113"


# ------------------------------------------------------------------ E2: the graph


class UnknownInput(UserError):
    """A stage reads a path that no stage writes and that is not there. Put the file there, mend the path, or add
    the stage that makes it."""

    code = "E201"


class Cycle(UserError):
    """Stages wait for each other in a ring, so none can be first."""

    code = "E202"


class TwoWriters(UserError):
    """Two stages write the same path, or one writes inside the other's folder. A path has one maker, else its
    content would depend on which of them ran last."""

    code = "E203"


class UnknownStage(UserError):
    """No stage of this name is in the file."""

    code = "E204"


# ------------------------------------------------------------------ E3: a run


class NotEnough(UserError):
    """A stage asks for more of the machine than it has, so it could never start."""

    code = "E301"


class TrackedByGit(UserError):
    """An output that the store keeps is also tracked by Git. One of the two must own it: `git rm --cached PATH`,
    or say `cache: false` for it."""

    code = "E302"


class NoSandbox(UserError):
    """A stage wants a sandbox that can't be made on this machine."""

    code = "E303"


class BadRehearsal(UserError):
    """The text behind `--rehearse` is not of the form `STAGE=FAULT`, with FAULT one of fail, hang, die, flood,
    lose, each with an optional count of attempts: `train=fail:2`."""

    code = "E304"


class NotWritten(UserError):
    """A stage's command ended well, but an output that it declares is not there."""

    code = "E305"
    exit_code = 1


class BadSet(UserError):
    """What stands behind `--set` is not of the form `NAME=VALUE`, names a param that its file does not hold, or would
    change more than that param. Values are written as in YAML; `0.1,0.01` tries two, `3..6` four. `log(1e-4,1e-1)`,
    `uniform(0,1)`, `int(1,64)` and `choice(a,b)` draw them at random, as often as `--trials` says."""

    code = "E306"


class NoTrial(UserError):
    """Other params are tried in a work tree of Git's, and none could be made: there is no repository, no commit yet,
    or Git refused; or another tool composes the params (`hydra.enabled` of DVC). The workspace was not touched."""

    code = "E307"


class NoEnvironment(UserError):
    """The environment that a stage declares by `env:` can't be built: its file is wrong or out of date, what it asks
    for does not exist or is out of reach, or the program that builds it is not there. Nothing half built is used."""

    code = "E308"
    exit_code = 1


class NoReproduction(UserError):
    """A run, a commit or a model can't be made again: its commit is not in this repository, what differed from the
    commit is lost or does not apply, or inputs are nowhere to be found. Nothing was run."""

    code = "E309"


# ------------------------------------------------------------------ E4: the store


class StoreUnwritable(UserError):
    """The store can't be written: the disk is full, or the folder is read-only. Nothing was half written: what
    was finished before is kept and not done again."""

    code = "E401"
    exit_code = 1


class Damaged(UserError):
    """An object's bytes are not those its name says. It was set aside (`.outdo/quarantine`) and is never used."""

    code = "E402"
    exit_code = 1


class NotInStore(UserError):
    """The store does not hold the bytes of this object."""

    code = "E403"
    exit_code = 1


class BadLock(UserError):
    """`outdo.lock`, or a `dvc.lock`, can't be read, for instance because of Git's conflict marks. It is never silently
    made anew. Take either side (`git checkout --theirs outdo.lock`) and run again: what differs is restored or runs."""

    code = "E404"


class NotAFile(UserError):
    """A path is neither a file nor a folder (a socket, a device, a pipe), or a link that leads nowhere."""

    code = "E405"
    exit_code = 1


class Unreadable(UserError):
    """A file or folder that the pipeline names can't be read: it belongs to someone else, or the disk fails."""

    code = "E406"
    exit_code = 1


class RemoteFailed(UserError):
    """A remote can't be reached, refuses what was asked, or broke off. What had arrived is kept, whole, so the same
    command goes on from there."""

    code = "E411"
    exit_code = 1


class NotInRemote(UserError):
    """A remote does not hold bytes that were asked of it: nobody has pushed them, or they were damaged there and set
    aside. Whoever has them in their store can `outdo push` them."""

    code = "E412"
    exit_code = 1


class NoRemote(UserError):
    """No remote is declared, or none of this name. Declare one under `remotes:` in the file, or name a folder or a
    bucket behind `--remote`."""

    code = "E413"


class WouldOverwrite(UserError):
    """What would be put in place differs from what is there, and what is there is nowhere else: it would be lost."""

    code = "E414"
    exit_code = 1


class BadPointer(UserError):
    """A pointer file (`data.csv.outdo`, which stands in Git for `data.csv`) can't be read: it is damaged, is of a newer
    Outdo, has Git's conflict marks in it, or tracks a path that may not be. Nothing is touched for its sake."""

    code = "E415"


class NotTracked(UserError):
    """A path that a command of `outdo data` names is not tracked: no pointer stands for it, or for a folder around
    it."""

    code = "E416"


class CantTrack(UserError):
    """A path can't be tracked: a stage writes it, it is in or around another tracked path, its name can't be held by
    every system, it leads out of the project, or it is Git's or Outdo's own. Nothing was touched."""

    code = "E417"


class SourceFailed(UserError):
    """Data that is imported can't be had: its repository or address can't be reached, is of a kind that is not read, or
    does not hold what was asked for. What is here stays as it is."""

    code = "E418"
    exit_code = 1


class MergeConflict(UserError):
    """Two branches have changed the same tracked file, each in its own way, so neither Git nor Outdo can say which one
    is meant. Take either side, or make the file anew and add it."""

    code = "E421"


class StoreBusy(UserError):
    """Nothing can be collected now: another process does so, or it can't be seen who works with the store. Or a push
    waits for a collection at the remote that does not end."""

    code = "E419"
    exit_code = 1


class SharedStore(UserError):
    """Several projects use this store, or push to this remote, and what one of them needs is not known, as it is not
    where it was or can't be read. Nothing is removed, as that could be what it needs."""

    code = "E420"
    exit_code = 1


class CantHandOver(UserError):
    """A project can't move between DVC and Outdo's own store: there is nothing to move, another pipeline is in the way,
    or the other tool has no word for something in the file. Nothing was touched."""

    code = "E422"


class CantImport(UserError):
    """What another tool has logged can't be read: the server does not answer or refuses, or a folder holds what no such
    tool writes. What was imported before stays, and the same command goes on from there."""

    code = "E423"
    exit_code = 1


# ------------------------------------------------------------------ E5: the ledger


class UnknownRun(UserError):
    """No run of this name is in the ledger."""

    code = "E501"


class BadFilter(UserError):
    """A filter of `outdo log` is not of the form `metrics.auc > 0.7`, `params.train.lr = 0.1` or `status = failed`."""

    code = "E502"


class NewerLedger(UserError):
    """The ledger was written by a newer Outdo than this one, which must not touch it."""

    code = "E503"


class DamagedLedger(UserError):
    """The ledger's database, or the journal it is made from, is damaged."""

    code = "E504"
    exit_code = 1


class UnknownRevision(UserError):
    """What should be compared or put back is no commit, branch or tag of Git, no run of the ledger, and not the word
    `workspace`. `commit:NAME` means Git alone, `run:NAME` the ledger alone."""

    code = "E505"


class NoBranch(UserError):
    """A branch can't be made: one of this name is there, the name is none for a branch, or the code of the run is not
    on record. Nothing was changed."""

    code = "E506"
    exit_code = 1


class UnknownVersion(UserError):
    """No model, or no version of it, is registered by this name, number or alias. A version is made by a run, of a
    model that the file declares under `models:`, or by a client of MLflow."""

    code = "E507"


class BadAlias(UserError):
    """An alias of a version has letters, digits, `_` and `-`, and is neither `latest` nor a number, as those mean a
    version by themselves."""

    code = "E508"


class NoLineage(UserError):
    """What should be traced is no registered model, and no run on record made or read these bytes."""

    code = "E509"
    exit_code = 1


# ------------------------------------------------------------------ E6: checks and gates


class NothingToCheck(UserError):
    """The file has no checks, or none of this path."""

    code = "E601"


class HasChecks(UserError):
    """The path has checks already, or the file is there, and what someone wrote is not written over unless asked."""

    code = "E602"


class CantRewrite(UserError):
    """The file is laid out in a way that nothing can be put into it without touching the rest: with `checks: {…}` in
    one line, for instance. Write the checks to a schema of their own, or part the line."""

    code = "E603"


# ------------------------------------------------------------------ E7: keys, attestations, promotion


class NoKey(UserError):
    """There is no key of this name here, or none at all. `outdo key new` makes one; `outdo key list` shows those that
    are there and those that the project trusts."""

    code = "E701"


class BadKey(UserError):
    """A key can't be used: its file holds none that Outdo signs with (Ed25519, or ECDSA on P-256), others may read it,
    its passphrase is another one, or its name is none."""

    code = "E702"


class NotAttested(UserError):
    """A version has no attestation: nobody has signed what is known of it. `outdo attest` does, if it passed its
    gates; `outdo promote` does by itself."""

    code = "E703"
    exit_code = 1


class Distrusted(UserError):
    """An attestation does not hold: its signature, its key, its bytes, or something that it names is not as it was
    signed. Nothing that it says counts."""

    code = "E704"
    exit_code = 1


class NotProven(UserError):
    """A version can't be attested or promoted, as there is no evidence that it passed the gates of the file as they
    are now, beside the champion as it is now."""

    code = "E705"
    exit_code = 1


class Overtaken(UserError):
    """Somebody else has moved the alias while this promotion was under way; it has changed nothing."""

    code = "E706"
    exit_code = 1


class NotAllowed(UserError):
    """Only a maintainer of the project may override its gates."""

    code = "E707"
    exit_code = 1


class BadTarget(UserError):
    """A version can be promoted to an environment that the file declares for its model, or to `champion`."""

    code = "E708"


# ------------------------------------------------------------------ E8: the server


class CantListen(UserError):
    """The address that the server should listen on can't be had: another program has the port, or it is none of this
    machine's."""

    code = "E801"
    exit_code = 1


class NoSignIn(UserError):
    """The server would be reachable from other machines while nobody has to sign in, so it does not start."""

    code = "E802"


class NoDatabase(UserError):
    """The server's database can't be reached, can't be written, or is damaged. What is in it is left as it is."""

    code = "E803"
    exit_code = 1


class UnknownAccount(UserError):
    """The server knows no user, or no token, of this name."""

    code = "E804"


class BadAccount(UserError):
    """A user can't be as was asked: the name is taken or holds a colon or a space, the password is too short, or a
    token would have more rights than anybody can give it."""

    code = "E805"


class LastAdmin(UserError):
    """Without its last admin a server would have nobody left who may do everything, so that one stays."""

    code = "E806"


class ForeignDatabase(UserError):
    """The database that the server should keep everything in belongs to another program. It is not touched."""

    code = "E807"
    exit_code = 1


class NoSecretKey(UserError):
    """The key that secrets in the database are sealed with is not here, is none, or can be read by others."""

    code = "E808"
    exit_code = 1


# ------------------------------------------------------------------ E9: the command line


class Usage(UserError):
    """The words of the command do not fit together."""

    code = "E901"


class CantWrite(UserError):
    """A file that a command should write can't be written: its folder is read-only, the disk is full, or something
    else stands in its place."""

    code = "E902"
    exit_code = 1


class AlreadyThere(UserError):
    """The folder has a pipeline already, and `outdo init` never writes over one. Run it as it is, or move it away."""

    code = "E903"


def explain(code: str) -> str | None:
    """The explanation of a code, or None where no such code exists."""
    kinds = {kind.code: kind for kind in UserError.__subclasses__()}
    kind = kinds.get(code.upper())
    return None if kind is None or kind.__doc__ is None else " ".join(kind.__doc__.split())
