"""Which setting applies: project, else customer, else company.

One rule for CRA policies, annex templates, mail templates, mailboxes and documents.
"""


def resolve(field_name, project, partner, company):
    """Return the value that applies and the record that sets it.

    A value that belongs to another company is ignored, as if it were not set.

    :param str field_name: relational field that project, partner and company share;
        a level that lacks it is passed over
    :param project: ``project.project``, may be empty
    :param partner: ``res.partner``; its commercial entity decides, may be empty
    :param company: ``res.company`` the setting is wanted for
    :return: pair (recordset, source record); two empty values when nothing is set
    """
    customer = partner.commercial_partner_id
    for source in (project, customer, company):
        if not source or field_name not in source._fields:
            continue
        value = source.with_company(company)[field_name]
        if "company_id" in value._fields:
            value = value.filtered(
                lambda v: not v.company_id or v.company_id == company
            )
        if value:
            return value, source
    return None, None
