"""Which activity report policy applies, and why, in words."""

from odoo.tools import format_date

from .resolution import resolve


def explain_policy(env, project, partner, company):
    """Return the sentence that project and customer forms show.

    :param env: environment whose language the words are in
    :param project: ``project.project``, empty when a customer is meant
    :param partner: ``res.partner``, the customer; may be empty
    :param company: ``res.company`` whose time is meant
    """
    policy, source = resolve("cra_policy_id", project, partner, company)
    if not policy and project:
        return env._("No activity reports: no policy on project, customer or company.")
    if not policy:
        return env._("No activity reports: no policy on customer or company.")
    values = {
        "policy": policy.name,
        "origin": {
            "project.project": env._("set on this project"),
            "res.partner": env._("from customer %s", partner.commercial_partner_id.name)
            if project
            else env._("set on this customer"),
            "res.company": env._("from company %s", company.name),
        }[source._name],
    }
    if not policy.active:
        return env._(
            "No activity reports: policy %(policy)s, %(origin)s, is archived.", **values
        )
    start = policy._get_start_date(company)
    if not start:
        return env._(
            "No activity reports: policy %(policy)s, %(origin)s, has no start date.",
            **values,
        )
    values["day"] = format_date(env, start, date_format="long")
    if start > company._get_cra_today():
        return env._(
            "Policy %(policy)s, %(origin)s. No activity reports before its start date, "
            "%(day)s.",
            **values,
        )
    return env._("Policy %(policy)s, %(origin)s, in force since %(day)s.", **values)
