import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

/** The manager finds the refusal on the page of the month and opens a new version. */
tours.add("cra_manager_corrects", {
    steps: () => [
        {
            content: "The page of the month tells what blocks it.",
            trigger: ".o_cra_month .o_cra_block[data-block=refused]",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Acme') td[name=period_label]",
            run: "click",
        },
        {
            trigger: ".o_form_view .nav-link[name=lines]",
            run: "click",
        },
        {
            content: "What the customer remarked is there.",
            trigger: ".o_data_row td[name=remark]:contains('Half of it was ours')",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_correct]",
            run: "click",
        },
        {
            trigger: ".modal footer .btn-primary",
            run: "click",
        },
        {
            content: "Version 2 is a draft.",
            trigger: ".o_form_view .o_arrow_button_current[data-value=draft]",
        },
    ],
});

/** The manager looks at the differences, sends the version, and is shown the rest. */
tours.add("cra_manager_sends_version", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button[name=action_refresh]",
            run: "click",
        },
        {
            trigger: ".nav-link[name=changes]",
            run: "click",
        },
        {
            trigger: ".o_cra_differences td:contains('08:00')",
        },
        {
            trigger: ".o_cra_differences td:contains('06:00')",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_send]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_arrow_button_current[data-value=sent]",
        },
    ],
});

/** The customer sees what changed, and agrees. */
tours.add("cra_customer_agrees_to_version", {
    steps: () => [
        {
            trigger: "a[href='#cra_differences']",
        },
        {
            trigger: ".o_cra_differences tr:contains('8.00'):contains('6.00')",
        },
        {
            trigger: "button[name=cra_approve_open]",
            run: "click",
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
            trigger: ".o_cra_page .cra_receipt:contains('Agreed by Chloe Client')",
        },
    ],
});

/** The accountant invoices it, with one click. */
tours.add("cra_accountant_invoices_version", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button[name=action_create_invoices]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=invoice_line_ids]",
        },
    ],
});
