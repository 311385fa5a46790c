import io
from datetime import date, timedelta

from lxml import html
from pypdf import PdfReader

from odoo import Command
from odoo.tests import Form, tagged

from .common import SIGNATURE, CraHttpCommon

#: Monday to Friday of March 2026.
WORKDAYS = [
    day
    for day in (date(2026, 3, 1) + timedelta(days=n) for n in range(31))
    if day.weekday() < 5
]


def read_rows(table):
    """Return the text of each row's cells."""
    return [
        ["".join(cell.itertext()).strip() for cell in row.xpath("./td|./th")]
        for row in table.xpath(".//tr")
    ]


@tagged("post_install", "-at_install")
class TestCraPage(CraHttpCommon):
    """What the customer reads, on the page and on paper."""

    def _make_report(self, days=WORKDAYS, **values):
        for day in days:
            self._create_timesheet(day, hours=4, name="Workshop", **values)
        return self._generate()

    def _open(self, link):
        response = self.url_open(link)
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.text)

    # === DAYS === #

    def test_hours_stand_under_their_own_day(self):
        self.policy.time_unit = "day"
        report = self._make_report([date(2026, 3, 4), date(2026, 3, 31)])
        page = self._open(self._get_link(self._send(report)))
        document = html.fromstring(
            self.env["ir.qweb"]._render(
                "sale_timesheet_cra.report_cra_document",
                report.sudo()._get_document_values(),
            )
        )
        for where, table in (
            ("page", page.xpath("//table[contains(@class, 'o_cra_grid')]")[0]),
            ("PDF", document.xpath("//table[contains(@class, 'cra_grid')]")[0]),
        ):
            head, row = read_rows(table)[:2]
            self.assertEqual(len(head), 33, where)
            self.assertEqual(len(row), 33, where)
            worked = {n: text for n, text in enumerate(row[1:-1], 1) if text}
            self.assertEqual(worked, {4: "0.5", 31: "0.5"}, where)
            self.assertEqual(row[-1], "1.00", where)

    def test_the_calendar_starts_with_the_week_of_the_readers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        report = self._make_report([date(2026, 3, 2)])
        self.chloe.lang = "fr_FR"
        page = self._open(self._get_link(self._send(report)))
        calendar = page.xpath("//table[contains(@class, 'o_cra_calendar')]")[0]
        head, first, second = read_rows(calendar)[:3]
        self.assertEqual(head, ["L", "M", "M", "J", "V", "S", "D"])
        self.assertEqual(first, [""] * 6 + ["1"])
        self.assertEqual("".join(second[0].split()), "24")  # the 2nd: 4 hours

    # === LANGUAGE === #

    def test_a_link_opens_the_page_in_its_approvers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        report = self._make_report([date(2026, 3, 2)])
        self.chloe.lang = "fr_FR"
        mail = self._send(report)
        self.assertIn("mars 2026", mail.body_html)
        page = self._open(self._get_link(mail)).text_content()
        self.assertIn("Mars 2026", page)
        self.assertIn("lun. 2 mars", page)
        self.assertIn("4,00", page)

    def test_the_form_that_scripts_draw_is_translated_too(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        answer = self.url_open("/website/translations?lang=fr_FR").json()
        ours = answer["modules"]["sale_timesheet_cra"]
        texts = {message["id"]: message["string"] for message in ours["messages"]}
        self.assertEqual(
            texts["Your order number (optional)"],
            "Votre numéro de commande (facultatif)",
        )

    def test_customers_without_a_language_get_their_half_days(self):
        self.policy.time_unit = "day"
        report = self._make_report([date(2026, 3, 2)])
        (self.acme | self.chloe).lang = False
        page = self._open(self._get_link(self._send(report))).text_content()
        self.assertIn("0.50 days", page)
        self.assertIn("Mon, Mar 2", page)

    # === DEADLINE AND SILENCE === #

    def test_the_page_tells_deadline_and_clause_and_never_calls_silence_signed(self):
        clause = "Article 7: without an answer the report is deemed accepted."
        self.policy.write({"on_deadline": "tacit", "tacit_clause": clause})
        report = self._make_report([date(2026, 3, 2)])
        link = self._get_link(self._send(report))
        page = self._open(link).text_content()
        self.assertIn("answer until", page)
        self.assertIn(clause, page)
        report.sudo()._agree_by_silence()
        self.env.flush_all()
        page = self._open(link)
        text = page.text_content()
        self.assertIn("Agreed by silence", text)
        self.assertIn("no signature", text)
        self.assertIn(clause, text)
        self.assertFalse(page.xpath("//*[@id='cra_answer']"))

    # === PAPER === #

    def _count_pages(self, attachment):
        return len(PdfReader(io.BytesIO(attachment.raw)).pages)

    def test_an_ordinary_month_fits_on_one_page_sent_and_signed(self):
        self.company.partner_id.write({"street": "1 Main Street", "city": "Brussels"})
        report = self._make_report()
        self.assertEqual(len(report.line_ids), 22)
        self._send(report)
        self._agree(report)
        cron = self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")
        cron.method_direct_trigger()
        report = report.sudo()
        self.assertEqual(self._count_pages(report.document_id), 1)
        self.assertEqual(self._count_pages(report.signed_document_id), 1)

    # === LINKS THAT ONLY SHOW === #

    def test_the_link_of_a_report_for_information_shows_it(self):
        self.policy.write({"approval_mode": "none", "invoice_gate": "none"})
        report = self._make_report([date(2026, 3, 2)])
        page = self._open(self._get_link(self._send(report)))
        self.assertIn("For information", page.text_content())
        self.assertFalse(page.xpath("//*[@id='cra_answer']"))

    def test_a_link_goes_on_showing_after_somebody_else_has_answered(self):
        carl = self.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        self.project.cra_approver_ids = [Command.set((self.chloe | carl).ids)]
        report = self._make_report([date(2026, 3, 2)])
        mails = self._send(report)
        of_carl = mails.filtered(lambda mail: mail.recipient_ids == carl)
        of_chloe = report.sudo().approval_ids.filtered(
            lambda approval: approval.partner_id == self.chloe
        )
        of_chloe._approve("Chloe Client", SIGNATURE)
        self.env.flush_all()
        page = self._open(self._get_link(of_carl))
        self.assertIn("Agreed by Chloe Client", " ".join(page.text_content().split()))
        self.assertFalse(page.xpath("//*[@id='cra_answer']"))

    # === INSIDE === #

    def test_everybody_opens_their_reports(self):
        report = self._make_report([date(2026, 3, 2)])
        self._send(report)
        self._agree(report)
        for user in (self.manager, self.consultant, self.accountant, self.env.user):
            mine = self.env["cra.report"].with_user(user).browse(report.id)
            self.assertEqual(Form(mine).approver_ids[:], self.chloe, user.name)
            preview = mine.action_preview()["url"]
            self.assertIn("/my/cra/", preview)
            views = [(False, kind) for kind in ("list", "kanban", "pivot", "search")]
            fields = mine.get_views(views)["models"]["cra.report"]["fields"]
            mine.read([name for name in fields if name in mine._fields])

    def test_managers_choose_consultants_they_may_not_read(self):
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 2), employee=self.bruno)
        self.assertFalse(self.bruno.with_user(self.manager).has_access("read"))
        report = self._generate(employee_ids=[Command.set(self.bruno.ids)])
        self.assertEqual(report.sudo().employee_id, self.bruno)

    def test_what_needs_a_look_comes_first_in_the_wizard(self):
        self.alice.resource_calendar_id = False  # flexible hours: nothing is missing
        self._create_timesheet(date(2026, 3, 2))
        other, _line = self._create_project(
            "Zeus", self.env["res.partner"].create({"name": "Zeus"})
        )
        other.cra_policy_id = self.policy
        self._create_timesheet(date(2026, 3, 2), project=other)
        wizard = (
            self.env["cra.generate"]
            .with_user(self.manager)
            .create({"date_from": date(2026, 3, 1), "date_to": date(2026, 3, 31)})
        )
        self.assertEqual(wizard.line_ids.mapped("state"), ["no_email", "ready"])
