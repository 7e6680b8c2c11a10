"""What a program on duty does, by the generated client alone. Ends with a line that counts what was tried."""

import datetime
import os
import unittest

from bolwerk_client.api.incidents import change_incident, get_incident, open_incident
from bolwerk_client.api.me import get_me
from bolwerk_client.api.reports import (
    claim_report,
    create_report,
    decide_report,
    get_report,
    list_reports,
    move_report,
    release_report,
)
from bolwerk_client.api.restores import list_restores, record_restore
from bolwerk_client.api.retention import get_retention, set_retention_term
from bolwerk_client.api.undo import undo
from bolwerk_client.client import AuthenticatedClient
from bolwerk_client.models import (
    ChangeField,
    Kept,
    NewChange,
    NewDecision,
    NewIncident,
    NewMove,
    NewReport,
    NewRestore,
    NewRetentionTerm,
    NewUndo,
    Problem,
    Severity,
    TermCounts,
    VerdictKey,
)

URL = os.environ["BOLWERK_URL"]


def client(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=URL, token=token, raise_on_unexpected_status=True)


class Duty(unittest.TestCase):
    def setUp(self) -> None:
        self.desk = client(os.environ["BOLWERK_TOKEN"])

    def test_a_wrong_token_is_a_problem_with_its_kind(self) -> None:
        answer = get_me.sync_detailed(client=client("bolwerk_wrong"))
        self.assertEqual(answer.status_code, 401)
        self.assertIsInstance(answer.parsed, Problem)
        self.assertEqual(answer.parsed.type_, "urn:bolwerk:problem:unauthorized")
        self.assertIn("Authorization", answer.parsed.detail)

    def test_all_reports_come_page_by_page_and_each_once(self) -> None:
        whole = list_reports.sync(client=self.desk, limit=200)
        pages, after = [], None
        while True:
            more = {} if after is None else {"after": after}
            page = list_reports.sync(client=self.desk, limit=7, **more)
            pages.append([row.reference for row in page.rows])
            after = page.next_
            if after is None:
                break
        seen = [reference for page in pages for reference in page]
        self.assertGreater(len(pages), 2)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(seen[:200], [row.reference for row in whole.rows])

    def test_a_report_is_claimed_and_let_go(self) -> None:
        reference = list_reports.sync(client=self.desk, limit=1).rows[0].reference
        done = claim_report.sync(client=self.desk, reference=reference)
        self.assertEqual(done.reference, reference)
        self.assertTrue(get_report.sync(client=self.desk, reference=reference).report.claimed_by is not None)
        release_report.sync(client=self.desk, reference=reference)

    def test_an_incident_is_never_overwritten_unseen(self) -> None:
        new = NewIncident(title="Gemaakt door een programma", severity=Severity.C3)
        opened = open_incident.sync_detailed(client=self.desk, body=new, idempotency_key="one")
        self.assertEqual(opened.status_code, 201)
        again = open_incident.sync(client=self.desk, body=new, idempotency_key="one")
        self.assertEqual(again.reference, opened.parsed.reference)
        reference = opened.parsed.reference
        seen = get_incident.sync_detailed(client=self.desk, reference=reference).headers["etag"]
        title = NewChange(field=ChangeField.TITLE, value="Beter verwoord")
        changed = change_incident.sync(client=self.desk, reference=reference, body=title, if_match=seen)
        self.assertIsNotNone(changed.undo)
        late = change_incident.sync_detailed(client=self.desk, reference=reference, body=title, if_match=seen)
        self.assertEqual(late.status_code, 412)
        self.assertIsInstance(late.parsed, Problem)
        undo.sync(client=self.desk, body=NewUndo(of=changed.undo))
        whole = get_incident.sync(client=self.desk, reference=reference)
        self.assertEqual(whole.incident.title, new.title)

    def test_a_term_of_retention_is_decided_and_taken_back(self) -> None:
        new = NewRetentionTerm(kind=Kept.SPAM, days=30, from_="2022-12-10", source="besluit 2022/114")
        done = set_retention_term.sync(client=self.desk, body=new, idempotency_key="term")
        again = set_retention_term.sync(client=self.desk, body=new, idempotency_key="term")
        self.assertEqual(again.undo, done.undo)
        newest = next(term for term in get_retention.sync(client=self.desk).terms if term.kind == Kept.SPAM)
        self.assertEqual((newest.days, newest.from_, newest.source), (30, "2022-12-10", new.source))
        self.assertEqual(newest.counts, TermCounts.NOW)
        undo.sync(client=self.desk, body=NewUndo(of=done.undo))
        newest = next(term for term in get_retention.sync(client=self.desk).terms if term.kind == Kept.SPAM)
        self.assertEqual(newest.counts, TermCounts.NEVER)
        wrong = NewRetentionTerm(kind=Kept.SPAM, days=0, from_="2022-12-10", source="x")
        refused = set_retention_term.sync(client=self.desk, body=wrong)
        self.assertIsInstance(refused, Problem)
        self.assertEqual(refused.field, "days")

    def test_a_restored_backup_is_recorded(self) -> None:
        made = datetime.datetime(2022, 12, 14, 1, tzinfo=datetime.timezone.utc)
        record_restore.sync(client=self.desk, body=NewRestore(backup="nacht.age", made_at=made))
        newest = list_restores.sync(client=self.desk).rows[0]
        self.assertEqual((newest.backup, newest.made_at), ("nacht.age", made))

    def test_a_report_moves_from_one_incident_into_another(self) -> None:
        report = create_report.sync(client=self.desk, body=NewReport(what="Een leverancier ligt plat")).reference
        one, other = [open_incident.sync(client=self.desk, body=NewIncident(title=t)).reference for t in ("Een", "Ander")]
        belongs = NewDecision(verdict=VerdictKey.INCIDENT, of=one)
        decide_report.sync(client=self.desk, reference=report, body=belongs)
        done = move_report.sync(client=self.desk, reference=report, body=NewMove(to=other))
        self.assertEqual(get_report.sync(client=self.desk, reference=report).report.incident, other)
        undo.sync(client=self.desk, body=NewUndo(of=done.undo))
        self.assertEqual(get_report.sync(client=self.desk, reference=report).report.incident, one)

    def test_what_is_not_there_says_so(self) -> None:
        answer = get_report.sync_detailed(client=self.desk, reference="M-0000-0000")
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(answer.parsed.status, 404)


unittest.main(warnings="ignore")
