"""Promotions: what moves at once, what is refused, who may override, and who wins a race."""

import os
import time
from pathlib import Path

import pytest

from outdo.app import accounts, keys
from outdo.app.accounts import Home
from outdo.app.attest import envelope_of
from outdo.app.collect import Asked, collect, survey
from outdo.app.models import set_alias, version
from outdo.app.overriding import overrider
from outdo.app.person import user
from outdo.app.project import open_project
from outdo.app.promote import Plan, Promoted, plan, promote
from outdo.app.trail import entries
from outdo.app.verify import verify
from outdo.core.access import Role
from outdo.core.errors import BadAlias, NotAllowed, Overtaken
from outdo.store.signing import Signer
from outdo.store.tracking.trail import Wanted
from tests.contracts.promoting import build, copy, judge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("promote") / "made")


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTDO_KEYS", str(tmp_path / "keys"))
    for name in ("OUTDO_KEY", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return copy(made, tmp_path / "project")


def planned(root: Path, word: str, to: str) -> Plan:
    return plan(open_project(str(root)), word, to)


def carried_out(root: Path, made: Plan, signer: Signer | None = None) -> Promoted:
    return promote(open_project(str(root)), made, "ana", signer=signer)


def aliases(root: Path, word: str) -> tuple[str, ...]:
    return version(str(root), word).aliases


def told(root: Path) -> list[str]:
    """What the audit trail says of promotions, the newest first."""
    found = entries(Home(str(root / ".outdo")), Wanted(action="model-versions/promote"))
    return [entry.detail for _, entry in found]


def why(made: Plan) -> list[str]:
    return [each.what for each in made.hindrances]


def key(name: str = "ana") -> Signer:
    keys.new_key(name, "ed25519", "")
    return keys.signer(".", name, lambda _: "")


# ------------------------------------------------------------------ what moves


def test_a_version_that_passed_goes_its_way_and_becomes_the_champion(root: Path) -> None:
    judge(root)
    carried_out(root, planned(root, "delay", "staging"))
    assert aliases(root, "delay") == ("staging",)
    carried_out(root, planned(root, "delay", "production"))
    assert aliases(root, "delay") == ("champion", "production", "staging")
    assert planned(root, "delay", "production").moves == ()


def test_the_audit_trail_tells_what_moved_on_which_evidence(root: Path) -> None:
    said = judge(root)
    carried_out(root, planned(root, "delay", "staging"))
    assert told(root) == [f'{{"after":{{"staging":"delay/2","judgement":"{said.key}"}}}}']


def test_with_a_key_the_promotion_is_signed(root: Path) -> None:
    judge(root)
    signer = key()
    carried_out(root, planned(root, "delay", "staging"), signer)
    carried_out(root, planned(root, "delay", "production"), signer)
    keys.trust(str(root), "ana", "")
    found = verify(str(root), "delay")
    assert [(each.to, each.by) for each in found.promotions] == [("staging", "ana"), ("production", "ana")]


# ------------------------------------------------------------------ what is refused


def test_what_was_not_judged_is_refused_with_the_command_that_judges_it(root: Path) -> None:
    [newest] = planned(root, "delay/2", "staging").hindrances
    [older] = planned(root, "delay/1", "staging").hindrances
    assert (newest.what, newest.fix) == ("its gates were not judged yet", "outdo check delay")
    assert older.fix == "outdo apply 1 && outdo check delay"


def test_a_gate_that_failed_is_named(root: Path) -> None:
    judge(root, outcome="failed")
    assert why(planned(root, "delay", "staging")) == ["metric auc: 0.8 is >= 0.7"]


def test_a_judgement_by_other_gates_is_worth_nothing(root: Path) -> None:
    judge(root)
    file = root / "outdo.yaml"
    file.write_text(file.read_text().replace(">= 0.7", ">= 0.9"))
    assert why(planned(root, "delay", "staging")) == ["its gates have changed since they were judged"]


def test_a_judgement_beside_another_champion_is_worth_nothing(root: Path) -> None:
    judge(root)
    set_alias(str(root), "delay/1", "champion")
    assert why(planned(root, "delay", "staging")) == [
        "it was judged when there was no champion, and delay/1 is the champion now"
    ]
    judge(root, champion="delay/1")
    assert planned(root, "delay", "staging").way == "open"


def test_no_alias_of_an_environment_moves_by_hand(root: Path) -> None:
    with pytest.raises(BadAlias, match="'staging' is an environment") as caught:
        set_alias(str(root), "delay/1", "staging")
    assert caught.value.fix == "outdo promote delay/1 --to staging"


def test_a_doubt_that_a_person_has_accepted_is_signed(root: Path) -> None:
    file = root / "outdo.yaml"
    file.write_text(file.read_text().replace("delay: {path: model/,", "delay: {path: model/, doubt: ask,"))
    judge(root, outcome="inconclusive")
    asked = planned(root, "delay", "staging")
    assert asked.way == "asks"
    carried_out(root, asked, key())
    keys.trust(str(root), "ana", "")
    assert [each.doubts for each in verify(str(root), "delay").promotions] == [("metric auc: 0.8 is >= 0.7",)]


# ------------------------------------------------------------------ overriding


def overridden(root: Path, made: Plan, signer: Signer | None = None) -> Promoted:
    project = open_project(str(root))
    return promote(project, made, "ana", over=overrider(project, "the old one breaks"), signer=signer)


def test_an_override_is_in_audit_and_attestation_with_the_person_that_git_names(root: Path) -> None:
    judge(root, outcome="failed")
    overridden(root, planned(root, "delay", "staging"), key())
    keys.trust(str(root), "ana", "")
    [over] = verify(str(root), "delay").overrides
    assert (over.reason, over.by) == ("the old one breaks", "Ana <ana@example.com>")
    assert over.against == ("metric auc: 0.8 is >= 0.7",)
    assert '"override":"the old one breaks"' in told(root)[0]


def test_an_override_stays_in_the_attestation_when_the_version_goes_on(root: Path) -> None:
    judge(root, outcome="failed")
    signer = key()
    overridden(root, planned(root, "delay", "staging"), signer)
    judge(root)
    carried_out(root, planned(root, "delay", "production"), signer)
    keys.trust(str(root), "ana", "")
    assert [over.to for over in verify(str(root), "delay").overrides] == ["staging"]


@pytest.mark.parametrize(("role", "may"), [("maintainer", True), ("admin", True), ("developer", False)])
def test_where_there_are_users_only_a_maintainer_overrides(root: Path, role: Role, may: bool) -> None:
    home, me = Home(str(root / ".outdo")), user()
    accounts.add_user(home, "boss", "a long password", {"*": "admin"})
    accounts.add_user(home, me, "a long password", {"flights": role, "other": "admin"})
    project = open_project(str(root))
    if may:
        assert overrider(project, "x").name == me
        return
    with pytest.raises(NotAllowed, match=f"only a maintainer of 'flights' .* '{me}' is developer there"):
        overrider(project, "x")


def test_who_has_no_role_overrides_nothing(root: Path) -> None:
    accounts.add_user(Home(str(root / ".outdo")), "boss", "a long password", {"*": "admin"})
    with pytest.raises(NotAllowed, match="has no role"):
        overrider(open_project(str(root)), "x")


# ------------------------------------------------------------------ races


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(root: Path) -> None:
    for word in ("delay/1", "delay/2"):
        judge(root, word)
    first, second = (planned(root, word, "champion") for word in ("delay/1", "delay/2"))
    carried_out(root, first)
    with pytest.raises(Overtaken, match="delay@champion is delay/1 now, and meant none when this began"):
        carried_out(root, second, key())
    assert aliases(root, "delay/1") == ("champion",)
    assert aliases(root, "delay/2") == ()
    assert len(told(root)) == 1
    assert version(str(root), "delay/2").tags == {}


def test_a_promotion_stops_where_the_champion_it_was_judged_beside_has_moved(root: Path) -> None:
    judge(root)
    asked = planned(root, "delay", "staging")
    set_alias(str(root), "delay/1", "champion")
    with pytest.raises(Overtaken):
        carried_out(root, asked)


def test_what_was_signed_is_kept_by_a_collection_of_garbage(root: Path) -> None:
    judge(root)
    carried_out(root, planned(root, "delay", "staging"), key())
    project = open_project(str(root))
    kept = envelope_of(project, version(str(root), "delay"))
    lost = project.objects.put_bytes(kept + b" ")
    project.objects.close()
    for file in (root / ".outdo/objects").rglob("*"):
        os.utime(file, (0, 0))
    time.sleep(0.02)  # until the file system's clock has ticked
    again, asked = open_project(str(root)), Asked(runs=0)
    collect(again, asked, survey(again, asked))
    assert not again.objects.has(lost)
    assert envelope_of(again, version(str(root), "delay")) == kept
