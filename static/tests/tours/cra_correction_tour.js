import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

// What follows a refusal. Each starts where its person finds it: the activity's report,
// the list of timesheets, the link of a mail.

tours.add("cra_manager_corrects", {
    steps: () => [
        {
            content: "The reason of the refusal is on the report.",
            trigger: ".o_form_view:contains('Two hours too many')",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_correct]",
            run: "click",
        },
        {
            trigger: ".modal:contains('new version') footer .btn-primary",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=state] .o_arrow_button_current:contains('Draft')",
        },
    ],
});

tours.add("cra_manager_mends_timesheet", {
    steps: () => [
        {
            trigger: ".o_data_row:contains('Alice Arnaud') td[name=unit_amount]",
            run: "click",
        },
        {
            trigger: ".o_selected_row .o_field_widget[name=unit_amount] input",
            run: "edit 06:00",
        },
        {
            trigger: ".o_list_button_save",
            run: "click",
        },
        {
            trigger: ".o_list_view:not(:has(.o_selected_row)) .o_data_row td[name=unit_amount]:contains('6:00')",
        },
    ],
});

tours.add("cra_manager_sends_new_version", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button[name=action_refresh]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=line_ids] td[name=unit_amount]:contains('6:00')",
        },
        {
            trigger: ".o_notebook a[name=changes]",
            run: "click",
        },
        {
            content: "The tab says what the customer will see changed.",
            trigger: ".o_cra_differences tfoot:contains('-02:00')",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_send]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=state] .o_arrow_button_current:contains('Sent')",
        },
    ],
});

tours.add("cra_customer_agrees_to_new_version", {
    steps: () => [
        {
            trigger: ".o_cra_page:contains('version 2') .card:contains('6.00 hours')",
        },
        {
            trigger: ".o_cra_differences:contains('8.00'):contains('6.00')",
        },
        {
            trigger: "button[name=cra_approve_open]",
            run: "click",
        },
        {
            trigger: ".modal.show .o_web_sign_name_and_signature input",
            run: "clear",
        },
        {
            trigger: ".modal.show .o_web_sign_name_and_signature input",
            run: "fill Chloe C. Client",
        },
        {
            trigger: ".modal.show canvas.o_web_sign_signature",
            run: "canvasNotEmpty",
        },
        {
            trigger: ".modal.show .o_portal_sign_submit:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_cra_page .cra_receipt:contains('Agreed by Chloe C. Client')",
        },
    ],
});

tours.add("cra_accountant_invoices_new_version", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button[name=action_create_invoices]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=invoice_line_ids] td[name=quantity]:contains('6.00')",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_post]:visible",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=state] .o_arrow_button_current:contains('Posted')",
        },
        {
            content: "The invoice leads back to the report.",
            trigger: ".oe_stat_button[name=action_view_cra_reports]",
            run: "click",
        },
        {
            trigger: ".o_form_view:contains('v2') .oe_stat_button[name=action_view_invoices]",
        },
    ],
});
