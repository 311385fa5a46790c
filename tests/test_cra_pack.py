import csv
import hashlib
import io
import subprocess
import tempfile
import zipfile
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import cra_report_pack
from ..models.cra_evidence_pack import make_csv, make_eml, safe_name, without_secrets
from .common import CraCommon, CraHttpCommon


class PackCommon:
    """Packs, extracted into a folder."""

    def _take_pack(self, reports, user=None):
        """Return the folder into which the pack of these reports was extracted."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        stream = io.BytesIO()
        reports.with_user(user or self.manager)._write_evidence_pack(stream)
        with zipfile.ZipFile(stream) as pack:
            pack.extractall(folder.name)
        return Path(folder.name)

    def _list(self, folder):
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def _check_sums(self, folder):
        return subprocess.run(
            ["sha256sum", "-c", "--strict", "SHA256SUMS"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def _read_csv(self, path):
        """Return the rows of a table as dicts."""
        return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))

    def _read_mails(self, folder):
        """Return (headers and texts) of all mails below a folder, oldest first."""
        mails = []
        for path in sorted(folder.rglob("*.eml")):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            mails.append(mail)
        return mails


@tagged("post_install", "-at_install")
class TestCraPack(PackCommon, CraCommon):
    """What a manager hands over when somebody doubts what was agreed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), 8)
        cls.report = cls._generate()

    def _agree_to_version_two(self):
        """Refuse the report, mend it, agree to the new version."""
        self._send(self.report)
        self.report.sudo().approval_ids._refuse(
            "Six hours!",
            {"ip_address": "192.0.2.1", "user_agent": "=cmd()"},
            {self.report.line_ids.id: "Nobody was here after two"},
        )
        working = self.report.browse(self.report.action_correct()["res_id"])
        self.timesheet.unit_amount = 6
        working.action_refresh()
        self._send(working)
        self._agree(working)
        with self.enter_registry_test_mode():
            self._render(
                self.env.ref(
                    "sale_timesheet_cra.ir_cron_cra_decision_documents"
                ).method_direct_trigger
            )
        self.env.invalidate_all()
        return working

    def test_all_of_it_is_there_and_checks_with_sha256sum(self):
        second = self._agree_to_version_two()
        folder = self._take_pack(second)
        number = safe_name(second.name)
        signature = f"signature-{second.sudo().approval_ids.id}.png"
        files = {path for path in self._list(folder) if not path.endswith(".eml")}
        self.assertEqual(
            files,
            {"README.txt", "SHA256SUMS", "index.csv"}
            | {
                f"{number}/v1/{name}"
                for name in ("content.json", "sent.pdf", "approvals.csv")
                + ("remarks.csv",)
            }
            | {
                f"{number}/v2/{name}"
                for name in ("content.json", "sent.pdf", "decision.pdf")
                + ("approvals.csv", "differences.csv", signature)
            },
        )
        result = self._check_sums(folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        listed = len(result.stdout.splitlines())
        self.assertEqual(listed, len(self._list(folder)) - 1)
        (folder / number / "v1" / "sent.pdf").write_bytes(b"%PDF forged")
        self.assertNotEqual(self._check_sums(folder).returncode, 0)

    def test_digests_are_verified_from_the_content(self):
        second = self._agree_to_version_two()
        folder = self._take_pack(self.report)
        rows = self._read_csv(folder / "index.csv")
        self.assertEqual([row["Version"] for row in rows], ["1", "2"])
        for row, report in zip(rows, self.report | second, strict=True):
            content = (folder / row["Folder"] / "content.json").read_bytes()
            self.assertEqual(hashlib.sha256(content).hexdigest(), row["Digest"])
            self.assertEqual(report.digest, row["Digest"])
            self.assertEqual(row["As sent"], "yes")
        document = folder / rows[1]["Folder"] / "sent.pdf"
        self.assertEqual(document.read_bytes(), second.document_id.raw)

    def test_it_tells_who_was_asked_and_what_they_answered(self):
        second = self._agree_to_version_two()
        folder = self._take_pack(second) / safe_name(second.name)
        [refusal] = self._read_csv(folder / "v1" / "approvals.csv")
        approval = self.report.sudo().approval_ids
        self.assertEqual(refusal["Approver"], "Acme, Chloe Client")
        self.assertEqual(
            refusal["Address Asked"], '"Chloe Client" <chloe@acme.example.com>'
        )
        self.assertEqual(refusal["State"], "Refused")
        self.assertEqual(refusal["Reason"], "Six hours!")
        self.assertEqual(refusal["IP Address"], "192.0.2.1")
        self.assertEqual(refusal["User Agent"], "'=cmd()", "no formula")
        self.assertEqual(refusal["Digest"], self.report.digest)
        self.assertEqual(refusal["Digest Version"], "1")
        self.assertEqual(refusal["Message-Id of the Mail"], approval.message_reference)
        self.assertTrue(refusal["Decided On"].endswith("Z"))
        [remark] = self._read_csv(folder / "v1" / "remarks.csv")
        self.assertEqual(remark["Customer's Remark"], "Nobody was here after two")
        changes = self._read_csv(folder / "v2" / "differences.csv")
        self.assertEqual(
            [(row["What"], row["Before"], row["After"]) for row in changes],
            [("Hours", "08:00", "06:00")],
        )

    def test_mails_are_there_without_their_links(self):
        self._send(self.report)
        approval = self.report.sudo().approval_ids
        token, access_token = approval._get_token(), self.report._portal_ensure_token()
        link = f"https://erp.example.com{self.report.access_url}"
        self.report.message_post(
            body=f"You wrote: {link}?access_token={access_token} and "
            f"{link}?approval={token}#x Fine?",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=self.chloe.id,
        )
        self.report.message_post(body="Between us", subtype_xmlid="mail.mt_note")
        folder = self._take_pack(self.report)
        request, question = self._read_mails(folder)
        self.assertEqual(request["Message-Id"], approval.message_reference)
        self.assertIn("chloe@acme.example.com", request["To"])
        self.assertIn("March 2026", request["Subject"])
        self.assertIn("Apollo", request.get_body(["html"]).get_content())
        self.assertIn("Fine?", question.get_body(["plain"]).get_content())
        everything = b"".join(
            (folder / path).read_bytes() for path in self._list(folder)
        ) + b"".join(
            mail.get_body([kind]).get_content().encode()
            for mail in (request, question)
            for kind in ("html", "plain")
        )
        for secret in (token, access_token, "Between us"):
            self.assertNotIn(secret.encode(), everything)

    def test_a_mail_about_foreign_reports_stays_closed(self):
        secret_project, _line = self._create_project("Gemini", self.chloe)
        secret_project.write(
            {"cra_policy_id": self.policy.id, "privacy_visibility": "followers"}
        )
        self._create_timesheet(date(2026, 3, 2), project=secret_project)
        reports = self._generate(user=self.env.user)
        self.assertEqual(len(reports), 2)
        self._send(reports)
        mine = reports.filtered(lambda r: r.project_id == self.project)
        [mail] = self._read_mails(self._take_pack(mine))
        self.assertIn("other projects", mail.get_body(["plain"]).get_content())
        self.assertNotIn("Gemini", mail.as_string())
        [mail] = self._read_mails(self._take_pack(mine, user=self.env.user))
        self.assertIn("Gemini", mail.get_body(["html"]).get_content())

    def test_only_who_may_send_a_report_takes_its_evidence(self):
        self._send(self.report)
        for user in (self.consultant, self.accountant, self.outsider):
            report = self.report.with_user(user)
            with self.assertRaises(AccessError):
                report.action_download_evidence()
            with self.assertRaises(AccessError):
                self._take_pack(report, user=user)
        self.project.privacy_visibility = "followers"
        self.project.user_id = False
        with self.assertRaises(AccessError):
            self.report.action_download_evidence()

    def test_consultants_read_as_the_customer_reads_them(self):
        self.policy.employee_display = "initials"
        report = self._generate()
        self._send(report)
        folder = self._take_pack(report)
        for path in self._list(folder):
            content = (folder / path).read_bytes()
            self.assertNotIn(b"Arnaud", content, path)
            self.assertNotIn("Arnaud", path)

    def test_tampering_is_told(self):
        self._send(self.report)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE cra_report_line SET description = 'Gold' WHERE report_id = %s",
            [self.report.id],
        )
        self.env.invalidate_all()
        [row] = self._read_csv(self._take_pack(self.report) / "index.csv")
        self.assertEqual(row["As sent"], "NO")
        self.env.cr.execute("UPDATE cra_report SET digest_version = 99")
        self.env.invalidate_all()
        folder = self._take_pack(self.report)
        self.assertFalse([p for p in self._list(folder) if p.endswith("content.json")])

    def test_more_reports_take_no_more_queries(self):
        for employee in (self.alice, self.bruno):
            for month in (4, 5, 6, 7):
                self._create_timesheet(date(2026, month, 2), employee=employee)
        reports = self.report
        for month in (4, 5, 6, 7):
            reports |= self._generate(month=month)
        self._send(reports)

        def count(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some.with_user(self.manager)._write_evidence_pack(io.BytesIO())
            return self.cr.sql_log_count - before

        count(reports)
        few, many = count(reports[:2]), count(reports)
        self.assertEqual(len(reports), 9)
        # one more for each document: files are read one by one
        self.assertLessEqual(many - few, len(reports) - 2)

    def test_what_cannot_be_downloaded_says_why(self):
        with self.assertRaisesRegex(UserError, "not sent yet"):
            self.report.action_download_evidence()
        self._send(self.report)
        self.patch(cra_report_pack, "DOWNLOAD_LIMIT", 0)
        with self.assertRaisesRegex(UserError, "month by month"):
            self.report.action_download_evidence()


@tagged("post_install", "-at_install")
class TestCraPackDownload(PackCommon, CraHttpCommon):
    """The same over the web."""

    def setUp(self):
        super().setUp()
        for employee in (self.alice, self.bruno):
            self._create_timesheet(date(2026, 3, 2), employee=employee)
        self.reports = self._generate()
        self._send(self.reports)

    def test_the_button_downloads_the_pack(self):
        self.authenticate("cra_manager", "cra_manager")
        url = self.reports.action_download_evidence()["url"]
        response = self.url_open(url)
        self.assertEqual(response.status_code, 200)
        self.assertIn("evidence-2.zip", response.headers["Content-Disposition"])
        self.assertEqual(int(response.headers["Content-Length"]), len(response.content))
        with zipfile.ZipFile(io.BytesIO(response.content)) as pack:
            self.assertIsNone(pack.testzip())
            self.assertIn("SHA256SUMS", pack.namelist())

    def test_others_get_nothing(self):
        url = self.reports.action_download_evidence()["url"]
        for login in ("cra_consultant", "cra_accountant"):
            self.authenticate(login, login)
            with mute_logger("odoo.http"):
                response = self.url_open(url)
            self.assertEqual(response.status_code, 403, login)
        self.authenticate(None, None)
        self.assertNotIn(b"PK", self.url_open(url).content[:2])

    def test_several_documents_are_printed_as_one(self):
        self.authenticate("cra_accountant", "cra_accountant")
        url = self.reports.with_user(self.accountant).action_print()["url"]
        response = self.url_open(url)
        self.assertEqual(response.headers["Content-Type"], "application/pdf")
        self.assertTrue(response.content.startswith(b"%PDF"))
        self.authenticate("cra_consultant", "cra_consultant")
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(url).status_code, 403)


@tagged("post_install", "-at_install")
class TestCraPackParts(CraCommon):
    """What names, tables and mails are made of."""

    def test_names_are_safe_on_every_system(self):
        for text, name in (
            ("CRA/2026/0001", "CRA-2026-0001"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\\b\nc", "a-b-c"),
            ("CON", "CON-"),
            ("Été.", "Été"),
            ("  ", "report"),
            (False, "report"),
            ("x" * 300, "x" * 80),
        ):
            self.assertEqual(safe_name(text), name)

    def test_links_lose_what_opens_them(self):
        for text, shown in (
            ("https://a.b/my/cra/5?approval=s&x=1", "https://a.b/my/cra/5"),
            ('<a href="/my/cra/5?access_token=s">x</a>', '<a href="/my/cra/5">x</a>'),
            ("https://s.b/?url=https%3A%2F%2Fa.b%3Fapproval%3Ds", "https://s.b/"),
            ("https://a.b/web#token=s.", "https://a.b/web"),
            ("and/or? Yes = no", "and/or? Yes = no"),
        ):
            self.assertEqual(without_secrets(text), shown)

    def test_tables_hold_no_formulas(self):
        text = make_csv(["A"], [["=1+1"], ["-x"], [-2.5], [False]]).decode("utf-8-sig")
        self.assertEqual(text.split(), ["A", "'=1+1", "'-x", "-2.5", '""'])

    def test_headers_stay_one_line(self):
        content = make_eml(
            "<p>Hi</p>", self.env.cr.now(), subject="a\r\nBcc: x@y.example.com", to=""
        )
        mail = message_from_bytes(content, policy=policy.default)
        self.assertEqual(mail["Subject"], "a Bcc: x@y.example.com")
        self.assertNotIn("Bcc", mail)
