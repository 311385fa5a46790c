import { registry } from "@web/core/registry";

const inRow = (customer, rest) => `.o_field_widget[name="line_ids"] .o_data_row:contains("${customer}") ${rest}`;

// The accountant selects invoices in their list, presses Send and gets the run's page.
registry.category("web_tour.tours").add("send_run_tour", {
    steps: () => [
        {
            content: "Select all invoices of the list",
            trigger: ".o_list_view .o_data_row:contains('Customer 1')",
        },
        {
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Send them",
            trigger: ".o_control_panel button[name='action_send_and_print']",
            run: "click",
        },
        {
            content: "The run's page has one row per invoice",
            trigger: inRow("Customer 1", ".badge:contains('Ready')"),
        },
        {
            trigger: inRow("Customer 2", ".badge:contains('Blocked')"),
        },
        {
            content: "The blocked row says what stands in its way",
            trigger: inRow("Customer 2", "[data-code='no_email']:contains('has no email address')"),
        },
        {
            trigger: inRow("Customer 3", ".badge:contains('Ready')"),
        },
        {
            content: "Send the rows that nothing blocks",
            trigger: "button[name='action_send']",
            run: "click",
        },
        {
            trigger: inRow("Customer 1", ".badge:contains('Queued')"),
        },
        {
            content: "The blocked row stays behind",
            trigger: inRow("Customer 2", ".badge:contains('Blocked')"),
        },
    ],
});

// After the outbox did its work, the accountant sees what became of each row.
registry.category("web_tour.tours").add("send_run_result_tour", {
    steps: () => [
        {
            trigger: inRow("Customer 1", ".badge:contains('Sent')"),
        },
        {
            trigger: inRow("Customer 3", ".badge:contains('Sent')"),
        },
        {
            trigger: inRow("Customer 2", ".badge:contains('Blocked')"),
        },
        {
            content: "The run is done",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Done')",
        },
    ],
});
