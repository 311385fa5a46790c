import { registry } from "@web/core/registry";

const inRow = (customer, rest) =>
    `.o_field_widget[name="line_ids"] .o_data_row:contains("${customer}") ${rest}`;
const inForm = (field, rest = "") => `.o_form_view .o_field_widget[name="${field}"] ${rest}`;

// The accountant selects 12 invoices in their list and sends those that can be sent.
registry.category("web_tour.tours").add("send_run_tour", {
    steps: () => [
        {
            content: "Select all invoices of the list",
            trigger: ".o_list_view .o_data_row:contains('Acme')",
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
            trigger: inRow("Acme", ".badge:contains('Ready')"),
        },
        {
            trigger: inRow("Mango", ".badge:contains('Ready')"),
        },
        {
            content: "Two rows are bad and say why; of the third nobody can know yet",
            trigger: inRow("Delta", "[data-code='not_posted']"),
        },
        {
            trigger: inRow("Cobalt", ".badge:contains('Ready')"),
        },
        {
            content: "Mend one of them: its link opens the customer",
            trigger: inRow(
                "Bolt has no email address",
                "[data-code='no_email'] a:contains('Open')"
            ),
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name='email'] input",
            run: "edit bolt@example.com",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".o_form_saved",
        },
        {
            content: "Back on the run the row is free",
            trigger: ".o_breadcrumb a:contains('SEND/')",
            run: "click",
        },
        {
            trigger: inRow("Bolt", ".badge:contains('Ready')"),
        },
        {
            content: "Preview its mail",
            trigger: inRow("Bolt", "button[name='action_preview']"),
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name='recipients']:contains('bolt@example.com')",
        },
        {
            trigger: ".modal .o_field_widget[name='attachment_ids']:contains('.pdf')",
        },
        {
            trigger: ".modal footer button:contains('Close')",
            run: "click",
        },
        {
            content: "Send the rows that nothing blocks",
            trigger: "body:not(:has(.modal)) button[name='action_send']",
            run: "click",
        },
        {
            trigger: inRow("Acme", ".badge:contains('Queued')"),
        },
        {
            content: "The blocked row stays behind",
            trigger: inRow("Delta", ".badge:contains('Blocked')"),
        },
    ],
});

// Halfway the page says how far the run is.
registry.category("web_tour.tours").add("send_run_progress_tour", {
    steps: () => [
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Sending')",
        },
        {
            content: "Four of eleven have left, one failed, six are on their way",
            trigger: inForm("progress", ":contains('36')"),
        },
        {
            trigger: inForm("sent_count", ":contains('4')"),
        },
        {
            trigger: inForm("waiting_count", ":contains('6')"),
        },
        {
            trigger: inRow("Acme", ".badge:contains('Sent')"),
        },
        {
            trigger: inRow("Mango", ".badge:contains('Queued')"),
        },
    ],
});

// One invoice failed, which says why; its customer got another address meanwhile.
registry.category("web_tour.tours").add("send_run_retry_tour", {
    steps: () => [
        {
            trigger: inRow("Cobalt", ".badge:contains('Failed')"),
        },
        {
            trigger: inRow("Cobalt", "[data-code='failed']:contains('No such user here')"),
        },
        {
            content: "Try it once more",
            trigger: inRow("Cobalt", "[data-code='failed'] a:contains('Retry')"),
            run: "click",
        },
        {
            trigger: inRow("Cobalt", ".badge:contains('Queued')"),
        },
    ],
});

// After the outbox did its work, the accountant sees what became of each row.
registry.category("web_tour.tours").add("send_run_result_tour", {
    steps: () => [
        {
            trigger: inRow("Cobalt", ".badge:contains('Sent')"),
        },
        {
            trigger: inRow("Mango", ".badge:contains('Sent')"),
        },
        {
            trigger: inRow("Delta", ".badge:contains('Blocked')"),
        },
        {
            content: "The run is done",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Done')",
        },
    ],
});
