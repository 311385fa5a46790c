from odoo.exceptions import AccessError, MissingError, UserError
from odoo.fields import Domain
from odoo.http import request, route
from odoo.tools import groupby

from odoo.addons.portal.controllers.portal import pager

from .portal_access import SHOWN_STATES, CraPortalAccess

PAGE_SIZE = 80


class CraPortalList(CraPortalAccess):
    """All reports of a customer, and those of one mail, with or without an account."""

    # === HOME === #

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "cra_count" in counters:
            Report = request.env["cra.report"]
            values["cra_count"] = (
                Report.search_count([]) if Report.has_access("read") else 0
            )
        if "cra_to_decide_count" in counters:
            values["cra_to_decide_count"] = len(self._get_own_approvals())
        return values

    # === LIST === #

    @route(
        ["/my/cra", "/my/cra/page/<int:page>"], type="http", auth="public", website=True
    )
    def portal_my_cras(self, page=1, digest=None, **options):
        if digest:
            try:
                approvals_sudo = self._get_approvals(digest)
            except (AccessError, MissingError):
                return self._not_found()
            return self._render_list(self._get_digest_values(approvals_sudo, digest))
        if request.env.user._is_public():
            return request.redirect("/web/login?redirect=/my/cra")
        return self._render_list(self._get_list_values(page, options))

    @route("/my/cra/code", type="http", auth="public", methods=["POST"], website=True)
    def portal_cra_code_for_selected(self, digest=None, **kwargs):
        """Mail the approver a code to answer several reports with."""
        try:
            approvals_sudo = self._get_approvals(digest)
        except (AccessError, MissingError):
            return self._not_found()
        try:
            approvals_sudo._send_code()
        except UserError as error:
            values = (
                self._get_digest_values(approvals_sudo, digest)
                if digest
                else self._get_list_values(1, {})
            )
            return self._render_list({**values, "problem": str(error)})
        return request.redirect(f"/my/cra?digest={digest}" if digest else "/my/cra")

    def _get_approvals(self, digest):
        """Return the approvals a link opens, else those of the logged-in contact.

        :return: sudo records, of one approver
        :raise AccessError: the link is not good, or nothing is to be answered
        """
        if not digest:
            return self._get_own_approvals()
        with self._limit_tries("digest"):
            approvals_sudo = (
                request.env["cra.approval"].sudo()._from_digest_token(digest)
            )
        self._speak_with(approvals_sudo.partner_id)
        # Reports that were withdrawn are nobody's outside.
        approvals_sudo = approvals_sudo.with_context(lang=request.env.lang)
        return approvals_sudo.filtered(lambda a: a.report_id.state != "cancelled")

    def _render_list(self, values):
        values = {
            "page_name": "cra",
            "default_url": "/my/cra",
            "problem": "",
            **values,
            **self._get_selection_values(values["approvals"]),
        }
        return self._render("sale_timesheet_cra.portal_my_cras", values)

    def _get_selection_values(self, approvals_sudo):
        """Return what is needed to agree to several reports at once."""
        awaiting = approvals_sudo.filtered(
            lambda a: a.state == "pending" and a.report_id.state == "sent"
        )
        open_to_reader = awaiting._filter_open_to(request.env.user)
        # Reports that take a login are left out, and the others go first.
        step, text = (open_to_reader or awaiting)._get_identity_step(request.env.user)
        ready = step in ("", "code")
        return {
            "awaiting": set(awaiting.report_id.ids),
            "selectable": open_to_reader.report_id if ready else (),
            "step": step,
            "step_text": text,
            "approver": awaiting.partner_id,
        }

    def _get_digest_values(self, approvals_sudo, digest):
        """Return the list of exactly the reports that one mail was about."""
        reports_sudo = approvals_sudo.report_id
        return {
            "groups": [("", reports_sudo)] if reports_sudo else [],
            "consultants": reports_sudo._get_consultants_labels(),
            "totals": reports_sudo._get_total_labels(),
            "approvals": approvals_sudo,
            "links": {
                a.report_id.id: a._get_page_url(query={"approval": a._get_token()})
                for a in approvals_sudo
            },
            "query": {"digest": digest},
            "no_breadcrumbs": True,
        }

    def _get_list_values(self, page, options):
        """Return a page of the list of the logged-in person, as its search bar says.

        :param dict options: ``sortby``, ``filterby``, ``groupby``, ``search`` and
            ``search_in`` of the address; unknown ones mean the first
        """
        bars = {
            "searchbar_sortings": self._get_cra_sortings(),
            "searchbar_filters": self._get_cra_filters(),
            "searchbar_groupby": self._get_cra_groupings(),
            "searchbar_inputs": self._get_cra_inputs(),
        }
        chosen = {"search": (options.get("search") or "").replace("\0", "")}
        for name, bar in zip(
            ("sortby", "filterby", "groupby", "search_in"), bars.values(), strict=True
        ):
            chosen[name] = options.get(name)
            if chosen[name] not in bar:
                chosen[name] = next(iter(bar))
        domain = self._get_readable_domain() & Domain(
            bars["searchbar_filters"][chosen["filterby"]]["domain"]
        )
        if chosen["search"]:
            found_in = bars["searchbar_inputs"][chosen["search_in"]]
            domain &= self._get_cra_search_domain(chosen["search"], **found_in)
        grouping = bars["searchbar_groupby"][chosen["groupby"]]
        order = bars["searchbar_sortings"][chosen["sortby"]]["order"]
        if grouping["order"]:
            order = f"{grouping['order']}, {order}"
        # sudo: searches labels of projects the customer may not open; the domain holds
        # the reader's own rules
        Report = request.env["cra.report"].sudo()
        # A search reads many lines: once, not for the pager and the page each.
        found_sudo = Report.search(domain, order=order) if chosen["search"] else None
        total = Report.search_count(domain) if found_sudo is None else len(found_sudo)
        args = {name: value for name, value in chosen.items() if value}
        pages = pager("/my/cra", total, page, step=PAGE_SIZE, url_args=args)
        first = pages["offset"]
        if found_sudo is None:
            reports_sudo = Report.search(
                domain, order=order, limit=PAGE_SIZE, offset=first
            )
        else:
            reports_sudo = Report.browse(found_sudo.ids[first : first + PAGE_SIZE])
        consultants = reports_sudo._get_consultants_labels()
        return {
            **bars,
            **chosen,
            "groups": self._group(reports_sudo, chosen["groupby"], consultants),
            "consultants": consultants,
            "totals": reports_sudo._get_total_labels(),
            "approvals": self._get_own_approvals(reports_sudo),
            "links": {report.id: report.access_url for report in reports_sudo},
            "query": {},
            "pager": pages,
            "total": total,
        }

    def _get_readable_domain(self):
        """Return what the logged-in person may read, as a domain for sudo."""
        Report = request.env["cra.report"]
        if not Report.has_access("read"):
            return Domain.FALSE
        rules = request.env["ir.rule"]._compute_domain(Report._name, "read")
        return Domain("state", "in", SHOWN_STATES) & Domain(rules)

    def _get_cra_search_domain(self, text, fields, line_fields, **_more):
        """Return the reports in which a text is found.

        :param list fields: names of fields of reports
        :param list line_fields: of their lines; those of other customers are not even
            looked at
        """
        domain = Domain.OR(Domain(field, "ilike", text) for field in fields)
        if line_fields:
            lines = Domain.OR(Domain(field, "ilike", text) for field in line_fields)
            lines &= Domain("report_id", "any", self._get_readable_domain())
            domain |= Domain("line_ids", "any", lines)
        return domain

    def _get_cra_sortings(self):
        return {
            "date": {"label": self.env._("Newest"), "order": "date_from desc, id desc"},
            "oldest": {"label": self.env._("Oldest"), "order": "date_from, id"},
            "name": {"label": self.env._("Number"), "order": "name desc, id desc"},
            "project": {"label": self.env._("Project"), "order": "project_id, id desc"},
            "total": {
                "label": self.env._("Total"),
                "order": "total_hours desc, id desc",
            },
        }

    def _get_cra_filters(self):
        pending = self._get_own_domain() & Domain("state", "=", "pending")
        sent = Domain("state", "=", "sent")
        return {
            "all": {
                "label": self.env._("Current versions"),
                "domain": Domain("state", "!=", "superseded"),
            },
            "mine": {
                "label": self.env._("Await my answer"),
                "domain": sent & Domain("approval_ids", "any", pending),
            },
            "sent": {
                "label": self.env._("Await an answer"),
                "domain": sent & Domain("approval_mode", "!=", "none"),
            },
            "approved": {
                "label": self.env._("Agreed"),
                "domain": Domain("state", "=", "approved"),
            },
            "refused": {
                "label": self.env._("Refused"),
                "domain": Domain("state", "=", "refused"),
            },
            "versions": {"label": self.env._("All versions"), "domain": Domain.TRUE},
        }

    def _get_cra_groupings(self):
        return {
            "none": {"label": self.env._("None"), "order": ""},
            "period": {
                "label": self.env._("Period"),
                "order": "date_from desc, date_to desc",
            },
            "project": {"label": self.env._("Project"), "order": "project_id"},
            "consultant": {"label": self.env._("Consultant"), "order": "employee_id"},
            "state": {"label": self.env._("State"), "order": "state"},
        }

    def _get_cra_inputs(self):
        work = ["task_label", "description"]
        inputs = {
            "name": (self.env._("Search in Number"), ["name"], []),
            "project": (self.env._("Search in Project"), ["project_id.name"], []),
            "consultant": (
                self.env._("Search in Consultant"),
                [],
                ["employee_label"],
            ),
            "reference": (
                self.env._("Search in Order Number"),
                ["customer_reference"],
                [],
            ),
            "work": (self.env._("Search in Work"), [], work),
        }
        everywhere = (
            self.env._("Search in All"),
            ["name", "project_id.name", "customer_reference"],
            ["employee_label", *work],
        )
        return {
            name: {
                "input": name,
                "label": label,
                "fields": fields,
                "line_fields": line_fields,
            }
            for name, (label, fields, line_fields) in {
                "all": everywhere,
                **inputs,
            }.items()
        }

    def _group(self, reports_sudo, grouping, consultants):
        """Return pairs of label and reports; the order was the database's."""
        if not reports_sudo:
            return []
        states = dict(reports_sudo._fields["state"]._description_selection(request.env))
        labels = {
            "none": lambda report: "",
            "period": lambda report: report._get_period_title(),
            "project": lambda report: report.project_id.name,
            "consultant": lambda report: consultants[report.id],
            "state": lambda report: states[report.state],
        }
        return [
            (label, reports_sudo.browse(report.id for report in group))
            for label, group in groupby(reports_sudo, labels[grouping])
        ]
