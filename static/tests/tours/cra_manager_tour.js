import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

/** The manager generates the reports of March 2026, words one of them, and sends it. */
registry.category("web_tour.tours").add("cra_manager_generates_and_sends", {
    url: "/odoo",
    steps: () => [
        ...stepUtils.goToAppSteps(
            "hr_timesheet.timesheet_menu_root",
            "Open the Timesheets app."
        ),
        {
            trigger: "button[data-menu-xmlid='sale_timesheet_cra.cra_menu_root']",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item[data-menu-xmlid='sale_timesheet_cra.cra_menu_generate']",
            run: "click",
        },
        {
            content: "Choose another month than the one that is proposed.",
            trigger: ".o_list_view button[name=action_choose_period]",
            run: "click",
        },
        {
            content: "Choose the first day.",
            trigger: ".modal .o_field_daterange [data-field=date_from]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_daterange input[data-field=date_from]",
            run: "edit 03/01/2026 && press Tab",
        },
        {
            content: "Choose the last day.",
            trigger: ".modal .o_field_daterange [data-field=date_to]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_daterange input[data-field=date_to]",
            run: "edit 03/31/2026 && press Tab",
        },
        {
            trigger: ".modal button[name=action_show_preflight]",
            run: "click",
        },
        {
            content: "Both consultants are on the preflight list.",
            trigger: ".o_data_row:contains('Bruno Bauer'):contains('Time Missing')",
        },
        {
            content: "What is missing can be looked at, and the list is there afterwards.",
            trigger: ".o_data_row:contains('Alice Arnaud') button:contains('Timesheets')",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains('Internal words')",
        },
        {
            trigger: ".breadcrumb-item a:contains('March 2026')",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains('Alice Arnaud'):contains('Time Missing')",
        },
        {
            trigger: ".o_list_view button[name=action_generate]",
            run: "click",
        },
        {
            content: "Open Alice's draft.",
            trigger: "body:not(:has(.modal)) .o_data_row:contains('Alice Arnaud') td[name=period_label]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=approver_ids]:contains('Chloe Client')",
        },
        {
            content: "Say it in the customer's words.",
            trigger: ".o_field_widget[name=line_ids] td[name=description]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=line_ids] [name=description] input",
            run: "edit Built the launch pad",
        },
        {
            trigger: "button[name=action_send]",
            run: "click",
        },
        {
            content: "It is sent, numbered, and cannot be edited any more.",
            trigger: ".o_field_widget[name=state] .o_arrow_button_current:contains('Sent')",
        },
        {
            trigger: ".o_form_view .oe_title:contains('CRA/')",
        },
        {
            trigger: ".o_form_view:not(:has(button[name=action_send]))",
        },
    ],
});
