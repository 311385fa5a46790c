{
    "name": "Activity Reports, Invoice Annexes and Mass Sending",
    "summary": "Timesheets agreed by the customer, invoices explained and sent",
    "version": "19.0.1.0.0",
    "category": "Services/Timesheets",
    "author": "sale_timesheet_cra contributors",
    "license": "LGPL-3",
    "depends": [
        "sale_timesheet",
        "sale_expense",
        "account_edi_ubl_cii",
        "portal",
    ],
    "data": [
        # Groups, access, rules
        "security/cra_groups.xml",
        "security/ir.model.access.csv",
        "security/cra_rules.xml",
        # Documents
        "reports/lean_templates.xml",
        # Activity reports
        "data/cra_data.xml",
        "data/mail_template_data.xml",
        "reports/cra_report_templates.xml",
        "views/cra_policy_views.xml",
        "views/cra_report_views.xml",
        "views/cra_portal_templates.xml",
        "views/cra_assignment_views.xml",
        "wizards/cra_generate_views.xml",
        # Annexes
        # Sending
        # Last: menus need the actions of all views
        "views/cra_menus.xml",
    ],
    "assets": {
        "web.assets_frontend": [
            "sale_timesheet_cra/static/src/scss/cra_portal.scss",
            "sale_timesheet_cra/static/src/agreement_form/*",
        ],
        "web.assets_tests": [
            "sale_timesheet_cra/static/tests/tours/*.js",
        ],
    },
}
