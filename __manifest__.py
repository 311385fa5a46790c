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
        "security/invoice_annex_rules.xml",
        # Documents
        "reports/lean_templates.xml",
        # Activity reports
        "data/cra_data.xml",
        "data/ir_cron_cra_month_end.xml",
        "data/mail_template_data.xml",
        "reports/cra_report_templates.xml",
        "views/cra_policy_views.xml",
        "views/cra_report_views.xml",
        "views/cra_portal_templates.xml",
        "views/cra_assignment_views.xml",
        "wizards/cra_generate_views.xml",
        "wizards/cra_send_back_views.xml",
        # Annexes
        "reports/invoice_annex_templates.xml",
        "views/invoice_annex_template_views.xml",
        "views/invoice_annex_assignment_views.xml",
        "views/account_move_annex_views.xml",
        # Sending
        "data/ir_cron_send_lines.xml",
        "views/invoice_send_run_views.xml",
        "views/account_move_views.xml",
        "views/sending_assignment_views.xml",
        # Last: menus need the actions of all views
        "views/cra_menus.xml",
    ],
    "demo": [
        "demo/cra_demo.xml",
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
