from datetime import date

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import TransactionCase, tagged

from odoo.addons.sale_timesheet_cra.models.annex_text import (
    AnnexTextError,
    check_text,
    render_text,
)
from odoo.addons.sale_timesheet_cra.models.invoice_annex_text import VARIABLES

from .annex_common import AnnexCommon

RENDER_LOGGER = "odoo.addons.sale_timesheet_cra.models.invoice_annex_render"
VALUES = {
    "invoice.number": "INV/1",
    "invoice.date": date(2026, 1, 31),
    "invoice.reference": False,
    "customer.name": "Azur <b>& Fils</b>",
}
#: What sandboxes of templates were left with, and what is too much for a text.
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer.name.__class__ }}",
    "{{ customer['name'] }}",
    "{{ customer }}",
    "{{ customer.name.upper() }}",
    "{{ customer.name|attr('__class__') }}",
    "{{ '%s'|format(customer) }}",
    "{{ '{0.__class__}'.format(customer) }}",
    "{{ customer.name|map('upper')|list }}",
    "{{ ['a']|first }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ namespace.__init__ }}",
    "{{ joiner }}",
    "{{ range(10 ** 9) }}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ -1 }}",
    "{{ {} }}",
    "{{ () }}",
    "{{ 1 is defined }}",
    "{{ invoice.date.today() }}",
    "{{ invoice.date|date(customer.name) }}",
    "{{ customer.name|default(foo) }}",
    "{{ customer.name|upper(1) }}",
    "{% for letter in customer.name %}{{ letter }}{% endfor %}",
    "{% set customer = 1 %}",
    "{% set x %}{% endset %}",
    "{% macro x() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% block x %}{% endblock %}",
    "{% extends 'x' %}",
    "{% include 'x' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import popen %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% if customer.name.__class__ %}{% endif %}",
    "{{ 'a' if foo else 'b' }}",
    "{{ customer.name|map(attribute='__class__')|list }}",
    "{{ customer.name|selectattr('__class__')|list }}",
    "{{ [customer]|join(attribute='__init__') }}",
    "{{ customer.name|replace('a', 'b' * 9) }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 1 + 1 }}",
    "{{ customer.name[:1] }}",
    "{{ customer.name|tojson|safe }}",
    "{{ customer.name|pprint }}",
    "{{ customer.name|wordwrap(1) }}",
    "{{ customer.name is filter('attr') }}",
    "{{ customer.name|default(customer.__class__) }}",
    "{{ customer.__class__|default('x') }}",
    "{{ dict(a=1) }}",
    "{{ g }}{{ request }}{{ config }}{{ env }}{{ object }}",
    "{{ caller() }}{{ varargs }}{{ kwargs }}",
    "{{ super() }}",
    "{{ loop.index }}",
    "{{ invoice.date.__class__.today() }}",
    "{{ invoice.date|date(pattern='y') }}",
    "{{ invoice.date|date(*['y']) }}",
    "{% print(customer.name.__class__) %}",
    "{% trans %}x{% endtrans %}",
    "{% do customer.clear() %}",
    "{% debug %}",
    "{% if customer.name is sameas customer %}{% endif %}",
    "{{ customer.name|" + "upper|" * 500 + "upper }}",
    "{{ customer" + ".name" * 3000 + " }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "not " * 60 + "customer.name }}",
    "{{ " + "not " * 4900 + "customer.name }}",
    "{{ " + " and ".join(["customer.name"] * 900) + " }}",
    "{% if 1 %}" * 60 + "{% endif %}" * 60,
    "x" * 30_000,
]


@tagged("post_install", "-at_install")
class TestAnnexText(TransactionCase):
    def test_variables_dates_filters_and_conditions(self):
        for source, text in (
            ("No. {{ invoice.number }}", "No. INV/1"),
            ("{{ invoice.date }}", "31 janv. 2026"),
            ("{{ invoice.date|date('MMMM y') }}", "janvier 2026"),
            ("{{ customer.name|upper }}", "AZUR <B>& FILS</B>"),
            ("{{ invoice.reference }}", ""),
            ("{{ invoice.reference|default('none', true) }}", "none"),
            ("{% if invoice.reference %}a{% elif customer.name %}b{% endif %}", "b"),
            ("{{ 'a' if invoice.number == 'INV/1' and not 0 else 'b' }}", "a"),
            ("{% raw %}{{ x }}{% endraw %}{# note #}", "{{ x }}"),
            ("a\n{{ invoice.number }}\n", "a\nINV/1\n"),
        ):
            check_text(source, VALUES)
            self.assertEqual(render_text(source, VALUES, "fr_FR"), text)

    def test_whatever_gets_out_of_a_sandbox_is_refused(self):
        for source in ESCAPES:
            with self.subTest(source[:60]):
                self.assertRaises(AnnexTextError, check_text, source, VALUES)
                # A text that came in another way is refused when it is printed.
                self.assertRaises(AnnexTextError, render_text, source, VALUES, "en")

    def test_a_text_that_was_saved_can_be_printed(self):
        for source in (
            "{{ " + "not " * 40 + "customer.name }}",
            "{% if 1 %}" * 40 + "x" + "{% endif %}" * 40,
            "{% if customer.name %}" + "{% elif 1 %}" * 1000 + "{% endif %}",
            "{{ invoice.date|date('" + "y" * 10_000 + "') }}",
            "{{ customer.name }}" * 1000,
        ):
            check_text(source, VALUES)
            render_text(source, VALUES, "ar")

    def test_a_result_that_is_too_long_is_refused(self):
        values = {"customer.name": "x" * 2000}
        with self.assertRaises(AnnexTextError) as caught:
            render_text("{{ customer.name }}" * 51, values, "en")
        self.assertEqual(caught.exception.args, ("length", "102000", 1))

    def test_the_error_names_the_line(self):
        for source, kind, name, line in (
            ("a\nb {{ nothing }}", "variable", "nothing", 2),
            ("a\n\n{{ customer.name|safe }}", "filter", "safe", 3),
            ("{{ invoice.date|date('bad') }}", "pattern", "bad", 1),
            ("a\n{% for x in customer.name %}{% endfor %}", "element", "For", 2),
        ):
            with self.assertRaises(AnnexTextError) as caught:
                check_text(source, VALUES)
            self.assertEqual(caught.exception.args, (kind, name, line))
        with self.assertRaises(AnnexTextError) as caught:
            check_text("a\nb\n{{ customer.name", VALUES)
        self.assertEqual((caught.exception.kind, caught.exception.line), ("syntax", 3))


@tagged("post_install", "-at_install")
class TestInvoiceAnnexText(AnnexCommon):
    def make_move(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        return self.invoice(self.apollo)

    def test_texts_are_filled_in_and_escaped(self):
        self.customer.name = "Azur <b>& Fils"
        self.template.write(
            {
                "intro": "Dear {{ customer.name }},\nyour {{ project.name }} time of "
                "{{ period.start|date('MMMM y') }}. <i>{{ invoice.untaxed }}</i>",
                "closing": "{% if invoice.reference %}Yes{% else %}No order{% endif %}",
            }
        )
        self.template.section_ids = [
            Command.create({"type": "text", "text": "See {{ invoice.number }}."})
        ]
        move = self.make_move()
        move.ref = False
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        for shown in (
            "Dear Azur <b>& Fils,\n",
            "your Apollo time of January 2026. <i>$ 200.00</i>",
            "No order",
            f"See {move.name}.",
        ):
            self.assertIn(shown, text)

    def test_every_documented_variable_has_a_value(self):
        move = self.make_move()
        [plan] = move.sudo()._plan_annexes()
        values = plan.template.sudo()._get_text_values(plan)
        self.assertEqual(list(values), list(VARIABLES))
        for name, value in values.items():
            self.assertIsInstance(value, (str, bool, date, type(None)), name)
        listed = self.template.variables
        for name in VARIABLES:
            self.assertIn(name, listed)

    def test_a_text_alone_makes_no_annex(self):
        self.customer.annex_template_ids = self.create_template(
            "Words", {"type": "text", "text": "Nothing but words"}
        )
        self.log(self.apollo, 2)
        self.assertFalse(self.invoice(self.apollo).annex_ids)

    def test_wrong_texts_cannot_be_saved_in_any_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        for name, label in (
            ("intro", "Introduction"),
            ("closing", "Closing"),
            ("file_name", "File Name"),
        ):
            template = self.template.copy().with_user(self.users["chief"])
            with self.assertRaisesRegex(ValidationError, f"{label}, line 1: There is"):
                template.write({name: "{{ secret }}"})
        template = self.template.with_user(self.users["chief"])
        with self.assertRaisesRegex(ValidationError, "line 2: Call cannot be used"):
            template.copy().section_ids.write({"text": "a\n{{ range() }}"})
        template.intro = "{{ customer.name }}"
        with self.assertRaisesRegex(ValidationError, "There is no variable client"):
            template.update_field_translations("intro", {"fr_FR": "{{ client.name }}"})
        with self.assertRaises(ValidationError):
            template.with_context(lang="fr_FR").intro = "{{ client.name }}"

    def test_file_names(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.customer.lang = "fr_FR"
        self.customer.name = "Azur/../<Fils>"
        self.template.file_name = "Time {{ invoice.number }}"
        self.template.with_context(
            lang="fr_FR"
        ).file_name = "Temps {{ customer.name }} {{ invoice.date|date('y-MM') }}\n"
        move = self.make_move()
        month = move.invoice_date.strftime("%Y-%m")
        self.assertEqual(move.annex_ids.name, f"Temps Azur-..--Fils- {month}.pdf")

    def test_file_names_are_unique_and_never_the_invoices_own(self):
        self.template.file_name = "{{ invoice.number }}"
        other = self.create_template("Other", file_name="{{ invoice.number|lower }}")
        self.customer.annex_template_ids = self.template | other
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        number = move.name.replace("/", "-")
        self.assertEqual(
            move.annex_ids.mapped("name"),
            [f"{number}.pdf", f"{number.lower()} (2).pdf"],
        )
        self.template.file_name = move._get_invoice_report_filename()[:-4]
        move.action_update_annexes()
        own = move._get_invoice_report_filename()[:-4]
        self.assertEqual(move.annex_ids[0].name, f"{own} (2).pdf")

    def test_a_text_that_fails_stops_neither_posting_nor_other_invoices(self):
        # It compares a text with a number, which is seen only with real values.
        self.template.file_name = "{{ 'a' if invoice.number < 3 else 'b' }}"
        self.template.intro = self.template.file_name
        with self.assertLogs(RENDER_LOGGER, "WARNING"):
            move = self.make_move()
        self.assertIn("Time Detail", move.annex_ids.name)
        hermes = self.create_project(
            "Hermes", annex_template_ids=self.create_template("Fine").ids
        )
        self.log(hermes, 1)
        other = self.invoice(hermes)
        send = self.env["account.move.send"].with_user(self.users["accountant"])
        with self.assertLogs(RENDER_LOGGER, "WARNING"):
            send._generate_and_send_invoices(
                (move | other).with_user(self.users["accountant"]),
                sending_methods=["email"],
                allow_raising=False,
            )
        self.assertTrue(other.is_move_sent)
        self.assertFalse(move.is_move_sent)
        self.assertIn("Time Detail, line 1:", move.message_ids[0].body)
